//! Bodies: where the data lies in what was read, and when it is over.
//!
//! The pump enters with its read buffer and is told, run by run, which bytes are data; they stay
//! where they are. Nothing is buffered here but an unfinished trailer section, within its limits.

use std::fmt;
use std::ops::Range;

use crate::chunked::{ChunkFraming, Next};
use crate::error::HeadError;
use crate::fields::Fields;
use crate::framing::BodyLength;
use crate::scan::{HeadLimits, HeadScan};

/// How much framing a chunked body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of one chunk-size line with its extensions, without its CRLF. Exceeded: 400.
    pub chunk_line: usize,
    /// Bytes of the whole trailer section. Exceeded: 431.
    pub trailer_bytes: usize,
    /// Lines of the trailer section. Exceeded: 431.
    pub trailer_fields: usize,
    /// Whether trailers with a `_` in their name ([`crate::Field::has_underscore`]) are kept.
    pub trailer_underscores: bool,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            chunk_line: 4 << 10,
            trailer_bytes: 16 << 10,
            trailer_fields: 64,
            trailer_underscores: true,
        }
    }
}

/// What [`BodyDecoder::decode`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// How many bytes of the input are dealt with, data included.
    pub consumed: usize,
    /// Which bytes of the input are data; may be empty.
    pub data: Range<usize>,
    /// Whether the body is over: the byte after `consumed` belongs to the next message.
    pub end: bool,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyError {
    /// A chunk size that is not hexadecimal digits, followed at once by CRLF or `;`.
    ChunkSize,
    /// A chunk size of more than 63 bits or more than 16 digits.
    ChunkSizeTooLarge,
    /// A chunk-size line with a CR that no LF follows.
    ChunkLine,
    /// A chunk extension that is not `;name`, `;name=value` or `;name="value"`.
    ChunkExtension,
    /// A chunk-size line longer than [`BodyLimits::chunk_line`].
    ChunkLineTooLong,
    /// More extensions than data, by far.
    ExtensionsTooLong,
    /// No CRLF after the data of a chunk.
    ChunkEnd,
    /// A trailer section longer than [`BodyLimits::trailer_bytes`].
    TrailersTooLarge,
    /// More trailer lines than [`BodyLimits::trailer_fields`].
    TooManyTrailers,
    /// A trailer line that is no field.
    Trailer(HeadError),
    /// The peer closed before the body was over.
    Truncated,
}

impl BodyError {
    /// The status with which to answer a request with this error, if its response has not begun.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::TrailersTooLarge | Self::TooManyTrailers => 431,
            Self::ChunkSize
            | Self::ChunkSizeTooLarge
            | Self::ChunkLine
            | Self::ChunkExtension
            | Self::ChunkLineTooLong
            | Self::ExtensionsTooLong
            | Self::ChunkEnd
            | Self::Trailer(_)
            | Self::Truncated => 400,
        }
    }

    /// The field of [`BodyLimits`] that was exceeded, if that is what happened.
    #[must_use]
    pub const fn limit(self) -> Option<&'static str> {
        match self {
            Self::ChunkLineTooLong => Some("chunk_line"),
            Self::TrailersTooLarge => Some("trailer_bytes"),
            Self::TooManyTrailers => Some("trailer_fields"),
            _ => None,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChunkSize => "a chunk size is not a hexadecimal number",
            Self::ChunkSizeTooLarge => "a chunk size does not fit",
            Self::ChunkLine => "a chunk-size line does not end with CRLF",
            Self::ChunkExtension => "a malformed chunk extension",
            Self::ChunkLineTooLong => "a chunk-size line is too long",
            Self::ExtensionsTooLong => "more chunk extensions than data",
            Self::ChunkEnd => "a chunk's data is not followed by CRLF",
            Self::TrailersTooLarge => "the trailer section is too large",
            Self::TooManyTrailers => "there are too many trailer fields",
            Self::Trailer(error) => return write!(f, "in the trailer section, {error}"),
            Self::Truncated => "the body ended early",
        })
    }
}

