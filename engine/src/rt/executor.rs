//! Where a worker's tasks run and sleep: monoio's event loop on the worker's thread, or a loop in
//! virtual time that a test turns by hand.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

#[cfg(any(test, simulation))]
use super::turns::{self, Turns};

/// Starts tasks and sleeps.
#[derive(Debug)]
pub(crate) enum Executor {
    /// The event loop that runs on this thread.
    EventLoop,
    /// A simulation's.
    #[cfg(any(test, simulation))]
    Turns(Turns),
}

/// A sleep that can be put off. Made once per task, because it owns memory.
#[derive(Debug)]
pub(crate) enum Sleep {
    EventLoop(Pin<Box<monoio::time::Sleep>>),
    #[cfg(any(test, simulation))]
    Turns(turns::Sleep),
}

impl Executor {
    /// Starts a task on this worker and forgets it. The task ends by itself; nobody waits for it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        match self {
            Self::EventLoop => drop(monoio::spawn(task)),
            #[cfg(any(test, simulation))]
            Self::Turns(turns) => turns.spawn(task),
        }
    }

    /// A sleep that is over at once, until it is put off.
    pub(crate) fn sleep(&self) -> Sleep {
        match self {
            Self::EventLoop => Sleep::EventLoop(Box::pin(monoio::time::sleep(Duration::ZERO))),
            #[cfg(any(test, simulation))]
            Self::Turns(turns) => Sleep::Turns(turns.sleep()),
        }
    }
}

impl Sleep {
    /// Lets it end `wait_ms` milliseconds from now.
    pub(crate) fn put_off(&mut self, wait_ms: u64) {
        match self {
            Self::EventLoop(sleep) => {
                let end = monoio::time::Instant::now() + Duration::from_millis(wait_ms);
                sleep.as_mut().reset(end);
            }
            #[cfg(any(test, simulation))]
            Self::Turns(sleep) => sleep.put_off(wait_ms),
        }
    }

    /// Ready once it is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::EventLoop(sleep) => sleep.as_mut().poll(cx),
            #[cfg(any(test, simulation))]
            Self::Turns(sleep) => sleep.poll(cx),
        }
    }
}
