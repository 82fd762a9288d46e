//! The keys of the opening handshake (RFC 6455 §4). Entered by the origin with a client's key and by
//! the load generator, which makes one and checks the answer to it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// What the RFC appends to the client's key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a Sec-WebSocket-Key: sixteen in base64.
const KEY_LEN: usize = 24;

/// The value of Sec-WebSocket-Key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key([u8; KEY_LEN]);

impl Key {
    #[cfg_attr(not(test), expect(dead_code, reason = "the client's end joins next"))]
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

    #[cfg_attr(not(test), expect(dead_code, reason = "the client's end joins next"))]
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

    /// RFC 6455 §1.3.
    #[test]
    fn the_rfcs_example() {
        let key = Key::read(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(key, Key::new(*b"the sample nonce"));
        assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(key.accept(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
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
