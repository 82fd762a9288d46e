//! Where a body ends, whether the connection may go on, and who is addressed: everything that two
//! recipients of the same bytes must not read differently.
//!
//! The one place where request smuggling is decided. Transports enter with a parsed head before
//! they look at a body; no other module reads the fields that are read here. Where RFC 9112 leaves
//! a choice between repairing and refusing, this refuses.

use std::fmt;

use memchr::memchr_iter;

use crate::fields::{CONNECTION_OPTIONS_MAX, Fields};
use crate::grammar::{decimal, is_token, list_items};
use crate::head::{Method, RequestHead, ResponseHead, Version};
use crate::names::Name;
use crate::target::{Authority, Target, TargetError, split_authority};

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// There is none.
    Empty,
    /// So many bytes, possibly none.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Everything until the peer closes; responses only.
    UntilClose,
}

/// Why a head cannot be trusted to say where its message ends, or whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FramingError {
    /// `Content-Length` and `Transfer-Encoding` together.
    LengthAndCoding,
    /// More than one `Content-Length` field, be they equal or not.
    SeveralLengths,
    /// A `Content-Length` that is not decimal digits alone, or does not fit into 63 bits.
    Length,
    /// More than one `Transfer-Encoding` field.
    SeveralCodings,
    /// A `Transfer-Encoding` that is not `chunked`, nor other codings before a final `chunked`.
    Coding,
    /// Other transfer codings before the final `chunked`: well-formed, but not implemented.
    UnknownCoding,
    /// `Transfer-Encoding` in HTTP/1.0.
    CodingInHttp10,
    /// A body in a `TRACE` or `CONNECT` request, which have none (RFC 9110 §9.3.6, §9.3.8).
    MethodBody,
    /// More `Connection` options than are looked at, empty ones counted.
    ConnectionOptions,
    /// No `Host` in HTTP/1.1.
    NoHost,
    /// More than one `Host` field.
    SeveralHosts,
    /// A `Host` or an authority that is not one.
    Host(TargetError),
    /// An expectation other than `100-continue`.
    Expectation,
}

impl FramingError {
    /// The status with which to answer a request with this error. For a response the answer is a
    /// 502 in any case.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::UnknownCoding => 501,
            Self::Expectation => 417,
            Self::LengthAndCoding
            | Self::SeveralLengths
            | Self::Length
            | Self::SeveralCodings
            | Self::Coding
            | Self::CodingInHttp10
            | Self::MethodBody
            | Self::ConnectionOptions
            | Self::NoHost
            | Self::SeveralHosts
            | Self::Host(_) => 400,
        }
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LengthAndCoding => "Content-Length and Transfer-Encoding together",
            Self::SeveralLengths => "more than one Content-Length",
            Self::Length => "Content-Length is not a number of bytes",
            Self::SeveralCodings => "more than one Transfer-Encoding",
            Self::Coding => "Transfer-Encoding is not `chunked`",
            Self::UnknownCoding => "a transfer coding other than `chunked`",
            Self::CodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
            Self::MethodBody => "a TRACE or CONNECT request with a body",
            Self::ConnectionOptions => "too many Connection options",
            Self::NoHost => "no Host",
            Self::SeveralHosts => "more than one Host",
            Self::Host(error) => return error.fmt(f),
            Self::Expectation => "an expectation other than `100-continue`",
        })
    }
}

impl std::error::Error for FramingError {}

/// How the body of a request ends. Without a word about it there is none.
///
/// # Errors
/// When the head leaves room for a second opinion about that.
pub fn request_body_length(head: &RequestHead) -> Result<BodyLength, FramingError> {
    let length = stated_length(&head.fields, head.version())?.unwrap_or(BodyLength::Empty);
    match (head.method(), length) {
        (Method::Trace | Method::Connect, BodyLength::Chunked | BodyLength::Length(1..)) => {
            Err(FramingError::MethodBody)
        }
        _ => Ok(length),
    }
}

/// How the body of a response ends that answers a request with `request_method`.
/// [`BodyLength::Empty`] says that no body follows whatever the fields state: after 1xx, 204 and
/// 304, and in answer to `HEAD` or a successful `CONNECT`.
///
/// # Errors
/// When the head leaves room for a second opinion, even if no body follows.
pub fn response_body_length(
    head: &ResponseHead,
    request_method: Method,
) -> Result<BodyLength, FramingError> {
    let stated = stated_length(&head.fields, head.version())?;
    let bodiless = match head.status() {
        0..200 | 204 | 304 => true,
        200..300 => matches!(request_method, Method::Head | Method::Connect),
        _ => request_method == Method::Head,
    };
    if bodiless {
        return Ok(BodyLength::Empty);
    }
    Ok(stated.unwrap_or(BodyLength::UntilClose))
}

/// What the framing fields say, if they say anything, and only if there is one way to read them.
fn stated_length(fields: &Fields, version: Version) -> Result<Option<BodyLength>, FramingError> {
    if fields.contains(Name::Connection) && has_too_many_options(fields) {
        return Err(FramingError::ConnectionOptions);
    }
    if fields.contains(Name::TransferEncoding) {
        return chunked(fields, version).map(Some);
    }
    content_length(fields).map(|length| length.map(BodyLength::Length))
}

