//! One worker's numbers while they are counted. Entered by the loops with every outcome; once a second
//! it publishes what the second came to and begins the next, so that a request is recorded once and
//! everything else is done where it costs the loop nothing.

use std::cell::{Cell, RefCell, RefMut};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::tally::{Connections, KindTally, Tally};

/// The length of a row of the series.
const SECOND: Duration = Duration::from_secs(1);

/// What a worker tells the collector.
#[derive(Debug)]
pub(super) struct Page {
    /// Who tells it.
    pub(super) worker: usize,
    /// The second that it is about; all seconds before it are told, too.
    pub(super) second: u32,
    /// Whether the second was over.
    pub(super) is_whole: bool,
    /// What was counted.
    pub(super) tally: Tally,
}

/// The numbers of the present second.
#[derive(Debug)]
pub(super) struct Ledger {
    worker: usize,
    start: Instant,
    second: Cell<u32>,
    second_end: Cell<Instant>,
    last_reply: Cell<Instant>,
    tally: RefCell<Tally>,
    pages: Sender<Page>,
}

impl Ledger {
    /// An empty ledger for a run that begins at `start`.
    pub(super) fn new(worker: usize, start: Instant, kinds: usize, pages: Sender<Page>) -> Self {
        Self {
            worker,
            start,
            second: Cell::new(0),
            second_end: Cell::new(start + SECOND),
            last_reply: Cell::new(start),
            tally: RefCell::new(Tally::new(kinds)),
            pages,
        }
    }

    /// When the run began.
    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// The tally of the second that `now` is in.
    pub(super) fn tally(&self, now: Instant) -> RefMut<'_, Tally> {
        self.turn_page(now);
        self.tally.borrow_mut()
    }

    /// The numbers of a kind in the second that `now` is in.
    pub(super) fn kind(&self, number: usize, now: Instant) -> RefMut<'_, KindTally> {
        RefMut::map(self.tally(now), |tally| &mut tally.kinds[number])
    }

    /// A complete reply has come at `now`.
    pub(super) fn set_last_reply(&self, now: Instant) {
        self.last_reply.set(now);
    }

    /// Publishes the second that is over, if one is: to be called now and then when nothing happens.
    pub(super) fn turn_page(&self, now: Instant) {
        // The one comparison that each outcome pays for.
        if now >= self.second_end.get() {
            let since_start = now.saturating_duration_since(self.start);
            let second = u32::try_from(since_start.as_secs()).unwrap_or(u32::MAX);
            self.publish(true);
            self.second.set(second);
            self.second_end.set(self.start + SECOND * (second + 1));
        }
    }

    /// Publishes what is left, when the worker has done its share.
    pub(super) fn close(&self, now: Instant, connections: Connections) {
        self.tally(now).connections = connections;
        self.publish(false);
    }

    fn publish(&self, is_whole: bool) {
        self.tally.borrow_mut().last_reply = self.last_reply.get() - self.start;
        let kinds = self.tally.borrow().kinds.len();
        let page = Page {
            worker: self.worker,
            second: self.second.get(),
            is_whole,
            tally: self.tally.replace(Tally::new(kinds)),
        };
        // Nobody listens any more when another worker has failed and the process is about to end.
        drop(self.pages.send(page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn each_second_is_a_page_and_silent_ones_are_passed_over() {
        let (sender, pages) = mpsc::channel();
        let start = Instant::now();
        let ledger = Ledger::new(3, start, 2, sender);
        let at = |millis| start + Duration::from_millis(millis);
        ledger.kind(1, at(0)).due += 1;
        ledger.kind(1, at(999)).due += 1;
        ledger.kind(0, at(1000)).due += 1;
        ledger.turn_page(at(4200));
        ledger.kind(0, at(4300)).due += 5;
        let connections = Connections {
            opened: 7,
            ..Connections::default()
        };
        ledger.close(at(5100), connections);
        drop(ledger);
        let told: Vec<_> = pages
            .iter()
            .map(|page| {
                let due = page.tally.kinds.iter().map(|kind| kind.due).collect();
                assert_eq!(page.worker, 3);
                let opened = page.tally.connections.opened;
                (page.second, page.is_whole, due, opened)
            })
            .collect();
        let expected: [(u32, bool, Vec<u64>, u64); 4] = [
            (0, true, vec![0, 2], 0),
            (1, true, vec![1, 0], 0),
            (4, true, vec![5, 0], 0),
            (5, false, vec![0, 0], 7),
        ];
        assert_eq!(told, expected);
    }
}
