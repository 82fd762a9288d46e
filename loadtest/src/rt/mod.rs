//! The one place that starts monoio: choosing a driver, pinning a worker's thread, running a future
//! on it, and what both ends need around a socket. Entered by `origin` and `load`. It speaks no HTTP.
//!
//! Rules that monoio 0.2.4 sets, and that hold in the whole crate: an operation in flight is never
//! dropped while its stream lives on (its bytes would be lost), so whoever must end one shuts the
//! socket down (`watch`); an I/O future is awaited where it is made, because making it starts it.

mod alarm;
mod driver;
mod input;
mod poll_stream;
mod transport;
pub(crate) mod watch;

pub(crate) use alarm::Alarm;
pub(crate) use driver::{Driver, on_each_worker, pin};
pub(crate) use input::Input;
pub(crate) use poll_stream::{PollStream, Pollable};
pub(crate) use transport::{Outgoing, Transport};

use std::time::Duration;

/// The CPU time that the calling thread has used, from the scheduler's own account; `None` where
/// the kernel keeps none.
pub(crate) fn thread_cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_uses_cpu_time() {
        let before = thread_cpu_time().expect("this kernel accounts for CPU time");
        let mut rounds = 0u64;
        while thread_cpu_time().is_some_and(|now| now < before + Duration::from_millis(5)) {
            rounds += 1;
        }
        assert!(rounds > 0);
    }
}
