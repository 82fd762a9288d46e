//! A listening socket, TCP or Unix.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use monoio::net::TcpListener;
use rustix::net::{SocketFlags, acceptfrom_with};

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Acceptor {
    // Also for Unix sockets: only readiness and the descriptor are asked of it.
    socket: TcpListener,
}

impl Acceptor {
    /// Takes a listening, non-blocking socket over into this worker's event loop.
    ///
    /// # Errors
    /// When the event loop refuses it.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::from_std(std::net::TcpListener::from(fd))?,
        })
    }

    /// Resolves when somebody may be waiting. Harmless to drop: nothing has been accepted yet.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable(false).await
    }

    /// One connection and its peer's address; `None` when nobody waits, or whoever did has left
    /// again. Close-on-exec, which monoio's own accept forgets.
    ///
    /// # Errors
    /// No descriptor or no memory left.
    pub(crate) fn try_accept(&self) -> io::Result<Option<(OwnedFd, Option<SocketAddr>)>> {
        use rustix::io::Errno;
        match acceptfrom_with(super::borrow(&self.socket), SocketFlags::CLOEXEC) {
            Ok((fd, address)) => {
                let peer = address.and_then(|address| SocketAddr::try_from(address).ok());
                Ok(Some((fd, peer.map(canonical))))
            }
            Err(Errno::AGAIN | Errno::CONNABORTED | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// `::ffff:a.b.c.d` as `a.b.c.d`, before any rule sees it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
