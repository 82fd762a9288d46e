//! One worker thread's share of a run. Entered once by each thread; it spawns the slots' tasks, keeps
//! the watch over their connections, and is done when the last of them is.

use std::iter;
use std::rc::Rc;
use std::sync::Barrier;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::closed::{Shift, keep_busy};
use super::desk::Desk;
use super::ledger::{Ledger, Page};
use super::open::{Shop, pace, serve};
use super::plan::{Mode, Plan};
use crate::cli::Error;
use crate::client::{Dialer, Slot};
use crate::rt::{self, Alarm};
use crate::tls;

/// How often a worker looks whether a second is over while nothing happens.
const PAGE_PAUSE: Duration = Duration::from_millis(50);

/// Runs worker `number`'s share of the plan, from the moment that all workers are ready. Returns the
/// share of the time that the thread was running, where it is known.
///
/// # Errors
/// When this thread cannot have its ring or its timer.
pub(super) fn work(
    plan: &Plan,
    number: usize,
    start: &Barrier,
    pages: Sender<Page>,
) -> Result<Option<f64>, Error> {
    if plan.tls.is_some() {
        tls::prepare_thread();
    }
    let work = async {
        start.wait();
        let (began, cpu_before) = (Instant::now(), rt::thread_cpu_time());
        let ledger = Rc::new(Ledger::new(number, began, plan.scenario.kinds.len(), pages));
        run_share(plan, number, &ledger).await?;
        Ok(rt::thread_cpu_time()
            .zip(cpu_before)
            .map(|(after, before)| (after - before).as_secs_f64() / began.elapsed().as_secs_f64()))
    };
    plan.driver
        .block_on(work)
        .map_err(|error| Error::Run(format!("worker {number} cannot start: {error}")))?
}

async fn run_share(plan: &Plan, number: usize, ledger: &Rc<Ledger>) -> Result<(), Error> {
    let last_call = ledger.start() + plan.last_call();
    let dialer = Rc::new(Dialer::new(plan.approach(), plan.timeout, last_call));
    let connections = plan.part(number, u64::from(plan.connections));
    let slots = Slot::all(&dialer, connections);
    let part = (number as u64, plan.worker_count() as u64);
    let numbered = (part.0..).step_by(plan.worker_count()).zip(slots);
    let mix = plan.mix(part);
    let tasks: Vec<_> = match &plan.mode {
        Mode::Closed { duration, requests } => {
            let end = ledger.start() + *duration;
            let budget = requests.map(|count| plan.part(number, count));
            let shift = Rc::new(Shift::new(end, budget, mix, Rc::clone(ledger)));
            numbered
                .map(|(number, slot)| monoio::spawn(keep_busy(slot, number, Rc::clone(&shift))))
                .collect()
        }
        Mode::Open { schedule, queue } => {
            let offsets = schedule.offsets(part.0, part.1);
            let (mix, queue) = (Rc::new(mix), plan.part(number, *queue));
            let desk = Desk::new(offsets, queue, Rc::clone(&mix), Rc::clone(ledger));
            let shop = Rc::new(Shop::new(desk, mix, Rc::clone(ledger)));
            let alarm = Alarm::new().map_err(|error| {
                Error::Run(format!("worker {number} cannot have a timer: {error}"))
            })?;
            let end = ledger.start() + plan.planned();
            let pacer = monoio::spawn(pace(Rc::clone(&shop), alarm, end));
            let serving =
                numbered.map(|(number, slot)| monoio::spawn(serve(slot, number, Rc::clone(&shop))));
            iter::once(pacer).chain(serving).collect()
        }
    };
    let all_done = async {
        for task in tasks {
            task.await;
        }
    };
    // No branch holds an operation of its own: the loops are tasks, the others timers.
    monoio::select! {
        () = all_done => {}
        () = dialer.patrol() => {}
        () = turn_pages(ledger) => {}
    }
    ledger.close(Instant::now(), dialer.connections());
    Ok(())
}

async fn turn_pages(ledger: &Ledger) {
    loop {
        monoio::time::sleep(PAGE_PAUSE).await;
        ledger.turn_page(Instant::now());
    }
}
