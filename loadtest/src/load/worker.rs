//! One worker thread's share of a run. Entered once by each thread; it spawns the connections, keeps
//! the watch over them, and returns the thread's numbers when the last of them is done.

use std::rc::Rc;
use std::sync::Barrier;
use std::time::Instant;

use super::closed::{Shift, keep_busy};
use super::plan::Plan;
use super::tally::Tally;
use crate::cli::Error;
use crate::rt;
use crate::rt::watch::Watch;

/// What one worker brings home.
#[derive(Debug)]
pub(super) struct Shiftwork {
    pub(super) tally: Tally,
    /// The share of the time that the thread was running, where it is known.
    pub(super) busy: Option<f64>,
}

/// Runs worker `number`'s share of the plan, from the moment that all workers are ready.
///
/// # Errors
/// When this thread cannot have its ring.
pub(super) fn work(plan: &Plan, number: usize, start: &Barrier) -> Result<Shiftwork, Error> {
    let work = async {
        start.wait();
        let (began, cpu_before) = (Instant::now(), rt::thread_cpu_time());
        let tally = run_share(plan, number, began).await;
        let busy = rt::thread_cpu_time()
            .zip(cpu_before)
            .map(|(after, before)| (after - before).as_secs_f64() / began.elapsed().as_secs_f64());
        Shiftwork { tally, busy }
    };
    plan.driver
        .block_on(work)
        .map_err(|error| Error::Run(format!("worker {number} cannot start: {error}")))
}

async fn run_share(plan: &Plan, number: usize, start: Instant) -> Tally {
    let share = plan.share(number);
    let plan = Rc::new(plan.clone());
    let shift = Rc::new(Shift::new(&plan, share.requests, start));
    let watch = Watch::default();
    let connections: Vec<_> = (0..share.connections)
        .map(|_| {
            let connection = keep_busy(Rc::clone(&plan), Rc::clone(&shift), watch.enter());
            monoio::spawn(connection)
        })
        .collect();
    let all_done = async {
        for connection in connections {
            connection.await;
        }
    };
    // Neither branch holds an operation of its own: the connections are tasks, the patrol a timer.
    monoio::select! {
        () = all_done => {}
        () = watch.patrol(plan.timeout, shift.last_call()) => {}
    }
    shift.take_tally()
}
