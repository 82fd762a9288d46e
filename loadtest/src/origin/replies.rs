//! The replies, rendered whole so that answering is one send. Entered by every connection, which takes
//! what it needs off the worker's shelf; the worker's clock renews the shelf once a second, for the
//! Date field.

use std::cell::{OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderValue;

use crate::filler::filler;
use crate::wire::date::http_date;

/// Shapes other than the usual one that a worker keeps rendered; scenarios have a handful.
const SHELF_PLACES: usize = 16;
/// A body beyond this is rendered for its request alone.
const SHELF_BODY_MAX: usize = 1024 * 1024;

/// How a reply looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The status of a final reply.
    pub(super) status: u16,
    /// Bytes of the body; without meaning where the status allows none.
    pub(super) size: usize,
    /// Bytes of one chunk; `None` sends a Content-Length instead.
    pub(super) chunk: Option<usize>,
}

impl Shape {
    /// A status with a body as long as whoever sends it has one.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            size: 0,
            chunk: None,
        }
    }

    /// Whether the status allows no content, whatever was asked for (RFC 9110 §6.4.1).
    pub(super) fn is_bare(self) -> bool {
        matches!(self.status, 204 | 304)
    }
}

/// What becomes of the connection, which its last reply must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It lives on.
    Persistent,
    /// It ends.
    Last,
    /// It ends, and the client knows no chunks.
    Http10,
}

/// The replies of one worker, as of this second.
#[derive(Debug)]
pub(super) struct Shelf {
    usual: RefCell<Rc<Replies>>,
    others: RefCell<Vec<Rc<Replies>>>,
    /// The beginning of all bodies.
    text: RefCell<Bytes>,
    date: RefCell<Rc<str>>,
    date_field: RefCell<HeaderValue>,
}

/// The replies of one shape, rendered when first asked for.
#[derive(Debug)]
pub(super) struct Replies {
    shape: Shape,
    date: Rc<str>,
    body: Bytes,
    rendered: [OnceCell<Reply>; 3],
}

/// One rendered reply.
#[derive(Debug)]
pub(super) struct Reply {
    /// Head and body as they go over the wire.
    pub(super) bytes: Rc<Vec<u8>>,
    /// Bytes of the head, which is all that HEAD gets.
    pub(super) head_len: usize,
}

impl Shelf {
    /// The shelf of a worker whose usual replies have this shape.
    pub(super) fn new(usual: Shape) -> Self {
        let date: Rc<str> = now().into();
        let text = Bytes::from(filler(usual.size));
        Self {
            usual: RefCell::new(Rc::new(Replies::new(usual, &date, &text))),
            others: RefCell::default(),
            text: RefCell::new(text),
            date_field: RefCell::new(field(&date)),
            date: RefCell::new(date),
        }
    }

    /// Puts the present time into all replies.
    pub(super) fn renew(&self) {
        let date: Rc<str> = now().into();
        let usual = Rc::clone(&self.usual.borrow());
        *self.usual.borrow_mut() = Rc::new(Replies::new(usual.shape, &date, &usual.body));
        self.others.borrow_mut().clear();
        *self.date_field.borrow_mut() = field(&date);
        *self.date.borrow_mut() = date;
    }

    /// The replies of the usual shape.
    pub(super) fn usual(&self) -> Rc<Replies> {
        Rc::clone(&self.usual.borrow())
    }

    /// The replies of any shape.
    pub(super) fn replies(&self, shape: Shape) -> Rc<Replies> {
        let known = |replies: &&Rc<Replies>| replies.shape == shape;
        if let Some(replies) = self.others.borrow().iter().find(known) {
            return Rc::clone(replies);
        }
        let replies = Rc::new(Replies::new(shape, &self.date(), &self.body(shape.size)));
        let mut others = self.others.borrow_mut();
        if shape.size <= SHELF_BODY_MAX && others.len() < SHELF_PLACES {
            others.push(Rc::clone(&replies));
        }
        replies
    }

    /// A reply with this body.
    pub(super) fn reply(&self, shape: Shape, ending: Ending, body: &[u8]) -> Reply {
        Reply::render(shape, ending, &self.date(), body)
    }

    /// The body of this many bytes.
    pub(super) fn body(&self, size: usize) -> Bytes {
        let mut longest = self.text.borrow_mut();
        if longest.len() < size {
            *longest = Bytes::from(filler(size));
        }
        longest.slice(..size)
    }

    /// The Date field's value, for HTTP/2.
    pub(super) fn date_field(&self) -> HeaderValue {
        self.date_field.borrow().clone()
    }

    /// The Date field's value.
    fn date(&self) -> Rc<str> {
        Rc::clone(&self.date.borrow())
    }
}

