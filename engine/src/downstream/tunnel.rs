//! Two connections that speak a protocol of their own, after a 101: bytes go through unseen, but are
//! counted.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::Connection;
use crate::io::buffers::Buffer;
use crate::io::deadline::{Interrupted, Waiter};
use crate::io::stream::{Stream, StreamError};
use crate::outcome::Outcome;
use crate::service::millis;
use crate::settle::Account;
use crate::upstream::UpstreamConnection;
use crate::worker::Worker;

/// A client and an endpoint that talk past the gateway.
#[derive(Debug)]
pub(crate) struct Tunnel {
    upstream: Rc<Stream>,
    from_upstream: Buffer,
    /// What the client sent behind its request.
    pub(crate) from_client: Buffer,
    account: Account,
}

impl Tunnel {
    /// A tunnel whose end closes the account.
    pub(crate) fn new(connection: UpstreamConnection, account: Account) -> Self {
        Self {
            upstream: connection.stream,
            from_upstream: connection.buffer,
            from_client: Buffer::none(),
            account,
        }
    }

    /// Moves bytes until both sides have ended, one fails, or nothing moves for too long.
    pub(crate) async fn run(self, worker: Rc<Worker>, connection: Rc<Connection>) {
        let Some(local) = worker.current() else {
            return;
        };
        let idle_ms = millis(local.snapshot().limits.tunnel_idle_timeout);
        drop(local); // a tunnel outlives generations
        let waiter = connection.waiter(&worker);
        let moved = Cell::new(waiter.now_ms());
        let lane = |bytes| Lane {
            worker: &worker,
            waiter,
            idle_ms,
            moved: &moved,
            bytes,
        };
        let (inwards, outwards) = (
            lane(self.account.bytes_in()),
            lane(self.account.bytes_out()),
        );
        let client: &Stream = &connection.stream;
        let mut up = pin!(inwards.copy(client, &self.upstream, self.from_client));
        let mut down = pin!(outwards.copy(&self.upstream, client, self.from_upstream));
        let (mut up_done, mut down_done) = (false, false);
        poll_fn(|cx| {
            let up_ended = ended(&mut up_done, up.as_mut(), cx);
            let down_ended = ended(&mut down_done, down.as_mut(), cx);
            if let Err(error) = up_ended.and(down_ended) {
                match error {
                    StreamError::Io(_) => {
                        // What was an abort on one side must not look like a good end on the other.
                        client.reset_on_close();
                        self.upstream.reset_on_close();
                    }
                    StreamError::Interrupted(Interrupted::Elapsed) => {
                        self.account.set_outcome(Outcome::IdleTimeout);
                    }
                    StreamError::Interrupted(Interrupted::Aborted) => {}
                }
                return Poll::Ready(());
            }
            if up_done && down_done {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Polls a direction that has not ended yet; an error is one that ends the other, too.
fn ended(
    done: &mut bool,
    lane: Pin<&mut impl Future<Output = Result<(), StreamError>>>,
    cx: &mut Context<'_>,
) -> Result<(), StreamError> {
    if !*done && let Poll::Ready(result) = lane.poll(cx) {
        *done = true;
        return result;
    }
    Ok(())
}

/// One direction of a tunnel, and what it shares with the other.
#[derive(Clone, Copy)]
struct Lane<'a> {
    worker: &'a Worker,
    waiter: Waiter<'a>,
    idle_ms: u64,
    /// When a byte last moved, in either direction.
    moved: &'a Cell<u64>,
    /// Bytes that went this way.
    bytes: &'a Cell<u64>,
}

impl Lane<'_> {
    /// Copies until `from` ends, then tells `to`.
    async fn copy(
        &self,
        from: &Stream,
        to: &Stream,
        mut buffer: Buffer,
    ) -> Result<(), StreamError> {
        let result = self.copy_all(from, to, &mut buffer).await;
        self.worker.buffers.give(buffer);
        if result.is_ok() {
            to.shutdown_write();
        }
        result
    }

    async fn copy_all(
        &self,
        from: &Stream,
        to: &Stream,
        buffer: &mut Buffer,
    ) -> Result<(), StreamError> {
        loop {
            while !buffer.is_empty() {
                match to.try_send(buffer.unread()) {
                    Ok(count) => {
                        buffer.consume(count);
                        self.bytes.set(self.bytes.get() + count as u64);
                        self.moved.set(self.waiter.now_ms());
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.wait(to.writable()).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            self.worker.buffers.make_room(buffer);
            match from.try_recv(buffer.tail()) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // A silent tunnel owns no buffer.
                    self.worker.buffers.release_if_empty(buffer);
                    self.wait(from.readable()).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits as long as the other direction moves, or the idle timeout has not passed.
    async fn wait(&self, ready: impl Future<Output = io::Result<()>>) -> Result<(), StreamError> {
        let mut ready = pin!(ready);
        loop {
            let deadline = self.moved.get().saturating_add(self.idle_ms);
            match self.waiter.until(deadline, ready.as_mut()).await {
                Ok(result) => return Ok(result?),
                Err(_) if self.waiter.alarm.is_aborted() => return Err(Interrupted::Aborted.into()),
                Err(interrupted) if deadline >= self.moved.get().saturating_add(self.idle_ms) => {
                    return Err(interrupted.into());
                }
                Err(_) => {}
            }
        }
    }
}
