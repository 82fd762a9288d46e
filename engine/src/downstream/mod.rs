//! Room 3: connections of clients, and the exchanges that come on them.
//!
//! A connection's task is small, because most connections idle: it waits for readability, borrows an
//! exchange coroutine from the worker while a request is active, and watches the client meanwhile.

mod connections;
mod http1;
mod task;
mod tunnel;

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

pub(crate) use connections::Connections;
pub(crate) use http1::Exchanges;
pub(crate) use tunnel::Tunnel;

use crate::io::Incoming;
use crate::io::deadline::Waiter;
use crate::io::stream::Stream;
use crate::listener::{ListenerKey, Permit};
use crate::rt::timer::Alarm;
use crate::telemetry::ListenerId;
use crate::worker::Worker;
use task::ConnectionTask;

/// Who connected, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// `None` for a Unix socket. Without the port, which nobody asks for and every connection would pay
    /// for.
    pub(crate) address: Option<IpAddr>,
    /// Where it came in.
    pub(crate) listener: ListenerKey,
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Rc<Stream>,
    pub(crate) peer: Peer,
    pub(crate) alarm: Rc<Alarm>,
    /// Whether the exchange has read its whole request and wants to know if the client leaves.
    pub(crate) watched: Cell<bool>,
    /// Requests that it has carried since its task last gave way to others.
    pub(crate) burst: Cell<u16>,
    /// Requests that it has carried.
    pub(crate) requests: Cell<u64>,
    /// Held for as long as the connection lives.
    _permit: Permit,
    /// Its key among the worker's connections.
    key: Cell<u32>,
    /// Where it is counted for as long as it lives.
    listener: Option<ListenerId>,
}

/// How a run of exchanges on a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Nothing is unread; the next request may come.
    Idle,
    /// It is over.
    Close,
    /// It is a tunnel from now on.
    Tunnel(Box<Tunnel>),
}

/// Serves a connection on this worker.
pub(crate) fn start(worker: &Rc<Worker>, accepted: Incoming, peer: Peer, permit: Permit) {
    let stream = match Stream::accepted(accepted, &worker.ring) {
        Ok(stream) => stream,
        Err(error) => return log::warn!("taking over a connection: {error}"),
    };
    let local = worker.current();
    let listener = local.and_then(|local| local.listener(peer.listener));
    let connection = Rc::new(Connection {
        stream: Rc::new(stream),
        peer,
        alarm: Alarm::new(),
        watched: Cell::new(false),
        burst: Cell::new(0),
        requests: Cell::new(0),
        _permit: permit,
        key: Cell::new(0),
        listener,
    });
    worker.connections.add(&connection);
    let task = ConnectionTask::new(worker.clone(), connection);
    worker.executor.spawn(task);
}

impl Connection {
    pub(crate) fn waiter<'a>(&'a self, worker: &'a Worker) -> Waiter<'a> {
        Waiter {
            timers: &worker.timers,
            alarm: &self.alarm,
        }
    }
}
