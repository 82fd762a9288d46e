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

use io_uring::{IoUring, opcode, squeue, types};
use rustix::io::Errno;

use crate::io::socket::SEND_FLAGS;
use crate::io::stream::Stream;
use crate::rt::driver::Driver;

/// Submission queue entries of an outbox's ring, and how many messages one system call sends at most.
const RING_ENTRIES: u32 = 256;

/// What waits for the end of this turn of the event loop.
#[derive(Debug, Default)]
pub(crate) struct Outbox(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    /// Who makes the ring, until it is asked for.
    maker: Option<Driver>,
    ring: Option<IoUring>,
    /// By the number of a message.
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The numbers of what is to be sent.
    queue: Vec<usize>,
    /// Whose messages were sent; woken when nothing here is borrowed.
    answered: Vec<Waker>,
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
        sent: usize,
        error: Option<io::Error>,
    },
}

impl Outbox {
    /// An outbox for an event loop of this kind. Until it is opened, each message is sent at once.
    pub(crate) fn new(driver: &Driver) -> Self {
        let outbox = Self::default();
        outbox.0.borrow_mut().maker = Some(driver.clone());
        outbox
    }

    /// Makes the ring where there is to be one, once; `true`: from now on [`Outbox::run`] is needed.
    pub(crate) fn open(&self) -> bool {
        let mut inner = self.0.borrow_mut();
        let Some(driver) = inner.maker.take() else {
            return false;
        };
        inner.ring = driver.small_ring(RING_ENTRIES);
        inner.ring.is_some()
    }

    /// Sends what fits of `bytes`, which are here again when it is done, and adds it to `sent`;
    /// `WouldBlock` when nothing does. Who drops this before gets the bytes, too, rid of those that were
    /// sent, and the same account.
    pub(crate) async fn send(
        &self,
        stream: &Stream,
        bytes: &mut Vec<u8>,
        sent: &mut u64,
    ) -> io::Result<usize> {
        let together = |_: &BorrowedFd<'_>| self.0.borrow().ring.is_some();
        match stream.descriptor().filter(together) {
            Some(descriptor) => {
                let message = Message {
                    outbox: self,
                    descriptor,
                    bytes,
                    sent,
                    number: None,
                };
                message.await
            }
            None => {
                let count = stream.try_send(bytes)?;
                *sent += count as u64;
                Ok(count)
            }
        }
    }

