//! One HTTP/1 connection to an endpoint.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use corelane_codec::{HeadLimits, HeadScan, Parsed, ResponseHead};

use crate::error::{Error, Kind};
use crate::io::buffers::{Buffer, BufferPool};
use crate::io::deadline::{Interrupted, Waiter};
use crate::io::stream::{Stream, Watch};
use crate::rt::clock::Millis;

/// One HTTP/1 connection to an endpoint.
#[derive(Debug)]
pub(crate) struct UpstreamConnection {
    pub(crate) stream: Rc<Stream>,
    pub(crate) watch: Watch,
    /// What was received and not yet used; owns no memory while idle.
    pub(crate) buffer: Buffer,
    /// Whether it has served an exchange before.
    pub(crate) reused: bool,
    /// Since when it lies in the pool.
    pub(crate) idle_since: Millis,
}

/// Until when a response head may take, and what it is called if it does not come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadDeadline<'a> {
    /// Moves when the request has been sent.
    pub(crate) response: &'a Cell<Millis>,
    pub(crate) total: Millis,
}

impl UpstreamConnection {
    pub(crate) fn new(stream: Stream) -> Self {
        let stream = Rc::new(stream);
        Self {
            watch: Watch::new(stream.clone()),
            stream,
            buffer: Buffer::none(),
            reused: false,
            idle_since: 0,
        }
    }

    /// Reads one response head, interim ones included.
    ///
    /// # Errors
    /// `UpstreamReset` when the connection ends before it, `UpstreamHead`, or a timeout.
    pub(crate) async fn read_head(
        &mut self,
        head: &mut ResponseHead,
        scan: &mut HeadScan,
        limits: &HeadLimits,
        from: (Waiter<'_>, &BufferPool),
        deadline: HeadDeadline<'_>,
    ) -> Result<(), Error> {
        let (waiter, pool) = from;
        scan.reset();
        loop {
            if !self.buffer.is_empty() {
                let parsed = head.parse(self.buffer.unread(), scan, limits);
                match parsed.map_err(|error| Error::from(Kind::UpstreamHead(error)))? {
                    Parsed::Complete { consumed } => {
                        self.buffer.consume(consumed);
                        return Ok(());
                    }
                    Parsed::Partial => {}
                }
            }
            self.receive(waiter, pool, deadline).await?;
        }
    }

    /// Appends what has come to the buffer; waits for the readiness that was armed while idle.
    async fn receive(
        &mut self,
        waiter: Waiter<'_>,
        pool: &BufferPool,
        deadline: HeadDeadline<'_>,
    ) -> Result<(), Error> {
        loop {
            self.wait(waiter, deadline).await?;
            pool.make_room(&mut self.buffer);
            match self.stream.try_recv(self.buffer.tail()) {
                Ok(0) => return Err(Kind::UpstreamReset.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    pool.release_if_empty(&mut self.buffer);
                    self.watch.rearm();
                }
                Err(_) => return Err(Kind::UpstreamReset.into()),
            }
            // What is left of a head that came in pieces is read on without another look at the watch.
        }
    }

    async fn wait(&mut self, waiter: Waiter<'_>, deadline: HeadDeadline<'_>) -> Result<(), Error> {
        let ended = poll_fn(|cx| {
            if self.watch.poll_ready(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            match waiter.check(deadline.response.get().min(deadline.total), cx) {
                Ok(()) => Poll::Pending,
                Err(interrupted) => Poll::Ready(Err(interrupted)),
            }
        });
        ended.await.map_err(|interrupted| match interrupted {
            Interrupted::Aborted => Kind::ClientGone.into(),
            Interrupted::Elapsed if deadline.total <= deadline.response.get() => {
                Kind::TotalTimeout.into()
            }
            Interrupted::Elapsed => Kind::ResponseTimeout.into(),
        })
    }

    /// Whether the peer has closed, or said something that nobody asked for.
    pub(crate) fn has_ended(&self) -> bool {
        let silent = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        !self.stream.peek().is_err_and(|error| silent(&error))
    }

    /// Arms the watch on behalf of whoever `cx` wakes; `false` when the peer has sent something or
    /// has closed: the connection is of no use then.
    pub(crate) fn rest(&mut self, cx: &mut Context<'_>) -> bool {
        self.watch.rearm();
        self.watch.poll_ready(cx).is_pending()
    }
}
