//! The load: sends requests and counts what comes back. Entered by `main` with a plan; it returns
//! numbers and prints nothing.
//!
//! `plan` is what was asked for, within `bounds`; `closed` and `open` decide when the next request starts
//! (as soon as the last has ended, or when the schedule says so, over a `desk`); `worker` runs one thread's share of it, `ledger` keeps a worker's numbers second by second,
//! and `collector` puts those of all workers together.

mod bounds;
mod closed;
mod collector;
mod desk;
mod ledger;
mod open;
mod plan;
mod worker;

use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

pub(crate) use plan::Plan;

use crate::cli::Error;
use crate::rt;
use crate::tally::{KindTally, Row, Tally};
use collector::Collected;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct RunResult {
    /// Everything counted, over all workers.
    pub(crate) tally: Tally,
    /// All kinds of requests together.
    pub(crate) total: KindTally,
    /// The run second by second.
    pub(crate) series: Vec<Row>,
    /// From the common start to the last reply, and to the end of a run that lasts for a given time.
    pub(crate) elapsed: Duration,
    /// The share of its time that each worker's thread was running, 0 to 1, where it is known. A
    /// worker near 1 was the limit, not what it measured.
    pub(crate) busy: Vec<f64>,
}

/// Carries out a plan and waits for its end. Each second that is over is shown to `on_row`, on a thread
/// of its own.
///
/// # Errors
/// What kept a worker from starting; a target that refuses connections is counted, not an error.
pub(crate) fn run(
    plan: &Plan,
    on_row: impl FnMut(&Row) + Send + 'static,
) -> Result<RunResult, Error> {
    let (workers, kinds) = (plan.worker_count(), plan.scenario.kinds.len());
    let start = Barrier::new(workers);
    let shared = Arc::new(plan.clone());
    let (sender, pages) = mpsc::channel();
    let cpu = plan.workers.cpu.first().copied();
    let collecting = thread::Builder::new()
        .name("collector".to_owned())
        .spawn(move || {
            // Best beside a worker: the other CPUs may be those of what is measured. If it cannot be
            // had, the worker will say so.
            drop(rt::pin(cpu));
            collector::collect(&pages, workers, kinds, on_row)
        })
        .map_err(|error| Error::Run(format!("cannot start the collector: {error}")))?;
    let busy = rt::on_each_worker(&plan.workers, move |number| {
        worker::work(&shared, number, &start, sender.clone())
    })?;
    let collected = collecting
        .join()
        .map_err(|_| Error::Run("the collector panicked".to_owned()))?;
    Ok(RunResult::new(plan, collected, busy))
}

impl RunResult {
    fn new(plan: &Plan, collected: Collected, busy: Vec<Option<f64>>) -> Self {
        let Collected { tally, series } = collected;
        Self {
            total: tally.total(),
            // A target that died early must not look fast.
            elapsed: tally.last_reply.max(plan.planned()),
            tally,
            series,
            busy: busy.into_iter().flatten().collect(),
        }
    }
}
