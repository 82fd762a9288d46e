//! The end of an exchange, reached exactly once: the error's reply if there is one to make, the
//! counters, the access log, and what becomes of the connection. An exchange that became a tunnel
//! ends with that: until then an [`Account`] keeps what is to be said.

mod account;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use corelane_codec::{Name, TraceContext};

pub(crate) use account::Account;

use crate::downstream::Tunnel;
use crate::error::{Error, Kind};
use crate::exchange::{Done, Exchange, Finished};
use crate::filter::Completed;
use crate::forward::Sink;
use crate::outcome::Outcome;
use crate::reply;
use crate::request;
use crate::telemetry::{Ended, ListenerId, Record, SeriesId};
use crate::worker::Worker;

/// Counts an exchange among those in flight.
pub(crate) fn begin(exchange: &Exchange<'_>) {
    if let Some(listener) = exchange.local.listener(exchange.peer.listener) {
        exchange.worker.metrics.request_started(listener);
    }
}

/// Ends an exchange.
pub(crate) async fn settle(exchange: &mut Exchange<'_>, result: Result<Done, Error>) -> Finished {
    let (outcome, finished) = match result {
        Ok(Done::Replied(outcome)) => (outcome, whole(exchange)),
        Ok(Done::Upgraded(upstream)) => {
            let account = Account::open(exchange);
            return Finished::Upgraded(Box::new(Tunnel::new(*upstream, account)));
        }
        Err(error) => explain(exchange, error).await,
    };
    count(exchange, outcome);
    if exchange.worker.has_log() {
        log(exchange, outcome);
    }
    tell_filters(exchange, outcome);
    finished
}

/// Tells the client about an error, if that is still possible.
async fn explain(exchange: &mut Exchange<'_>, error: Error) -> (Outcome, Finished) {
    let (status, outcome) = error.reply();
    // A head that has not left can still be taken back.
    let has_left = exchange.tally.replied && has_sent(exchange);
    let is_aborted = exchange.waiter.alarm.is_aborted();
    if has_left || is_aborted || error.kind == Kind::ClientGone {
        if !exchange.tally.replied {
            exchange.tally.status = status;
        }
        return match has_left || is_aborted {
            true => (outcome, Finished::Cut),
            // It has ended within its request, and gets the same end back.
            false => (outcome, Finished::RequestUnread),
        };
    }
    request::ensure_id(exchange);
    if let Some(filters) = &exchange.filters {
        filters.bypass();
    }
    // What comes after a faulty head cannot be told apart from it, and after a defect nothing is sure.
    let sure = exchange.arrival.refused.is_none() && !error.is_in_request_head();
    exchange.arrival.keep_alive &= sure && error.kind != Kind::Internal;
    exchange.reply.set_total(crate::rt::clock::NEVER);
    let finished = match reply::error(exchange, error).await {
        // How much of the body was read is not known any more.
        Ok(_) if error.kind == Kind::Internal => Finished::RequestUnread,
        Ok(_) => whole(exchange),
        Err(_client_gone) => Finished::Cut,
    };
    (outcome, finished)
}

fn whole(exchange: &Exchange<'_>) -> Finished {
    let unread = !exchange.body.is_ended() || exchange.arrival.refused.is_some();
    if unread {
        Finished::RequestUnread
    } else {
        Finished::Whole {
            persists: exchange.arrival.keep_alive,
        }
    }
}

fn count(exchange: &Exchange<'_>, outcome: Outcome) {
    let tally = &exchange.tally;
    let Some(counted) = Counted::of(exchange) else {
        return;
    };
    exchange.worker.metrics.request_ended(&Ended {
        listener: counted.listener,
        series: counted.series,
        status: tally.status,
        outcome,
        bytes_in: exchange.body.total(),
        bytes_out: exchange.reply.body_sent(),
        duration_us: exchange.elapsed_us(),
    });
}

