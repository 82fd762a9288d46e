//! Services and their endpoints, resolved: who can answer a request that a route sends on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::problem::Place;

/// Index of a service in [`Snapshot::services`](crate::Snapshot::services).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId(pub u32);

impl ServiceId {
    /// The id as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a subset in [`Service::subsets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubsetId(pub u32);

impl SubsetId {
    /// The id as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A named set of endpoints.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its place in the snapshot.
    pub id: ServiceId,
    /// Its key under `services:`.
    pub name: Arc<str>,
    /// Where it was written.
    pub place: Place,
    /// All endpoints, those of the subsets included, each address once. May be empty (503).
    pub endpoints: Vec<Endpoint>,
    /// Named parts of `endpoints`.
    pub subsets: Vec<Subset>,
    /// How the next endpoint is picked.
    pub balance: Balance,
    /// What the endpoints speak.
    pub protocol: ServiceProtocol,
    /// How long a connect may take.
    pub connect_timeout: Duration,
}

impl Service {
    /// The subset of this name.
    #[must_use]
    pub fn subset_named(&self, name: &str) -> Option<SubsetId> {
        let index = self
            .subsets
            .iter()
            .position(|subset| &*subset.name == name)?;
        u32::try_from(index).ok().map(SubsetId)
    }
}

/// One address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What is connected to.
    pub address: EndpointAddress,
    /// As it was written: `users.internal:8001`. Several endpoints may share it, one per address
    /// that the name resolved to.
    pub name: Arc<str>,
    /// Its share among its siblings; 0 takes none.
    pub weight: u32,
    /// The subset that lists it.
    pub subset: Option<SubsetId>,
}

/// What an endpoint's connection is made to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EndpointAddress {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A named part of a service's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    /// Its key under `subsets:`.
    pub name: Arc<str>,
    /// Indices into [`Service::endpoints`].
    pub endpoints: Vec<usize>,
}

/// How a service picks the next endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// In turn, in proportion to the weights.
    RoundRobin,
    /// At random, in proportion to the weights.
    Random,
}

/// What a service's endpoints speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceProtocol {
    /// HTTP/1.1.
    Http1,
}
