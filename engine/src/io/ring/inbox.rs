//! What connections receive: each has a place here, and its bytes lie there when it is woken.
//!
//! For a connection that waits an operation is under way, which the kernel carries out when bytes come,
//! many in one turn of the loop and none by a call of its own. The bytes lie in a buffer of the
//! [`Supply`] until they are taken. While an operation is under way nobody reads past it, or bytes would
//! overtake each other.

#![expect(
    unsafe_code,
    reason = "entries of a submission queue are pushed unchecked, and one has a field that its builder does not know"
)]

use std::cell::Cell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use io_uring::squeue::{self, SubmissionQueue};
use io_uring::{IoUring, cqueue, opcode, types};
use rustix::event::PollFlags;
use rustix::io::Errno;

use super::supply::{GROUP, Supply};
use super::{Ring, Whose};

/// `IORING_RECVSEND_POLL_FIRST` (io_uring_enter(2)): do not try before something has come.
const POLL_FIRST: u16 = 1;

/// The places of a worker's connections.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    supply: Option<Supply>,
    /// Whether operations may begin.
    is_open: bool,
    places: Vec<Slot>,
    free: Vec<u32>,
    /// Whose operations are to begin, and to be cancelled.
    beginning: Vec<u32>,
    leaving: Vec<u32>,
    under_way: usize,
}

#[derive(Debug)]
struct Slot {
    descriptor: RawFd,
    want: Want,
    state: State,
    waker: Option<Waker>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// To be given what comes.
    Bytes,
    /// To be told that something is there, which stays in the kernel.
    News,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody's.
    Free,
    /// Nothing is wanted, and nothing is here.
    Rest,
    /// Its operation begins at the end of the turn.
    Begins,
    UnderWay,
    /// Its connection is gone, and the kernel has not given the operation back.
    Left,
    /// Bytes of a piece of the supply.
    Bytes {
        piece: u16,
        start: u16,
        end: u16,
    },
    /// Something is there, and not received.
    Readable,
    /// The stream has ended, for good.
    End,
    /// It has failed, for good, with this error number.
    Failed(i32),
    /// Descriptors of this kind are waited for in another way.
    Unfit,
}

impl Inbox {
    /// Gets ready to receive through `ring`.
    pub(super) fn open(&mut self, ring: &IoUring) {
        match Supply::lend(ring) {
            Ok(supply) => {
                self.supply = Some(supply);
                self.is_open = true;
            }
            Err(error) => log::info!("connections receive one by one: {error}"),
        }
    }

    /// Queues as many operations as there is room for.
    pub(super) fn submit(&mut self, queue: &mut SubmissionQueue<'_>) {
        while !queue.is_full()
            && let Some(number) = self.beginning.pop()
        {
            let slot = &mut self.places[number as usize];
            if slot.state != State::Begins {
                self.release(number);
                continue;
            }
            slot.state = State::UnderWay;
            self.under_way += 1;
            let operation = match slot.want {
                Want::Bytes => receive(slot.descriptor, number),
                Want::News => poll(slot.descriptor, number),
            };
            // SAFETY: it points to nothing: the kernel takes a buffer of the supply, or none.
            let _there_is_room = unsafe { queue.push(&operation) };
        }
        while !queue.is_full()
            && let Some(number) = self.leaving.pop()
        {
            let cancel = opcode::AsyncCancel::new(Whose::Place(number).user_data()).build();
            // SAFETY: it points to nothing.
            let _there_is_room = unsafe { queue.push(&cancel.user_data(Whose::NOBODY)) };
        }
    }

    /// Notes what became of an operation; who waits for it.
    pub(super) fn answer(&mut self, number: u32, answer: &cqueue::Entry) -> Option<Waker> {
        self.under_way -= 1;
        let outcome = outcome(answer);
        let slot = &mut self.places[number as usize];
        let waker = slot.waker.take();
        let is_wanted = slot.state == State::UnderWay;
        slot.state = outcome;
        match (cqueue::buffer_select(answer.flags()), outcome) {
            (None, _) | (_, State::Bytes { .. }) => {}
            (Some(unused), _) => self.give(unused),
        }
        if !is_wanted {
            self.release(number);
        }
        waker
    }

    /// Asks for everything back that the kernel has.
    pub(super) fn recall(&mut self) {
        let is_there = |slot: &Slot| matches!(slot.state, State::UnderWay | State::Left);
        let there = (0..).zip(&self.places).filter(|(_, slot)| is_there(slot));
        self.leaving = there.map(|(number, _)| number).collect();
    }

