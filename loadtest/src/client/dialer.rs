//! Opens connections for all slots of one worker, counts them and ends what takes too long. Entered
//! by the slots; it knows addresses and deadlines and nothing of what is said on a connection.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use monoio::net::TcpStream;

use super::{Failure, Protocol};
use crate::rt::watch::{Entry, Watch, WatchedStream};
use crate::target::Target;

/// What the connections of one worker have in common.
#[derive(Debug)]
pub(crate) struct Dialer {
    target: Target,
    protocol: Protocol,
    reuse: Reuse,
    timeout: Duration,
    last_call: Instant,
    watch: Watch,
    connects: Cell<u64>,
}

/// How many requests a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As many as it lasts.
    KeepAlive,
    /// One, and the request says so.
    PerRequest,
}

impl Dialer {
    /// A dialer of connections to `target`, on which a request may take `timeout` and nothing lasts
    /// beyond `last_call`.
    pub(crate) fn new(
        (target, protocol): (Target, Protocol),
        reuse: Reuse,
        timeout: Duration,
        last_call: Instant,
    ) -> Self {
        Self {
            target,
            protocol,
            reuse,
            timeout,
            last_call,
            watch: Watch::default(),
            connects: Cell::new(0),
        }
    }

    /// What is spoken on its connections.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many requests a connection is for.
    pub(crate) fn reuse(&self) -> Reuse {
        self.reuse
    }

    /// Connections opened so far.
    pub(crate) fn connects(&self) -> u64 {
        self.connects.get()
    }

    /// A place under watch, for one connection after the other.
    pub(super) fn place(&self) -> Rc<Entry> {
        self.watch.enter()
    }

    /// Ends requests and connections that take too long, for as long as the future is polled.
    pub(crate) async fn patrol(&self) {
        self.watch.patrol(self.timeout, self.last_call).await;
    }

    /// Opens a connection at `place`, for a request that began at `begun` and whose time runs.
    #[expect(
        clippy::disallowed_methods,
        reason = "a connect that is dropped has no bytes to lose and closes its own socket"
    )]
    pub(super) async fn connect(
        &self,
        place: &Rc<Entry>,
        begun: Instant,
    ) -> Result<WatchedStream, Failure> {
        let deadline = (begun + self.timeout).min(self.last_call);
        let left = deadline.saturating_duration_since(Instant::now());
        let connecting = TcpStream::connect_addr(self.target.address);
        let stream = match monoio::time::timeout(left, connecting).await {
            Ok(connected) => connected.map_err(Failure::Connect)?,
            Err(_) if deadline == self.last_call => return Err(Failure::Stopped),
            Err(_) => return Err(Failure::Timeout),
        };
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        self.connects.set(self.connects.get() + 1);
        Ok(place.guard(stream))
    }
}
