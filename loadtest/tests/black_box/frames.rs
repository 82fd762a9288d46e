//! A peer that speaks HTTP/2 frame by frame (RFC 9113 §4.1), so that it can break every rule. Entered by
//! the tests of HTTP/2; it knows of HPACK only what stands for a status of 200, and
//! fields written out.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection whose client has begun.
pub(crate) struct Peer(TcpStream);

/// One frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Peer {
    /// Reads what a client begins with and says hello.
    pub(crate) fn greet(mut stream: TcpStream) -> io::Result<Self> {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface)?;
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut peer = Self(stream);
        peer.write(SETTINGS, 0, 0, &[])?;
        Ok(peer)
    }

    /// The next frame.
    pub(crate) fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes(id);
        Ok(Frame {
            kind,
            flags,
            stream,
            payload,
        })
    }

    /// The next request's stream; what else must be answered is.
    pub(crate) fn request(&mut self) -> io::Result<u32> {
        loop {
            let frame = self.read()?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.write(SETTINGS, ACK, 0, &[])?,
                PING if frame.flags & ACK == 0 => self.write(PING, ACK, 0, &frame.payload)?,
                HEADERS => return Ok(frame.stream),
                _ => {}
            }
        }
    }

    /// Sends a frame of any kind.
    pub(crate) fn write(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&[a, b, c, kind, flags], &stream.to_be_bytes()[..]].concat();
        self.0.write_all(&[&head, payload].concat())
    }

    /// A reply of status 200 without content.
    pub(crate) fn answer(&mut self, stream: u32) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, &[0x88])
    }

    /// The head of one, whose content follows.
    pub(crate) fn begin_answer(&mut self, stream: u32) -> io::Result<()> {
        self.write(HEADERS, END_HEADERS, stream, &[0x88])
    }

    /// A piece of content.
    pub(crate) fn data(&mut self, stream: u32, bytes: &[u8], ends: bool) -> io::Result<()> {
        self.write(DATA, if ends { END_STREAM } else { 0 }, stream, bytes)
    }

    /// Fields that end a reply, behind content or, with the status among them, without any.
    pub(crate) fn end_fields(&mut self, stream: u32, fields: &[(&str, &str)]) -> io::Result<()> {
        let mut block = Vec::new();
        for (name, value) in fields {
            // Literal fields that nobody remembers (RFC 7541 §6.2.2).
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    }

    /// Gives up the connection; streams beyond `last` were not looked at.
    pub(crate) fn go_away(&mut self, last: u32, error: u32) -> io::Result<()> {
        let payload = [last.to_be_bytes(), error.to_be_bytes()].concat();
        self.write(GOAWAY, 0, 0, &payload)
    }

    /// Ends the connection in order.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)?;
        self.drain();
        Ok(())
    }

    /// Reads until the client has left.
    pub(crate) fn drain(&mut self) {
        while self.read().is_ok() {}
    }
}
