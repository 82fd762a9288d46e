//! Routes, resolved: what a request must be and what becomes of it. Paths that leave the gateway
//! (towards an upstream or in a Location) are made here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use regex::bytes::Regex;

use super::service::{ServiceId, SubsetId};
use super::template::PathTemplate;
use crate::problem::Place;
use crate::table::{Captures, Matcher, remove_dot_segments};

/// Index of a route in [`Snapshot::routes`](crate::Snapshot::routes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u32);

impl RouteId {
    /// The id as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One entry of `routes:`.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its place in the snapshot.
    pub id: RouteId,
    /// `name:`, else its path (made unique with `#2`, `#3`, …).
    pub name: Arc<str>,
    /// Where it was written.
    pub place: Place,
    /// What a request must be.
    pub matcher: Arc<Matcher>,
    /// What becomes of it.
    pub action: Action,
    /// From the request's head to the end of the response, retries included (504); for streams to
    /// the response's head. `None`: no total.
    pub timeout: Option<Duration>,
    /// From the request's end to the response's head; `None`: as `limits.response_timeout` says.
    pub response_timeout: Option<Duration>,
    /// Between two reads of the response body; `None`: as `limits` says.
    pub idle_timeout: Option<Duration>,
    /// Edits of the request's fields on the way to the upstream.
    pub request_edits: Edits,
    /// Edits of the response's fields on the way to the client.
    pub response_edits: Edits,
    /// Upgrade tokens that are forwarded besides `websocket`, in lower case.
    pub upgrade: Vec<Box<str>>,
    /// An embedder's filters, in order.
    pub filters: Vec<FilterUse>,
}

impl Route {
    /// Appends to `out` the path that the upstream sees for `path`, which this route matched with
    /// `captures`. It always begins with `/`; the query is none of its business.
    pub fn upstream_path(&self, path: &[u8], captures: &Captures, out: &mut Vec<u8>) {
        let Action::Forward { path: rewrite, .. } = &self.action else {
            out.extend_from_slice(path);
            return;
        };
        match rewrite {
            PathRewrite::Keep => out.extend_from_slice(path),
            PathRewrite::Strip(prefix) => {
                let rest = path.strip_prefix(&**prefix).unwrap_or(path);
                if rest.first() != Some(&b'/') {
                    out.push(b'/');
                }
                out.extend_from_slice(rest);
            }
            PathRewrite::Replace(template) => {
                template.expand(&self.matcher.path, path, captures, out);
            }
            PathRewrite::Regex { regex, to } => {
                let start = out.len();
                out.extend_from_slice(&regex.replace(path, &**to));
                remove_dot_segments(out, start);
            }
        }
    }

    /// Whether the upstream sees another path than the client asked for.
    #[must_use]
    pub fn changes_path(&self) -> bool {
        matches!(&self.action, Action::Forward { path, .. } if !matches!(path, PathRewrite::Keep))
    }

    /// The prefix that `strip_prefix` takes off, for `X-Forwarded-Prefix`.
    #[must_use]
    pub fn stripped_prefix(&self) -> Option<&[u8]> {
        match &self.action {
            Action::Forward {
                path: PathRewrite::Strip(prefix),
                ..
            } => Some(prefix),
            _ => None,
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// It goes to a service.
    Forward {
        /// One or more, in proportion to their weights.
        to: Vec<Weighted>,
        /// The sum of the weights; never 0.
        total_weight: u64,
        /// What the upstream sees as path.
        path: PathRewrite,
        /// What the upstream sees as Host; `None`: the client's.
        host: Option<Box<[u8]>>,
    },
    /// The client is sent elsewhere.
    Redirect(Redirect),
    /// The gateway answers itself.
    Respond {
        /// The status, 200 to 599.
        status: u16,
        /// The body; empty where the status has none.
        body: Box<[u8]>,
        /// The fields; Content-Type is always among them when there is a body.
        headers: Vec<(Box<[u8]>, Value)>,
    },
}

/// A service with its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighted {
    /// Which service.
    pub service: ServiceId,
    /// Only these of its endpoints.
    pub subset: Option<SubsetId>,
    /// Its share of [`Action::Forward`]'s total; 0 takes none.
    pub weight: u32,
}

/// What the upstream sees as path.
#[derive(Debug, Clone)]
pub enum PathRewrite {
    /// The client's normalised path.
    Keep,
    /// The same without this prefix; begins with `/` and does not end with one.
    Strip(Box<[u8]>),
    /// This, with captures filled in.
    Replace(PathTemplate),
    /// The first match of a regex replaced.
    Regex {
        /// What is replaced.
        regex: Regex,
        /// By what; `$1` and `${name}` are the regex's groups.
        to: Box<[u8]>,
    },
}

/// Where a client is sent; what is `None` stays as the request had it.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// `http` or `https`.
    pub scheme: Option<Box<str>>,
    /// The host, without port.
    pub host: Option<Box<str>>,
    /// The port; when absent, a changed scheme or host takes the scheme's own.
    pub port: Option<u16>,
    /// The path.
    pub path: Option<PathTemplate>,
    /// Whether the request's query is kept.
    pub keep_query: bool,
}

