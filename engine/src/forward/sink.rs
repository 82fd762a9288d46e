//! Where a message goes: a connection, or memory.
//!
//! A head waits in `out` for the first bytes of its body, so that a small message leaves in one
//! send. Small pieces that are there together leave together; large ones are never copied.

use std::io::{self, IoSlice};

use corelane_codec::encode::{CHUNK_END, encode_chunk_size, encode_last_chunk};
use corelane_codec::{BodyLength, Fields};

use super::pace::Pace;
use crate::error::{Error, Kind};
use crate::io::buffers::{BufferPool, SMALL};
use crate::io::deadline::Waiter;
use crate::io::pipes::Pipe;
use crate::io::ring::Ring;
use crate::io::stream::Stream;
use crate::rt::clock::Millis;

/// Pieces up to this size are gathered in `out` while more is at hand.
const GATHER_BYTES: usize = 4 * 1024;
/// `out` is sent when it has grown to this size: before it would outgrow the buffer that it has.
const GATHERED_MOST: usize = SMALL - GATHER_BYTES - 1024;

/// A message that is being written.
#[derive(Debug)]
pub(crate) enum Sink<'a> {
    Wire(WireSink<'a>),
    /// The body is kept, up to a number of bytes.
    Memory {
        body: &'a mut Vec<u8>,
        most: usize,
    },
}

/// A message on its way out on an HTTP/1 connection.
#[derive(Debug)]
pub(crate) struct WireSink<'a> {
    stream: &'a Stream,
    /// Head and framing bytes that have not been sent. Owns no memory while there are none: one
    /// buffer that is hot serves all exchanges that do not wait.
    out: Vec<u8>,
    pool: &'a BufferPool,
    ring: &'a Ring,
    /// How the body is framed.
    pub(crate) framing: BodyLength,
    waiter: Waiter<'a>,
    pace: Pace,
    /// What a dead peer is called.
    gone: Kind,
    /// Bytes sent so far, heads included.
    pub(crate) sent: u64,
    /// Bytes of the body that were sent or wait in `out`, without their framing.
    body: u64,
}

impl Sink<'_> {
    /// Bytes of the body that have left, without their framing.
    pub(crate) fn body_sent(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.body.saturating_sub(wire.out.len() as u64),
            Self::Memory { body, .. } => body.len() as u64,
        }
    }

    /// Writes a piece of the body; with `more` at hand small pieces may wait for it.
    pub(crate) async fn write(&mut self, data: &[u8], more: bool) -> Result<(), Error> {
        match self {
            Self::Wire(wire) => wire.write(data, more).await,
            Self::Memory { body, most } => {
                if body.len() + data.len() > *most {
                    return Err(Kind::AnswerTooLarge.into());
                }
                body.extend_from_slice(data);
                Ok(())
            }
        }
    }

    /// Sends what waits.
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        match self {
            Self::Wire(wire) => wire.flush().await,
            Self::Memory { .. } => Ok(()),
        }
    }

    /// Sets when the exchange as a whole must be over.
    pub(crate) fn set_total(&mut self, deadline: Millis) {
        if let Self::Wire(wire) = self {
            wire.pace.set_total(deadline);
        }
    }

    /// Ends the body.
    pub(crate) async fn finish(&mut self, trailers: Option<&Fields>) -> Result<(), Error> {
        match self {
            Self::Wire(wire) => wire.finish(trailers).await,
            Self::Memory { .. } => Ok(()),
        }
    }
}

impl<'a> WireSink<'a> {
    /// A message to `stream` that is not empty so far as its framing goes; `gone` is what a dead peer
    /// is called.
    pub(crate) fn new(
        stream: &'a Stream,
        (pool, ring): (&'a BufferPool, &'a Ring),
        waiter: Waiter<'a>,
        pace: Pace,
        gone: Kind,
    ) -> Self {
        Self {
            stream,
            out: Vec::new(),
            pool,
            ring,
            framing: BodyLength::Empty,
            waiter,
            pace,
            gone,
            sent: 0,
            body: 0,
        }
    }

