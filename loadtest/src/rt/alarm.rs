//! A timer that is exact to some microseconds; monoio's own have steps of a millisecond. Entered by
//! the open loop, one alarm for each worker. The kernel's timer is a descriptor whose readiness the
//! ring reports like a socket's, so that waiting exactly costs no spinning.

use std::io;
use std::net::TcpStream as Pollable;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Waits, one wait at a time.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: OwnedFd,
    /// The same timer as something whose readiness monoio can wait for: it has no type for bare
    /// descriptors. Nothing is read from it; setting the timer again makes it unready.
    ready: monoio::net::TcpStream,
}

impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Errors
    /// The kernel's, such as too many open files.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let ready = Pollable::from(timer.try_clone()?);
        Ok(Self {
            timer,
            ready: monoio::net::TcpStream::from_std(ready)?,
        })
    }

    /// Waits this long.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) async fn wait(&mut self, time: Duration) -> io::Result<()> {
        // Zero would unset the timer.
        let time = time.max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: time.try_into().map_err(io::Error::other)?,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        self.ready.readable(false).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Io;
    use crate::rt::Driver;
    use std::time::Instant;

    #[test]
    fn waits_as_long_as_asked_and_finer_than_the_runtime() {
        for io in [Io::Auto, Io::Epoll] {
            let work = async {
                let mut alarm = Alarm::new().unwrap();
                let time = Duration::from_micros(200);
                let mut shortest = Duration::MAX;
                for _ in 0..50 {
                    let begun = Instant::now();
                    alarm.wait(time).await.unwrap();
                    assert!(begun.elapsed() >= time);
                    shortest = shortest.min(begun.elapsed());
                }
                // A busy machine delays some of them, not all.
                assert!(shortest < Duration::from_micros(900), "{shortest:?}");
                alarm.wait(Duration::ZERO).await.unwrap();
            };
            Driver::choose(io).unwrap().block_on(work).unwrap();
        }
    }
}
