//! Where requests that are due meet slots that are free. Entered by the pacer and by the slots of one
//! worker; it knows the schedule and no connection.
//!
//! Whoever comes by puts down what has fallen due meanwhile, so that a worker with work to do needs no
//! timer to notice it. Requests wait in order, and so do slots: the one that has been free for the
//! longest is next, which spreads the load over all connections.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use super::ledger::Ledger;
use crate::scenario::Mix;
use crate::schedule::Offsets;
use crate::tally::{ErrorKind, record};

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    /// When it fell due.
    pub(super) due: Instant,
    /// Its kind's number.
    pub(super) kind: usize,
}

/// The schedule, the queue of requests and the queue of slots.
#[derive(Debug)]
pub(super) struct Desk {
    offsets: RefCell<Offsets>,
    next: Cell<Option<Instant>>,
    waiting: RefCell<VecDeque<Ticket>>,
    waiting_max: u64,
    free: RefCell<VecDeque<Waker>>,
    mix: Rc<Mix>,
    ledger: Rc<Ledger>,
}

impl Desk {
    /// A desk that hands out requests of `mix` at these offsets from the ledger's start, and lets at
    /// most `waiting_max` of them wait for a slot.
    pub(super) fn new(
        mut offsets: Offsets,
        waiting_max: u64,
        mix: Rc<Mix>,
        ledger: Rc<Ledger>,
    ) -> Self {
        let next = offsets.next().map(|offset| ledger.start() + offset);
        Self {
            offsets: RefCell::new(offsets),
            next: Cell::new(next),
            waiting: RefCell::default(),
            waiting_max,
            free: RefCell::default(),
            mix,
            ledger,
        }
    }

    /// Puts down everything that has fallen due until `now`, and calls free slots for it. Returns when
    /// the next one falls due; `None` when there is no further one.
    pub(super) fn look(&self, now: Instant) -> Option<Instant> {
        while let Some(due) = self.next.get().filter(|&due| due <= now) {
            self.put(due, now);
            let next = self.offsets.borrow_mut().next();
            self.next
                .set(next.map(|offset| self.ledger.start() + offset));
        }
        if self.next.get().is_none() {
            // Nothing more will come: whoever waits shall see it.
            self.free.borrow_mut().drain(..).for_each(Waker::wake);
        }
        self.next.get()
    }

    /// The next request for a slot that is free; `None` when there will be none.
    pub(super) async fn take(&self) -> Option<Ticket> {
        poll_fn(|cx| {
            if let Some(ticket) = self.waiting.borrow_mut().pop_front() {
                return Poll::Ready(Some(ticket));
            }
            if self.next.get().is_none() {
                return Poll::Ready(None);
            }
            self.free.borrow_mut().push_back(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The run is over: what is due and was not sent never will be. To be called once a slot has
    /// been told so, since nothing waits while a slot is free.
    pub(super) fn close(&self, now: Instant) {
        self.look(now);
        let mut tally = self.ledger.tally(now);
        for ticket in self.waiting.borrow_mut().drain(..) {
            tally.kinds[ticket.kind].count_unfinished(now - ticket.due);
        }
    }

    fn put(&self, due: Instant, now: Instant) {
        let kind = self.mix.choose();
        let ticket = Ticket { due, kind };
        let mut tally = self.ledger.tally(now);
        record(&mut tally.lag, now - due);
        let kind = &mut tally.kinds[kind];
        kind.due += 1;
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() as u64 >= self.waiting_max {
            kind.errors.count(ErrorKind::NotSent, || {
                format!("{} requests were waiting for a slot", self.waiting_max)
            });
            return;
        }
        waiting.push_back(ticket);
        if let Some(slot) = self.free.borrow_mut().pop_front() {
            slot.wake();
        }
    }
}
