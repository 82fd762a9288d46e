//! HTTP/1 towards clients: heads are read, exchanges are run, what is left over is dealt with.
//!
//! One coroutine serves many connections one after the other. It owns what an exchange needs to
//! remember (heads, paths, output), so that a request allocates nothing and an idle connection has
//! none of it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use corelane_codec::framing::{expects_continue, request_wants_keep_alive};
use corelane_codec::{BodyLength, BodyLimits, HeadLimits, Parsed, Version, request_body_length};
use corelane_config::{Limits, Underscores};

use super::{Connection, End, Tunnel};
use crate::error::{Error, Kind};
use crate::exchange::{self, Arrival, Exchange, Finished, Scratch};
use crate::forward::{body_limits, is_bodiless};
use crate::io::buffers::Buffer;
use crate::io::deadline::Interrupted;
use crate::rt::coroutine::{Coroutine, Desk};
use crate::service::millis;
use crate::worker::{Local, Worker};

/// Coroutines kept for reuse by one worker.
const KEPT: usize = 512;
/// Pipelined requests that are answered in a row before other connections get their turn.
const BURST: u16 = 128;

pub(super) type ExchangeCoroutine = Coroutine<Rc<Connection>, End>;

/// The exchange coroutines that no connection uses right now.
#[derive(Debug, Default)]
pub(crate) struct Exchanges(RefCell<Vec<ExchangeCoroutine>>);

impl Exchanges {
    pub(super) fn take(&self, worker: &Rc<Worker>) -> ExchangeCoroutine {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| Coroutine::new(|desk| serve_desk(worker.clone(), desk)))
    }

    pub(super) fn give(&self, coroutine: ExchangeCoroutine) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT {
            kept.push(coroutine);
        }
    }

    /// Forgets all of them: they hold the worker that holds them.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

async fn serve_desk(worker: Rc<Worker>, desk: Rc<Desk<Rc<Connection>, End>>) {
    let mut scratch = Scratch::new();
    loop {
        let connection = desk.next().await;
        let end = run(&worker, &connection, &mut scratch).await;
        desk.finish(end);
    }
}

/// How one exchange left its connection.
#[derive(Debug)]
enum After {
    /// The next request may be read.
    Next,
    Close,
    /// Close, but read what the client still sends first: a reset could destroy the reply.
    Linger,
    Tunnel(Box<Tunnel>),
}

/// Serves requests until nothing is unread.
async fn run(worker: &Rc<Worker>, connection: &Rc<Connection>, scratch: &mut Scratch) -> End {
    let mut buffer = Buffer::none();
    let end = loop {
        let Some(local) = worker.current() else {
            break End::Close;
        };
        connection.watched.set(false);
        match one(worker, connection, &local, scratch, &mut buffer).await {
            After::Next if buffer.is_empty() => break End::Idle,
            After::Next if give_way(worker, connection).await.is_err() => break End::Close,
            After::Next => {}
            After::Close => break End::Close,
            After::Linger => {
                linger(worker, connection, &local.snapshot().limits, &mut buffer).await;
                break End::Close;
            }
            After::Tunnel(mut tunnel) => {
                tunnel.from_client = std::mem::take(&mut buffer);
                return End::Tunnel(tunnel);
            }
        }
    };
    worker.buffers.give(buffer);
    end
}

/// Lets others have their turn after a run of requests that were all there and could all be answered
/// here: nothing else makes a task stop that never has to wait.
async fn give_way(worker: &Worker, connection: &Connection) -> Result<(), Interrupted> {
    let burst = connection.burst.get() + 1;
    connection.burst.set(burst);
    if burst < BURST {
        return Ok(());
    }
    let waiter = connection.waiter(worker);
    match waiter.sleep_until(waiter.now_ms() + 1).await {
        Interrupted::Elapsed => Ok(()),
        Interrupted::Aborted => Err(Interrupted::Aborted),
    }
}

