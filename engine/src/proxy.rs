//! The engine as a whole, for whoever embeds it: [`Proxy::builder`], and a [`Handle`] to publish,
//! watch and drain it from any thread.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use corelane_config::{Config, Service, Snapshot};

use crate::filter::{Catalogue, Filter};
use crate::io::Network;
use crate::listener::Bound;
use crate::publish::{Generation, Publisher, Shared};
use crate::registry::Registry;
use crate::rt::driver::Driver;
use crate::service::{self, Endpoint, Override};
use crate::telemetry::MetricsReport;
use crate::worker::{self, Message, Platform};

/// How long workers get to hand out their numbers, which they copy between requests. One that is
/// stuck for longer is left out.
const REPORT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a drain looks whether everybody has left.
const DRAIN_POLL: Duration = Duration::from_millis(10);
/// How long worker threads get to end once they are told to.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the engine did not start, or did not take a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError(String);

impl StartError {
    /// An error that says this.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<String> for StartError {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What is needed to start the engine.
#[derive(Debug)]
pub struct ProxyBuilder {
    config: Config,
    workers: Option<usize>,
    catalogue: Catalogue,
}

/// A running engine.
#[derive(Debug)]
pub struct Proxy {
    handle: Handle,
}

/// The engine, from any thread.
#[derive(Debug, Clone)]
pub struct Handle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    publisher: Mutex<Publisher>,
    driver: Driver,
    phase: AtomicU8,
    ended: Mutex<Option<Drained>>,
    end: Condvar,
}

/// What a drain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were cut off because the drain's time was over. Idle connections and tunnels do
    /// not count.
    pub requests_cut: u64,
}

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const STOPPING: u8 = 2;

impl Proxy {
    /// Begins to describe an engine that serves `config`.
    #[must_use]
    pub fn builder(config: Config) -> ProxyBuilder {
        ProxyBuilder {
            config,
            workers: None,
            catalogue: Catalogue::default(),
        }
    }

    /// The engine's handle.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the engine has drained, because somebody called [`Handle::drain`].
    #[must_use]
    pub fn run(self) -> Drained {
        let inner = &self.handle.0;
        let mut ended = inner.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(drained) = *ended {
                return drained;
            }
            ended = inner
                .end
                .wait(ended)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl ProxyBuilder {
    /// How many workers there are, whatever the configuration says.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Brings a filter, which routes may use by its [name](Filter::NAME).
    #[must_use]
    pub fn filter<F: Filter>(mut self) -> Self {
        self.catalogue.add::<F>();
        self
    }

    /// Looks whether every filter that the configuration names is there, and takes its settings.
    /// Starts nothing.
    ///
    /// # Errors
    /// Every entry that is wrong, one line each, with its file, line and column.
    pub fn check(&self) -> Result<(), StartError> {
        let planned = self.catalogue.plan(self.config.snapshot());
        planned.map(drop).map_err(StartError::from)
    }

    /// Starts the workers and binds the listeners: when this returns, clients can connect.
    ///
    /// # Errors
    /// When no event loop can be made, a thread cannot be started, or the configuration cannot be
    /// published; the text names the listener, the key or the filter.
    pub fn build(self) -> Result<Proxy, StartError> {
        let snapshot = self.config.snapshot().clone();
        let runtime = &snapshot.runtime;
        let workers = self.workers.or(runtime.workers).unwrap_or_else(cpus).max(1);
        raise_descriptor_limit();
        let driver = Driver::choose(runtime.io, runtime.defer_taskrun, workers)?;
        log::info!("{workers} workers on {driver}");
        let shared = Arc::new(Shared::new(workers));
        start_workers(&shared, &driver, pins(&snapshot, workers))?;
        let publisher = Publisher::new(shared.clone(), self.catalogue, Network::kernel());
        let publisher = Mutex::new(publisher);
        let handle = Handle(Arc::new(Inner {
            shared,
            publisher,
            driver,
            phase: AtomicU8::new(SERVING),
            ended: Mutex::new(None),
            end: Condvar::new(),
        }));
        if let Err(error) = handle.publish(&self.config) {
            handle.stop();
            return Err(error);
        }
        Ok(Proxy { handle })
    }
}

impl Handle {
    /// Makes `config` the configuration of every request from now on; requests under way end on the
    /// one on which they began. What `runtime:` says holds from the next start.
    ///
    /// # Errors
    /// When a filter is unknown, takes other settings or cannot be built, a listener cannot be bound, or
    /// the access log cannot be opened. Then the old configuration goes on, everywhere. Also once a
    /// drain has begun: its listeners are closed for good.
    pub fn publish(&self, config: &Config) -> Result<u64, StartError> {
        let mut publisher = self.publisher();
        if !self.is_serving() {
            return Err(StartError("the engine is draining".into()));
        }
        Ok(publisher.publish(config.snapshot().clone())?)
    }

    /// The configuration that new requests begin on.
    #[must_use]
    pub fn generation(&self) -> Option<Arc<Generation>> {
        self.0.shared.published()
    }

    /// Gives a service these endpoints in the place of the configured ones, on all workers, from their
    /// next request on. They stay through reloads for as long as the configuration has the service;
    /// requests under way end where they are, and the idle connections of endpoints that are gone are
    /// closed. No endpoint at all is fine: requests are then answered with 503.
    ///
    /// # Errors
    /// When there is no such service, an endpoint comes twice or names a subset that the service has
    /// not got, or there are too many. Then nothing has changed.
    pub fn set_endpoints(
        &self,
        service: &str,
        endpoints: impl IntoIterator<Item = Endpoint>,
    ) -> Result<(), StartError> {
        let endpoints: Vec<Endpoint> = endpoints.into_iter().collect();
        self.override_endpoints(service, Some(endpoints))
    }

    /// Gives a service the endpoints of the configuration back.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn reset_endpoints(&self, service: &str) -> Result<(), StartError> {
        self.override_endpoints(service, None)
    }

    /// The endpoints that were set for a service; `None` while it has those of the configuration.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn endpoints(&self, service: &str) -> Result<Option<Vec<Endpoint>>, StartError> {
        let set = self.service_override(service, |_| Ok(()))?.endpoints();
        Ok(set.map(|endpoints| endpoints.to_vec()))
    }

