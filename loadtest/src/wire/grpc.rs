//! gRPC as bytes, as far as a call with one message each way needs it: the message's frame, and the
//! status (gRPC over HTTP/2, "Length-Prefixed-Message", "Status"). Entered by the origin and by the load
//! generator. No I/O; nothing is ever compressed.

use std::fmt;

/// What calls and their replies have as Content-Type, perhaps with the name of an encoding behind it.
pub(crate) const CONTENT_TYPE: &str = "application/grpc";
/// Where a reply's status stands, in its trailers or in a head that is all of it.
pub(crate) const STATUS: &str = "grpc-status";
/// Where it may be explained.
pub(crate) const MESSAGE: &str = "grpc-message";

const PREFIX_LEN: usize = 5;
const NAMES: [&str; Code::COUNT] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
    "none",
];

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(u8);

impl Code {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const UNKNOWN: Self = Self(2);
    pub(crate) const INVALID_ARGUMENT: Self = Self(3);
    pub(crate) const PERMISSION_DENIED: Self = Self(7);
    pub(crate) const RESOURCE_EXHAUSTED: Self = Self(8);
    pub(crate) const UNIMPLEMENTED: Self = Self(12);
    pub(crate) const INTERNAL: Self = Self(13);
    pub(crate) const UNAVAILABLE: Self = Self(14);
    pub(crate) const UNAUTHENTICATED: Self = Self(16);
    /// The reply had no status, or none that can be read.
    pub(crate) const NONE: Self = Self(17);
    /// How many there are.
    pub(crate) const COUNT: usize = 18;

    /// Reads a status; a number that nobody has given a meaning counts as `UNKNOWN`.
    pub(crate) fn read(value: Option<&[u8]>) -> Self {
        let number = value.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
        match number {
            Some(number @ 0..=16) => Self(number),
            Some(_) => Self::UNKNOWN,
            None => Self::NONE,
        }
    }

    /// What a status of HTTP stands for when that is all there is ("HTTP to gRPC Status Code Mapping").
    pub(crate) fn of_http(status: u16) -> Self {
        match status {
            200..=299 => Self::OK,
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    /// As it stands in a reply.
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// Its place among all of them.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The name of the one at this place.
    pub(crate) fn name(index: usize) -> &'static str {
        NAMES[index]
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => out.write_str("no grpc-status"),
            Self(number) => write!(out, "{number} {}", NAMES[self.index()]),
        }
    }
}

/// What is wrong with bytes that should have been one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It says that it is compressed.
    Compressed,
    /// Bytes follow it.
    Surplus,
    /// It is not there, or not all of it.
    Truncated,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Compressed => "compressed gRPC message",
            Self::Surplus => "bytes beyond the gRPC message",
            Self::Truncated => "gRPC message cut off",
        })
    }
}

/// What stands before a message of this length.
pub(crate) fn prefix(len: usize) -> [u8; PREFIX_LEN] {
    let len = u32::try_from(len).expect("bodies have a bound below 4 GiB");
    let [a, b, c, d] = len.to_be_bytes();
    [0, a, b, c, d]
}

/// One message on its way.
#[derive(Debug, Default)]
pub(crate) struct Unary {
    prefix: [u8; PREFIX_LEN],
    /// How much of the prefix has come.
    have: usize,
    /// How much of the message is still to come.
    left: usize,
}

impl Unary {
    /// Takes the next bytes of the content and shows those of the message to `sink`.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        sink: impl FnOnce(&[u8]),
    ) -> Result<(), Broken> {
        if self.have < PREFIX_LEN {
            let count = bytes.len().min(PREFIX_LEN - self.have);
            self.prefix[self.have..self.have + count].copy_from_slice(&bytes[..count]);
            self.have += count;
            bytes = &bytes[count..];
            if self.have < PREFIX_LEN {
                return Ok(());
            }
            let [is_compressed, len @ ..] = self.prefix;
            if is_compressed != 0 {
                return Err(Broken::Compressed);
            }
            self.left = u32::from_be_bytes(len) as usize;
        }
        if bytes.len() > self.left {
            return Err(Broken::Surplus);
        }
        self.left -= bytes.len();
        sink(bytes);
        Ok(())
    }

    /// The content has ended.
    pub(crate) fn end(&self) -> Result<(), Broken> {
        match (self.have, self.left) {
            (PREFIX_LEN, 0) => Ok(()),
            _ => Err(Broken::Truncated),
        }
    }
}

/// Writes an explanation as a field's value takes it ("Percent-Encoded").
pub(crate) fn encode_message(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Reads one; what is no escape stands for itself.
pub(crate) fn decode_message(value: &[u8]) -> String {
    let (mut out, mut rest) = (Vec::new(), value);
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        out.push(escaped.unwrap_or(byte));
        rest = &after[if escaped.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<u8>, Broken> {
        let (mut unary, mut message) = (Unary::default(), Vec::new());
        for piece in pieces {
            unary.take(piece, |bytes| message.extend_from_slice(bytes))?;
        }
        unary.end().map(|()| message)
    }

    #[test]
    fn a_message_is_read_wherever_it_is_cut() {
        let bytes = [&prefix(3)[..], b"abc"].concat();
        assert_eq!(bytes[..5], [0, 0, 0, 0, 3]);
        for split in 0..=bytes.len() {
            let (front, back) = bytes.split_at(split);
            assert_eq!(read(&[front, back]).unwrap(), b"abc", "{split}");
        }
        assert_eq!(read(&[&prefix(0)]).unwrap(), b"");
    }

    #[test]
    fn what_is_not_one_plain_message_is_refused() {
        for (pieces, error) in [
            (&[][..], Broken::Truncated),
            (&[&b"\0\0\0"[..]], Broken::Truncated),
            (&[b"\0\0\0\0\x02a"], Broken::Truncated),
            (&[b"\0\0\0\0\x01a", b"b"], Broken::Surplus),
            (&[b"\x01\0\0\0\x01a"], Broken::Compressed),
        ] {
            assert_eq!(read(pieces), Err(error), "{pieces:?}");
        }
    }

    #[test]
    fn statuses_have_numbers_and_names() {
        for (value, code, text) in [
            (Some("0"), Code::OK, "0 OK"),
            (Some("14"), Code::UNAVAILABLE, "14 UNAVAILABLE"),
            (Some("16"), Code::UNAUTHENTICATED, "16 UNAUTHENTICATED"),
            (Some("17"), Code::UNKNOWN, "2 UNKNOWN"),
            (Some("x"), Code::NONE, "no grpc-status"),
            (None, Code::NONE, "no grpc-status"),
        ] {
            let read = Code::read(value.map(str::as_bytes));
            assert_eq!((read, read.to_string().as_str()), (code, text));
        }
        assert_eq!(Code::of_http(503), Code::UNAVAILABLE);
        assert_eq!(Code::of_http(500), Code::UNKNOWN);
    }

    #[test]
    fn explanations_survive_the_way() {
        let text = "50 % of »it«\n";
        let encoded = encode_message(text);
        assert_eq!(encoded, "50 %25 of %C2%BBit%C2%AB%0A");
        assert_eq!(decode_message(encoded.as_bytes()), text);
        assert_eq!(decode_message(b"100% or %zz%4"), "100% or %zz%4");
    }
}
