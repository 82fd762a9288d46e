//! One client of the origin: reads a request to its end, answers it, and again. Entered by the
//! acceptors with a fresh connection; pipelined requests wait in the input for their turn.

use std::io;
use std::rc::Rc;

use monoio::net::TcpStream;

use super::replies::{Ending, Reply, Shape};
use super::rules::{Answer, Drip, Manner};
use super::{ECHO_BYTES_MAX, Seat, http2, websocket};
use crate::rt::{Input, Outgoing, Pollable, Transport, watch};
use crate::tls::Secured;
use crate::wire::Malformed;
use crate::wire::body::Body;
use crate::wire::request::{RequestHead, Upgrade};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BODY_TOO_LARGE: &[u8] =
    b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const OTHER_VERSION: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
const HEAD_TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
/// What HTTP/2 begins with, as far as it looks like a head.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";
/// Reads spent on what a client still sends after its last reply, before the connection closes on
/// unread bytes, which resets it and may take the reply with it.
const LINGERING_READS: usize = 64;

/// Serves a connection until either side ends it.
pub(super) async fn serve(stream: Secured<TcpStream>, seat: Seat) {
    let mut connection = Connection {
        stream,
        input: Input::new(),
        seat,
    };
    loop {
        match connection.exchange().await {
            Ok(Ending::Persistent) => {}
            Ok(Ending::Last | Ending::Http10) => return connection.linger().await,
            Err(End::Refused(reply)) => return connection.refuse(reply).await,
            Err(End::Upgraded) => return connection.echo_messages().await,
            Err(End::Http2) => return connection.go_on_with_http2(),
            Err(End::Reset) => return watch::reset(connection.stream.into_socket()),
            Err(End::Gone) => return,
        }
    }
}

