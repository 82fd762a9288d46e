//! Reads the few fields that decide how a message is framed and whether the connection lives on
//! (RFC 9112 §6, §9.3). Entered with a head's field lines; all other fields are only checked for form,
//! and told apart for whoever wants to see them all.

use super::Malformed;
use super::head::{Lines, Unclean};
use super::websocket::handshake::Key;

/// What the framing and connection fields of one head say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    /// Content-Length; the same value repeated counts once (RFC 9112 §6.3).
    pub(super) content_length: Option<u64>,
    /// Transfer-Encoding is exactly `chunked`.
    pub(super) chunked: bool,
    /// Connection has the option `close`.
    pub(super) close: bool,
    /// Connection has the option `keep-alive`.
    pub(super) keep_alive: bool,
    /// Expect is `100-continue` (RFC 9110 §10.1.1).
    pub(super) expects_continue: bool,
    /// What is said about an upgrade to WebSocket.
    pub(super) websocket: WebSocketFields,
}

/// The fields of an opening handshake (RFC 6455 §4.2.1).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WebSocketFields {
    /// Connection has the option `upgrade`.
    pub(super) connection: bool,
    /// Upgrade names `websocket`.
    pub(super) upgrade: bool,
    /// Sec-WebSocket-Version is 13.
    pub(super) version_13: bool,
    /// Sec-WebSocket-Key, if it has a key's form.
    pub(super) key: Option<Key>,
}

impl Fields {
    /// Reads field lines up to the empty line behind them; `None` while that has not come yet.
    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Option<Self>, Malformed> {
        let mut fields = Self::default();
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(None),
                Err(Unclean) => return Err(Malformed::Field),
            };
            if line.is_empty() {
                break;
            }
            let colon = name_len(line).ok_or(Malformed::Field)?;
            fields.note(&line[..colon], &line[colon + 1..])?;
        }
        if fields.chunked && fields.content_length.is_some() {
            return Err(Malformed::TwoFramings);
        }
        Ok(Some(fields))
    }

    /// Whether the connection may carry another message after this one (RFC 9112 §9.3).
    pub(super) fn persists(&self, http10: bool) -> bool {
        !self.close && (!http10 || self.keep_alive)
    }

    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let value = value.trim_ascii();
        // The length tells the names apart, so that most fields cost one comparison.
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.websocket.upgrade |=
                    elements(value).any(|it| it.eq_ignore_ascii_case(b"websocket"));
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.note_options(value),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = decimal(value).ok_or(Malformed::ContentLength)?;
                if self.content_length.is_some_and(|other| other != length) {
                    return Err(Malformed::ContentLength);
                }
                self.content_length = Some(length);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed::TransferCoding);
                }
                self.chunked = true;
            }
            17 if name.eq_ignore_ascii_case(b"sec-websocket-key") => {
                self.websocket.key = Key::read(value);
            }
            21 if name.eq_ignore_ascii_case(b"sec-websocket-version") => {
                self.websocket.version_13 = value == b"13";
            }
            _ => {}
        }
        Ok(())
    }

    fn note_options(&mut self, value: &[u8]) {
        for option in elements(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.websocket.connection |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }
}

/// The elements of a list (RFC 9110 §5.6.1).
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// The length of the name before a line's colon; `None` without a colon, or with a name that has
/// spaces, controls or nothing in it.
fn name_len(line: &[u8]) -> Option<usize> {
    let end = line
        .iter()
        .position(|&byte| byte == b':' || !byte.is_ascii_graphic())?;
    (end > 0 && line[end] == b':').then_some(end)
}

/// Names and values of a head that has been read, its first line passed over.
pub(super) fn split(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = head.split(|&byte| byte == b'\n').skip(1);
    lines.filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads these field lines, which an empty line ends.
    fn read(lines: &[u8]) -> Result<Fields, Malformed> {
        let bytes = [lines, b"\r\n"].concat();
        let mut lines = Lines::new(&bytes);
        let fields = Fields::read(&mut lines).map(Option::unwrap);
        assert!(fields.is_err() || lines.len() == bytes.len());
        fields
    }

    #[test]
    fn reads_framing_and_connection_options() {
        let fields = read(b"Host: a\r\nCONTENT-length:  12 \r\nConnection: x, Close\r\n").unwrap();
        assert_eq!(fields.content_length, Some(12));
        assert!(fields.close && !fields.chunked);
        let fields = read(b"transfer-encoding: Chunked\r\nExpect: 100-Continue\r\n").unwrap();
        assert!(fields.chunked && fields.expects_continue);
    }

    #[test]
    fn persistence_depends_on_the_version() {
        let plain = read(b"").unwrap();
        assert!(plain.persists(false) && !plain.persists(true));
        let kept = read(b"Connection: keep-alive\r\n").unwrap();
        assert!(kept.persists(true));
        let closed = read(b"Connection: keep-alive, close\r\n").unwrap();
        assert!(!closed.persists(false) && !closed.persists(true));
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let cases: [(&[u8], Malformed); 13] = [
            (
                b"Content-Length: 1\r\nContent-Length: 2\r\n",
                Malformed::ContentLength,
            ),
            (b"Content-Length: 1, 1\r\n", Malformed::ContentLength),
            (b"Content-Length: +1\r\n", Malformed::ContentLength),
            (b"Content-Length:\r\n", Malformed::ContentLength),
            (
                b"Content-Length: 18446744073709551616\r\n",
                Malformed::ContentLength,
            ),
            (
                b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                Malformed::TwoFramings,
            ),
            (
                b"Transfer-Encoding: gzip, chunked\r\n",
                Malformed::TransferCoding,
            ),
            (
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Malformed::TransferCoding,
            ),
            (b"Content-Length : 1\r\n", Malformed::Field),
            (b"A: b\r\n c\r\n", Malformed::Field),
            (b"A: b\nC: d\r\n", Malformed::Field),
            (b"A: b\rc\r\n", Malformed::Field),
            (b": b\r\n", Malformed::Field),
        ];
        for (lines, error) in cases {
            assert_eq!(
                read(lines),
                Err(error),
                "{:?}",
                lines.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn all_fields_of_a_head_are_told_apart() {
        let head = b"HTTP/1.1 200 O: K\r\nA: b:c \r\nD:\r\n\r\n";
        let fields: Vec<_> = split(head).collect();
        assert_eq!(fields, [(&b"A"[..], &b"b:c"[..]), (b"D", b"")]);
    }

    #[test]
    fn a_repeated_equal_length_counts_once() {
        let fields = read(b"Content-Length: 7\r\nContent-Length: 7\r\n").unwrap();
        assert_eq!(fields.content_length, Some(7));
    }
}
