//! One attempt to have an endpoint answer a request.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use corelane_codec::encode::{Persistence, encode_request_head};
use corelane_config::Route;

use super::respond::{self, Answer};
use super::{Pace, Sink, Source, Stage, WireSink, is_bodiless, pump};
use crate::error::{Error, Kind};
use crate::exchange::{Done, Exchange};
use crate::filter::Direction;
use crate::io::deadline::Waiter;
use crate::outcome::{Outcome, Side};
use crate::rt::clock::{Millis, NEVER};
use crate::service::{EndpointState, ServiceState, millis};
use crate::telemetry::{ConnectResult, EndpointMetricsId, Metrics, ServiceMetricsId};
use crate::upstream::{self, UpstreamConnection};
use crate::worker::Worker;

/// Why an attempt failed, and how far it had come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// Whether the connection had carried exchanges before.
    pub(crate) reused: bool,
    /// Whether any byte of the request may have reached the endpoint.
    pub(crate) sent: bool,
    /// Whether the endpoint had begun to answer.
    pub(crate) answered: bool,
}

/// What the two directions of an exchange know of each other.
#[derive(Debug)]
pub(super) struct Progress {
    /// The request is sent to its end.
    pub(super) uploaded: Cell<bool>,
    /// The client does not wait to be told to send its body (RFC 9110 §10.1.1), or not any more.
    pub(super) invited: Cell<bool>,
    pub(super) sent: Cell<bool>,
    pub(super) answered: Cell<bool>,
    /// The response's head is with the filters: the request's body waits, because a filter has one
    /// state for both.
    pub(super) editing: Cell<bool>,
    /// When the response's head is due; moves when the request has been sent.
    pub(super) head_due: Cell<Millis>,
}

/// Sends the request to `endpoint` and its response to the reply's sink. With `fresh`, on a new
/// connection. A call has no route.
pub(crate) async fn attempt(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    service: &ServiceState,
    endpoint: &EndpointState,
    fresh: bool,
) -> Result<Done, Failed> {
    let mut active = Active::begin(exchange.worker, endpoint.metrics);
    let result = on_connection(exchange, route, service, endpoint, fresh).await;
    active.failed = match &result {
        Ok(_) => exchange.tally.status >= 500,
        Err(failed) => failed.error.side() == Side::Upstream,
    };
    result
}

async fn on_connection(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    service: &ServiceState,
    endpoint: &EndpointState,
    fresh: bool,
) -> Result<Done, Failed> {
    let worker = exchange.worker;
    let acquired = acquire(exchange, service, endpoint, fresh).await;
    let mut connection = acquired.map_err(|error| Failed {
        error,
        reused: false,
        sent: false,
        answered: false,
    })?;
    let _open = Open::begin(worker, service.metrics);
    let progress = Progress {
        uploaded: Cell::new(false),
        invited: Cell::new(!exchange.arrival.expects_continue),
        sent: Cell::new(false),
        answered: Cell::new(false),
        editing: Cell::new(false),
        head_due: Cell::new(NEVER),
    };
    let result = talk(exchange, route, &mut connection, &progress).await;
    match result {
        Ok(Answer::Switched) => Ok(Done::Upgraded(Box::new(connection))),
        Ok(Answer::Whole { reusable }) => {
            if reusable && progress.uploaded.get() {
                worker.buffers.release_if_empty(&mut connection.buffer);
                worker
                    .pools
                    .give(&endpoint.pool, connection, exchange.waiter.now_ms());
            }
            Ok(Done::Replied(Outcome::Ok))
        }
        Err(error) => {
            worker.buffers.give(std::mem::take(&mut connection.buffer));
            Err(Failed {
                error,
                reused: connection.reused,
                sent: progress.sent.get(),
                answered: progress.answered.get(),
            })
        }
    }
}

/// A connection from the pool, or a new one.
async fn acquire(
    exchange: &Exchange<'_>,
    service: &ServiceState,
    endpoint: &EndpointState,
    fresh: bool,
) -> Result<UpstreamConnection, Error> {
    let Worker {
        metrics,
        network,
        ring,
        ..
    } = &**exchange.worker;
    let must_live = !exchange.request.method().is_idempotent();
    if !fresh && let Some(connection) = endpoint.pool.take(must_live) {
        metrics.upstream_reused(service.metrics);
        return Ok(connection);
    }
    let timeout = service.connect_timeout_ms;
    let (waiter, total) = (exchange.waiter, exchange.total);
    let result =
        upstream::connect((network, ring), &endpoint.address, waiter, timeout, total).await;
    let counted = match &result {
        Ok(_) => ConnectResult::Ok,
        Err(Error {
            kind: Kind::ConnectTimeout | Kind::TotalTimeout,
        }) => ConnectResult::Timeout,
        Err(Error {
            kind: Kind::ConnectFailed,
        }) => ConnectResult::Refused,
        Err(_) => ConnectResult::Error,
    };
    metrics.upstream_connect(service.metrics, counted);
    result
}