impl std::error::Error for BodyError {}

/// Reads one body after another: [`BodyDecoder::reset`] makes it ready for the next and keeps its
/// memory.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    limits: BodyLimits,
    chunks: ChunkFraming,
    /// The trailer section as far as it has come, when it comes in pieces.
    section: Vec<u8>,
    scan: HeadScan,
    trailers: Fields,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes are left.
    Length(u64),
    UntilClose,
    ChunkFraming,
    /// So many bytes of the chunk are left.
    ChunkData(u64),
    /// After the last chunk, before any byte of the trailer section.
    LastChunk,
    /// The CR that ends an empty trailer section has come.
    LastLf,
    Trailers,
    Ended,
    Failed(BodyError),
}

impl BodyDecoder {
    /// A decoder for a body of this length.
    #[must_use]
    pub fn new(length: BodyLength, limits: BodyLimits) -> Self {
        Self {
            state: State::of(length),
            limits,
            chunks: ChunkFraming::new(),
            section: Vec::new(),
            scan: HeadScan::trailers(),
            trailers: Fields::new(),
        }
    }

    /// Changes the limits, for the bodies to come.
    pub const fn set_limits(&mut self, limits: BodyLimits) {
        self.limits = limits;
    }

    /// Makes it ready for another body under the same limits.
    pub fn reset(&mut self, length: BodyLength) {
        self.state = State::of(length);
        self.chunks = ChunkFraming::new();
        self.section.clear();
        self.scan = HeadScan::trailers();
        self.trailers.clear();
    }

