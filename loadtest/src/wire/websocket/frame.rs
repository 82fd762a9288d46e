//! One frame's head, read and written (RFC 6455 §5.2). Entered by the reader and by whoever sends.

use super::{Broken, mask};

/// The longest payload of a control frame (RFC 6455 §5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// The next part of a message.
    Continuation = 0,
    /// A message in UTF-8, or its first part.
    Text = 1,
    /// A message of bytes, or its first part.
    Binary = 2,
    /// The end, with a code and a reason or without.
    Close = 8,
    /// A question that is answered with its own payload.
    Ping = 9,
    /// That answer.
    Pong = 10,
}

impl Opcode {
    fn read(bits: u8) -> Result<Self, Broken> {
        Ok(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return Err(Broken::Opcode),
        })
    }

    /// Whether such a frame may come between the parts of a message.
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether this is the last part of its message.
    pub(super) is_final: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Option<[u8; 4]>,
    /// Bytes of the payload.
    pub(super) len: u64,
}

impl Header {
    /// Reads the frame's head at the beginning of `bytes` and says how many bytes it has; `None` while
    /// its end has not come yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Broken> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Broken::ReservedBits);
        }
        let Some((len, rest)) = length(second & 0x7f, rest)? else {
            return Ok(None);
        };
        let (mask, rest) = match (second & 0x80, rest.split_first_chunk()) {
            (0, _) => (None, rest),
            (_, Some((mask, rest))) => (Some(*mask), rest),
            (_, None) => return Ok(None),
        };
        let header = Self {
            is_final: first & 0x80 != 0,
            opcode: Opcode::read(first & 0x0f)?,
            mask,
            len,
        };
        if header.opcode.is_control() && (!header.is_final || len > CONTROL_BYTES_MAX) {
            return Err(Broken::Control);
        }
        Ok(Some((header, bytes.len() - rest.len())))
    }

    fn append(&self, out: &mut Vec<u8>) {
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        out.push(if self.is_final { 0x80 } else { 0 } | self.opcode as u8);
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len @ ..=125), _) => out.push(mask_bit | len),
            (_, Ok(len)) => {
                out.push(mask_bit | 126);
                out.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                out.push(mask_bit | 127);
                out.extend_from_slice(&self.len.to_be_bytes());
            }
        }
        out.extend(self.mask.iter().flatten());
    }
}

/// Reads the length that begins with these seven bits, which must be written as short as it can be.
fn length(bits: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Broken> {
    let (len, rest, shortest) = match bits {
        126 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), rest, 126),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest, 1 << 16),
            None => return Ok(None),
        },
        _ => (u64::from(bits), rest, 0),
    };
    if len < shortest || len >> 63 != 0 {
        return Err(Broken::Length);
    }
    Ok(Some((len, rest)))
}

/// Appends a message or control frame in one piece; with a mask, as a client must.
pub(crate) fn append_frame(
    out: &mut Vec<u8>,
    opcode: Opcode,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) {
    let header = Header {
        is_final: true,
        opcode,
        mask,
        len: payload.len() as u64,
    };
    header.append(out);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        mask::apply(&mut out[start..], mask, 0);
    }
}

/// Appends a close frame with this code and no reason.
pub(crate) fn append_close(out: &mut Vec<u8>, code: u16, mask: Option<[u8; 4]>) {
    append_frame(out, Opcode::Close, &code.to_be_bytes(), mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(is_final: bool, opcode: Opcode, mask: Option<[u8; 4]>, len: u64) -> Header {
        Header {
            is_final,
            opcode,
            mask,
            len,
        }
    }

    /// RFC 6455 §5.7, and the lengths at which the encoding changes.
    #[test]
    fn heads_are_read_when_complete_and_written_alike() {
        let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
        let cases: [(&[u8], Header); 11] = [
            (&[0x81, 0x05], header(true, Opcode::Text, None, 5)),
            (
                &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d],
                header(true, Opcode::Text, mask, 5),
            ),
            (&[0x01, 0x03], header(false, Opcode::Text, None, 3)),
            (&[0x80, 0x02], header(true, Opcode::Continuation, None, 2)),
            (&[0x89, 0x05], header(true, Opcode::Ping, None, 5)),
            (
                &[0x82, 0x7e, 0x01, 0x00],
                header(true, Opcode::Binary, None, 256),
            ),
            (
                &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0],
                header(true, Opcode::Binary, None, 65_536),
            ),
            (&[0x82, 125], header(true, Opcode::Binary, None, 125)),
            (
                &[0x82, 126, 0, 126],
                header(true, Opcode::Binary, None, 126),
            ),
            (
                &[0x82, 0xfe, 0xff, 0xff, 0x37, 0xfa, 0x21, 0x3d],
                header(true, Opcode::Binary, mask, 65_535),
            ),
            (
                &[0x8a, 0xfd, 0x37, 0xfa, 0x21, 0x3d],
                header(true, Opcode::Pong, mask, 125),
            ),
        ];
        for (bytes, expected) in cases {
            for end in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..end]), Ok(None), "{end} of {bytes:?}");
            }
            let with_payload = [bytes, b"payload"].concat();
            assert_eq!(
                Header::parse(&with_payload),
                Ok(Some((expected, bytes.len())))
            );
            let mut written = Vec::new();
            expected.append(&mut written);
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn refuses_what_the_rfc_forbids() {
        let cases: [(&[u8], Broken); 10] = [
            (&[0xc1, 0x00], Broken::ReservedBits),
            (&[0x91, 0x00], Broken::ReservedBits),
            (&[0x83, 0x00], Broken::Opcode),
            (&[0x8b, 0x00], Broken::Opcode),
            (&[0x82, 126, 0, 125], Broken::Length),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Broken::Length),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Broken::Length),
            (&[0x09, 0x00], Broken::Control),
            (&[0x08, 0x00], Broken::Control),
            (&[0x89, 126, 0, 126], Broken::Control),
        ];
        for (bytes, error) in cases {
            assert_eq!(Header::parse(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn the_rfcs_masked_hello_is_written() {
        let mut out = Vec::new();
        append_frame(
            &mut out,
            Opcode::Text,
            b"Hello",
            Some([0x37, 0xfa, 0x21, 0x3d]),
        );
        assert_eq!(
            out,
            [
                0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
        out.clear();
        append_close(&mut out, 1000, None);
        assert_eq!(out, [0x88, 0x02, 0x03, 0xe8]);
    }
}
