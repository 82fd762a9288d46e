//! The open loop: requests are due by a schedule, whatever becomes of those before them, as those of
//! many independent users are. Each takes a free slot or waits for one, and its latency counts from when
//! it was due, so that the time that a stalled target makes others wait is seen (no coordinated omission).

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::desk::{Desk, Ticket};
use super::ledger::Ledger;
use crate::client::{Failure, Slot};
use crate::rt::Alarm;
use crate::scenario::Mix;
use crate::tally::{Verdict, record};

/// The shortest wait of the pacer. Rates at which requests are due more often are sent in small
/// batches; waking for each would cost more than sending it does.
const PACE: Duration = Duration::from_micros(20);

/// What a worker's slots share.
#[derive(Debug)]
pub(super) struct Shop {
    desk: Desk,
    mix: Rc<Mix>,
    ledger: Rc<Ledger>,
}

impl Shop {
    /// A shop whose desk hands out tickets for the requests of `mix`.
    pub(super) fn new(desk: Desk, mix: Rc<Mix>, ledger: Rc<Ledger>) -> Self {
        Self { desk, mix, ledger }
    }
}

/// Looks at the desk whenever a request falls due, until the schedule is over and it is `end`.
pub(super) async fn pace(shop: Rc<Shop>, mut alarm: Alarm, end: Instant) {
    loop {
        let now = Instant::now();
        let next = match shop.desk.look(now) {
            Some(due) => due,
            None if now < end => end,
            None => return,
        };
        let wait = next.saturating_duration_since(now).max(PACE);
        if alarm.wait(wait).await.is_err() {
            // No kernel refuses what it has granted before; a coarse timer is better than none.
            monoio::time::sleep(wait).await;
        }
    }
}

/// Serves requests with slot number `number` of the run until there will be no more.
pub(super) async fn serve(mut slot: Slot, number: u64, shop: Rc<Shop>) {
    let Shop { desk, mix, ledger } = &*shop;
    while let Some(Ticket { due, kind }) = desk.take().await {
        let sent = Instant::now();
        let outcome = slot.exchange(&mix.draw(kind, number), sent).await;
        let now = Instant::now();
        match outcome {
            Ok(reply) => {
                let verdict = mix.judge(kind, &reply, slot.kept());
                ledger.set_last_reply(now);
                let mut tally = ledger.kind(kind, now);
                if verdict == Verdict::Good {
                    record(&mut tally.service, now - sent);
                }
                tally.count_reply(&reply, verdict, now - due);
            }
            Err(Failure::Stopped) => {
                ledger.kind(kind, now).count_unfinished(now - due);
                return desk.close(now);
            }
            Err(failure) => ledger.kind(kind, now).count_failure(&failure),
        }
        desk.look(now);
    }
    slot.close().await;
}