    /// Looks at `input`, the bytes that follow what was consumed so far, and finds at most one run
    /// of data. When not everything was consumed and the body is not over, call again with the
    /// rest; when everything was, with more.
    ///
    /// # Errors
    /// As soon as the bytes break the framing, and again on every later call. Data before the fault
    /// is handed out first.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, BodyError> {
        let start = self.read_framing(input)?;
        let data = start..start + self.take_data(&input[start..]);
        // What follows the data is looked at right away, because it is often the end. A fault there
        // is told next time.
        let framing = match data.is_empty() {
            true => 0,
            false => self.read_framing(&input[data.end..]).unwrap_or(0),
        };
        Ok(Decoded {
            consumed: data.end + framing,
            data,
            end: self.is_ended(),
        })
    }

    /// The peer will send no more.
    ///
    /// # Errors
    /// [`BodyError::Truncated`] when the body was to go on.
    pub fn finish(&mut self) -> Result<(), BodyError> {
        match self.state {
            State::UntilClose | State::Ended => {
                self.state = State::Ended;
                Ok(())
            }
            State::Failed(error) => Err(error),
            _ => {
                self.state = State::Failed(BodyError::Truncated);
                Err(BodyError::Truncated)
            }
        }
    }

    /// Whether the body is over.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The trailers, once the body is over; without those that make no sense after a body
    /// ([`crate::Name::allowed_in_trailers`]), as if they had not been sent.
    #[must_use]
    pub const fn trailers(&self) -> &Fields {
        &self.trailers
    }

    /// How many bytes are still to come, for a body whose length is known.
    #[must_use]
    pub const fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Ended => Some(0),
            _ => None,
        }
    }

    /// How many bytes of data come next, before any framing: they need not be looked at. Without end
    /// (`u64::MAX`) for a body that the end of the connection ends.
    #[must_use]
    pub const fn data_ahead(&self) -> u64 {
        match self.state {
            State::Length(left) | State::ChunkData(left) => left,
            State::UntilClose => u64::MAX,
            _ => 0,
        }
    }

    /// Takes note that the next `count` bytes of data, no more than are ahead, went another way.
    pub fn skip_data(&mut self, count: u64) {
        debug_assert!(count <= self.data_ahead(), "skipped more than data");
        match self.state {
            State::Length(left) => self.state = State::length(left.saturating_sub(count)),
            State::ChunkData(left) => self.take_chunk(left, count),
            _ => {}
        }
    }

    /// Takes `taken` of the `left` bytes of a chunk.
    fn take_chunk(&mut self, left: u64, taken: u64) {
        self.state = State::ChunkData(left.saturating_sub(taken));
        if left <= taken {
            self.chunks.end_data();
            self.state = State::ChunkFraming;
        }
    }

    /// Takes the run of data at the front of `input` and says how long it is.
    fn take_data(&mut self, input: &[u8]) -> usize {
        let taken = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        match self.state {
            State::UntilClose => input.len(),
            State::Length(left) => {
                let taken = taken(left);
                self.state = State::length(left - taken as u64);
                taken
            }
            State::ChunkData(left) => {
                let taken = taken(left);
                self.take_chunk(left, taken as u64);
                taken
            }
            _ => 0,
        }
    }

    /// Reads on until data or the end comes, or `input` is used up, and says how many bytes that
    /// took.
    fn read_framing(&mut self, input: &[u8]) -> Result<usize, BodyError> {
        let mut taken = 0;
        while taken < input.len() {
            match self.read_some_framing(&input[taken..]) {
                Ok(0) => break,
                Ok(more) => taken += more,
                Err(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
            }
        }
        Ok(taken)
    }

    /// As far as one part of the framing goes; 0 when what is next is not framing.
    fn read_some_framing(&mut self, input: &[u8]) -> Result<usize, BodyError> {
        match (self.state, input[0]) {
            (State::Failed(error), _) => Err(error),
            (State::ChunkFraming, _) => {
                let (taken, next) = self.chunks.read(input, self.limits.chunk_line)?;
                match next {
                    Next::Framing => {}
                    Next::Data(size) => self.state = State::ChunkData(size),
                    Next::Trailers => self.state = State::LastChunk,
                }
                Ok(taken)
            }
            (State::LastChunk, b'\r') => {
                self.state = State::LastLf;
                Ok(1)
            }
            (State::LastLf, b'\n') => {
                self.state = State::Ended;
                Ok(1)
            }
            (State::LastLf, _) => Err(BodyError::Trailer(HeadError::BareCr)),
            (State::LastChunk | State::Trailers, _) => {
                self.state = State::Trailers;
                self.read_trailers(input)
            }
            _ => Ok(0),
        }
    }

    fn read_trailers(&mut self, input: &[u8]) -> Result<usize, BodyError> {
        let limits = HeadLimits {
            start_line: 0,
            head: self.limits.trailer_bytes,
            field_line: self.limits.trailer_bytes,
            fields: self.limits.trailer_fields,
        };
        let held = self.section.len();
        // One byte more than allowed is enough to see that there are too many.
        let wanted = limits
            .head
            .saturating_add(1)
            .saturating_sub(held)
            .min(input.len());
        self.section.extend_from_slice(&input[..wanted]);
        let Some(block) = self
            .scan
            .fields(&self.section, &limits)
            .map_err(trailer_error)?
        else {
            return Ok(wanted);
        };
        let end = block.range.end;
        if self
            .trailers
            .read(&self.section[..end], block.lines)
            .is_none()
        {
            return Err(trailer_error(self.scan.blame(&self.section, block.range)));
        }
        self.trailers.retain(|field| field.id.allowed_in_trailers());
        if !self.limits.trailer_underscores {
            self.trailers.remove_underscored();
        }
        self.state = State::Ended;
        Ok(end - held)
    }
}

impl State {
    const fn of(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty => Self::Ended,
            BodyLength::Length(length) => Self::length(length),
            BodyLength::Chunked => Self::ChunkFraming,
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    const fn length(left: u64) -> Self {
        if left == 0 {
            Self::Ended
        } else {
            Self::Length(left)
        }
    }
}

const fn trailer_error(error: HeadError) -> BodyError {
    match error {
        HeadError::HeadTooLarge | HeadError::FieldLineTooLong => BodyError::TrailersTooLarge,
        HeadError::TooManyFields => BodyError::TooManyTrailers,
        other => BodyError::Trailer(other),
    }
}
