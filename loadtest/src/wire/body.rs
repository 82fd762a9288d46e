//! How far a message's body reaches, and reading past it without keeping it here. Entered with a body
//! made by `reply` or `request` and then with the bytes that follow the head.

use super::Malformed;
use super::chunked::Chunked;

/// A body on its way: what of it is still to come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// This many bytes more (RFC 9112 §6.2); 0 is also the body of a message without one.
    Length(u64),
    /// Chunks until the last one (RFC 9112 §7.1).
    Chunked(Chunked),
    /// Everything until the connection ends; replies only (RFC 9112 §6.3 item 8).
    UntilClose,
}

impl Body {
    /// Takes what belongs to this body from the front of `bytes`; says how many bytes that was.
    pub(crate) fn consume(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        self.consume_into(bytes, |_| {})
    }

    /// Does the same and shows each piece of the body, without its framing, to `sink`.
    pub(crate) fn consume_into(
        &mut self,
        bytes: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, Malformed> {
        match self {
            Self::Length(left) => {
                let used = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= used as u64;
                sink(&bytes[..used]);
                Ok(used)
            }
            Self::Chunked(chunks) => chunks.consume_into(bytes, sink),
            Self::UntilClose => {
                sink(bytes);
                Ok(bytes.len())
            }
        }
    }

    /// Whether the body is complete.
    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_done(),
            Self::UntilClose => false,
        }
    }

    /// The connection has ended: fine where that is the framing, an error elsewhere.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        match self {
            Self::UntilClose => Ok(()),
            _ if self.is_done() => Ok(()),
            _ => Err(Malformed::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_its_bytes_and_no_more() {
        let mut body = Body::Length(5);
        assert_eq!(body.consume(b"abc"), Ok(3));
        assert!(!body.is_done());
        assert_eq!(body.end(), Err(Malformed::Truncated));
        assert_eq!(body.consume(b"defg"), Ok(2));
        assert!(body.is_done());
        assert_eq!(body.end(), Ok(()));
    }

    #[test]
    fn the_sink_sees_content_without_framing() {
        let mut content = Vec::new();
        let mut body = Body::Chunked(Chunked::default());
        for piece in [&b"3\r\nab"[..], b"c\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n"] {
            let used = body.consume_into(piece, |bytes| content.extend_from_slice(bytes));
            assert_eq!(used, Ok(piece.len()));
        }
        assert!(body.is_done());
        assert_eq!(content, b"abcde");
        let used = Body::Length(2).consume_into(b"fgh", |bytes| content.extend_from_slice(bytes));
        assert_eq!((used, content.as_slice()), (Ok(2), &b"abcdefg"[..]));
    }

    #[test]
    fn only_the_end_ends_a_body_without_framing() {
        let mut body = Body::UntilClose;
        assert_eq!(body.consume(b"abc"), Ok(3));
        assert!(!body.is_done());
        assert_eq!(body.end(), Ok(()));
    }
}
