//! One HTTP/1.1 connection as a slot: connects when there is none, sends a request, reads the reply
//! to its end (RFC 9112). Entered by the loops through `Slot`; it decides nothing about when or
//! whether to go on.

use std::cell::OnceCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;

use super::{Dialer, Failure, Kept, Reply, Reuse, blame};
use crate::request::{Encoded, Keep, Nature, Request};
use crate::rt::watch::{Entry, WatchedStream};
use crate::rt::{Input, Transport};
use crate::tls::Secured;
use crate::wire::Malformed;
use crate::wire::body::Body;
use crate::wire::reply::ReplyHead;

/// Up to this size a body is copied behind its head so that both leave in one call.
const JOINED_BODY_MAX: usize = 64 * 1024;

/// What the bytes go over.
type Stream = Secured<WatchedStream>;

/// A place for one connection at a time, and the buffers that go with it.
#[derive(Debug)]
pub(crate) struct Http1 {
    dialer: Rc<Dialer>,
    place: Rc<Entry>,
    stream: Option<Stream>,
    /// The last connection ended without TLS's own end, which an attacker can do, too.
    is_cut_short: bool,
    input: Input,
    /// Where requests that vary are written.
    draft: Vec<u8>,
    kept: Kept,
}

impl Http1 {
    /// A slot without a connection.
    pub(super) fn new(dialer: &Rc<Dialer>) -> Self {
        Self {
            dialer: Rc::clone(dialer),
            place: dialer.place(),
            stream: None,
            is_cut_short: false,
            input: Input::new(),
            draft: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// What the last request asked to keep of its reply.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// One request and its reply, on the open connection or a new one.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        begun: Instant,
    ) -> Result<Reply, Failure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                self.input.clear();
                self.is_cut_short = false;
                self.dialer.connect(&self.place, begun).await?
            }
        };
        self.place.set_busy(Some(begun));
        let before = self.input.received();
        self.send(&mut stream, request).await?;
        let head = self.receive_reply(&mut stream, request).await?;
        if head.keep_alive() && self.dialer.reuse() == Reuse::KeepAlive {
            self.place.set_busy(None);
            self.stream = Some(stream);
        }
        Ok(Reply {
            status: head.status,
            bytes: self.input.received() - before,
            grpc: None,
        })
    }

    async fn send(&mut self, stream: &mut Stream, request: &Request) -> Result<(), Failure> {
        let sent = match &request.nature {
            Nature::Fixed(encoded) => stream.send(self.encode_once(encoded, request)).await.0,
            Nature::Varying => {
                self.draft.clear();
                encode_head(&mut self.draft, request, self.dialer.reuse());
                let apart = request.body.len() > JOINED_BODY_MAX;
                if !apart {
                    self.draft.extend_from_slice(&request.body);
                }
                let (sent, draft) = stream.send(std::mem::take(&mut self.draft)).await;
                self.draft = draft;
                match sent {
                    Ok(_) if apart => stream.send(Bytes::clone(&request.body)).await.0,
                    sent => sent,
                }
            }
        };
        sent.map_err(|error| blame(&self.place, error))
    }

    fn encode_once(&self, encoded: &OnceCell<Encoded>, request: &Request) -> Rc<Vec<u8>> {
        let encode = || {
            let mut bytes = Vec::with_capacity(512 + request.body.len());
            encode_head(&mut bytes, request, self.dialer.reuse());
            bytes.extend_from_slice(&request.body);
            Encoded::Http1(Rc::new(bytes))
        };
        match encoded.get_or_init(encode) {
            Encoded::Http1(bytes) => Rc::clone(bytes),
            _ => unreachable!("a run speaks one protocol"),
        }
    }

    /// Reads the final reply; the head that is returned stands for all of it.
    async fn receive_reply(
        &mut self,
        stream: &mut Stream,
        request: &Request,
    ) -> Result<ReplyHead, Failure> {
        let mut head = self.head(stream, request).await?;
        if request.keep == Keep::Body {
            self.body::<true>(stream, &mut head.body).await?;
        } else {
            self.body::<false>(stream, &mut head.body).await?;
        }
        if !self.input.unread().is_empty() {
            return Err(Failure::Malformed(Malformed::Surplus));
        }
        Ok(head)
    }

    /// The final head, interim ones passed over.
    async fn head(&mut self, stream: &mut Stream, request: &Request) -> Result<ReplyHead, Failure> {
        loop {
            let unread = self.input.unread();
            match ReplyHead::parse(unread).map_err(Failure::Malformed)? {
                Some((mut head, len)) => {
                    if request.keep >= Keep::Fields {
                        self.kept.set_fields(ReplyHead::fields(&unread[..len]));
                    }
                    self.input.advance(len);
                    if request.is_head() {
                        head.leave_out_body();
                    }
                    if !head.is_interim() {
                        return Ok(head);
                    }
                }
                None if self.input.is_full() => {
                    return Err(Failure::Malformed(Malformed::HeadTooLarge));
                }
                None if self.receive(stream).await? == 0 => {
                    return Err(match self.input.unread() {
                        [] => Failure::Closed,
                        _ => Failure::Malformed(Malformed::Truncated),
                    });
                }
                None => {}
            }
        }
    }

    /// Reads past the body, and keeps it on the way or not.
    async fn body<const KEPT: bool>(
        &mut self,
        stream: &mut Stream,
        body: &mut Body,
    ) -> Result<(), Failure> {
        loop {
            let unread = self.input.unread();
            let used = if KEPT {
                body.consume_into(unread, |piece| self.kept.add_body(piece))
            } else {
                body.consume(unread)
            };
            self.input.advance(used.map_err(Failure::Malformed)?);
            if body.is_done() {
                return Ok(());
            }
            if self.receive(stream).await? == 0 {
                // RFC 9112 §9.8: whatever was to come until the end may not have come.
                return match body.end() {
                    Ok(()) if self.is_cut_short => Err(Failure::Malformed(Malformed::Truncated)),
                    end => end.map_err(Failure::Malformed),
                };
            }
        }
    }

    /// Waits for more bytes; 0 is the peer's end of the stream.
    async fn receive(&mut self, stream: &mut Stream) -> Result<usize, Failure> {
        let count = match stream.receive(&mut self.input).await {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.is_cut_short = true;
                0
            }
            Err(error) => return Err(blame(&self.place, error)),
        };
        match (count, self.place.was_cut()) {
            (0, Some(cut)) => Err(cut.into()),
            _ => Ok(count),
        }
    }
}

