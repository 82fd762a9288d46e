//! One client that speaks HTTP/2 (RFC 9113): each of its requests is answered by a task of its own.
//! Entered by the acceptors when a TLS handshake agreed on it, and by a connection that begins so.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, SERVER};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};

use super::replies::{Shape, Shelf};
use super::rules::{Answer, Drip, Manner};
use super::{ECHO_BYTES_MAX, Floor, Seat, grpc};
use crate::rt::PollStream;

/// Content that a client may send ahead of our reading, for one stream and for all of a connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 24;
/// What small frames that have come and not been read may cost, so that as many requests as we allow
/// may come at once.
const DATA_FRAME_BUDGET: usize = 1 << 24;
/// Requests that a client may have in flight.
const STREAMS_MAX: u32 = 10_000;
/// Bytes of fields that a request may have.
const FIELD_BYTES_MAX: u32 = 64 * 1024;

/// Serves a connection until either side ends it.
pub(super) async fn serve(stream: PollStream<()>, seat: Seat) {
    let flusher = stream.flusher();
    let opening = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(FIELD_BYTES_MAX)
        .data_frame_budget(DATA_FRAME_BUDGET)
        .handshake(stream);
    let mut opening = pin!(opening);
    let opened = poll_fn(|context| flusher.settle(opening.as_mut().poll(context), context));
    let Ok(mut connection) = opened.await else {
        return;
    };
    let mut accept =
        async || poll_fn(|context| flusher.settle(connection.poll_accept(context), context)).await;
    // An error ends the connection, after h2 has told the client why.
    while let Some(Ok((request, respond))) = accept().await {
        let floor = Rc::clone(&seat.0);
        monoio::spawn(async move {
            // The client has given up the request, or the connection.
            drop(exchange(request, respond, &floor).await);
        });
    }
}

/// One request and its reply.
async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    floor: &Floor,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let target = head.uri.path_and_query();
    let answer = floor.answer(target.map_or("/", PathAndQuery::as_str).as_bytes());
    let is_call = grpc::is_call(&head.headers);
    let echoes = matches!(&answer, Ok(answer) if matches!(answer.manner, Manner::Echo(_)));
    let keeps = is_call || echoes;
    let content = receive(&mut body, keeps).await?;
    let shelf = &floor.shelf;
    let is_head = head.method == Method::HEAD;
    let mut reply = Reply {
        respond: &mut respond,
        shelf,
        is_head,
    };
    let Answer { wait, manner } = match answer {
        Ok(answer) => answer,
        Err(why) if is_call => {
            return grpc::Outcome::invalid(why).send(&mut respond, Bytes::new());
        }
        Err(why) => return reply.send(Shape::empty(400), why.into()),
    };
    if let Some(wait) = wait {
        monoio::time::sleep(wait).await;
    }
    let usual = floor.rules.usual_shape();
    match manner {
        Manner::Reset => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
        manner if is_call => {
            let outcome = grpc::Outcome::new(manner, usual, content.as_ref());
            outcome.send(&mut respond, content.unwrap_or_default())
        }
        Manner::Usual => reply.send(usual, shelf.body(usual.size)),
        Manner::Whole(shape) => reply.send(shape, shelf.body(shape.size)),
        Manner::Drip(shape, drip) => reply.drip(shape, drip).await,
        Manner::Echo(shape) => match content {
            Some(content) => reply.send(shape, content),
            None => reply.send(Shape::empty(413), Bytes::new()),
        },
    }
}

/// Reads a request's content to its end, and keeps it or not; `None` when it is too large to be kept.
async fn receive(body: &mut RecvStream, keeps: bool) -> Result<Option<Bytes>, h2::Error> {
    let (mut kept, mut len) = (Vec::new(), 0);
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        len += piece.len();
        if keeps && len <= ECHO_BYTES_MAX {
            kept.extend_from_slice(&piece);
        }
    }
    body.trailers().await?;
    Ok((!keeps || len <= ECHO_BYTES_MAX).then(|| kept.into()))
}

/// A reply on its way.
struct Reply<'a> {
    respond: &'a mut SendResponse<Bytes>,
    shelf: &'a Shelf,
    is_head: bool,
}

impl Reply<'_> {
    /// Sends a whole reply; what the client has no room for yet waits in the connection.
    fn send(&mut self, shape: Shape, content: Bytes) -> Result<(), h2::Error> {
        let ends = self.is_head || shape.is_bare() || content.is_empty();
        let mut stream = self.begin(shape, content.len(), ends)?;
        if ends {
            return Ok(());
        }
        stream.send_data(content, true)
    }

    /// Sends the head with the first drop, then the others.
    async fn drip(&mut self, shape: Shape, drip: Drip) -> Result<(), h2::Error> {
        let mut rest = self.shelf.body(shape.size);
        if self.is_head || shape.is_bare() || rest.is_empty() {
            return self.send(shape, rest);
        }
        let mut stream = self.begin(shape, rest.len(), false)?;
        loop {
            let drop = rest.split_to(drip.bytes.min(rest.len()));
            stream.send_data(drop, rest.is_empty())?;
            if rest.is_empty() {
                return Ok(());
            }
            monoio::time::sleep(drip.pause).await;
        }
    }

    fn begin(
        &mut self,
        shape: Shape,
        len: usize,
        ends: bool,
    ) -> Result<SendStream<Bytes>, h2::Error> {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::from_u16(shape.status).unwrap_or_default();
        let fields = head.headers_mut();
        fields.insert(DATE, self.shelf.date_field());
        fields.insert(SERVER, HeaderValue::from_static("corelane-loadtest"));
        if !shape.is_bare() {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            // Without chunks to be asked for, this is what remains of the wish.
            if shape.chunk.is_none() {
                fields.insert(CONTENT_LENGTH, HeaderValue::from(len));
            }
        }
        self.respond.send_response(head, ends)
    }
}
