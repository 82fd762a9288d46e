//! The origin's echo as a WebSocket client on a raw socket sees it, on both drivers.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::program::{DRIVERS, Origin};

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// RFC 6455 §1.3, with its own example of a key.
const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A client's frame with any first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(len @ ..=125) => bytes.push(0x80 | len.to_be_bytes()[1]),
        Ok(len) => {
            bytes.push(0x80 | 126);
            bytes.extend(len.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// Sends `handshake` and reads the head of the reply.
fn ask(origin: &Origin, handshake: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(origin.address).unwrap();
    stream.write_all(handshake.as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn open(origin: &Origin) -> TcpStream {
    let (stream, head) = ask(origin, HANDSHAKE);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream
}

/// Reads exactly these bytes.
fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    stream.read_exact(&mut read).unwrap();
    assert!(
        read == bytes,
        "{:?}… instead of {:?}…",
        &read[..2],
        &bytes[..2]
    );
}

/// Sends a frame that must not be, and reads the close frame with this code and the end.
fn expect_refusal(origin: &Origin, bytes: &[u8], code: u16) {
    let mut stream = open(origin);
    stream.write_all(bytes).unwrap();
    let mut rest = Vec::new();
    let [high, low] = code.to_be_bytes();
    expect(&mut stream, &[0x88, 2, high, low]);
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "after the close frame");
}

#[test]
fn messages_of_all_sizes_come_back() {
    for io in DRIVERS {
        let origin = Origin::start(&["--io", io]);
        let (mut stream, head) = ask(&origin, HANDSHAKE);
        assert!(
            head.contains("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"),
            "{head}"
        );
        let accept = "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert!(head.contains(accept), "{head}");
        stream.write_all(&frame(0x81, b"Hello")).unwrap();
        expect(&mut stream, b"\x81\x05Hello");
        stream.write_all(&frame(0x82, b"")).unwrap();
        expect(&mut stream, b"\x82\x00");
        let medium = [7; 200];
        stream.write_all(&frame(0x82, &medium)).unwrap();
        expect(&mut stream, &[&[0x82, 126, 0, 200], &medium[..]].concat());
        let large = vec![b'x'; 3 << 20];
        let head = [0x81, 127, 0, 0, 0, 0, 0, 0x30, 0, 0];
        // Both sides' sockets hold less than this: it is read as a whole before it is echoed.
        stream.write_all(&frame(0x81, &large)).unwrap();
        expect(&mut stream, &[&head, &large[..]].concat());
    }
}

#[test]
fn many_messages_at_once_come_back_in_turn() {
    let origin = Origin::start(&[]);
    let mut stream = open(&origin);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for number in 0..5000 {
        let text = format!("{number:08}");
        sent.extend(frame(0x81, text.as_bytes()));
        expected.extend([&[0x81, 8], text.as_bytes()].concat());
    }
    stream.write_all(&sent).unwrap();
    expect(&mut stream, &expected);
}

#[test]
fn fragments_become_one_message_and_pings_are_answered_between_them() {
    for io in DRIVERS {
        let origin = Origin::start(&["--io", io]);
        let mut stream = open(&origin);
        stream.write_all(&frame(0x01, b"Hel")).unwrap();
        stream.write_all(&frame(0x89, b"ping")).unwrap();
        expect(&mut stream, b"\x8a\x04ping");
        stream.write_all(&frame(0x8a, b"unasked")).unwrap();
        stream.write_all(&frame(0x80, b"lo")).unwrap();
        expect(&mut stream, b"\x81\x05Hello");
    }
}

#[test]
fn a_close_is_answered_with_its_code() {
    let origin = Origin::start(&[]);
    for (payload, answer) in [
        (&b""[..], &b"\x88\x02\x03\xe8"[..]),
        (b"\x03\xe9going", b"\x88\x02\x03\xe9"),
    ] {
        let mut stream = open(&origin);
        stream.write_all(&frame(0x81, b"last")).unwrap();
        stream.write_all(&frame(0x88, payload)).unwrap();
        expect(&mut stream, b"\x81\x04last");
        expect(&mut stream, answer);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn what_the_rfc_forbids_closes_with_its_code() {
    let origin = Origin::start(&[]);
    expect_refusal(&origin, b"\x81\x05Hello", 1002);
    expect_refusal(&origin, &frame(0xc1, b"compressed"), 1002);
    expect_refusal(&origin, &frame(0x83, b"reserved"), 1002);
    expect_refusal(&origin, &frame(0x80, b"of nothing"), 1002);
    expect_refusal(&origin, &frame(0x81, b"\xff\xfe"), 1007);
    let too_large = [&[0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1], &MASK[..]].concat();
    expect_refusal(&origin, &too_large, 1009);
}

#[test]
fn an_improper_handshake_is_refused_and_other_upgrades_are_ignored() {
    let origin = Origin::start(&[]);
    let refused = |from: &str, to: &str| ask(&origin, &HANDSHAKE.replacen(from, to, 1)).1;
    for (from, to, status) in [
        ("Version: 13", "Version: 7", "426"),
        ("ZSBub25jZQ==", "ZSBub25jZQ=", "400"),
        ("Connection: Upgrade", "Connection: keep-alive", "400"),
        ("websocket", "h2c", "200"),
        ("/chat", "/status/403", "403"),
    ] {
        let head = refused(from, to);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{to}: {head}"
        );
        let names_version = head.contains("\r\nSec-WebSocket-Version: 13\r\n");
        assert_eq!(names_version, status == "426", "{head}");
    }
}