/// Writes the request's head (RFC 9112 §3, §5), framing and all.
fn encode_head(out: &mut Vec<u8>, request: &Request, reuse: Reuse) {
    let mut put = |piece: &str| out.extend_from_slice(piece.as_bytes());
    for piece in [&request.method, " ", &request.target, " HTTP/1.1\r\nHost: "] {
        put(piece);
    }
    put(&request.authority);
    put("\r\n");
    for (name, value) in &request.fields {
        for piece in [name, ": ", value, "\r\n"] {
            put(piece);
        }
    }
    if reuse == Reuse::PerRequest {
        put("Connection: close\r\n");
    }
    if request.has_content() {
        write!(out, "Content-Length: {}\r\n", request.body.len())
            .expect("a Vec takes whatever is written to it");
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, body: &'static [u8], reuse: Reuse) -> String {
        let request = Request {
            method: method.to_owned(),
            authority: "h:1".into(),
            target: "/a?b".to_owned(),
            fields: vec![("X".to_owned(), "y z".to_owned())],
            body: Bytes::from_static(body),
            is_grpc: false,
            keep: Keep::Status,
            nature: Nature::Varying,
        };
        let mut out = Vec::new();
        encode_head(&mut out, &request, reuse);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_head_says_what_the_request_says_and_how_it_is_framed() {
        assert_eq!(
            head("GET", b"", Reuse::KeepAlive),
            "GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: y z\r\n\r\n"
        );
        assert_eq!(
            head("GET", b"abc", Reuse::PerRequest),
            "GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: y z\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
        );
        assert!(head("POST", b"", Reuse::KeepAlive).ends_with("Content-Length: 0\r\n\r\n"));
    }
}
