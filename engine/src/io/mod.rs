//! Bytes in and out: streams, buffers, and waiting with a deadline.
//!
//! Bytes are received and small messages sent through the worker's own [`ring`], many in one call; all
//! else moves by non-blocking calls when readiness has come. Either way the kernel never owns a buffer
//! of a task while it waits, and every future may be dropped at any point without losing bytes (ADR 0002
//! has the measurements).

#![expect(
    unsafe_code,
    reason = "monoio's sockets give their descriptor as a raw number only, and rustix has no SIOCOUTQ"
)]

mod acceptor;
pub(crate) mod buffers;
pub(crate) mod deadline;
#[cfg(any(test, simulation))]
mod either;
#[cfg(any(test, simulation))]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "a benchmark uses less of it than tests"
    )
)]
pub(crate) mod memory;
mod network;
pub(crate) mod pipes;
pub(crate) mod ring;
mod socket;
pub(crate) mod stream;

use std::os::fd::{AsRawFd, BorrowedFd};

// What the program is built with: the kernel's sockets under the names that other rooms use. Where
// workers may be simulated, each name is an enum of the kernel's kind and an in-memory one.
#[cfg(any(test, simulation))]
pub(crate) use either::{Acceptor, Incoming, Listening, Network, Transport};
#[cfg(not(any(test, simulation)))]
pub(crate) use {
    acceptor::Acceptor, network::Network, socket::Socket as Transport,
    std::os::fd::OwnedFd as Incoming, std::os::fd::OwnedFd as Listening,
};

/// How many bytes the kernel holds that were sent and that the peer's kernel has not taken.
fn unacknowledged(socket: BorrowedFd<'_>) -> usize {
    use rustix::ioctl::{Getter, ioctl};
    const TIOCOUTQ: rustix::ioctl::Opcode = 0x5411;
    // SAFETY: this request writes one C int, for every kind of socket (tcp(7), unix(7)).
    let request = unsafe { Getter::<TIOCOUTQ, i32>::new() };
    // SAFETY: the same; it reads nothing, and the int that it writes is the request's own.
    let held = unsafe { ioctl(socket, request) };
    held.map_or(0, |held| usize::try_from(held).unwrap_or(0))
}

/// The descriptor of one of monoio's sockets.
fn borrow(socket: &impl AsRawFd) -> BorrowedFd<'_> {
    let descriptor = socket.as_raw_fd();
    // SAFETY: the socket owns the descriptor and lives at least as long as this borrow of it.
    unsafe { BorrowedFd::borrow_raw(descriptor) }
}
