//! A connection in memory: two bounded lanes of bytes, with the faults that a network has.
//!
//! It behaves as a TCP connection of Linux does where our code could tell: a close with unread bytes
//! is a reset, what was delivered before a reset can still be read, what is sent to a closed peer is
//! lost and answered by a reset, and a lane is called writable when a third of it is free.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::trace::{Trace, What};
use crate::rt::random::Random;

/// One end of a connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct End {
    wire: Arc<Mutex<Wire>>,
    /// 0 opened the connection, 1 accepted it.
    side: usize,
}

#[derive(Debug)]
struct Wire {
    number: u64,
    trace: Trace,
    /// By the side that writes into them.
    lanes: [Lane; 2],
    /// By the side that sees it.
    reset: [bool; 2],
    reset_on_close: [bool; 2],
}

/// The bytes from one side to the other.
#[derive(Debug)]
struct Lane {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// How many of the bytes have arrived; all of them, unless they arrive in pieces.
    arrived: usize,
    pieces: Option<Pieces>,
    /// Bytes that were ever written.
    written: usize,
    /// The writer says no more.
    ended: bool,
    /// The reader has closed.
    deaf: bool,
    /// Nothing arrives at present.
    stalled: bool,
    cut: Option<(usize, Cut)>,
    readers: Vec<Waker>,
    writers: Vec<Waker>,
}

#[derive(Debug)]
struct Pieces {
    most: usize,
    random: Random,
}

/// How a connection breaks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// As by an orderly close of the writer.
    End,
    /// As by a crash of either side.
    Reset,
}

/// How a lane carries its bytes.
#[derive(Debug)]
pub(super) struct Shape {
    /// The most bytes under way.
    pub(super) capacity: usize,
    /// The most bytes that arrive at once, and a seed for how many do; `None` for all.
    pub(super) pieces: Option<(usize, u64)>,
}

/// A new connection: the end that opened it, and the one that accepts it. Each shape is that of the
/// lane into which the end writes.
pub(super) fn connection(number: u64, trace: &Trace, shapes: [Shape; 2]) -> (End, End) {
    trace.note(number, 0, What::Opened);
    let wire = Arc::new(Mutex::new(Wire {
        number,
        trace: trace.clone(),
        lanes: shapes.map(Lane::new),
        reset: [false; 2],
        reset_on_close: [false; 2],
    }));
    let end = |side| End {
        wire: wire.clone(),
        side,
    };
    (end(0), end(1))
}

impl End {
    /// Appends what has arrived to `buffer`, up to its capacity.
    pub(crate) fn try_recv(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        let mut wire = self.wire();
        let count = wire.at_hand(self.side)?.min(room);
        let lane = &mut wire.lanes[1 - self.side];
        let (front, back) = lane.bytes.as_slices();
        let first = count.min(front.len());
        buffer.extend_from_slice(&front[..first]);
        buffer.extend_from_slice(&back[..count - first]);
        lane.bytes.drain(..count);
        lane.arrived -= count;
        if lane.is_roomy() {
            wake(&mut lane.writers);
        }
        wire.note(self.side, What::Received(count));
        Ok(count)
    }

    /// How many bytes have arrived; 0 at the end.
    pub(crate) fn peek(&self) -> io::Result<usize> {
        self.wire().at_hand(self.side)
    }

    /// Sends what fits.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_send_vectored(&[IoSlice::new(bytes)])
    }

    /// Sends what fits of several pieces.
    pub(crate) fn try_send_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut wire = self.wire();
        let offered = pieces.iter().map(|piece| piece.len()).sum();
        let count = wire.admit(self.side, offered)?;
        wire.carry(self.side, pieces, count);
        Ok(count)
    }

    /// Resolves when there is something to read, an end or an error.
    pub(crate) async fn readable(&self) {
        poll_fn(|cx| self.wire().poll_readable(self.side, cx)).await;
    }

    /// Resolves when there is room to write, or an error.
    pub(crate) async fn writable(&self) {
        poll_fn(|cx| self.wire().poll_writable(self.side, cx)).await;
    }

    /// How many bytes were sent that the peer has not taken.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.wire().lanes[self.side].bytes.len()
    }

    /// Says that no more bytes will come.
    pub(crate) fn shutdown_write(&self) {
        self.wire().end(self.side);
    }

    /// Makes the coming close a reset.
    pub(crate) fn reset_on_close(&self) {
        self.wire().reset_on_close[self.side] = true;
    }

    /// Stops what this end sends from arriving, or lets it go on.
    pub(crate) fn stall(&self, stalled: bool) {
        let mut wire = self.wire();
        let lane = &mut wire.lanes[self.side];
        lane.stalled = stalled;
        wake(&mut lane.readers);
    }

    /// Breaks the connection once this end has sent so many bytes more.
    pub(crate) fn cut_after(&self, bytes: usize, cut: Cut) {
        let mut wire = self.wire();
        let lane = &mut wire.lanes[self.side];
        lane.cut = Some((lane.written + bytes, cut));
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let side = self.side;
        let mut wire = self.wire();
        wire.note(side, What::Closed);
        let incoming = &mut wire.lanes[1 - side];
        let unread = !incoming.bytes.is_empty();
        incoming.bytes.clear();
        incoming.arrived = 0;
        incoming.deaf = true;
        wake(&mut incoming.writers);
        if unread || wire.reset_on_close[side] {
            wire.reset(1 - side);
        } else {
            wire.end(side);
        }
    }
}

