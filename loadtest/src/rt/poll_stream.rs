//! A stream that is read and written at once, as HTTP/2 wants it, with TLS or without. Entered by the
//! `h2` crate through tokio's traits, which are all of tokio that is here. Readiness comes from monoio,
//! and bytes move by calls that are over when they return, so that any of these futures may be dropped.
//!
//! h2 flushes after each large frame. Here that does nothing: what has gathered leaves when whoever polls
//! the connection is about to wait (`Flusher`), many frames in one call.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use monoio::io::IntoPollIo;
use monoio::net::TcpStream;
use monoio::net::tcp::stream_poll::TcpStreamPoll;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls::{Session, broken};

/// What is read from the socket at once.
const ARRIVED_BYTES: usize = 64 * 1024;
/// What may wait to be written until more is taken.
const LEAVING_BYTES: usize = 64 * 1024;

/// A stream over a socket; `G` is dropped just before the socket is closed.
#[derive(Debug)]
pub(crate) struct PollStream<G>(Rc<RefCell<Wire<G>>>);

/// Sends what a stream has gathered.
#[derive(Debug)]
pub(crate) struct Flusher<G>(Rc<RefCell<Wire<G>>>);

#[derive(Debug)]
struct Wire<G> {
    _guard: G,
    socket: TcpStreamPoll,
    session: Option<Box<Session>>,
    arrived: Arrived,
    leaving: Leaving,
}

/// A stream that can become one of these.
pub(crate) trait Pollable {
    /// What is to be dropped just before the socket is closed.
    type Guard;

    /// Makes it, as `PollStream::new` does.
    ///
    /// # Errors
    /// As there.
    fn into_poll(
        self,
        session: Option<Session>,
        early: &[u8],
    ) -> io::Result<PollStream<Self::Guard>>;
}

impl Pollable for TcpStream {
    type Guard = ();

    fn into_poll(self, session: Option<Session>, early: &[u8]) -> io::Result<PollStream<()>> {
        PollStream::new((self, ()), session, early)
    }
}

impl<G> PollStream<G> {
    /// Takes over a stream on which `early` has come and not been read: ciphertext if there is a
    /// session, whose handshake is over, and plaintext otherwise.
    ///
    /// # Errors
    /// When the kernel cannot tell when the socket is ready.
    pub(crate) fn new(
        (socket, guard): (TcpStream, G),
        session: Option<Session>,
        early: &[u8],
    ) -> io::Result<Self> {
        Ok(Self(Rc::new(RefCell::new(Wire {
            _guard: guard,
            socket: socket.into_poll_io()?,
            session: session.map(Box::new),
            arrived: Arrived::new(early),
            leaving: Leaving::default(),
        }))))
    }

    /// What must be asked whenever a poll of this stream's connection has come to nothing.
    pub(crate) fn flusher(&self) -> Flusher<G> {
        Flusher(Rc::clone(&self.0))
    }
}

impl<G> Flusher<G> {
    /// Passes on what a poll came to, and sends what has gathered if it is to wait.
    pub(crate) fn settle<T>(&self, polled: Poll<T>, context: &mut Context<'_>) -> Poll<T> {
        if polled.is_pending() {
            let wire = &mut *self.0.borrow_mut();
            // A socket that cannot be written tells those who read it, too.
            drop(wire.leaving.poll_drain(&mut wire.socket, context));
        }
        polled
    }
}

impl<G> Wire<G> {
    /// Plaintext that has come; waits for it if there is none. Empty at the end of the stream.
    fn poll_plaintext(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let Some(session) = &mut self.session else {
            if self.arrived.unread().is_empty() {
                ready!(self.arrived.poll_fill(&mut self.socket, context))?;
            }
            return Poll::Ready(Ok(self.arrived.unread()));
        };
        while session.plaintext().is_empty() && !session.is_closed() {
            if self.arrived.unread().is_empty()
                && ready!(self.arrived.poll_fill(&mut self.socket, context))? == 0
            {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            let decrypted = session.decrypt(self.arrived.unread());
            // What the session answers by itself leaves with what is said next, or with the flusher.
            session.take_output(&mut self.leaving.bytes);
            self.arrived.advance(decrypted.map_err(broken)?);
        }
        Poll::Ready(Ok(session.plaintext()))
    }

    fn consume(&mut self, count: usize) {
        match &mut self.session {
            Some(session) => session.consume(count),
            None => self.arrived.advance(count),
        }
    }
}

impl<G> AsyncRead for PollStream<G> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.0.borrow_mut();
        let bytes = ready!(wire.poll_plaintext(context))?;
        let count = bytes.len().min(out.remaining());
        out.put_slice(&bytes[..count]);
        wire.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl<G> AsyncWrite for PollStream<G> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = &mut *self.0.borrow_mut();
        if wire.leaving.bytes.len() >= LEAVING_BYTES {
            ready!(wire.leaving.poll_drain(&mut wire.socket, context))?;
        }
        let taken = &bytes[..bytes.len().min(LEAVING_BYTES)];
        match &mut wire.session {
            Some(session) => session.encrypt(taken, &mut wire.leaving.bytes),
            None => wire.leaving.bytes.extend_from_slice(taken),
        }
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self.0.borrow_mut();
        if let Some(session) = &mut wire.session {
            session.close(&mut wire.leaving.bytes);
        }
        ready!(wire.leaving.poll_drain(&mut wire.socket, context))?;
        match ready!(Pin::new(&mut wire.socket).poll_shutdown(context)) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

/// Bytes that have come and not been read.
#[derive(Debug)]
struct Arrived {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Arrived {
    fn new(early: &[u8]) -> Self {
        let mut bytes = early.to_vec();
        bytes.resize(early.len().max(ARRIVED_BYTES), 0);
        Self {
            bytes,
            start: 0,
            end: early.len(),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads anew, when nothing is unread; says how many bytes came.
    fn poll_fill(
        &mut self,
        socket: &mut TcpStreamPoll,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(&mut self.bytes);
        ready!(Pin::new(socket).poll_read(context, &mut room))?;
        (self.start, self.end) = (0, room.filled().len());
        Poll::Ready(Ok(self.end))
    }
}

/// Bytes on their way out.
#[derive(Debug, Default)]
struct Leaving {
    bytes: Vec<u8>,
    /// How many of them have left.
    gone: usize,
}

impl Leaving {
    /// Writes until nothing is left.
    fn poll_drain(
        &mut self,
        socket: &mut TcpStreamPoll,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.gone < self.bytes.len() {
            let rest = &self.bytes[self.gone..];
            match ready!(Pin::new(&mut *socket).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.gone += count,
            }
        }
        self.bytes.clear();
        self.gone = 0;
        Poll::Ready(Ok(()))
    }
}
