//! Somebody at an end of a connection: a client or an origin, as a task of the test plays it.

use std::io::{self, ErrorKind};

use super::Message;
use crate::io::memory::End;
use crate::rt::clock::Millis;
use crate::rt::turns::Turns;

/// What is read at once.
const READ_BYTES: usize = 16 * 1024;

/// A client or an origin.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) end: End,
    turns: Turns,
    /// What came and was not taken yet.
    pub(crate) unread: Vec<u8>,
    /// Whole messages that it has taken.
    pub(crate) served: usize,
}

/// What came instead of a message, or the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Whole(Message),
    /// The connection ended within it: what had come, and whether by a reset.
    Cut(Vec<u8>, Ended),
}

impl Received {
    /// The message, or how the connection ended after what.
    fn whole(self) -> Result<Message, (Ended, String)> {
        match self {
            Self::Whole(message) => Ok(message),
            Self::Cut(bytes, ended) => Err((ended, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Orderly,
    Reset,
}

impl Party {
    pub(crate) fn new(end: End, turns: Turns) -> Self {
        Self {
            end,
            turns,
            unread: Vec::new(),
            served: 0,
        }
    }

    pub(crate) fn now_ms(&self) -> Millis {
        self.turns.now_ms()
    }

    /// Does nothing for so many milliseconds.
    pub(crate) async fn rest(&self, time_ms: Millis) {
        self.turns.sleep_until(self.now_ms() + time_ms).await;
    }

    /// Sends all of it.
    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let mut left = bytes.as_ref();
        while !left.is_empty() {
            match self.end.try_send(left) {
                Ok(count) => left = &left[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.end.writable().await,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for more bytes.
    pub(crate) async fn read(&mut self) -> Result<(), Ended> {
        loop {
            self.unread.reserve_exact(READ_BYTES);
            match self.end.try_recv(&mut self.unread) {
                Ok(0) => return Err(Ended::Orderly),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.end.readable().await,
                Err(_) => return Err(Ended::Reset),
            }
        }
    }

    /// The next message, interim responses left out.
    pub(crate) async fn message(&mut self) -> Received {
        loop {
            match Message::parse(&self.unread) {
                Some((message, length)) => {
                    self.unread.drain(..length);
                    if !message.line.starts_with("HTTP/1.1 1") {
                        self.served += 1;
                        return Received::Whole(message);
                    }
                }
                None => {
                    if let Err(ended) = self.read().await {
                        return self.rest_of_message(ended);
                    }
                }
            }
        }
    }

    /// The next message, which must come.
    pub(crate) async fn whole(&mut self) -> Message {
        let received = self.message().await;
        received.whole().expect("a whole message comes")
    }

    /// Everything until the connection ends.
    pub(crate) async fn read_to_end(&mut self) -> (Vec<u8>, Ended) {
        loop {
            if let Err(ended) = self.read().await {
                return (std::mem::take(&mut self.unread), ended);
            }
        }
    }

    fn rest_of_message(&mut self, ended: Ended) -> Received {
        let bytes = std::mem::take(&mut self.unread);
        match Message::parse_to_end(&bytes) {
            Some(message) if ended == Ended::Orderly => Received::Whole(message),
            _ => Received::Cut(bytes, ended),
        }
    }
}
