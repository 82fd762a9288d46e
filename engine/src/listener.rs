//! Room 1: sockets that clients connect to, and how an accepted connection finds its worker.
//!
//! Listening sockets belong to the process and survive reloads: closing one would reset the
//! connections in its queue. Each worker accepts on a socket of its own (`SO_REUSEPORT`); with
//! `balance: handoff` a connection then goes to the worker that has the fewest, before its first
//! byte is read.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use corelane_config::{ListenAddress, Listener, Snapshot, WorkerBalance};
use socket2::{Domain, SockAddr, Type};

use crate::downstream::{self, Peer};
use crate::io::deadline::Waiter;
use crate::io::{Acceptor, Incoming, Listening, Network};
use crate::publish::{Shared, duplicate};
use crate::rt::timer::Alarm;
use crate::worker::{Local, Message, Worker};

/// Connections accepted in a row before others on this worker get their turn.
const ACCEPTS_PER_TURN: usize = 32;
/// How long accepting rests when there is no descriptor or no place left (milliseconds).
const BACKOFF_MS: u64 = 20;

/// A listening socket on its way to a worker.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) address: ListenAddress,
    pub(crate) listening: Listening,
}

/// An address that is bound, and the name of its listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The listener's name.
    pub name: String,
    /// The address, with the port that the kernel chose where the configuration says 0.
    pub address: String,
}

/// All listening sockets of the process, by configured address.
#[derive(Debug)]
pub(crate) struct Sockets {
    network: Network,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    name: String,
    address: ListenAddress,
    /// One per worker for TCP; one that all share for a Unix socket.
    places: Vec<Listening>,
    bound: String,
    /// Removed from the file system when the listener closes.
    _path: Option<UnixPath>,
}

/// The file of a Unix socket, removed on drop.
#[derive(Debug)]
struct UnixPath(PathBuf);

impl Drop for UnixPath {
    fn drop(&mut self) {
        // Somebody else may have removed it already.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Sockets that were bound for a generation that is not published yet.
#[derive(Debug)]
pub(crate) struct NewSockets(Vec<Open>);

impl Sockets {
    /// None yet, of this network.
    pub(crate) fn of(network: Network) -> Self {
        Self {
            network,
            open: Vec::new(),
        }
    }

    /// Closes all of them.
    pub(crate) fn close(&mut self) {
        self.open.clear();
    }

    /// Binds what `snapshot` names and is not bound yet.
    pub(crate) fn bind_missing(
        &self,
        snapshot: &Snapshot,
        workers: usize,
    ) -> Result<NewSockets, String> {
        let missing = snapshot.listeners.iter().filter(|listener| {
            !self
                .open
                .iter()
                .any(|open| open.address == listener.address)
        });
        let backlog = i32::try_from(snapshot.limits.listen_backlog).unwrap_or(i32::MAX);
        let bind = |listener: &Listener| {
            bind(listener, &self.network, workers, backlog)
                .map_err(|error| format!("listener {}: {error}", told(listener)))
        };
        missing.map(bind).collect::<Result<_, _>>().map(NewSockets)
    }

    /// Adds the new sockets, closes those that `snapshot` does not name, and calls the others as it
    /// does.
    pub(crate) fn keep(&mut self, new: NewSockets, snapshot: &Snapshot) {
        self.open.extend(new.0);
        self.open.retain_mut(|open| {
            let mut listeners = snapshot.listeners.iter();
            let named = listeners.find(|listener| listener.address == open.address);
            named
                .map(|listener| open.name = listener.name.to_string())
                .is_some()
        });
    }

    pub(crate) fn bound(&self) -> Vec<Bound> {
        let bound = |open: &Open| Bound {
            name: open.name.clone(),
            address: open.bound.clone(),
        };
        self.open.iter().map(bound).collect()
    }
}

impl NewSockets {
    /// Each worker's own sockets.
    pub(crate) fn clone_per_worker(&self, workers: usize) -> Result<Vec<Vec<Socket>>, String> {
        let for_worker = |worker: usize| {
            let socket = |open: &Open| {
                let listening = duplicate(&open.places[worker % open.places.len()])?;
                Ok(Socket {
                    address: open.address.clone(),
                    listening,
                })
            };
            self.0.iter().map(socket).collect()
        };
        (0..workers).map(for_worker).collect()
    }
}

/// A listener in the words of whoever configured it: an address stands for one without a name.
fn told(listener: &Listener) -> String {
    let address = listener.address.to_string();
    if *listener.name == *address {
        address
    } else {
        format!("{} on {address}", listener.name)
    }
}

fn bind(listener: &Listener, network: &Network, workers: usize, backlog: i32) -> io::Result<Open> {
    let (address, mut bound) = (&listener.address, listener.address.to_string());
    let (places, path) = match (simulated(network, &bound, workers), address) {
        (Some(places), _) => (places, None),
        (None, ListenAddress::Tcp(wanted)) => {
            refuse_if_served(*wanted)?;
            let mut places = Vec::with_capacity(workers);
            let mut chosen = *wanted;
            for _ in 0..workers {
                let socket = tcp_socket(chosen, backlog)?;
                chosen = socket.local_addr()?.as_socket().unwrap_or(chosen);
                places.push(Listening::from(socket));
            }
            bound = chosen.to_string();
            (places, None)
        }
        (None, ListenAddress::Unix(path)) => {
            let socket = unix_socket(path, backlog)?;
            (vec![Listening::from(socket)], Some(UnixPath(path.clone())))
        }
    };
    Ok(Open {
        name: listener.name.to_string(),
        address: address.clone(),
        places,
        bound,
        _path: path,
    })
}

/// What a network that is not the kernel's has to accept at.
#[cfg(any(test, simulation))]
fn simulated(network: &Network, address: &str, workers: usize) -> Option<Vec<Listening>> {
    network.listen(address, workers)
}

#[cfg(not(any(test, simulation)))]
fn simulated(_: &Network, _: &str, _: usize) -> Option<Vec<Listening>> {
    None
}

/// `SO_REUSEPORT` would let a second process bind the same port and take a share of its connections
/// in silence. So the port is first bound without it, which fails while anybody listens there.
fn refuse_if_served(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let probe = socket2::Socket::new(Domain::for_address(address), Type::STREAM.cloexec(), None)?;
    probe.set_reuse_address(true)?;
    only_v6(&probe, address)?;
    probe.bind(&address.into())
}

fn tcp_socket(address: SocketAddr, backlog: i32) -> io::Result<socket2::Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = socket2::Socket::new(Domain::for_address(address), kind, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    only_v6(&socket, address)?;
    // Inherited by every accepted connection.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket)
}

fn only_v6(socket: &socket2::Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        socket.set_only_v6(true)
    } else {
        Ok(())
    }
}

fn unix_socket(path: &std::path::Path, backlog: i32) -> io::Result<socket2::Socket> {
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "somebody listens there",
            ));
        }
        std::fs::remove_file(path)?;
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// A place among the process's connections, and one on the worker that has the connection.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    worker: usize,
}