/// What a Location is made from.
#[derive(Debug, Clone, Copy)]
pub struct RedirectFrom<'r> {
    /// The scheme that the client used.
    pub scheme: &'r str,
    /// Its Host, with the port if it had one.
    pub authority: &'r [u8],
    /// The normalised path.
    pub path: &'r [u8],
    /// The query.
    pub query: Option<&'r [u8]>,
}

impl Redirect {
    /// Appends the Location for a request that `matcher` matched with `captures`.
    pub fn location(
        &self,
        from: RedirectFrom<'_>,
        matcher: &Matcher,
        captures: &Captures,
        out: &mut Vec<u8>,
    ) {
        let is_absolute = self.host.is_some() || !from.authority.is_empty();
        if is_absolute {
            out.extend_from_slice(self.scheme.as_deref().unwrap_or(from.scheme).as_bytes());
            out.extend_from_slice(b"://");
            self.authority(from.authority, out);
        }
        let path_start = out.len();
        match &self.path {
            Some(template) => template.expand(&matcher.path, from.path, captures, out),
            None => out.extend_from_slice(from.path),
        }
        // Without a Host there is only the path to go by (RFC 3986 §4.2), which must not pass for a host.
        if !is_absolute && out[path_start..].starts_with(b"//") {
            out.splice(path_start..path_start, *b"/.");
        }
        if let (true, Some(query)) = (self.keep_query, from.query) {
            out.push(b'?');
            out.extend_from_slice(query);
        }
    }

    fn authority(&self, from: &[u8], out: &mut Vec<u8>) {
        // A colon within the brackets of an IPv6 address begins no port.
        let name_end = from.iter().rposition(|byte| *byte == b']').unwrap_or(0);
        let colon = from[name_end..].iter().position(|byte| *byte == b':');
        let (name, port) = from.split_at(colon.map_or(from.len(), |colon| name_end + colon));
        out.extend_from_slice(self.host.as_deref().map_or(name, str::as_bytes));
        match self.port {
            Some(port) => out.extend_from_slice(format!(":{port}").as_bytes()),
            None if self.scheme.is_none() && self.host.is_none() => out.extend_from_slice(port),
            None => {}
        }
    }
}

/// Changes to a message's fields, applied in this order: remove, set, add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Names in lower case.
    pub remove: Vec<Box<[u8]>>,
    /// Names as written; the one value that the field has afterwards.
    pub set: Vec<(Box<[u8]>, Value)>,
    /// Names as written; a further field line.
    pub add: Vec<(Box<[u8]>, Value)>,
}

impl Edits {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }
}

/// A configured field value. Only literal text today, which is why its bytes are all it has.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Value(Box<[u8]>);

impl Value {
    pub(crate) fn literal(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Value {
    /// Values may be credentials for the upstream; only their length is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({} bytes)", self.0.len())
    }
}

/// A filter named by a route, with what stands next to its `use:`.
#[derive(Debug, Clone)]
pub struct FilterUse {
    /// The filter's name.
    pub name: Box<str>,
    /// The other keys of the entry, for the filter to deserialise.
    pub config: serde_json::Value,
    /// Where it was written.
    pub place: Place,
}
