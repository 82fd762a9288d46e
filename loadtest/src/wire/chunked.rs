//! The chunked transfer coding, read and taken off (RFC 9112 §7.1). Entered by `body` alone. It
//! holds a state of a few bytes, whatever the sizes, extensions and trailers that come in.

use super::Malformed;

/// A bound on the bytes that are neither size nor data: extensions of one chunk, or all trailers.
const EXTRA_BYTES_MAX: u16 = 16 * 1024;

/// A body in chunks, and where in it the reader stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunked {
    state: State,
    /// Bytes of extensions or trailers seen since the last chunk's data.
    extra: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first digit of a chunk's size.
    #[default]
    Start,
    /// In the digits of a size.
    Size(u64),
    /// After the semicolon behind a size.
    Extension(u64),
    /// After the CR behind a size.
    SizeEnd(u64),
    /// In a chunk's data, with so many bytes to come; 0 is at its CR.
    Data(u64),
    /// After the CR behind the data.
    DataEnd,
    /// At the start of a trailer line, or of the empty line that ends the body.
    Line,
    /// In a trailer line.
    Trailer,
    /// After a trailer line's CR.
    TrailerEnd,
    /// After the CR of the empty line.
    LastEnd,
    /// After the body.
    Done,
}

impl Chunked {
    /// Takes what belongs to the body from the front of `bytes` and shows chunk data to `sink`; says
    /// how many bytes that was.
    pub(super) fn consume_into(
        &mut self,
        bytes: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            if let State::Data(left @ 1..) = self.state {
                let here = bytes.len() - at;
                let taken = usize::try_from(left).map_or(here, |left| left.min(here));
                self.state = State::Data(left - taken as u64);
                sink(&bytes[at..at + taken]);
                at += taken;
            } else {
                self.state = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Whether the last chunk and its trailers have been read.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The state after one byte that is not chunk data.
    fn step(&mut self, byte: u8) -> Result<State, Malformed> {
        Ok(match (self.state, byte) {
            (State::Start, _) => State::Size(hex(byte)?),
            (State::Size(size), b'\r') | (State::Extension(size), b'\r') => State::SizeEnd(size),
            (State::Size(size), b';') => State::Extension(size),
            (State::Size(size), _) => {
                let digit = hex(byte)?;
                let scaled = size.checked_mul(16).ok_or(Malformed::Chunk)?;
                State::Size(scaled | digit)
            }
            (State::Extension(size), _) => self.extra(byte, State::Extension(size))?,
            (State::SizeEnd(0), b'\n') => self.fresh(State::Line),
            (State::SizeEnd(size), b'\n') => self.fresh(State::Data(size)),
            (State::Data(0), b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => State::Start,
            (State::Line, b'\r') => State::LastEnd,
            (State::Line, _) => self.extra(byte, State::Trailer)?,
            (State::Trailer, b'\r') => State::TrailerEnd,
            (State::Trailer, _) => self.extra(byte, State::Trailer)?,
            (State::TrailerEnd, b'\n') => State::Line,
            (State::LastEnd, b'\n') => State::Done,
            _ => return Err(Malformed::Chunk),
        })
    }

    fn fresh(&mut self, next: State) -> State {
        self.extra = 0;
        next
    }

    /// Counts a byte of an extension or trailer.
    fn extra(&mut self, byte: u8, next: State) -> Result<State, Malformed> {
        self.extra += 1;
        if byte == b'\n' || byte == 0 || self.extra > EXTRA_BYTES_MAX {
            return Err(Malformed::Chunk);
        }
        Ok(next)
    }
}

fn hex(byte: u8) -> Result<u64, Malformed> {
    char::from(byte)
        .to_digit(16)
        .map(u64::from)
        .ok_or(Malformed::Chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` cut at `split` and says how many were taken.
    fn feed(bytes: &[u8], split: usize) -> Result<(usize, bool), Malformed> {
        let mut chunked = Chunked::default();
        let first = chunked.consume_into(&bytes[..split], |_| {})?;
        let second = if first == split {
            chunked.consume_into(&bytes[split..], |_| {})?
        } else {
            0
        };
        Ok((first + second, chunked.is_done()))
    }

    #[test]
    fn takes_exactly_the_body_at_every_split() {
        let bodies: [&[u8]; 4] = [
            b"0\r\n\r\n",
            b"3\r\nabc\r\n0\r\n\r\n",
            b"00a;x=\"y\"\r\n0123456789\r\n1\r\n\r\r\n0;z\r\n\r\n",
            b"F\r\n\r\n0\r\n\r\n01234567\r\n0\r\nA: b\r\nC:\r\n\r\n",
        ];
        for body in bodies {
            let bytes = [body, b"next"].concat();
            for split in 0..=bytes.len() {
                assert_eq!(feed(&bytes, split), Ok((body.len(), true)), "{split}");
            }
            for end in 0..body.len() {
                assert_eq!(feed(&body[..end], 0), Ok((end, false)), "{end}");
            }
        }
    }

    #[test]
    fn refuses_malformed_chunks() {
        let bodies: [&[u8]; 10] = [
            b"\r\n",
            b"g\r\n",
            b"-1\r\n",
            b"0x1\r\n",
            b"1 \r\n",
            b"1\nab",
            b"1\r\nab",
            b"1\r\na\n",
            b"10000000000000000\r\n",
            b"0\r\nA: b\n\r\n",
        ];
        for body in bodies {
            assert_eq!(
                feed(body, 0),
                Err(Malformed::Chunk),
                "{}",
                body.escape_ascii()
            );
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let max = usize::from(EXTRA_BYTES_MAX);
        let fits = [b"1;", "x".repeat(max).as_bytes(), b"\r\na\r\n0\r\n\r\n"].concat();
        assert_eq!(feed(&fits, 0), Ok((fits.len(), true)));
        let long = [b"1;", "x".repeat(max + 1).as_bytes()].concat();
        assert_eq!(feed(&long, 0), Err(Malformed::Chunk));
        let trailers = [b"0\r\n".as_slice(), &b"A: b\r\n".repeat(max / 4 + 1)].concat();
        assert_eq!(feed(&trailers, 0), Err(Malformed::Chunk));
    }
}
