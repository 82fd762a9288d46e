//! The replies, rendered whole so that answering is one send. Entered once a second by the worker's
//! clock, for the Date field, and read by every connection.

use std::fmt;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::date::http_date;

/// How the body of every reply looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyShape {
    /// Bytes of the body.
    pub(super) size: usize,
    /// Bytes of one chunk; `None` sends a Content-Length instead.
    pub(super) chunk: Option<usize>,
}

/// Every reply that a well-formed request can get.
#[derive(Debug)]
pub(super) struct Replies {
    /// On a connection that lives on.
    pub(super) persistent: Reply,
    /// On a connection that ends.
    pub(super) last: Reply,
    /// To HTTP/1.0, which knows no chunks, and where the connection ends as well.
    pub(super) http10: Reply,
}

/// One rendered reply.
#[derive(Debug)]
pub(super) struct Reply {
    /// Head and body as they go over the wire.
    pub(super) bytes: Rc<Vec<u8>>,
    /// Bytes of the head, which is all that HEAD gets.
    pub(super) head_len: usize,
}

impl Replies {
    /// Renders all replies with the present time.
    pub(super) fn render(shape: BodyShape) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let date = http_date(now.map_or(0, |since| since.as_secs()));
        let sized = BodyShape {
            chunk: None,
            ..shape
        };
        Self {
            persistent: Reply::render(shape, &date, ""),
            last: Reply::render(shape, &date, "Connection: close\r\n"),
            http10: Reply::render(sized, &date, "Connection: close\r\n"),
        }
    }
}

impl Reply {
    fn render(shape: BodyShape, date: &str, connection: &str) -> Self {
        let framing = match shape.chunk {
            Some(_) => "Transfer-Encoding: chunked".to_owned(),
            None => format!("Content-Length: {}", shape.size),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nDate: {date}\r\nServer: corelane-loadtest\r\n\
             Content-Type: text/plain\r\n{framing}\r\n{connection}\r\n"
        );
        let head_len = head.len();
        let mut bytes = head.into_bytes();
        let body = body(shape.size);
        match shape.chunk {
            Some(chunk) => append_chunks(&mut bytes, &body, chunk),
            None => bytes.extend_from_slice(&body),
        }
        Self {
            bytes: Rc::new(bytes),
            head_len,
        }
    }
}

impl fmt::Display for BodyShape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.size)?;
        match self.chunk {
            Some(chunk) => write!(out, " in chunks of {chunk}"),
            None => Ok(()),
        }
    }
}

/// Text whose every byte depends on its place, so that lost or doubled pieces change it.
fn body(size: usize) -> Vec<u8> {
    let line = |number: usize| format!("{number:015}\n");
    let lines = (0..size.div_ceil(16)).flat_map(|number| line(number).into_bytes());
    lines.take(size).collect()
}

fn append_chunks(bytes: &mut Vec<u8>, body: &[u8], size: usize) {
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::body::Body;
    use crate::wire::reply::ReplyHead;

    /// Reads a reply with the generator's own reader; says whether the connection lives on.
    fn read(reply: &Reply, is_chunked: bool) -> bool {
        let (head, len) = ReplyHead::parse(&reply.bytes).unwrap().unwrap();
        assert_eq!((head.status, len), (200, reply.head_len));
        let keep_alive = head.keep_alive();
        let mut body = head.body;
        assert_eq!(matches!(body, Body::Chunked(_)), is_chunked);
        let rest = &reply.bytes[len..];
        assert_eq!(body.consume(rest), Ok(rest.len()));
        assert!(body.is_done());
        keep_alive
    }

    #[test]
    fn every_reply_is_complete_in_itself() {
        for size in [0, 1, 15, 16, 17, 1024, 70_000] {
            for chunk in [None, Some(1), Some(1000), Some(100_000)] {
                let replies = Replies::render(BodyShape { size, chunk });
                assert!(read(&replies.persistent, chunk.is_some()));
                assert!(!read(&replies.last, chunk.is_some()));
                assert!(!read(&replies.http10, false));
                assert_eq!(replies.http10.bytes.len() - replies.http10.head_len, size);
            }
        }
    }

    #[test]
    fn the_body_counts_its_own_lines() {
        assert_eq!(body(20), b"000000000000000\n0000");
        assert_eq!(body(0), b"");
    }
}
