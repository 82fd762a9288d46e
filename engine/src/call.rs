//! Calls without a client: rooms 6 to 8 for a request that this program makes itself.
//!
//! A filter's side call enters here. It is an exchange of its own, with a body and a reply in memory,
//! no route and no filters; it shares pools, balancing, timeouts and counters with forwarded
//! requests. Dropping its future gives it up, and closes the connection that it was using.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use corelane_codec::{BodyLength, Fields, Name, RequestHead};

use crate::downstream::Peer;
use crate::error::{Error, Kind};
use crate::exchange::{self, Arrival, Exchange, Scratch, Tally};
use crate::forward::{Sink, Source};
use crate::identity::Identity;
use crate::io::deadline::{Interrupted, Waiter};
use crate::rt::clock::Millis;
use crate::rt::timer::Alarm;
use crate::service::{ServiceState, millis};
use crate::worker::{Local, Worker};

/// The most bytes of a response's body, unless the request says otherwise: an answer to a question,
/// not a download.
const RESPONSE_BYTES: usize = 1024 * 1024;

/// A service that can be called.
#[derive(Debug, Clone)]
pub struct Service {
    state: Rc<ServiceState>,
}

impl Service {
    pub(crate) fn new(state: Rc<ServiceState>) -> Self {
        Self { state }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }
}

/// A request to a service.
#[derive(Debug, Clone)]
pub struct Request {
    head: RequestHead,
    body: Bytes,
    timeout: Option<Duration>,
    response_bytes: usize,
    fault: Option<CallError>,
}

impl Request {
    /// A request with this method, for `target`: a path that begins with `/`, with a query if there
    /// is one, and both escaped as they go on the wire.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let mut head = RequestHead::new();
        let sound = head.set_method(method.as_bytes())
            && method != "CONNECT"
            && target.starts_with('/')
            && head.set_target(target.as_bytes());
        Self {
            head,
            body: Bytes::new(),
            timeout: None,
            response_bytes: RESPONSE_BYTES,
            fault: (!sound).then_some(CallError::Unsendable),
        }
    }

    /// A GET request for `target`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST request for `target` with this body.
    #[must_use]
    pub fn post(target: &str, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new("POST", target)
            .field("content-type", content_type)
            .body(body)
    }

    /// Adds a field. A name or value that cannot stand in a head makes the call fail.
    #[must_use]
    pub fn field(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        if !self.head.fields.push(name.as_ref(), value.as_ref()) {
            self.fault = Some(CallError::Unsendable);
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// From the call to the last byte of the response. Without it the call may take as long as the
    /// exchange that it is for, and the timeouts of `limits:` hold.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The most bytes of the response's body; 1 MiB unless this is called.
    #[must_use]
    pub fn response_bytes_max(mut self, bytes: usize) -> Self {
        self.response_bytes = bytes;
        self
    }

    fn length(&self) -> BodyLength {
        match self.body.len() {
            0 => BodyLength::Empty,
            length => BodyLength::Length(length as u64),
        }
    }
}

/// A whole response.
#[derive(Debug, Clone)]
pub struct Response {
    status: u16,
    fields: Fields,
    body: Vec<u8>,
}

impl Response {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The fields, without those that concern the connection only.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The body, in whatever content coding it came.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Why a call has no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The request's method, target or a field is none.
    Unsendable,
    /// No whole response came.
    Failed(Error),
}

impl CallError {
    /// The status with which to answer a request that depends on the call: 502, 503 or 504 when the
    /// service is to blame, else 500.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unsendable => 500,
            Self::Failed(error) => error.reply().0,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsendable => f.write_str("the request of a call cannot stand on the wire"),
            Self::Failed(_) => f.write_str("a call got no response"),
        }
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unsendable => None,
            Self::Failed(error) => Some(error),
        }
    }
}

/// On whose behalf a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    worker: &'a Rc<Worker>,
    local: &'a Rc<Local>,
    peer: Peer,
    identity: Identity,
    total: Millis,
}

