//! The [`Snapshot`]: one validated configuration with every name resolved to an id. It is made by
//! the loader, read by workers through an `Arc`, and never changes.

mod access_log;
mod expectation;
mod route;
mod service;
mod template;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use access_log::{AccessLog, FormatPart, LogField, LogFormat, LogPath};
pub use expectation::{ConfigTest, Expect};
pub use route::{
    Action, Edits, FilterUse, PathRewrite, Redirect, RedirectFrom, Route, RouteId, Value, Weighted,
};
pub use service::{
    Balance, Endpoint, EndpointAddress, Service, ServiceId, ServiceProtocol, Subset, SubsetId,
};
pub use template::PathTemplate;

use crate::ip_set::IpSet;
use crate::limits::Limits;
use crate::table::RouteTable;

/// One configuration, whole and checked: the only form of it that the data plane sees.
#[derive(Debug)]
pub struct Snapshot {
    /// Workers, driver and drain.
    pub runtime: Runtime,
    /// Where clients come in; never empty. Its indices are what
    /// [`RequestView::listener`](crate::RequestView::listener) gives.
    pub listeners: Vec<Listener>,
    /// Peers whose forwarding fields are believed.
    pub trusted_proxies: IpSet,
    /// Index = [`ServiceId`].
    pub services: Vec<Arc<Service>>,
    /// Index = [`RouteId`], in the order of the documents.
    pub routes: Vec<Arc<Route>>,
    /// The routes, compiled.
    pub table: RouteTable,
    /// Every bound, defaults filled in.
    pub limits: Limits,
    /// The admin address; none unless configured.
    pub admin: Option<Admin>,
    /// The access log; none unless configured.
    pub access_log: Option<AccessLog>,
    /// The name that `Via` gives this proxy; `None` when `via: off`.
    pub via: Option<Box<str>>,
    /// What happens to field names with `_`.
    pub underscores: Underscores,
    /// Whether a client's `X-Request-ID` is kept from untrusted peers too.
    pub preserve_request_id: bool,
    /// The `tests:` section, in order.
    pub tests: Vec<ConfigTest>,
    /// The effective configuration with secrets masked, for `GET /config`.
    pub masked: serde_json::Value,
}

impl Snapshot {
    /// The route with this id.
    ///
    /// # Panics
    /// When the id comes from another snapshot that has more routes.
    #[must_use]
    pub fn route(&self, id: RouteId) -> &Arc<Route> {
        &self.routes[id.index()]
    }

    /// The service with this id.
    ///
    /// # Panics
    /// When the id comes from another snapshot that has more services.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> &Arc<Service> {
        &self.services[id.index()]
    }

    /// The service of this name.
    #[must_use]
    pub fn service_named(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|service| &*service.name == name)
    }
}

/// The `runtime:` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Worker threads; `None`: one per CPU that the process may use.
    pub workers: Option<usize>,
    /// Whether workers are pinned to CPUs; `None`: when the process owns them.
    pub pin: Option<bool>,
    /// The I/O driver.
    pub io: Io,
    /// How connections find their worker.
    pub balance: WorkerBalance,
    /// How long a drain waits for requests and tunnels.
    pub drain_timeout: Duration,
    /// How long listeners go on accepting after a drain has begun.
    pub drain_delay: Duration,
    /// Whether rings are set up with `IORING_SETUP_DEFER_TASKRUN`.
    pub defer_taskrun: bool,
}

/// The I/O driver of the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// `io_uring`, or epoll where the ring is refused.
    Auto,
    /// `io_uring` or a start-up error.
    Uring,
    /// epoll.
    Epoll,
}

/// How an accepted connection finds its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerBalance {
    /// Accepted anywhere, handed to the least loaded worker before its first read.
    Handoff,
    /// The kernel's `SO_REUSEPORT` hash decides.
    ReusePort,
}

/// One address that clients connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `name:`, else the address as written (made unique with `#2`, `#3`, …).
    pub name: Arc<str>,
    /// What is bound.
    pub address: ListenAddress,
    /// What is spoken.
    pub protocol: Protocol,
}

/// What a listener binds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// A TCP address; port 0 asks the kernel for one.
    Tcp(SocketAddr),
    /// A Unix stream socket.
    Unix(PathBuf),
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Every protocol that this version has, told apart by the first bytes.
    Auto,
    /// HTTP/1.1 and HTTP/1.0 alone.
    Http1,
}

/// The `admin:` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where the admin API listens.
    pub address: SocketAddr,
}

/// What happens to request fields whose name has an underscore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Underscores {
    /// They are dropped: `X_User_ID` must not pass for `X-User-ID` behind CGI-style readers.
    Drop,
    /// They are forwarded.
    Keep,
}
