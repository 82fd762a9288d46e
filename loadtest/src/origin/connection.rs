//! One client of the origin: reads a request to its end, answers it, and again. Entered by the
//! acceptors with a fresh connection; pipelined requests wait in the input for their turn.

use std::io;
use std::rc::Rc;

use monoio::buf::IoBuf;
use monoio::io::{AsyncWriteRent, AsyncWriteRentExt};
use monoio::net::TcpStream;

use super::Seat;
use super::replies::Reply;
use crate::rt::Input;
use crate::wire::Malformed;
use crate::wire::body::Body;
use crate::wire::request::RequestHead;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const HEAD_TOO_LARGE: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
/// Reads spent on what a client still sends after its last reply, before the connection closes on
/// unread bytes, which resets it and may take the reply with it.
const LINGERING_READS: usize = 64;

/// Serves a connection until either side ends it.
pub(super) async fn serve(stream: TcpStream, seat: Seat) {
    // A reply is one send; only a reply that the socket's buffer could not take whole would wait.
    drop(stream.set_nodelay(true));
    let mut connection = Connection {
        stream,
        input: Input::new(),
        seat,
    };
    loop {
        match connection.exchange().await {
            Ok(true) => {}
            Ok(false) => return connection.linger().await,
            Err(End::Malformed(error)) => return connection.refuse(error).await,
            Err(End::Gone) => return,
        }
    }
}

/// Why no reply was sent.
enum End {
    /// The client has left, or its socket broke.
    Gone,
    Malformed(Malformed),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Malformed> for End {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

struct Connection {
    stream: TcpStream,
    input: Input,
    seat: Seat,
}

impl Connection {
    /// One request and its reply; says whether another may follow.
    async fn exchange(&mut self) -> Result<bool, End> {
        let mut request = self.head().await?;
        if request.expects_continue && self.input.unread().is_empty() {
            self.send(CONTINUE).await?;
        }
        self.skip(&mut request.body).await?;
        let replies = self.seat.0.replies();
        let reply = match (request.http10, request.keep_alive) {
            (true, _) => &replies.http10,
            (false, true) => &replies.persistent,
            (false, false) => &replies.last,
        };
        self.answer(reply, request.is_head).await?;
        Ok(request.keep_alive && !request.http10)
    }

    async fn head(&mut self) -> Result<RequestHead, End> {
        loop {
            if let Some((head, len)) = RequestHead::parse(self.input.unread())? {
                self.input.advance(len);
                return Ok(head);
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

    async fn answer(&mut self, reply: &Reply, head_only: bool) -> io::Result<()> {
        let bytes = Rc::clone(&reply.bytes);
        if head_only {
            self.send(bytes.slice(..reply.head_len)).await
        } else {
            self.send(bytes).await
        }
    }

    async fn receive(&mut self) -> Result<(), End> {
        match self.input.fill(&mut self.stream).await? {
            0 => Err(End::Gone),
            _ => Ok(()),
        }
    }

    async fn send(&mut self, bytes: impl IoBuf + 'static) -> io::Result<()> {
        self.stream.write_all(bytes).await.0.map(drop)
    }

    async fn refuse(mut self, error: Malformed) {
        let reply = match error {
            Malformed::HeadTooLarge => HEAD_TOO_LARGE,
            _ => BAD_REQUEST,
        };
        if self.send(reply).await.is_ok() {
            self.linger().await;
        }
    }

    /// Says that no more will come, then waits for the client to say the same.
    async fn linger(mut self) {
        if self.stream.shutdown().await.is_err() {
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
