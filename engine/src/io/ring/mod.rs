//! A worker's own ring, next to its event loop's: what many tasks want sent and received, handed to the
//! kernel together.
//!
//! Tasks leave what they want in the [`outbox`] and the [`inbox`]; when all that were ready have run,
//! one system call hands over everything. It costs less than a call for each, and what runs between two
//! messages stays in the caches. The kernel never holds memory of a task: messages are sent by the time
//! the call returns, and bytes are received into the ring's own buffers, so that whoever waits may be
//! dropped at any point (ADR 0002). Without a ring (epoll, or a stream that is not the kernel's) each
//! connection sends and receives for itself.

mod inbox;
mod outbox;
mod supply;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use io_uring::IoUring;
use monoio::net::UnixStream;
use rustix::event::epoll;

use crate::io::stream::Stream;
use crate::rt::driver::Driver;
use inbox::Inbox;
pub(crate) use inbox::{Place, Want};
use outbox::{Message, Outbox};

/// Submission queue entries, and how many operations one system call begins at most.
const ENTRIES: u32 = 256;
/// Completion queue entries; the kernel keeps what is beyond them until there is room.
const COMPLETIONS: u32 = 1024;
/// How often the kernel is asked for what it still has before it is left with it.
const RECALLS: usize = 8;

/// The ring, and what waits for it.
#[derive(Debug, Default)]
pub(crate) struct Ring(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    /// Who makes the ring, until it is asked for.
    maker: Option<Driver>,
    ring: Option<IoUring>,
    /// Readable when the ring has answers.
    bell: Option<Rc<UnixStream>>,
    outbox: Outbox,
    inbox: Inbox,
    /// Whose operations are over; woken when nothing here is borrowed.
    over: Vec<Waker>,
    /// Wakes [`Ring::run`].
    runner: Option<Waker>,
}

/// Who an operation is for.
#[derive(Clone, Copy)]
enum Whose {
    Message(u32),
    Place(u32),
}

impl Ring {
    /// A ring for an event loop of this kind. Until it is opened, nothing goes through it.
    pub(crate) fn new(driver: &Driver) -> Self {
        let ring = Self::default();
        ring.0.borrow_mut().maker = Some(driver.clone());
        ring
    }

    /// Makes the ring where there is to be one, once; `true`: from now on [`Ring::run`] is needed.
    pub(crate) fn open(&self) -> bool {
        let mut inner = self.0.borrow_mut();
        let Some(driver) = inner.maker.take() else {
            return false;
        };
        inner.open(&driver).unwrap_or_else(|error| {
            log::warn!("connections send and receive one by one: {error}");
            false
        })
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
            Some(descriptor) => Message::new(self, descriptor, bytes, sent).await,
            None => {
                let count = stream.try_send(bytes)?;
                *sent += count as u64;
                Ok(count)
            }
        }
    }

    /// Hands over what waits and wakes who is answered, whenever there is something to do. Ends when
    /// there is no ring any more.
    pub(crate) async fn run(&self) {
        let bell = || self.0.borrow().bell.clone();
        while let Some(bell) = bell() {
            let mut rings = pin!(bell.readable(false));
            poll_fn(|cx| {
                self.turn();
                let runner = cx.waker().clone();
                let mut inner = self.0.borrow_mut();
                if inner.ring.is_none() {
                    return Poll::Ready(());
                }
                inner.runner = Some(runner);
                drop(inner);
                // A failed poll is an answer too: the next turn says what is wrong.
                rings.as_mut().poll(cx).map(drop)
            })
            .await;
        }
    }

    /// Hands over what waits, takes back what can be had, and does without a ring from now on.
    pub(crate) fn close(&self) {
        self.turn();
        for _ in 0..RECALLS {
            let mut inner = self.0.borrow_mut();
            if inner.ring.is_none() || inner.inbox.is_idle() {
                break;
            }
            inner.inbox.recall();
            drop(inner);
            self.turn();
        }
        let mut over = {
            let mut inner = self.0.borrow_mut();
            inner.close();
            (std::mem::take(&mut inner.over), inner.runner.take())
        };
        over.0.drain(..).chain(over.1).for_each(Waker::wake);
    }

    /// Sees to it that what waits is handed over when all tasks that are ready have run.
    fn call(&self) {
        let runner = self.0.borrow_mut().runner.take();
        if let Some(runner) = runner {
            runner.wake();
        }
    }

    fn turn(&self) {
        let mut over = {
            let mut inner = self.0.borrow_mut();
            inner.turn();
            std::mem::take(&mut inner.over)
        };
        over.drain(..).for_each(Waker::wake);
        self.0.borrow_mut().over = over;
    }
}

