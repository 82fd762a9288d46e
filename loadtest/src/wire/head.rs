//! Cuts a head into lines. Entered by `reply`, `request` and `fields`, which know what they mean.

/// The lines of a head, one after the other, from a buffer that may hold more or less than the head.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    start: usize,
}

/// A CR without LF, an LF without CR, or a NUL (RFC 9112 §2.2, RFC 9110 §5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclean;

impl<'a> Lines<'a> {
    /// The lines at the beginning of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, start: 0 }
    }

    /// The next line without its CRLF; `None` while its end has not come yet.
    pub(super) fn next(&mut self) -> Result<Option<&'a [u8]>, Unclean> {
        let rest = &self.bytes[self.start..];
        let Some(end) = memchr::memchr3(b'\r', b'\n', 0, rest) else {
            return Ok(None);
        };
        match rest[end..] {
            [b'\r', b'\n', ..] => {
                self.start += end + 2;
                Ok(Some(&rest[..end]))
            }
            [b'\r'] => Ok(None),
            _ => Err(Unclean),
        }
    }

    /// How many bytes the lines so far have, line ends included.
    pub(super) fn len(&self) -> usize {
        self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_when_they_are_complete() {
        let bytes = b"GET /\r\nA: b\r\n\r\nrest\r\n";
        for (end, expected) in [(0, 0), (6, 0), (7, 1), (13, 2), (14, 2), (15, 3), (20, 3)] {
            let mut lines = Lines::new(&bytes[..end]);
            let mut count = 0;
            while let Some(line) = lines.next().unwrap() {
                assert_eq!(line, [&b"GET /"[..], b"A: b", b""][count]);
                count += 1;
            }
            assert_eq!(count, expected, "{end}");
            assert_eq!(lines.len(), [0, 7, 13, 15][count]);
        }
    }

    #[test]
    fn bare_line_ends_and_nul_are_unclean() {
        for bytes in [
            &b"A: b\nC: d\r\n"[..],
            b"A: b\rc\r\n",
            b"A: \0\r\n",
            b"\n",
            b"\r\r\n",
        ] {
            let mut lines = Lines::new(bytes);
            assert_eq!(lines.next(), Err(Unclean), "{}", bytes.escape_ascii());
        }
    }
}
