//! The one module around monoio: event loop, clock, timers, mailbox, reusable futures.
//!
//! Every other room asks here for time, waiting and tasks, so that a fork of the runtime (or another
//! one) is a change to this folder, and a test can own the clock. Nothing here knows HTTP.

pub(crate) mod clock;
pub(crate) mod coroutine;
pub(crate) mod driver;
pub(crate) mod mailbox;
pub(crate) mod timer;

use std::future::Future;

/// Starts a task on this worker and forgets it. The task ends by itself; nobody waits for it.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    drop(monoio::spawn(task));
}
