//! What [`explain`](super::explain) answers, in the shape that its JSON form has. Names and words
//! instead of ids, because whoever reads it does not have the snapshot.

use std::net::IpAddr;

use serde::Serialize;

/// What a request would meet. The fields come in the order in which it would meet them; their names
/// are the keys of the JSON form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The generation of the configuration.
    pub generation: u64,
    /// The method.
    pub method: String,
    /// The Host without its port; `None` when there is none.
    pub host: Option<String>,
    /// The normalised path, on which everything is decided.
    pub path: Option<String>,
    /// The client that rules and logs mean; `None` when no address was given.
    pub client: Option<IpAddr>,
    /// The listener's name.
    pub listener: String,
    /// The route's name; `None` when no route takes the request.
    pub route: Option<String>,
    /// Where the route was written: `file:line:column`.
    pub route_place: Option<String>,
    /// Routes whose host and path match too, in the order in which they were considered.
    pub runners_up: Vec<RunnerUp>,
    /// The filters that it would pass, in order.
    pub filters: Vec<String>,
    /// The rate limits that it would be charged to; none in this version.
    pub limits: Vec<Charge>,
    /// The key that its reply would be cached under; none in this version.
    pub cache: Option<String>,
    /// The service; of several the one with the largest share.
    pub service: Option<String>,
    /// The subset of that service.
    pub subset: Option<String>,
    /// The endpoints of that service and subset that take part in its balancing.
    pub endpoints: Vec<String>,
    /// Every service that may get the request, with its share.
    pub targets: Vec<Share>,
    /// The path that the upstream would see, without the query.
    pub upstream_path: Option<String>,
    /// The Host that the upstream would see; `None` when it is empty.
    pub upstream_host: Option<String>,
    /// Milliseconds from the head to the end of the response; `None` when the route has no bound.
    pub timeout_ms: Option<u64>,
    /// The other bounds in time.
    pub timeouts: Option<Timeouts>,
    /// How often a failed request would be sent again. The one repetition of a request that nobody
    /// can have processed does not count.
    pub retries: u32,
    /// The faults that would be injected; none in this version.
    pub faults: Vec<String>,
    /// What the gateway answers by itself; `None` when a service answers.
    pub answer: Option<Answer>,
}

/// A route that did not win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunnerUp {
    /// Its name.
    pub route: String,
    /// Where it was written: `file:line:column`.
    pub place: String,
    /// Why it did not win.
    pub why: String,
}

/// A rate limit that a request is charged to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// The limit's name.
    pub name: String,
    /// Whose bucket it is.
    pub key: String,
}

/// A service's share in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The service's name.
    pub service: String,
    /// Only this subset of it.
    pub subset: Option<String>,
    /// The share, out of the sum of all.
    pub weight: u32,
    /// The endpoints that take part.
    pub endpoints: Vec<String>,
}

/// Bounds in time, in milliseconds, for the service that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// For connecting to an endpoint.
    pub connect_ms: u64,
    /// From the request's end to the response's head; `None` when there is no such bound.
    pub response_ms: Option<u64>,
    /// For a silence within a response.
    pub idle_ms: u64,
    /// For a silence within a response that is a stream.
    pub stream_idle_ms: u64,
}

/// A reply that the gateway makes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The outcome, as in logs and metrics.
    pub outcome: &'static str,
    /// Why, in a sentence.
    pub detail: String,
    /// The limit or key that makes it, where one does.
    pub limit: Option<&'static str>,
    /// The Location of a redirect.
    pub location: Option<String>,
    /// The methods that routes for this path have.
    pub allow: Option<String>,
}
