//! Connections to the target. Entered by the loops, which own slots and ask them for one exchange at
//! a time; a slot knows no schedule and keeps no numbers but what its dialer counts.
//!
//! A slot is one place where one request at a time is in flight: an HTTP/1.1 connection is one slot,
//! a connection of N streams would be N that share it. `dialer` opens connections, for all slots of
//! a worker, and each protocol is a room of its own (`http1`). `kept` is what a caller asked to see
//! of a reply.

mod dialer;
mod http1;
mod kept;

use std::io;
use std::rc::Rc;
use std::time::Instant;

pub(crate) use dialer::{Dialer, Reuse};
pub(crate) use kept::Kept;

use crate::cli::Error;
use crate::request::Request;
use crate::rt::watch::Cut;
use crate::target::{Scheme, Target};
use crate::wire::Malformed;

/// What is spoken with the target, by all connections of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
}

impl Protocol {
    /// What the target's scheme asks for.
    ///
    /// # Errors
    /// `Usage` for a scheme that cannot be spoken yet.
    pub(crate) fn choose(target: &Target) -> Result<Self, Error> {
        match target.scheme {
            Scheme::Http => Ok(Self::Http1),
            scheme => Err(Error::Usage(format!(
                "{target}: {} is not spoken yet",
                scheme.name()
            ))),
        }
    }

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
        }
    }
}

/// One place where one request at a time is in flight.
#[derive(Debug)]
pub(crate) enum Slot {
    /// An HTTP/1.1 connection.
    Http1(http1::Http1),
}

impl Slot {
    /// All slots of `connections` connections, none of which is open yet.
    pub(crate) fn all(dialer: &Rc<Dialer>, connections: u64) -> Vec<Self> {
        let slot = |_| match dialer.protocol() {
            Protocol::Http1 => Self::Http1(http1::Http1::new(dialer)),
        };
        (0..connections).map(slot).collect()
    }

    /// Sends a request that begins at `begun` and reads the whole reply; connects first if need be.
    pub(crate) async fn exchange(
        &mut self,
        request: &Request,
        begun: Instant,
    ) -> Result<Reply, Failure> {
        match self {
            Self::Http1(slot) => slot.exchange(request, begun).await,
        }
    }

    /// What the last exchange's request asked to keep of its reply.
    pub(crate) fn kept(&self) -> &Kept {
        match self {
            Self::Http1(slot) => slot.kept(),
        }
    }
}

/// A complete reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The final status code.
    pub(crate) status: u16,
    /// Bytes received for this request, heads and framing included.
    pub(crate) bytes: u64,
}

/// Why there was no complete reply.
#[derive(Debug)]
pub(crate) enum Failure {
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

impl From<Cut> for Failure {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Timeout => Self::Timeout,
            Cut::Stop => Self::Stopped,
        }
    }
}
