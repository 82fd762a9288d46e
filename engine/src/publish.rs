//! Publishing a configuration in two phases, and what all workers share.
//!
//! *Prepare* lets every worker build what the new generation needs; if one fails, all forget it and
//! the old generation goes on everywhere. *Commit* is one store: from then on every request begins
//! on the new generation, and those under way end on the one on which they began.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use corelane_config::{AccessLog as LogConfig, Snapshot};
use crossbeam::utils::CachePadded;

use crate::filter::{Catalogue, Plan};
use crate::io::{Listening, Network};
use crate::listener::{Bound, ListenerKeys, NewSockets, Sockets};
use crate::registry::Registry;
use crate::rt::mailbox::Mailbox;
use crate::telemetry::AccessLog;
use crate::worker::{LogChange, Message, Preparation};

/// How long a worker may take to prepare a generation. A worker that is stuck for longer makes the
/// publication fail, not hang.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(10);

/// One published configuration.
#[derive(Debug)]
pub struct Generation {
    /// 1 for the first, one more for each that is published.
    pub number: u64,
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// When it was published.
    pub loaded_at: SystemTime,
    /// What its routes' filters are built from.
    pub(crate) filters: Plan,
}

/// What the workers of one process share. A request only reads from it.
#[derive(Debug)]
pub(crate) struct Shared {
    published: ArcSwapOption<Generation>,
    pub(crate) registry: Registry,
    pub(crate) listener_keys: ListenerKeys,
    seats: Vec<Seat>,
    pub(crate) connections: Connections,
    /// Lines that no access log could write so far.
    pub(crate) log_unwritten: Arc<AtomicU64>,
    running: Mutex<usize>,
    stopped: Condvar,
}

/// A worker as others see it.
#[derive(Debug, Default)]
struct Seat {
    mailbox: Mailbox<Message>,
    /// Connections that it has or is about to get.
    load: CachePadded<AtomicUsize>,
}

/// The connections of the whole process, against their bound.
#[derive(Debug)]
pub(crate) struct Connections {
    open: CachePadded<AtomicUsize>,
    most: AtomicUsize,
}

impl Connections {
    /// Takes a place; `false` when there is none.
    pub(crate) fn enter(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < most).then_some(open + 1)
            })
            .is_ok()
    }

    pub(crate) fn leave(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            published: ArcSwapOption::empty(),
            registry: Registry::default(),
            listener_keys: ListenerKeys::default(),
            seats: (0..workers).map(|_| Seat::default()).collect(),
            connections: Connections {
                open: CachePadded::default(),
                most: AtomicUsize::new(usize::MAX),
            },
            log_unwritten: Arc::default(),
            running: Mutex::new(0),
            stopped: Condvar::new(),
        }
    }

    /// The number of the generation that new requests begin on; 0 before the first.
    pub(crate) fn published_number(&self) -> u64 {
        self.published
            .load()
            .as_ref()
            .map_or(0, |generation| generation.number)
    }

    pub(crate) fn published(&self) -> Option<Arc<Generation>> {
        self.published.load_full()
    }

    pub(crate) fn mailbox(&self, worker: usize) -> &Mailbox<Message> {
        &self.seats[worker].mailbox
    }

    pub(crate) fn workers(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn load(&self, worker: usize) -> &AtomicUsize {
        &self.seats[worker].load
    }

    /// The worker with the fewest connections; `own` when none has fewer.
    pub(crate) fn least_loaded(&self, own: usize) -> usize {
        let load = |index: usize| self.seats[index].load.load(Ordering::Relaxed);
        let mut least = own;
        for index in 0..self.seats.len() {
            if load(index) < load(least) {
                least = index;
            }
        }
        least
    }

    pub(crate) fn worker_started(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    pub(crate) fn worker_stopped(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.stopped.notify_all();
    }

    /// Connections over all workers.
    pub(crate) fn open_connections(&self) -> usize {
        self.connections.open.load(Ordering::Relaxed)
    }

    /// Sends the same message to every worker.
    pub(crate) fn tell_all(&self, message: impl Fn() -> Message) {
        for seat in &self.seats {
            // A mailbox that is full belongs to a worker that is stuck; it will not answer either.
            let _stuck = seat.mailbox.post(message());
        }
    }
}

/// The side that publishes: one per process, on the control thread.
#[derive(Debug)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    catalogue: Catalogue,
    sockets: Sockets,
    log: Option<(LogConfig, AccessLog)>,
    last_number: u64,
}

/// A generation that the workers were asked to prepare.
#[derive(Debug)]
pub(crate) struct Offer {
    generation: Arc<Generation>,
    new_sockets: NewSockets,
    new_log: NewLog,
    answers: Answers,
}

