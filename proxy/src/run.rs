//! A running gateway from start to end: [`ControlSide`] loads the configuration, starts the engine,
//! serves signals, watch and admin API, and ends when the engine has drained. It lives on the thread
//! that calls it and on tokio's few helpers; workers never wait for it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use corelane_config::limits::MAX_WAITING_RELOADS;
use corelane_config::{Config, ConfigErrors};
use corelane_engine::{Bound, Drained, Proxy, StartError};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::admin::Admin;
use crate::check::{Severity, problem_line};
use crate::console;
use crate::control::Control;
use crate::reload::{self, announce_listener, announce_ready};
use crate::signals::{Order, Signals};
use crate::source::Source;
use crate::watch::{self, Look};

/// Threads for what may block: files, names, the engine's publishing and reports.
const BLOCKING_THREADS: usize = 8;
/// How long such work gets to end when the program does.
const LAST_WORK: Duration = Duration::from_secs(1);

/// The services around an engine: reload, watch, signals, admin API.
///
/// ```no_run
/// use corelane::{ControlSide, Source};
/// use corelane_engine::Proxy;
///
/// let source = Source::Paths(vec!["gateway.yaml".into()]);
/// let ended = ControlSide::new(source)
///     .watch(true)
///     .run(|config| Proxy::builder(config).build())?;
/// assert_eq!(ended.requests_cut, 0);
/// # Ok::<(), corelane::RunError>(())
/// ```
#[derive(Debug)]
pub struct ControlSide {
    source: Source,
    watch: bool,
    drain_on_hangup: bool,
    greet: Option<fn(&Ready)>,
}

/// A gateway that clients can reach from now on.
#[derive(Debug)]
pub struct Ready {
    /// What is bound, with the ports that the kernel chose where the configuration says 0.
    pub listeners: Arc<[Bound]>,
    /// Where the admin API is.
    pub admin: Option<SocketAddr>,
}

/// How a gateway ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Requests that were cut off.
    pub requests_cut: u64,
}

/// Why a gateway did not start.
#[derive(Debug)]
pub enum RunError {
    /// The configuration has mistakes.
    Config(ConfigErrors),
    /// It is sound, but the gateway cannot start here and now.
    Start(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(errors) => errors.fmt(f),
            Self::Start(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RunError {}

impl ControlSide {
    /// The control side of a gateway with the configuration from `source`.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            watch: false,
            drain_on_hangup: false,
            greet: None,
        }
    }

    /// Whether a change of the files makes a reload.
    #[must_use]
    pub fn watch(mut self, watch: bool) -> Self {
        self.watch = watch;
        self
    }

    /// Makes SIGHUP end the gateway instead of reloading it, for one that lives as long as its
    /// terminal.
    #[must_use]
    pub fn drain_on_hangup(mut self) -> Self {
        self.drain_on_hangup = true;
        self
    }

    /// Calls `greet` once, when the gateway is ready.
    #[must_use]
    pub fn when_ready(mut self, greet: fn(&Ready)) -> Self {
        self.greet = Some(greet);
        self
    }

    /// Loads the configuration, starts the engine with `start`, and serves until it has drained:
    /// after SIGTERM, SIGINT or `POST /drain`. Takes over these signals, SIGHUP and SIGUSR1.
    ///
    /// # Errors
    /// When the gateway does not start. Reloads that fail are told and change nothing.
    pub fn run(
        self,
        start: impl FnOnce(Config) -> Result<Proxy, StartError>,
    ) -> Result<Ended, RunError> {
        let look = Look::at(self.source.paths());
        let config = self.source.load().map_err(RunError::Config)?;
        for warning in config.warnings() {
            console::tell(problem_line(warning, Severity::Warning));
        }
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS);
        let runtime = runtime
            .build()
            .map_err(|error| RunError::Start(format!("starting the control side: {error}")))?;
        let ended = runtime.block_on(self.serve(config, look, start));
        runtime.shutdown_timeout(LAST_WORK);
        ended
    }

    async fn serve(
        self,
        config: Config,
        look: Look,
        start: impl FnOnce(Config) -> Result<Proxy, StartError>,
    ) -> Result<Ended, RunError> {
        let failed = |error: std::io::Error| RunError::Start(format!("taking signals: {error}"));
        let signals = Signals::take().map_err(failed)?;
        let mut admin = Admin::default();
        let snapshot = config.snapshot().clone();
        // Bound before the engine starts, so that no client is served by a gateway that then fails.
        let seat = admin.take_seat(snapshot.admin.as_ref());
        let seat = seat.map_err(RunError::Start)?;
        let proxy = start(config).map_err(|error| RunError::Start(error.to_string()))?;
        let (call, calls) = mpsc::channel(MAX_WAITING_RELOADS);
        let control = Arc::new(Control::new(proxy.handle(), self.source, call));
        control.set_last_look(look);
        for listener in control.listeners().iter() {
            announce_listener(listener);
        }
        admin.move_to(seat, &control);
        let ready = Ready {
            listeners: control.listeners(),
            admin: admin.address(),
        };
        let started_with = snapshot.runtime.clone();
        tokio::spawn(reload::serve(control.clone(), calls, admin, started_with));
        if self.watch {
            tokio::spawn(watch::watch(control.clone()));
        }
        let end = wait_elsewhere(proxy)?;
        let generation = control.handle().generation();
        announce_ready(generation.map_or(0, |generation| generation.number));
        if let Some(greet) = self.greet {
            greet(&ready);
        }
        let drained = obey(&control, signals, end, self.drain_on_hangup).await;
        Ok(Ended {
            requests_cut: drained.requests_cut,
        })
    }
}

/// Waits for the end on a thread of its own, because waiting blocks.
fn wait_elsewhere(proxy: Proxy) -> Result<oneshot::Receiver<Drained>, RunError> {
    let (ended, end) = oneshot::channel();
    let thread = std::thread::Builder::new().name("end".into());
    let spawned = thread.spawn(move || {
        let _nobody_waits = ended.send(proxy.run());
    });
    match spawned {
        Ok(_detached) => Ok(end),
        Err(error) => Err(RunError::Start(format!("starting a thread: {error}"))),
    }
}

/// Does what signals say until the engine has drained.
async fn obey(
    control: &Arc<Control>,
    mut signals: Signals,
    mut end: oneshot::Receiver<Drained>,
    drain_on_hangup: bool,
) -> Drained {
    let mut told_to_drain = false;
    loop {
        let order = tokio::select! {
            // The thread ends after it has sent, so there is always something to receive.
            drained = &mut end => return drained.unwrap_or(Drained { requests_cut: 0 }),
            order = signals.next() => order,
        };
        match order {
            Order::Reload if !drain_on_hangup => {
                reopen_log(control);
                let control = control.clone();
                // What came of it is told by the reload.
                tokio::spawn(async move { drop(control.reload().await) });
            }
            Order::ReopenLog => reopen_log(control),
            Order::Reload | Order::Drain => {
                // Only a second *signal* is impatience: an orchestrator may well say `POST /drain`
                // and then SIGTERM.
                if told_to_drain {
                    log::warn!("a second signal: cutting what is left");
                    control.handle().drain();
                } else {
                    log::info!("draining");
                    control.drain();
                }
                told_to_drain = true;
            }
        }
    }
}

fn reopen_log(control: &Arc<Control>) {
    let control = control.clone();
    // The engine's lock may be held by a reload.
    tokio::task::spawn_blocking(move || control.handle().reopen_log());
}
