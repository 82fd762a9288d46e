//! The end of an exchange, reached exactly once: the error's reply if there is one to make, the
//! counters, the access log, and what becomes of the connection.

use std::net::IpAddr;
use std::time::Duration;

use corelane_codec::{Name, TraceContext};

use crate::error::{Error, Kind};
use crate::exchange::{Done, Exchange, Finished};
use crate::filter::Completed;
use crate::forward::Sink;
use crate::outcome::Outcome;
use crate::reply;
use crate::request;
use crate::telemetry::{Ended, Record};

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
        Ok(Done::Upgraded(upstream)) => (Outcome::Tunnel, Finished::Upgraded(upstream)),
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
    let has_left = exchange.tally.replied && sent(exchange) > 0;
    if has_left || exchange.waiter.alarm.is_aborted() {
        if !exchange.tally.replied {
            exchange.tally.status = status;
        }
        return (outcome, Finished::Cut);
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
    let Some(listener) = exchange.local.listener(exchange.peer.listener) else {
        return;
    };
    let tally = &exchange.tally;
    let series = tally.route.map_or(exchange.local.unrouted, |route| {
        exchange.local.route(route).series(tally.target)
    });
    exchange.worker.metrics.request_ended(&Ended {
        listener,
        series,
        status: tally.status,
        outcome,
        bytes_in: exchange.body.total(),
        bytes_out: sent(exchange),
        duration_us: exchange.elapsed_us(),
    });
}

fn log(exchange: &Exchange<'_>, outcome: Outcome) {
    let snapshot = exchange.local.snapshot();
    let tally = &exchange.tally;
    let fields = &exchange.request.fields;
    let clock = &exchange.worker.timers.clock;
    let trace = fields.get(Name::Traceparent).and_then(TraceContext::parse);
    let index = exchange.local.listener_index(exchange.peer.listener);
    let listener = index.map(|index| &snapshot.listeners[index]);
    let record = Record {
        time_unix_us: clock.unix_us(exchange.arrival.started_us),
        request_id: exchange.identity.request_id.as_str(),
        trace_id: trace.map(|trace| trace.trace_id),
        generation: exchange.local.generation.number,
        worker: exchange.worker.index,
        client: client(exchange),
        listener: listener.map_or("", |listener| &listener.name),
        protocol: if exchange.arrival.http11 {
            "HTTP/1.1"
        } else {
            "HTTP/1.0"
        },
        method: exchange.request.method_bytes(),
        host: &exchange.notes.authority,
        path: &exchange.notes.path,
        route: tally.route.map_or("", |route| &snapshot.route(route).name),
        service: tally.service.as_ref().map_or("", |service| &service.name),
        endpoint: tally
            .endpoint
            .as_ref()
            .map_or("", |endpoint| &endpoint.label),
        status: tally.status,
        outcome,
        bytes_in: exchange.body.total(),
        bytes_out: sent(exchange),
        duration_us: exchange.elapsed_us(),
        upstream_us: tally.upstream_us,
        attempts: tally.attempts,
        user_agent: fields.get(Name::UserAgent).unwrap_or_default(),
    };
    exchange.worker.with_log(|log| {
        if !log.write(&record) {
            exchange.worker.metrics.access_log_dropped();
        }
    });
}

fn tell_filters(exchange: &Exchange<'_>, outcome: Outcome) {
    if let Some(filters) = &exchange.filters {
        filters.complete(&Completed {
            outcome,
            status: exchange.tally.status,
            bytes_in: exchange.body.total(),
            bytes_out: sent(exchange),
            duration: Duration::from_micros(exchange.elapsed_us()),
        });
    }
}

/// The client, resolved if it came to that.
fn client(exchange: &Exchange<'_>) -> Option<IpAddr> {
    exchange
        .identity
        .client
        .or_else(|| exchange.peer.address.map(|peer| peer.ip()))
}

fn sent(exchange: &Exchange<'_>) -> u64 {
    match &exchange.reply {
        Sink::Wire(wire) => wire.sent,
        Sink::Memory { body, .. } => body.len() as u64,
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
