//! One HTTP/1.1 client connection: opens it, sends a request, reads the reply to its end. Entered by
//! the loop; it keeps no numbers and decides nothing about when or whether to go on.

use std::io;
use std::rc::Rc;
use std::time::Instant;

use monoio::net::TcpStream;

use super::plan::Plan;
use crate::rt::Input;
use crate::rt::watch::{Cut, Entry, WatchedStream};
use crate::wire::Malformed;
use crate::wire::body::Body;
use crate::wire::reply::ReplyHead;

/// A connection and the buffers that go back and forth with it.
#[derive(Debug)]
pub(super) struct Client {
    stream: WatchedStream,
    entry: Rc<Entry>,
    request: Vec<u8>,
    input: Input,
}

/// A complete reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The final status code.
    pub(super) status: u16,
    /// Bytes received for this request, heads included.
    pub(super) bytes: u64,
    /// Whether the connection may be used again.
    pub(super) keep_alive: bool,
}

/// Why there was no complete reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection.
    Connect(io::Error),
    /// The reply did not come in time.
    Timeout,
    /// The run ended first, which is nobody's fault.
    Stopped,
    /// The peer ended the connection before its reply.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// The reply was not HTTP/1.1, or its body was cut short.
    Malformed(Malformed),
    /// Any other error of the socket.
    Io(io::Error),
}

impl Client {
    /// Opens a connection; gives up at `deadline`.
    #[expect(
        clippy::disallowed_methods,
        reason = "a connect that is dropped has no bytes to lose and closes its own socket"
    )]
    pub(super) async fn connect(
        plan: &Plan,
        entry: &Rc<Entry>,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        let connecting = TcpStream::connect_addr(plan.target.address);
        let stream = match monoio::time::timeout(left, connecting).await {
            Ok(connected) => connected.map_err(Failure::Connect)?,
            Err(_) => return Err(Failure::Timeout),
        };
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        Ok(Self {
            stream: entry.guard(stream),
            entry: Rc::clone(entry),
            request: plan.target.request(),
            input: Input::new(),
        })
    }

    /// Sends the request and reads the whole reply.
    pub(super) async fn exchange(&mut self) -> Result<Reply, Failure> {
        let before = self.input.received();
        let request = std::mem::take(&mut self.request);
        let (sent, request) = self.stream.send(request).await;
        self.request = request;
        sent.map_err(|error| self.blame(error))?;
        let mut head = self.head().await?;
        self.skip(&mut head.body).await?;
        if !self.input.unread().is_empty() {
            return Err(Failure::Malformed(Malformed::Surplus));
        }
        Ok(Reply {
            status: head.status,
            bytes: self.input.received() - before,
            keep_alive: head.keep_alive,
        })
    }

    /// The final head, interim ones passed over.
    async fn head(&mut self) -> Result<ReplyHead, Failure> {
        loop {
            match ReplyHead::parse(self.input.unread()).map_err(Failure::Malformed)? {
                Some((head, len)) => {
                    self.input.advance(len);
                    if !head.is_interim() {
                        return Ok(head);
                    }
                }
                None if self.input.is_full() => {
                    return Err(Failure::Malformed(Malformed::HeadTooLarge));
                }
                None if self.receive().await? == 0 => {
                    return Err(match self.input.unread() {
                        [] => Failure::Closed,
                        _ => Failure::Malformed(Malformed::Truncated),
                    });
                }
                None => {}
            }
        }
    }

    async fn skip(&mut self, body: &mut Body) -> Result<(), Failure> {
        loop {
            let unread = self.input.unread();
            let used = body.consume(unread).map_err(Failure::Malformed)?;
            self.input.advance(used);
            if body.is_done() {
                return Ok(());
            }
            if self.receive().await? == 0 {
                return body.end().map_err(Failure::Malformed);
            }
        }
    }

    /// Waits for more bytes; 0 is the peer's end of the stream.
    async fn receive(&mut self) -> Result<usize, Failure> {
        let count = match self.stream.receive(&mut self.input).await {
            Ok(count) => count,
            Err(error) => return Err(self.blame(error)),
        };
        match (count, self.entry.was_cut()) {
            (0, Some(cut)) => Err(cut.into()),
            _ => Ok(count),
        }
    }

    /// What a socket's error means: our own cut looks like one, too.
    fn blame(&self, error: io::Error) -> Failure {
        match self.entry.was_cut() {
            Some(cut) => cut.into(),
            None => match error.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure::Reset,
                _ => Failure::Io(error),
            },
        }
    }
}

impl From<Cut> for Failure {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Timeout => Self::Timeout,
            Cut::Stop => Self::Stopped,
        }
    }
}
