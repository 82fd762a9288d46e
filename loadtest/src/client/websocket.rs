//! WebSocket (RFC 6455) as a slot: connects and shakes hands when there is no connection, sends a message
//! and wants the same one back. Entered by the loops through `Slot`; frames and the handshake's fields
//! are `wire`'s.
//!
//! It reads while it waits for an echo and not between two requests, so that a ping is answered then.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Instant;

use super::{Dialer, Failure, Kept, Reply, Reuse, blame};
use crate::random::Random;
use crate::request::{Encoded, Keep, Nature, Request};
use crate::rt::watch::{Entry, WatchedStream};
use crate::rt::{Input, Transport};
use crate::tls::Secured;
use crate::wire::Malformed;
use crate::wire::reply::ReplyHead;
use crate::wire::websocket::handshake::{Key, Opening};
use crate::wire::websocket::reader::{End, Event, Reader};
use crate::wire::websocket::{MESSAGE_BYTES_MAX, Opcode, append_close, append_frame};

/// The status of the handshake, which stands for all messages behind it.
const SWITCHING_PROTOCOLS: u16 = 101;
const NORMAL_CLOSURE: u16 = 1000;

/// A place for one connection at a time.
#[derive(Debug)]
pub(crate) struct WebSocket {
    dialer: Rc<Dialer>,
    link: Option<Link>,
    /// Whether text goes as bytes, too.
    is_binary: bool,
    /// Keys and masks.
    random: Random,
    /// Where frames are written.
    frame: Vec<u8>,
    kept: Kept,
}

/// A connection on which hands were shaken, or will be next.
#[derive(Debug)]
struct Link {
    stream: Secured<WatchedStream>,
    place: Rc<Entry>,
    input: Input,
    reader: Reader,
}

impl WebSocket {
    /// A slot without a connection.
    pub(super) fn new(dialer: &Rc<Dialer>, is_binary: bool) -> Self {
        Self {
            dialer: Rc::clone(dialer),
            link: None,
            is_binary,
            random: Random::unpredictable(),
            frame: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// What the last request asked to keep of its echo.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// One message and its echo, on the open connection or a new one.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        begun: Instant,
    ) -> Result<Reply, Failure> {
        let (mut link, before) = match self.link.take() {
            Some(link) => {
                let before = link.input.received();
                (link, before)
            }
            None => (self.open(request, begun).await?, 0),
        };
        link.place.set_busy(Some(begun));
        let opcode = self.opcode(request);
        self.frame.clear();
        append_frame(
            &mut self.frame,
            opcode,
            &request.body,
            Some(self.random.mask()),
        );
        self.frame = link.send(std::mem::take(&mut self.frame)).await?;
        let kept = (request.keep > Keep::Status).then_some(&mut self.kept);
        let echo = link
            .echo(opcode, &request.body, kept, &mut self.random)
            .await;
        let bytes = link.input.received() - before;
        match (&echo, self.dialer.reuse()) {
            (Ok(()), Reuse::KeepAlive) => {
                link.place.set_busy(None);
                self.link = Some(link);
            }
            // Nobody waits for the goodbye, and the request's latency is without it.
            (Ok(()) | Err(Failure::Echo(_)), _) => {
                monoio::spawn(link.close(self.random.mask()));
            }
            (Err(_), _) => {}
        }
        echo.map(|()| Reply {
            status: SWITCHING_PROTOCOLS,
            bytes,
            grpc: None,
        })
    }

    /// Ends the connection in order, if there is one.
    pub(super) async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close(self.random.mask()).await;
        }
    }

    /// Connects and shakes hands (RFC 6455 §4.1), at the path and with the fields of `request`.
    async fn open(&mut self, request: &Request, begun: Instant) -> Result<Link, Failure> {
        let place = self.dialer.place();
        let stream = self.dialer.connect(&place, begun).await?;
        let mut link = Link {
            stream,
            place,
            input: Input::new(),
            reader: Reader::new(End::Client, MESSAGE_BYTES_MAX),
        };
        link.place.set_busy(Some(begun));
        let key = Key::new(self.random.key());
        self.frame.clear();
        let opening = Opening {
            target: &request.target,
            authority: &request.authority,
            fields: &request.fields,
            key: &key,
        };
        opening.append(&mut self.frame);
        self.frame = link.send(std::mem::take(&mut self.frame)).await?;
        link.shake_hands(opening).await?;
        Ok(link)
    }

    /// Text is what can be: a server may refuse other bytes in a message of text.
    fn opcode(&self, request: &Request) -> Opcode {
        let choose = || match str::from_utf8(&request.body) {
            Ok(_) if !self.is_binary => Opcode::Text,
            _ => Opcode::Binary,
        };
        match &request.nature {
            Nature::Varying => choose(),
            Nature::Fixed(encoded) => fixed(encoded, choose),
        }
    }
}

