//! The closed loop: every slot sends its next request as soon as the last reply has come, so that the
//! target sets the pace. Latency under a closed loop leaves out the time that requests would have
//! waited for a stalled target; it compares like with like and promises nothing more.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use crate::client::Slot;
use crate::scenario::Mix;

/// How long a slot rests after a failure: a target that is down is asked again a hundred times a
/// second by each, not as often as the core can.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// What a worker's slots share: the limits of the run and the numbers.
#[derive(Debug)]
pub(super) struct Shift {
    end: Instant,
    /// Requests that may still be started; `None` is without bound.
    budget: Cell<Option<u64>>,
    mix: Mix,
    ledger: Rc<Ledger>,
}

impl Shift {
    /// A shift until `end` with so many requests to hand out.
    pub(super) fn new(end: Instant, budget: Option<u64>, mix: Mix, ledger: Rc<Ledger>) -> Self {
        Self {
            end,
            budget: Cell::new(budget),
            mix,
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

/// Keeps slot number `number` of the run busy until the shift is over.
pub(super) async fn keep_busy(mut slot: Slot, number: u64, shift: Rc<Shift>) {
    let Shift { mix, ledger, .. } = &*shift;
    let mut begun = Instant::now();
    while shift.take_turn(begun) {
        let kind = mix.choose();
        let outcome = slot.exchange(&mix.draw(kind, number), begun).await;
        let now = Instant::now();
        let pause = match outcome {
            Ok(reply) => {
                let verdict = mix.judge(kind, &reply, slot.kept());
                ledger.set_last_reply(now);
                let mut tally = ledger.kind(kind, now);
                tally.due += 1;
                tally.count_reply(&reply, verdict, now - begun);
                mix.think(kind)
            }
            Err(failure) => {
                let mut tally = ledger.kind(kind, now);
                tally.due += 1;
                tally.count_failure(&failure);
                Some(RETRY_PAUSE)
            }
        };
        begun = match pause {
            None => now,
            Some(pause) => {
                monoio::time::sleep(pause.min(shift.end.saturating_duration_since(now))).await;
                Instant::now()
            }
        };
    }
    slot.close().await;
}
