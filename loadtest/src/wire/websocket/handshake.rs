//! The opening handshake and its keys (RFC 6455 §4). Entered by the origin with a client's key and by
//! the load generator, which makes one and checks the answer to it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::wire::fields::elements;

/// What the RFC appends to the client's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a Sec-WebSocket-Key: sixteen in base64.
const KEY_LEN: usize = 24;

/// The value of Sec-WebSocket-Key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key([u8; KEY_LEN]);

impl Key {
    /// A client's key, which wants to be another one for each connection.
    pub(crate) fn new(random: [u8; 16]) -> Self {
        let mut key = [0; KEY_LEN];
        key.copy_from_slice(base64(&random).as_bytes());
        Self(key)
    }

    /// Takes a field's value if it has a key's form.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let key = <[u8; KEY_LEN]>::try_from(value).ok()?;
        let is_digit = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        (key.ends_with(b"==") && key[..KEY_LEN - 2].iter().all(is_digit)).then_some(Self(key))
    }

    /// The field's value.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("base64 is ASCII")
    }

    /// The value of Sec-WebSocket-Accept that proves that this key was understood.
    pub(crate) fn accept(&self) -> String {
        let input = [&self.0, GUID].concat();
        base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, &input).as_ref())
    }
}

/// A client's part of the handshake (RFC 6455 §4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    /// The request-target.
    pub(crate) target: &'a str,
    /// The value of the Host field.
    pub(crate) authority: &'a str,
    /// Fields that are not about the handshake.
    pub(crate) fields: &'a [(String, String)],
    /// Its own key.
    pub(crate) key: &'a Key,
}

impl Opening<'_> {
    /// Writes the request.
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        let mut put = |piece: &str| out.extend_from_slice(piece.as_bytes());
        for piece in ["GET ", self.target, " HTTP/1.1\r\nHost: ", self.authority] {
            put(piece);
        }
        put("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13");
        let key = ("Sec-WebSocket-Key", self.key.as_str());
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in fields.chain([key]) {
            for piece in ["\r\n", name, ": ", value] {
                put(piece);
            }
        }
        put("\r\n\r\n");
    }

    /// Looks whether the fields of a server's 101 are the answer to that.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check<'a>(
        &self,
        reply: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<(), &'static str> {
        let (mut upgrade, mut connection, mut accept) = (false, false, false);
        for (name, value) in reply {
            match name.to_ascii_lowercase().as_slice() {
                b"upgrade" => upgrade = value.eq_ignore_ascii_case(b"websocket"),
                b"connection" => {
                    connection |= elements(value).any(|it| it.eq_ignore_ascii_case(b"upgrade"));
                }
                b"sec-websocket-accept" => accept = value == self.key.accept().as_bytes(),
                b"sec-websocket-extensions" => return Err("an extension that nobody asked for"),
                b"sec-websocket-protocol" if !self.offers_protocol() => {
                    return Err("a subprotocol that nobody asked for");
                }
                _ => {}
            }
        }
        match (upgrade && connection, accept) {
            (false, _) => Err("101 without an upgrade to websocket"),
            (true, false) => Err("Sec-WebSocket-Accept is missing or wrong"),
            (true, true) => Ok(()),
        }
    }

    fn offers_protocol(&self) -> bool {
        let mut names = self.fields.iter().map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case("Sec-WebSocket-Protocol"))
    }
}

/// RFC 4648 §4, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let group = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = group(0) << 16 | group(1) << 8 | group(2);
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::request::{RequestHead, Upgrade};

    /// RFC 6455 §1.3.
    #[test]
    fn the_rfcs_example() {
        let key = Key::read(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(key, Key::new(*b"the sample nonce"));
        assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    fn opening<'a>(fields: &'a [(String, String)], key: &'a Key) -> Opening<'a> {
        Opening {
            target: "/chat",
            authority: "server.example.com",
            fields,
            key,
        }
    }

    #[test]
    fn a_server_finds_our_handshake_proper() {
        let (mut out, key) = (Vec::new(), Key::new(*b"the sample nonce"));
        let fields = [("Origin".to_owned(), "http://example.com".to_owned())];
        opening(&fields, &key).append(&mut out);
        let (head, len) = RequestHead::parse(&out).unwrap().unwrap();
        assert_eq!((len, head.upgrade), (out.len(), Upgrade::WebSocket(key)));
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
        assert!(text.contains("\r\nOrigin: http://example.com\r\n"));
    }

    #[test]
    fn replies_are_held_against_the_rfc() {
        let key = Key::new(*b"the sample nonce");
        let proper = [
            ("Upgrade", "WebSocket"),
            ("connection", "keep-alive, upgrade"),
            ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        let check = |reply: &[(&str, &str)], opening: Opening<'_>| {
            let reply = reply.iter();
            opening.check(reply.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
        };
        assert_eq!(check(&proper, opening(&[], &key)), Ok(()));
        let with = |field| [&proper[..], &[field]].concat();
        for (fields, part) in [
            (proper[1..].to_vec(), "without an upgrade"),
            (with(("Upgrade", "h2c")), "without an upgrade"),
            (vec![proper[0], proper[2]], "without an upgrade"),
            (proper[..2].to_vec(), "Sec-WebSocket-Accept"),
            (
                with(("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=")),
                "-Accept",
            ),
            (
                with(("Sec-WebSocket-Extensions", "permessage-deflate")),
                "extension",
            ),
            (with(("Sec-WebSocket-Protocol", "chat")), "subprotocol"),
        ] {
            let error = check(&fields, opening(&[], &key)).unwrap_err();
            assert!(error.contains(part), "{fields:?}: {error}");
        }
        let offered = [("sec-websocket-protocol".to_owned(), "chat".to_owned())];
        let taken = with(("Sec-WebSocket-Protocol", "chat"));
        assert_eq!(check(&taken, opening(&offered, &key)), Ok(()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for value in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ==x",
            b"dGhlIHNhbXBsZSBub25j====",
            b"dGhlIHNhbXBsZSBub25j\xc3\xa4==",
        ] {
            assert_eq!(Key::read(value), None, "{}", value.escape_ascii());
        }
    }

    /// RFC 4648 §10.
    #[test]
    fn base64_pads() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foobar", "Zm9vYmFy"),
            (b"\xff\xfe\xfd", "//79"),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }
}
