//! What a hook sees of an exchange: the request and who asks, or the response. Views only: they hold
//! nothing beyond the hook's call.

use std::fmt;
use std::net::IpAddr;

use corelane_codec::{Fields, RequestHead, ResponseHead};
use corelane_config::Route;

use crate::call::{self, CallError, Caller, Request, Response, Service};
use crate::exchange::{Exchange, Notes};

/// The request that a filter looks at, and the means to ask others about it.
///
/// Fields that a client may not set are gone already: identities (`X-User-ID`, …), the forwarding
/// fields of untrusted peers, what concerns its connection only.
pub struct RequestCx<'a> {
    head: &'a mut RequestHead,
    notes: &'a Notes,
    caller: Caller<'a>,
    route: Option<&'a Route>,
}

impl<'a> RequestCx<'a> {
    pub(super) fn of(exchange: &'a mut Exchange<'_>) -> Self {
        let route = exchange.tally.route;
        Self {
            route: route.map(|id| &**exchange.local.snapshot().route(id)),
            caller: Caller::of(exchange),
            notes: &*exchange.notes,
            head: &mut *exchange.request,
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        text(self.head.method_bytes())
    }

    /// The path in its normal form: what is routed and forwarded. It begins with `/`, or is `*`.
    #[must_use]
    pub fn path(&self) -> &str {
        text(&self.notes.path)
    }

    /// What follows the `?`, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.notes.query().map(text)
    }

    /// The host that is asked for, without its port; empty when an HTTP/1.0 client named none.
    #[must_use]
    pub fn host(&self) -> &str {
        text(self.notes.host())
    }

    /// The name of the route.
    #[must_use]
    pub fn route(&self) -> &str {
        self.route.map_or("", |route| &route.name)
    }

    /// The part of the path that the route calls `{name}`.
    #[must_use]
    pub fn capture(&self, name: &str) -> Option<&str> {
        let index = self.route?.matcher.path.capture_named(name)?;
        let captured = self.notes.captures.get(index, &self.notes.path);
        captured.map(text)
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.head.fields
    }

    /// The fields, for editing. What concerns the framing or the connection is written anew
    /// afterwards, whatever is set here; Host is the route's business.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.head.fields
    }

    /// Who asks, with trusted proxies looked through; `None` on a Unix socket.
    #[must_use]
    pub fn client(&self) -> Option<IpAddr> {
        self.caller.client()
    }

    /// What the request is called in logs and replies.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.caller.request_id()
    }

    /// Asks a service something before the request goes on. The call is made on this core, with the
    /// same balancing, pools and timeouts as forwarded requests, and carries the request's id. To
    /// drop its future is to give it up: the connection that it used is closed.
    ///
    /// # Errors
    /// When there is no whole response: nobody answered, not in time, or more than was asked for. A
    /// response with an error status is a response.
    pub async fn call(&self, service: &Service, request: Request) -> Result<Response, CallError> {
        call::call(self.caller, service, request).await
    }
}

impl fmt::Debug for RequestCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestCx")
            .field("method", &self.method())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

/// The response that a filter looks at.
pub struct ResponseCx<'a> {
    head: &'a mut ResponseHead,
    caller: Caller<'a>,
}

impl<'a> ResponseCx<'a> {
    pub(super) fn of(exchange: &'a mut Exchange<'_>) -> Self {
        Self {
            caller: Caller::of(exchange),
            head: &mut *exchange.response,
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    /// Changes the status, within 200 to 599 and with its usual reason phrase. Whether a body follows
    /// is settled, so that nothing becomes a 204 or a 304, or ceases to be one: then nothing changes
    /// and the answer is `false`.
    pub fn set_status(&mut self, status: u16) -> bool {
        let settled = |status: u16| !(200..600).contains(&status) || matches!(status, 204 | 304);
        !settled(status) && !settled(self.status()) && self.head.set_status(status)
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.head.fields
    }

    /// The fields, for editing. What concerns the framing or the connection is written anew
    /// afterwards, whatever is set here.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.head.fields
    }

    /// What the request is called in logs and replies.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.caller.request_id()
    }
}

impl fmt::Debug for ResponseCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCx")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Methods, hosts, paths and queries are ASCII: the parser takes nothing else.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
