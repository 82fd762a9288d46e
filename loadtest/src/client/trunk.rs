//! The connection that slots of HTTP/2 share. Entered by each slot before it sends: the first one that
//! finds no connection opens it, and the others wait for that.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, SendRequest};

use super::{Dialer, Failure, blame};
use crate::rt::watch::{Entry, WatchedStream};
use crate::tls::{ALPN_H2, Secured};

/// Content that a peer may send ahead of our reading, for one stream and for all of a connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 1 << 24;
/// What small frames that have come and not been read may cost; h2's own measure would take as many
/// streams as we allow, answered at once, for a flood.
const DATA_FRAME_BUDGET: usize = 1 << 24;
/// Bytes of fields that a reply may have.
const FIELD_BYTES_MAX: u32 = 64 * 1024;

/// What the slots of one connection have in common.
#[derive(Debug)]
pub(super) struct Trunk {
    dialer: Rc<Dialer>,
    link: RefCell<Option<Rc<Link>>>,
    is_connecting: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

/// A connection that was opened.
#[derive(Debug)]
pub(super) struct Link {
    sender: SendRequest<Bytes>,
    place: Rc<Entry>,
    /// Replies that have begun or ended: a sign of life.
    signs: Cell<u64>,
}

/// One slot's way to send on a connection.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) link: Rc<Link>,
    pub(super) sender: SendRequest<Bytes>,
    /// The connection's signs of life before the last request.
    pub(super) signs: u64,
}

/// Why an attempt to have a reply came to nothing.
#[derive(Debug)]
pub(super) enum Miss {
    /// The peer has not looked at the request: it may be sent again.
    Unprocessed(Failure),
    Failed(Failure),
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Trunk {
    /// Slots that have no connection yet.
    pub(super) fn new(dialer: &Rc<Dialer>) -> Self {
        Self {
            dialer: Rc::clone(dialer),
            link: RefCell::default(),
            is_connecting: Cell::default(),
            waiting: RefCell::default(),
        }
    }

    /// Brings a slot's branch up to date, and opens the connection if there is none.
    pub(super) async fn branch<'a>(
        self: &Rc<Self>,
        branch: &'a mut Option<Branch>,
        begun: Instant,
    ) -> Result<&'a mut Branch, Failure> {
        let link = loop {
            let link = self.link.borrow().clone();
            match link {
                Some(link) => break link,
                None if self.is_connecting.get() => self.wait().await,
                None => self.connect(begun).await?,
            }
        };
        let known = branch.take_if(|branch| !Rc::ptr_eq(&branch.link, &link));
        drop(known);
        let branch = branch.get_or_insert_with(|| Branch {
            sender: link.sender.clone(),
            signs: 0,
            link,
        });
        branch.signs = branch.link.signs.get();
        Ok(branch)
    }

    /// Lets no more requests take this connection. What is under way on it has as much time as a
    /// request has; a peer that does not answer our goodbye has no more.
    pub(super) fn retire(&self, link: &Rc<Link>) {
        link.place.set_busy(Some(Instant::now()));
        let is_current = |current: &mut Rc<Link>| Rc::ptr_eq(current, link);
        drop(self.link.borrow_mut().take_if(is_current));
    }

    /// Waits until whoever is connecting has done so, or given up.
    async fn wait(&self) {
        poll_fn(|context| {
            if !self.is_connecting.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    async fn connect(self: &Rc<Self>, begun: Instant) -> Result<(), Failure> {
        let _connecting = Connecting::begin(self);
        let place = self.dialer.place();
        let stream = self.dialer.connect(&place, begun).await?;
        if !speaks_h2(&stream) {
            return Err(Failure::Tls("the server does not agree on h2".to_owned()));
        }
        let stream = stream.into_poll().map_err(Failure::Io)?;
        let flusher = stream.flusher();
        let opening = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(FIELD_BYTES_MAX)
            .data_frame_budget(DATA_FRAME_BUDGET)
            // A server that answers late what has timed out is slow, and no reason to end all else.
            .max_local_error_reset_streams(None)
            .handshake(stream);
        let (sender, connection) = opening.await.map_err(|error| failure(&place, error))?;
        place.set_busy(None);
        let link = Rc::new(Link {
            sender,
            place,
            signs: Cell::default(),
        });
        // The connection ends when nobody can send on it, so that its own task must not be somebody.
        let (trunk, this) = (Rc::downgrade(self), Rc::downgrade(&link));
        monoio::spawn(async move {
            let mut connection = pin!(connection);
            // What went wrong is told to each of its streams.
            drop(
                poll_fn(|context| flusher.settle(connection.as_mut().poll(context), context)).await,
            );
            if let (Some(trunk), Some(link)) = (trunk.upgrade(), this.upgrade()) {
                trunk.retire(&link);
            }
        });
        *self.link.borrow_mut() = Some(link);
        Ok(())
    }
}

/// A connection without TLS speaks what we speak (RFC 9113 §3.3).
fn speaks_h2(stream: &Secured<WatchedStream>) -> bool {
    match stream {
        Secured::Plain(_) => true,
        Secured::Tls(stream) => stream.session().alpn() == Some(ALPN_H2),
    }
}

/// Somebody is connecting; whoever waits is woken when that is over, however it ends.
struct Connecting<'a>(&'a Trunk);

impl<'a> Connecting<'a> {
    fn begin(trunk: &'a Trunk) -> Self {
        trunk.is_connecting.set(true);
        Self(trunk)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.is_connecting.set(false);
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}

impl Branch {
    /// Whether nothing has come since the last request began.
    pub(super) fn is_silent(&self) -> bool {
        self.link.signs.get() == self.signs
    }
}

impl Link {
    /// Something of a reply has come.
    pub(super) fn note_sign(&self) {
        self.signs.set(self.signs.get() + 1);
    }

    /// What an error on this connection or one of its streams means.
    pub(super) fn failure(&self, error: h2::Error) -> Failure {
        failure(&self.place, error)
    }

    /// The same for a request that was sent.
    pub(super) fn missed(&self, error: h2::Error) -> Miss {
        // RFC 9113 §6.8: streams beyond the last one that GOAWAY names were not looked at.
        let is_unprocessed =
            error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR);
        let failure = self.failure(error);
        if is_unprocessed {
            Miss::Unprocessed(failure)
        } else {
            Miss::Failed(failure)
        }
    }
}

fn failure(place: &Entry, error: h2::Error) -> Failure {
    if let Some(cut) = place.was_cut() {
        return cut.into();
    }
    // Its name in RFC 9113 §7.
    let reason = error.reason().map(|reason| format!("{reason:?}"));
    match (error.is_remote(), reason) {
        (true, Some(reason)) if error.is_go_away() => Failure::GoneAway(reason),
        (true, Some(reason)) => Failure::StreamReset(reason),
        _ => match error.get_io().map(io::Error::kind) {
            // The end of the connection, as h2 says it.
            Some(io::ErrorKind::BrokenPipe) => Failure::Closed,
            // What h2 leaves of an error of TLS.
            Some(io::ErrorKind::InvalidData) => Failure::Tls(error.to_string()),
            Some(_) => match error.into_io() {
                Some(error) => blame(place, error),
                None => Failure::Closed,
            },
            None => Failure::Protocol(error.to_string()),
        },
    }
}
