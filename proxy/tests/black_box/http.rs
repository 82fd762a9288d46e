//! A small HTTP/1.1 client on raw sockets: bytes out, one reply in.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::program::PATIENCE;

/// A reply, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The value of the only field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.split("\r\n").skip(1);
        lines.find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Connects.
#[track_caller]
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a request as it is written and reads the reply until the connection closes.
#[track_caller]
pub(crate) fn exchange(address: &str, request: &str) -> Reply {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    read_reply(&mut stream, request.starts_with("HEAD "))
}

/// `GET` with these more lines of the head.
#[track_caller]
pub(crate) fn get_with(address: &str, target: &str, lines: &str) -> Reply {
    let head =
        format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{lines}\r\n");
    exchange(address, &head)
}

#[track_caller]
pub(crate) fn get(address: &str, target: &str) -> Reply {
    get_with(address, target, "")
}

/// `POST` as the admin API wants it.
#[track_caller]
pub(crate) fn order(address: &str, target: &str, body: &str) -> Reply {
    let length = body.len();
    exchange(
        address,
        &format!(
            "POST {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             X-Corelane-Admin: 1\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Reads one reply that ends as its head says, or with the connection.
#[track_caller]
pub(crate) fn read_reply(stream: &mut TcpStream, to_head: bool) -> Reply {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        assert!(read_more(stream, &mut bytes), "no whole head: {bytes:?}");
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut reply = Reply {
        status: head.get(9..12).unwrap().parse().unwrap(),
        head,
        body: String::new(),
    };
    if to_head || matches!(reply.status, 204 | 304) {
        return reply;
    }
    let mut body = bytes.split_off(head_end + 4);
    let length = reply
        .field("content-length")
        .map(|text| text.parse().unwrap());
    while length.is_none_or(|length: usize| body.len() < length) && read_more(stream, &mut body) {}
    assert!(
        length.is_none_or(|length| body.len() == length),
        "cut: {reply:?}"
    );
    reply.body = String::from_utf8(body).unwrap();
    reply
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> bool {
    let mut piece = [0; 4096];
    let count = stream.read(&mut piece).unwrap();
    bytes.extend_from_slice(&piece[..count]);
    count > 0
}
