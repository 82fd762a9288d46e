//! Puts messages together from frames (RFC 6455 §5.4 to §5.5). Entered with bytes as they come; what
//! it holds is one message up to its bound and one control frame.

use super::frame::{Header, Opcode};
use super::{Broken, mask};

/// Which end reads: it decides whose frames must be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// What a complete frame or message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A whole message, in one part or several: `Text` or `Binary`.
    Message(Opcode, &'a [u8]),
    /// To be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// An answer to a ping, or one that nobody asked for.
    Pong,
    /// The peer closes: its code, if it gave one.
    Close(Option<u16>),
}

/// A connection's incoming half.
#[derive(Debug)]
pub(crate) struct Reader {
    end: End,
    /// The longest message that is taken.
    limit: usize,
    /// What has come of the present message, unmasked.
    message: Vec<u8>,
    /// What the present message is; `None` between messages.
    kind: Option<Opcode>,
    /// What has come of the present control frame, unmasked.
    control: Vec<u8>,
    /// The frame whose payload is coming.
    frame: Option<Header>,
    /// How much of that payload has come.
    have: u64,
}

impl Reader {
    /// A reader for this end, which takes messages of at most `limit` bytes.
    pub(crate) fn new(end: End, limit: usize) -> Self {
        Self {
            end,
            limit,
            message: Vec::new(),
            kind: None,
            control: Vec::new(),
            frame: None,
            have: 0,
        }
    }

    /// Takes bytes from the front until something is complete; says how many, and what it was. More
    /// bytes are needed when all are taken and there is no event.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<(usize, Option<Event<'_>>), Broken> {
        let mut used = 0;
        loop {
            let frame = match self.frame {
                Some(frame) => frame,
                None => match Header::parse(&bytes[used..])? {
                    None => return Ok((used, None)),
                    Some((frame, len)) => {
                        used += len;
                        self.begin(frame)?
                    }
                },
            };
            used += self.take_payload(frame, &bytes[used..]);
            if self.have < frame.len {
                return Ok((used, None));
            }
            self.frame = None;
            if frame.is_final {
                return Ok((used, Some(self.finish(frame.opcode)?)));
            }
        }
    }

    /// A frame's head has come: checks that it fits here.
    fn begin(&mut self, frame: Header) -> Result<Header, Broken> {
        if frame.mask.is_some() != (self.end == End::Server) {
            return Err(Broken::Masking);
        }
        if frame.opcode.is_control() {
            self.control.clear();
        } else {
            match (frame.opcode, self.kind) {
                (Opcode::Continuation, Some(_)) => {}
                (Opcode::Text | Opcode::Binary, None) => {
                    self.message.clear();
                    self.kind = Some(frame.opcode);
                }
                _ => return Err(Broken::Fragmentation),
            }
            let room = self.limit - self.message.len();
            if usize::try_from(frame.len).map_or(true, |len| len > room) {
                return Err(Broken::TooLarge);
            }
        }
        self.frame = Some(frame);
        self.have = 0;
        Ok(frame)
    }

    /// Takes what belongs to the frame's payload; says how many bytes that was.
    fn take_payload(&mut self, frame: Header, bytes: &[u8]) -> usize {
        let left = frame.len - self.have;
        let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let payload = if frame.opcode.is_control() {
            &mut self.control
        } else {
            &mut self.message
        };
        let start = payload.len();
        payload.extend_from_slice(&bytes[..count]);
        if let Some(mask) = frame.mask {
            // Only the place within four bytes matters.
            mask::apply(&mut payload[start..], mask, (self.have % 4) as usize);
        }
        self.have += count as u64;
        count
    }

    /// The last byte of a control frame or of a message's last frame has come.
    fn finish(&mut self, opcode: Opcode) -> Result<Event<'_>, Broken> {
        Ok(match opcode {
            Opcode::Ping => Event::Ping(&self.control),
            Opcode::Pong => Event::Pong,
            Opcode::Close => Event::Close(close_code(&self.control)?),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                let kind = self.kind.take().ok_or(Broken::Fragmentation)?;
                if kind == Opcode::Text && str::from_utf8(&self.message).is_err() {
                    return Err(Broken::Utf8);
                }
                Event::Message(kind, &self.message)
            }
        })
    }
}

/// Reads a close frame's payload: nothing, or a code that may be sent and a reason in UTF-8.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Broken> {
    let Some((&code, reason)) = payload.split_first_chunk() else {
        return match payload {
            [] => Ok(None),
            _ => Err(Broken::CloseCode),
        };
    };
    let code = u16::from_be_bytes(code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Broken::CloseCode);
    }
    str::from_utf8(reason).map_err(|_| Broken::Utf8)?;
    Ok(Some(code))
}

#[cfg(test)]
mod tests {
    use super::super::{append_close, append_frame};
    use super::*;

