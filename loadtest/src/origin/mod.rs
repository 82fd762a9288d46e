//! The origin: a server that is cheaper than the proxy in front of it as long as it answers all alike,
//! and as slow, faulty or talkative as a test wants it. Entered from the command line; it never returns
//! but for an error, and ends with the process.
//!
//! `rules` decide what a request gets (`delay` and `chance` are their dice), `replies` renders what is
//! sent, `connection` speaks HTTP/1.1 with one client, `websocket` goes on where that one asked for it,
//! `http2` speaks with a client that begins so, and `grpc` answers its calls; this room listens, accepts
//! and keeps the Date field fresh. It is no web server: there are no deadlines, so that idle connections
//! last as long as a proxy's pool wants them, and the connection cap is the only bound.

mod chance;
mod connection;
mod delay;
mod grpc;
mod http2;
mod replies;
mod rules;
mod websocket;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use monoio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

use crate::cli::{Error, OriginArgs};
use crate::random::Random;
use crate::rt::{self, Driver};
use crate::tls::server::{Identity, ServerTls};
use crate::tls::{self, ALPN_H2, Secured, Session, TlsStream};
use replies::Shelf;
use rules::{Answer, Manner, Rules};

pub(crate) use chance::{Chance, ErrorRate, parse_status};
pub(crate) use delay::Delay;
pub(crate) use rules::Drip;

/// Connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// Accepts under way at once in each worker: io_uring's accept delivers one connection each, and a
/// burst should not take one turn of the loop per connection.
const ACCEPTORS: usize = 4;
/// The longest body that is sent back; it is kept whole, for each connection that echoes.
const ECHO_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long an acceptor rests after an error: descriptors that have run out stay out for a while,
/// and asking again at once would burn the core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Serves until the process is ended.
///
/// # Errors
/// `Usage` for an address that other machines can reach, without leave; `Run` when it cannot listen
/// or a worker cannot start.
pub(crate) fn serve(args: &OriginArgs) -> Result<(), Error> {
    if !args.allow_remote && !args.address.ip().to_canonical().is_loopback() {
        return Err(Error::Usage(format!(
            "{}: other machines can reach it; --allow-remote says that they may",
            args.address
        )));
    }
    let rules = Rules::new(args);
    let tls = tls(args)?;
    let driver = Driver::choose(args.workers.io)?;
    let listening = |error| Error::Run(format!("cannot listen on {}: {error}", args.address));
    let listener = listen(args.address).map_err(listening)?;
    let bound = listener.local_addr().map_err(listening)?;
    let announcement = format!(
        "listening {bound} {} {}\n",
        driver.name(),
        rules.usual_shape()
    );
    // Whoever closed our stderr does not want to know.
    drop(io::stderr().write_all(announcement.as_bytes()));
    let (max_connections, seed) = (args.max_connections, args.seed);
    rt::on_each_worker(&args.workers, move |number| {
        let failed = |error| Error::Run(format!("a worker cannot start: {error}"));
        // The queue is one for all workers: whoever is free takes the next connection.
        let listener = listener.try_clone().map_err(failed)?;
        if tls.is_some() {
            tls::prepare_thread();
        }
        let work = async {
            let listener = TcpListener::from_std(listener)?;
            let random = Random::for_part(seed, number as u64);
            let floor = Floor::new(rules.clone(), tls.clone(), random, max_connections);
            work(listener, Rc::new(floor)).await;
            Ok(())
        };
        driver.block_on(work).and_then(|done| done).map_err(failed)
    })
    .map(drop)
}

/// What is shown to clients, if they want TLS.
fn tls(args: &OriginArgs) -> Result<Option<ServerTls>, Error> {
    let identity = match (&args.tls_cert, &args.tls_key) {
        (Some(chain), Some(key)) => Identity::read(chain, key)?,
        _ if args.tls => Identity::self_signed(args.address.ip())?,
        _ => return Ok(None),
    };
    ServerTls::new(identity).map(Some)
}

/// What a worker's connections share.
struct Floor {
    rules: Rules,
    tls: Option<ServerTls>,
    random: RefCell<Random>,
    shelf: Shelf,
    free_seats: Cell<usize>,
}

impl Floor {
    fn new(rules: Rules, tls: Option<ServerTls>, random: Random, seats: usize) -> Self {
        Self {
            shelf: Shelf::new(rules.usual_shape()),
            rules,
            tls,
            random: RefCell::new(random),
            free_seats: Cell::new(seats),
        }
    }

    /// What a request for `target` gets; the error is a sentence for the client.
    fn answer(&self, target: &[u8]) -> Result<Answer, String> {
        self.rules.answer(target, &mut self.random.borrow_mut())
    }

    /// Whether a reply of this manner says that all went well.
    fn is_success(&self, manner: Manner) -> bool {
        let shape = match manner {
            Manner::Usual => self.rules.usual_shape(),
            Manner::Whole(shape) | Manner::Drip(shape, _) | Manner::Echo(shape) => shape,
            Manner::Reset => return false,
        };
        shape.status < 300
    }

    /// Takes a connection's place if one is free; it is given back when the seat is dropped.
    fn take_seat(self: &Rc<Self>) -> Option<Seat> {
        let left = self.free_seats.get().checked_sub(1)?;
        self.free_seats.set(left);
        Some(Seat(Rc::clone(self)))
    }
}

/// A connection's place on the floor.
struct Seat(Rc<Floor>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.free_seats.set(self.0.free_seats.get() + 1);
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // No SO_REUSEPORT: a second origin on the same port would silently take half of the load.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// One worker: acceptors, and the clock that renews the replies every second.
async fn work(listener: TcpListener, floor: Rc<Floor>) {
    let listener = Rc::new(listener);
    for _ in 0..ACCEPTORS {
        monoio::spawn(accept(Rc::clone(&listener), Rc::clone(&floor)));
    }
    loop {
        monoio::time::sleep(Duration::from_secs(1)).await;
        floor.shelf.renew();
    }
}

async fn accept(listener: Rc<TcpListener>, floor: Rc<Floor>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without a free seat the stream is dropped here, which closes it.
                if let Some(seat) = floor.take_seat() {
                    greet(stream, seat);
                }
            }
            Err(_) => monoio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Gives a fresh connection a task of its own.
fn greet(stream: TcpStream, seat: Seat) {
    // A reply is one send; only a reply that the socket's buffer could not take whole would wait.
    drop(stream.set_nodelay(true));
    match &seat.0.tls {
        None => drop(monoio::spawn(connection::serve(
            Secured::Plain(stream),
            seat,
        ))),
        Some(tls) => {
            if let Ok(session) = tls.session() {
                monoio::spawn(shake_hands(stream, session, seat));
            }
        }
    }
}

async fn shake_hands(stream: TcpStream, session: Session, seat: Seat) {
    let Ok(stream) = TlsStream::handshake(stream, session).await else {
        return;
    };
    let speaks_h2 = stream.session().alpn() == Some(ALPN_H2);
    let stream = Secured::Tls(Box::new(stream));
    if speaks_h2 {
        if let Ok(stream) = stream.into_poll() {
            http2::serve(stream, seat).await;
        }
    } else {
        connection::serve(stream, seat).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_and_given_back() {
        let rules = rules::tests::rules(&[]);
        let floor = Rc::new(Floor::new(rules, None, Random::new(1), 2));
        let first = floor.take_seat();
        let second = floor.take_seat();
        assert!(first.is_some() && second.is_some());
        assert!(floor.take_seat().is_none());
        drop(second);
        assert!(floor.take_seat().is_some());
    }

    #[test]
    fn a_second_origin_cannot_share_the_port() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = listen(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
