//! The two kinds of heads: start line and fields.
//!
//! Transports enter with the bytes of a connection and leave with a head whose every byte was
//! accounted for; filters then edit it in place. Nothing here decides what a field means: that is
//! [`crate::framing`].

use memchr::memchr;

use crate::error::HeadError;
use crate::fields::Fields;
use crate::grammar::{is_field_text, is_target, is_token};
use crate::scan::{HeadLimits, HeadScan, Opening, line_control_error};

/// The version that a message names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// The methods that the gateway treats differently from others. Case-sensitive (RFC 9110 §9.1):
/// `get` is `Other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "each is the method of its name, RFC 9110 §9.3 and RFC 5789"
)]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    /// Any other token; its text is [`RequestHead::method_bytes`].
    Other,
}

impl Method {
    /// The method that `text` is.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        match text {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// The method on the wire; empty for [`Method::Other`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other => "",
        }
    }

    /// Whether it is safe (RFC 9110 §9.2.1): asks for nothing to change. An unknown method is not.
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace)
    }

    /// Whether it is idempotent (RFC 9110 §9.2.2): sent twice is as good as once. An unknown method
    /// is not.
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        self.is_safe() || matches!(self, Self::Put | Self::Delete)
    }
}

/// How far parsing a head came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The head goes on: call again with the same bytes and more.
    Partial,
    /// The head is there.
    Complete {
        /// Its length: what follows is the body or the next message.
        consumed: usize,
    },
}

/// The head of a request. [`Default`] is `GET /` with no fields.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The fields in the order in which they came.
    pub fields: Fields,
    method: Method,
    /// The text of a method that has no number of its own.
    other_method: Vec<u8>,
    target: Vec<u8>,
    version: Version,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestHead {
    /// An empty head.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fields: Fields::new(),
            method: Method::Get,
            other_method: Vec::new(),
            target: Vec::new(),
            version: Version::Http11,
        }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.method = Method::Get;
        self.other_method.clear();
        self.target.clear();
        self.version = Version::Http11;
    }

    /// Reads a head from `input`, which begins with the head's first byte on every call. Up to two
    /// empty lines before the request line are skipped and counted as consumed (RFC 9112 §2.2).
    /// While the answer is [`Parsed::Partial`], `scan` and `self` must be kept for the next call.
    ///
    /// # Errors
    /// As soon as the bytes cannot become a head, or break one of `limits`.
    pub fn parse(
        &mut self,
        input: &[u8],
        scan: &mut HeadScan,
        limits: &HeadLimits,
    ) -> Result<Parsed, HeadError> {
        if scan.at_start_line() {
            let Some(line) = scan.start_line(input, limits, Opening::Request)? else {
                return Ok(Parsed::Partial);
            };
            self.clear();
            self.read_request_line(&input[line])?;
            if let Some(consumed) = read_plain_fields(&mut self.fields, input, scan, limits) {
                return Ok(Parsed::Complete { consumed });
            }
        }
        read_fields(&mut self.fields, input, scan, limits)
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The method's text.
    #[must_use]
    pub fn method_bytes(&self) -> &[u8] {
        match self.method {
            Method::Other => &self.other_method,
            known => known.as_str().as_bytes(),
        }
    }

    /// Changes the method. What is no token changes nothing, and the answer is `false`.
    pub fn set_method(&mut self, text: &[u8]) -> bool {
        let method = Method::of(text);
        let sound = method != Method::Other || is_token(text);
        if sound {
            self.method = method;
            self.other_method.clear();
            self.other_method
                .extend_from_slice(if method == Method::Other { text } else { b"" });
        }
        sound
    }

    /// The request-target as it was sent, or as it was last set.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        &self.target
    }

    /// Changes the target. What is empty or holds anything but visible ASCII changes nothing, and
    /// the answer is `false`.
    pub fn set_target(&mut self, target: &[u8]) -> bool {
        let sound = is_target(target);
        if sound {
            self.target.clear();
            self.target.extend_from_slice(target);
        }
        sound
    }

    /// The version that the client named.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Changes the version, for heads that came by another protocol.
    pub const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    fn read_request_line(&mut self, line: &[u8]) -> Result<(), HeadError> {
        let wrong = |error| line_control_error(line).unwrap_or(error);
        let Some((method, rest)) = split_at_space(line) else {
            return Err(wrong(HeadError::RequestLine));
        };
        if !self.set_method(method) {
            return Err(wrong(HeadError::Method));
        }
        let Some((target, version)) = split_at_space(rest) else {
            return Err(wrong(HeadError::RequestLine));
        };
        if target.is_empty() {
            return Err(wrong(HeadError::RequestLine));
        }
        if !self.set_target(target) {
            return Err(wrong(HeadError::Target));
        }
        self.version = match (version, method, target) {
            (b"HTTP/1.1", ..) => Version::Http11,
            (b"HTTP/1.0", ..) => Version::Http10,
            (b"HTTP/2.0", b"PRI", b"*") => return Err(HeadError::Http2Preface),
            _ if names_a_version(version) => return Err(HeadError::Version),
            _ => return Err(wrong(HeadError::RequestLine)),
        };
        Ok(())
    }
}

