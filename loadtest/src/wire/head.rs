//! Cuts a head into its start line and its field lines. Entered by `reply` and `request`, which
//! know what the start line means.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Malformed;

/// Looks for the end of a head; made once, because making it costs as much as a search.
static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// A head's two parts, borrowed from the buffer it was found in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// The first line without its CRLF.
    pub(super) start_line: &'a [u8],
    /// All field lines, each with its CRLF; empty when there is none.
    pub(super) fields: &'a [u8],
    /// Bytes of the head, with the empty line that ends it.
    pub(super) len: usize,
}

/// Finds the head at the beginning of `buf`; `None` while its end has not come yet.
pub(super) fn split(buf: &[u8]) -> Result<Option<Head<'_>>, Malformed> {
    let Some(end) = END.find(buf) else {
        return Ok(None);
    };
    let lines = &buf[..end + 2];
    let first = memchr::memchr(b'\n', lines).unwrap_or(end + 1);
    let start_line = lines[..first]
        .strip_suffix(b"\r")
        .ok_or(Malformed::StartLine)?;
    Ok(Some(Head {
        start_line,
        fields: &lines[first + 1..],
        len: end + 4,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_complete_head_only() {
        let bytes = b"GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\nrest";
        for end in 0..30 {
            assert_eq!(split(&bytes[..end]), Ok(None), "{end}");
        }
        let head = split(bytes).unwrap().unwrap();
        assert_eq!(head.start_line, b"GET / HTTP/1.1");
        assert_eq!(head.fields, b"A: b\r\nC: d\r\n");
        assert_eq!(&bytes[head.len..], b"rest");
    }

    #[test]
    fn a_head_may_have_no_fields() {
        let head = split(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap();
        assert_eq!(
            (head.start_line, head.fields),
            (&b"HTTP/1.1 200 OK"[..], &b""[..])
        );
    }

    #[test]
    fn a_bare_line_feed_does_not_end_the_start_line() {
        assert_eq!(
            split(b"GET / HTTP/1.1\nA: b\r\n\r\n"),
            Err(Malformed::StartLine)
        );
    }
}
