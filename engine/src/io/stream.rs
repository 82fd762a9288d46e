//! A connected byte stream, TCP or Unix.
//!
//! All operations take `&self`, so that both directions can be driven at the same time by one task.
//! `try_*` never wait: they answer `WouldBlock`, and `readable` or `writable` say when to come again.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use monoio::net::UnixStream;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, sockopt};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::io::deadline::{Interrupted, Waiter};
use crate::rt::clock::Millis;

/// One connected byte stream.
#[derive(Debug)]
pub(crate) struct Stream {
    // Of monoio's kinds of stream socket the smallest, for TCP too: only readiness and the descriptor
    // are asked of it, and those are the same for every kind.
    socket: UnixStream,
    watch: WatchState,
}

/// Who connects to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address<'a> {
    Tcp(SocketAddr),
    Unix(&'a Path),
}

impl Stream {
    /// Takes a connected socket over into this worker's event loop.
    ///
    /// # Errors
    /// When the event loop refuses it (epoll: no memory for another registration).
    pub(crate) fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            socket: UnixStream::from_std(std::os::unix::net::UnixStream::from(fd))?,
            watch: WatchState::default(),
        })
    }

    /// Connects; the socket is non-blocking and waits for writability, so that giving up is safe.
    ///
    /// # Errors
    /// What `connect(2)` says, or the interruption of the wait as `ConnectError::Interrupted`.
    pub(crate) async fn connect(
        address: Address<'_>,
        waiter: Waiter<'_>,
        deadline: Millis,
    ) -> Result<Self, ConnectError> {
        let (domain, target) = match address {
            Address::Tcp(address) => (Domain::for_address(address), SockAddr::from(address)),
            Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        };
        let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None)?;
        if domain != Domain::UNIX {
            socket.set_tcp_nodelay(true)?;
        }
        match socket.connect(&target) {
            Ok(()) => return Ok(Self::from_fd(socket.into())?),
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = Self::from_fd(socket.into())?;
        waiter
            .until(deadline, stream.writable())
            .await
            .map_err(ConnectError::Interrupted)??;
        match sockopt::socket_error(stream.fd()).map_err(io::Error::from)? {
            Ok(()) => Ok(stream),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        super::borrow(&self.socket)
    }

    /// Appends what is there to `buffer`, up to its capacity. `Ok(0)` is the end of the stream.
    pub(crate) fn try_recv(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        retry(|| {
            rustix::net::recv(
                self.fd(),
                rustix::buffer::spare_capacity(buffer),
                RecvFlags::DONTWAIT,
            )
            .map(|(count, _)| count)
        })
    }

    /// Sends what fits.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| rustix::net::send(self.fd(), bytes, SEND_FLAGS))
    }

    /// Sends what fits of several pieces, in one system call.
    pub(crate) fn try_send_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| {
            rustix::net::sendmsg(
                self.fd(),
                pieces,
                &mut SendAncillaryBuffer::default(),
                SEND_FLAGS,
            )
        })
    }

    /// What is there, without taking it: `Ok(0)` is the end of the stream, an error a dead one.
    pub(crate) fn peek(&self) -> io::Result<usize> {
        let mut byte = [0u8; 1];
        retry(|| {
            rustix::net::recv(self.fd(), &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK)
                .map(|(count, _)| count)
        })
    }

    /// Resolves when there is something to read, an end or an error. Harmless to drop.
    pub(crate) fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.socket.readable(false)
    }

    /// Resolves when there is room to write, or an error. Harmless to drop.
    pub(crate) fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.socket.writable(false)
    }

    /// How many bytes were sent that the peer has not taken: what a slow reader leaves behind.
    pub(crate) fn unacknowledged(&self) -> usize {
        super::unacknowledged(self.fd())
    }

    /// Sends a FIN: no more bytes will come from this side.
    pub(crate) fn shutdown_write(&self) {
        // The peer may be gone already, which is as good.
        let _gone = rustix::net::shutdown(self.fd(), Shutdown::Write);
    }

    /// Makes the coming close a reset, so that the peer cannot take a cut reply for a whole one.
    pub(crate) fn reset_on_close(&self) {
        let _gone = sockopt::set_socket_linger(self.fd(), Some(std::time::Duration::ZERO));
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

const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}

/// The readiness of a stream that is watched for as long as the stream lives.
///
/// The watch is one boxed future that polls, rests and polls again, so that re-arming it costs no
/// allocation, and an idle upstream connection always has a poll pending: a peer that closes it is
/// noticed before the next request could be sent into the void.
pub(crate) struct Watch {
    body: Pin<Box<dyn Future<Output = ()>>>,
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
        Self {
            body: Box::pin(watch(stream.clone())),
            stream,
        }
    }

    /// Ready once the stream is readable (or dead); stays ready until `rearm`.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_fired() {
            let _never_ready = self.body.as_mut().poll(cx);
        }
        if self.has_fired() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Starts the next watch, when everything that was there has been read.
    pub(crate) fn rearm(&mut self) {
        if self.stream.watch.fired.replace(false) {
            self.stream.watch.armed.set(true);
        }
    }

    pub(crate) fn has_fired(&self) -> bool {
        self.stream.watch.fired.get()
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
