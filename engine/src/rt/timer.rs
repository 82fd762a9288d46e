//! The coarse timer wheel of one worker, and the alarm that each task owns.
//!
//! A task has one [`Alarm`], scheduled at most once at a time, and compares lazily: putting a
//! deadline off costs nothing, because the task is woken at the old one, looks at the clock and
//! sleeps on. The wheel turns when [`Timers::advance`] is called: by the worker's tick task, or by a
//! test that owns the clock. It never reads the kernel's clock itself.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use super::clock::{Clock, Millis, NEVER};

/// Milliseconds per slot: deadlines fire this late at most (plus the loop's lag).
const SLOT_MS: u64 = 8;
/// Slots in the wheel: what is due later than about 8 s waits in the last slot and is looked at again.
const SLOTS: u64 = 1024;

/// All alarms of one worker.
#[derive(Debug)]
pub(crate) struct Timers {
    pub(crate) clock: Clock,
    wheel: RefCell<Wheel>,
    /// Wakes the tick task when an alarm is due before the instant for which it sleeps.
    ticker: RefCell<Option<Waker>>,
    sleeping_until: Cell<Millis>,
}

#[derive(Debug)]
struct Wheel {
    slots: Vec<Vec<Rc<Alarm>>>,
    /// The number (time / SLOT_MS) of the first slot that has not been emptied.
    next_slot: u64,
    scheduled: usize,
    /// Taken out of a slot while its alarms are rung, kept for its capacity.
    ringing: Vec<Rc<Alarm>>,
}

/// The timer of one task, and the flag that ends its waits.
pub(crate) struct Alarm {
    /// When the wheel will look at this alarm; `NEVER` while it is not in the wheel.
    scheduled: Cell<Millis>,
    /// The earliest deadline asked for since the alarm last rang.
    wanted: Cell<Millis>,
    waker: Cell<Option<Waker>>,
    aborted: Cell<bool>,
}

impl Timers {
    pub(crate) fn new(clock: Clock) -> Self {
        let wheel = Wheel {
            slots: (0..SLOTS).map(|_| Vec::new()).collect(),
            next_slot: clock.now_ms() / SLOT_MS,
            scheduled: 0,
            ringing: Vec::new(),
        };
        Self {
            clock,
            wheel: RefCell::new(wheel),
            ticker: RefCell::new(None),
            sleeping_until: Cell::new(NEVER),
        }
    }

    /// Sees to it that `alarm` wakes its task at `deadline` at the latest.
    pub(crate) fn schedule(&self, alarm: &Rc<Alarm>, deadline: Millis) {
        if deadline >= alarm.wanted.get() && alarm.scheduled.get() != NEVER {
            return;
        }
        alarm.wanted.set(deadline);
        if alarm.scheduled.get() <= deadline {
            return;
        }
        let at = self.wheel.borrow_mut().insert(alarm.clone(), deadline);
        if at < self.sleeping_until.get() {
            self.sleeping_until.set(at);
            if let Some(ticker) = self.ticker.take() {
                ticker.wake();
            }
        }
    }

    /// Rings every alarm that is due at `now`.
    pub(crate) fn advance(&self, now: Millis) {
        let last = now / SLOT_MS;
        loop {
            let mut ringing = {
                let mut wheel = self.wheel.borrow_mut();
                if wheel.next_slot > last {
                    return;
                }
                if wheel.scheduled == 0 {
                    wheel.next_slot = last + 1;
                    return;
                }
                wheel.take_next_slot()
            };
            let slot_at = (self.wheel.borrow().next_slot - 1) * SLOT_MS;
            for alarm in ringing.drain(..) {
                // An entry that a nearer deadline has replaced is stale: only the newest one counts.
                if alarm.scheduled.get() == slot_at {
                    self.ring(alarm, now);
                }
            }
            self.wheel.borrow_mut().ringing = ringing;
        }
    }

    fn ring(&self, alarm: Rc<Alarm>, now: Millis) {
        let wanted = alarm.wanted.get();
        alarm.scheduled.set(NEVER);
        if Rc::strong_count(&alarm) == 1 || wanted == NEVER {
            return; // its task has ended, or waits for nothing
        }
        if wanted > now {
            self.wheel.borrow_mut().insert(alarm, wanted);
            return;
        }
        alarm.wanted.set(NEVER);
        alarm.wake();
    }

    /// Lets go of the tick task, which is not needed any more.
    pub(crate) fn forget_ticker(&self) {
        self.ticker.take();
    }

    /// How long the tick task may sleep at `now`, at most `most` milliseconds.
    pub(crate) fn next_tick(&self, now: Millis, most: u64, waker: &Waker) -> Millis {
        let at = self.wheel.borrow().first_due(now + most);
        self.sleeping_until.set(at);
        *self.ticker.borrow_mut() = Some(waker.clone());
        at
    }
}

impl Wheel {
    fn insert(&mut self, alarm: Rc<Alarm>, deadline: Millis) -> Millis {
        // Rounded up, so that an alarm never rings early.
        let due = deadline.div_ceil(SLOT_MS);
        let slot = due.clamp(self.next_slot, self.next_slot + SLOTS - 1);
        let at = slot * SLOT_MS;
        alarm.scheduled.set(at);
        self.slots[(slot % SLOTS) as usize].push(alarm);
        self.scheduled += 1;
        at
    }

