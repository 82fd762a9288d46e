//! The open loop: requests are due by a schedule, whatever becomes of those before them, as those of
//! many independent users are. Each takes a free slot or waits for one, and its latency counts from when
//! it was due, so that the time that a stalled target makes others wait is seen (no coordinated omission).

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::desk::Desk;
use super::ledger::Ledger;
use crate::client::{Failure, Slot};
use crate::request::Request;
use crate::rt::Alarm;
use crate::tally::record;

/// The shortest wait of the pacer. Rates at which requests are due more often are sent in small
/// batches; waking for each would cost more than sending it does.
const PACE: Duration = Duration::from_micros(20);

/// What a worker's slots share.
#[derive(Debug)]
pub(super) struct Shop {
    desk: Desk,
    requests: Vec<Request>,
    ledger: Rc<Ledger>,
}

impl Shop {
    /// A shop whose desk hands out the numbers of these requests.
    pub(super) fn new(desk: Desk, requests: Vec<Request>, ledger: Rc<Ledger>) -> Self {
        Self {
            desk,
            requests,
            ledger,
        }
    }
}

/// Looks at the desk whenever a request falls due, until the schedule is over.
pub(super) async fn pace(shop: Rc<Shop>, mut alarm: Alarm) {
    loop {
        let now = Instant::now();
        let Some(next) = shop.desk.look(now) else {
            return;
        };
        let wait = next.saturating_duration_since(now).max(PACE);
        if alarm.wait(wait).await.is_err() {
            // No kernel refuses what it has granted before; a coarse timer is better than none.
            monoio::time::sleep(wait).await;
        }
    }
}

/// Serves requests with one slot until there will be no more.
pub(super) async fn serve(mut slot: Slot, shop: Rc<Shop>) {
    while let Some(ticket) = shop.desk.take().await {
        let sent = Instant::now();
        let request = &shop.requests[ticket.kind];
        let outcome = slot.exchange(request, sent).await;
        let now = Instant::now();
        let mut tally = shop.ledger.tally(now);
        let kind = &mut tally.kinds[ticket.kind];
        match outcome {
            Ok(reply) => {
                if kind.count_reply(&reply, now - ticket.due) {
                    record(&mut kind.service, now - sent);
                }
                tally.last_reply = now - shop.ledger.start();
            }
            Err(Failure::Stopped) => {
                kind.count_unfinished(now - ticket.due);
                drop(tally);
                return shop.desk.close(now);
            }
            Err(failure) => kind.count_failure(&failure),
        }
        drop(tally);
        shop.desk.look(now);
    }
}
