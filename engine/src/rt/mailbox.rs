//! Messages to one worker from other threads: a bounded queue and a wake-up.
//!
//! Off the hot path: connections that change workers, publishing, reports, drain.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use crossbeam::queue::ArrayQueue;

/// Messages that may wait. A worker that is this far behind is busy: whoever posts keeps the message.
const CAPACITY: usize = 4096;

/// A queue with many senders and one receiving task.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    queue: ArrayQueue<T>,
    receiver: Mutex<Option<Waker>>,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self {
            queue: ArrayQueue::new(CAPACITY),
            receiver: Mutex::new(None),
        }
    }
}

impl<T> Mailbox<T> {
    /// Leaves a message; gives it back when the queue is full.
    pub(crate) fn post(&self, message: T) -> Result<(), T> {
        self.queue.push(message)?;
        let waker = self
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Leaves a message that the sender could do without: gives it back when the queue is half full,
    /// so that there is always room for those that must arrive.
    pub(crate) fn offer(&self, message: T) -> Result<(), T> {
        if self.queue.len() < CAPACITY / 2 {
            self.post(message)
        } else {
            Err(message)
        }
    }

    /// Waits for the next message. Only one task may do so.
    pub(crate) async fn receive(&self) -> T {
        poll_fn(|cx| {
            if let Some(message) = self.queue.pop() {
                return Poll::Ready(message);
            }
            *self.receiver.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(cx.waker().clone());
            // A message that came between the look and the registration finds no waker: look again.
            self.queue.pop().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_leave_room_for_what_must_arrive() {
        let mailbox = Mailbox::default();
        let offered = (0..CAPACITY).filter(|&n| mailbox.offer(n).is_ok()).count();
        assert_eq!(offered, CAPACITY / 2);
        let posted = (0..CAPACITY).filter(|&n| mailbox.post(n).is_ok()).count();
        assert_eq!(posted, CAPACITY / 2);
    }
}