/// What the workers say to an offer.
type Answers = Receiver<Result<(), String>>;
/// The access log that replaces the old one, where that changes.
type NewLog = Option<Option<(LogConfig, AccessLog)>>;

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, catalogue: Catalogue, network: Network) -> Self {
        Self {
            shared,
            catalogue,
            sockets: Sockets::of(network),
            log: None,
            last_number: 0,
        }
    }

    /// Makes `snapshot` the configuration of every request from now on.
    ///
    /// # Errors
    /// When a filter is unknown or its settings are not what it takes, a listener cannot be bound, the
    /// access log cannot be opened, or a worker cannot prepare it. Then nothing has changed.
    pub(crate) fn publish(&mut self, snapshot: Arc<Snapshot>) -> Result<u64, String> {
        let offer = self.offer(snapshot)?;
        self.conclude(offer)
    }

    /// The first phase: every worker is asked to prepare.
    pub(crate) fn offer(&self, snapshot: Arc<Snapshot>) -> Result<Offer, String> {
        let filters = self.catalogue.plan(&snapshot)?;
        let workers = self.shared.workers();
        let new_sockets = self.sockets.bind_missing(&snapshot, workers)?;
        let (changes, new_log) = self.open_log(&snapshot)?;
        let generation = Arc::new(Generation {
            number: self.last_number + 1,
            snapshot,
            loaded_at: SystemTime::now(),
            filters,
        });
        let sockets = new_sockets.clone_per_worker(workers)?;
        match self.prepare(&generation, sockets, changes) {
            Ok(answers) => Ok(Offer {
                generation,
                new_sockets,
                new_log,
                answers,
            }),
            Err(reason) => Err(self.discard(reason)),
        }
    }

    /// The second phase: takes the generation into use if all workers have prepared it.
    pub(crate) fn conclude(&mut self, offer: Offer) -> Result<u64, String> {
        collect(&offer.answers, self.shared.workers()).map_err(|reason| self.discard(reason))?;
        let generation = offer.generation;
        let snapshot = &generation.snapshot;
        self.last_number = generation.number;
        self.shared.published.store(Some(generation.clone()));
        self.sockets.keep(offer.new_sockets, snapshot);
        self.shared
            .connections
            .most
            .store(connection_limit(snapshot), Ordering::Relaxed);
        self.shared.tell_all(|| Message::Commit);
        if let Some(log) = offer.new_log {
            self.log = log;
        }
        Ok(generation.number)
    }

    fn discard(&self, reason: String) -> String {
        self.shared.tell_all(|| Message::Discard);
        reason
    }

    fn prepare(
        &self,
        generation: &Arc<Generation>,
        sockets: Vec<Vec<crate::listener::Socket>>,
        logs: Vec<LogChange>,
    ) -> Result<Answers, String> {
        let (done, answers) = sync_channel(sockets.len());
        for (worker, (sockets, log)) in sockets.into_iter().zip(logs).enumerate() {
            let preparation = Preparation {
                generation: generation.clone(),
                sockets,
                log,
                done: done.clone(),
            };
            self.shared
                .mailbox(worker)
                .post(Message::Prepare(Box::new(preparation)))
                .map_err(|_| format!("worker {worker} does not take messages"))?;
        }
        Ok(answers)
    }

    /// Opens a new access log when its configuration has changed; the old one is closed (and
    /// written to its end) when the new one has been committed.
    fn open_log(&self, snapshot: &Snapshot) -> Result<(Vec<LogChange>, NewLog), String> {
        let workers = self.shared.workers();
        let unchanged = self.log.as_ref().map(|(config, _)| config) == snapshot.access_log.as_ref();
        let Some(config) = &snapshot.access_log else {
            let change = || {
                if unchanged {
                    LogChange::Keep
                } else {
                    LogChange::Set(None)
                }
            };
            return Ok((
                (0..workers).map(|_| change()).collect(),
                (!unchanged).then_some(None),
            ));
        };
        if unchanged {
            return Ok(((0..workers).map(|_| LogChange::Keep).collect(), None));
        }
        let records = snapshot.limits.access_log_records;
        let unwritten = self.shared.log_unwritten.clone();
        let (log, sinks) = AccessLog::start(config, records, workers, unwritten)
            .map_err(|error| format!("access_log.path: {error}"))?;
        let changes = sinks
            .into_iter()
            .map(|sink| LogChange::Set(Some(sink)))
            .collect();
        Ok((changes, Some(Some((config.clone(), log)))))
    }

    /// The addresses that are bound now, with their listeners' names.
    pub(crate) fn bound(&self) -> Vec<Bound> {
        self.sockets.bound()
    }

    /// Opens the access log's file anew, after it has been moved away.
    pub(crate) fn reopen_log(&self) {
        if let Some((_, log)) = &self.log {
            log.reopen();
        }
    }

    /// Closes the listening sockets of the process: nobody can connect any more.
    pub(crate) fn close_listeners(&mut self) {
        self.sockets.close();
    }

    /// Writes the access log to its end and closes it.
    pub(crate) fn close_log(&mut self) {
        self.log = None;
    }

    /// Waits until every worker's thread has ended, or `deadline`; whether they all did.
    pub(crate) fn wait_stopped(&self, deadline: Instant) -> bool {
        let mut running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while *running > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.stopped.wait_timeout(running, left);
            running = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn collect(answers: &Answers, workers: usize) -> Result<(), String> {
    let deadline = Instant::now() + PREPARE_TIMEOUT;
    for _ in 0..workers {
        let left = deadline.saturating_duration_since(Instant::now());
        answers
            .recv_timeout(left)
            .map_err(|_| format!("a worker did not prepare within {PREPARE_TIMEOUT:?}"))??;
    }
    Ok(())
}

/// `limits.connections`, or half of the descriptors that the process may open.
fn connection_limit(snapshot: &Snapshot) -> usize {
    match snapshot.limits.connections {
        0 => {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
            limit
                .map_or(usize::MAX, |most| {
                    usize::try_from(most / 2).unwrap_or(usize::MAX)
                })
                .max(1)
        }
        most => most,
    }
}

/// A copy of a place to accept at, for another worker.
pub(crate) fn duplicate(listening: &Listening) -> Result<Listening, String> {
    listening
        .try_clone()
        .map_err(|error| format!("duplicating a listening socket: {error}"))
}
