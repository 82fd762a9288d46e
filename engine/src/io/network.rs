//! The kernel's network: how a worker reaches others.

use std::future::Future;
use std::rc::Rc;

use crate::io::deadline::Waiter;
use crate::io::ring::Ring;
use crate::io::socket::Socket;
use crate::io::stream::{Address, ConnectError};
use crate::rt::clock::Millis;

/// The kernel's network. A value, so that a worker can be given another one in a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network;

impl Network {
    /// The only one there is.
    #[cfg(not(any(test, simulation)))]
    pub(crate) fn kernel() -> Self {
        Self
    }

    /// Connects to `address` until `deadline`.
    ///
    /// # Errors
    /// What the kernel says, or the interruption of the wait.
    #[expect(
        clippy::unused_self,
        reason = "the handle is all that a simulation replaces"
    )]
    pub(crate) fn connect<'a>(
        &self,
        address: Address<'a>,
        waiter: Waiter<'a>,
        deadline: Millis,
        ring: &'a Rc<Ring>,
    ) -> impl Future<Output = Result<Socket, ConnectError>> + use<'a> {
        Socket::connect(address, waiter, deadline, ring)
    }
}
