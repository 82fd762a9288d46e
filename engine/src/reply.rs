//! Replies that the gateway makes itself: of routes, of errors, of filters.
//!
//! Each names its outcome and the request's id; an error says which limit or rule made it, and
//! nothing about what lies behind the gateway.

use bytes::Bytes;
use corelane_codec::encode::{Persistence, ResponseFraming, encode_response_head};
use corelane_codec::{BodyLength, Method, Name, ResponseHead};
use corelane_config::{Action, MethodSet, Redirect, RedirectFrom, Route};

use crate::error::{Error, Kind};
use crate::exchange::{Done, Exchange};
use crate::filter::{self, Direction};
use crate::forward::{self, Sink, Source, Stage};
use crate::outcome::Outcome;

/// A reply that is made here.
#[derive(Debug, Clone)]
pub struct LocalReply {
    status: u16,
    outcome: Outcome,
    fields: Vec<(Bytes, Bytes)>,
    body: Bytes,
}

impl LocalReply {
    /// A reply with this status and nothing in it. A status that ends no exchange (it is not within
    /// 200 to 599) becomes 500.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status: if (200..600).contains(&status) {
                status
            } else {
                500
            },
            outcome: Outcome::LocalReply,
            fields: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Adds a field. One that is not a field name and a field value (RFC 9110 §5.1, §5.5) is dropped
    /// when the reply is sent.
    #[must_use]
    pub fn field(mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.field("content-type", content_type)
    }

    /// Says how the exchange ended; `local_reply` unless this is called.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }
}

/// The reply of a route that says `respond:`.
pub(crate) async fn respond(exchange: &mut Exchange<'_>, route: &Route) -> Result<Done, Error> {
    let Action::Respond {
        status,
        body,
        headers,
    } = &route.action
    else {
        return Err(Kind::Internal.into());
    };
    begin(exchange.response, *status);
    for (name, value) in headers {
        exchange.response.fields.push(name, value.as_bytes());
    }
    crate::request::apply(&route.response_edits, &mut exchange.response.fields);
    finish(exchange, Outcome::LocalReply, body).await
}

/// The reply of a route that says `redirect:`.
pub(crate) async fn redirect(
    exchange: &mut Exchange<'_>,
    route: &Route,
    redirect: &Redirect,
) -> Result<Done, Error> {
    begin(exchange.response, redirect.status);
    let notes = &mut *exchange.notes;
    let mut location = std::mem::take(&mut notes.text);
    location.clear();
    let from = RedirectFrom {
        scheme: "http",
        authority: &notes.authority,
        path: &notes.path,
        query: notes.query(),
    };
    redirect.location(from, &route.matcher, &notes.captures, &mut location);
    exchange
        .response
        .fields
        .push_known(Name::Location, &location);
    notes.text = location;
    crate::request::apply(&route.response_edits, &mut exchange.response.fields);
    finish(exchange, Outcome::LocalReply, b"").await
}

/// 405 with the methods that would have been allowed (RFC 9110 §15.5.6).
pub(crate) async fn method_not_allowed(
    exchange: &mut Exchange<'_>,
    methods: MethodSet,
) -> Result<Done, Error> {
    begin(exchange.response, 405);
    let allow = exchange.local.snapshot().table.allow(methods).to_string();
    exchange
        .response
        .fields
        .push_known(Name::Allow, allow.as_bytes());
    let detail = "no route for this path takes this method";
    problem(exchange, Outcome::MethodNotAllowed, detail, None).await
}

/// The reply to what ends at the gateway itself: `OPTIONS` finds somebody there, `TRACE` is not
/// reflected (RFC 9110 §9.3.7, §9.3.8).
pub(crate) async fn of_gateway(exchange: &mut Exchange<'_>) -> Result<Done, Error> {
    begin(
        exchange.response,
        status_of_gateway(exchange.request.method()),
    );
    finish(exchange, Outcome::LocalReply, b"").await
}

/// What the gateway itself answers to a method with.
pub(crate) const fn status_of_gateway(method: Method) -> u16 {
    match method {
        Method::Options => 204,
        _ => 501,
    }
}

/// A reply that a filter made.
pub(crate) async fn local(exchange: &mut Exchange<'_>, reply: &LocalReply) -> Result<Done, Error> {
    begin(exchange.response, reply.status);
    for (name, value) in &reply.fields {
        exchange.response.fields.push(name, value);
    }
    finish(exchange, reply.outcome, &reply.body).await
}

