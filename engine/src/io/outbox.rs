//! The small messages that leave in one turn of the event loop, sent together.
//!
//! Tasks that have something to send put it here and wait; when all that were ready have run, one
//! system call sends everything. It costs less than a call for each, and what runs between two
//! messages stays in the caches. The ring that carries the calls is used like a list of arguments:
//! nothing in it outlives [`Outbox::flush`], so that whoever waits may still be dropped at any point.
//! Without a ring (epoll, or a stream that is not the kernel's) each message is sent at once.

#![expect(
    unsafe_code,
    reason = "an entry of a submission queue is a bare pointer to what it sends"
)]

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use io_uring::{IoUring, opcode, types};

use crate::io::socket::SEND_FLAGS;
use crate::io::stream::Stream;

/// Submission queue entries of an outbox's ring, and how many messages one system call sends at most.
pub(crate) const RING_ENTRIES: u32 = 256;

/// What waits for the end of this turn of the event loop.
#[derive(Debug, Default)]
pub(crate) struct Outbox(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    ring: Option<IoUring>,
    /// By the number of a message.
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The numbers of what is to be sent.
    queue: Vec<usize>,
    /// Wakes [`Outbox::run`].
    runner: Option<Waker>,
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
        result: io::Result<usize>,
    },
}

impl Outbox {
    /// Sends with this ring, or one by one.
    pub(crate) fn new(ring: Option<IoUring>) -> Self {
        let outbox = Self::default();
        outbox.0.borrow_mut().ring = ring;
        outbox
    }

    /// Sends what fits of `bytes`, which are here again when it is done; `WouldBlock` when nothing does.
    pub(crate) async fn send(&self, stream: &Stream, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let together = |_: &BorrowedFd<'_>| self.0.borrow().ring.is_some();
        match stream.descriptor().filter(together) {
            Some(descriptor) => {
                let message = Message {
                    outbox: self,
                    descriptor,
                    bytes,
                    number: None,
                };
                message.await
            }
            None => stream.try_send(bytes),
        }
    }

    /// Sends what waits, whenever something does. Ends at once where there is no ring.
    pub(crate) async fn run(&self) {
        poll_fn(|cx| {
            let mut inner = self.0.borrow_mut();
            if inner.ring.is_none() {
                return Poll::Ready(());
            }
            inner.flush();
            inner.runner = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Sends what waits and gives the ring back, with whom it would wake.
    pub(crate) fn close(&self) {
        let mut inner = self.0.borrow_mut();
        inner.flush();
        inner.ring = None;
        inner.runner = None;
    }
}

impl Inner {
    fn put(&mut self, descriptor: RawFd, bytes: Vec<u8>, sender: Waker) -> usize {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            self.slots.len() - 1
        });
        self.slots[number] = Slot::Waiting {
            descriptor,
            bytes,
            sender,
        };
        self.queue.push(number);
        if let Some(runner) = self.runner.take() {
            // It gets in line behind all tasks that are ready already.
            runner.wake();
        }
        number
    }

    /// Takes a message out, sent or not.
    fn take(&mut self, number: usize) -> Slot {
        self.free.push(number);
        std::mem::replace(&mut self.slots[number], Slot::Free)
    }

    fn flush(&mut self) {
        let Some(ring) = &mut self.ring else { return };
        let mut sound = true;
        for numbers in self.queue.chunks(RING_ENTRIES as usize) {
            sound = sound && send_together(ring, &mut self.slots, numbers);
        }
        if !sound {
            // What is left in it must never be submitted, and what the kernel may still read not freed.
            std::mem::forget(self.ring.take());
            let numbers = self.queue.iter();
            numbers.for_each(|&number| self.slots[number].abandon());
        }
        self.queue.clear();
    }
}

/// Sends the messages of these numbers and notes what became of each; `false` when the ring does not
/// work, which is not known to happen.
fn send_together(ring: &mut IoUring, slots: &mut [Slot], numbers: &[usize]) -> bool {
    let mut under_way = 0;
    for &number in numbers {
        let Slot::Waiting {
            descriptor, bytes, ..
        } = &slots[number]
        else {
            continue;
        };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let send = opcode::Send::new(types::Fd(*descriptor), bytes.as_ptr(), length)
            .flags(SEND_FLAGS.bits().cast_signed())
            .build()
            .user_data(number as u64);
        // SAFETY: the bytes stay in their slot until the ring has answered, which the loop below waits
        // for; where it cannot, they are leaked.
        if unsafe { ring.submission().push(&send) }.is_err() {
            return false;
        }
        under_way += 1;
    }
    while under_way > 0 {
        // With MSG_DONTWAIT an operation is over as soon as it is submitted: this never sleeps.
        let submitted = ring.submit_and_wait(under_way);
        for answer in ring.completion() {
            let number = usize::try_from(answer.user_data()).unwrap_or(usize::MAX);
            slots[number].answer(answer.result());
            under_way -= 1;
        }
        match submitted {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                log::error!("sending together, from now on one by one: {error}");
                return false;
            }
            _ => {}
        }
    }
    true
}