    fn take_next_slot(&mut self) -> Vec<Rc<Alarm>> {
        let index = (self.next_slot % SLOTS) as usize;
        self.next_slot += 1;
        let spare = std::mem::take(&mut self.ringing);
        let ringing = std::mem::replace(&mut self.slots[index], spare);
        self.scheduled -= ringing.len();
        ringing
    }

    fn first_due(&self, most: Millis) -> Millis {
        let mut slot = self.next_slot;
        while slot * SLOT_MS < most && slot < self.next_slot + SLOTS {
            if !self.slots[(slot % SLOTS) as usize].is_empty() {
                return slot * SLOT_MS;
            }
            slot += 1;
        }
        most
    }
}

impl Alarm {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            scheduled: Cell::new(NEVER),
            wanted: Cell::new(NEVER),
            waker: Cell::new(None),
            aborted: Cell::new(false),
        })
    }

    /// Remembers whom to wake.
    pub(crate) fn register(&self, waker: &Waker) {
        let known = self.waker.take();
        let known = known.filter(|known| known.will_wake(waker));
        self.waker.set(known.or_else(|| Some(waker.clone())));
    }

    /// Wakes the task now, whatever it waits for.
    pub(crate) fn wake(&self) {
        let waker = self.waker.take();
        self.waker.set(waker.clone());
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends every wait of the task, present and future, with `Interrupted::Aborted`.
    pub(crate) fn abort(&self) {
        self.aborted.set(true);
        self.wake();
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.get()
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("scheduled", &self.scheduled)
            .field("wanted", &self.wanted)
            .field("aborted", &self.aborted)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Bench {
        now: Rc<Cell<u64>>,
        timers: Timers,
        count: Arc<Count>,
    }

    impl Bench {
        fn new() -> Self {
            let now = Rc::new(Cell::new(0));
            let timers = Timers::new(Clock::virtual_time(now.clone()));
            Self {
                now,
                timers,
                count: Arc::new(Count(AtomicUsize::new(0))),
            }
        }

        fn alarm(&self) -> Rc<Alarm> {
            let alarm = Alarm::new();
            alarm.register(&self.count.clone().into());
            alarm
        }

        fn rings_at(&self, now: u64) -> usize {
            self.now.set(now);
            self.timers.advance(now);
            self.count.0.swap(0, Ordering::Relaxed)
        }
    }

    #[test]
    fn rings_once_and_never_early() {
        let bench = Bench::new();
        let alarm = bench.alarm();
        bench.timers.schedule(&alarm, 250);
        for now in (0..250).step_by(5) {
            assert_eq!(bench.rings_at(now), 0, "at {now}");
        }
        assert_eq!(bench.rings_at(250 + SLOT_MS), 1);
        assert_eq!(bench.rings_at(100_000), 0);
    }

    #[test]
    fn far_deadlines_survive_turns_of_the_wheel() {
        let bench = Bench::new();
        let alarm = bench.alarm();
        bench.timers.schedule(&alarm, 75_000);
        for now in (0..75_000).step_by(500) {
            assert_eq!(bench.rings_at(now), 0, "at {now}");
        }
        assert_eq!(bench.rings_at(75_008), 1);
    }

    #[test]
    fn a_nearer_deadline_overtakes_a_scheduled_one() {
        let bench = Bench::new();
        let alarm = bench.alarm();
        bench.timers.schedule(&alarm, 5000);
        bench.timers.schedule(&alarm, 100);
        assert_eq!(bench.rings_at(112), 1);
    }

    #[test]
    fn an_overtaken_entry_does_not_multiply() {
        let bench = Bench::new();
        let alarm = bench.alarm();
        for round in 0..50 {
            let start = round * 1000;
            bench.timers.schedule(&alarm, start + 5000);
            bench.timers.schedule(&alarm, start + 100);
            assert_eq!(bench.rings_at(start + 112), 1);
            bench.rings_at(start + 999);
        }
        assert!(
            bench.timers.wheel.borrow().scheduled <= 6,
            "one entry per round that is not due yet"
        );
    }

    #[test]
    fn a_dropped_task_is_forgotten() {
        let bench = Bench::new();
        let alarm = bench.alarm();
        bench.timers.schedule(&alarm, 100);
        drop(alarm);
        assert_eq!(bench.rings_at(200), 0);
        assert_eq!(bench.timers.wheel.borrow().scheduled, 0);
    }

    #[test]
    fn a_clock_that_jumps_rings_everything_that_is_due() {
        let bench = Bench::new();
        let alarms: Vec<_> = (0..50).map(|_| bench.alarm()).collect();
        for (index, alarm) in alarms.iter().enumerate() {
            bench.timers.schedule(alarm, index as u64 * 400);
        }
        assert_eq!(bench.rings_at(60_000), 50);
    }

    #[test]
    fn the_tick_task_sleeps_until_the_first_alarm() {
        let bench = Bench::new();
        let alarm = bench.alarm();
        let waker: Waker = bench.count.clone().into();
        assert_eq!(bench.timers.next_tick(0, 1000, &waker), 1000);
        bench.timers.schedule(&alarm, 120);
        assert_eq!(
            bench.count.0.load(Ordering::Relaxed),
            1,
            "the tick task is woken"
        );
        assert_eq!(bench.timers.next_tick(0, 1000, &waker), 120);
    }
}
