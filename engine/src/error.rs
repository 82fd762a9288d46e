//! What can go wrong with an exchange, who is to blame, what the client is told, and whether it may
//! be tried again.
//!
//! Two exhaustive matches decide the last two, so that a new kind cannot be forgotten in either. Who
//! is to blame follows from the outcome, so that an error and its line in the log agree.

use std::fmt;

use corelane_codec::{BodyError, FramingError, HeadError, TargetError};

use crate::outcome::{Outcome, Side};

/// Why an exchange did not go as the client wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What happened.
    pub kind: Kind,
}

/// What happened, to the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The request head is not one (RFC 9112 §3, §5).
    Head(HeadError),
    /// The request's framing fields contradict each other or the rules (RFC 9112 §6, §7).
    Framing(FramingError),
    /// The request target or its path is not one (RFC 9112 §3.2, RFC 3986).
    Target(TargetError),
    /// The request body does not follow its framing.
    Body(BodyError),
    /// The request body is larger than `limits.request_body_bytes`.
    BodyTooLarge,
    /// `CONNECT`, which this gateway does not do.
    Connect,
    /// The head did not come within `limits.request_head_timeout`.
    HeadTimeout,
    /// The body came slower than `limits.body_min_rate`.
    BodyTooSlow,
    /// The client reads the reply slower than `limits.body_min_rate`.
    ReplyTooSlow,
    /// The client has reset or closed the connection.
    ClientGone,
    /// Our own `Via` was seen too often.
    Loop,
    /// No route is for this request.
    NoRoute,
    /// The service has no endpoint that could be asked.
    NoEndpoint,
    /// No connection: refused, unreachable, or a local error.
    ConnectFailed,
    /// No connection within the service's `connect_timeout`.
    ConnectTimeout,
    /// The upstream closed or reset the connection before its response was complete.
    UpstreamReset,
    /// The upstream's response head is not one.
    UpstreamHead(HeadError),
    /// The upstream's response framing contradicts the rules.
    UpstreamFraming(FramingError),
    /// The upstream's response body does not follow its framing.
    UpstreamBody(BodyError),
    /// The upstream sent more 1xx than `limits.interim_responses`, or a 101 that nobody asked for.
    UpstreamInterim,
    /// No response head within the route's `response_timeout`.
    ResponseTimeout,
    /// The exchange took longer than the route's `timeout`.
    TotalTimeout,
    /// The upstream was silent within a body for longer than its idle timeout.
    IdleTimeout,
    /// A filter failed.
    Filter(u16),
    /// The response to a call is larger than the call takes.
    AnswerTooLarge,
    /// A defect of ours.
    Internal,
}

/// When an exchange that failed may be sent again, to another endpoint if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The failure would repeat, or the request may have been processed.
    Never,
    /// No byte of the request has reached anybody.
    Unsent,
    /// The upstream said nothing; it may be repeated if the method is idempotent, or if nothing was
    /// sent.
    IfSafe,
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}

impl Error {
    /// Who is to blame: whoever its outcome blames. What a filter reports as its own failure ends in an
    /// outcome that blames nobody, and is this program's.
    #[must_use]
    pub fn side(self) -> Side {
        self.reply().1.side().unwrap_or(Side::Proxy)
    }