    /// Receives nothing any more; who waits for something reads for itself.
    pub(super) fn close(&mut self, over: &mut Vec<Waker>) {
        self.is_open = false;
        for slot in &mut self.places {
            match slot.state {
                State::Begins => slot.state = State::Readable,
                // Nobody can say what the kernel has received.
                State::UnderWay => slot.state = State::Failed(Errno::IO.raw_os_error()),
                _ => {}
            }
            over.extend(slot.waker.take());
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    fn enter(&mut self, descriptor: RawFd) -> u32 {
        let slot = Slot {
            descriptor,
            want: Want::Bytes,
            state: State::Rest,
            waker: None,
        };
        if let Some(number) = self.free.pop() {
            self.places[number as usize] = slot;
            return number;
        }
        self.places.push(slot);
        u32::try_from(self.places.len() - 1).expect("fewer connections than memory has room for")
    }

    fn has_arrived(&self, number: u32) -> bool {
        match self.places[number as usize].state {
            State::Bytes { .. } | State::Readable | State::End | State::Failed(_) => true,
            State::Free
            | State::Rest
            | State::Begins
            | State::UnderWay
            | State::Left
            | State::Unfit => false,
        }
    }

    /// Frees a place, and what lies in it.
    fn release(&mut self, number: u32) {
        let slot = &mut self.places[number as usize];
        if let State::Bytes { piece, .. } = std::mem::replace(&mut slot.state, State::Free) {
            self.give(piece);
        }
        self.free.push(number);
    }

    fn give(&mut self, piece: u16) {
        if let Some(supply) = &mut self.supply {
            supply.give(piece);
        }
    }

    /// Moves bytes that are here to `buffer`, as many as it has room for.
    fn take(&mut self, number: u32, buffer: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let slot = &mut self.places[number as usize];
        let (piece, start, end) = match slot.state {
            State::Bytes { piece, start, end } => (piece, start, end),
            State::Begins | State::UnderWay => return Some(Err(Errno::AGAIN.into())),
            State::End => return Some(Ok(0)),
            State::Failed(number) => return Some(Err(io::Error::from_raw_os_error(number))),
            State::Readable => {
                slot.state = State::Rest;
                return None;
            }
            State::Rest | State::Unfit | State::Left | State::Free => return None,
        };
        let there = usize::from(start)..usize::from(end);
        let bytes = self.supply.as_ref()?.bytes(piece, there);
        let count = bytes.len().min(buffer.capacity() - buffer.len());
        buffer.extend_from_slice(&bytes[..count]);
        let slot = &mut self.places[number as usize];
        if count == usize::from(end - start) {
            slot.state = State::Rest;
            self.give(piece);
        } else {
            let start = end - u16::try_from(usize::from(end - start) - count).unwrap_or(0);
            slot.state = State::Bytes { piece, start, end };
        }
        Some(Ok(count))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if self.under_way > 0 {
            // The kernel may write there still.
            std::mem::forget(self.supply.take());
        }
    }
}

/// What an operation came to.
fn outcome(answer: &cqueue::Entry) -> State {
    let result = answer.result();
    match (u16::try_from(result), cqueue::buffer_select(answer.flags())) {
        (Ok(0), _) => State::End,
        (Ok(end), Some(piece)) => State::Bytes {
            piece,
            start: 0,
            end,
        },
        // More than a buffer holds is not received into one.
        (Ok(_), None) => State::Readable,
        (Err(_), _) => match Errno::from_raw_os_error(result.saturating_neg()) {
            // Somebody will have to look: all buffers were in use, or it was called off.
            Errno::NOBUFS | Errno::CANCELED | Errno::INTR => State::Readable,
            Errno::AGAIN | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP => State::Unfit,
            errno => State::Failed(errno.raw_os_error()),
        },
    }
}

/// What receives for the place of this number, once something is there.
fn receive(descriptor: RawFd, number: u32) -> squeue::Entry {
    let mut entry = opcode::Recv::new(types::Fd(descriptor), ptr::null_mut(), 0)
        .buf_group(GROUP)
        .build()
        .flags(squeue::Flags::BUFFER_SELECT)
        .user_data(Whose::Place(number).user_data());
    // SAFETY: an entry is the kernel's struct io_uring_sqe, whose second 16 bits are its ioprio; the
    // builder has no word for them.
    let priority = unsafe { &mut *ptr::from_mut(&mut entry).cast::<[u16; 2]>() };
    priority[1] = POLL_FIRST;
    entry
}

/// What says for the place of this number that something is there.
fn poll(descriptor: RawFd, number: u32) -> squeue::Entry {
    // Ends and errors are told as well, unasked.
    opcode::PollAdd::new(types::Fd(descriptor), u32::from(PollFlags::IN.bits()))
        .build()
        .user_data(Whose::Place(number).user_data())
}

/// A connection's place in the inbox of its worker; taken when it first waits.
#[derive(Debug)]
pub(crate) struct Place {
    ring: Rc<Ring>,
    number: Cell<Option<u32>>,
}

impl Place {
    /// A place for a connection that will wait.
    pub(crate) fn new(ring: &Rc<Ring>) -> Self {
        Self {
            ring: ring.clone(),
            number: Cell::new(None),
        }
    }

    /// Ready when something has come for `descriptor`; `None` when that must be learnt in another way.
    /// What was wanted first is waited for.
    pub(crate) fn poll(
        &self,
        descriptor: BorrowedFd<'_>,
        want: Want,
        cx: &Context<'_>,
    ) -> Option<Poll<()>> {
        let mut inner = self.ring.0.borrow_mut();
        let inbox = &mut inner.inbox;
        if !inbox.is_open
            && !self
                .number
                .get()
                .is_some_and(|number| inbox.has_arrived(number))
        {
            return None;
        }
        let number = self.number.get().unwrap_or_else(|| {
            let number = inbox.enter(descriptor.as_raw_fd());
            self.number.set(Some(number));
            number
        });
        let slot = &mut inbox.places[number as usize];
        let is_new = slot.state == State::Rest;
        match slot.state {
            State::Rest => {
                (slot.state, slot.want) = (State::Begins, want);
                inbox.beginning.push(number);
            }
            State::Begins | State::UnderWay => {}
            State::Unfit | State::Left | State::Free => return None,
            State::Bytes { .. } | State::Readable | State::End | State::Failed(_) => {
                return Some(Poll::Ready(()));
            }
        }
        let known = slot.waker.as_ref();
        if !known.is_some_and(|known| known.will_wake(cx.waker())) {
            drop(inner);
            // A waker may be anybody's: none is made or dropped while the ring is borrowed.
            let mut waker = Some(cx.waker().clone());
            let slot = &mut self.ring.0.borrow_mut().inbox.places[number as usize];
            std::mem::swap(&mut slot.waker, &mut waker);
        } else {
            drop(inner);
        }
        if is_new {
            self.ring.call();
        }
        Some(Poll::Pending)
    }

    /// Moves what has come to `buffer`, as much as it has room for; 0 is the end of the stream. `None`
    /// when nothing has come this way and nothing will: the kernel is to be asked.
    pub(crate) fn take(&self, buffer: &mut Vec<u8>) -> Option<io::Result<usize>> {
        let number = self.number.get()?;
        self.ring.0.borrow_mut().inbox.take(number, buffer)
    }

    /// Whether nothing has come this way and nothing will, as for `take`.
    pub(crate) fn yields(&self) -> bool {
        let Some(number) = self.number.get() else {
            return true;
        };
        let state = &mut self.ring.0.borrow_mut().inbox.places[number as usize].state;
        if *state == State::Readable {
            *state = State::Rest;
        }
        matches!(state, State::Rest | State::Unfit)
    }

    /// How much has come, 0 being the end of the stream; `None` when that is for the kernel to say.
    pub(crate) fn peek(&self) -> Option<io::Result<usize>> {
        let number = self.number.get()?;
        match self.ring.0.borrow().inbox.places[number as usize].state {
            State::Bytes { start, end, .. } => Some(Ok(usize::from(end - start))),
            State::End => Some(Ok(0)),
            State::Failed(number) => Some(Err(io::Error::from_raw_os_error(number))),
            _ => None,
        }
    }

    /// Whether something has come.
    pub(crate) fn has_arrived(&self) -> bool {
        let has_arrived = |number| self.ring.0.borrow().inbox.has_arrived(number);
        self.number.get().is_some_and(has_arrived)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(number) = self.number.get() else {
            return;
        };
        let mut inner = self.ring.0.borrow_mut();
        let inbox = &mut inner.inbox;
        let slot = &mut inbox.places[number as usize];
        // Dropped when nothing is borrowed.
        let waker = slot.waker.take();
        match slot.state {
            State::Begins => slot.state = State::Left,
            State::UnderWay => {
                slot.state = State::Left;
                inbox.leaving.push(number);
            }
            _ => inbox.release(number),
        }
        drop(inner);
        drop(waker);
        self.ring.call();
    }
}