    /// An event with its payload kept.
    #[derive(Debug, PartialEq, Eq)]
    enum Owned {
        Message(Opcode, Vec<u8>),
        Ping(Vec<u8>),
        Pong,
        Close(Option<u16>),
    }

    impl From<Event<'_>> for Owned {
        fn from(event: Event<'_>) -> Self {
            match event {
                Event::Message(kind, bytes) => Self::Message(kind, bytes.to_vec()),
                Event::Ping(bytes) => Self::Ping(bytes.to_vec()),
                Event::Pong => Self::Pong,
                Event::Close(code) => Self::Close(code),
            }
        }
    }

    /// Feeds bytes that arrive in two pieces, as from a buffer that keeps what was not taken.
    fn feed(end: End, bytes: &[u8], split: usize) -> Result<Vec<Owned>, Broken> {
        let mut reader = Reader::new(end, 70_000);
        let (mut events, mut start) = (Vec::new(), 0);
        for arrived in [split, bytes.len()] {
            loop {
                let (used, event) = reader.read(&bytes[start..arrived])?;
                start += used;
                match event {
                    Some(event) => events.push(event.into()),
                    None => break,
                }
            }
        }
        assert_eq!(start, bytes.len(), "all bytes belong to complete frames");
        Ok(events)
    }

    fn text(text: &str) -> Owned {
        Owned::Message(Opcode::Text, text.as_bytes().to_vec())
    }

    /// RFC 6455 §5.7.
    #[test]
    fn the_rfcs_examples_at_every_split() {
        let from_server: [(&[u8], Vec<Owned>); 4] = [
            (
                &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
                vec![text("Hello")],
            ),
            (
                &[0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f],
                vec![text("Hello")],
            ),
            (
                &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f],
                vec![Owned::Ping(b"Hello".to_vec())],
            ),
            (&[0x88, 0x00], vec![Owned::Close(None)]),
        ];
        for (bytes, events) in from_server {
            for split in 0..=bytes.len() {
                assert_eq!(feed(End::Client, bytes, split).unwrap(), events, "{split}");
            }
        }
        let from_client = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x8a, 0x85, 0x37,
            0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        for split in 0..=from_client.len() {
            assert_eq!(
                feed(End::Server, &from_client, split).unwrap(),
                [text("Hello"), Owned::Pong]
            );
        }
    }

    #[test]
    fn control_frames_come_between_parts_and_messages_follow_each_other() {
        let mask = Some([1, 2, 3, 4]);
        let mut bytes = Vec::new();
        append_frame(&mut bytes, Opcode::Binary, &[7; 300], mask);
        let first_part = bytes.len();
        append_frame(&mut bytes, Opcode::Text, "grün".as_bytes(), mask);
        bytes[first_part] &= 0x7f;
        append_frame(&mut bytes, Opcode::Ping, b"still there?", mask);
        append_frame(&mut bytes, Opcode::Continuation, b"", mask);
        append_close(&mut bytes, 1001, mask);
        for split in 0..=bytes.len() {
            let events = feed(End::Server, &bytes, split).unwrap();
            let expected = [
                Owned::Message(Opcode::Binary, vec![7; 300]),
                Owned::Ping(b"still there?".to_vec()),
                text("grün"),
                Owned::Close(Some(1001)),
            ];
            assert_eq!(events, expected, "{split}");
        }
    }

    #[test]
    fn refuses_what_the_rfc_forbids() {
        let cases: [(End, &[u8], Broken); 10] = [
            (End::Server, &[0x81, 0x00], Broken::Masking),
            (End::Client, &[0x81, 0x80, 0, 0, 0, 0], Broken::Masking),
            (End::Client, &[0x80, 0x00], Broken::Fragmentation),
            (
                End::Client,
                &[0x01, 0x00, 0x81, 0x00],
                Broken::Fragmentation,
            ),
            (End::Client, &[0x81, 0x01, 0xff], Broken::Utf8),
            (End::Client, &[0x01, 0x01, 0xc3, 0x80, 0x00], Broken::Utf8),
            (End::Client, &[0x88, 0x01, 0x03], Broken::CloseCode),
            (End::Client, &[0x88, 0x02, 0x03, 0xed], Broken::CloseCode),
            (End::Client, &[0x88, 0x03, 0x03, 0xe8, 0xff], Broken::Utf8),
            (
                End::Client,
                &[0x02, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x71],
                Broken::TooLarge,
            ),
        ];
        for (end, bytes, error) in cases {
            assert_eq!(feed(end, bytes, bytes.len()), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn parts_of_a_message_share_its_bound() {
        let mut reader = Reader::new(End::Client, 10);
        let mut bytes = Vec::new();
        append_frame(&mut bytes, Opcode::Binary, &[0; 10], None);
        assert_eq!(reader.read(&bytes).unwrap().0, bytes.len());
        bytes[0] &= 0x7f;
        append_frame(&mut bytes, Opcode::Continuation, b"1", None);
        assert_eq!(reader.read(&bytes), Err(Broken::TooLarge));
    }
}
