//! Reads the head of a request (RFC 9112 §3, §6.3). Entered by the origin, which answers every
//! method alike, so that of the rest only what concerns framing is kept.

use std::ops::Range;

use super::Malformed;
use super::body::Body;
use super::chunked::Chunked;
use super::fields::{Fields, WebSocketFields};
use super::head::{Lines, Unclean};
use super::websocket::handshake::Key;

/// What a request's head says to a server that has one answer for all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    /// Where in the bytes that were parsed the request-target stands.
    pub(crate) target: Range<usize>,
    /// The body that follows.
    pub(crate) body: Body,
    /// The reply goes without a body (RFC 9110 §9.3.2).
    pub(crate) is_head: bool,
    /// The client speaks HTTP/1.0 and knows no chunks.
    pub(crate) http10: bool,
    /// Whether the connection may be used again after the reply.
    pub(crate) keep_alive: bool,
    /// The client waits for 100 (Continue) before it sends the body.
    pub(crate) expects_continue: bool,
    /// What the client wants to speak from now on.
    pub(crate) upgrade: Upgrade,
}

/// Another protocol on the same connection (RFC 9110 §7.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// None, or one that we do not know and may ignore.
    None,
    /// WebSocket, as RFC 6455 §4.2.1 wants to be asked.
    WebSocket(Key),
    /// WebSocket of another version than 13.
    OtherVersion,
    /// WebSocket, but something of the handshake is missing.
    Improper,
}

impl RequestHead {
    /// Reads the head at the beginning of `buf` and says how many bytes it has; `None` while its end
    /// has not come yet. One empty line before the request line is passed over (RFC 9112 §2.2).
    pub(crate) fn parse(buf: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let (buf, skipped) = match buf.strip_prefix(b"\r\n") {
            Some(rest) => (rest, 2),
            None => (buf, 0),
        };
        let mut lines = Lines::new(buf);
        let Some(line) = lines.next().map_err(|Unclean| Malformed::StartLine)? else {
            // No method begins like this: whoever speaks TLS here would wait for ever.
            return match buf.first() {
                Some(byte) if !byte.is_ascii_graphic() && *byte != b'\r' => {
                    Err(Malformed::StartLine)
                }
                _ => Ok(None),
            };
        };
        let (method, target, http10) = request_line(line).ok_or(Malformed::StartLine)?;
        let target_start = skipped + method.len() + 1;
        let Some(fields) = Fields::read(&mut lines)? else {
            return Ok(None);
        };
        if http10 && fields.chunked {
            return Err(Malformed::TransferCoding);
        }
        let body = if fields.chunked {
            Body::Chunked(Chunked::default())
        } else {
            Body::Length(fields.content_length.unwrap_or(0))
        };
        let request = Self {
            target: target_start..target_start + target.len(),
            expects_continue: fields.expects_continue && !http10 && !body.is_done(),
            body,
            is_head: method == b"HEAD",
            http10,
            keep_alive: fields.persists(http10),
            upgrade: match &fields.websocket {
                WebSocketFields { upgrade: false, .. } => Upgrade::None,
                asked if method == b"GET" && !http10 => asked.upgrade(),
                _ => Upgrade::Improper,
            },
        };
        Ok(Some((request, skipped + lines.len())))
    }
}

impl WebSocketFields {
    fn upgrade(&self) -> Upgrade {
        match (self.connection, self.version_13, self.key) {
            (true, true, Some(key)) => Upgrade::WebSocket(key),
            (true, false, Some(_)) => Upgrade::OtherVersion,
            _ => Upgrade::Improper,
        }
    }
}

/// Reads `METHOD SP TARGET SP HTTP/1.x`: method, target, and whether it is HTTP/1.0.
fn request_line(line: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let minor = match version.strip_prefix(b"HTTP/1.")? {
        [minor] if minor.is_ascii_digit() => *minor,
        _ => return None,
    };
    let visible = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    let proper = visible(method) && visible(target) && words.next().is_none();
    proper.then_some((method, target, minor == b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> RequestHead {
        let (head, len) = RequestHead::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(len, text.len());
        head
    }

    #[test]
    fn framing_follows_the_rfc() {
        let plain = complete("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(
            (plain.body, plain.keep_alive, plain.is_head),
            (Body::Length(0), true, false)
        );
        let sized =
            complete("POST * HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        assert!(sized.expects_continue);
        assert_eq!(sized.body, Body::Length(4));
        let old = complete("HEAD / HTTP/1.0\r\n\r\n");
        assert!(old.http10 && old.is_head && !old.keep_alive);
    }

    #[test]
    fn nothing_is_expected_without_a_body() {
        assert!(!complete("GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n").expects_continue);
    }

    #[test]
    fn one_empty_line_before_the_request_is_passed_over() {
        let text = "\r\nGET /a?b HTTP/1.1\r\n\r\n";
        assert_eq!(&text[complete(text).target], "/a?b");
        assert_eq!(
            RequestHead::parse(b"\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
            Err(Malformed::StartLine)
        );
    }

    #[test]
    fn an_upgrade_is_asked_for_properly_or_not() {
        const ASKED: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
        const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let upgrade = |line: &str, fields: &[&str]| {
            complete(&format!("{line}\r\n{}\r\n", fields.concat())).upgrade
        };
        let (get, version) = ("GET /chat HTTP/1.1", "Sec-WebSocket-Version: 13\r\n");
        let key = Key::read(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(
            upgrade(get, &[ASKED, KEY, version]),
            Upgrade::WebSocket(key)
        );
        let older = "Sec-WebSocket-Version: 8\r\n";
        assert_eq!(upgrade(get, &[ASKED, KEY, older]), Upgrade::OtherVersion);
        for fields in [
            &[ASKED, version][..],
            &[ASKED, version, "Sec-WebSocket-Key: x\r\n"],
            &["Upgrade: websocket\r\n", KEY, version],
        ] {
            assert_eq!(upgrade(get, fields), Upgrade::Improper, "{fields:?}");
        }
        for line in ["POST /chat HTTP/1.1", "GET /chat HTTP/1.0"] {
            assert_eq!(upgrade(line, &[ASKED, KEY, version]), Upgrade::Improper);
        }
        let h2c = "Connection: Upgrade\r\nUpgrade: h2c\r\n";
        assert_eq!(upgrade(get, &[h2c, KEY, version]), Upgrade::None);
    }

    #[test]
    fn what_cannot_become_a_request_is_refused_before_its_end() {
        for start in [&b"\x16\x03\x01"[..], b"\0", b" GET", b"\r\n\x16"] {
            let refused = Err(Malformed::StartLine);
            assert_eq!(RequestHead::parse(start), refused, "{start:?}");
        }
        for start in ["", "\r", "\r\n", "\r\nG", "GET / HTTP/1.1\r\n"] {
            assert_eq!(RequestHead::parse(start.as_bytes()), Ok(None), "{start:?}");
        }
    }

    #[test]
    fn refuses_other_request_lines() {
        for line in [
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / HTTP/2.0",
            "GET / HTTP/1.10",
            " GET / HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
        ] {
            let text = format!("{line}\r\nHost: x\r\n\r\n");
            assert_eq!(
                RequestHead::parse(text.as_bytes()),
                Err(Malformed::StartLine),
                "{line}"
            );
        }
        assert_eq!(
            RequestHead::parse(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(Malformed::TransferCoding)
        );
    }
}
