//! How the fields of a message that was received come into their arena.
//!
//! [`crate::head`] and the trailer part of [`crate::body`] enter with a block of lines; the tokeniser
//! is httparse. What it would let pass and this crate does not (a line that ends with LF alone, one
//! that is too long) is noticed here and judged by [`crate::scan`].

use super::{Entry, FIELDS_MAX, Fields};
use crate::names::Name;

impl Fields {
    /// Reads the fields at the front of `input`, up to and with the empty line, and says where that
    /// ends. Only if all of it is there, as it should be, and of ordinary size: `None` means that a
    /// closer look is needed, and that what is in `self` is of no use. `line_max` is the most bytes
    /// of one line.
    pub(crate) fn read_plain(&mut self, input: &[u8], line_max: usize) -> Option<usize> {
        self.tokenise::<32>(input, line_max)
    }

    /// Reads the fields of `block`, whose lines are so many and end with CRLF, the empty one
    /// included. `None` when one of them is no field; what is in `self` then is of no use.
    pub(crate) fn read(&mut self, block: &[u8], lines: usize) -> Option<()> {
        let end = match lines {
            0..=64 => self.tokenise::<64>(block, usize::MAX)?,
            _ => self.tokenise_many(block)?,
        };
        (end == block.len()).then_some(())
    }

    #[cold]
    #[inline(never)]
    fn tokenise_many(&mut self, block: &[u8]) -> Option<usize> {
        self.tokenise::<FIELDS_MAX>(block, usize::MAX)
    }

    /// For up to `N` fields. All of the array for them is initialised on each call, so that a small
    /// one is quicker.
    fn tokenise<const N: usize>(&mut self, input: &[u8], line_max: usize) -> Option<usize> {
        let mut found = [httparse::EMPTY_HEADER; N];
        match httparse::parse_headers(input, &mut found) {
            Ok(httparse::Status::Complete((end, headers))) => {
                self.adopt(&input[..end], headers, line_max).then_some(end)
            }
            _ => None,
        }
    }

    /// Takes over the fields that the tokeniser found in `block`, unless a line is too long or ends
    /// with LF alone, which the tokeniser allows. Lines that are already as they would be written
    /// are copied together.
    fn adopt(&mut self, block: &[u8], headers: &[httparse::Header<'_>], line_max: usize) -> bool {
        let base = block.as_ptr().addr();
        let offset = |header: &httparse::Header<'_>| header.name.as_ptr().addr() - base;
        let Some(lines) = block.strip_suffix(b"\r\n") else {
            return false;
        };
        self.entries.reserve(headers.len());
        let mut rest = headers.iter().peekable();
        let mut run = 0..0;
        while let Some(header) = rest.next() {
            let start = offset(header);
            let line_end = rest.peek().map_or(lines.len(), |next| offset(next));
            let Some(line) = block[start..line_end].strip_suffix(b"\r\n") else {
                return false;
            };
            if line.len() > line_max {
                return false;
            }
            let name = header.name.as_bytes();
            let id = Name::of(name);
            // With a space after the colon, nothing else can stand between name and value.
            let written =
                line.len() == name.len() + 2 + header.value.len() && line[name.len() + 1] == b' ';
            if !written {
                self.lines.extend_from_slice(&block[run]);
                run = line_end..line_end;
                self.append(id, name, header.value);
                continue;
            }
            let start = self.lines.len() + start - run.start;
            let colon = start + name.len();
            self.index(Entry {
                id,
                live: true,
                start,
                colon,
                end: start + line.len(),
            });
            run.end = line_end;
        }
        self.lines.extend_from_slice(&block[run]);
        true
    }
}
