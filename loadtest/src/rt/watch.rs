//! Ends what takes too long. Entered by the load generator: each connection shows its socket and the
//! time its request began, and one patrol per worker shuts down the sockets that are overdue. The
//! pending operation then returns by itself; dropping it would leave its bytes nowhere (see `rt`). The
//! origin comes here to reset a connection.
#![expect(
    unsafe_code,
    reason = "monoio's stream lends its descriptor as a bare number; the blocks are in cut() and reset()"
)]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use monoio::net::TcpStream;

use super::{Input, Outgoing, PollStream, Pollable, Transport};
use crate::tls::Session;

/// All watched connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    entries: RefCell<Vec<Rc<Entry>>>,
}

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its request took longer than a request may.
    Timeout,
    /// The run is over.
    Stop,
}

/// One place under watch; it outlives the connections that take it in turn.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    fd: Cell<Option<RawFd>>,
    busy_since: Cell<Option<Instant>>,
    cut: Cell<Option<Cut>>,
    /// Who waits here for something else than a socket.
    waiting: RefCell<Option<Waker>>,
}

/// A stream whose place under watch is given up just before it closes.
#[derive(Debug)]
pub(crate) struct WatchedStream {
    /// Stands first because it is dropped first.
    guard: Guard,
    stream: TcpStream,
}

/// A stream's hold on its place.
#[derive(Debug)]
pub(crate) struct Guard(Rc<Entry>);

impl Watch {
    /// A new place.
    pub(crate) fn enter(&self) -> Rc<Entry> {
        let entry = Rc::new(Entry::default());
        self.entries.borrow_mut().push(Rc::clone(&entry));
        entry
    }

    /// Looks at all connections again and again, for as long as the future is polled: cuts requests
    /// that are older than `timeout`, and everything once it is `last_call`.
    pub(crate) async fn patrol(&self, timeout: Duration, last_call: Instant) {
        let pause = (timeout / 10).clamp(Duration::from_millis(5), Duration::from_millis(50));
        loop {
            monoio::time::sleep(pause).await;
            let now = Instant::now();
            // Places that nobody holds any more are given up.
            let mut entries = self.entries.borrow_mut();
            entries.retain(|entry| Rc::strong_count(entry) > 1);
            for entry in entries.iter() {
                let overdue = |since| now.saturating_duration_since(since) >= timeout;
                if now >= last_call {
                    entry.cut(Cut::Stop);
                } else if entry.busy_since.get().is_some_and(overdue) {
                    entry.cut(Cut::Timeout);
                }
            }
        }
    }
}

impl Entry {
    /// Puts a fresh stream under watch at this place.
    pub(crate) fn guard(self: &Rc<Self>, stream: TcpStream) -> WatchedStream {
        self.fd.set(Some(stream.as_raw_fd()));
        self.cut.set(None);
        WatchedStream {
            guard: Guard(Rc::clone(self)),
            stream,
        }
    }

    /// A request begins at `now`, or the connection is idle again.
    pub(crate) fn set_busy(&self, since: Option<Instant>) {
        self.busy_since.set(since);
    }

    /// A request begins that shares its socket with others: a cut ends its own wait and nothing else.
    pub(crate) fn begin(&self, since: Instant) {
        self.cut.set(None);
        self.busy_since.set(Some(since));
    }

    /// Waits for something that may be dropped at any point, but not beyond a cut.
    ///
    /// # Errors
    /// Why it was cut.
    pub(crate) async fn watch<T>(&self, future: impl Future<Output = T>) -> Result<T, Cut> {
        let mut future = pin!(future);
        let result = poll_fn(|context| {
            if let Some(cut) = self.cut.get() {
                return Poll::Ready(Err(cut));
            }
            let polled = future.as_mut().poll(context);
            if polled.is_pending() {
                self.wait(context.waker());
            }
            polled.map(Ok)
        });
        result.await
    }

    fn wait(&self, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        match &mut *waiting {
            Some(known) => known.clone_from(waker),
            None => *waiting = Some(waker.clone()),
        }
    }

    /// Why the last stream at this place was cut, if it was.
    pub(crate) fn was_cut(&self) -> Option<Cut> {
        self.cut.get()
    }

    fn cut(&self, why: Cut) {
        if self.cut.get().is_some() {
            return;
        }
        if let Some(waker) = self.waiting.take() {
            self.cut.set(Some(why));
            waker.wake();
        }
        if let Some(fd) = self.fd.get() {
            self.cut.set(Some(why));
            // SAFETY: the number stands in the entry only while a WatchedStream, or the PollStream made
            // of it, owns the open socket: the guard in them takes the number out first, and the stream
            // never leaves them.
            let socket = unsafe { BorrowedFd::borrow_raw(fd) };
            // ENOTCONN only says that the peer was faster.
            drop(socket2::SockRef::from(&socket).shutdown(Shutdown::Both));
        }
    }
}

// No Deref to the stream: with `&mut TcpStream` in hand safe code could swap it out from under cut().
impl Transport for WatchedStream {
    /// After a cut this is the end of the stream.
    async fn receive(&mut self, input: &mut Input) -> io::Result<usize> {
        self.stream.receive(input).await
    }

    /// After a cut the error is whatever the shutdown made of the pending operation.
    async fn send<T: Outgoing>(&mut self, bytes: T) -> (io::Result<()>, T) {
        self.stream.send(bytes).await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.stream.finish().await
    }
}

impl Pollable for WatchedStream {
    type Guard = Guard;

    fn into_poll(self, session: Option<Session>, early: &[u8]) -> io::Result<PollStream<Guard>> {
        PollStream::new((self.stream, self.guard), session, early)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fd.set(None);
        self.0.busy_since.set(None);
    }
}

/// Closes a connection so that its peer sees a reset.
pub(crate) fn reset(stream: TcpStream) {
    // SAFETY: the stream owns the open socket and is dropped after the last use of this borrow.
    let socket = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
    // Without it the close would be an orderly one, which a test of resets would notice.
    drop(socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)));
    drop(stream);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Io;
    use crate::rt::Driver;

    /// What a receive on a peer that never sends came to, with these bounds on its time.
    fn receive_from_silence(
        io: Io,
        timeout: Duration,
        last_call: Duration,
    ) -> (usize, Option<Cut>) {
        let work = async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let watch = Watch::default();
            let entry = watch.enter();
            let mut stream = entry.guard(TcpStream::connect_addr(address).await.unwrap());
            let begun = Instant::now();
            entry.set_busy(Some(begun));
            let mut input = Input::new();
            let received = monoio::select! {
                result = stream.receive(&mut input) => result.unwrap(),
                () = watch.patrol(timeout, begun + last_call) => unreachable!("it has no end"),
                () = monoio::time::sleep(Duration::from_secs(20)) => panic!("nothing was cut"),
            };
            drop(stream);
            assert_eq!((entry.fd.get(), entry.busy_since.get()), (None, None));
            (received, entry.was_cut())
        };
        Driver::choose(io).unwrap().block_on(work).unwrap()
    }

    #[test]
    fn an_overdue_request_is_cut_and_its_receive_returns() {
        let (soon, late) = (Duration::from_millis(30), Duration::from_secs(3600));
        for io in [Io::Auto, Io::Epoll] {
            assert_eq!(
                receive_from_silence(io, soon, late),
                (0, Some(Cut::Timeout))
            );
            assert_eq!(receive_from_silence(io, late, soon), (0, Some(Cut::Stop)));
        }
    }
}