fn chunked(fields: &Fields, version: Version) -> Result<BodyLength, FramingError> {
    if version == Version::Http10 {
        return Err(FramingError::CodingInHttp10);
    }
    if fields.contains(Name::ContentLength) {
        return Err(FramingError::LengthAndCoding);
    }
    let mut values = fields.get_all(Name::TransferEncoding);
    let coding = values.next().unwrap_or_default();
    if values.next().is_some() {
        return Err(FramingError::SeveralCodings);
    }
    if coding.eq_ignore_ascii_case(b"chunked") {
        return Ok(BodyLength::Chunked);
    }
    let is_chunked = |item: &[u8]| item.eq_ignore_ascii_case(b"chunked");
    let last_is_chunked = list_items(coding).last().is_some_and(is_chunked);
    let chunked_once = list_items(coding).filter(|item| is_chunked(item)).count() == 1;
    let tokens = coding
        .split(|&byte| byte == b',')
        .all(|item| is_token(crate::grammar::trim(item)));
    if last_is_chunked && chunked_once && tokens {
        return Err(FramingError::UnknownCoding);
    }
    Err(FramingError::Coding)
}

/// The number in `Content-Length`, for callers that state it without a body following (`HEAD`,
/// 304).
///
/// # Errors
/// When there is more than one, or it is not a number.
pub fn content_length(fields: &Fields) -> Result<Option<u64>, FramingError> {
    if !fields.contains(Name::ContentLength) {
        return Ok(None);
    }
    let mut values = fields.get_all(Name::ContentLength);
    let value = values.next().unwrap_or_default();
    if values.next().is_some() {
        return Err(FramingError::SeveralLengths);
    }
    // 63 bits, so that no offset made from it overflows, here or in the next hop.
    let fits = |&length: &u64| i64::try_from(length).is_ok();
    decimal(value)
        .filter(fits)
        .map(Some)
        .ok_or(FramingError::Length)
}

fn has_too_many_options(fields: &Fields) -> bool {
    let commas = |value: &[u8]| memchr_iter(b',', value).count();
    let options: usize = fields
        .get_all(Name::Connection)
        .map(|value| commas(value) + 1)
        .sum();
    options > CONNECTION_OPTIONS_MAX
}

/// Whether `Connection` lists `option`.
#[must_use]
pub fn has_connection_option(fields: &Fields, option: &[u8]) -> bool {
    fields
        .get_all(Name::Connection)
        .flat_map(list_items)
        .any(|item| item.eq_ignore_ascii_case(option))
}

/// Whether the client will send another request on the connection (RFC 9112 §9.3): always in
/// HTTP/1.1 unless it says `close`, only after `keep-alive` in HTTP/1.0.
#[must_use]
pub fn request_wants_keep_alive(head: &RequestHead) -> bool {
    persists(&head.fields, head.version())
}

/// Whether the connection may carry another request after this response, as far as its head tells.
/// The body must still be read to an end that is not the connection's. A 1xx or 204 that claims a
/// body may be followed by one, so that what comes next on the connection cannot be trusted:
/// `false`.
#[must_use]
pub fn response_allows_keep_alive(head: &ResponseHead) -> bool {
    let never_has_one = head.is_informational() || head.status() == 204;
    let claims_body = || {
        head.fields.contains(Name::TransferEncoding)
            || !matches!(content_length(&head.fields), Ok(None | Some(0)))
    };
    persists(&head.fields, head.version()) && !(never_has_one && claims_body())
}

fn persists(fields: &Fields, version: Version) -> bool {
    match (fields.contains(Name::Connection), version) {
        (false, version) => version == Version::Http11,
        (true, Version::Http11) => !has_connection_option(fields, b"close"),
        (true, Version::Http10) => {
            has_connection_option(fields, b"keep-alive") && !has_connection_option(fields, b"close")
        }
    }
}

/// Whom the request is for: the authority of an absolute target or of `CONNECT`, else `Host` (RFC
/// 9112 §3.2, §3.3). `Host` must be sound even where it is not used. `None` only in HTTP/1.0.
///
/// # Errors
/// When `Host` is missing in HTTP/1.1, occurs more than once, or when it or the authority is not a
/// host and a port.
pub fn host<'a>(
    head: &'a RequestHead,
    target: &Target<'a>,
) -> Result<Option<Authority<'a>>, FramingError> {
    let mut values = head.fields.get_all(Name::Host);
    let field = values.next();
    if values.next().is_some() {
        return Err(FramingError::SeveralHosts);
    }
    let field = match field {
        Some(value) => Some(split_authority(value).map_err(FramingError::Host)?),
        None if head.version() == Version::Http11 => return Err(FramingError::NoHost),
        None => None,
    };
    match *target {
        Target::Absolute { authority, .. } | Target::Authority { authority } => {
            split_authority(authority)
                .map(Some)
                .map_err(FramingError::Host)
        }
        Target::Origin { .. } | Target::Asterisk => Ok(field),
    }
}

/// Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1). HTTP/1.0 cannot
/// ask for it.
///
/// # Errors
/// On any other expectation: 417.
pub fn expects_continue(head: &RequestHead) -> Result<bool, FramingError> {
    if head.version() == Version::Http10 || !head.fields.contains(Name::Expect) {
        return Ok(false);
    }
    let mut expectations = head.fields.get_all(Name::Expect).flat_map(list_items);
    if expectations.all(|item| item.eq_ignore_ascii_case(b"100-continue")) {
        Ok(true)
    } else {
        Err(FramingError::Expectation)
    }
}

/// The protocols that `Upgrade` offers or, in a 101, chose, in order; only when `Connection` lists
/// `upgrade` (RFC 9110 §7.8). In an HTTP/1.0 request the caller must ignore it.
#[must_use]
pub fn upgrade(fields: &Fields) -> Option<impl Iterator<Item = &[u8]>> {
    let offered = fields.contains(Name::Upgrade) && has_connection_option(fields, b"upgrade");
    offered.then(|| fields.get_all(Name::Upgrade).flat_map(list_items))
}
