//! The closed loop: every slot sends its next request as soon as the last reply has come, so that the
//! target sets the pace. Latency under a closed loop leaves out the time that requests would have
//! waited for a stalled target; it compares like with like and promises nothing more.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use crate::client::Slot;
use crate::request::Request;

/// How long a slot rests after a failure: a target that is down is asked again a hundred times a
/// second by each, not as often as the core can.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// What a worker's slots share: the limits of the run and the numbers.
#[derive(Debug)]
pub(super) struct Shift {
    end: Instant,
    /// Requests that may still be started; `None` is without bound.
    budget: Cell<Option<u64>>,
    requests: Vec<Request>,
    ledger: Rc<Ledger>,
}

impl Shift {
    /// A shift until `end` with so many requests to hand out.
    pub(super) fn new(
        end: Instant,
        budget: Option<u64>,
        requests: Vec<Request>,
        ledger: Rc<Ledger>,
    ) -> Self {
        Self {
            end,
            budget: Cell::new(budget),
            requests,
            ledger,
        }
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

/// Keeps one slot busy until the shift is over.
pub(super) async fn keep_busy(mut slot: Slot, shift: Rc<Shift>) {
    let ledger = &shift.ledger;
    let mut begun = Instant::now();
    while shift.take_turn(begun) {
        let request = &shift.requests[0];
        ledger.kind(request.kind, begun).due += 1;
        let outcome = slot.exchange(request, begun).await;
        let now = Instant::now();
        match outcome {
            Ok(reply) => {
                let mut tally = ledger.tally(now);
                tally.last_reply = now - ledger.start();
                tally.kinds[request.kind].count_reply(&reply, now - begun);
                begun = now;
            }
            Err(failure) => {
                ledger.kind(request.kind, now).count_failure(&failure);
                monoio::time::sleep(RETRY_PAUSE).await;
                begun = Instant::now();
            }
        }
    }
}
