//! One worker: a pinned thread with its own event loop, pools, buffers, counters and connections.
//!
//! Nothing in here is shared. Other threads leave messages in the worker's mailbox and read what it
//! publishes; a request finds all it needs behind the one `&Rc<Worker>` that is passed along.

mod local;
mod platform;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

pub(crate) use local::Local;
pub(crate) use platform::Platform;

use crate::downstream::{self, Peer};
use crate::io::buffers::BufferPool;
use crate::io::deadline::Waiter;
use crate::io::ring::Ring;
use crate::io::{Incoming, Network};
use crate::listener::{self, Permit, Socket};
use crate::publish::{Generation, Shared};
use crate::rt::clock::Millis;
use crate::rt::executor::{Executor, Sleep};
use crate::rt::random::Random;
use crate::rt::timer::{Alarm, Timers};
use crate::service::EndpointState;
use crate::telemetry::{LogSink, Metrics, MetricsReport, Progress};
use crate::upstream::Pools;

/// The tick task looks after logs and pools this often while there is nothing else to do
/// (milliseconds).
const TICK_MS: u64 = 100;

/// How long connections get to notice that they are ended (milliseconds).
const STOP_MS: u64 = 500;

/// How long the worker copies its numbers before it looks after others again (microseconds).
const REPORT_SLICE_US: u64 = 500;

/// Turns of the event loop between dropping a socket and its end: one cancels the readiness poll that
/// is pending on it, the next closes it.
const CLOSING_TURNS: usize = 3;

/// What other threads ask of a worker.
#[derive(Debug)]
pub(crate) enum Message {
    /// A connection that another worker has accepted.
    Connection {
        accepted: Incoming,
        peer: Peer,
        permit: Permit,
    },
    /// Build what this generation needs, without using it yet.
    Prepare(Box<Preparation>),
    /// The prepared generation has been published: serve its listeners, close those that are gone.
    Commit,
    /// The prepared generation was refused elsewhere: forget it.
    Discard,
    /// Hand out the numbers.
    Report(SyncSender<Box<MetricsReport>>),
    /// Stop accepting, let requests end.
    Drain(SyncSender<()>),
    /// End every connection now.
    Stop,
}

/// What a worker needs to prepare a generation.
#[derive(Debug)]
pub(crate) struct Preparation {
    pub(crate) generation: Arc<Generation>,
    /// This worker's own sockets, for listeners that it does not serve yet.
    pub(crate) sockets: Vec<Socket>,
    /// A new access log, if that has changed.
    pub(crate) log: LogChange,
    pub(crate) done: SyncSender<Result<(), String>>,
}

/// What becomes of the access log.
#[derive(Debug)]
pub(crate) enum LogChange {
    Keep,
    Set(Option<LogSink>),
}

/// One worker's state.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) timers: Timers,
    pub(crate) buffers: BufferPool,
    pub(crate) ring: Rc<Ring>,
    pub(crate) pools: Pools,
    pub(crate) metrics: Metrics,
    pub(crate) random: Random,
    pub(crate) executor: Executor,
    pub(crate) network: Network,
    pub(crate) exchanges: downstream::Exchanges,
    pub(crate) connections: downstream::Connections,
    pub(crate) accepting: listener::AcceptLoops,
    log: RefCell<Option<LogSink>>,
    current: RefCell<Option<Rc<Local>>>,
    prepared: RefCell<Option<Prepared>>,
    endpoints: RefCell<HashMap<String, Weak<EndpointState>>>,
    draining_since: Cell<Option<Millis>>,
    is_stopping: Cell<bool>,
}

#[derive(Debug)]
struct Prepared {
    local: Rc<Local>,
    sockets: Vec<Socket>,
    log: LogChange,
}

impl Worker {
    fn new(index: usize, shared: Arc<Shared>, platform: Platform) -> Rc<Self> {
        Rc::new(Self {
            index,
            shared,
            timers: Timers::new(platform.clock),
            buffers: BufferPool::default(),
            ring: Rc::new(platform.ring),
            pools: Pools::default(),
            metrics: Metrics::new(index),
            random: platform.random,
            executor: platform.executor,
            network: platform.network,
            exchanges: downstream::Exchanges::default(),
            connections: downstream::Connections::default(),
            accepting: listener::AcceptLoops::default(),
            log: RefCell::new(None),
            current: RefCell::new(None),
            prepared: RefCell::new(None),
            endpoints: RefCell::new(HashMap::new()),
            draining_since: Cell::new(None),
            is_stopping: Cell::new(false),
        })
    }

