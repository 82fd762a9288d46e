//! Idle connections of one worker, last in first out.
//!
//! Every idle connection has its readiness poll pending on behalf of one task, the reaper: a peer
//! that closes wakes it, and the connection is gone before anybody could pick it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::UpstreamConnection;
use crate::rt::clock::Millis;

/// All pools of a worker, and the reaper's waker.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pools: RefCell<Vec<Weak<Pool>>>,
    reaper: RefCell<Option<Waker>>,
}

/// The idle connections to one endpoint with one identity.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: RefCell<Vec<UpstreamConnection>>,
    /// How many may lie idle, and for how long (milliseconds).
    most: Cell<usize>,
    timeout_ms: Cell<u64>,
}

impl Pools {
    /// A new, empty pool.
    pub(crate) fn create(&self, most: usize, timeout_ms: u64) -> Rc<Pool> {
        let pool = Rc::new(Pool {
            idle: RefCell::new(Vec::new()),
            most: Cell::new(most),
            timeout_ms: Cell::new(timeout_ms),
        });
        self.pools.borrow_mut().push(Rc::downgrade(&pool));
        pool
    }

    /// The reaper: drops idle connections as soon as their peers close them. Never ends.
    pub(crate) async fn reap(&self) {
        poll_fn(|cx| {
            let mut reaper = self.reaper.borrow_mut();
            if !reaper
                .as_ref()
                .is_some_and(|known| known.will_wake(cx.waker()))
            {
                *reaper = Some(cx.waker().clone());
            }
            drop(reaper);
            self.each(|pool| pool.drop_closed(cx));
            Poll::<()>::Pending
        })
        .await;
    }

    /// Closes what has been idle for too long.
    pub(crate) fn expire(&self, now: Millis) {
        self.pools
            .borrow_mut()
            .retain(|pool| pool.strong_count() > 0);
        self.each(|pool| pool.drop_old(now));
    }

    /// Closes every idle connection, and keeps none from now on.
    pub(crate) fn close(&self) {
        self.reaper.take();
        self.each(|pool| pool.idle.borrow_mut().clear());
    }

    fn each(&self, mut f: impl FnMut(&Pool)) {
        for pool in self.pools.borrow().iter().filter_map(Weak::upgrade) {
            f(&pool);
        }
    }

    /// Gives a connection back for reuse; closes it when the peer has closed or the pool is full.
    pub(crate) fn give(&self, pool: &Pool, mut connection: UpstreamConnection, now: Millis) {
        if !connection.buffer.is_empty() || pool.idle.borrow().len() >= pool.most.get() {
            return;
        }
        let reaper = self.reaper.borrow();
        let Some(waker) = reaper.as_ref() else { return };
        connection.reused = true;
        connection.idle_since = now;
        if connection.rest(&mut Context::from_waker(waker)) {
            pool.idle.borrow_mut().push(connection);
        }
    }
}

impl Pool {
    /// The connection that was used last, if there is one that is still good. For a request that
    /// cannot be sent again it `must_live`: the kernel is asked, because it may know of an end that
    /// the event loop has not told yet.
    pub(crate) fn take(&self, must_live: bool) -> Option<UpstreamConnection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(connection) = idle.pop() {
            if !(connection.watch.has_fired() || must_live && connection.has_ended()) {
                return Some(connection);
            }
        }
        None
    }

    /// Adopts the bounds of a new configuration.
    pub(crate) fn set_bounds(&self, most: usize, timeout_ms: u64) {
        self.most.set(most);
        self.timeout_ms.set(timeout_ms);
        self.idle.borrow_mut().truncate(most);
    }

    fn drop_closed(&self, cx: &mut Context<'_>) {
        self.idle
            .borrow_mut()
            .retain_mut(|connection| connection.watch.poll_ready(cx).is_pending());
    }

    fn drop_old(&self, now: Millis) {
        let timeout = self.timeout_ms.get();
        let mut idle = self.idle.borrow_mut();
        // The oldest lie at the front.
        let old = idle
            .iter()
            .take_while(|c| now.saturating_sub(c.idle_since) >= timeout)
            .count();
        drop(idle.drain(..old));
    }
}
