//! Room 7: a connection to an endpoint, from this worker's pool or a new one.
//!
//! A connection belongs to the exchange that uses it, or lies idle in the pool with a readiness poll
//! pending. It never changes workers.

mod connection;
mod pool;

pub(crate) use connection::{HeadDeadline, UpstreamConnection};
pub(crate) use pool::{Pool, Pools};

use std::rc::Rc;

use crate::error::{Error, Kind};
use crate::io::Network;
use crate::io::deadline::{Interrupted, Waiter};
use crate::io::ring::Ring;
use crate::io::stream::{Address, Stream, StreamError};
use crate::rt::clock::Millis;
use corelane_config::EndpointAddress;

/// Connects to an endpoint.
///
/// # Errors
/// `ConnectFailed` or `ConnectTimeout`; `TotalTimeout` when the exchange's own deadline came first.
pub(crate) async fn connect(
    (network, ring): (&Network, &Rc<Ring>),
    endpoint: &EndpointAddress,
    waiter: Waiter<'_>,
    timeout_ms: u64,
    total: Millis,
) -> Result<UpstreamConnection, Error> {
    let by_timeout = waiter.now_ms().saturating_add(timeout_ms);
    let address = match endpoint {
        EndpointAddress::Tcp(address) => Address::Tcp(*address),
        EndpointAddress::Unix(path) => Address::Unix(path),
    };
    let deadline = by_timeout.min(total);
    match network.connect(address, waiter, deadline, ring).await {
        Ok(transport) => Ok(UpstreamConnection::new(Stream::new(transport))),
        Err(StreamError::Interrupted(Interrupted::Aborted)) => Err(Kind::ClientGone.into()),
        Err(StreamError::Interrupted(Interrupted::Elapsed)) if total <= by_timeout => {
            Err(Kind::TotalTimeout.into())
        }
        Err(StreamError::Interrupted(Interrupted::Elapsed)) => Err(Kind::ConnectTimeout.into()),
        Err(StreamError::Io(error)) => {
            log::debug!("connecting to {endpoint}: {error}");
            Err(Kind::ConnectFailed.into())
        }
    }
}