impl<'a> Caller<'a> {
    pub(crate) fn of(exchange: &Exchange<'a>) -> Self {
        Self {
            worker: exchange.worker,
            local: exchange.local,
            peer: exchange.peer,
            identity: exchange.identity,
            total: exchange.total,
        }
    }

    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.identity.client
    }

    pub(crate) fn request_id(&self) -> &str {
        self.identity.request_id.as_str()
    }

    /// When a call that is made now must be over.
    fn deadline(&self, request: &Request, now: Millis) -> Millis {
        let own = request
            .timeout
            .map_or(self.total, |timeout| now.saturating_add(millis(timeout)));
        own.min(self.total)
    }
}

/// Asks `service` and waits for its whole response.
///
/// # Errors
/// When there is none.
pub(crate) async fn call(
    caller: Caller<'_>,
    service: &Service,
    request: Request,
) -> Result<Response, CallError> {
    if let Some(fault) = request.fault {
        return Err(fault);
    }
    // An alarm of its own, so that several calls of one exchange can wait at the same time.
    let alarm = Alarm::new();
    let waiter = Waiter {
        timers: &caller.worker.timers,
        alarm: &alarm,
    };
    let total = caller.deadline(&request, waiter.now_ms());
    let mut scratch = Scratch::new();
    let mut body = Vec::new();
    write_head(&mut scratch, &request, service, &caller);
    let nobody_watches = Cell::new(false);
    let mut exchange = Exchange {
        worker: caller.worker,
        local: caller.local,
        peer: caller.peer,
        read: &nobody_watches,
        waiter,
        arrival: arrival(&request, caller.worker),
        identity: caller.identity,
        request: &mut scratch.request,
        response: &mut scratch.response,
        notes: &mut scratch.notes,
        wire: &mut scratch.wire,
        body: Source::memory(&request.body),
        reply: Sink::Memory {
            body: &mut body,
            most: request.response_bytes,
        },
        filters: None,
        total,
        tally: Tally::default(),
    };
    let sent = exchange::send(&mut exchange, None, &service.state, None);
    match waiter.until(total, sent).await {
        Ok(Ok(_done)) => Ok(Response {
            status: scratch.response.status(),
            fields: std::mem::take(&mut scratch.response.fields),
            body,
        }),
        Ok(Err(error)) => Err(CallError::Failed(error)),
        Err(Interrupted::Elapsed) => Err(CallError::Failed(Kind::TotalTimeout.into())),
        Err(Interrupted::Aborted) => Err(CallError::Failed(Kind::ClientGone.into())),
    }
}

fn write_head(scratch: &mut Scratch, request: &Request, service: &Service, caller: &Caller<'_>) {
    scratch.request = request.head.clone();
    scratch
        .notes
        .target
        .extend_from_slice(request.head.target());
    let fields = &mut scratch.request.fields;
    if !fields.contains(Name::Host) {
        fields.set_known(Name::Host, service.name().as_bytes());
    }
    if !fields.contains(Name::XRequestId) {
        fields.set_known(Name::XRequestId, caller.request_id().as_bytes());
    }
}

fn arrival(request: &Request, worker: &Worker) -> Arrival {
    Arrival {
        refused: None,
        length: request.length(),
        expects_continue: false,
        http11: true,
        keep_alive: true,
        started_us: worker.timers.clock.now_us(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_stand_on_the_wire_is_a_fault() {
        let faulty = |request: Request| request.fault == Some(CallError::Unsendable);
        assert!(!faulty(Request::get("/keys?id=%20").field("x-key", "a b")));
        assert!(faulty(Request::get("keys")));
        assert!(faulty(Request::get("/a b")));
        assert!(faulty(Request::get("/\r\nx: y")));
        assert!(faulty(Request::new("G ET", "/")));
        assert!(faulty(Request::new("CONNECT", "/")));
        assert!(faulty(Request::get("/").field("x-key", "a\r\nb: c")));
        assert!(faulty(Request::get("/").field("x key", "a")));
    }
}
