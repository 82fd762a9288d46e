//! How slowly a body may move, and who is to blame when it is too slow.
//!
//! A client must move a minimum rate, averaged over a window; only the time spent waiting *for it*
//! counts, so that a slow upstream is never its fault. An upstream may be silent for so long at a
//! time. Either way the deadline of the whole exchange cuts in, where it has one.

use std::future::Future;

use crate::error::{Error, Kind};
use crate::io::deadline::{Interrupted, Waiter};
use crate::rt::clock::{Millis, NEVER};

/// The rule for one direction of one side.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    rule: Rule,
    /// When the exchange as a whole must be over.
    total: Millis,
    /// What it is called when the rule is broken.
    too_slow: Kind,
}

#[derive(Debug, Clone)]
enum Rule {
    Rate {
        window_ms: u64,
        bytes_per_window: u64,
        waited_ms: u64,
        bytes: u64,
    },
    Idle {
        most_ms: u64,
    },
}

impl Pace {
    /// At least `bytes_per_second` over each window of waiting; 0 for no rule.
    pub(crate) fn rate(bytes_per_second: u64, window_ms: u64, too_slow: Kind) -> Self {
        let rule = if bytes_per_second == 0 {
            Rule::Idle { most_ms: NEVER }
        } else {
            let bytes_per_window = bytes_per_second.saturating_mul(window_ms) / 1000;
            Rule::Rate {
                window_ms,
                bytes_per_window,
                waited_ms: 0,
                bytes: 0,
            }
        };
        Self {
            rule,
            total: NEVER,
            too_slow,
        }
    }

    /// Each single wait at most so long.
    pub(crate) fn idle(most_ms: u64, too_slow: Kind) -> Self {
        Self {
            rule: Rule::Idle { most_ms },
            total: NEVER,
            too_slow,
        }
    }

    /// Cuts at `deadline` besides.
    pub(crate) fn set_total(&mut self, deadline: Millis) {
        self.total = deadline;
    }

    /// Counts bytes that moved.
    pub(crate) fn moved(&mut self, count: usize) {
        if let Rule::Rate { bytes, .. } = &mut self.rule {
            *bytes += count as u64;
        }
    }

    /// Whether `error` says that the rule was broken.
    pub(crate) fn is_verdict(&self, error: Error) -> bool {
        error.kind == self.too_slow
    }

    /// Counts bytes that moved unseen during a wait that has broken the rule; whether it is kept with
    /// them.
    pub(crate) fn pardon(&mut self, count: usize) -> bool {
        self.moved(count);
        match self.rule {
            Rule::Rate { .. } => self.close_window(),
            Rule::Idle { .. } => count > 0,
        }
    }

    /// Waits for `ready` as long as the rule allows.
    pub(crate) async fn wait<T>(
        &mut self,
        waiter: Waiter<'_>,
        ready: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let mut ready = std::pin::pin!(ready);
        loop {
            let started = waiter.now_ms();
            let by_rule = match self.rule {
                Rule::Rate {
                    window_ms,
                    waited_ms,
                    ..
                } => started.saturating_add(window_ms.saturating_sub(waited_ms)),
                Rule::Idle { most_ms } => started.saturating_add(most_ms),
            };
            let outcome = waiter.until(by_rule.min(self.total), ready.as_mut()).await;
            let now = waiter.now_ms();
            if let Rule::Rate { waited_ms, .. } = &mut self.rule {
                *waited_ms += now.saturating_sub(started);
            }
            match outcome {
                Ok(value) => {
                    self.close_window();
                    return Ok(value);
                }
                Err(Interrupted::Aborted) => return Err(Kind::ClientGone.into()),
                Err(Interrupted::Elapsed) if now >= self.total => {
                    return Err(Kind::TotalTimeout.into());
                }
                Err(Interrupted::Elapsed) if self.close_window() => {}
                Err(Interrupted::Elapsed) => return Err(self.too_slow.into()),
            }
        }
    }

