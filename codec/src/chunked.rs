//! The framing lines of the chunked coding (RFC 9112 §7.1), byte by byte.
//!
//! [`crate::body`] enters with whatever has come and is told how much of it was framing. No byte is
//! kept but the number that a size line is about. What a recipient may or must forgive by the RFC,
//! whitespace above all, is refused: of all the places where two readings of one message were
//! found, this grammar has had the most.

use crate::body::BodyError;
use crate::grammar::{hex_digit, is_field_text, is_token_byte};

/// Sixteen digits hold any size; more are padding.
const SIZE_DIGITS_MAX: u8 = 16;

/// How many bytes of extensions a body may have beyond its bytes of data. Signed chunks need a
/// hundred bytes for some kilobytes; a peer that sends nothing but extensions is keeping us busy.
const EXTENSION_EXCESS_MAX: u64 = 16 << 10;

/// The framing of one chunked body.
#[derive(Clone, Debug)]
pub(crate) struct ChunkFraming {
    state: State,
    /// The size of the current chunk, as far as it was read.
    size: u64,
    digits: u8,
    /// Bytes of the current size line.
    line: usize,
    /// Bytes of extensions on the current line.
    extension: u64,
    extension_excess: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    ExtensionName { empty: bool },
    ExtensionValue { empty: bool },
    Quoted,
    QuotedEscape,
    AfterQuoted,
    SizeLf,
    DataCr,
    DataLf,
}

/// What the framing led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// More framing must come first.
    Framing,
    /// A chunk of this many bytes, at least one.
    Data(u64),
    /// The trailer section.
    Trailers,
}

impl ChunkFraming {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Size,
            size: 0,
            digits: 0,
            line: 0,
            extension: 0,
            extension_excess: 0,
        }
    }

    /// The data of a chunk was read to its end.
    pub(crate) const fn end_data(&mut self) {
        self.state = State::DataCr;
    }

    /// Reads framing from the front of `input` until it leads somewhere, and says how many bytes
    /// that took.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        line_max: usize,
    ) -> Result<(usize, Next), BodyError> {
        for (at, &byte) in input.iter().enumerate() {
            let ended = self.step(byte, line_max)?;
            if ended {
                return Ok((at + 1, self.end_line()?));
            }
        }
        Ok((input.len(), Next::Framing))
    }

    /// Takes one byte; `true` after the LF of a size line.
    fn step(&mut self, byte: u8, line_max: usize) -> Result<bool, BodyError> {
        self.state = match self.state {
            State::SizeLf => {
                return if byte == b'\n' {
                    Ok(true)
                } else {
                    Err(BodyError::ChunkLine)
                };
            }
            State::DataCr if byte == b'\r' => State::DataLf,
            State::DataLf if byte == b'\n' => State::Size,
            State::DataCr | State::DataLf => return Err(BodyError::ChunkEnd),
            State::Size => self.size_byte(byte, line_max)?,
            in_extension => {
                self.count(byte, line_max)?;
                self.extension += 1;
                extension_byte(in_extension, byte).ok_or(BodyError::ChunkExtension)?
            }
        };
        Ok(false)
    }

    fn size_byte(&mut self, byte: u8, line_max: usize) -> Result<State, BodyError> {
        self.count(byte, line_max)?;
        if let Some(digit) = hex_digit(byte) {
            self.digits += 1;
            self.size = self.size << 4 | u64::from(digit);
            if self.digits > SIZE_DIGITS_MAX || i64::try_from(self.size).is_err() {
                return Err(BodyError::ChunkSizeTooLarge);
            }
            return Ok(State::Size);
        }
        match byte {
            _ if self.digits == 0 => Err(BodyError::ChunkSize),
            b'\r' => Ok(State::SizeLf),
            b';' => Ok(State::ExtensionName { empty: true }),
            _ => Err(BodyError::ChunkSize),
        }
    }

    fn count(&mut self, byte: u8, line_max: usize) -> Result<(), BodyError> {
        if byte != b'\r' {
            self.line += 1;
        }
        if self.line > line_max {
            Err(BodyError::ChunkLineTooLong)
        } else {
            Ok(())
        }
    }

    fn end_line(&mut self) -> Result<Next, BodyError> {
        let owed = self.extension_excess.saturating_add(self.extension);
        self.extension_excess = owed.saturating_sub(self.size);
        if self.extension_excess > EXTENSION_EXCESS_MAX {
            return Err(BodyError::ExtensionsTooLong);
        }
        let size = self.size;
        *self = Self {
            extension_excess: self.extension_excess,
            ..Self::new()
        };
        Ok(if size == 0 {
            Next::Trailers
        } else {
            Next::Data(size)
        })
    }
}

/// `*( ";" token [ "=" ( token / quoted-string ) ] )` without the whitespace that senders must not
/// generate anyway. Begins after the first `;`.
fn extension_byte(state: State, byte: u8) -> Option<State> {
    let token = is_token_byte(byte);
    match (state, byte) {
        (State::ExtensionName { .. }, _) if token => Some(State::ExtensionName { empty: false }),
        (State::ExtensionValue { .. }, _) if token => Some(State::ExtensionValue { empty: false }),
        (State::ExtensionName { empty: false }, b'=') => {
            Some(State::ExtensionValue { empty: true })
        }
        (State::ExtensionValue { empty: true }, b'"') => Some(State::Quoted),
        (State::Quoted, b'"') => Some(State::AfterQuoted),
        (State::Quoted, b'\\') => Some(State::QuotedEscape),
        (State::Quoted | State::QuotedEscape, _) if is_field_text(&[byte]) => Some(State::Quoted),
        (
            State::ExtensionName { empty: false }
            | State::ExtensionValue { empty: false }
            | State::AfterQuoted,
            end,
        ) => match end {
            b'\r' => Some(State::SizeLf),
            b';' => Some(State::ExtensionName { empty: true }),
            _ => None,
        },
        _ => None,
    }
}