    /// The status and the outcome of the local reply that tells the client.
    #[must_use]
    pub fn reply(self) -> (u16, Outcome) {
        match self.kind {
            Kind::Head(error) => (error.status(), head_outcome(error.status())),
            Kind::Framing(error) => (error.status(), Outcome::BadRequest),
            Kind::Target(error) => (error.status(), Outcome::BadRequest),
            Kind::Body(error) => (error.status(), head_outcome(error.status())),
            Kind::BodyTooLarge => (413, Outcome::BodyTooLarge),
            Kind::Connect => (501, Outcome::BadRequest),
            Kind::HeadTimeout | Kind::BodyTooSlow | Kind::ReplyTooSlow => {
                (408, Outcome::ClientTimeout)
            }
            Kind::ClientGone => (499, Outcome::ClientGone),
            Kind::Loop => (508, Outcome::Loop),
            Kind::NoRoute => (404, Outcome::NoRoute),
            Kind::NoEndpoint => (503, Outcome::NoEndpoint),
            Kind::ConnectFailed => (502, Outcome::ConnectFailed),
            Kind::ConnectTimeout => (504, Outcome::ConnectTimeout),
            Kind::UpstreamReset => (502, Outcome::UpstreamReset),
            Kind::UpstreamHead(_)
            | Kind::UpstreamFraming(_)
            | Kind::UpstreamBody(_)
            | Kind::UpstreamInterim
            | Kind::AnswerTooLarge => (502, Outcome::UpstreamMalformed),
            Kind::ResponseTimeout => (504, Outcome::ResponseTimeout),
            Kind::TotalTimeout => (504, Outcome::TotalTimeout),
            Kind::IdleTimeout => (504, Outcome::IdleTimeout),
            Kind::Filter(status) => (status, Outcome::LocalReply),
            Kind::Internal => (500, Outcome::Internal),
        }
    }

    /// Whether the request may be sent again.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self.kind {
            Kind::ConnectFailed | Kind::ConnectTimeout => Retry::Unsent,
            Kind::UpstreamReset => Retry::IfSafe,
            Kind::Head(_)
            | Kind::Framing(_)
            | Kind::Target(_)
            | Kind::Body(_)
            | Kind::BodyTooLarge
            | Kind::Connect
            | Kind::HeadTimeout
            | Kind::BodyTooSlow
            | Kind::ReplyTooSlow
            | Kind::ClientGone
            | Kind::Loop
            | Kind::NoRoute
            | Kind::NoEndpoint
            | Kind::UpstreamHead(_)
            | Kind::UpstreamFraming(_)
            | Kind::UpstreamBody(_)
            | Kind::UpstreamInterim
            | Kind::ResponseTimeout
            | Kind::TotalTimeout
            | Kind::IdleTimeout
            | Kind::Filter(_)
            | Kind::AnswerTooLarge
            | Kind::Internal => Retry::Never,
        }
    }

    /// Whether the request's head is at fault, so that it is not sure where the request ends.
    pub(crate) fn is_in_request_head(self) -> bool {
        matches!(
            self.kind,
            Kind::Head(_) | Kind::Framing(_) | Kind::Target(_) | Kind::Connect | Kind::HeadTimeout
        )
    }

    /// The name of the limit or timeout that made this, where one did.
    #[must_use]
    pub fn limit(self) -> Option<&'static str> {
        match self.kind {
            Kind::Head(error) => request_head_limit(error),
            Kind::Body(error) | Kind::UpstreamBody(error) => body_limit(error),
            Kind::BodyTooLarge => Some("request_body_bytes"),
            Kind::HeadTimeout => Some("request_head_timeout"),
            Kind::BodyTooSlow | Kind::ReplyTooSlow => Some("body_min_rate"),
            Kind::Loop => Some("via_passes"),
            Kind::ConnectTimeout => Some("connect_timeout"),
            Kind::UpstreamHead(error) => response_head_limit(error),
            Kind::UpstreamInterim => Some("interim_responses"),
            Kind::ResponseTimeout => Some("response_timeout"),
            Kind::TotalTimeout => Some("timeout"),
            Kind::IdleTimeout => Some("idle_timeout"),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Head(error) => write!(f, "{error}"),
            Kind::Framing(error) => write!(f, "{error}"),
            Kind::Target(error) => write!(f, "{error}"),
            Kind::Body(error) => write!(f, "{error}"),
            Kind::BodyTooLarge => f.write_str("the request body is larger than this gateway takes"),
            Kind::Connect => f.write_str("CONNECT is not offered here"),
            Kind::HeadTimeout => f.write_str("the request head did not come in time"),
            Kind::BodyTooSlow => f.write_str("the request body came too slowly"),
            Kind::ReplyTooSlow => f.write_str("the reply was read too slowly"),
            Kind::ClientGone => f.write_str("the client has left"),
            Kind::Loop => f.write_str("this request has passed here too often: a loop"),
            Kind::NoRoute => f.write_str("no route is for this request"),
            Kind::NoEndpoint => f.write_str("the service has no endpoint that could be asked"),
            Kind::ConnectFailed => f.write_str("the upstream refused the connection"),
            Kind::ConnectTimeout => {
                f.write_str("the upstream did not accept the connection in time")
            }
            Kind::UpstreamReset => {
                f.write_str("the upstream closed the connection before its response was complete")
            }
            Kind::UpstreamHead(error) => write!(f, "the upstream's response is malformed: {error}"),
            Kind::UpstreamFraming(error) => {
                write!(f, "the upstream's response is malformed: {error}")
            }
            Kind::UpstreamBody(error) => write!(f, "the upstream's response is malformed: {error}"),
            Kind::UpstreamInterim => {
                f.write_str("the upstream sent interim responses out of place")
            }
            Kind::ResponseTimeout => f.write_str("the upstream did not begin its response in time"),
            Kind::TotalTimeout => f.write_str("the exchange took longer than its route allows"),
            Kind::IdleTimeout => f.write_str("the upstream went silent within its response"),
            Kind::Filter(_) => f.write_str("a filter failed"),
            Kind::AnswerTooLarge => {
                f.write_str("the response to a call is larger than the call takes")
            }
            Kind::Internal => f.write_str("an internal error"),
        }
    }
}

