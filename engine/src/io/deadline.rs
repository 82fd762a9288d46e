//! Waiting for readiness with a deadline: the one place where a wait may end before its event.
//!
//! Only readiness is raced, which consumes nothing, so an interrupted wait never loses a byte.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::rt::clock::{Millis, NEVER};
use crate::rt::timer::{Alarm, Timers};

/// Why a wait ended without its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// The deadline has passed.
    Elapsed,
    /// Somebody ended the task's waits: its client has left, or the worker stops.
    Aborted,
}

/// The means of one task to wait: its worker's timers and its own alarm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter<'a> {
    pub(crate) timers: &'a Timers,
    pub(crate) alarm: &'a Rc<Alarm>,
}

impl Waiter<'_> {
    pub(crate) fn now_ms(&self) -> Millis {
        self.timers.clock.now_ms()
    }

    /// Looks whether the wait must end; otherwise sees to it that the task wakes at `deadline`.
    pub(crate) fn check(&self, deadline: Millis, cx: &Context<'_>) -> Result<(), Interrupted> {
        if self.alarm.is_aborted() {
            return Err(Interrupted::Aborted);
        }
        self.alarm.register(cx.waker());
        if deadline == NEVER {
            return Ok(());
        }
        if self.timers.clock.now_ms() >= deadline {
            return Err(Interrupted::Elapsed);
        }
        self.timers.schedule(self.alarm, deadline);
        Ok(())
    }

    /// Waits for `event` until `deadline`.
    pub(crate) async fn until<T>(
        &self,
        deadline: Millis,
        event: impl Future<Output = T>,
    ) -> Result<T, Interrupted> {
        let mut event = pin!(event);
        poll_fn(|cx| {
            if let Poll::Ready(value) = event.as_mut().poll(cx) {
                return Poll::Ready(Ok(value));
            }
            match self.check(deadline, cx) {
                Ok(()) => Poll::Pending,
                Err(interrupted) => Poll::Ready(Err(interrupted)),
            }
        })
        .await
    }

    /// Sleeps until `deadline`; an abort ends the sleep.
    pub(crate) async fn sleep_until(&self, deadline: Millis) -> Interrupted {
        match self.until(deadline, std::future::pending::<()>()).await {
            Ok(()) => Interrupted::Elapsed,
            Err(interrupted) => interrupted,
        }
    }
}

impl From<Interrupted> for io::Error {
    fn from(interrupted: Interrupted) -> Self {
        Self::from(match interrupted {
            Interrupted::Elapsed => io::ErrorKind::TimedOut,
            Interrupted::Aborted => io::ErrorKind::ConnectionAborted,
        })
    }
}