    /// State that is one for all workers and outlives configurations.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.shared.registry
    }

    fn override_endpoints(
        &self,
        name: &str,
        endpoints: Option<Vec<Endpoint>>,
    ) -> Result<(), StartError> {
        let listed = endpoints.as_deref().unwrap_or_default();
        let overridden = self.service_override(name, |service| service::check(listed, service))?;
        overridden.set(endpoints);
        Ok(())
    }

    /// The cell with the endpoints that are set for a service of this name, if it passes `check`.
    fn service_override(
        &self,
        name: &str,
        check: impl FnOnce(&Service) -> Result<(), String>,
    ) -> Result<Arc<Override>, StartError> {
        let generation = self.generation();
        let service = generation
            .as_ref()
            .and_then(|generation| generation.snapshot.service_named(name))
            .ok_or_else(|| StartError::new(format!("no service is called `{name}`")))?;
        check(service)?;
        Ok(service::override_of(&self.0.shared.registry, name))
    }

    /// The addresses that are bound, with the listeners' names.
    #[must_use]
    pub fn listeners(&self) -> Vec<Bound> {
        self.publisher().bound()
    }

    /// The event loop that the workers run on, in words, with the reason for it.
    #[must_use]
    pub fn driver(&self) -> String {
        self.0.driver.to_string()
    }

    /// Whether the engine takes new connections.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == SERVING
    }

    /// The numbers of all workers, added up. A worker that does not answer within two seconds is
    /// left out.
    #[must_use]
    pub fn report(&self) -> MetricsReport {
        let workers = self.0.shared.workers();
        let (to, from) = sync_channel(workers);
        self.0.shared.tell_all(|| Message::Report(to.clone()));
        drop(to);
        let deadline = Instant::now() + REPORT_TIMEOUT;
        let mut sum: Option<MetricsReport> = None;
        while let Ok(part) = from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            match &mut sum {
                Some(sum) => sum.merge(&part),
                None => sum = Some(*part),
            }
        }
        let mut sum = sum.unwrap_or_default();
        sum.access_log_unwritten(self.0.shared.log_unwritten.load(Ordering::Relaxed));
        sum
    }

    /// Opens the access log's file anew, after it has been moved away.
    pub fn reopen_log(&self) {
        self.publisher().reopen_log();
    }

    /// Begins to drain: listeners close after `runtime.drain_delay`, requests get until
    /// `runtime.drain_timeout`. A second call cuts everything at once. Does not wait; [`Proxy::run`]
    /// returns when it is done.
    pub fn drain(&self) {
        let begun =
            self.0
                .phase
                .compare_exchange(SERVING, DRAINING, Ordering::AcqRel, Ordering::Acquire);
        if begun.is_err() {
            self.0.phase.store(STOPPING, Ordering::Release);
            return;
        }
        let handle = self.clone();
        let spawned = std::thread::Builder::new()
            .name("drain".into())
            .spawn(move || handle.run_drain());
        if let Err(error) = spawned {
            log::error!("draining at once, without a thread: {error}");
            self.run_drain();
        }
    }

    fn run_drain(&self) {
        let (delay, timeout) =
            self.generation()
                .map_or((Duration::ZERO, Duration::ZERO), |generation| {
                    let runtime = &generation.snapshot.runtime;
                    (runtime.drain_delay, runtime.drain_timeout)
                });
        self.wait_unless_stopped(Instant::now() + delay, || false);
        self.publisher().close_listeners();
        self.stop_accepting();
        let deadline = Instant::now() + timeout;
        self.wait_unless_stopped(deadline, || self.0.shared.open_connections() == 0);
        let requests_cut = match self.0.shared.open_connections() {
            0 => 0,
            _ => {
                let report = self.report();
                let in_flight = report.requests_in_flight();
                in_flight.saturating_sub(report.tunnels())
            }
        };
        self.stop();
        self.publisher().close_log();
        let unwritten = self.0.shared.log_unwritten.load(Ordering::Relaxed);
        if unwritten > 0 {
            log::warn!("{unwritten} lines of the access log could not be written");
        }
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Drained { requests_cut });
        self.0.end.notify_all();
    }

    /// Has every worker stop accepting, and waits until they have: from then on whoever is connected
    /// is counted.
    fn stop_accepting(&self) {
        let workers = self.0.shared.workers();
        let (done, stopped) = sync_channel(workers);
        self.0.shared.tell_all(|| Message::Drain(done.clone()));
        let deadline = Instant::now() + REPORT_TIMEOUT;
        for _ in 0..workers {
            let left = deadline.saturating_duration_since(Instant::now());
            if stopped.recv_timeout(left).is_err() {
                return log::warn!("a worker did not stop accepting within {REPORT_TIMEOUT:?}");
            }
        }
    }

    /// Waits until `done`, `deadline`, or somebody is impatient.
    fn wait_unless_stopped(&self, deadline: Instant, done: impl Fn() -> bool) {
        let parked = Mutex::new(());
        let nobody_notifies = Condvar::new();
        let mut guard = parked.lock().unwrap_or_else(PoisonError::into_inner);
        while !done() && self.0.phase.load(Ordering::Acquire) == DRAINING {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = nobody_notifies.wait_timeout(guard, left.min(DRAIN_POLL));
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn stop(&self) {
        self.0.phase.store(STOPPING, Ordering::Release);
        self.0.shared.tell_all(|| Message::Stop);
        if !self.publisher().wait_stopped(Instant::now() + STOP_TIMEOUT) {
            log::warn!("a worker did not stop within {STOP_TIMEOUT:?}");
        }
    }

    fn publisher(&self) -> std::sync::MutexGuard<'_, Publisher> {
        self.0
            .publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The CPUs that this process may use: affinity and cgroup quota.
fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Which core each worker is pinned to. Without an order, only when the process has whole cores of
/// its own: pinned threads under a quota would wait for each other's cores.
fn pins(snapshot: &Snapshot, workers: usize) -> Vec<Option<core_affinity::CoreId>> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let owned = cores.len() == cpus() && workers <= cores.len();
    let pin = snapshot.runtime.pin.unwrap_or(owned) && !cores.is_empty();
    (0..workers)
        .map(|worker| pin.then(|| cores[worker % cores.len()]))
        .collect()
}

fn start_workers(
    shared: &Arc<Shared>,
    driver: &Driver,
    pins: Vec<Option<core_affinity::CoreId>>,
) -> Result<(), StartError> {
    for (index, core) in pins.into_iter().enumerate() {
        let (shared, driver) = (shared.clone(), driver.clone());
        shared.worker_started();
        std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || run_worker(index, &driver, core, &shared))
            .map_err(|error| StartError(format!("starting worker {index}: {error}")))?;
    }
    Ok(())
}

fn run_worker(
    index: usize,
    driver: &Driver,
    core: Option<core_affinity::CoreId>,
    shared: &Arc<Shared>,
) {
    if core.is_some_and(|core| !core_affinity::set_for_current(core)) {
        log::warn!("worker {index} could not be pinned to its core");
    }
    let running = catch_unwind(AssertUnwindSafe(|| {
        driver.block_on(worker::run(index, shared.clone(), Platform::kernel(driver)))
    }));
    match running {
        Ok(Ok(())) => shared.worker_stopped(),
        Ok(Err(error)) => {
            log::error!("worker {index}: its event loop could not be made: {error}");
            shared.worker_stopped();
        }
        Err(_) => {
            // A dead worker behind a live listener would swallow its share of all connections.
            log::error!("worker {index}: its event loop died; the process ends");
            std::process::abort();
        }
    }
}

/// Every connection needs a descriptor or two: takes what the hard limit gives.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        log::warn!("raising the limit of open files: {error}");
    }
}