/// Tells the client what went wrong.
pub(crate) async fn error(exchange: &mut Exchange<'_>, error: Error) -> Result<Done, Error> {
    let (status, outcome) = error.reply();
    begin(exchange.response, status);
    let filters = exchange.filters.as_ref();
    let told = filters.and_then(|filters| filters.take_failure());
    let detail = match (error.kind, told) {
        (Kind::Filter(_), Some(failure)) => failure.text().to_owned(),
        _ => error.to_string(),
    };
    problem(exchange, outcome, &detail, error.limit()).await
}

fn begin(head: &mut ResponseHead, status: u16) {
    head.clear();
    head.set_status(status);
}

/// A problem document (RFC 9457).
async fn problem(
    exchange: &mut Exchange<'_>,
    outcome: Outcome,
    detail: &str,
    limit: Option<&str>,
) -> Result<Done, Error> {
    let status = exchange.response.status();
    let mut document = serde_json::json!({
        "title": corelane_codec::reason_phrase(status),
        "status": status,
        "detail": detail,
        "outcome": outcome.as_str(),
        "request_id": exchange.identity.request_id.as_str(),
    });
    if let Some(limit) = limit {
        document["limit"] = limit.into();
    }
    exchange
        .response
        .fields
        .push_known(Name::ContentType, b"application/problem+json");
    finish(exchange, outcome, format!("{document}\n").as_bytes()).await
}

/// Sends the head that lies in `exchange.response`, with a body.
async fn finish(exchange: &mut Exchange<'_>, outcome: Outcome, body: &[u8]) -> Result<Done, Error> {
    filter::on_response(exchange).await?;
    exchange.body.skip_buffered();
    let request_id = exchange.identity.request_id;
    let fields = &mut exchange.response.fields;
    fields.set_known(Name::XCorelaneOutcome, outcome.as_str().as_bytes());
    if !request_id.as_bytes().is_empty() {
        fields.set_known(Name::XRequestId, request_id.as_bytes());
    }
    exchange
        .worker
        .timers
        .clock
        .with_date(|date| fields.set_known(Name::Date, date));
    let mut stage = Stage::of(exchange.filters.as_ref(), Direction::Response);
    let length = BodyLength::Length(body.len() as u64);
    let (framing, has_body) = match (exchange.response.status(), exchange.request.method()) {
        (204 | 304, _) => (ResponseFraming::Bodiless, false),
        (_, Method::Head) => (length.into(), false),
        _ => (exchange.reply_framing(stage.framing(length)), true),
    };
    if let Sink::Wire(wire) = &mut exchange.reply {
        wire.take_back();
    }
    let request_read = exchange.body.is_ended();
    exchange.begin_reply(framing, request_read);
    if has_body {
        let mut source = Source::memory(body);
        forward::pump(&mut source, &mut stage, &mut exchange.reply).await?;
    } else {
        exchange.reply.flush().await?;
    }
    Ok(Done::Replied(outcome))
}

impl Exchange<'_> {
    /// How a body of this length reaches the client: what has no length goes in chunks, or, to an
    /// HTTP/1.0 client, until the connection closes.
    pub(crate) fn reply_framing(&self, length: BodyLength) -> ResponseFraming {
        match (length, self.arrival.http11) {
            (BodyLength::Chunked | BodyLength::UntilClose, true) => ResponseFraming::Chunked,
            (BodyLength::Chunked | BodyLength::UntilClose, false) => ResponseFraming::UntilClose,
            (BodyLength::Empty | BodyLength::Length(_), _) => length.into(),
        }
    }

    /// Writes the reply's head; it waits in the sink for the first bytes of the body.
    pub(crate) fn begin_reply(&mut self, framing: ResponseFraming, request_read: bool) {
        if framing == ResponseFraming::UntilClose {
            self.arrival.keep_alive = false;
        }
        let persistence = self.persistence(request_read);
        self.tally.status = self.response.status();
        self.tally.replied = true;
        if let Sink::Wire(wire) = &mut self.reply {
            wire.framing = match framing {
                ResponseFraming::Bodiless => BodyLength::Empty,
                ResponseFraming::Length(length) => BodyLength::Length(length),
                ResponseFraming::Chunked => BodyLength::Chunked,
                ResponseFraming::UntilClose => BodyLength::UntilClose,
            };
            encode_response_head(wire.out(), self.response, framing, persistence);
        }
    }

    /// What the reply's head says about the connection. Also settles it: what is said is kept.
    pub(crate) fn persistence(&mut self, request_read: bool) -> Persistence<'static> {
        // A request that is still coming in when its answer leaves may never end: whoever sends it
        // must not wait for another turn on this connection.
        let goes_on = self.arrival.keep_alive && request_read && !self.worker.is_draining();
        self.arrival.keep_alive = goes_on;
        match (goes_on, self.arrival.http11) {
            (false, _) => Persistence::Close,
            (true, true) => Persistence::Implied,
            (true, false) => Persistence::KeepAlive,
        }
    }
}
