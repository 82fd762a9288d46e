//! The closed loop: every connection sends its next request as soon as the last reply has come, so
//! that the target sets the pace. Latency under a closed loop leaves out the time that requests
//! would have waited for a stalled target; it compares like with like and promises nothing more.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::{Client, Failure};
use super::plan::Plan;
use super::tally::Tally;
use crate::rt::watch::Entry;

/// How long a connection rests after a failure: a target that is down is asked again a hundred times
/// a second by each connection, not as often as the core can.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// What a worker's connections share: the limits of the run and the numbers.
#[derive(Debug)]
pub(super) struct Shift {
    start: Instant,
    end: Instant,
    last_call: Instant,
    timeout: Duration,
    /// Requests that may still be started; `None` is without bound.
    budget: Cell<Option<u64>>,
    tally: RefCell<Tally>,
}

impl Shift {
    /// A shift that begins at `start` with so many requests to hand out.
    pub(super) fn new(plan: &Plan, requests: Option<u64>, start: Instant) -> Self {
        Self {
            start,
            end: start + plan.duration,
            last_call: start + plan.last_call(),
            timeout: plan.timeout,
            budget: Cell::new(requests),
            tally: RefCell::default(),
        }
    }

    /// When everything still under way is cut off.
    pub(super) fn last_call(&self) -> Instant {
        self.last_call
    }

    /// The numbers, when no connection uses them any more.
    pub(super) fn take_tally(&self) -> Tally {
        self.tally.take()
    }

    /// Takes one request from the budget; false when the shift is over.
    fn take_turn(&self, now: Instant) -> bool {
        if now >= self.end || self.budget.get() == Some(0) {
            return false;
        }
        self.budget.set(self.budget.get().map(|left| left - 1));
        true
    }
}

/// Keeps one connection busy until the shift is over, opening it anew whenever it ends.
pub(super) async fn keep_busy(plan: Rc<Plan>, shift: Rc<Shift>, entry: Rc<Entry>) {
    while shift.take_turn(Instant::now()) {
        if let Err(failure) = use_connection(&plan, &shift, &entry).await {
            shift.tally.borrow_mut().count_failure(&failure);
            monoio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// Opens a connection and sends requests until it or the shift ends. The first turn is the caller's,
/// so that no connection is opened without a request for it, and a connect that fails uses one up.
async fn use_connection(plan: &Plan, shift: &Shift, entry: &Rc<Entry>) -> Result<(), Failure> {
    let deadline = (Instant::now() + shift.timeout).min(shift.last_call);
    let mut client = Client::connect(plan, entry, deadline).await?;
    shift.tally.borrow_mut().connects += 1;
    let mut begun = Instant::now();
    loop {
        entry.set_busy(Some(begun));
        let reply = client.exchange().await?;
        let now = Instant::now();
        let mut tally = shift.tally.borrow_mut();
        tally.count_reply(&reply, now - begun, now - shift.start);
        if !reply.keep_alive || !shift.take_turn(now) {
            return Ok(());
        }
        begun = now;
    }
}
