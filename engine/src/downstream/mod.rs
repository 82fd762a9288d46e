//! Room 3: connections of clients, and the exchanges that come on them.
//!
//! A connection's task is small, because most connections idle: it waits for readability, borrows an
//! exchange coroutine from the worker while a request is active, and watches the client meanwhile.

mod connections;
mod http1;
mod tunnel;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub(crate) use connections::Connections;
pub(crate) use http1::Exchanges;
pub(crate) use tunnel::Tunnel;

use crate::io::deadline::Waiter;
use crate::io::stream::{Stream, Watch};
use crate::listener::Permit;
use crate::rt;
use crate::rt::timer::Alarm;
use crate::service::millis;
use crate::worker::Worker;

/// How long an idle connection stays open once the worker drains: long enough for a request that is
/// already on its way (milliseconds).
const DRAIN_LINGER_MS: u64 = 1000;

/// Who connected, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// `None` for a Unix socket.
    pub(crate) address: Option<SocketAddr>,
    /// The listener's index in the generation that was current when the connection came.
    pub(crate) listener: usize,
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Rc<Stream>,
    pub(crate) peer: Peer,
    pub(crate) alarm: Rc<Alarm>,
    /// Whether the exchange has read its whole request and wants to know if the client leaves.
    pub(crate) watched: Cell<bool>,
    /// Requests that it has carried.
    pub(crate) requests: Cell<u64>,
    /// Held for as long as the connection lives.
    _permit: Permit,
    /// Its key among the worker's connections.
    key: Cell<usize>,
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
pub(crate) fn start(worker: &Rc<Worker>, fd: OwnedFd, peer: Peer, permit: Permit) {
    let stream = match Stream::from_fd(fd) {
        Ok(stream) => stream,
        Err(error) => return log::warn!("taking over a connection: {error}"),
    };
    let connection = Rc::new(Connection {
        stream: Rc::new(stream),
        peer,
        alarm: Alarm::new(),
        watched: Cell::new(false),
        requests: Cell::new(0),
        _permit: permit,
        key: Cell::new(0),
    });
    worker.connections.add(&connection);
    rt::spawn(guarded(worker.clone(), connection));
}

/// The connection's task: whatever happens in it, the worker goes on.
async fn guarded(worker: Rc<Worker>, connection: Rc<Connection>) {
    let listener = worker
        .current()
        .and_then(|local| local.listener(connection.peer.listener));
    if let Some(listener) = listener {
        worker.metrics.connection_opened(listener);
    }
    let mut serving = pin!(serve(&worker, &connection));
    let outcome =
        poll_fn(
            |cx| match catch_unwind(AssertUnwindSafe(|| serving.as_mut().poll(cx))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
                Err(panic) => Poll::Ready(Err(panic)),
            },
        )
        .await;
    if outcome.is_err() {
        log::error!(
            "worker {}: a connection was closed after a defect of ours",
            worker.index
        );
        connection.stream.reset_on_close();
    }
    if let Some(listener) = listener {
        worker.metrics.connection_closed(listener);
    }
    worker.connections.remove(&connection);
}

async fn serve(worker: &Rc<Worker>, connection: &Rc<Connection>) {
    let mut watch = Watch::new(connection.stream.clone());
    loop {
        if !idle(worker, connection, &mut watch).await {
            return;
        }
        match exchanges(worker, connection, &mut watch).await {
            // What the client sent meanwhile, or its end, is found by the next run.
            End::Idle => {}
            End::Close => return,
            End::Tunnel(tunnel) => return tunnel.run(worker, connection).await,
        }
    }
}

/// Waits for the next request; `false` when the connection is to be closed instead.
async fn idle(worker: &Worker, connection: &Connection, watch: &mut Watch) -> bool {
    let waiter = connection.waiter(worker);
    let Some(local) = worker.current() else {
        return false;
    };
    let keepalive = millis(local.snapshot().limits.keepalive_timeout);
    drop(local); // an idle connection must not keep an old generation alive
    let since = waiter.now_ms();
    poll_fn(|cx| {
        if watch.poll_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        let draining = worker.is_draining();
        let most = if draining {
            keepalive.min(DRAIN_LINGER_MS)
        } else {
            keepalive
        };
        match waiter.check(since.saturating_add(most), cx) {
            Ok(()) => Poll::Pending,
            Err(_idle_too_long) => Poll::Ready(false),
        }
    })
    .await
}

/// Runs exchanges in a borrowed coroutine until the connection is idle, over or a tunnel.
async fn exchanges(worker: &Rc<Worker>, connection: &Rc<Connection>, watch: &mut Watch) -> End {
    watch.rearm();
    connection.watched.set(false);
    let mut coroutine = worker.exchanges.take(worker);
    coroutine.start(connection.clone());
    let end = poll_fn(|cx| {
        if let Poll::Ready(end) = coroutine.poll(cx) {
            return Poll::Ready(end);
        }
        if connection.watched.get() && connection.has_left(watch, cx) {
            // Every wait of the exchange ends with that, so this poll finishes it.
            connection.alarm.abort();
            return coroutine.poll(cx);
        }
        Poll::Pending
    })
    .await;
    worker.exchanges.give(coroutine);
    end
}

impl Connection {
    pub(crate) fn waiter<'a>(&'a self, worker: &'a Worker) -> Waiter<'a> {
        Waiter {
            timers: &worker.timers,
            alarm: &self.alarm,
        }
    }

    /// Whether the client has reset the connection. An orderly end is no leaving: it may have sent
    /// all that it wanted to say and wait for the answer (RFC 9112 §9.6).
    fn has_left(&self, watch: &mut Watch, cx: &mut Context<'_>) -> bool {
        if watch.poll_ready(cx).is_pending() {
            return false;
        }
        self.watched.set(false);
        self.stream
            .peek()
            .is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
    }
}
