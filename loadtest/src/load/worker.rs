//! One worker thread's share of a run. Entered once by each thread; it spawns the slots' tasks, keeps
//! the watch over their connections, and is done when the last of them is.

use std::iter;
use std::rc::Rc;
use std::sync::Barrier;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use monoio::task::JoinHandle;

use super::closed::{Shift, keep_busy};
use super::desk::Desk;
use super::ledger::{Ledger, Page};
use super::open::{Shop, pace, serve};
use super::plan::{Mode, Plan};
use crate::cli::Error;
use crate::client::{Dialer, Slot};
use crate::rt::{self, Alarm};

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
    let work = async {
        start.wait();
        let (began, cpu_before) = (Instant::now(), rt::thread_cpu_time());
        let ledger = Rc::new(Ledger::new(number, began, plan.kinds.len(), pages));
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
    let target = (plan.target.clone(), plan.protocol);
    let dialer = Rc::new(Dialer::new(target, plan.reuse, plan.timeout, last_call));
    let connections = plan.part(number, u64::from(plan.connections));
    let slots = Slot::all(&dialer, connections);
    let tasks = match &plan.mode {
        Mode::Closed { duration, requests } => {
            let end = ledger.start() + *duration;
            let budget = requests.map(|count| plan.part(number, count));
            let shift = Shift::new(end, budget, plan.requests(), Rc::clone(ledger));
            closed_loop(slots, shift)
        }
        Mode::Open { schedule, queue } => {
            let offsets = schedule.offsets(number as u64, plan.worker_count() as u64);
            let desk = Desk::new(offsets, plan.part(number, *queue), Rc::clone(ledger));
            let shop = Shop::new(desk, plan.requests(), Rc::clone(ledger));
            open_loop(slots, shop, number)?
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
    ledger.close(dialer.connects());
    Ok(())
}

fn closed_loop(slots: Vec<Slot>, shift: Shift) -> Vec<JoinHandle<()>> {
    let shift = Rc::new(shift);
    let busy = |slot| monoio::spawn(keep_busy(slot, Rc::clone(&shift)));
    slots.into_iter().map(busy).collect()
}

fn open_loop(slots: Vec<Slot>, shop: Shop, number: usize) -> Result<Vec<JoinHandle<()>>, Error> {
    let shop = Rc::new(shop);
    let alarm = Alarm::new()
        .map_err(|error| Error::Run(format!("worker {number} cannot have a timer: {error}")))?;
    let pacer = monoio::spawn(pace(Rc::clone(&shop), alarm));
    let serving = slots
        .into_iter()
        .map(|slot| monoio::spawn(serve(slot, Rc::clone(&shop))));
    Ok(iter::once(pacer).chain(serving).collect())
}

async fn turn_pages(ledger: &Ledger) {
    loop {
        monoio::time::sleep(PAGE_PAUSE).await;
        ledger.turn_page(Instant::now());
    }
}