/// Why no other request can follow, or not even this one has its reply.
enum End {
    /// The client has left, or its socket broke.
    Gone,
    /// The request cannot be taken; it gets this reply.
    Refused(&'static [u8]),
    /// The rules want no reply.
    Reset,
    /// WebSocket is spoken from now on.
    Upgraded,
    /// This was no request: the client speaks HTTP/2, and knew that we do.
    Http2,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Malformed> for End {
    fn from(error: Malformed) -> Self {
        Self::Refused(match error {
            Malformed::HeadTooLarge => HEAD_TOO_LARGE,
            _ => BAD_REQUEST,
        })
    }
}

struct Connection {
    stream: Secured<TcpStream>,
    input: Input,
    seat: Seat,
}

impl Connection {
    /// One request and its reply; says what becomes of the connection.
    async fn exchange(&mut self) -> Result<Ending, End> {
        let (mut request, answer) = self.head().await?;
        if request.expects_continue && self.input.unread().is_empty() {
            self.send(CONTINUE).await?;
        }
        let ending = match (request.http10, request.keep_alive) {
            (true, _) => Ending::Http10,
            (false, true) => Ending::Persistent,
            (false, false) => Ending::Last,
        };
        let Answer { wait, manner } = match answer {
            Ok(answer) => answer,
            Err(why) => {
                self.skip(&mut request.body).await?;
                let reply = self
                    .seat
                    .0
                    .shelf
                    .reply(Shape::empty(400), ending, why.as_bytes());
                self.send_reply(&reply, request.is_head).await?;
                return Ok(ending);
            }
        };
        let echo = match manner {
            Manner::Echo(_) => self.collect(&mut request.body).await?,
            _ => {
                self.skip(&mut request.body).await?;
                Vec::new()
            }
        };
        if let Some(wait) = wait {
            monoio::time::sleep(wait).await;
        }
        if request.upgrade != Upgrade::None && self.seat.0.is_success(manner) {
            return self.upgrade(request.upgrade).await;
        }
        self.answer(manner, &echo, ending, request.is_head).await?;
        Ok(ending)
    }

    /// Answers the opening handshake of a WebSocket (RFC 6455 §4.2.2).
    async fn upgrade(&mut self, upgrade: Upgrade) -> Result<Ending, End> {
        Err(match upgrade {
            Upgrade::WebSocket(key) => {
                self.send(websocket::accept(&key)).await?;
                End::Upgraded
            }
            Upgrade::OtherVersion => End::Refused(OTHER_VERSION),
            Upgrade::Improper | Upgrade::None => End::Refused(BAD_REQUEST),
        })
    }

    /// Whether the connection begins as HTTP/2 does (RFC 9113 §3.4).
    fn is_http2(&self) -> bool {
        let unread = self.input.unread();
        self.input.received() == unread.len() as u64 && unread.starts_with(PREFACE)
    }

    fn go_on_with_http2(self) {
        let Secured::Plain(stream) = self.stream else {
            return;
        };
        if let Ok(stream) = stream.into_poll(None, self.input.unread()) {
            monoio::spawn(http2::serve(stream, self.seat));
        }
    }

    async fn echo_messages(mut self) {
        if websocket::echo(&mut self.stream, &mut self.input)
            .await
            .is_ok()
        {
            self.linger().await;
        }
    }

    /// The head of the next request, and what the request gets.
    async fn head(&mut self) -> Result<(RequestHead, Result<Answer, String>), End> {
        loop {
            let unread = self.input.unread();
            let parsed = match RequestHead::parse(unread) {
                Err(_) if self.is_http2() => return Err(End::Http2),
                parsed => parsed?,
            };
            if let Some((head, len)) = parsed {
                let answer = self.seat.0.answer(&unread[head.target.clone()]);
                self.input.advance(len);
                return Ok((head, answer));
            }
            if self.input.is_full() {
                return Err(Malformed::HeadTooLarge.into());
            }
            self.receive().await?;
        }
    }

    async fn skip(&mut self, body: &mut Body) -> Result<(), End> {
        loop {
            let used = body.consume(self.input.unread())?;
            self.input.advance(used);
            if body.is_done() {
                return Ok(());
            }
            self.receive().await?;
        }
    }

    /// Reads the body and keeps it.
    async fn collect(&mut self, body: &mut Body) -> Result<Vec<u8>, End> {
        let mut kept = Vec::new();
        loop {
            let unread = self.input.unread();
            let used = body.consume_into(unread, |piece| kept.extend_from_slice(piece))?;
            self.input.advance(used);
            if kept.len() > ECHO_BYTES_MAX {
                return Err(End::Refused(BODY_TOO_LARGE));
            }
            if body.is_done() {
                return Ok(kept);
            }
            self.receive().await?;
        }
    }

    async fn answer(
        &mut self,
        manner: Manner,
        echo: &[u8],
        ending: Ending,
        head_only: bool,
    ) -> Result<(), End> {
        let shelf = &self.seat.0.shelf;
        match manner {
            Manner::Usual => {
                let usual = shelf.usual();
                self.send_reply(usual.reply(ending), head_only).await?;
            }
            Manner::Reset => return Err(End::Reset),
            Manner::Whole(shape) => {
                let replies = shelf.replies(shape);
                self.send_reply(replies.reply(ending), head_only).await?;
            }
            Manner::Echo(shape) => {
                let reply = shelf.reply(shape, ending, echo);
                self.send_reply(&reply, head_only).await?;
            }
            Manner::Drip(shape, _) if head_only => {
                let replies = shelf.replies(shape);
                self.send_reply(replies.reply(ending), true).await?;
            }
            Manner::Drip(shape, drip) => {
                let replies = shelf.replies(shape);
                self.drip(replies.reply(ending), drip).await?;
            }
        }
        Ok(())
    }

    async fn send_reply(&mut self, reply: &Reply, head_only: bool) -> io::Result<()> {
        if head_only {
            self.send(reply.bytes[..reply.head_len].to_vec()).await
        } else {
            self.send(Rc::clone(&reply.bytes)).await
        }
    }

    /// Sends the head with the first drop, then the others. Framing counts as part of the drops.
    async fn drip(&mut self, reply: &Reply, drip: Drip) -> io::Result<()> {
        let (mut start, all) = (0, reply.bytes.len());
        let mut end = all.min(reply.head_len.saturating_add(drip.bytes));
        loop {
            self.send(reply.bytes[start..end].to_vec()).await?;
            if end == all {
                return Ok(());
            }
            monoio::time::sleep(drip.pause).await;
            (start, end) = (end, all.min(end.saturating_add(drip.bytes)));
        }
    }

    async fn receive(&mut self) -> Result<(), End> {
        match self.stream.receive(&mut self.input).await? {
            0 => Err(End::Gone),
            _ => Ok(()),
        }
    }

    async fn send(&mut self, bytes: impl Outgoing) -> io::Result<()> {
        self.stream.send(bytes).await.0
    }

    async fn refuse(mut self, reply: &'static [u8]) {
        if self.send(reply).await.is_ok() {
            self.linger().await;
        }
    }

    /// Says that no more will come, then waits for the client to say the same.
    async fn linger(mut self) {
        if self.stream.finish().await.is_err() {
            return;
        }
        for _ in 0..LINGERING_READS {
            self.input.advance(self.input.unread().len());
            if self.receive().await.is_err() {
                return;
            }
        }
    }
}