    /// At the end of a window: whether enough has moved in it. Starts the next one if so.
    fn close_window(&mut self) -> bool {
        let Rule::Rate {
            window_ms,
            bytes_per_window,
            waited_ms,
            bytes,
        } = &mut self.rule
        else {
            return false;
        };
        if *waited_ms < *window_ms {
            return true;
        }
        let enough = *bytes >= *bytes_per_window;
        if enough {
            (*waited_ms, *bytes) = (0, 0);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::clock::Clock;
    use crate::rt::timer::{Alarm, Timers};
    use std::cell::Cell;
    use std::pin::{Pin, pin};
    use std::rc::Rc;
    use std::task::{Context, Poll, Waker};

    /// Waits in virtual time: each entry is how long the peer takes, and how much it then moves.
    fn run(mut pace: Pace, total: Millis, steps: &[(u64, usize)]) -> Result<(), Error> {
        let now = Rc::new(Cell::new(0));
        let timers = Timers::new(Clock::virtual_time(now.clone()));
        let alarm = Alarm::new();
        let waiter = Waiter {
            timers: &timers,
            alarm: &alarm,
        };
        pace.set_total(total);
        for (takes, moves) in steps {
            let ready_at = now.get() + takes;
            let now_inside = now.clone();
            let event = std::future::poll_fn(move |_| {
                if now_inside.get() >= ready_at {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            finish(pin!(pace.wait(waiter, event)), &now)?;
            pace.moved(*moves);
        }
        Ok(())
    }

    /// Polls to the end while time goes by.
    fn finish<T>(mut wait: Pin<&mut impl Future<Output = T>>, now: &Cell<u64>) -> T {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match wait.as_mut().poll(&mut cx) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => now.set(now.get() + 10),
            }
        }
    }

    fn client() -> Pace {
        Pace::rate(240, 10_000, Kind::BodyTooSlow)
    }

    #[test]
    fn a_client_may_stall_as_long_as_its_average_holds() {
        assert_eq!(
            run(client(), NEVER, &[(9000, 2400), (9000, 2400), (9000, 2400)]),
            Ok(())
        );
    }

    #[test]
    fn a_dripping_client_is_cut_after_one_window() {
        let drip = [(1000, 100); 12];
        assert_eq!(run(client(), NEVER, &drip), Err(Kind::BodyTooSlow.into()));
        assert_eq!(run(client(), NEVER, &[(1000, 300); 60]), Ok(()));
    }

    #[test]
    fn no_rate_means_no_rule() {
        assert_eq!(
            run(
                Pace::rate(0, 10_000, Kind::BodyTooSlow),
                NEVER,
                &[(99_000, 0)]
            ),
            Ok(())
        );
    }

    #[test]
    fn an_idle_rule_starts_anew_with_each_wait() {
        let pace = || Pace::idle(5000, Kind::IdleTimeout);
        assert_eq!(
            run(pace(), NEVER, &[(4900, 1), (4900, 1), (4900, 1)]),
            Ok(())
        );
        assert_eq!(
            run(pace(), NEVER, &[(5100, 1)]),
            Err(Kind::IdleTimeout.into())
        );
    }

    #[test]
    fn what_moved_unseen_is_a_pardon_if_it_is_enough() {
        let mut rate = Pace {
            rule: Rule::Rate {
                window_ms: 100,
                bytes_per_window: 50,
                waited_ms: 100,
                bytes: 20,
            },
            ..client()
        };
        assert!(!rate.clone().pardon(29));
        assert!(rate.pardon(30));
        let mut idle = Pace::idle(5000, Kind::IdleTimeout);
        assert!(idle.pardon(1) && !idle.pardon(0));
    }

    #[test]
    fn the_total_cuts_whatever_the_pace() {
        let steps = [(1000, 100_000); 5];
        assert_eq!(run(client(), 3500, &steps), Err(Kind::TotalTimeout.into()));
    }
}