/// Reads one request and answers it.
async fn one(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    local: &Rc<Local>,
    scratch: &mut Scratch,
    buffer: &mut Buffer,
) -> After {
    let limits = &local.snapshot().limits;
    let head = match read_head(worker, connection, limits, scratch, buffer).await {
        Ok(Arrived::Head) => body_framing(scratch, limits.request_body_bytes),
        Ok(Arrived::End) => return After::Close,
        Ok(Arrived::Nothing) => return After::Next,
        Err(error) if error.kind == Kind::ClientGone => return After::Close,
        Err(error) => {
            // What was understood of a faulty head is not worth repeating, except that an answer to
            // HEAD has no body (RFC 9110 §9.3.2): it would be read as the next answer.
            let is_head = buffer.unread().trim_ascii_start().starts_with(b"HEAD ");
            scratch.request.clear();
            if is_head {
                scratch.request.set_method(b"HEAD");
            }
            Err(error)
        }
    };
    let (length, expects_continue) = head.unwrap_or((BodyLength::Empty, false));
    scratch.request_decoder.set_limits(BodyLimits {
        trailer_underscores: local.snapshot().underscores != Underscores::Drop,
        ..body_limits(limits)
    });
    scratch.request_decoder.reset(length);
    if is_bodiless(length) {
        worker.buffers.release_if_empty(buffer);
        connection.watched.set(true);
    }
    let served = connection.requests.get() + 1;
    connection.requests.set(served);
    let last = limits.keepalive_requests != 0 && served >= limits.keepalive_requests as u64;
    let wants_more = request_wants_keep_alive(&scratch.request);
    // Its listener is gone: the client had better come in by another.
    let is_orphan = local.listener_index(connection.peer.listener).is_none();
    let arrival = Arrival {
        refused: head.err(),
        length,
        expects_continue,
        http11: scratch.request.version() == Version::Http11,
        keep_alive: !last && !worker.is_draining() && !is_orphan && wants_more,
        started_us: worker.timers.clock.now_us(),
    };
    let mut exchange = Exchange::new(worker, local, connection, arrival, scratch, buffer);
    let finished = exchange::run(&mut exchange).await;
    // A client that did not ask for it may be sending its next request while we close.
    let is_expected = !wants_more && buffer.is_empty();
    after(finished, is_expected, connection)
}

fn after(finished: Finished, close_is_expected: bool, connection: &Connection) -> After {
    match finished {
        Finished::Whole { persists: true } => After::Next,
        Finished::Whole { persists: false } if close_is_expected => After::Close,
        Finished::Whole { persists: false } => After::Linger,
        Finished::RequestUnread => After::Linger,
        Finished::Cut => {
            connection.stream.reset_on_close();
            After::Close
        }
        Finished::Upgraded(tunnel) => After::Tunnel(tunnel),
    }
}

/// What reading a head came to.
enum Arrived {
    Head,
    /// The client closed between requests.
    End,
    /// Nothing has come after all.
    Nothing,
}

/// Reads until the head is complete.
async fn read_head(
    worker: &Worker,
    connection: &Connection,
    limits: &Limits,
    scratch: &mut Scratch,
    buffer: &mut Buffer,
) -> Result<Arrived, Error> {
    let head_limits = HeadLimits {
        start_line: limits.request_line_bytes,
        head: limits.request_head_bytes,
        field_line: limits.request_field_bytes,
        fields: limits.request_fields,
    };
    scratch.scan.reset();
    let mut deadline = None;
    loop {
        if !buffer.is_empty() {
            let parsed = scratch
                .request
                .parse(buffer.unread(), &mut scratch.scan, &head_limits);
            let parsed = parsed.map_err(|error| Error::from(Kind::Head(error)))?;
            if let Parsed::Complete { consumed } = parsed {
                buffer.consume(consumed);
                return Ok(Arrived::Head);
            }
        }
        worker.buffers.make_room(buffer);
        match connection.stream.try_recv(buffer.tail()) {
            Ok(0) => return Ok(Arrived::End),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && buffer.is_empty() => {
                return Ok(Arrived::Nothing);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let waiter = connection.waiter(worker);
                let timeout = millis(limits.request_head_timeout);
                let deadline =
                    *deadline.get_or_insert_with(|| waiter.now_ms().saturating_add(timeout));
                match waiter.until(deadline, connection.stream.readable()).await {
                    // A failed poll is readiness: the read that follows has the error.
                    Ok(_) => {}
                    Err(Interrupted::Elapsed) => return Err(Kind::HeadTimeout.into()),
                    Err(Interrupted::Aborted) => return Err(Kind::ClientGone.into()),
                }
            }
            Err(_) => return Err(Kind::ClientGone.into()),
        }
    }
}

/// How long the body is, and whether the client waits for a 100 before it sends it.
fn body_framing(scratch: &Scratch, most: u64) -> Result<(BodyLength, bool), Error> {
    let length = request_body_length(&scratch.request).map_err(Kind::Framing)?;
    if let BodyLength::Length(bytes) = length
        && most != 0
        && bytes > most
    {
        return Err(Kind::BodyTooLarge.into());
    }
    let expects = expects_continue(&scratch.request).map_err(Kind::Framing)?;
    Ok((length, expects && !is_bodiless(length)))
}

/// Sends a FIN and reads what the client still sends, within bounds: closing while bytes arrive would
/// send a reset, which can destroy the reply on its way.
async fn linger(worker: &Worker, connection: &Connection, limits: &Limits, buffer: &mut Buffer) {
    connection.stream.shutdown_write();
    let waiter = connection.waiter(worker);
    let deadline = waiter
        .now_ms()
        .saturating_add(millis(limits.linger_timeout));
    let mut left = limits.linger_bytes;
    loop {
        buffer.consume(buffer.unread().len());
        worker.buffers.make_room(buffer);
        match connection.stream.try_recv(buffer.tail()) {
            Ok(0) => return,
            Ok(count) if count < left => left -= count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if waiter
                    .until(deadline, connection.stream.readable())
                    .await
                    .is_err()
                {
                    return;
                }
            }
            _ => return,
        }
    }
}
