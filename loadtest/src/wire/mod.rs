//! HTTP/1.1 as bytes (RFC 9112), for both ends of the tool: heads, framing, bodies, and WebSocket
//! behind them; of gRPC, what HTTP/2 does not know. Entered by the origin with requests and by the load
//! generator with replies. No I/O, no clock, and no mercy: what the RFC calls malformed is an error,
//! because a proxy under test must not get away with it.

pub(crate) mod body;
mod chunked;
pub(crate) mod date;
mod fields;
pub(crate) mod grpc;
mod head;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod websocket;

use std::fmt;

/// What is wrong with bytes that should have been HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The status line or request line (RFC 9112 §3, §4).
    StartLine,
    /// A field line: no colon, a space in the name, a fold, a bare CR or LF (RFC 9112 §5).
    Field,
    /// Content-Length is not one decimal number (RFC 9112 §6.2).
    ContentLength,
    /// Content-Length next to Transfer-Encoding (RFC 9112 §6.1).
    TwoFramings,
    /// A transfer coding other than chunked, or chunked twice (RFC 9112 §6.1).
    TransferCoding,
    /// A chunk's size, end or trailer (RFC 9112 §7.1).
    Chunk,
    /// The connection ended inside a message.
    Truncated,
    /// The head does not fit its buffer.
    HeadTooLarge,
    /// Bytes after a reply that nobody asked for.
    Surplus,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::StartLine => "malformed start line",
            Self::Field => "malformed field line",
            Self::ContentLength => "malformed Content-Length",
            Self::TwoFramings => "Content-Length with Transfer-Encoding",
            Self::TransferCoding => "unknown transfer coding",
            Self::Chunk => "malformed chunk",
            Self::Truncated => "message cut off",
            Self::HeadTooLarge => "head too large",
            Self::Surplus => "bytes beyond the reply",
        })
    }
}