impl Permit {
    fn new(shared: &Arc<Shared>, worker: usize) -> Self {
        shared.load(worker).fetch_add(1, Ordering::Relaxed);
        Self {
            shared: shared.clone(),
            worker,
        }
    }

    fn moved_to(mut self, worker: usize) -> Self {
        self.shared
            .load(self.worker)
            .fetch_sub(1, Ordering::Relaxed);
        self.shared.load(worker).fetch_add(1, Ordering::Relaxed);
        self.worker = worker;
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared
            .load(self.worker)
            .fetch_sub(1, Ordering::Relaxed);
        self.shared.connections.leave();
    }
}

/// A listener, by a number that it keeps over reloads: its place in the configuration may change
/// while its connections live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenerKey(u32);

impl ListenerKey {
    /// Keys count from 0, in the order in which addresses were first configured.
    pub(crate) fn number(self) -> usize {
        self.0 as usize
    }
}

/// The keys of all addresses that were ever listened on.
#[derive(Debug, Default)]
pub(crate) struct ListenerKeys(Mutex<Vec<ListenAddress>>);

impl ListenerKeys {
    /// The key of the listener on this address.
    pub(crate) fn of(&self, address: &ListenAddress) -> ListenerKey {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().position(|known| known == address);
        let number = found.unwrap_or_else(|| {
            known.push(address.clone());
            known.len() - 1
        });
        ListenerKey(u32::try_from(number).expect("fewer addresses than there are"))
    }
}

/// The accept loops of one worker: one per listener, ended by its alarm.
#[derive(Debug, Default)]
pub(crate) struct AcceptLoops(RefCell<Vec<AcceptLoop>>);

#[derive(Debug)]
struct AcceptLoop {
    address: ListenAddress,
    socket: Rc<Acceptor>,
    key: ListenerKey,
    alarm: Rc<Alarm>,
}

impl AcceptLoops {
    /// Ends all of them; whoever had connected by then is still served.
    pub(crate) fn stop(&self, worker: &Rc<Worker>) {
        let loops = std::mem::take(&mut *self.0.borrow_mut());
        loops.iter().for_each(|accepting| accepting.stop(worker));
    }
}

impl AcceptLoop {
    /// Takes those who wait in the queue, whom closing the socket would reset, and ends the loop.
    fn stop(&self, worker: &Rc<Worker>) {
        let mut reserve = Reserve::new();
        while let Turn::More = take_waiting(worker, &self.socket, self.key, &mut reserve) {}
        self.alarm.abort();
    }
}

