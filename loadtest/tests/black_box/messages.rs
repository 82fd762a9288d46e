//! A peer that speaks WebSocket frame by frame (RFC 6455 §5.2), so that it can break every rule. Entered
//! by the tests of the load generator's client.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::server::server;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A connection whose client asks for the upgrade.
pub(crate) struct Peer {
    stream: TcpStream,
    /// The head of its request.
    pub(crate) head: String,
}

/// A client's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// FIN, reserved bits and opcode.
    pub(crate) first: u8,
    pub(crate) mask: [u8; 4],
    pub(crate) payload: Vec<u8>,
}

/// A server that does `serve` with each connection, and does not care how that ends.
pub(crate) fn peer(
    serve: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    server(move |stream| {
        if let Ok(mut peer) = Peer::greet(stream) {
            drop(serve(&mut peer));
        }
    })
}

impl Peer {
    fn greet(mut stream: TcpStream) -> io::Result<Self> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        Ok(Self { stream, head })
    }

    /// The answer to the client's key.
    pub(crate) fn accept_value(&self) -> String {
        let key = (self.head.lines())
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
            .unwrap();
        let input = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, input.as_bytes()).as_ref())
    }

    /// Accepts the handshake.
    pub(crate) fn accept(&mut self) -> io::Result<()> {
        let value = self.accept_value();
        self.send(&format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {value}\r\n\r\n"
        ))
    }

    /// Sends text as it is.
    pub(crate) fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// The client's next frame, which must be masked.
    pub(crate) fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let [first, second] = head;
        assert_eq!(second & 0x80, 0x80, "a client masks");
        let len = match second & 0x7f {
            126 => {
                let mut len = [0; 2];
                self.stream.read_exact(&mut len)?;
                usize::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.stream.read_exact(&mut len)?;
                usize::try_from(u64::from_be_bytes(len)).unwrap()
            }
            len => usize::from(len),
        };
        let mut mask = [0; 4];
        self.stream.read_exact(&mut mask)?;
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload)?;
        for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        Ok(Frame {
            first,
            mask,
            payload,
        })
    }

    /// Sends a short frame with any first byte.
    pub(crate) fn write(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let len = u8::try_from(payload.len()).unwrap();
        assert!(len < 126);
        self.stream.write_all(&[&[first, len], payload].concat())
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut text = String::new();
    for six in bits.as_bytes().chunks(6) {
        let six = format!("{:0<6}", str::from_utf8(six).unwrap());
        text.push(char::from(DIGITS[usize::from_str_radix(&six, 2).unwrap()]));
    }
    text.push_str(["", "==", "="][bytes.len() % 3]);
    text
}
