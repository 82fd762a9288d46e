//! Finding the end of a head that arrives in pieces, line by line, and keeping it within its limits
//! meanwhile.
//!
//! [`crate::head`] and the trailer part of [`crate::body`] enter with all bytes received so far; no
//! byte is looked at twice, however many pieces there are. Lines are only delimited here (and every
//! one must end with CRLF); what they say is read elsewhere.
//!
//! The verdict on some bytes never depends on how they were cut into pieces: whatever is refused is
//! refused at the same byte for the same reason.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::error::HeadError;
use crate::fields::FIELDS_MAX;
use crate::grammar::{is_field_text, is_token, is_token_byte};

/// How large a head may be. Each limit is checked as soon as it is exceeded, not when the head has
/// ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the request or status line without its CRLF. Exceeded: 414.
    pub start_line: usize,
    /// Bytes of the whole head: start line, fields, all line ends. Exceeded: 431.
    pub head: usize,
    /// Bytes of one field line without its CRLF. Exceeded: 431.
    pub field_line: usize,
    /// Field lines; never more than [`FIELDS_MAX`]. Exceeded: 431.
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            start_line: 16 << 10,
            head: 64 << 10,
            field_line: 32 << 10,
            fields: 100,
        }
    }
}

/// How far a head has been looked at. One per connection and direction; [`HeadScan::reset`] before
/// each head.
#[derive(Clone, Debug, Default)]
pub struct HeadScan {
    stage: Stage,
    /// The bytes looked at so far.
    seen: usize,
    /// Where the current line begins.
    line: usize,
    /// Where the first field line begins.
    fields_from: usize,
    fields: usize,
    empty_lines: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    StartLine,
    Fields,
}

/// What a start line may begin with, so that bytes of another protocol are refused without waiting
/// for a line's end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening {
    /// A method, or up to [`EMPTY_LINES_MAX`] empty lines before it (RFC 9112 §2.2).
    Request,
    /// `HTTP/`, and nothing before it.
    Response,
}

/// Two, because some old clients send CRLF after a body and some send it twice.
const EMPTY_LINES_MAX: u8 = 2;

/// The field lines of a head with the empty line, and how many they are.
#[derive(Debug)]
pub(crate) struct FieldBlock {
    pub(crate) range: Range<usize>,
    pub(crate) lines: usize,
}

impl HeadScan {
    /// Ready for the next head.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// For a section that has no start line: trailers.
    pub(crate) fn trailers() -> Self {
        Self {
            stage: Stage::Fields,
            ..Self::default()
        }
    }

