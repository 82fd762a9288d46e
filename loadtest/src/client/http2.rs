//! HTTP/2 (RFC 9113): slots that share a connection, each with one stream at a time. Entered by the
//! loops through `Slot`; `trunk` is what they share, frames and HPACK are the `h2` crate's.
//!
//! A stream is given up alone, and the connection lives on unless all of it is silent. What the peer says it has not looked at
//! (GOAWAY) is sent again elsewhere.

use std::future::poll_fn;
use std::rc::Rc;
use std::time::Instant;

use h2::RecvStream;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Response, Uri};

use super::grpc::Call;
use super::trunk::{Branch, Miss, Trunk};
use super::{Dialer, Failure, Kept, Reply, Reuse};
use crate::request::{Encoded, Keep, Nature, Request};
use crate::rt::watch::Entry;

/// How often a request is sent anew because the peer did not look at it: a server that gives up its
/// connections after some requests refuses a few of them, one that refuses all has no more to say.
const ATTEMPTS: usize = 3;

/// A place for one stream at a time.
#[derive(Debug)]
pub(crate) struct Http2 {
    dialer: Rc<Dialer>,
    trunk: Rc<Trunk>,
    place: Rc<Entry>,
    /// The connection of the last request, and this slot's own way to send on it.
    branch: Option<Branch>,
    kept: Kept,
}

impl Http2 {
    /// The slots of so many connections, none of which is open yet: one of each, then the next of
    /// each, since they are taken in this order.
    pub(super) fn all(
        dialer: &Rc<Dialer>,
        connections: u64,
        streams: u32,
    ) -> impl Iterator<Item = Self> {
        let trunks: Vec<_> = (0..connections)
            .map(|_| Rc::new(Trunk::new(dialer)))
            .collect();
        let rounds = (0..streams).flat_map(move |_| trunks.clone());
        rounds.map(|trunk| Self {
            place: dialer.place(),
            dialer: Rc::clone(dialer),
            trunk,
            branch: None,
            kept: Kept::default(),
        })
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
        let place = Rc::clone(&self.place);
        place.begin(begun);
        let outcome = place.watch(self.attempts(request, begun)).await;
        place.set_busy(None);
        // A peer that is gone without a word would swallow every request to come.
        let is_dead = outcome.is_err() && self.branch.as_ref().is_some_and(Branch::is_silent);
        if is_dead || self.dialer.reuse() == Reuse::PerRequest {
            self.retire();
        }
        outcome.unwrap_or_else(|cut| Err(cut.into()))
    }

    async fn attempts(&mut self, request: &Request, begun: Instant) -> Result<Reply, Failure> {
        let mut attempt = 1;
        loop {
            match self.attempt(request, begun).await {
                Ok(reply) => return Ok(reply),
                Err(Miss::Failed(failure)) => return Err(failure),
                Err(Miss::Unprocessed(failure)) if attempt == ATTEMPTS => return Err(failure),
                Err(Miss::Unprocessed(_)) => self.retire(),
            }
            attempt += 1;
        }
    }

    async fn attempt(&mut self, request: &Request, begun: Instant) -> Result<Reply, Miss> {
        let branch = self.trunk.branch(&mut self.branch, begun).await?;
        let link = Rc::clone(&branch.link);
        // Whatever is wrong with the connection until here, nothing of the request has been sent.
        let unsent = |error| Miss::Unprocessed(link.failure(error));
        let sender = &mut branch.sender;
        poll_fn(|context| sender.poll_ready(context))
            .await
            .map_err(unsent)?;
        let head = encode(request, &self.dialer)?;
        let has_body = !request.body.is_empty();
        let (response, mut content) = sender.send_request(head, !has_body).map_err(unsent)?;
        let missed = |error| link.missed(error);
        if has_body {
            content
                .send_data(request.body.clone(), true)
                .map_err(missed)?;
        }
        let response = response.await.map_err(missed)?;
        link.note_sign();
        let received = self.receive(response, request).await;
        link.note_sign();
        Ok(received.map_err(missed)??)
    }

    /// Reads the reply to its end.
    async fn receive(
        &mut self,
        response: Response<RecvStream>,
        request: &Request,
    ) -> Result<Result<Reply, Failure>, h2::Error> {
        let keep = request.keep;
        let (head, mut body) = response.into_parts();
        let mut call = request.is_grpc.then(Call::default);
        if keep >= Keep::Fields {
            self.kept.set_fields(fields(&head.headers));
        }
        let mut bytes = 0;
        while let Some(piece) = body.data().await {
            let piece = piece?;
            // What has been looked at is room for more.
            body.flow_control().release_capacity(piece.len())?;
            bytes += piece.len() as u64;
            let mut keep_body = |piece: &[u8]| {
                if keep == Keep::Body {
                    self.kept.add_body(piece);
                }
            };
            match &mut call {
                None => keep_body(&piece),
                Some(call) => call.take(&piece, keep_body),
            }
        }
        let trailers = body.trailers().await?;
        let grpc = call.map(|call| call.end(&head, trailers.as_ref(), &mut self.kept));
        Ok(grpc.transpose().map(|grpc| Reply {
            status: head.status.as_u16(),
            bytes,
            grpc,
        }))
    }

    /// Lets no more requests take the connection of the last one; it closes after its streams.
    fn retire(&mut self) {
        if let Some(branch) = self.branch.take() {
            self.trunk.retire(&branch.link);
        }
    }
}

fn fields(map: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter()
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}

/// The request's head, made once if it is always the same.
fn encode(request: &Request, dialer: &Dialer) -> Result<http::Request<()>, Failure> {
    let Nature::Fixed(encoded) = &request.nature else {
        return make_head(request, dialer);
    };
    if encoded.get().is_none() {
        // A second one would be the same.
        let head = Box::new(make_head(request, dialer)?);
        drop(encoded.set(Encoded::Http2(head)));
    }
    match encoded.get() {
        Some(Encoded::Http2(head)) => Ok((**head).clone()),
        _ => unreachable!("a run speaks one protocol"),
    }
}

/// RFC 9113 §8.3.1: the method and the parts of the URL are fields of their own there.
fn make_head(request: &Request, dialer: &Dialer) -> Result<http::Request<()>, Failure> {
    let refused = |error: http::Error| Failure::Protocol(format!("cannot be sent: {error}"));
    let uri = Uri::builder()
        .scheme(dialer.scheme())
        .authority(&*request.authority)
        .path_and_query(&*request.target)
        .build()
        .map_err(refused)?;
    let mut head = http::Request::builder()
        .method(&*request.method)
        .uri(uri)
        .body(())
        .map_err(refused)?;
    let map = head.headers_mut();
    for (name, value) in &request.fields {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| refused(error.into()))?;
        let value = HeaderValue::from_str(value).map_err(|error| refused(error.into()))?;
        map.append(name, value);
    }
    // A call's content ends when it ends, and no client of gRPC says more.
    if request.has_content() && !request.is_grpc {
        map.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    Ok(head)
}
