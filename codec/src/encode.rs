//! Heads and chunks, written out for the next hop.
//!
//! The engine enters with a head that it may have edited and with what it knows about body and
//! connection. Framing is written from that alone: whatever the head says about lengths, codings
//! and connections is left out. Each function appends to a buffer of the caller's and cannot fail.

use crate::fields::Fields;
use crate::framing::BodyLength;
use crate::grammar::{is_target, is_target_byte};
use crate::head::{Method, RequestHead, ResponseHead};
use crate::names::{Name, NameSet};

/// What follows the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

const CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";

/// Room for what is written beside fields and target, so that a head costs at most one allocation.
const HEAD_ROOM: usize = 160;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// `00` to `99`.
static DIGIT_PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// What a head says about the connection that it travels on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence<'a> {
    /// Nothing: in HTTP/1.1 the connection goes on.
    #[default]
    Implied,
    /// `Connection: keep-alive`, which an HTTP/1.0 client needs to hear.
    KeepAlive,
    /// `Connection: close`
    Close,
    /// `Connection: upgrade` and `Upgrade` with this protocol.
    Upgrade(&'a [u8]),
}

/// What a response head says about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFraming {
    /// Nothing: no body follows, and none of 1xx, 204, 304 or an answer to `HEAD` needs a length.
    Bodiless,
    /// `Content-Length`. After a 304 or in answer to `HEAD` it is the length that a body would have
    /// had.
    Length(u64),
    /// `Transfer-Encoding: chunked`
    Chunked,
    /// Nothing: the body ends with the connection, which only [`Persistence::Close`] says.
    UntilClose,
}

impl From<BodyLength> for ResponseFraming {
    /// The framing that keeps a body as it came; no body becomes a length of 0.
    fn from(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty => Self::Length(0),
            BodyLength::Length(length) => Self::Length(length),
            BodyLength::Chunked => Self::Chunked,
            BodyLength::UntilClose => Self::UntilClose,
        }
    }
}