/// What is readable when the ring has answers. An epoll instance stands in between, because a ring does
/// not close another, and closing is the event loop's to do; only readiness is asked of it.
fn bell(ring: &IoUring) -> io::Result<UnixStream> {
    let bell = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let ring = super::borrow(ring);
    epoll::add(
        &bell,
        ring,
        epoll::EventData::new_u64(0),
        epoll::EventFlags::IN,
    )?;
    UnixStream::from_std(bell.into())
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn open(&mut self, driver: &Driver) -> io::Result<bool> {
        let Some(ring) = driver.small_ring(ENTRIES, COMPLETIONS)? else {
            return Ok(false);
        };
        self.bell = Some(Rc::new(bell(&ring)?));
        self.inbox.open(&ring);
        self.ring = Some(ring);
        Ok(true)
    }

    fn turn(&mut self) {
        let Some(ring) = &mut self.ring else { return };
        let handed_over = hand_over(ring, &mut self.outbox, &mut self.inbox, &mut self.over);
        if let Err(error) = handed_over {
            log::error!("connections send and receive one by one from now on: {error}");
            self.close();
        }
    }

    fn close(&mut self) {
        self.ring = None;
        self.bell = None;
        self.outbox.close(&mut self.over);
        self.inbox.close(&mut self.over);
    }
}

/// Submits what waits, as often as it takes, and notes what has been answered.
///
/// # Errors
/// When the kernel does not take it, which is not known to happen; the ring must not be used again then.
fn hand_over(
    ring: &mut IoUring,
    outbox: &mut Outbox,
    inbox: &mut Inbox,
    over: &mut Vec<Waker>,
) -> io::Result<()> {
    loop {
        for answer in ring.completion() {
            over.extend(match Whose::of(answer.user_data()) {
                Some(Whose::Message(number)) => outbox.answer(number, answer.result()),
                Some(Whose::Place(number)) => inbox.answer(number, &answer),
                None => None,
            });
        }
        let mut queue = ring.submission();
        outbox.submit(&mut queue);
        inbox.submit(&mut queue);
        queue.sync();
        let is_done = queue.is_empty() && outbox.is_idle() && !queue.cq_overflow();
        drop(queue);
        if is_done {
            return Ok(());
        }
        let given = ring.submission().len();
        match ring.submit() {
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                if ring.submission().len() == given {
                    outbox.take_back();
                }
                return Err(error);
            }
            Ok(_) => {}
        }
    }
}

/// Whether another attempt is all that it takes.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ResourceBusy
    )
}

impl Whose {
    /// What nobody waits for.
    const NOBODY: u64 = u64::MAX;

    fn user_data(self) -> u64 {
        match self {
            Self::Message(number) => u64::from(number) << 1,
            Self::Place(number) => u64::from(number) << 1 | 1,
        }
    }

    fn of(user_data: u64) -> Option<Self> {
        let number = u32::try_from(user_data >> 1).ok()?;
        Some(match user_data & 1 {
            0 => Self::Message(number),
            _ => Self::Place(number),
        })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("outbox", &self.outbox)
            .field("inbox", &self.inbox)
            .finish_non_exhaustive()
    }
}