fn fixed(encoded: &OnceCell<Encoded>, choose: impl FnOnce() -> Opcode) -> Opcode {
    match encoded.get_or_init(|| Encoded::WebSocket(choose())) {
        Encoded::WebSocket(opcode) => *opcode,
        _ => unreachable!("a run speaks one protocol"),
    }
}

impl Link {
    /// Reads the reply to the handshake.
    async fn shake_hands(&mut self, opening: Opening<'_>) -> Result<(), Failure> {
        loop {
            let unread = self.input.unread();
            match ReplyHead::parse(unread).map_err(Failure::Malformed)? {
                Some((head, len)) if head.is_interim() => self.input.advance(len),
                Some((head, len)) if head.status == SWITCHING_PROTOCOLS => {
                    let checked = opening.check(ReplyHead::fields(&unread[..len]));
                    self.input.advance(len);
                    return checked.map_err(|why| Failure::Protocol(why.to_owned()));
                }
                Some((head, _)) => return Err(Failure::Refused(head.status)),
                None if self.input.is_full() => {
                    return Err(Failure::Malformed(Malformed::HeadTooLarge));
                }
                None => self.receive().await?,
            }
        }
    }

    /// Waits for a message, which must be this one; answers pings meanwhile.
    async fn echo(
        &mut self,
        opcode: Opcode,
        body: &[u8],
        kept: Option<&mut Kept>,
        random: &mut Random,
    ) -> Result<(), Failure> {
        loop {
            let (used, event) = match self.reader.read(self.input.unread()) {
                Ok(read) => read,
                Err(broken) => {
                    let mut frame = Vec::new();
                    append_close(&mut frame, broken.close_code(), Some(random.mask()));
                    // It tells the peer; the error is for our user.
                    drop(self.send(frame).await);
                    return Err(Failure::Protocol(broken.to_string()));
                }
            };
            let mut answer = Vec::new();
            let mut code = None;
            match event {
                Some(Event::Message(kind, message)) => {
                    if let Some(kept) = kept {
                        kept.set_fields(std::iter::empty());
                        kept.add_body(message);
                    }
                    self.input.advance(used);
                    return compare((kind, message), (opcode, body)).map_err(Failure::Echo);
                }
                Some(Event::Ping(payload)) => {
                    append_frame(&mut answer, Opcode::Pong, payload, Some(random.mask()));
                }
                Some(Event::Close(given)) => {
                    code = Some(given);
                    append_close(
                        &mut answer,
                        given.unwrap_or(NORMAL_CLOSURE),
                        Some(random.mask()),
                    );
                }
                Some(Event::Pong) | None => {}
            }
            let is_starved = event.is_none();
            self.input.advance(used);
            if !answer.is_empty() {
                self.send(answer).await?;
            }
            if let Some(code) = code {
                return Err(Failure::CloseFrame(code));
            }
            if is_starved {
                self.receive().await?;
            }
        }
    }

    /// Says goodbye and waits for the answer (RFC 6455 §7.1.2), for as long as a request may take.
    async fn close(mut self, mask: [u8; 4]) {
        self.place.set_busy(Some(Instant::now()));
        let mut frame = Vec::new();
        append_close(&mut frame, NORMAL_CLOSURE, Some(mask));
        if self.send(frame).await.is_err() {
            return;
        }
        loop {
            match self.reader.read(self.input.unread()) {
                Err(_) | Ok((_, Some(Event::Close(_)))) => return,
                Ok((used, event)) => {
                    let is_starved = event.is_none();
                    self.input.advance(used);
                    if is_starved && self.receive().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let (sent, bytes) = self.stream.send(bytes).await;
        sent.map_err(|error| blame(&self.place, error))?;
        Ok(bytes)
    }

    /// Waits for more bytes.
    async fn receive(&mut self) -> Result<(), Failure> {
        let received = self.stream.receive(&mut self.input).await;
        match (received, self.place.was_cut()) {
            (Ok(0), Some(cut)) => Err(cut.into()),
            (Ok(0), None) => Err(Failure::Closed),
            (Ok(_), _) => Ok(()),
            (Err(error), _) => Err(blame(&self.place, error)),
        }
    }
}

/// Whether a message is the one that was sent.
///
/// # Errors
/// How it differs.
fn compare(came: (Opcode, &[u8]), sent: (Opcode, &[u8])) -> Result<(), String> {
    if came == sent {
        return Ok(());
    }
    let (came_len, sent_len) = (came.1.len(), sent.1.len());
    if came_len != sent_len {
        return Err(format!("{came_len} bytes instead of {sent_len}"));
    }
    let mut pairs = came.1.iter().zip(sent.1);
    Err(match pairs.position(|(came, sent)| came != sent) {
        Some(at) => format!("other bytes from offset {at} on"),
        None => format!("{:?} instead of {:?}", came.0, sent.0),
    })
}