impl Slot {
    /// Notes how many bytes were sent, or the negated error number, and wakes who waits for that.
    fn answer(&mut self, result: i32) {
        if let Self::Waiting { bytes, sender, .. } = std::mem::replace(self, Self::Free) {
            let result = usize::try_from(result)
                .map_err(|_| io::Error::from_raw_os_error(result.saturating_neg()));
            *self = Self::Done { bytes, result };
            sender.wake();
        }
    }

    /// Gives up on a message of which nobody can say what the kernel does with it.
    fn abandon(&mut self) {
        if let Self::Waiting { bytes, .. } = self {
            std::mem::forget(std::mem::take(bytes));
            self.answer(-rustix::io::Errno::IO.raw_os_error());
        }
    }
}

/// A message in the outbox: ready when it was sent, not sent when dropped before.
struct Message<'a> {
    outbox: &'a Outbox,
    /// Borrowed, so that its stream stays open for as long as it is in the queue.
    descriptor: BorrowedFd<'a>,
    bytes: &'a mut Vec<u8>,
    number: Option<usize>,
}

impl Future for Message<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut inner = this.outbox.0.borrow_mut();
        let Some(number) = this.number else {
            let bytes = std::mem::take(this.bytes);
            this.number = Some(inner.put(this.descriptor.as_raw_fd(), bytes, cx.waker().clone()));
            return Poll::Pending;
        };
        if let Slot::Waiting { sender, .. } = &mut inner.slots[number] {
            sender.clone_from(cx.waker());
            return Poll::Pending;
        }
        this.number = None;
        match inner.take(number) {
            Slot::Done { bytes, result } => {
                *this.bytes = bytes;
                Poll::Ready(result)
            }
            // Neither a free slot nor one that waits has this number.
            Slot::Free | Slot::Waiting { .. } => Poll::Ready(Err(io::ErrorKind::Other.into())),
        }
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut inner = self.outbox.0.borrow_mut();
            inner.queue.retain(|&queued| queued != number);
            drop(inner.take(number));
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::mem::ManuallyDrop;
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::pin::pin;
    use std::rc::Rc;

    use super::*;
    use crate::io::{Incoming, Transport};
    use crate::rt::driver::Driver;

    /// An outbox on the event loop of a test, which turns when the test waits.
    fn on_a_ring<F: Future<Output = ()>>(test: impl FnOnce(Rc<Outbox>) -> F) {
        let driver = Driver::choose(corelane_config::Io::Uring, false, 1).unwrap();
        let ring = driver.small_ring(RING_ENTRIES).unwrap();
        let outbox = Rc::new(Outbox::new(Some(ring)));
        let ended = driver.block_on(async move {
            let running = outbox.clone();
            drop(monoio::spawn(async move { running.run().await }));
            test(outbox).await;
        });
        ended.unwrap();
    }

    fn pair() -> (Stream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let ours = Transport::accepted(Incoming::Kernel(OwnedFd::from(ours))).unwrap();
        (Stream::new(ours), theirs)
    }

    #[test]
    fn many_messages_of_one_turn_arrive_whole_and_come_back() {
        on_a_ring(|outbox| async move {
            let count = RING_ENTRIES as usize * 2 + 3;
            let pairs: Vec<_> = (0..count).map(|_| pair()).collect();
            let mut texts: Vec<Vec<u8>> = (0..count)
                .map(|number| format!("message {number}").into_bytes())
                .collect();
            let expected = texts.clone();
            let mut sends: Vec<_> = pairs
                .iter()
                .zip(&mut texts)
                .map(|((ours, _), text)| Box::pin(outbox.send(ours, text)))
                .collect();
            poll_fn(|cx| {
                let polled = sends.iter_mut().map(|send| send.as_mut().poll(cx));
                assert_eq!(polled.filter(Poll::is_ready).count(), 0, "before its turn");
                Poll::Ready(())
            })
            .await;
            for (send, text) in sends.into_iter().zip(&expected) {
                assert_eq!(send.await.unwrap(), text.len());
            }
            assert_eq!(texts, expected);
            for ((_, mut theirs), text) in pairs.into_iter().zip(expected) {
                let mut received = [0; 64];
                let read = theirs.read(&mut received).unwrap();
                assert_eq!(received[..read], text[..]);
            }
        });
    }

    #[test]
    fn what_does_not_fit_or_has_nobody_to_go_to_is_said_at_once() {
        on_a_ring(|outbox| async move {
            let (ours, theirs) = pair();
            let mut bytes = vec![b'x'; 1 << 20];
            let sent = outbox.send(&ours, &mut bytes).await.unwrap();
            assert!(sent > 0 && sent < bytes.len(), "{sent}");
            let full = outbox.send(&ours, &mut bytes).await.unwrap_err();
            assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
            assert_eq!(bytes.len(), 1 << 20, "the bytes are here again");
            drop(theirs);
            let gone = outbox.send(&ours, &mut bytes).await.unwrap_err();
            assert_eq!(gone.kind(), io::ErrorKind::BrokenPipe);
        });
    }

    #[test]
    fn who_stops_waiting_before_its_turn_sends_nothing() {
        on_a_ring(|outbox| async move {
            let (ours, mut theirs) = pair();
            let (mut first, mut second) = (b"first".to_vec(), b"second".to_vec());
            {
                let mut given_up = pin!(outbox.send(&ours, &mut first));
                let pending =
                    poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx).is_pending())).await;
                assert!(pending);
            }
            assert_eq!(outbox.send(&ours, &mut second).await.unwrap(), 6);
            let mut received = [0; 64];
            assert_eq!(theirs.read(&mut received).unwrap(), 6);
            assert_eq!(received[..6], *b"second");
        });
    }

    #[test]
    fn a_ring_that_fails_is_given_up_and_the_next_message_goes_by_itself() {
        on_a_ring(|outbox| async move {
            let (ours, mut theirs) = pair();
            let ring = outbox.0.borrow().ring.as_ref().map(AsRawFd::as_raw_fd);
            // SAFETY: the ring is open, and stays the owner of its descriptor.
            let mut ring = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(ring.unwrap()) });
            let other = File::open("/dev/null").unwrap();
            rustix::io::dup2(other, &mut ring).unwrap();
            let mut bytes = b"hello".to_vec();
            let lost = outbox.send(&ours, &mut bytes).await.unwrap_err();
            assert_eq!(
                lost.raw_os_error(),
                Some(rustix::io::Errno::IO.raw_os_error())
            );
            let mut bytes = b"again".to_vec();
            assert_eq!(outbox.send(&ours, &mut bytes).await.unwrap(), 5);
            let mut received = [0; 64];
            assert_eq!(theirs.read(&mut received).unwrap(), 5);
        });
    }
}
