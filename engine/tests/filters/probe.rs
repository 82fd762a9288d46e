//! A filter that does what a test tells it to, and writes down what it was shown.

use std::collections::HashMap;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use corelane_engine::{
    Chunk, Completed, Filter, FilterError, Flow, LocalReply, RequestCx, ResponseCx, StartError,
    WorkerCx,
};
use serde::Deserialize;

use crate::scenario::eventually;

/// What probes have written, a line for each exchange, by the name of the probe.
static NOTES: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// A name that no other test has.
pub(crate) fn unique() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("probe-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn with_notes<T>(name: &str, f: impl FnOnce(&mut Vec<String>) -> T) -> T {
    let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
    f(notes
        .get_or_insert_default()
        .entry(name.to_owned())
        .or_default())
}

/// Waits until the probe has been told of the end of so many exchanges, and says what it wrote.
pub(crate) fn notes(name: &str, count: usize) -> Vec<String> {
    let told = || with_notes(name, |notes| notes.clone());
    eventually(&format!("{count} exchanges of {name}"), || {
        told().len() >= count
    });
    told()
}

/// Where a probe waits until the test lets it go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Reached,
    Open,
}

static GATES: Mutex<Option<HashMap<String, Gate>>> = Mutex::new(None);

fn gate(name: &str) -> Option<Gate> {
    let gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    gates.as_ref().and_then(|gates| gates.get(name).copied())
}

fn set_gate(name: &str, to: Gate) {
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    gates.get_or_insert_default().insert(name.to_owned(), to);
}

/// Waits until the probe has reached its gate.
pub(crate) fn await_gate(name: &str) {
    eventually("the probe is at its gate", || gate(name).is_some());
}

/// Lets the probe go on.
pub(crate) fn open_gate(name: &str) {
    set_gate(name, Gate::Open);
}

/// What a probe is told.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    id: String,
    /// The hook that does something.
    #[serde(default)]
    on: String,
    /// What it does: `reply`, `fail`, `panic`, `wait`, `wait_and_panic`, `gate`, `block` (the
    /// worker with it).
    #[serde(default)]
    then: String,
}

/// The filter.
pub(crate) struct Probe(Settings);

/// The hooks that an exchange has met, and what they were shown.
#[derive(Default)]
pub(crate) struct Seen {
    hooks: Vec<String>,
    request_bytes: usize,
    response_bytes: usize,
}

impl Probe {
    fn does(&self, hook: &str, what: &str) -> bool {
        self.0.on == hook && self.0.then == what
    }

    fn act(&self, hook: &str) -> Result<(), FilterError> {
        if self.does(hook, "fail") {
            return Err(FilterError::new(503, "the probe says no").because("a secret cause"));
        }
        assert!(!self.does(hook, "panic"), "the probe was told to panic");
        Ok(())
    }

    async fn dawdle(&self, hook: &str) {
        if self.does(hook, "wait") {
            pending::<()>().await;
        }
        if self.does(hook, "wait_and_panic") {
            let _fragile = Fragile;
            pending::<()>().await;
        }
        if self.does(hook, "block") {
            set_gate(&self.0.id, Gate::Reached);
            while gate(&self.0.id) != Some(Gate::Open) {
                std::thread::yield_now();
            }
        }
        if self.does(hook, "gate") {
            set_gate(&self.0.id, Gate::Reached);
            // What was sent before the gate was opened arrives within these turns of the event loop.
            let mut turns = 2000;
            poll_fn(|cx| {
                turns -= i32::from(gate(&self.0.id) == Some(Gate::Open));
                if turns == 0 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }
}

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("the probe was told to panic");
    }
}

impl Filter for Probe {
    const NAME: &'static str = "probe";
    type Config = Settings;
    type State = Seen;

    fn new(config: Settings, _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self(config))
    }

    async fn on_request(
        &self,
        seen: &mut Seen,
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        seen.hooks.push("request".to_owned());
        let order = request.fields().get_named(b"x-order").unwrap_or_default();
        let order = [order, b" ", self.0.id.as_bytes()].concat();
        request.fields_mut().set(b"x-order", order.trim_ascii());
        self.act("request")?;
        self.dawdle("request").await;
        if self.does("request", "reply") {
            let reply = LocalReply::new(401).body("text/plain", "who are you?");
            return Ok(reply.field("x-by", self.0.id.clone()).into());
        }
        Ok(Flow::Continue)
    }

    async fn on_response(
        &self,
        seen: &mut Seen,
        response: &mut ResponseCx<'_>,
    ) -> Result<(), FilterError> {
        seen.hooks.push(format!("response {}", response.status()));
        let order = response.fields().get_named(b"x-order").unwrap_or_default();
        let order = [order, b" ", self.0.id.as_bytes()].concat();
        response.fields_mut().set(b"x-order", order.trim_ascii());
        self.act("response")?;
        self.dawdle("response").await;
        Ok(())
    }

    fn on_request_chunk(&self, seen: &mut Seen, chunk: &mut Chunk<'_>) -> Result<(), FilterError> {
        seen.request_bytes += chunk.bytes().len();
        if chunk.is_last() {
            seen.hooks.push(format!("sent {}", seen.request_bytes));
        }
        self.act("request_chunk")
    }

    fn on_response_chunk(&self, seen: &mut Seen, chunk: &mut Chunk<'_>) -> Result<(), FilterError> {
        seen.response_bytes += chunk.bytes().len();
        if chunk.is_last() {
            seen.hooks.push(format!("received {}", seen.response_bytes));
            self.act("response_end")?;
        }
        self.act("response_chunk")
    }

    fn on_complete(&self, seen: &Seen, completed: &Completed) {
        let Completed {
            outcome, status, ..
        } = completed;
        let line = format!("{}, {outcome} {status}", seen.hooks.join(", "));
        with_notes(&self.0.id, |notes| notes.push(line));
        assert!(
            !self.does("complete", "panic"),
            "the probe was told to panic"
        );
    }
}
