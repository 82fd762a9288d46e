//! A connected socket, TCP or Unix, in this worker's event loop.
//!
//! Its operations are those of [`Stream`](super::stream::Stream), which says what they do.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll};

use monoio::net::UnixStream;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, sockopt};
use socket2::{Domain, SockAddr, Type};

use crate::io::deadline::Waiter;
use crate::io::pipes::Pipe;
use crate::io::ring::{Place, Ring, Want};
use crate::io::stream::{Address, ConnectError};
use crate::rt::clock::Millis;

/// One connected socket.
#[derive(Debug)]
pub(crate) struct Socket {
    // Given up before the socket is: the kernel closes it when no operation is under way on it.
    place: Place,
    // Of monoio's kinds of stream socket the smallest, for TCP too: only readiness and the descriptor
    // are asked of it, and those are the same for every kind.
    socket: UnixStream,
}

impl Socket {
    /// Takes a connected socket over into this worker's event loop.
    ///
    /// # Errors
    /// When the event loop refuses it (epoll: no memory for another registration).
    pub(crate) fn accepted(fd: OwnedFd, ring: &Rc<Ring>) -> io::Result<Self> {
        Ok(Self {
            place: Place::new(ring),
            socket: UnixStream::from_std(std::os::unix::net::UnixStream::from(fd))?,
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
        ring: &Rc<Ring>,
    ) -> Result<Self, ConnectError> {
        let (domain, target) = match address {
            Address::Tcp(address) => (Domain::for_address(address), SockAddr::from(address)),
            Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        };
        let socket = socket2::Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None)?;
        if domain != Domain::UNIX {
            socket.set_tcp_nodelay(true)?;
        }
        match socket.connect(&target) {
            Ok(()) => return Self::accepted(socket.into(), ring)?.settled(),
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let socket = Self::accepted(socket.into(), ring)?;
        waiter
            .until(deadline, socket.writable())
            .await
            .map_err(ConnectError::Interrupted)??;
        match sockopt::socket_error(socket.fd()).map_err(io::Error::from)? {
            Ok(()) => socket.settled(),
            Err(errno) => Err(io::Error::from(errno).into()),
        }
    }

    /// Lets operations wait that are to: the calls that must not say so each.
    fn settled(self) -> Result<Self, ConnectError> {
        rustix::io::ioctl_fionbio(self.fd(), false).map_err(io::Error::from)?;
        Ok(self)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        super::borrow(&self.socket)
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd())
    }

    pub(crate) fn try_recv(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self.place.take(buffer) {
            None => self.recv(buffer),
            Some(result) => result,
        }
    }

    fn recv(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        retry(|| {
            rustix::net::recv(
                self.fd(),
                rustix::buffer::spare_capacity(buffer),
                RecvFlags::DONTWAIT,
            )
            .map(|(count, _)| count)
        })
    }

    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| rustix::net::send(self.fd(), bytes, SEND_FLAGS))
    }

    pub(crate) fn try_send_vectored(
        &self,
        pieces: &[IoSlice<'_>],
        more: bool,
    ) -> io::Result<usize> {
        let mut flags = SEND_FLAGS;
        flags.set(SendFlags::MORE, more);
        let mut nothing = SendAncillaryBuffer::default();
        retry(|| rustix::net::sendmsg(self.fd(), pieces, &mut nothing, flags))
    }

    pub(crate) fn try_fill(&self, pipe: &mut Pipe<'_>, most: usize) -> io::Result<Option<usize>> {
        if !self.place.yields() {
            return Ok(None);
        }
        match self.impatiently(|socket| pipe.fill(socket, most)) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            result => result.map(Some),
        }
    }

    pub(crate) fn try_drain(&self, pipe: &mut Pipe<'_>) -> io::Result<usize> {
        self.impatiently(|socket| pipe.drain(socket))
    }

    /// Makes a call that has no flag of its own against waiting.
    fn impatiently<T>(
        &self,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        rustix::io::ioctl_fionbio(self.fd(), true)?;
        let result = loop {
            match call(self.fd()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        rustix::io::ioctl_fionbio(self.fd(), false)?;
        result
    }

    pub(crate) fn peek(&self) -> io::Result<usize> {
        if let Some(result) = self.place.peek() {
            return result;
        }
        let mut byte = [0u8; 1];
        retry(|| {
            rustix::net::recv(self.fd(), &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK)
                .map(|(count, _)| count)
        })
    }

    /// Ready when there is something to read; `None` when only `readable` can say.
    pub(crate) fn poll_readable(&self, want: Want, cx: &Context<'_>) -> Option<Poll<()>> {
        self.place.poll(self.fd(), want, cx)
    }

    pub(crate) async fn readable(&self, want: Want) -> io::Result<()> {
        let by_ring = poll_fn(|cx| match self.poll_readable(want, cx) {
            Some(poll) => poll.map(|()| true),
            None => Poll::Ready(false),
        });
        match by_ring.await {
            true => Ok(()),
            false => self.socket.readable(false).await,
        }
    }

    /// Whether something is known to be there.
    pub(crate) fn has_arrived(&self) -> bool {
        self.place.has_arrived()
    }

    pub(crate) fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.socket.writable(false)
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        super::unacknowledged(self.fd())
    }

    pub(crate) fn shutdown_write(&self) {
        // The peer may be gone already, which is as good.
        let _gone = rustix::net::shutdown(self.fd(), Shutdown::Write);
    }

    pub(crate) fn reset_on_close(&self) {
        let _gone = sockopt::set_socket_linger(self.fd(), Some(std::time::Duration::ZERO));
    }
}

pub(crate) const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map_err(io::Error::from),
        }
    }
}
