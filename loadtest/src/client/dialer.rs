//! Opens connections for all slots of one worker, counts them and ends what takes too long. Entered
//! by the slots; it knows addresses and deadlines and nothing of what is said on a connection.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use monoio::net::TcpStream;

use super::{Approach, Failure, Protocol, blame};
use crate::rt::watch::{Entry, Watch, WatchedStream};
use crate::tally::Connections;
use crate::tls::client::ClientTls;
use crate::tls::{Secured, TlsStream};

/// What the connections of one worker have in common.
#[derive(Debug)]
pub(crate) struct Dialer {
    approach: Approach,
    timeout: Duration,
    last_call: Instant,
    watch: Watch,
    connections: Cell<Connections>,
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
    /// A dialer of connections on which a request may take `timeout` and nothing lasts beyond
    /// `last_call`.
    pub(crate) fn new(approach: Approach, timeout: Duration, last_call: Instant) -> Self {
        Self {
            approach,
            timeout,
            last_call,
            watch: Watch::default(),
            connections: Cell::default(),
        }
    }

    /// What is spoken on its connections.
    pub(crate) fn protocol(&self) -> Protocol {
        self.approach.protocol
    }

    /// What URLs of its target begin with.
    pub(super) fn scheme(&self) -> &'static str {
        self.approach.target.scheme.name()
    }

    /// How many requests a connection is for.
    pub(crate) fn reuse(&self) -> Reuse {
        self.approach.reuse
    }

    /// What was opened so far.
    pub(crate) fn connections(&self) -> Connections {
        self.connections.get()
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
    pub(super) async fn connect(
        &self,
        place: &Rc<Entry>,
        begun: Instant,
    ) -> Result<Secured<WatchedStream>, Failure> {
        let stream = self.connect_socket(place, begun).await?;
        self.count(|connections| connections.opened += 1);
        match &self.approach.tls {
            None => Ok(Secured::Plain(stream)),
            Some(tls) => {
                place.set_busy(Some(begun));
                let stream = self.shake_hands(tls, stream, place).await?;
                Ok(Secured::Tls(Box::new(stream)))
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a connect that is dropped has no bytes to lose and closes its own socket"
    )]
    async fn connect_socket(
        &self,
        place: &Rc<Entry>,
        begun: Instant,
    ) -> Result<WatchedStream, Failure> {
        let deadline = (begun + self.timeout).min(self.last_call);
        let left = deadline.saturating_duration_since(Instant::now());
        let connecting = TcpStream::connect_addr(self.approach.target.address);
        let stream = match monoio::time::timeout(left, connecting).await {
            Ok(connected) => connected.map_err(Failure::Connect)?,
            Err(_) if deadline == self.last_call => return Err(Failure::Stopped),
            Err(_) => return Err(Failure::Timeout),
        };
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        Ok(place.guard(stream))
    }

    async fn shake_hands(
        &self,
        tls: &ClientTls,
        stream: WatchedStream,
        place: &Entry,
    ) -> Result<TlsStream<WatchedStream>, Failure> {
        let session = (tls.session()).map_err(|error| Failure::Tls(error.to_string()))?;
        let stream = TlsStream::handshake(stream, session)
            .await
            .map_err(|error| blame(place, error))?;
        let resumed = u64::from(stream.session().is_resumed());
        self.count(|connections| {
            connections.handshakes += 1;
            connections.resumed += resumed;
        });
        Ok(stream)
    }

    fn count(&self, count: impl FnOnce(&mut Connections)) {
        let mut connections = self.connections.get();
        count(&mut connections);
        self.connections.set(connections);
    }
}
