//! One worker thread's share of a run. Entered once by each thread; it spawns the slots' tasks, keeps
//! the watch over their connections, and is done when the last of them is.

use std::rc::Rc;
use std::sync::Barrier;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::closed::{Shift, keep_busy};
use super::ledger::{Ledger, Page};
use super::plan::Plan;
use crate::cli::Error;
use crate::client::{Dialer, Slot};
use crate::rt;

/// How often a worker looks whether a second is over while nothing happens.
const PAGE_PAUSE: Duration = Duration::from_millis(50);

/// Runs worker `number`'s share of the plan, from the moment that all workers are ready. Returns the
/// share of the time that the thread was running, where it is known.
///
/// # Errors
/// When this thread cannot have its ring.
pub(super) fn work(
    plan: &Plan,
    number: usize,
    start: &Barrier,
    pages: Sender<Page>,
) -> Result<Option<f64>, Error> {
    let work = async {
        start.wait();
        let (began, cpu_before) = (Instant::now(), rt::thread_cpu_time());
        let ledger = Rc::new(Ledger::new(number, began, plan.kinds.len(), pages));
        run_share(plan, number, &ledger).await;
        rt::thread_cpu_time()
            .zip(cpu_before)
            .map(|(after, before)| (after - before).as_secs_f64() / began.elapsed().as_secs_f64())
    };
    plan.driver
        .block_on(work)
        .map_err(|error| Error::Run(format!("worker {number} cannot start: {error}")))
}

async fn run_share(plan: &Plan, number: usize, ledger: &Rc<Ledger>) {
    let share = plan.share(number);
    let (start, last_call) = (ledger.start(), ledger.start() + plan.last_call());
    let target = (plan.target.clone(), plan.protocol);
    let dialer = Rc::new(Dialer::new(target, plan.reuse, plan.timeout, last_call));
    let end = start + plan.duration;
    let shift = Shift::new(end, share.requests, plan.requests(), Rc::clone(ledger));
    let shift = Rc::new(shift);
    let tasks: Vec<_> = Slot::all(&dialer, share.connections)
        .into_iter()
        .map(|slot| monoio::spawn(keep_busy(slot, Rc::clone(&shift))))
        .collect();
    let all_done = async {
        for task in tasks {
            task.await;
        }
    };
    // No branch holds an operation of its own: the slots are tasks, the others timers.
    monoio::select! {
        () = all_done => {}
        () = dialer.patrol() => {}
        () = turn_pages(ledger) => {}
    }
    ledger.close(dialer.connects());
}

async fn turn_pages(ledger: &Ledger) {
    loop {
        monoio::time::sleep(PAGE_PAUSE).await;
        ledger.turn_page(Instant::now());
    }
}
