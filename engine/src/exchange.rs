//! The life of one request: rooms 4 to 8, in order.
//!
//! An [`Exchange`] is one request and its response, whatever protocol it came by: rooms see its head,
//! its body and where the reply goes, never a socket. It ends exactly once, in [`settle`].

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use corelane_codec::{BodyDecoder, BodyLength, BodyLimits, HeadScan, RequestHead, ResponseHead};
use corelane_config::{Action, Captures, Limits, Route, RouteId, SubsetId};

use crate::downstream::{Connection, Peer, Tunnel};
use crate::error::{Error, Kind, Retry};
use crate::filter::{self, Passage};
use crate::forward::{self, Pace, Readable, Role, Sink, Source, WireSink, WireSource};
use crate::identity::Identity;
use crate::io::buffers::Buffer;
use crate::io::deadline::Waiter;
use crate::outcome::Outcome;
use crate::reply;
use crate::request;
use crate::route::{self, LastHost};
use crate::rt::clock::{Millis, NEVER};
use crate::service::{EndpointState, ServiceState, millis};
use crate::settle;
use crate::upstream::UpstreamConnection;
use crate::worker::{Local, Worker};

/// One request and its response.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) local: &'a Rc<Local>,
    /// Whose request it is; a call has its caller's.
    pub(crate) peer: Peer,
    /// Set once the whole request has been read: from then on the client may be watched for leaving.
    pub(crate) read: &'a Cell<bool>,
    pub(crate) waiter: Waiter<'a>,
    pub(crate) arrival: Arrival,
    pub(crate) identity: Identity,
    pub(crate) request: &'a mut RequestHead,
    pub(crate) response: &'a mut ResponseHead,
    pub(crate) notes: &'a mut Notes,
    pub(crate) wire: &'a mut WireState,
    pub(crate) body: Source<'a>,
    pub(crate) reply: Sink<'a>,
    /// Its way through the filters of its route, where there are any.
    pub(crate) filters: Option<Rc<Passage>>,
    /// When it must be over, streams excepted.
    pub(crate) total: Millis,
    pub(crate) tally: Tally,
}

/// What came with the head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// Why the request is refused before anybody looks at it.
    pub(crate) refused: Option<Error>,
    pub(crate) length: BodyLength,
    pub(crate) expects_continue: bool,
    pub(crate) http11: bool,
    /// Whether the connection may carry another request after this one.
    pub(crate) keep_alive: bool,
    pub(crate) started_us: u64,
}

/// What an exchange needs to remember; reused from one to the next, so that it allocates nothing.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub(crate) request: RequestHead,
    pub(crate) scan: HeadScan,
    pub(crate) request_decoder: BodyDecoder,
    pub(crate) response: ResponseHead,
    pub(crate) notes: Notes,
    pub(crate) wire: WireState,
}

/// What rooms have found out about the request.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The normalised path.
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
    pub(crate) has_query: bool,
    /// Host and port as the client wrote them.
    pub(crate) authority: Vec<u8>,
    /// How much of `authority` is the host.
    pub(crate) host_end: usize,
    /// What the request before has taught.
    pub(crate) last_host: LastHost,
    pub(crate) captures: Captures,
    /// What is asked of the upstream.
    pub(crate) target: Vec<u8>,
    /// The protocol that the client wants to change to, where that is allowed.
    pub(crate) upgrade: Vec<u8>,
    /// Whether the client can make use of trailers.
    pub(crate) takes_trailers: bool,
    /// A spare text for whoever builds a value.
    pub(crate) text: Vec<u8>,
}

/// What the upstream side of an exchange works with.
#[derive(Debug)]
pub(crate) struct WireState {
    pub(crate) scan: HeadScan,
    pub(crate) decoder: BodyDecoder,
}

/// What is counted and logged.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) route: Option<RouteId>,
    /// The index of the route's target that the request went to.
    pub(crate) target: usize,
    pub(crate) service: Option<Rc<ServiceState>>,
    pub(crate) endpoint: Option<Rc<EndpointState>>,
    pub(crate) status: u16,
    pub(crate) attempts: u32,
    pub(crate) upstream_us: Option<u64>,
    /// Whether the reply's head has begun to leave.
    pub(crate) replied: bool,
}

