//! A connected byte stream: a socket, or in a simulation one end of an in-memory pipe.
//!
//! All operations take `&self`, so that both directions can be driven at the same time by one task.
//! `try_*` never wait: they answer `WouldBlock`, and `readable` or `writable` say when to come again.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::io::deadline::Interrupted;
use crate::io::pipes::Pipe;
use crate::io::ring::{Ring, Want};
use crate::io::{Incoming, Transport};

/// One connected byte stream.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: Transport,
    watch: WatchState,
}

/// Who connects to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address<'a> {
    Tcp(SocketAddr),
    Unix(&'a Path),
}

impl Stream {
    /// A stream of what carries its bytes.
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            watch: WatchState::default(),
        }
    }

    /// Takes an accepted connection over into this worker's event loop.
    ///
    /// # Errors
    /// When the event loop refuses it (epoll: no memory for another registration).
    pub(crate) fn accepted(connection: Incoming, ring: &Rc<Ring>) -> io::Result<Self> {
        Ok(Self::new(Transport::accepted(connection, ring)?))
    }

    /// The kernel's number for it, where the kernel knows it.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.transport.descriptor()
    }

    /// Appends what is there to `buffer`, up to its capacity. `Ok(0)` is the end of the stream.
    pub(crate) fn try_recv(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.transport.try_recv(buffer)
    }

    /// Sends what fits.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.try_send(bytes)
    }

    /// Sends what fits of several pieces, in one system call; with `more` to be sent at
    /// once the kernel keeps a part of a packet back for it.
    pub(crate) fn try_send_vectored(
        &self,
        pieces: &[IoSlice<'_>],
        more: bool,
    ) -> io::Result<usize> {
        self.transport.try_send_vectored(pieces, more)
    }

    /// Whether its bytes may go through a pipe.
    pub(crate) fn takes_pipes(&self) -> bool {
        self.descriptor().is_some()
    }

    /// Moves up to `most` bytes of what is there into `pipe`; 0 is the end of the stream. `None` when
    /// `try_recv` must be asked.
    pub(crate) fn try_fill(&self, pipe: &mut Pipe<'_>, most: usize) -> io::Result<Option<usize>> {
        self.transport.try_fill(pipe, most)
    }

    /// Sends what fits of the bytes in `pipe`.
    pub(crate) fn try_drain(&self, pipe: &mut Pipe<'_>) -> io::Result<usize> {
        self.transport.try_drain(pipe)
    }

    /// What is there, without taking it: `Ok(0)` is the end of the stream, an error a dead one.
    pub(crate) fn peek(&self) -> io::Result<usize> {
        self.transport.peek()
    }

    /// Resolves when there is something to read, an end or an error. Harmless to drop.
    pub(crate) fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.transport.readable(Want::Bytes)
    }

    /// The same, and what has come is left to the kernel.
    pub(crate) fn news(&self) -> impl Future<Output = io::Result<()>> {
        self.transport.readable(Want::News)
    }

    /// Resolves when there is room to write, or an error. Harmless to drop.
    pub(crate) fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.transport.writable()
    }

    /// Whether something is known to be there: bytes, an end or an error.
    pub(crate) fn has_arrived(&self) -> bool {
        self.transport.has_arrived()
    }

    /// How many bytes were sent that the peer has not taken: what a slow reader leaves behind.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.transport.unacknowledged()
    }

    /// Sends a FIN: no more bytes will come from this side.
    pub(crate) fn shutdown_write(&self) {
        self.transport.shutdown_write();
    }

    /// Makes the coming close a reset, so that the peer cannot take a cut reply for a whole one.
    pub(crate) fn reset_on_close(&self) {
        self.transport.reset_on_close();
    }
}

/// Why a read or a write ended.
#[derive(Debug)]
pub(crate) enum StreamError {
    Io(io::Error),
    Interrupted(Interrupted),
}

/// Why there is no connection.
pub(crate) type ConnectError = StreamError;

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Interrupted> for StreamError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

/// The readiness of a stream that is watched for as long as the stream lives.
///
/// An idle upstream connection always has one pending: a peer that closes it is noticed before the next
/// request could be sent into the void.
pub(crate) struct Watch {
    /// Where the stream cannot be asked directly: a boxed future that polls, rests and polls again, so
    /// that re-arming it costs no allocation.
    body: Option<Pin<Box<dyn Future<Output = ()>>>>,
    stream: Rc<Stream>,
}

/// What a stream and its watch tell each other; in the stream, because an idle connection pays for
/// every allocation.
#[derive(Debug, Default)]
struct WatchState {
    armed: Cell<bool>,
    fired: Cell<bool>,
}

impl Watch {
    /// Watches `stream`, which has no other watch; the first poll arms it.
    pub(crate) fn new(stream: Rc<Stream>) -> Self {
        stream.watch.armed.set(true);
        Self { body: None, stream }
    }

    /// Ready once the stream is readable (or dead); stays ready until `rearm`. What has come is at hand
    /// then.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(Want::Bytes, cx)
    }

    /// The same, and what has come is left to the kernel.
    pub(crate) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(Want::News, cx)
    }

    fn poll(&mut self, want: Want, cx: &mut Context<'_>) -> Poll<()> {
        if self.stream.watch.fired.get() {
            return Poll::Ready(());
        }
        if self.body.is_none()
            && let Some(poll) = self.stream.transport.poll_readable(want, cx)
        {
            self.stream.watch.fired.set(poll.is_ready());
            return poll;
        }
        let stream = &self.stream;
        let body = self
            .body
            .get_or_insert_with(|| Box::pin(watch(stream.clone())));
        let _never_ready = body.as_mut().poll(cx);
        match self.stream.watch.fired.get() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Starts the next watch, when everything that was there has been read.
    pub(crate) fn rearm(&mut self) {
        if self.stream.watch.fired.replace(false) {
            self.stream.watch.armed.set(true);
        }
    }

    pub(crate) fn has_fired(&self) -> bool {
        self.stream.watch.fired.get() || self.stream.has_arrived()
    }
}

/// The body of a watch: rests until it is armed, polls, and rests again.
async fn watch(stream: Rc<Stream>) {
    loop {
        poll_fn(|_| match stream.watch.armed.replace(false) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        // An error of the poll is readiness too: the next read says what is wrong.
        let _shown_by_the_read = stream.readable().await;
        stream.watch.fired.set(true);
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
