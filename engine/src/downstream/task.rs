//! The task of one connection, as small as it can be: most connections idle, and this is what an
//! idle one costs. So it is a state machine written by hand; what an exchange needs is borrowed.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::http1::ExchangeCoroutine;
use super::{Connection, End};
use crate::io::stream::Watch;
use crate::rt::clock::Millis;
use crate::service::millis;
use crate::worker::Worker;

/// How long an idle connection stays open once the worker drains: long enough for a request that is
/// already on its way (milliseconds).
const DRAIN_LINGER_MS: u64 = 1000;

/// A connection and what it is doing.
pub(super) struct ConnectionTask {
    worker: Rc<Worker>,
    connection: Rc<Connection>,
    /// Readability of the client: the next request, or its leaving during this one.
    watch: Watch,
    state: State,
}

enum State {
    Idle {
        since: Millis,
    },
    Active(ExchangeCoroutine),
    /// In two boxes, because the outer one is small.
    Tunnel(Box<Pin<Box<dyn Future<Output = ()>>>>),
}

impl ConnectionTask {
    pub(super) fn new(worker: Rc<Worker>, connection: Rc<Connection>) -> Self {
        if let Some(listener) = connection.listener {
            worker.metrics.connection_opened(listener);
        }
        Self {
            watch: Watch::new(connection.stream.clone()),
            state: State::Idle {
                since: worker.timers.clock.now_ms(),
            },
            worker,
            connection,
        }
    }

    /// Goes on until something must be waited for, or the connection is over.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.state {
                State::Idle { since } => {
                    let since = *since;
                    if !ready!(self.poll_idle(since, cx)) {
                        return Poll::Ready(());
                    }
                    self.begin_exchanges();
                }
                State::Active(coroutine) => {
                    let end = ready!(poll_exchanges(
                        coroutine,
                        &self.connection,
                        &mut self.watch,
                        cx
                    ));
                    if !self.end_exchanges(end) {
                        return Poll::Ready(());
                    }
                }
                State::Tunnel(tunnel) => return (**tunnel).as_mut().poll(cx),
            }
        }
    }

    /// Waits for the next request; `false` when the connection is to be closed instead.
    fn poll_idle(&mut self, since: Millis, cx: &mut Context<'_>) -> Poll<bool> {
        if self.watch.poll_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        // Looked up anew, because an idle connection must not keep an old generation alive.
        let Some(local) = self.worker.current() else {
            return Poll::Ready(false);
        };
        let keepalive = millis(local.snapshot().limits.keepalive_timeout);
        let mut closes_at = since.saturating_add(keepalive);
        if let Some(begun) = self.worker.draining_since() {
            // However long it has been idle: its next request may be on its way.
            closes_at = closes_at.min(since.max(begun) + DRAIN_LINGER_MS);
        }
        let waiter = self.connection.waiter(&self.worker);
        match waiter.check(closes_at, cx) {
            Ok(()) => Poll::Pending,
            Err(_idle_too_long) => Poll::Ready(false),
        }
    }

    fn begin_exchanges(&mut self) {
        self.watch.rearm();
        self.connection.watched.set(false);
        let coroutine = self.worker.exchanges.take(&self.worker);
        coroutine.start(self.connection.clone());
        self.state = State::Active(coroutine);
    }

    /// Gives the coroutine back; `true` when the connection goes on.
    fn end_exchanges(&mut self, end: End) -> bool {
        let since = self.worker.timers.clock.now_ms();
        let active = std::mem::replace(&mut self.state, State::Idle { since });
        if let State::Active(coroutine) = active {
            self.worker.exchanges.give(coroutine);
        }
        match end {
            // What the client sent meanwhile, or its end, is found by the next run.
            End::Idle => true,
            End::Close => false,
            End::Tunnel(tunnel) => {
                let tunnel = tunnel.run(self.worker.clone(), self.connection.clone());
                self.state = State::Tunnel(Box::new(Box::pin(tunnel)));
                true
            }
        }
    }
}

/// Runs exchanges until the connection is idle, over or a tunnel; watches the client meanwhile.
fn poll_exchanges(
    coroutine: &mut ExchangeCoroutine,
    connection: &Connection,
    watch: &mut Watch,
    cx: &mut Context<'_>,
) -> Poll<End> {
    connection.burst.set(0);
    if let Poll::Ready(end) = coroutine.poll(cx) {
        return Poll::Ready(end);
    }
    if connection.watched.get() && has_left(connection, watch, cx) {
        // Every wait of the exchange ends with that, so this poll finishes it, or the next one if a
        // message of it is about to be sent.
        connection.alarm.abort();
        return coroutine.poll(cx);
    }
    Poll::Pending
}

/// Whether the client has reset the connection. An orderly end is no leaving: it may have sent all
/// that it wanted to say and wait for the answer (RFC 9112 §9.6).
fn has_left(connection: &Connection, watch: &mut Watch, cx: &mut Context<'_>) -> bool {
    if watch.poll_ready(cx).is_pending() {
        return false;
    }
    connection.watched.set(false);
    let peeked = connection.stream.peek();
    peeked.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock)
}

impl Future for ConnectionTask {
    type Output = ();

    /// Whatever happens in here, the worker goes on.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = self.get_mut();
        catch_unwind(AssertUnwindSafe(|| task.advance(cx))).unwrap_or_else(|_| {
            let worker = task.worker.index;
            log::error!("worker {worker}: a connection was closed after a defect of ours");
            task.connection.stream.reset_on_close();
            Poll::Ready(())
        })
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        if let Some(listener) = self.connection.listener {
            self.worker.metrics.connection_closed(listener);
        }
        self.worker.connections.remove(&self.connection);
    }
}