    /// Sends what waits, whenever something does. Ends when there is no ring any more.
    pub(crate) async fn run(&self) {
        poll_fn(|cx| {
            let runner = cx.waker().clone();
            self.flush();
            let mut inner = self.0.borrow_mut();
            inner.runner = Some(runner);
            match inner.ring {
                Some(_) => Poll::Pending,
                None => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Sends what waits and gives the ring back, with whom it would wake.
    pub(crate) fn close(&self) {
        self.flush();
        let mut inner = self.0.borrow_mut();
        inner.ring = None;
        inner.runner = None;
    }

    fn flush(&self) {
        let mut answered = {
            let mut inner = self.0.borrow_mut();
            inner.flush();
            std::mem::take(&mut inner.answered)
        };
        answered.drain(..).for_each(Waker::wake);
        self.0.borrow_mut().answered = answered;
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
        let Self {
            ring: Some(ring),
            slots,
            queue,
            answered,
            ..
        } = self
        else {
            return;
        };
        let mut refused = None;
        for numbers in queue.chunks(RING_ENTRIES as usize) {
            if refused.is_none() {
                refused = send_together(ring, slots, numbers, answered).err();
            }
            if refused.is_some() {
                // Who was not served is to try again, alone.
                let again = Errno::AGAIN.raw_os_error();
                let left = numbers
                    .iter()
                    .filter_map(|&number| slots[number].answer(-again));
                answered.extend(left);
            }
        }
        queue.clear();
        if let Some(error) = refused {
            log::error!("sending together, from now on one by one: {error}");
            self.ring = None;
        }
    }
}

/// Sends the messages of these numbers and notes what became of each.
///
/// # Errors
/// When the ring does not take more, which is not known to happen; it must not be used again then. What
/// waits still was not sent.
fn send_together(
    ring: &mut IoUring,
    slots: &mut [Slot],
    numbers: &[usize],
    answered: &mut Vec<Waker>,
) -> io::Result<()> {
    for &number in numbers {
        let send = slots[number].operation(number);
        // SAFETY: the bytes stay in their slot until the ring has answered, which the loop below waits
        // for; where it cannot, they are leaked.
        let pushed = unsafe { ring.submission().push(&send) };
        pushed.map_err(io::Error::other)?;
    }
    let mut under_way = numbers.len();
    while under_way > 0 {
        // With MSG_DONTWAIT an operation is over as soon as it is submitted: this never sleeps.
        let submitted = ring.submit_and_wait(under_way);
        for answer in ring.completion() {
            let number = usize::try_from(answer.user_data()).unwrap_or(usize::MAX);
            answered.extend(slots[number].answer(answer.result()));
            under_way -= 1;
        }
        match submitted {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let taken = numbers.len() - ring.submission().len();
                let lost = numbers[..taken].iter();
                answered.extend(lost.filter_map(|&number| slots[number].abandon()));
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
}

impl Slot {
    /// What sends the message of this number.
    fn operation(&self, number: usize) -> squeue::Entry {
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
            .user_data(number as u64)
    }

    /// Notes how many bytes were sent, or the negated error number; whoever waits for that.
    fn answer(&mut self, result: i32) -> Option<Waker> {
        let (sent, error) = match usize::try_from(result) {
            Ok(sent) => (sent, None),
            Err(_) => (
                0,
                Some(io::Error::from_raw_os_error(result.saturating_neg())),
            ),
        };
        self.end(sent, error)
    }

    /// Gives up on a message of which nobody can say what the kernel does with it.
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
struct Message<'a> {
    outbox: &'a Outbox,
    /// Borrowed, so that its stream stays open for as long as it is in the queue.
    descriptor: BorrowedFd<'a>,
    bytes: &'a mut Vec<u8>,
    sent: &'a mut u64,
    number: Option<usize>,
}

impl Message<'_> {
    /// Takes the message out, sent or not.
    fn take_back(&mut self, number: usize) -> io::Result<usize> {
        self.number = None;
        let slot = self.outbox.0.borrow_mut().take(number);
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
        let inner = &this.outbox.0;
        let Some(number) = this.number else {
            let (descriptor, sender) = (this.descriptor.as_raw_fd(), cx.waker().clone());
            let bytes = std::mem::take(this.bytes);
            this.number = Some(inner.borrow_mut().put(descriptor, bytes, sender));
            return Poll::Pending;
        };
        if !matches!(inner.borrow().slots[number], Slot::Waiting { .. }) {
            return Poll::Ready(this.take_back(number));
        }
        // A waker may be anybody's: none is made or dropped while the outbox is borrowed.
        let mut waker = cx.waker().clone();
        if let Slot::Waiting { sender, .. } = &mut inner.borrow_mut().slots[number] {
            std::mem::swap(sender, &mut waker);
        }
        Poll::Pending
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let unqueue = |inner: &mut Inner| inner.queue.retain(|&queued| queued != number);
        unqueue(&mut self.outbox.0.borrow_mut());
        if let Ok(count) = self.take_back(number) {
            self.bytes.drain(..count.min(self.bytes.len()));
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

    /// An outbox on the event loop of a test, which turns when the test waits.
    fn on_a_ring<F: Future<Output = ()>>(test: impl FnOnce(Rc<Outbox>) -> F) {
        let driver = Driver::choose(corelane_config::Io::Uring, false, 1).unwrap();
        let outbox = Rc::new(Outbox::new(&driver));
        let ended = driver.block_on(async move {
            assert!(outbox.open() && !outbox.open(), "once");
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
            let mut counts = vec![0; count];
            let mut sends: Vec<_> = pairs
                .iter()
                .zip(&mut texts)
                .zip(&mut counts)
                .map(|(((ours, _), text), count)| Box::pin(outbox.send(ours, text, count)))
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
            let lengths = expected.iter().map(|text| text.len() as u64);
            assert!(counts.into_iter().eq(lengths));
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
            let (mut bytes, mut count) = (vec![b'x'; 1 << 20], 0);
            let sent = outbox.send(&ours, &mut bytes, &mut count).await.unwrap();
            assert!(sent > 0 && sent < bytes.len(), "{sent}");
            let full = outbox.send(&ours, &mut bytes, &mut count).await;
            assert_eq!(full.unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert_eq!(bytes.len(), 1 << 20, "the bytes are here again");
            drop(theirs);
            let gone = outbox.send(&ours, &mut bytes, &mut count).await;
            assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(count, sent as u64);
        });
    }

    /// Polls once, which puts the message into the outbox.
    async fn begin(mut send: Pin<&mut impl Future<Output = io::Result<usize>>>) {
        assert!(poll_fn(|cx| Poll::Ready(send.as_mut().poll(cx).is_pending())).await);
    }

    #[test]
    fn who_stops_waiting_before_its_turn_sends_nothing() {
        on_a_ring(|outbox| async move {
            let (ours, mut theirs) = pair();
            let (mut first, mut second, mut count) = (b"first".to_vec(), b"second".to_vec(), 0);
            begin(pin!(outbox.send(&ours, &mut first, &mut count))).await;
            assert_eq!((&*first, count), (b"first".as_slice(), 0));
            let sent = outbox.send(&ours, &mut second, &mut count).await;
            assert_eq!((sent.unwrap(), count), (6, 6));
            let mut received = [0; 64];
            assert_eq!(theirs.read(&mut received).unwrap(), 6);
            assert_eq!(received[..6], *b"second");
        });
    }

    #[test]
    fn who_stops_waiting_after_its_turn_is_told_what_was_sent() {
        on_a_ring(|outbox| async move {
            let (ours, mut theirs) = pair();
            let (mut bytes, mut count) = (vec![b'x'; 1 << 20], 0);
            {
                let mut given_up = pin!(outbox.send(&ours, &mut bytes, &mut count));
                begin(given_up.as_mut()).await;
                outbox.flush();
            }
            let mut received = vec![0; 1 << 20];
            let read = theirs.read(&mut received).unwrap();
            assert!(read > 0 && read as u64 <= count, "{read} of {count}");
            assert_eq!(bytes.len() as u64, (1 << 20) - count);
        });
    }

    #[test]
    fn a_ring_that_fails_is_given_up_and_messages_go_by_themselves() {
        on_a_ring(|outbox| async move {
            let (ours, mut theirs) = pair();
            let ring = outbox.0.borrow().ring.as_ref().map(AsRawFd::as_raw_fd);
            // SAFETY: the ring is open, and stays the owner of its descriptor.
            let mut ring = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(ring.unwrap()) });
            let other = File::open("/dev/null").unwrap();
            rustix::io::dup2(other, &mut ring).unwrap();
            let (mut bytes, mut count) = (b"hello".to_vec(), 0);
            let refused = outbox.send(&ours, &mut bytes, &mut count).await;
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert_eq!((&*bytes, count), (b"hello".as_slice(), 0));
            let sent = outbox.send(&ours, &mut bytes, &mut count).await;
            assert_eq!((sent.unwrap(), count), (5, 5));
            let mut received = [0; 64];
            assert_eq!(theirs.read(&mut received).unwrap(), 5);
        });
    }
}
