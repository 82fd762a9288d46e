//! What an exchange that became a tunnel has to say when that ends. It owns all of it, and no more
//! than names: a tunnel outlives its head, and must not keep the generation that it began on, nor
//! the pools of that generation's endpoints.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Counted, client, names, protocol, started_unix_us, trace_id, user_agent, write};
use crate::exchange::Exchange;
use crate::filter::{Completed, Passage};
use crate::identity::RequestId;
use crate::outcome::Outcome;
use crate::telemetry::{Ended, Record, ServiceMetricsId};
use crate::worker::Worker;

/// Bytes of a client's text that are kept: one more than the access log shows of any, so that what
/// it cuts is still seen to be cut.
const KEPT: usize = 4096 + 1;

/// A tunnel's entry in the books. The end of its scope is the end of the exchange, however that
/// comes: it is counted, logged and told to the filters then, once.
#[derive(Debug)]
pub(crate) struct Account {
    worker: Rc<Worker>,
    counted: Option<Counted>,
    service: Option<ServiceMetricsId>,
    filters: Option<Rc<Passage>>,
    line: Option<Box<Line>>,
    started_us: u64,
    status: u16,
    /// Bytes from the client and to it: of bodies before the tunnel, and through it.
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
    outcome: Cell<Outcome>,
}

/// What only the access log shows.
#[derive(Debug)]
struct Line {
    time_unix_us: u64,
    request_id: RequestId,
    trace_id: Option<[u8; 16]>,
    generation: u64,
    client: Option<IpAddr>,
    listener: Option<Arc<str>>,
    protocol: &'static str,
    method: Box<[u8]>,
    host: Box<[u8]>,
    path: Box<[u8]>,
    route: Option<Arc<str>>,
    service: Option<Rc<str>>,
    endpoint: Option<Rc<str>>,
    upstream_us: Option<u64>,
    attempts: u32,
    user_agent: Box<[u8]>,
}

impl Account {
    /// Takes over from an exchange, whose 101 has been sent.
    pub(super) fn open(exchange: &Exchange<'_>) -> Self {
        let worker = exchange.worker.clone();
        let counted = Counted::of(exchange);
        let service = exchange.tally.service.as_ref();
        let service = service.map(|service| service.metrics);
        if let Some(counted) = counted {
            worker.metrics.tunnel_opened(counted.listener);
        }
        if let Some(service) = service {
            worker.metrics.upstream_opened(service);
        }
        Self {
            counted,
            service,
            filters: exchange.filters.clone(),
            line: worker.has_log().then(|| Box::new(Line::of(exchange))),
            started_us: exchange.arrival.started_us,
            status: exchange.tally.status,
            bytes_in: Cell::new(exchange.body.total()),
            bytes_out: Cell::new(exchange.reply.body_sent()),
            outcome: Cell::new(Outcome::Tunnel),
            worker,
        }
    }

    /// Bytes that went from the client to the endpoint.
    pub(crate) fn bytes_in(&self) -> &Cell<u64> {
        &self.bytes_in
    }

    /// Bytes that went from the endpoint to the client.
    pub(crate) fn bytes_out(&self) -> &Cell<u64> {
        &self.bytes_out
    }

    /// Says that it was not one of the two sides that ended the tunnel.
    pub(crate) fn set_outcome(&self, outcome: Outcome) {
        self.outcome.set(outcome);
    }

    fn count(&self, duration_us: u64) {
        if let Some(service) = self.service {
            self.worker.metrics.upstream_closed(service);
        }
        let Some(counted) = self.counted else {
            return;
        };
        self.worker.metrics.tunnel_closed(counted.listener);
        self.worker.metrics.request_ended(&Ended {
            listener: counted.listener,
            series: counted.series,
            status: self.status,
            outcome: self.outcome.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            duration_us,
        });
    }

    fn log(&self, line: &Line, duration_us: u64) {
        let record = Record {
            time_unix_us: line.time_unix_us,
            request_id: line.request_id.as_str(),
            trace_id: line.trace_id,
            generation: line.generation,
            worker: self.worker.index,
            client: line.client,
            listener: line.listener.as_deref().unwrap_or_default(),
            protocol: line.protocol,
            method: &line.method,
            host: &line.host,
            path: &line.path,
            route: line.route.as_deref().unwrap_or_default(),
            service: line.service.as_deref().unwrap_or_default(),
            endpoint: line.endpoint.as_deref().unwrap_or_default(),
            status: self.status,
            outcome: self.outcome.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            duration_us,
            upstream_us: line.upstream_us,
            attempts: line.attempts,
            user_agent: &line.user_agent,
        };
        write(&self.worker, &record);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let now_us = self.worker.timers.clock.now_us();
        let duration_us = now_us.saturating_sub(self.started_us);
        self.count(duration_us);
        if let Some(line) = &self.line {
            self.log(line, duration_us);
        }
        if let Some(filters) = &self.filters {
            filters.complete(&Completed {
                outcome: self.outcome.get(),
                status: self.status,
                bytes_in: self.bytes_in.get(),
                bytes_out: self.bytes_out.get(),
                duration: Duration::from_micros(duration_us),
            });
        }
    }
}

impl Line {
    fn of(exchange: &Exchange<'_>) -> Self {
        let (listener, route) = names(exchange);
        let tally = &exchange.tally;
        let (service, endpoint) = (tally.service.as_ref(), tally.endpoint.as_ref());
        Self {
            time_unix_us: started_unix_us(exchange),
            request_id: exchange.identity.request_id,
            trace_id: trace_id(exchange),
            generation: exchange.local.generation.number,
            client: client(exchange),
            listener: listener.cloned(),
            protocol: protocol(exchange),
            method: kept(exchange.request.method_bytes()),
            host: kept(exchange.notes.host()),
            path: kept(&exchange.notes.path),
            route: route.cloned(),
            service: service.map(|service| service.name.clone()),
            endpoint: endpoint.map(|endpoint| endpoint.label.clone()),
            upstream_us: tally.upstream_us,
            attempts: tally.attempts,
            user_agent: kept(user_agent(exchange)),
        }
    }
}

fn kept(text: &[u8]) -> Box<[u8]> {
    text[..text.len().min(KEPT)].into()
}
