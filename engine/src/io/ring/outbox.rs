//! Small messages that leave in one turn of the event loop.
//!
//! A task that has something to send leaves it here and waits; when all that were ready have run, one
//! system call sends everything. Nothing of a message outlives that call, so that whoever waits may be
//! dropped at any point.

#![expect(
    unsafe_code,
    reason = "an entry of a submission queue is a bare pointer to what it sends"
)]

use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use io_uring::squeue::{self, SubmissionQueue};
use io_uring::{opcode, types};
use rustix::io::Errno;

use super::{Ring, Whose};
use crate::io::socket::SEND_FLAGS;

/// What waits for the end of this turn of the event loop.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// By the number of a message.
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The numbers of what is to be sent.
    queue: Vec<u32>,
    /// How many the kernel has been given and not answered.
    under_way: usize,
}

#[derive(Debug)]
enum Slot {
    Free,
    Waiting {
        descriptor: RawFd,
        bytes: Vec<u8>,
        sender: Waker,
    },
    Done {
        bytes: Vec<u8>,
        sent: usize,
        error: Option<io::Error>,
    },
}

impl Outbox {
    fn put(&mut self, message: Slot) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            u32::try_from(self.slots.len() - 1).expect("fewer messages than memory has room for")
        });
        self.slots[number as usize] = message;
        self.queue.push(number);
        number
    }

    /// Takes a message out, sent or not.
    fn take(&mut self, number: u32) -> Slot {
        self.free.push(number);
        std::mem::replace(&mut self.slots[number as usize], Slot::Free)
    }

    /// Queues as many operations as there is room for, first come, first served.
    pub(super) fn submit(&mut self, queue: &mut SubmissionQueue<'_>) {
        let room = queue.capacity() - queue.len();
        for number in self.queue.drain(..room.min(self.queue.len())) {
            let send = self.slots[number as usize].operation(number);
            // SAFETY: the bytes stay in their slot until the ring has answered, which `Ring` waits for
            // before anybody else has a turn; where it cannot, they are leaked.
            let _there_is_room = unsafe { queue.push(&send) };
            self.under_way += 1;
        }
    }

    /// Notes how many bytes were sent, or the negated error number; who waits for that.
    pub(super) fn answer(&mut self, number: u32, result: i32) -> Option<Waker> {
        self.under_way -= 1;
        let (sent, error) = match usize::try_from(result) {
            Ok(sent) => (sent, None),
            Err(_) => (
                0,
                Some(io::Error::from_raw_os_error(result.saturating_neg())),
            ),
        };
        self.slots[number as usize].end(sent, error)
    }

    /// Whether the kernel has answered for everything that it was given.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// Gives up: who was not served is to try again, alone; what the kernel does with what it was given
    /// nobody can say.
    pub(super) fn close(&mut self, over: &mut Vec<Waker>) {
        for number in std::mem::take(&mut self.queue) {
            let slot = &mut self.slots[number as usize];
            over.extend(slot.end(0, Some(Errno::AGAIN.into())));
        }
        self.under_way = 0;
        over.extend(self.slots.iter_mut().filter_map(Slot::abandon));
    }

    /// Takes back what was given to a kernel that took none of it.
    pub(super) fn take_back(&mut self) {
        let is_waiting = |slot: &Slot| matches!(slot, Slot::Waiting { .. });
        let waiting = (0..).zip(&self.slots).filter(|(_, slot)| is_waiting(slot));
        self.queue = waiting.map(|(number, _)| number).collect();
        self.under_way = 0;
    }
}

impl Slot {
    /// What sends the message of this number. With `MSG_DONTWAIT` it is over as soon as it is
    /// submitted.
    fn operation(&self, number: u32) -> squeue::Entry {
        let (descriptor, bytes): (_, &[u8]) = match self {
            Self::Waiting {
                descriptor, bytes, ..
            } => (*descriptor, bytes),
            // No such descriptor.
            Self::Free | Self::Done { .. } => (-1, &[]),
        };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        opcode::Send::new(types::Fd(descriptor), bytes.as_ptr(), length)
            .flags(SEND_FLAGS.bits().cast_signed())
            .build()
            .user_data(Whose::Message(number).user_data())
    }

    fn abandon(&mut self) -> Option<Waker> {
        let Self::Waiting { bytes, .. } = self else {
            return None;
        };
        let bytes = std::mem::take(bytes);
        let sent = bytes.len();
        std::mem::forget(bytes);
        self.end(sent, Some(Errno::IO.into()))
    }

    fn end(&mut self, sent: usize, error: Option<io::Error>) -> Option<Waker> {
        match std::mem::replace(self, Self::Free) {
            Self::Waiting { bytes, sender, .. } => {
                *self = Self::Done { bytes, sent, error };
                Some(sender)
            }
            other => {
                *self = other;
                None
            }
        }
    }
}

/// A message in the outbox: ready when it was sent, not sent when dropped before.
pub(super) struct Message<'a> {
    ring: &'a Ring,
    /// Borrowed, so that its stream stays open for as long as it is in the queue.
    descriptor: BorrowedFd<'a>,
    bytes: &'a mut Vec<u8>,
    sent: &'a mut u64,
    number: Option<u32>,
}

impl<'a> Message<'a> {
    /// Sends what fits of `bytes`, and adds it to `sent`.
    pub(super) fn new(
        ring: &'a Ring,
        descriptor: BorrowedFd<'a>,
        bytes: &'a mut Vec<u8>,
        sent: &'a mut u64,
    ) -> Self {
        Self {
            ring,
            descriptor,
            bytes,
            sent,
            number: None,
        }
    }

    /// Takes the message out, sent or not.
    fn take_back(&mut self, number: u32) -> io::Result<usize> {
        self.number = None;
        let slot = self.ring.0.borrow_mut().outbox.take(number);
        match slot {
            Slot::Done { bytes, sent, error } => {
                *self.bytes = bytes;
                *self.sent += sent as u64;
                error.map_or(Ok(sent), Err)
            }
            Slot::Waiting { bytes, .. } => {
                *self.bytes = bytes;
                Ok(0)
            }
            Slot::Free => Ok(0),
        }
    }
}

impl Future for Message<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let ring = &this.ring.0;
        let Some(number) = this.number else {
            let message = Slot::Waiting {
                descriptor: this.descriptor.as_raw_fd(),
                bytes: std::mem::take(this.bytes),
                sender: cx.waker().clone(),
            };
            this.number = Some(ring.borrow_mut().outbox.put(message));
            this.ring.call();
            return Poll::Pending;
        };
        let is_waiting = |slot: &Slot| matches!(slot, Slot::Waiting { .. });
        if !is_waiting(&ring.borrow().outbox.slots[number as usize]) {
            return Poll::Ready(this.take_back(number));
        }
        // A waker may be anybody's: none is made or dropped while the ring is borrowed.
        let mut waker = cx.waker().clone();
        if let Slot::Waiting { sender, .. } = &mut ring.borrow_mut().outbox.slots[number as usize] {
            std::mem::swap(sender, &mut waker);
        }
        Poll::Pending
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let unqueue = |outbox: &mut Outbox| outbox.queue.retain(|&queued| queued != number);
        unqueue(&mut self.ring.0.borrow_mut().outbox);
        if let Ok(count) = self.take_back(number) {
            self.bytes.drain(..count.min(self.bytes.len()));
        }
    }
}