/// The head of a response. [`Default`] is a 200 with no fields.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The fields in the order in which they came.
    pub fields: Fields,
    status: u16,
    reason: Vec<u8>,
    version: Version,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseHead {
    /// An empty head with status 200.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fields: Fields::new(),
            status: 200,
            reason: Vec::new(),
            version: Version::Http11,
        }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.status = 200;
        self.reason.clear();
        self.version = Version::Http11;
    }

    /// Reads a head from `input`, as [`RequestHead::parse`] does; nothing is skipped before the
    /// status line. A status line that ends after the status is accepted: it can mean one thing
    /// only.
    ///
    /// # Errors
    /// As soon as the bytes cannot become a head, or break one of `limits`.
    pub fn parse(
        &mut self,
        input: &[u8],
        scan: &mut HeadScan,
        limits: &HeadLimits,
    ) -> Result<Parsed, HeadError> {
        if scan.at_start_line() {
            let Some(line) = scan.start_line(input, limits, Opening::Response)? else {
                return Ok(Parsed::Partial);
            };
            self.clear();
            self.read_status_line(&input[line])?;
            if let Some(consumed) = read_plain_fields(&mut self.fields, input, scan, limits) {
                return Ok(Parsed::Complete { consumed });
            }
        }
        read_fields(&mut self.fields, input, scan, limits)
    }

    /// The status code, 100 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Changes the status and gives it its usual reason phrase. What is not three digits changes
    /// nothing, and the answer is `false`.
    pub fn set_status(&mut self, status: u16) -> bool {
        let sound = (100..=999).contains(&status);
        if sound {
            self.status = status;
            self.reason.clear();
            self.reason
                .extend_from_slice(reason_phrase(status).as_bytes());
        }
        sound
    }

    /// The reason phrase, possibly empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        &self.reason
    }

    /// The version that the origin named.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Changes the version, for heads that came by another protocol.
    pub const fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Whether it is a 1xx: another head follows, except after 101.
    #[must_use]
    pub const fn is_informational(&self) -> bool {
        self.status < 200
    }

    fn read_status_line(&mut self, line: &[u8]) -> Result<(), HeadError> {
        // Most are this one, and what `clear` has left says nearly all of it.
        if line == b"HTTP/1.1 200 OK" {
            self.reason.extend_from_slice(b"OK");
            return Ok(());
        }
        let wrong = |error| line_control_error(line).unwrap_or(error);
        let Some((version, rest)) = split_at_space(line) else {
            return Err(wrong(HeadError::StatusLine));
        };
        self.version = match version {
            b"HTTP/1.1" => Version::Http11,
            b"HTTP/1.0" => Version::Http10,
            _ if names_a_version(version) => return Err(HeadError::Version),
            _ => return Err(wrong(HeadError::StatusLine)),
        };
        let (status, reason) = split_at_space(rest).unwrap_or((rest, b""));
        self.status = match status {
            [
                hundreds @ b'1'..=b'9',
                tens @ b'0'..=b'9',
                ones @ b'0'..=b'9',
            ] => [hundreds, tens, ones]
                .into_iter()
                .fold(0, |n, b| n * 10 + u16::from(b - b'0')),
            _ => return Err(wrong(HeadError::Status)),
        };
        if !is_field_text(reason) {
            return Err(wrong(HeadError::Reason));
        }
        self.reason.extend_from_slice(reason);
        Ok(())
    }
}

/// The usual reason phrase of a status; empty for one that has none.
#[must_use]
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

/// The short way for a head that came in one piece with nothing wrong about it, as most do: no
/// search for its end. On everything else [`read_fields`] has the verdict.
fn read_plain_fields(
    fields: &mut Fields,
    input: &[u8],
    scan: &HeadScan,
    limits: &HeadLimits,
) -> Option<usize> {
    let start = scan.fields_start();
    let allowed = &input[..input.len().min(limits.head)];
    let end = fields.read_plain(allowed.get(start..)?, limits.field_line);
    if end.is_none() || fields.len() > limits.fields {
        fields.clear();
        return None;
    }
    end.map(|end| start + end)
}

/// Waits for the end of the fields and reads them: the part that both roles have in common.
fn read_fields(
    fields: &mut Fields,
    input: &[u8],
    scan: &mut HeadScan,
    limits: &HeadLimits,
) -> Result<Parsed, HeadError> {
    let Some(block) = scan.fields(input, limits)? else {
        return Ok(Parsed::Partial);
    };
    let consumed = block.range.end;
    match fields.read(&input[block.range.clone()], block.lines) {
        Some(()) => Ok(Parsed::Complete { consumed }),
        None => Err(scan.blame(input, block.range)),
    }
}

fn split_at_space(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(b' ', line)?;
    Some((&line[..at], &line[at + 1..]))
}

/// `HTTP/` digit `.` digit (RFC 9112 §2.3).
fn names_a_version(text: &[u8]) -> bool {
    matches!(
        text,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']
    )
}