/// The conversation: the request out, the response in, at the same time where there is a body.
async fn talk(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    connection: &mut UpstreamConnection,
    progress: &Progress,
) -> Result<Answer, Error> {
    let persistence = match exchange.notes.upgrade.as_slice() {
        [] => Persistence::Implied,
        token => Persistence::Upgrade(token),
    };
    let length = exchange.arrival.length;
    let mut stage = if is_bodiless(length) {
        Stage::None
    } else {
        Stage::of(exchange.filters.as_ref(), Direction::Request)
    };
    let stream = connection.stream.clone();
    let mut pace = Pace::idle(
        millis(exchange.limits().upstream_idle_timeout),
        Kind::IdleTimeout,
    );
    if is_bodiless(length) {
        pace.set_total(exchange.total);
    }
    let through = (&exchange.worker.buffers, &*exchange.worker.ring);
    let mut wire = WireSink::new(&stream, through, exchange.waiter, pace, Kind::UpstreamReset);
    let framing = stage.framing(length);
    let target = &exchange.notes.target;
    encode_request_head(wire.out(), exchange.request, target, framing, persistence);
    wire.framing = framing;
    let mut sink = Sink::Wire(wire);
    if is_bodiless(length) {
        let sent = sink.flush().await;
        progress.note_sent(&sink);
        match sent {
            // It may have answered before it closed.
            Ok(())
            | Err(Error {
                kind: Kind::UpstreamReset,
            }) => {
                progress.uploaded.set(sent.is_ok());
                let timeout = response_timeout(exchange, route);
                progress
                    .head_due
                    .set(exchange.waiter.now_ms().saturating_add(timeout));
                respond::respond(exchange, route, connection, progress).await
            }
            Err(error) => Err(error),
        }
    } else {
        let upload = (&mut stage, &mut sink);
        both_ways(exchange, route, connection, progress, upload).await
    }
}

/// How long the response's head may take after the request (milliseconds).
fn response_timeout(exchange: &Exchange<'_>, route: Option<&Route>) -> u64 {
    let timeout = route
        .and_then(|route| route.response_timeout)
        .unwrap_or_else(|| exchange.limits().response_timeout);
    if timeout.is_zero() {
        NEVER
    } else {
        millis(timeout)
    }
}

/// Sends the body while the response may already come in.
async fn both_ways(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    connection: &mut UpstreamConnection,
    progress: &Progress,
    (stage, sink): (&mut Stage, &mut Sink<'_>),
) -> Result<Answer, Error> {
    let read = exchange.read;
    let waiter = exchange.waiter;
    let timeout = response_timeout(exchange, route);
    let may_resend = connection.reused && exchange.request.method().is_idempotent();
    // Until it is known how much has left, something may have.
    progress.sent.set(true);
    let mut body = std::mem::replace(&mut exchange.body, Source::memory(&[]));
    // The response's side keeps the exchange's deadline for both: it knows whether it is a stream.
    body.set_total(NEVER);
    let result = {
        let due = || waiter.now_ms().saturating_add(timeout);
        let upload = async {
            if !progress.invited.get() {
                // The head goes ahead, and now it is the upstream's turn, not the client's.
                sink.flush().await?;
                progress.head_due.set(due());
                invitation(&body, progress, waiter).await?;
                progress.head_due.set(NEVER);
            }
            let result = pump(&mut body, stage, sink).await;
            progress.note_sent(sink);
            if result.is_ok() {
                progress.uploaded.set(true);
                progress.head_due.set(due());
                if !may_resend {
                    body.release();
                }
                read.set(true);
            }
            result
        };
        let mut upload = pin!(upload);
        let mut download = pin!(respond::respond(exchange, route, connection, progress));
        let mut uploading = true;
        poll_fn(|cx| {
            if uploading
                && !progress.editing.get()
                && let Poll::Ready(result) = upload.as_mut().poll(cx)
            {
                uploading = false;
                match result {
                    // An upstream that takes no more may have answered already.
                    Ok(())
                    | Err(Error {
                        kind: Kind::UpstreamReset,
                    }) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            let before = (progress.editing.get(), progress.invited.get());
            let downloaded = download.as_mut().poll(cx);
            let released = before.0 && !progress.editing.get();
            let invited = !before.1 && progress.invited.get();
            if uploading && (released || invited) {
                // The upload has waited for this, and nothing else wakes it.
                cx.waker().wake_by_ref();
            }
            downloaded
        })
        .await
    };
    exchange.body = body;
    result
}

/// Waits until the client has been told to send its body, or has begun without that.
async fn invitation(
    body: &Source<'_>,
    progress: &Progress,
    waiter: Waiter<'_>,
) -> Result<(), Error> {
    let mut arrival = pin!(body.arrival());
    let invited = poll_fn(|cx| match progress.invited.get() {
        true => Poll::Ready(()),
        false => arrival.as_mut().poll(cx),
    });
    match waiter.until(NEVER, invited).await {
        Ok(()) => Ok(()),
        Err(_) => Err(Kind::ClientGone.into()),
    }
}

impl Progress {
    fn note_sent(&self, sink: &Sink<'_>) {
        if let Sink::Wire(wire) = sink {
            self.sent.set(wire.sent > 0);
        }
    }
}

/// Counts a request among those that its endpoint is busy with. An end of its scope is its end: a call
/// may be given up at any point.
struct Active<'a> {
    metrics: &'a Metrics,
    endpoint: EndpointMetricsId,
    failed: bool,
}

impl<'a> Active<'a> {
    fn begin(worker: &'a Worker, endpoint: EndpointMetricsId) -> Self {
        worker.metrics.endpoint_started(endpoint);
        Self {
            metrics: &worker.metrics,
            endpoint,
            failed: false,
        }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.metrics.endpoint_ended(self.endpoint, self.failed);
    }
}

/// Counts a connection among those in use, in the same way.
struct Open<'a> {
    metrics: &'a Metrics,
    service: ServiceMetricsId,
}

impl<'a> Open<'a> {
    fn begin(worker: &'a Worker, service: ServiceMetricsId) -> Self {
        worker.metrics.upstream_opened(service);
        Self {
            metrics: &worker.metrics,
            service,
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.metrics.upstream_closed(self.service);
    }
}
