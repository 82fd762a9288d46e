//! The kernel's sockets or in-memory ones: what workers run on where they may be simulated.
//!
//! The program is built without this room: there [`Transport`] and the others are the kernel's kinds
//! themselves, under the same names (`io/mod.rs`), so that it pays neither a byte nor a branch.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::io::deadline::Waiter;
use crate::io::memory::{Backlog, End, MemoryNetwork};
use crate::io::pipes::Pipe;
use crate::io::ring::{Ring, Want};
use crate::io::socket::Socket;
use crate::io::stream::{Address, ConnectError};
use crate::io::{acceptor, network};
use crate::rt::clock::Millis;

/// What carries a stream's bytes.
#[derive(Debug)]
pub(crate) enum Transport {
    Kernel(Socket),
    Memory(End),
}

/// An accepted connection on its way to its worker.
#[derive(Debug)]
pub(crate) enum Incoming {
    Kernel(OwnedFd),
    Memory(End),
}

/// A place to accept at, on its way to its worker.
#[derive(Debug)]
pub(crate) enum Listening {
    Kernel(OwnedFd),
    Memory(Backlog),
}

/// A place to accept at.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Kernel(acceptor::Acceptor),
    Memory(Backlog),
}

/// Where connections come from and go to.
#[derive(Debug, Clone)]
pub(crate) enum Network {
    Kernel(network::Network),
    Memory(MemoryNetwork),
}

impl Transport {
    pub(crate) fn accepted(connection: Incoming, ring: &Rc<Ring>) -> io::Result<Self> {
        Ok(match connection {
            Incoming::Kernel(fd) => Self::Kernel(Socket::accepted(fd, ring)?),
            Incoming::Memory(end) => Self::Memory(end),
        })
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Kernel(socket) => socket.descriptor(),
            Self::Memory(_) => None,
        }
    }

    pub(crate) fn try_recv(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Kernel(socket) => socket.try_recv(buffer),
            Self::Memory(end) => end.try_recv(buffer),
        }
    }

    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Kernel(socket) => socket.try_send(bytes),
            Self::Memory(end) => end.try_send(bytes),
        }
    }

    pub(crate) fn try_send_vectored(
        &self,
        pieces: &[IoSlice<'_>],
        more: bool,
    ) -> io::Result<usize> {
        match self {
            Self::Kernel(socket) => socket.try_send_vectored(pieces, more),
            Self::Memory(end) => end.try_send_vectored(pieces),
        }
    }

    pub(crate) fn try_fill(&self, pipe: &mut Pipe<'_>, most: usize) -> io::Result<Option<usize>> {
        match self {
            Self::Kernel(socket) => socket.try_fill(pipe, most),
            Self::Memory(_) => Ok(None),
        }
    }

    pub(crate) fn try_drain(&self, pipe: &mut Pipe<'_>) -> io::Result<usize> {
        match self {
            Self::Kernel(socket) => socket.try_drain(pipe),
            Self::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(crate) fn peek(&self) -> io::Result<usize> {
        match self {
            Self::Kernel(socket) => socket.peek(),
            Self::Memory(end) => end.peek(),
        }
    }

    pub(crate) fn poll_readable(&self, want: Want, cx: &Context<'_>) -> Option<Poll<()>> {
        match self {
            Self::Kernel(socket) => socket.poll_readable(want, cx),
            Self::Memory(_) => None,
        }
    }

    pub(crate) fn has_arrived(&self) -> bool {
        match self {
            Self::Kernel(socket) => socket.has_arrived(),
            Self::Memory(_) => false,
        }
    }

    pub(crate) async fn readable(&self, want: Want) -> io::Result<()> {
        match self {
            Self::Kernel(socket) => socket.readable(want).await,
            Self::Memory(end) => {
                end.readable().await;
                Ok(())
            }
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Kernel(socket) => socket.writable().await,
            Self::Memory(end) => {
                end.writable().await;
                Ok(())
            }
        }
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        match self {
            Self::Kernel(socket) => socket.unacknowledged(),
            Self::Memory(end) => end.unacknowledged(),
        }
    }

    pub(crate) fn shutdown_write(&self) {
        match self {
            Self::Kernel(socket) => socket.shutdown_write(),
            Self::Memory(end) => end.shutdown_write(),
        }
    }

    pub(crate) fn reset_on_close(&self) {
        match self {
            Self::Kernel(socket) => socket.reset_on_close(),
            Self::Memory(end) => end.reset_on_close(),
        }
    }
}

impl From<socket2::Socket> for Listening {
    fn from(socket: socket2::Socket) -> Self {
        Self::Kernel(socket.into())
    }
}

impl Listening {
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Kernel(fd) => Self::Kernel(fd.try_clone()?),
            Self::Memory(backlog) => Self::Memory(backlog.clone()),
        })
    }
}

impl Acceptor {
    pub(crate) fn new(listening: Listening) -> io::Result<Self> {
        Ok(match listening {
            Listening::Kernel(fd) => Self::Kernel(acceptor::Acceptor::new(fd)?),
            Listening::Memory(backlog) => Self::Memory(backlog),
        })
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Kernel(acceptor) => acceptor.readable().await,
            Self::Memory(backlog) => {
                backlog.readable().await;
                Ok(())
            }
        }
    }

    pub(crate) fn try_accept(&self) -> io::Result<Option<(Incoming, Option<SocketAddr>)>> {
        Ok(match self {
            Self::Kernel(acceptor) => acceptor
                .try_accept()?
                .map(|(fd, peer)| (Incoming::Kernel(fd), peer)),
            Self::Memory(backlog) => backlog
                .try_accept()
                .map(|(end, peer)| (Incoming::Memory(end), Some(peer))),
        })
    }
}

impl Network {
    pub(crate) fn kernel() -> Self {
        Self::Kernel(network::Network)
    }

    pub(crate) async fn connect(
        &self,
        address: Address<'_>,
        waiter: Waiter<'_>,
        deadline: Millis,
        ring: &Rc<Ring>,
    ) -> Result<Transport, ConnectError> {
        match self {
            Self::Kernel(kernel) => {
                let socket = kernel.connect(address, waiter, deadline, ring).await?;
                Ok(Transport::Kernel(socket))
            }
            Self::Memory(memory) => {
                let end = memory.connect(address, waiter, deadline).await?;
                Ok(Transport::Memory(end))
            }
        }
    }

    /// One place to accept at for each worker, where there is no kernel to ask for them.
    pub(crate) fn listen(&self, address: &str, workers: usize) -> Option<Vec<Listening>> {
        let Self::Memory(memory) = self else {
            return None;
        };
        let backlogs = memory.listen(address, workers);
        Some(backlogs.into_iter().map(Listening::Memory).collect())
    }
}