impl Wire {
    fn note(&self, side: usize, what: What) {
        self.trace.note(self.number, side, what);
    }

    /// How many bytes `side` can read; 0 at the end.
    fn at_hand(&self, side: usize) -> io::Result<usize> {
        let lane = &self.lanes[1 - side];
        if lane.stalled {
            Err(ErrorKind::WouldBlock.into())
        } else if lane.arrived > 0 {
            Ok(lane.arrived)
        } else if self.reset[side] {
            Err(ErrorKind::ConnectionReset.into())
        } else if lane.ended && lane.bytes.is_empty() {
            Ok(0)
        } else {
            Err(ErrorKind::WouldBlock.into())
        }
    }

    /// How many of `offered` bytes `side` may send.
    fn admit(&mut self, side: usize, offered: usize) -> io::Result<usize> {
        let lane = &self.lanes[side];
        if self.reset[side] {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if lane.ended {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if lane.deaf {
            // The first bytes to a closed peer are gone, and its kernel answers them with a reset.
            self.reset(side);
            return Ok(offered);
        }
        match lane.capacity - lane.bytes.len() {
            0 if offered > 0 => Err(ErrorKind::WouldBlock.into()),
            free => Ok(free.min(offered)),
        }
    }

    /// Puts the first `count` bytes of `pieces`, which are admitted, on their way from `side`.
    fn carry(&mut self, side: usize, pieces: &[IoSlice<'_>], count: usize) {
        self.note(side, What::Sent(count));
        let lane = &mut self.lanes[side];
        if lane.deaf {
            return;
        }
        let until_cut = lane
            .cut
            .map_or(usize::MAX, |(at, _)| at.saturating_sub(lane.written));
        lane.written += count;
        let mut left = count.min(until_cut);
        for piece in pieces {
            let part = &piece[..left.min(piece.len())];
            lane.bytes.extend(part);
            left -= part.len();
        }
        if lane.pieces.is_none() {
            lane.arrived = lane.bytes.len();
        }
        wake(&mut lane.readers);
        if let Some((_, cut)) = lane.cut.filter(|_| count >= until_cut) {
            lane.deaf = true; // what is sent from now on gets nowhere
            match cut {
                Cut::End => self.end(side),
                Cut::Reset => {
                    self.reset(0);
                    self.reset(1);
                }
            }
        }
    }

    fn end(&mut self, side: usize) {
        if !std::mem::replace(&mut self.lanes[side].ended, true) {
            self.note(side, What::Ended);
            wake(&mut self.lanes[side].readers);
        }
    }

    /// Lets `side` see a reset. What had not arrived there is lost.
    fn reset(&mut self, side: usize) {
        if std::mem::replace(&mut self.reset[side], true) {
            return;
        }
        self.note(side, What::Reset);
        let incoming = &mut self.lanes[1 - side];
        incoming.bytes.truncate(incoming.arrived);
        incoming.stalled = false;
        wake(&mut incoming.readers);
        wake(&mut self.lanes[side].writers);
    }

    fn poll_readable(&mut self, side: usize, cx: &Context<'_>) -> Poll<()> {
        let ready = self
            .at_hand(side)
            .map_or_else(|error| error.kind() != ErrorKind::WouldBlock, |_| true);
        if ready {
            return Poll::Ready(());
        }
        let lane = &mut self.lanes[1 - side];
        register(&mut lane.readers, cx);
        if !lane.stalled && !lane.bytes.is_empty() {
            // The next piece arrives, in a turn of its own.
            lane.arrived = lane.pieces.as_ref().map_or(lane.bytes.len(), |pieces| {
                let drawn = pieces.random.next() % pieces.most as u64;
                (1 + usize::try_from(drawn).unwrap_or(0)).min(lane.bytes.len())
            });
            wake(&mut lane.readers);
        }
        Poll::Pending
    }

    fn poll_writable(&mut self, side: usize, cx: &Context<'_>) -> Poll<()> {
        let lane = &mut self.lanes[side];
        if self.reset[side] || lane.ended || lane.deaf || lane.is_roomy() {
            return Poll::Ready(());
        }
        register(&mut lane.writers, cx);
        Poll::Pending
    }
}

impl Lane {
    fn new(shape: Shape) -> Self {
        Self {
            bytes: VecDeque::new(),
            capacity: shape.capacity.max(1),
            arrived: 0,
            pieces: shape.pieces.map(|(most, seed)| Pieces {
                most: most.max(1),
                random: Random::from_seed(seed),
            }),
            written: 0,
            ended: false,
            deaf: false,
            stalled: false,
            cut: None,
            readers: Vec::new(),
            writers: Vec::new(),
        }
    }

    /// Whether a third is free, which is when Linux calls a socket writable.
    fn is_roomy(&self) -> bool {
        (self.capacity - self.bytes.len()) * 3 >= self.capacity
    }
}

fn register(wakers: &mut Vec<Waker>, cx: &Context<'_>) {
    if !wakers.iter().any(|known| known.will_wake(cx.waker())) {
        wakers.push(cx.waker().clone());
    }
}

fn wake(wakers: &mut Vec<Waker>) {
    wakers.drain(..).for_each(Waker::wake);
}
