//! Reads the head of a reply (RFC 9112 §4, §6.3). Entered by the load generator.

use super::body::Body;
use super::chunked::Chunked;
use super::fields::Fields;
use super::head::{Lines, Unclean};
use super::{Malformed, fields};

/// What a reply's head says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReplyHead {
    /// The status code, 100 to 999.
    pub(crate) status: u16,
    /// The body that follows.
    pub(crate) body: Body,
    /// Neither the version nor the Connection field says that the connection ends.
    persists: bool,
}

impl ReplyHead {
    /// Reads the head at the beginning of `buf` and says how many bytes it has; `None` while its end
    /// has not come yet.
    pub(crate) fn parse(buf: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut lines = Lines::new(buf);
        let Some(line) = lines.next().map_err(|Unclean| Malformed::StartLine)? else {
            return Ok(None);
        };
        let (http10, status) = status_line(line).ok_or(Malformed::StartLine)?;
        let Some(fields) = Fields::read(&mut lines)? else {
            return Ok(None);
        };
        let body = match status {
            100..=199 | 204 | 304 => Body::Length(0),
            _ if fields.chunked => Body::Chunked(Chunked::default()),
            _ => fields.content_length.map_or(Body::UntilClose, Body::Length),
        };
        let reply = Self {
            status,
            body,
            persists: fields.persists(http10),
        };
        Ok(Some((reply, lines.len())))
    }

    /// The fields of a head that was parsed, which is all of `head`.
    pub(crate) fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields::split(head)
    }

    /// Whether the connection may be used again after the body.
    pub(crate) fn keep_alive(&self) -> bool {
        self.persists && self.body != Body::UntilClose
    }

    /// The reply answers HEAD: whatever it says of a body, none follows (RFC 9112 §6.3 item 1).
    pub(crate) fn leave_out_body(&mut self) {
        self.body = Body::Length(0);
    }

    /// Whether another reply to the same request follows (RFC 9110 §15.2). 101 never does: nobody
    /// asked for it here.
    pub(crate) fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// Reads `HTTP/1.x NNN[ reason]`: whether it is HTTP/1.0, and the status code.
fn status_line(line: &[u8]) -> Option<(bool, u16)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (&[minor, b' ', a, b, c], reason) = rest.split_first_chunk::<5>()? else {
        return None;
    };
    let digits = [a, b, c];
    let proper = minor.is_ascii_digit()
        && digits.iter().all(u8::is_ascii_digit)
        && a != b'0'
        && matches!(reason.first(), None | Some(b' '));
    let number = digits.iter().fold(0, |value, &digit| {
        value * 10 + u16::from(digit.wrapping_sub(b'0'))
    });
    proper.then_some((minor == b'0', number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<(ReplyHead, usize)>, Malformed> {
        ReplyHead::parse(text.as_bytes())
    }

    fn complete(text: &str) -> ReplyHead {
        let (head, len) = parse(text).unwrap().unwrap();
        assert_eq!(len, text.len());
        head
    }

    #[test]
    fn framing_follows_the_rfc() {
        let sized = complete("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
        assert_eq!(
            (sized.status, sized.keep_alive(), sized.body),
            (200, true, Body::Length(3))
        );
        let chunked = complete("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(chunked.body, Body::Chunked(Chunked::default()));
        let open = complete("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((open.keep_alive(), open.body), (false, Body::UntilClose));
        let empty = complete("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
        assert_eq!((empty.keep_alive(), empty.body), (true, Body::Length(0)));
        let old = complete("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n");
        assert!(!old.keep_alive());
    }

    #[test]
    fn a_reply_to_head_has_no_body_and_keeps_its_connection() {
        let mut reply = complete("HTTP/1.1 200 OK\r\n\r\n");
        reply.leave_out_body();
        assert_eq!((reply.keep_alive(), reply.body), (true, Body::Length(0)));
    }

    #[test]
    fn interim_replies_are_told_apart() {
        assert!(complete("HTTP/1.1 103 Early Hints\r\n\r\n").is_interim());
        assert!(!complete("HTTP/1.1 101 Switching Protocols\r\n\r\n").is_interim());
        assert!(!complete("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_interim());
    }

    #[test]
    fn a_head_is_read_only_when_complete() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]), Ok(None), "{end}");
        }
    }

    #[test]
    fn refuses_other_status_lines() {
        for line in [
            "HTTP/2 200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 Low",
            "HTTP/1.1  200 OK",
            "http/1.1 200 OK",
            "HTTP/1.x 200 OK",
            "HTTP/1.1 2a0 OK",
            "",
        ] {
            let text = format!("{line}\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(parse(&text), Err(Malformed::StartLine), "{line}");
        }
    }
}
