//! The load: sends requests over keep-alive connections and counts what comes back. Entered by
//! `main` with a plan; it returns numbers and prints nothing.
//!
//! `plan` is what was asked for, `client` makes one exchange on one connection, `closed` decides when
//! the next one starts (as soon as the last has ended), `worker` runs one thread's share of it, and
//! `tally` holds the numbers. An open loop would be a sibling of `closed`, another protocol one of
//! `client`.

mod client;
mod closed;
mod plan;
mod tally;
mod worker;

use std::sync::{Arc, Barrier};
use std::time::Duration;

pub(crate) use plan::Plan;
pub(crate) use tally::Tally;

use crate::cli::Error;
use crate::rt;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct RunResult {
    /// Everything counted, over all workers.
    pub(crate) tally: Tally,
    /// From the common start to the last reply.
    pub(crate) elapsed: Duration,
    /// The share of its time that each worker's thread was running, 0 to 1, where it is known. A
    /// worker near 1 was the limit, not what it measured.
    pub(crate) busy: Vec<f64>,
}

/// Carries out a plan and waits for its end.
///
/// # Errors
/// What kept a worker from starting; a target that refuses connections is counted, not an error.
pub(crate) fn run(plan: &Plan) -> Result<RunResult, Error> {
    let workers = plan.worker_count();
    let start = Barrier::new(workers);
    let shared = Arc::new(plan.clone());
    let shifts = rt::on_each_worker(&plan.workers, move |number| {
        worker::work(&shared, number, &start)
    })?;
    let mut result = RunResult {
        tally: Tally::default(),
        elapsed: Duration::ZERO,
        busy: Vec::with_capacity(workers),
    };
    for shift in shifts {
        result.elapsed = result.elapsed.max(shift.tally.last_reply);
        result.tally.merge(&shift.tally);
        result.busy.extend(shift.busy);
    }
    Ok(result)
}