impl Replies {
    fn new(shape: Shape, date: &Rc<str>, body: &Bytes) -> Self {
        Self {
            shape,
            date: Rc::clone(date),
            body: body.slice(..shape.size),
            rendered: Default::default(),
        }
    }

    /// The reply for a connection that ends in this way.
    pub(super) fn reply(&self, ending: Ending) -> &Reply {
        let render = || Reply::render(self.shape, ending, &self.date, &self.body);
        self.rendered[ending as usize].get_or_init(render)
    }
}

impl Reply {
    fn render(shape: Shape, ending: Ending, date: &str, body: &[u8]) -> Self {
        let is_bare = shape.is_bare();
        let chunk = shape.chunk.filter(|_| ending != Ending::Http10);
        let framing = match chunk {
            _ if is_bare => String::new(),
            Some(_) => "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n".to_owned(),
            None => format!(
                "Content-Type: text/plain\r\nContent-Length: {}\r\n",
                body.len()
            ),
        };
        let connection = match ending {
            Ending::Persistent => "",
            Ending::Last | Ending::Http10 => "Connection: close\r\n",
        };
        let head = format!(
            "HTTP/1.1 {} {}\r\nDate: {date}\r\nServer: corelane-loadtest\r\n{framing}{connection}\r\n",
            shape.status,
            reason(shape.status),
        );
        let head_len = head.len();
        let mut bytes = head.into_bytes();
        match chunk {
            _ if is_bare => {}
            Some(chunk) => append_chunks(&mut bytes, body, chunk),
            None => bytes.extend_from_slice(body),
        }
        Self {
            bytes: Rc::new(bytes),
            head_len,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.size)?;
        if let Some(chunk) = self.chunk {
            write!(out, " in chunks of {chunk}")?;
        }
        match self.status {
            200 => Ok(()),
            status => write!(out, " with status {status}"),
        }
    }
}

/// Reason phrases that people like to read (RFC 9110 §15); others may be empty (RFC 9112 §4).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    http_date(since.map_or(0, |since| since.as_secs()))
}

fn field(date: &str) -> HeaderValue {
    HeaderValue::from_str(date).expect("a date is ASCII")
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

    fn shape(status: u16, size: usize, chunk: Option<usize>) -> Shape {
        Shape {
            status,
            size,
            chunk,
        }
    }

    /// Reads a reply with the generator's own reader; says whether the connection lives on.
    fn read(reply: &Reply, status: u16, is_chunked: bool) -> bool {
        let (head, len) = ReplyHead::parse(&reply.bytes).unwrap().unwrap();
        assert_eq!((head.status, len), (status, reply.head_len));
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
                let shelf = Shelf::new(shape(200, 5, None));
                let replies = shelf.replies(shape(503, size, chunk));
                assert!(read(
                    replies.reply(Ending::Persistent),
                    503,
                    chunk.is_some()
                ));
                assert!(!read(replies.reply(Ending::Last), 503, chunk.is_some()));
                let http10 = replies.reply(Ending::Http10);
                assert!(!read(http10, 503, false));
                assert_eq!(http10.bytes.len() - http10.head_len, size);
            }
        }
    }

    #[test]
    fn a_status_without_content_has_none() {
        for status in [204, 304] {
            let shelf = Shelf::new(shape(status, 100, Some(10)));
            let reply = shelf.usual();
            let reply = reply.reply(Ending::Persistent);
            assert!(read(reply, status, false));
            assert_eq!(reply.bytes.len(), reply.head_len);
        }
    }

    #[test]
    fn the_shelf_keeps_few_and_small_replies() {
        let shelf = Shelf::new(shape(200, 1, None));
        let once = shelf.replies(shape(200, 3, None));
        assert!(Rc::ptr_eq(&once, &shelf.replies(shape(200, 3, None))));
        let large = shape(200, SHELF_BODY_MAX + 1, None);
        assert!(!Rc::ptr_eq(&shelf.replies(large), &shelf.replies(large)));
        for size in 0..100 {
            shelf.replies(shape(201, size, None));
        }
        assert_eq!(shelf.others.borrow().len(), SHELF_PLACES);
        shelf.renew();
        assert!(!Rc::ptr_eq(&once, &shelf.replies(shape(200, 3, None))));
    }

    #[test]
    fn bodies_are_pieces_of_one_filler() {
        let shelf = Shelf::new(shape(200, 2, None));
        assert_eq!(shelf.body(20), b"000000000000000\n0000"[..]);
        assert_eq!(shelf.body(3), b"000"[..]);
        assert_eq!(shelf.body(0), b""[..]);
    }
}