/// How an exchange left its connection.
#[derive(Debug)]
pub(crate) enum Finished {
    /// Request and reply are complete.
    Whole { persists: bool },
    /// The reply is complete, the request's body is not read to its end.
    RequestUnread,
    /// The reply is cut off.
    Cut,
    /// Both sides speak another protocol from now on.
    Upgraded(Box<Tunnel>),
}

/// What a room that ends the exchange has done.
#[derive(Debug)]
pub(crate) enum Done {
    Replied(Outcome),
    Upgraded(Box<UpstreamConnection>),
}

/// Takes one request through the rooms.
pub(crate) async fn run(exchange: &mut Exchange<'_>) -> Finished {
    settle::begin(exchange);
    let result = {
        // Pinned where it was made: it is kilobytes, and to pass it on would be to copy it.
        let mut rooms = pin!(proceed(exchange));
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| rooms.as_mut().poll(cx)));
            // A panic, ours or a filter's, is the error of its exchange: it is answered, counted
            // and told of its end like any other.
            polled.unwrap_or_else(|_told_by_the_panic_hook| Poll::Ready(Err(Kind::Internal.into())))
        })
        .await
    };
    settle::settle(exchange, result).await
}

async fn proceed(exchange: &mut Exchange<'_>) -> Result<Done, Error> {
    if let Some(error) = exchange.arrival.refused {
        return Err(error);
    }
    route::read_target(exchange.request, exchange.notes)?;
    request::identify(exchange)?;
    if !request::count_forward(exchange.request) {
        return reply::of_gateway(exchange).await;
    }
    let local = exchange.local;
    let route = match route::find(exchange)? {
        route::Found::Route(id) => local.snapshot().route(id),
        route::Found::Allow(methods) => return reply::method_not_allowed(exchange, methods).await,
        route::Found::Gateway => return reply::of_gateway(exchange).await,
    };
    exchange.start_clock(route);
    request::cleanse(exchange, route);
    if let Some(chain) = local.route(route.id).filters()
        && let Some(reply) = filter::on_request(exchange, chain).await?
    {
        return reply::local(exchange, &reply).await;
    }
    match &route.action {
        Action::Respond { .. } => reply::respond(exchange, route).await,
        Action::Redirect(redirect) => reply::redirect(exchange, route, redirect).await,
        Action::Forward { to, .. } => {
            request::prepare(exchange, route);
            let target = to[exchange.tally.target];
            let service = local.service(target.service);
            exchange.tally.service = Some(service.clone());
            send(exchange, Some(route), service, target.subset).await
        }
    }
}

/// Rooms 6 to 8, a second time at most: when nothing of the request can have been processed.
///
/// Nobody's connection is needed for them: a call enters here, without a route.
pub(crate) async fn send(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    service: &ServiceState,
    subset: Option<SubsetId>,
) -> Result<Done, Error> {
    let (worker, local) = (exchange.worker, exchange.local);
    let roster = service.roster(|address| local.endpoint(worker, &service.name, address));
    let mut avoid = None;
    let mut timed_out = None;
    loop {
        let index = roster.pick(subset, avoid, worker.random.next())?;
        if let Some(error) = timed_out.filter(|_| avoid == Some(index)) {
            // To wait for the same endpoint once more would only double the time.
            return Err(error);
        }
        let endpoint = roster.endpoint(index);
        exchange.tally.endpoint = Some(endpoint.clone());
        exchange.tally.attempts += 1;
        let again = avoid.is_some();
        let error = match forward::attempt(exchange, route, service, endpoint, again).await {
            Ok(done) => return Ok(done),
            Err(failed) if again => return Err(failed.error),
            Err(failed) => failed,
        };
        if !exchange.may_resend(&error) {
            return Err(error.error);
        }
        avoid = Some(index);
        timed_out = (error.error.kind == Kind::ConnectTimeout).then_some(error.error);
    }
}