fn log(exchange: &Exchange<'_>, outcome: Outcome) {
    let tally = &exchange.tally;
    let (listener, route) = names(exchange);
    let service = tally.service.as_ref();
    let endpoint = tally.endpoint.as_ref();
    let record = Record {
        time_unix_us: started_unix_us(exchange),
        request_id: exchange.identity.request_id.as_str(),
        trace_id: trace_id(exchange),
        generation: exchange.local.generation.number,
        worker: exchange.worker.index,
        client: client(exchange),
        listener: listener.map_or("", |name| name),
        protocol: protocol(exchange),
        method: exchange.request.method_bytes(),
        host: exchange.notes.host(),
        path: &exchange.notes.path,
        route: route.map_or("", |name| name),
        service: service.map_or("", |service| &service.name),
        endpoint: endpoint.map_or("", |endpoint| &endpoint.label),
        status: tally.status,
        outcome,
        bytes_in: exchange.body.total(),
        bytes_out: exchange.reply.body_sent(),
        duration_us: exchange.elapsed_us(),
        upstream_us: tally.upstream_us,
        attempts: tally.attempts,
        user_agent: user_agent(exchange),
    };
    write(exchange.worker, &record);
}

/// Writes a line, or counts that it is lost.
fn write(worker: &Worker, record: &Record<'_>) {
    worker.with_log(|log| {
        if !log.write(record) {
            worker.metrics.access_log_dropped();
        }
    });
}

fn tell_filters(exchange: &Exchange<'_>, outcome: Outcome) {
    if let Some(filters) = &exchange.filters {
        filters.complete(&Completed {
            outcome,
            status: exchange.tally.status,
            bytes_in: exchange.body.total(),
            bytes_out: exchange.reply.body_sent(),
            duration: Duration::from_micros(exchange.elapsed_us()),
        });
    }
}

/// The client, resolved if it came to that.
fn client(exchange: &Exchange<'_>) -> Option<IpAddr> {
    exchange.identity.client.or(exchange.peer.address)
}

/// The names of the listener, unless it is gone, and of the route, if one was found.
fn names<'e>(exchange: &'e Exchange<'_>) -> (Option<&'e Arc<str>>, Option<&'e Arc<str>>) {
    let snapshot = exchange.local.snapshot();
    let index = exchange.local.listener_index(exchange.peer.listener);
    let route = exchange.tally.route;
    (
        index.map(|index| &snapshot.listeners[index].name),
        route.map(|route| &snapshot.route(route).name),
    )
}

fn started_unix_us(exchange: &Exchange<'_>) -> u64 {
    let clock = &exchange.worker.timers.clock;
    clock.unix_us(exchange.arrival.started_us)
}

fn trace_id(exchange: &Exchange<'_>) -> Option<[u8; 16]> {
    let parent = exchange.request.fields.get(Name::Traceparent);
    let trace = parent.and_then(TraceContext::parse);
    trace.map(|trace| trace.trace_id)
}

fn protocol(exchange: &Exchange<'_>) -> &'static str {
    if exchange.arrival.http11 {
        "HTTP/1.1"
    } else {
        "HTTP/1.0"
    }
}

fn user_agent<'e>(exchange: &'e Exchange<'_>) -> &'e [u8] {
    let user_agent = exchange.request.fields.get(Name::UserAgent);
    user_agent.unwrap_or_default()
}

/// Whether a byte of any reply has left.
fn has_sent(exchange: &Exchange<'_>) -> bool {
    match &exchange.reply {
        Sink::Wire(wire) => wire.sent > 0,
        Sink::Memory { body, .. } => !body.is_empty(),
    }
}

/// Where an exchange is counted.
#[derive(Debug, Clone, Copy)]
struct Counted {
    listener: ListenerId,
    series: SeriesId,
}

impl Counted {
    /// `None` when the exchange's listener is gone.
    fn of(exchange: &Exchange<'_>) -> Option<Self> {
        let listener = exchange.local.listener(exchange.peer.listener)?;
        let tally = &exchange.tally;
        let series = tally.route.map_or(exchange.local.unrouted, |route| {
            exchange.local.route(route).series(tally.target)
        });
        Some(Self { listener, series })
    }
}

impl Exchange<'_> {
    fn elapsed_us(&self) -> u64 {
        self.worker
            .timers
            .clock
            .now_us()
            .saturating_sub(self.arrival.started_us)
    }
}
