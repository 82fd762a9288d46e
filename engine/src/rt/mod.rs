//! The one module around monoio: event loop, clock, timers, random numbers, mailbox,
//! reusable futures.
//!
//! Every other room asks here for time, waiting and tasks, so that a fork of the runtime (or another
//! one) is a change to this folder, and a test can own the clock. Nothing here knows HTTP.

pub(crate) mod clock;
pub(crate) mod coroutine;
pub(crate) mod driver;
pub(crate) mod executor;
pub(crate) mod mailbox;
pub(crate) mod random;
pub(crate) mod timer;
#[cfg(any(test, simulation))]
pub(crate) mod turns;