impl std::error::Error for Error {}

/// The key under `limits:` that a request's head exceeds.
fn request_head_limit(error: HeadError) -> Option<&'static str> {
    match error {
        HeadError::StartLineTooLong => Some("request_line_bytes"),
        HeadError::HeadTooLarge => Some("request_head_bytes"),
        HeadError::FieldLineTooLong => Some("request_field_bytes"),
        HeadError::TooManyFields => Some("request_fields"),
        _ => None,
    }
}

/// The same for a response's head, whose lines have no limits of their own.
fn response_head_limit(error: HeadError) -> Option<&'static str> {
    match error {
        HeadError::StartLineTooLong | HeadError::HeadTooLarge | HeadError::FieldLineTooLong => {
            Some("response_head_bytes")
        }
        HeadError::TooManyFields => Some("response_fields"),
        _ => None,
    }
}

/// The same for the framing of a body.
fn body_limit(error: BodyError) -> Option<&'static str> {
    match error {
        BodyError::ChunkLineTooLong => Some("chunk_line_bytes"),
        BodyError::TrailersTooLarge => Some("trailer_bytes"),
        BodyError::TooManyTrailers => Some("trailer_fields"),
        _ => None,
    }
}

/// The outcome that goes with the status of a codec error.
fn head_outcome(status: u16) -> Outcome {
    match status {
        414 => Outcome::TargetTooLong,
        431 => Outcome::HeadTooLarge,
        413 => Outcome::BodyTooLarge,
        _ => Outcome::BadRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_travel_in_a_register_or_two() {
        assert!(size_of::<Error>() <= 24, "{} bytes", size_of::<Error>());
    }

    #[test]
    fn an_error_blames_whom_its_outcome_blames() {
        for (kind, side) in [
            (Kind::ClientGone, Side::Downstream),
            (Kind::NoRoute, Side::Downstream),
            (Kind::NoEndpoint, Side::Upstream),
            (Kind::ConnectFailed, Side::Upstream),
            (Kind::Loop, Side::Proxy),
            (Kind::Internal, Side::Proxy),
        ] {
            let error = Error::from(kind);
            assert_eq!(error.side(), side, "{kind:?}");
            assert_eq!(error.reply().1.side(), Some(side), "{kind:?}");
        }
        assert_eq!(Error::from(Kind::Filter(500)).side(), Side::Proxy);
    }

    #[test]
    fn timeouts_are_told_apart() {
        let of = |kind: Kind| Error::from(kind).reply();
        assert_eq!(of(Kind::ConnectTimeout), (504, Outcome::ConnectTimeout));
        assert_eq!(of(Kind::ResponseTimeout), (504, Outcome::ResponseTimeout));
        assert_eq!(of(Kind::TotalTimeout), (504, Outcome::TotalTimeout));
        assert_eq!(of(Kind::HeadTimeout), (408, Outcome::ClientTimeout));
    }
}
