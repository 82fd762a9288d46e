//! The codec's share of a request: heads read and written, bodies decoded, paths normalised.

use std::hint::black_box;

use corelane_codec::encode::{
    Persistence, ResponseFraming, encode_request_head, encode_response_head,
};
use corelane_codec::{
    BodyDecoder, BodyLength, BodyLimits, HeadLimits, HeadScan, Parsed, RequestHead, ResponseHead,
    normalize_path,
};

use crate::BROWSER_REQUEST;

/// A response's head as origins send it.
pub const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: origin\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 1024\r\n\
    ETag: \"0123456789abcdef\"\r\n\
    Cache-Control: private, max-age=0\r\n\
    Vary: Accept-Encoding\r\n\r\n";

const LIMITS: HeadLimits = HeadLimits {
    start_line: 16 * 1024,
    head: 64 * 1024,
    field_line: 32 * 1024,
    fields: 100,
};

/// Both heads of an exchange, and what they are read into and written to.
#[derive(Debug)]
pub struct Heads {
    request: RequestHead,
    response: ResponseHead,
    scan: HeadScan,
    out: Vec<u8>,
}

impl Heads {
    /// Heads that have been read once, so that there is something to write.
    #[must_use]
    pub fn new() -> Self {
        let mut heads = Self {
            request: RequestHead::new(),
            response: ResponseHead::new(),
            scan: HeadScan::default(),
            out: Vec::with_capacity(4096),
        };
        heads.parse_request();
        heads.parse_response();
        heads
    }

    /// Reads the request's head.
    ///
    /// # Panics
    /// When it is not read to its end.
    pub fn parse_request(&mut self) {
        self.scan.reset();
        let input = black_box(BROWSER_REQUEST);
        let read = self.request.parse(input, &mut self.scan, &LIMITS);
        assert_eq!(
            read,
            Ok(Parsed::Complete {
                consumed: input.len()
            })
        );
    }

    /// Writes it for the next hop, and says how long it is then.
    pub fn encode_request(&mut self) -> usize {
        self.out.clear();
        self.request.fields.remove_hop_by_hop();
        let target = black_box(b"/users/42?fields=name");
        let (body, persistence) = (BodyLength::Empty, Persistence::Implied);
        encode_request_head(&mut self.out, &self.request, target, body, persistence);
        self.out.len()
    }

    /// Reads the response's head.
    ///
    /// # Panics
    /// When it is not read to its end.
    pub fn parse_response(&mut self) {
        self.scan.reset();
        let input = black_box(RESPONSE);
        let read = self.response.parse(input, &mut self.scan, &LIMITS);
        assert_eq!(
            read,
            Ok(Parsed::Complete {
                consumed: input.len()
            })
        );
    }

    /// Writes it, and says how long it is then.
    pub fn encode_response(&mut self) -> usize {
        self.out.clear();
        let framing = ResponseFraming::Length(1024);
        let response = black_box(&self.response);
        encode_response_head(&mut self.out, response, framing, Persistence::Implied);
        self.out.len()
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self::new()
    }
}

/// A body in `count` chunks of `size` bytes, as it is on the wire.
#[must_use]
pub fn chunked(size: usize, count: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..count {
        body.extend_from_slice(format!("{size:x}\r\n").as_bytes());
        body.resize(body.len() + size, b'x');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

/// Decodes a whole body in chunks and adds up its data bytes.
///
/// # Panics
/// When it is malformed.
#[must_use]
pub fn decode(mut input: &[u8]) -> usize {
    let mut decoder = BodyDecoder::new(BodyLength::Chunked, BodyLimits::default());
    let mut total = 0;
    while !decoder.is_ended() {
        let found = decoder.decode(input).expect("the body is well-formed");
        total += found.data.len();
        input = &input[found.consumed..];
    }
    total
}

/// Normalises a path that needs it, into `out`.
///
/// # Panics
/// When it is refused.
pub fn normalize(out: &mut Vec<u8>) {
    out.clear();
    normalize_path(black_box(b"/api/./v1/%75sers/../users/%34%32"), out)
        .expect("the path is valid");
}
