//! A loop in virtual time, for simulations: tasks run until none can, then the clock moves to the
//! next instant for which somebody sleeps.
//!
//! Nothing here waits and nothing asks the kernel for the time. The order in which tasks that are
//! ready get their turn is drawn from a seed, so that a run can be repeated exactly.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::clock::Millis;
use super::random::Random;

/// Turns at one instant after which the tasks are said to spin: no test has so much to do at once.
const TURNS_MOST: usize = 2_000_000;

/// The loop; clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Turns(Rc<Inner>);

struct Inner {
    now: Rc<Cell<Millis>>,
    tasks: RefCell<Vec<Option<Task>>>,
    ready: Arc<Ready>,
    sleepers: RefCell<BTreeMap<(Millis, u64), Waker>>,
    sleeps: Cell<u64>,
    /// Draws whose turn is next; without it, it is the longest waiting one's.
    draw: Option<Random>,
}

struct Task {
    body: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

/// The tasks that want a turn.
#[derive(Default)]
struct Ready(Mutex<VecDeque<Arc<TaskWaker>>>);

struct TaskWaker {
    number: usize,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

/// A sleep of a task of this loop.
#[derive(Debug)]
pub(crate) struct Sleep {
    turns: Turns,
    end: Millis,
}

impl Turns {
    /// A loop whose clock is `now` (milliseconds). Without a seed (0) tasks run in the order in which
    /// they were woken.
    pub(crate) fn new(now: Rc<Cell<Millis>>, seed: u64) -> Self {
        Self(Rc::new(Inner {
            now,
            tasks: RefCell::default(),
            ready: Arc::default(),
            sleepers: RefCell::default(),
            sleeps: Cell::new(0),
            draw: (seed != 0).then(|| Random::from_seed(seed)),
        }))
    }

    pub(crate) fn now_ms(&self) -> Millis {
        self.0.now.get()
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let mut tasks = self.0.tasks.borrow_mut();
        let waker = Arc::new(TaskWaker {
            number: tasks.len(),
            queued: AtomicBool::new(false),
            ready: self.0.ready.clone(),
        });
        waker.wake_by_ref();
        tasks.push(Some(Task {
            body: Box::pin(task),
            waker: waker.into(),
        }));
    }

    pub(crate) fn sleep(&self) -> Sleep {
        Sleep {
            turns: self.clone(),
            end: self.now_ms(),
        }
    }

    /// Sleeps until `end`.
    pub(crate) async fn sleep_until(&self, end: Millis) {
        let mut sleep = self.sleep();
        sleep.end = end;
        std::future::poll_fn(|cx| sleep.poll(cx)).await;
    }

    /// Runs tasks until none can go on at this instant.
    pub(crate) fn settle(&self) {
        let mut turns = 0;
        while let Some(number) = self.next_ready() {
            self.turn(number);
            turns += 1;
            assert!(turns < TURNS_MOST, "tasks spin at {} ms", self.now_ms());
        }
    }

    /// Moves the clock to the next instant for which a task sleeps; `false` when none does.
    pub(crate) fn advance(&self) -> bool {
        let Some(&(next, _)) = self.0.sleepers.borrow().keys().next() else {
            return false;
        };
        self.0.now.set(next.max(self.now_ms()));
        let later = self.0.sleepers.borrow_mut().split_off(&(next + 1, 0));
        let due = self.0.sleepers.replace(later);
        due.into_values().for_each(Waker::wake);
        true
    }

    /// Drops every task.
    pub(crate) fn clear(&self) {
        let tasks = self.0.tasks.take();
        drop(tasks);
        self.0.sleepers.take();
    }

    fn turn(&self, number: usize) {
        let taken = self
            .0
            .tasks
            .borrow_mut()
            .get_mut(number)
            .and_then(Option::take);
        let Some(mut task) = taken else { return };
        let waker = task.waker.clone();
        if task
            .body
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            self.0.tasks.borrow_mut()[number] = Some(task);
        }
    }

    fn next_ready(&self) -> Option<usize> {
        let mut ready = self.0.ready.lock();
        let next = match &self.0.draw {
            Some(draw) if ready.len() > 1 => {
                let drawn = draw.next() % ready.len() as u64;
                ready.swap_remove_back(usize::try_from(drawn).unwrap_or(0))
            }
            _ => ready.pop_front(),
        }?;
        next.queued.store(false, Ordering::Relaxed);
        Some(next.number)
    }
}

impl Ready {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<TaskWaker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            let ready = self.ready.clone();
            ready.lock().push_back(self);
        }
    }
}

impl Sleep {
    pub(super) fn put_off(&mut self, wait_ms: u64) {
        self.end = self.turns.now_ms() + wait_ms;
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inner = &self.turns.0;
        if inner.now.get() >= self.end {
            return Poll::Ready(());
        }
        let number = inner.sleeps.replace(inner.sleeps.get() + 1);
        let mut sleepers = inner.sleepers.borrow_mut();
        sleepers.insert((self.end, number), cx.waker().clone());
        Poll::Pending
    }
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three tasks that sleep and wake each other, and the order of what they did.
    fn order(seed: u64) -> Vec<(u64, u64)> {
        let turns = Turns::new(Rc::default(), seed);
        let done = Rc::new(RefCell::new(Vec::new()));
        for task in 0..3 {
            let (turns_inside, done) = (turns.clone(), done.clone());
            turns.spawn(async move {
                for round in 1..=4 {
                    turns_inside.sleep_until(round * 100).await;
                    done.borrow_mut().push((turns_inside.now_ms(), task));
                }
            });
        }
        turns.settle();
        while turns.advance() {
            turns.settle();
        }
        done.take()
    }

    #[test]
    fn time_passes_only_when_nothing_can_go_on_and_a_seed_repeats_its_order() {
        let in_order = (1..=4).flat_map(|round| (0..3).map(move |task| (round * 100, task)));
        assert_eq!(order(0), in_order.collect::<Vec<_>>());
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(0));
        assert!(order(7).is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    #[should_panic(expected = "spin")]
    fn a_task_that_never_rests_is_found() {
        let turns = Turns::new(Rc::default(), 0);
        turns.spawn(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        turns.settle();
    }
}