/// Accepts on what the generation names: starts loops on the new sockets, and ends those whose
/// listener is gone.
pub(crate) fn serve(worker: &Rc<Worker>, local: &Local, sockets: Vec<Socket>) {
    let listeners = &local.snapshot().listeners;
    let is_named = |address: &ListenAddress| listeners.iter().any(|l| l.address == *address);
    let mut loops = worker.accepting.0.borrow_mut();
    loops.retain(|accepting| {
        let is_named = is_named(&accepting.address);
        if !is_named {
            accepting.stop(worker);
        }
        is_named
    });
    for Socket { address, listening } in sockets {
        if !is_named(&address) {
            continue;
        }
        let alarm = Alarm::new();
        let key = worker.shared.listener_keys.of(&address);
        match Acceptor::new(listening) {
            Ok(socket) => {
                let socket = Rc::new(socket);
                let accepting = accept(worker.clone(), socket.clone(), key, alarm.clone());
                worker.executor.spawn(accepting);
                loops.push(AcceptLoop {
                    address,
                    socket,
                    key,
                    alarm,
                });
            }
            Err(error) => log::error!("worker {}: listening on {address}: {error}", worker.index),
        }
    }
}

async fn accept(worker: Rc<Worker>, socket: Rc<Acceptor>, listener: ListenerKey, alarm: Rc<Alarm>) {
    let waiter = Waiter {
        timers: &worker.timers,
        alarm: &alarm,
    };
    let mut reserve = Reserve::new();
    while waiter.until(u64::MAX, socket.readable()).await.is_ok() {
        match take_waiting(&worker, &socket, listener, &mut reserve) {
            Turn::More | Turn::Empty => {}
            Turn::Full => rest(waiter).await,
        }
    }
}

/// What a turn of accepting came to.
enum Turn {
    /// More may be waiting.
    More,
    Empty,
    /// There is no place or no descriptor: others wait in the kernel's queue until somebody leaves.
    Full,
}

/// Accepts those who wait, up to a number.
fn take_waiting(
    worker: &Rc<Worker>,
    socket: &Acceptor,
    listener: ListenerKey,
    reserve: &mut Reserve,
) -> Turn {
    for _ in 0..ACCEPTS_PER_TURN {
        if !worker.shared.connections.enter() {
            return Turn::Full;
        }
        match socket.try_accept() {
            Ok(Some((accepted, peer))) => {
                let address = peer.map(|peer| peer.ip());
                place(worker, accepted, Peer { address, listener });
            }
            Ok(None) => {
                worker.shared.connections.leave();
                return Turn::Empty;
            }
            Err(error) => {
                worker.shared.connections.leave();
                reserve.refuse(socket, &error);
                return Turn::Full;
            }
        }
    }
    Turn::More
}

async fn rest(waiter: Waiter<'_>) {
    // An abort is seen by the next wait.
    let _either = waiter.sleep_until(waiter.now_ms() + BACKOFF_MS).await;
}

/// Keeps the connection or hands it to the worker that has the fewest.
fn place(worker: &Rc<Worker>, accepted: Incoming, peer: Peer) {
    let own = worker.index;
    let balance = worker
        .current()
        .map(|local| local.snapshot().runtime.balance);
    let target = match balance {
        Some(WorkerBalance::Handoff) => worker.shared.least_loaded(own),
        _ => own,
    };
    // Counted here and not on arrival, so that a burst does not all go to the same worker.
    let permit = Permit::new(&worker.shared, target);
    if target == own {
        return downstream::start(worker, accepted, peer, permit);
    }
    let message = Message::Connection {
        accepted,
        peer,
        permit,
    };
    if let Err(Message::Connection {
        accepted,
        peer,
        permit,
    }) = worker.shared.mailbox(target).offer(message)
    {
        // It is behind with its messages: a load that the count does not show.
        downstream::start(worker, accepted, peer, permit.moved_to(own));
    }
}

/// A descriptor kept aside, so that a client can be refused when there is no other left.
#[derive(Debug)]
struct Reserve(Option<OwnedFd>);

impl Reserve {
    fn new() -> Self {
        use rustix::fs::{Mode, OFlags, open};
        Self(open("/dev/null", OFlags::CLOEXEC, Mode::empty()).ok())
    }

    /// Accepts and closes one connection with the spare descriptor: its client learns at once that
    /// there is no room, instead of waiting for an answer that cannot come.
    fn refuse(&mut self, socket: &Acceptor, error: &io::Error) {
        log::warn!("accepting a connection: {error}; one client is turned away");
        drop(self.0.take());
        drop(socket.try_accept());
        *self = Self::new();
    }
}
