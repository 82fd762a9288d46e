//! Addresses in memory: who listens there, and what happens to those who connect.

use std::collections::{BTreeMap, VecDeque};
use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use super::pipe::{self, End, Shape};
use super::trace::Trace;
use crate::io::deadline::{Interrupted, Waiter};
use crate::io::stream::{Address, ConnectError};
use crate::rt::clock::{Millis, NEVER};
use crate::rt::random::Random;

/// How many bytes a lane holds in fair weather.
const CAPACITY: usize = 64 * 1024;

/// A network; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct MemoryNetwork(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Where connections wait, by address; several for a listener of several workers.
    listening: BTreeMap<String, Vec<Weak<Mutex<Queue>>>>,
    reach: BTreeMap<String, Reach>,
    weather: Weather,
    random: Random,
    opened: u64,
    trace: Trace,
}

/// What becomes of a connection to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reach {
    /// It is there at once, if somebody listens.
    #[default]
    Open,
    /// It is refused.
    Refused,
    /// Nobody ever answers.
    Silent,
    /// It is there after so many milliseconds.
    After(Millis),
}

/// How connections that are opened from now on carry their bytes.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// How many bytes each lane holds, drawn from the seed.
    pub(crate) capacity: RangeInclusive<usize>,
    /// The most bytes that arrive at once, 0 for all; how many do is drawn each time.
    pub(crate) pieces: usize,
}

/// Connections that wait to be accepted; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Backlog(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(End, SocketAddr)>,
    acceptors: Vec<Waker>,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            capacity: CAPACITY..=CAPACITY,
            pieces: 0,
        }
    }
}

impl MemoryNetwork {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        Self(Arc::new(Mutex::new(State {
            listening: BTreeMap::new(),
            reach: BTreeMap::new(),
            weather: Weather::default(),
            random: Random::from_seed(seed),
            opened: 0,
            trace,
        })))
    }

    /// Listens at `address`, in as many places as there are workers.
    pub(crate) fn listen(&self, address: &str, places: usize) -> Vec<Backlog> {
        let backlogs: Vec<_> = (0..places).map(|_| Backlog(Arc::default())).collect();
        let places = backlogs.iter().map(|backlog| Arc::downgrade(&backlog.0));
        let places = places.collect();
        self.state().listening.insert(address.to_owned(), places);
        backlogs
    }

    /// Decides what becomes of connections to `address`.
    pub(crate) fn reach(&self, address: &str, reach: Reach) {
        self.state().reach.insert(address.to_owned(), reach);
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Opens a connection to whoever listens at `address`.
    ///
    /// # Errors
    /// When nobody does.
    pub(crate) fn open(&self, address: &str) -> io::Result<End> {
        self.state().open(address)
    }

    /// Connects on behalf of a worker.
    pub(crate) async fn connect(
        &self,
        address: Address<'_>,
        waiter: Waiter<'_>,
        deadline: Millis,
    ) -> Result<End, ConnectError> {
        let name = match address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(path) => format!("unix:{}", path.display()),
        };
        let reach = self.state().reach.get(&name).copied().unwrap_or_default();
        let answers_at = match reach {
            Reach::Refused => return Err(io::Error::from(ErrorKind::ConnectionRefused).into()),
            Reach::Open => return Ok(self.open(&name)?),
            Reach::Silent => NEVER,
            Reach::After(delay) => waiter.now_ms() + delay,
        };
        match waiter
            .until(answers_at.min(deadline), pending::<()>())
            .await
        {
            Err(Interrupted::Elapsed) if answers_at <= deadline => Ok(self.open(&name)?),
            Err(interrupted) => Err(interrupted.into()),
            Ok(()) => Err(Interrupted::Aborted.into()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self, address: &str) -> io::Result<End> {
        let places = self.listening.get(address).into_iter().flatten();
        let places: Vec<_> = places.filter_map(Weak::upgrade).collect();
        if places.is_empty() {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        self.opened += 1;
        let place = &places[self.draw(places.len())];
        let shapes = [self.shape(), self.shape()];
        let (near, far) = pipe::connection(self.opened, &self.trace, shapes);
        let mut queue = place.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push_back((far, client(self.opened)));
        queue.acceptors.drain(..).for_each(Waker::wake);
        Ok(near)
    }

    fn shape(&self) -> Shape {
        let (least, most) = (*self.weather.capacity.start(), *self.weather.capacity.end());
        Shape {
            capacity: least + self.draw(most - least + 1),
            pieces: (self.weather.pieces > 0).then(|| (self.weather.pieces, self.random.next())),
        }
    }

    /// A number below `bound`.
    fn draw(&self, bound: usize) -> usize {
        usize::try_from(self.random.next() % bound as u64).unwrap_or(0)
    }
}

impl Backlog {
    /// The connection that has waited longest, and where it came from.
    pub(crate) fn try_accept(&self) -> Option<(End, SocketAddr)> {
        self.queue().waiting.pop_front()
    }

    /// Resolves when a connection waits.
    pub(crate) async fn readable(&self) {
        poll_fn(|cx| self.poll_readable(cx)).await;
    }

    /// Waits for a connection.
    pub(crate) async fn accept(&self) -> End {
        loop {
            self.readable().await;
            if let Some((end, _)) = self.try_accept() {
                return end;
            }
        }
    }

    fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.queue();
        if !queue.waiting.is_empty() {
            return Poll::Ready(());
        }
        queue.acceptors.push(cx.waker().clone());
        Poll::Pending
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address for the client of the connection with this number (RFC 5737 documents the network).
fn client(number: u64) -> SocketAddr {
    let port = u16::try_from(10_000 + number % 50_000).unwrap_or(u16::MAX);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port)
}