impl<'a> Exchange<'a> {
    /// An exchange on an HTTP/1 connection whose head has been read into `scratch`.
    pub(crate) fn new(
        worker: &'a Rc<Worker>,
        local: &'a Rc<Local>,
        connection: &'a Connection,
        arrival: Arrival,
        scratch: &'a mut Scratch,
        buffer: &'a mut Buffer,
    ) -> Self {
        let limits = &local.snapshot().limits;
        let waiter = connection.waiter(worker);
        let start = buffer.position();
        let body = Source::Wire(WireSource {
            readable: Readable::Stream(&connection.stream),
            buffer,
            decoder: &mut scratch.request_decoder,
            pool: &worker.buffers,
            waiter,
            pace: client_pace(limits, Kind::BodyTooSlow),
            role: Role::Request,
            run: (0, 0, 0),
            total: 0,
            most: limits.request_body_bytes,
            start,
            overwritten: false,
        });
        let reply = Sink::Wire(WireSink::new(
            &connection.stream,
            (&worker.buffers, &*worker.ring),
            waiter,
            client_pace(limits, Kind::ReplyTooSlow),
            Kind::ClientGone,
        ));
        scratch.notes.clear();
        Self {
            worker,
            local,
            peer: connection.peer,
            read: &connection.watched,
            waiter,
            arrival,
            identity: Identity::default(),
            request: &mut scratch.request,
            response: &mut scratch.response,
            notes: &mut scratch.notes,
            wire: &mut scratch.wire,
            body,
            reply,
            filters: None,
            total: NEVER,
            tally: Tally::default(),
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        &self.local.snapshot().limits
    }

    /// Sets the deadline that the route gives the exchange as a whole.
    fn start_clock(&mut self, route: &Route) {
        if let Some(timeout) = route.timeout {
            let started = self.arrival.started_us / 1000;
            self.total = started.saturating_add(millis(timeout));
            self.body.set_total(self.total);
            self.reply.set_total(self.total);
        }
    }

    /// Whether a failed attempt may be made again: nobody can have processed the request, and all of
    /// it is still here.
    fn may_resend(&mut self, failed: &forward::Failed) -> bool {
        let harmless = match failed.error.retry() {
            Retry::Never => false,
            Retry::Unsent => true,
            Retry::IfSafe => {
                let method = self.request.method();
                failed.reused && !failed.answered && (method.is_idempotent() || !failed.sent)
            }
        };
        // Filters keep state about a body that they have seen, and would see it twice.
        let seen = |filters: &Rc<Passage>| filters.has_begun_body();
        harmless
            && !self.tally.replied
            && !self.filters.as_ref().is_some_and(seen)
            && (forward::is_bodiless(self.arrival.length) || self.body.rewind(self.arrival.length))
    }
}

fn client_pace(limits: &Limits, too_slow: Kind) -> Pace {
    Pace::rate(
        limits.body_min_rate,
        millis(limits.body_rate_window),
        too_slow,
    )
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let decoder = || BodyDecoder::new(BodyLength::Empty, BodyLimits::default());
        Self {
            request: RequestHead::new(),
            scan: HeadScan::default(),
            request_decoder: decoder(),
            response: ResponseHead::new(),
            notes: Notes::default(),
            wire: WireState {
                scan: HeadScan::default(),
                decoder: decoder(),
            },
        }
    }
}

impl Notes {
    fn clear(&mut self) {
        self.path.clear();
        self.query.clear();
        self.has_query = false;
        self.authority.clear();
        self.host_end = 0;
        self.target.clear();
        self.upgrade.clear();
        self.takes_trailers = false;
    }

    /// The host without its port.
    pub(crate) fn host(&self) -> &[u8] {
        &self.authority[..self.host_end]
    }

    /// The query, where there is one.
    pub(crate) fn query(&self) -> Option<&[u8]> {
        self.has_query.then_some(&self.query[..])
    }
}