    /// Where heads are written; they leave with the first bytes of the body, or when flushed.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        self.pool.lend(&mut self.out);
        &mut self.out
    }

    /// Takes back what has not begun to leave.
    pub(crate) fn take_back(&mut self) {
        self.out.clear();
        self.body = 0;
    }

    async fn write(&mut self, data: &[u8], more: bool) -> Result<(), Error> {
        let chunked = self.framing == BodyLength::Chunked;
        self.body += data.len() as u64;
        if chunked {
            encode_chunk_size(self.out(), data.len());
        }
        if data.len() <= GATHER_BYTES {
            self.out().extend_from_slice(data);
            if chunked {
                self.out.extend_from_slice(CHUNK_END);
            }
            if more && self.out.len() < GATHERED_MOST {
                return Ok(());
            }
            return self.flush().await;
        }
        let tail: &[u8] = if chunked { CHUNK_END } else { b"" };
        self.send([data, tail], false).await
    }

    pub(super) fn stream(&self) -> &Stream {
        self.stream
    }

    /// Sends what waits and then what is in `pipe`, data of a body that needs no framing.
    pub(super) async fn drain(&mut self, pipe: &mut Pipe<'_>) -> Result<(), Error> {
        let head = !self.out.is_empty();
        self.body += pipe.held() as u64;
        if head && let Err(error) = self.send([b"", b""], true).await {
            return Err(self.cut(pipe.held(), error));
        }
        while pipe.held() > 0 {
            match self.stream.try_drain(pipe) {
                Ok(count) => {
                    self.sent += count as u64;
                    self.pace.moved(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.wait().await {
                        return Err(self.cut(pipe.held(), error));
                    }
                }
                Err(_) => return Err(self.cut(pipe.held(), self.gone.into())),
            }
        }
        Ok(())
    }

    async fn finish(&mut self, trailers: Option<&Fields>) -> Result<(), Error> {
        if self.framing == BodyLength::Chunked {
            match trailers {
                Some(trailers) => encode_last_chunk(self.out(), trailers),
                None => self.out().extend_from_slice(b"0\r\n\r\n"),
            }
        }
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        self.send([b"", b""], false).await
    }

    /// Sends `out` and then `pieces`, all of it; with `more` to be sent behind that without a wait.
    async fn send(&mut self, pieces: [&[u8]; 2], more: bool) -> Result<(), Error> {
        let total = self.out.len() + pieces[0].len() + pieces[1].len();
        let mut done = 0;
        while done < total {
            let result = if done == 0 && total == self.out.len() && !more {
                let out = &mut self.out;
                self.ring.send(self.stream, out, &mut self.sent).await
            } else {
                let left = remaining([&self.out, pieces[0], pieces[1]], done);
                let result = self.stream.try_send_vectored(&left, more);
                self.sent += result.as_ref().map_or(0, |&count| count as u64);
                result
            };
            match result {
                Ok(count) => {
                    done += count;
                    self.pace.moved(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.wait().await {
                        return Err(self.cut(total - done, error));
                    }
                }
                Err(_) => return Err(self.cut(total - done, self.gone.into())),
            }
        }
        self.pool.take_back(std::mem::take(&mut self.out));
        Ok(())
    }

    /// Takes what has not left out of the account again. Framing between its pieces counts as if it
    /// were body there.
    fn cut(&mut self, unsent: usize, error: Error) -> Error {
        self.out.clear();
        self.body = self.body.saturating_sub(unsent as u64);
        error
    }

    /// Waits for room. The kernel calls a socket writable when a third of its buffer is free, which a
    /// slow but steady reader may not get done in time: what it has taken meanwhile counts.
    async fn wait(&mut self) -> Result<(), Error> {
        loop {
            let before = self.stream.unacknowledged();
            match self.pace.wait(self.waiter, self.stream.writable()).await {
                // A failed poll is readiness: the send that follows has the error.
                Ok(_shown_by_the_send) => return Ok(()),
                Err(error) if self.pace.is_verdict(error) => {
                    let taken = before.saturating_sub(self.stream.unacknowledged());
                    if !self.pace.pardon(taken) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is left of three pieces after `done` bytes of them.
fn remaining<'a>(pieces: [&'a [u8]; 3], mut done: usize) -> [IoSlice<'a>; 3] {
    pieces.map(|piece| {
        let skip = done.min(piece.len());
        done -= skip;
        IoSlice::new(&piece[skip..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_writes_resume_at_the_right_byte() {
        let pieces: [&[u8]; 3] = [b"head", b"data", b"\r\n"];
        let whole: Vec<u8> = pieces.concat();
        for done in 0..=whole.len() {
            let left: Vec<u8> = remaining(pieces, done)
                .iter()
                .flat_map(|s| s.to_vec())
                .collect();
            assert_eq!(left, whole[done..], "after {done} bytes");
        }
    }
}
