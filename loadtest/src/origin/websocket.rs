//! One client that speaks WebSocket: every message comes back as it came (RFC 6455). Entered by a
//! connection whose request asked for the upgrade.

use std::io;

use crate::rt::{Input, Transport};
use crate::wire::websocket::handshake::Key;
use crate::wire::websocket::reader::{End, Event, Reader};
use crate::wire::websocket::{MESSAGE_BYTES_MAX, Opcode, append_close, append_frame};

/// Answers that are gathered before they are sent, when many small messages have come at once.
const GATHERED_BYTES: usize = 64 * 1024;
/// What an endpoint says that closes because the other one did without a code.
const NORMAL_CLOSURE: u16 = 1000;

/// The reply that opens the connection.
pub(super) fn accept(key: &Key) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        key.accept()
    )
    .into_bytes()
}

/// Echoes until either side closes, and says so.
///
/// # Errors
/// When the client has left or its socket broke.
pub(super) async fn echo(stream: &mut impl Transport, input: &mut Input) -> io::Result<()> {
    let mut reader = Reader::new(End::Server, MESSAGE_BYTES_MAX);
    let mut out = Vec::new();
    loop {
        let next = answer(&mut reader, input, &mut out);
        if !out.is_empty() {
            let (sent, mut buffer) = stream.send(std::mem::take(&mut out)).await;
            sent?;
            buffer.clear();
            // What one large message took is not kept for the small ones after it.
            buffer.shrink_to(GATHERED_BYTES);
            out = buffer;
        }
        match next {
            Next::Answer => {}
            Next::Close => return Ok(()),
            Next::Receive => {
                if stream.receive(input).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

/// What to do when the answers so far are sent.
enum Next {
    Answer,
    Receive,
    Close,
}

/// Appends the answers to what has come, up to a good size for one send.
fn answer(reader: &mut Reader, input: &mut Input, out: &mut Vec<u8>) -> Next {
    while out.len() < GATHERED_BYTES {
        let (used, event) = match reader.read(input.unread()) {
            Ok(read) => read,
            Err(broken) => {
                append_close(out, broken.close_code(), None);
                return Next::Close;
            }
        };
        match event {
            None => {
                input.advance(used);
                return Next::Receive;
            }
            Some(Event::Message(kind, bytes)) => append_frame(out, kind, bytes, None),
            Some(Event::Ping(bytes)) => append_frame(out, Opcode::Pong, bytes, None),
            Some(Event::Pong) => {}
            Some(Event::Close(code)) => {
                append_close(out, code.unwrap_or(NORMAL_CLOSURE), None);
                return Next::Close;
            }
        }
        input.advance(used);
    }
    Next::Answer
}
