//! The `tests:` section: requests with what should become of them, run by `corelane check`.
//! Only read here; whoever runs them owns the normalisation of paths.

use std::net::IpAddr;

use super::route::RouteId;
use super::service::ServiceId;
use crate::problem::Place;

/// One entry of `tests:`.
#[derive(Debug, Clone)]
pub struct ConfigTest {
    /// `name:`, else the request line as written.
    pub name: Box<str>,
    /// Where it was written.
    pub place: Place,
    /// Its key in the merged configuration: `tests[3]`.
    pub path: Box<str>,
    /// The method.
    pub method: Box<str>,
    /// The Host: from an absolute URL or from `headers: {Host: …}`; without its port, lower case.
    pub host: Option<Box<str>>,
    /// Path and query, as written; begins with `/`.
    pub target: Box<str>,
    /// Fields besides Host, in order.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The client's address.
    pub client_ip: Option<IpAddr>,
    /// Index of the listener it comes in by; the first one unless `listener:` says otherwise.
    pub listener: usize,
    /// What should become of it.
    pub expect: Expect,
}

/// What a test expects; only what is `Some` is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// The route that wins.
    pub route: Option<RouteId>,
    /// A service that the route may forward to (one of its weights will do).
    pub service: Option<ServiceId>,
    /// The name of a subset that the route may forward to.
    pub subset: Option<Box<str>>,
    /// The path (without query) that the upstream sees.
    pub upstream_path: Option<Box<str>>,
    /// The Host that the upstream sees.
    pub upstream_host: Option<Box<str>>,
    /// The status of the gateway's own answer: a redirect, a `respond`, 404 or 405.
    pub status: Option<u16>,
    /// The Location of a redirect.
    pub location: Option<Box<str>>,
}