    /// The generation that is published now, as this worker sees it.
    pub(crate) fn current(&self) -> Option<Rc<Local>> {
        let published = self.shared.published_number();
        let mut current = self.current.borrow_mut();
        let is_current = |local: &Rc<Local>| local.generation.number == published;
        if !current.as_ref().is_some_and(is_current) {
            let prepared = self.prepared.borrow();
            if let Some(next) = prepared
                .as_ref()
                .map(|p| &p.local)
                .filter(|local| is_current(local))
            {
                *current = Some(next.clone());
            }
        }
        current.clone()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining_since.get().is_some()
    }

    /// When the drain began, if it has.
    pub(crate) fn draining_since(&self) -> Option<Millis> {
        self.draining_since.get()
    }

    /// Writes to the access log, if there is one.
    pub(crate) fn with_log(&self, write: impl FnOnce(&mut LogSink)) {
        if let Some(log) = self.log.borrow_mut().as_mut() {
            write(log);
        }
    }

    /// Whether there is an access log.
    pub(crate) fn has_log(&self) -> bool {
        self.log.borrow().is_some()
    }

    /// The state of an endpoint: the one that an older generation still holds, or a new one.
    pub(crate) fn adopt_endpoint(
        &self,
        service: &str,
        address: &str,
        adopt: impl FnOnce(&EndpointState),
        make: impl FnOnce() -> EndpointState,
    ) -> Rc<EndpointState> {
        let key = format!("{service} {address}");
        if let Some(state) = self.endpoints.borrow().get(&key).and_then(Weak::upgrade) {
            adopt(&state);
            return state;
        }
        let state = Rc::new(make());
        let mut endpoints = self.endpoints.borrow_mut();
        if endpoints.len() == endpoints.capacity() {
            // Endpoints may come and go for ever within one generation.
            endpoints.retain(|_, state| state.strong_count() > 0);
        }
        endpoints.insert(key, Rc::downgrade(&state));
        state
    }

    fn prepare(&self, preparation: Preparation) {
        let Preparation {
            generation,
            sockets,
            log,
            done,
        } = preparation;
        let prepared = Local::new(self, generation).map(|local| Prepared {
            local: Rc::new(local),
            sockets,
            log,
        });
        let answer = prepared.map(|prepared| {
            *self.prepared.borrow_mut() = Some(prepared);
        });
        // The publisher has given up waiting if nobody receives this; it will discard.
        let _too_late = done.send(answer);
    }

    /// Takes the prepared generation into use.
    fn commit(self: &Rc<Self>) {
        let Some(local) = self.current() else { return };
        let Some(Prepared { sockets, log, .. }) = self.prepared.borrow_mut().take() else {
            return;
        };
        if let LogChange::Set(sink) = log {
            *self.log.borrow_mut() = sink;
        }
        self.endpoints
            .borrow_mut()
            .retain(|_, state| state.strong_count() > 0);
        listener::serve(self, &local, sockets);
        // Later than every worker's own ring: those come first where memory may be locked no further.
        if self.ring.open() {
            let ring = self.ring.clone();
            self.executor.spawn(async move { ring.run().await });
        }
    }

    fn drain(self: &Rc<Self>) {
        self.draining_since.set(Some(self.timers.clock.now_ms()));
        self.accepting.stop(self);
        self.connections.wake_all();
    }

    fn flush_log(&self) {
        self.with_log(LogSink::flush);
    }
}

/// Runs a worker on this thread until it is told to stop, or has drained.
pub(crate) async fn run(index: usize, shared: Arc<Shared>, platform: Platform) {
    let worker = Worker::new(index, shared, platform);
    worker.executor.spawn(tick(worker.clone()));
    let reaping = worker.clone();
    worker
        .executor
        .spawn(async move { reaping.pools.reap().await });
    loop {
        let message = worker.shared.mailbox(index).receive().await;
        match message {
            Message::Connection {
                accepted,
                peer,
                permit,
            } => downstream::start(&worker, accepted, peer, permit),
            Message::Prepare(preparation) => worker.prepare(*preparation),
            Message::Commit => worker.commit(),
            Message::Discard => drop(worker.prepared.borrow_mut().take()),
            Message::Report(to) => worker.executor.spawn(report(worker.clone(), to)),
            Message::Drain(done) => {
                worker.drain();
                // Whoever waits may have given up.
                let _too_late = done.try_send(());
            }
            Message::Stop => break,
        }
    }
    stop(&worker).await;
}