    /// The name of the field at which parsing stopped with an error, for logs and replies. `input`
    /// is what was parsed. `None` when the fault is in the start line or the line has no name.
    #[must_use]
    pub fn faulty_field<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        if self.stage == Stage::StartLine {
            return None;
        }
        let line = input.get(self.line..self.seen)?;
        let name = &line[..memchr2(b':', b'\n', line)?];
        (line[name.len()] == b':' && is_token(name)).then_some(name)
    }

    /// Whether the start line is still to come.
    pub(crate) fn at_start_line(&self) -> bool {
        self.stage == Stage::StartLine
    }

    /// The range of the start line without its CRLF, once it is there. Empty lines before it are
    /// skipped.
    pub(crate) fn start_line(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
        opening: Opening,
    ) -> Result<Option<Range<usize>>, HeadError> {
        loop {
            opening.check(input.get(self.line).copied())?;
            let limit = (limits.start_line, HeadError::StartLineTooLong);
            let next = self.next_line(input, limits.head, limit);
            let Some(line) = next.map_err(|error| self.blame_word(input, error, opening))? else {
                return Ok(None);
            };
            if !line.is_empty() {
                self.stage = Stage::Fields;
                self.fields_from = self.line;
                return Ok(Some(line));
            }
            self.empty_lines += 1;
            if self.empty_lines > EMPTY_LINES_MAX {
                return Err(HeadError::EmptyLines);
            }
        }
    }

    /// What a start line over its limit is refused for: 414 is about a target (RFC 9112 §3), and
    /// there is none where the first word does not end.
    #[cold]
    fn blame_word(&self, input: &[u8], error: HeadError, opening: Opening) -> HeadError {
        let wordless = memchr(b' ', &input[self.line..self.seen]).is_none();
        match opening {
            Opening::Request if wordless && error == HeadError::StartLineTooLong => {
                HeadError::Method
            }
            _ => error,
        }
    }

    /// Where the first field line begins, once the start line was found.
    pub(crate) const fn fields_start(&self) -> usize {
        self.fields_from
    }

    /// The field lines, once all of them are there.
    pub(crate) fn fields(
        &mut self,
        input: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<FieldBlock>, HeadError> {
        let limit = (limits.field_line, HeadError::FieldLineTooLong);
        let fields_max = limits.fields.min(FIELDS_MAX);
        loop {
            let Some(line) = self.next_line(input, limits.head, limit)? else {
                return Ok(None);
            };
            if line.is_empty() {
                let range = self.fields_from..self.line;
                return Ok(Some(FieldBlock {
                    range,
                    lines: self.fields,
                }));
            }
            self.fields += 1;
            if self.fields > fields_max {
                self.line = line.start;
                return Err(HeadError::TooManyFields);
            }
        }
    }

    /// Why the tokeniser refused a block. It says less than one wants to know, so the lines are
    /// gone through again, by plain rules; the line at fault is remembered.
    #[cold]
    pub(crate) fn blame(&mut self, input: &[u8], block: Range<usize>) -> HeadError {
        self.line = block.start;
        for line in input[block].split_inclusive(|&byte| byte == b'\n') {
            let text = line.strip_suffix(b"\r\n").unwrap_or(line);
            if let Some(error) = field_line_error(text) {
                return error;
            }
            self.line += line.len();
        }
        HeadError::FieldName
    }

    /// The next line without its CRLF, or `None` when its end has not come yet.
    fn next_line(
        &mut self,
        input: &[u8],
        head_max: usize,
        (line_max, line_error): (usize, HeadError),
    ) -> Result<Option<Range<usize>>, HeadError> {
        let unseen = input.get(self.seen..).unwrap_or_default();
        let end = memchr(b'\n', unseen).map(|at| self.seen + at);
        // Both limits as the offset of the first byte too many, the line's CRLF allowed for: the
        // smaller one is what trips first when the bytes come one by one.
        let line_over = self.line.saturating_add(line_max).saturating_add(2);
        let over = line_over.min(head_max);
        self.seen = end.map_or(input.len(), |at| at + 1);
        if self.seen > over {
            self.seen = over;
            return Err(if line_over <= head_max {
                line_error
            } else {
                HeadError::HeadTooLarge
            });
        }
        let Some(end) = end else {
            return Ok(None);
        };
        let line = self.line..end.saturating_sub(1);
        if end == self.line || input[end - 1] != b'\r' {
            return Err(HeadError::BareLf);
        }
        self.line = end + 1;
        Ok(Some(line))
    }
}

impl Opening {
    fn check(self, first: Option<u8>) -> Result<(), HeadError> {
        match (self, first) {
            (_, None) => Ok(()),
            (Self::Request, Some(byte)) => match byte {
                b'\r' | b'\n' => Ok(()),
                _ if is_token_byte(byte) => Ok(()),
                _ => Err(HeadError::Method),
            },
            (Self::Response, Some(b'H')) => Ok(()),
            (Self::Response, Some(_)) => Err(HeadError::StatusLine),
        }
    }
}

fn field_line_error(line: &[u8]) -> Option<HeadError> {
    if let Some(b' ' | b'\t') = line.first() {
        return Some(HeadError::Folded);
    }
    if let Some(error) = line_control_error(line) {
        return Some(error);
    }
    let Some(colon) = memchr(b':', line) else {
        return (!line.is_empty()).then_some(HeadError::NoColon);
    };
    let name = &line[..colon];
    match name.last() {
        Some(b' ' | b'\t') => Some(HeadError::SpaceBeforeColon),
        _ if !is_token(name) => Some(HeadError::FieldName),
        _ if !is_field_text(&line[colon + 1..]) => Some(HeadError::FieldValue),
        _ => None,
    }
}

/// The faults that have a name of their own wherever in a line they are.
pub(crate) fn line_control_error(line: &[u8]) -> Option<HeadError> {
    let at = memchr2(b'\r', 0, line)?;
    Some(if line[at] == 0 {
        HeadError::Nul
    } else {
        HeadError::BareCr
    })
}
