//! What the rooms of the control side share: the engine's handle, where the configuration comes
//! from, and what became of the last reload. It decides nothing; whoever wants a reload or a drain
//! asks here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use corelane_engine::telemetry::MetricsReport;
use corelane_engine::{Bound, Handle};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use crate::reload::{Refused, Reloaded};
use crate::source::Source;
use crate::watch::Look;

/// Answers one call for a reload.
pub(crate) type Waiting = oneshot::Sender<Result<Reloaded, Arc<Refused>>>;

/// The control side of one running gateway.
#[derive(Debug)]
pub(crate) struct Control {
    handle: Handle,
    source: Source,
    reloads: mpsc::Sender<Waiting>,
    state: Mutex<State>,
    /// One report at a time: each makes every worker stop for a moment.
    reporting: AsyncMutex<()>,
}

/// What changes while the gateway runs.
#[derive(Debug, Default)]
struct State {
    listeners: Arc<[Bound]>,
    /// What the files looked like just before they were read last.
    look: Look,
    last_refusal: Option<(SystemTime, Arc<Refused>)>,
}

impl Control {
    pub(crate) fn new(handle: Handle, source: Source, reloads: mpsc::Sender<Waiting>) -> Self {
        let state = State {
            listeners: handle.listeners().into(),
            ..State::default()
        };
        Self {
            handle,
            source,
            reloads,
            state: Mutex::new(state),
            reporting: AsyncMutex::new(()),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Reads the configuration again and puts it into use. Calls that come while others wait share
    /// one reload.
    ///
    /// # Errors
    /// When it was refused; then the old configuration goes on.
    pub(crate) async fn reload(&self) -> Result<Reloaded, Arc<Refused>> {
        let (answer, answered) = oneshot::channel();
        if self.reloads.try_send(answer).is_err() {
            return Err(Arc::new(Refused::Busy));
        }
        let answered = answered.await;
        answered.unwrap_or_else(|_gone| Err(Arc::new(Refused::Draining)))
    }

    /// Begins to drain, unless that has begun already.
    pub(crate) fn drain(&self) {
        if self.handle.is_serving() {
            self.handle.drain();
        }
    }

    /// The numbers of all workers. Takes up to a second when one of them is stuck.
    pub(crate) async fn report(&self) -> MetricsReport {
        let _one_at_a_time = self.reporting.lock().await;
        let handle = self.handle.clone();
        let report = tokio::task::spawn_blocking(move || handle.report());
        report.await.unwrap_or_default() // the program ends
    }

    /// The addresses that were bound when the configuration in use was published.
    pub(crate) fn listeners(&self) -> Arc<[Bound]> {
        self.with(|state| state.listeners.clone())
    }

    pub(crate) fn set_listeners(&self, listeners: Arc<[Bound]>) {
        self.with(|state| state.listeners = listeners);
    }

    /// What the files looked like just before they were read last.
    pub(crate) fn last_look(&self) -> Look {
        self.with(|state| state.look.clone())
    }

    pub(crate) fn set_last_look(&self, look: Look) {
        self.with(|state| state.look = look);
    }

    /// The last reload's refusal and its time; `None` when the last one went well.
    pub(crate) fn last_refusal(&self) -> Option<(SystemTime, Arc<Refused>)> {
        self.with(|state| state.last_refusal.clone())
    }

    pub(crate) fn set_last_refusal(&self, refusal: Option<Arc<Refused>>) {
        self.with(|state| state.last_refusal = refusal.map(|why| (SystemTime::now(), why)));
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