/// Hands out the numbers. Thousands of series take a tenth of a second to copy: requests have their
/// turn in between.
async fn report(worker: Rc<Worker>, to: SyncSender<Box<MetricsReport>>) {
    let alarm = Alarm::new();
    let waiter = Waiter {
        timers: &worker.timers,
        alarm: &alarm,
    };
    let clock = &worker.timers.clock;
    let mut report = MetricsReport::default();
    let mut pause_at = clock.now_us() + REPORT_SLICE_US;
    while worker.metrics.report_part(&mut report) == Progress::More {
        if clock.now_us() < pause_at {
            continue;
        }
        waiter.sleep_until(waiter.now_ms() + 1).await;
        if worker.is_stopping.get() {
            return;
        }
        pause_at = clock.now_us() + REPORT_SLICE_US;
    }
    // Whoever asked may have given up.
    let _too_late = to.try_send(Box::new(report));
}

/// Ends every connection, so that each exchange gets its outcome, and what the worker holds of itself.
async fn stop(worker: &Rc<Worker>) {
    worker.is_stopping.set(true);
    worker.accepting.stop(worker);
    worker.connections.abort_all();
    let alarm = Alarm::new();
    let waiter = Waiter {
        timers: &worker.timers,
        alarm: &alarm,
    };
    let deadline = waiter.now_ms() + STOP_MS;
    while worker.connections.len() > 0 && waiter.now_ms() < deadline {
        waiter.sleep_until(waiter.now_ms() + 1).await;
    }
    worker.exchanges.clear();
    worker.pools.close();
    worker.ring.close();
    // Its thread ends, and whoever waits for it goes on, when the last worker has let go.
    drop(worker.log.borrow_mut().take());
    // The event loop cancels and closes what was dropped here in its next turns.
    for _ in 0..CLOSING_TURNS {
        waiter.sleep_until(waiter.now_ms() + 1).await;
    }
    // The tick task holds the worker that holds its waker.
    worker.timers.forget_ticker();
}

/// Turns the timer wheel and does what is due now and then. Never ends.
async fn tick(worker: Rc<Worker>) {
    let timers = &worker.timers;
    let mut housekeeping_at = 0;
    let mut busy = Busy::default();
    let mut sleep = worker.executor.sleep();
    loop {
        let now = timers.clock.now_ms();
        timers.advance(now);
        if now >= housekeeping_at {
            housekeeping_at = now + TICK_MS;
            worker.flush_log();
            timers.clock.adjust();
            worker.pools.expire(now);
            worker.metrics.tick(now);
            busy.measure(&worker, timers.clock.now_us());
        }
        let until = next_tick(timers, &mut sleep, now).await;
        let lag = timers.clock.now_us().saturating_sub(until * 1000);
        worker.metrics.loop_lag(lag);
    }
}

/// Sleeps until the next alarm or tick, whichever is first; returns when that was to be.
async fn next_tick(timers: &Timers, sleep: &mut Sleep, now: u64) -> u64 {
    let mut until = now;
    std::future::poll_fn(|cx| {
        let next = timers.next_tick(now, TICK_MS, cx.waker());
        if next != until {
            until = next;
            sleep.put_off(next.saturating_sub(timers.clock.now_ms()));
        }
        if timers.clock.now_ms() >= until {
            return std::task::Poll::Ready(());
        }
        sleep.poll(cx)
    })
    .await;
    until
}

/// How much of its time the worker's thread was running.
#[derive(Debug, Default)]
struct Busy {
    at_us: u64,
    ran_us: u64,
}

impl Busy {
    fn measure(&mut self, worker: &Worker, now_us: u64) {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let ran = u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000
            + u64::try_from(time.tv_nsec).unwrap_or(0) / 1000;
        let (wall, run) = (
            now_us.saturating_sub(self.at_us),
            ran.saturating_sub(self.ran_us),
        );
        if self.at_us > 0 && wall > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a ratio of two small numbers")]
            worker.metrics.busy(run as f64 / wall as f64);
        }
        (self.at_us, self.ran_us) = (now_us, ran);
    }
}