/// Writes a request head with `target` in the place of the head's own, in HTTP/1.1, `Host` first.
/// Without a body, `POST`, `PUT` and `PATCH` state a length of 0 (RFC 9110 §8.6);
/// [`BodyLength::UntilClose`], which no request can have, is written as chunked. Bytes that cannot
/// stand in a target are escaped.
pub fn encode_request_head(
    out: &mut Vec<u8>,
    head: &RequestHead,
    target: &[u8],
    framing: BodyLength,
    persistence: Persistence<'_>,
) {
    out.reserve(target.len() + head.fields.line_bytes() + HEAD_ROOM);
    out.extend_from_slice(head.method_bytes());
    out.push(b' ');
    write_target(out, target);
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    out.extend_from_slice(head.fields.get(Name::Host).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
    head.fields
        .write_lines(out, NameSet::REBUILT.with(Name::Host));
    match framing {
        BodyLength::Length(length) => write_length(out, length),
        BodyLength::Chunked | BodyLength::UntilClose => out.extend_from_slice(CHUNKED),
        BodyLength::Empty => {
            if matches!(head.method(), Method::Post | Method::Put | Method::Patch) {
                write_length(out, 0);
            }
        }
    }
    write_persistence(out, persistence, head.fields.contains(Name::Te));
    out.extend_from_slice(b"\r\n");
}

/// Writes a response head in HTTP/1.1. A 1xx or 204 says nothing about a body, whatever `framing`
/// is (RFC 9110 §8.6, RFC 9112 §6.1), and a body that ends with the connection makes it say
/// `close`.
pub fn encode_response_head(
    out: &mut Vec<u8>,
    head: &ResponseHead,
    framing: ResponseFraming,
    persistence: Persistence<'_>,
) {
    out.reserve(head.reason().len() + head.fields.line_bytes() + HEAD_ROOM);
    out.extend_from_slice(b"HTTP/1.1 ");
    encode_decimal(out, u64::from(head.status()));
    out.push(b' ');
    out.extend_from_slice(head.reason());
    out.extend_from_slice(b"\r\n");
    head.fields.write_lines(out, NameSet::REBUILT);
    let says_nothing = head.is_informational() || head.status() == 204;
    match framing {
        _ if says_nothing => {}
        ResponseFraming::Length(length) => write_length(out, length),
        ResponseFraming::Chunked => out.extend_from_slice(CHUNKED),
        ResponseFraming::Bodiless | ResponseFraming::UntilClose => {}
    }
    let ends_by_closing = framing == ResponseFraming::UntilClose && !says_nothing;
    write_persistence(
        out,
        if ends_by_closing {
            Persistence::Close
        } else {
            persistence
        },
        false,
    );
    out.extend_from_slice(b"\r\n");
}

/// Writes the line before a chunk of `len` bytes. A `len` of 0 writes nothing: it would end the
/// body.
pub fn encode_chunk_size(out: &mut Vec<u8>, len: usize) {
    if len == 0 {
        return;
    }
    let digits = len.ilog2() / 4 + 1;
    for place in (0..digits).rev() {
        out.push(HEX_DIGITS[len >> (4 * place) & 0xf]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a chunked body: the last chunk and the trailers, without those that make no
/// sense there ([`Name::allowed_in_trailers`]).
pub fn encode_last_chunk(out: &mut Vec<u8>, trailers: &Fields) {
    out.extend_from_slice(b"0\r\n");
    trailers.write_lines(out, NameSet::NOT_IN_TRAILERS);
    out.extend_from_slice(b"\r\n");
}

fn write_target(out: &mut Vec<u8>, target: &[u8]) {
    if is_target(target) {
        out.extend_from_slice(target);
    } else {
        write_odd_target(out, target);
    }
}

/// A target that no parser made: from a rewrite, say. It must not be able to end the request line.
#[cold]
fn write_odd_target(out: &mut Vec<u8>, target: &[u8]) {
    if target.is_empty() {
        out.push(b'/');
    }
    for &byte in target {
        if is_target_byte(byte) {
            out.push(byte);
        } else {
            let digit = |nibble: u8| HEX_DIGITS[usize::from(nibble)].to_ascii_uppercase();
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

fn write_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    encode_decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

/// Writes a number in decimal digits.
pub fn encode_decimal(out: &mut Vec<u8>, mut number: u64) {
    // A division takes longer than all else, and one for two digits is half as many.
    let pair = |number: u64| DIGIT_PAIRS[(number % 100) as usize];
    let mut digits = [0; 20];
    let mut first = digits.len();
    while number >= 100 {
        first -= 2;
        digits[first..first + 2].copy_from_slice(&pair(number));
        number /= 100;
    }
    first -= 2;
    digits[first..first + 2].copy_from_slice(&pair(number));
    first += usize::from(number < 10);
    out.extend_from_slice(&digits[first..]);
}

/// Writes `Connection`, which also names `TE` where that is (RFC 9110 §10.1.4).
fn write_persistence(out: &mut Vec<u8>, persistence: Persistence<'_>, has_te: bool) {
    let option: &[u8] = match persistence {
        Persistence::Implied if has_te => b"te",
        Persistence::Implied => return,
        Persistence::KeepAlive => b"keep-alive",
        Persistence::Close => b"close",
        Persistence::Upgrade(_) => b"upgrade",
    };
    out.extend_from_slice(b"Connection: ");
    out.extend_from_slice(option);
    if has_te && persistence != Persistence::Implied {
        out.extend_from_slice(b", te");
    }
    out.extend_from_slice(b"\r\n");
    if let Persistence::Upgrade(protocol) = persistence {
        out.extend_from_slice(b"Upgrade: ");
        out.extend_from_slice(protocol);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"before ".to_vec();
        write(&mut out);
        String::from_utf8(out)
            .unwrap()
            .strip_prefix("before ")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn chunk_sizes() {
        for (len, line) in [
            (1, "1\r\n"),
            (15, "f\r\n"),
            (16, "10\r\n"),
            (0x1_2ab0, "12ab0\r\n"),
            (usize::MAX, "ffffffffffffffff\r\n"),
        ] {
            assert_eq!(written(|out| encode_chunk_size(out, len)), line);
        }
        assert_eq!(
            written(|out| encode_chunk_size(out, 0)),
            "",
            "it would end the body"
        );
    }

    #[test]
    fn last_chunks_say_only_what_may_come_after_a_body() {
        let mut trailers = Fields::new();
        assert_eq!(
            written(|out| encode_last_chunk(out, &trailers)),
            "0\r\n\r\n"
        );
        trailers.push(b"Content-Length", b"9");
        trailers.push(b"X-Sum", b"1");
        trailers.push(b"Set-Cookie", b"a=b");
        let last = written(|out| encode_last_chunk(out, &trailers));
        assert_eq!(last, "0\r\nX-Sum: 1\r\n\r\n");
    }

    #[test]
    fn no_target_ends_the_request_line() {
        let head = RequestHead::new();
        let line = |target: &[u8]| {
            let write = |out: &mut Vec<u8>| {
                encode_request_head(out, &head, target, BodyLength::Empty, Persistence::Implied);
            };
            written(write).lines().next().unwrap().to_owned()
        };
        assert_eq!(line(b"/a?b"), "GET /a?b HTTP/1.1");
        assert_eq!(
            line(b"/a b\r\nX: y\xff"),
            "GET /a%20b%0D%0AX:%20y%FF HTTP/1.1"
        );
        assert_eq!(line(b""), "GET / HTTP/1.1");
    }

    #[test]
    fn heads_say_what_becomes_of_the_connection() {
        let head = RequestHead::new();
        for (persistence, lines) in [
            (Persistence::Implied, ""),
            (Persistence::KeepAlive, "Connection: keep-alive\r\n"),
            (Persistence::Close, "Connection: close\r\n"),
            (
                Persistence::Upgrade(b"websocket"),
                "Connection: upgrade\r\nUpgrade: websocket\r\n",
            ),
        ] {
            let framing = BodyLength::Length(u64::MAX);
            let text = written(|out| encode_request_head(out, &head, b"/", framing, persistence));
            let length = "Content-Length: 18446744073709551615\r\n";
            assert_eq!(
                text,
                format!("GET / HTTP/1.1\r\nHost: \r\n{length}{lines}\r\n")
            );
        }
    }

    #[test]
    fn responses_of_our_own() {
        let mut head = ResponseHead::new();
        assert!(head.set_status(503) && !head.set_status(99) && !head.set_status(1000));
        head.fields.push_known(Name::RetryAfter, b"1");
        let text = |framing, persistence| {
            written(|out| encode_response_head(out, &head, framing, persistence))
        };
        let start = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n";
        assert_eq!(
            text(ResponseFraming::Length(0), Persistence::KeepAlive),
            format!("{start}Content-Length: 0\r\nConnection: keep-alive\r\n\r\n")
        );
        assert_eq!(
            text(ResponseFraming::UntilClose, Persistence::KeepAlive),
            format!("{start}Connection: close\r\n\r\n"),
            "what ends by closing says so"
        );
    }
}
