//! Targets that do what a test wants. Entered by the tests; each server lives as long as the process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// What a server does with each of its connections.
pub(crate) type Serve = fn(TcpStream);

pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server of one thread per connection that does `serve` with each, for as long as the test runs.
pub(crate) fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

/// A server that answers at once but for the first `stall` of every `period`, when it answers nobody.
pub(crate) fn stalling(stall: Duration, period: Duration) -> SocketAddr {
    let start = Instant::now();
    server(move |mut stream| {
        while read_request(&mut stream) {
            let phase = start.elapsed().as_nanos() % period.as_nanos();
            let phase = Duration::from_nanos(u64::try_from(phase).unwrap());
            wait(stall.saturating_sub(phase));
            if stream.write_all(OK).is_err() {
                return;
            }
        }
    })
}

/// Blocks the calling thread, which stands for a slow server.
pub(crate) fn wait(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// Reads one request, which on loopback comes whole; false when there is none any more.
pub(crate) fn read_request(stream: &mut TcpStream) -> bool {
    let mut request = [0; 4096];
    matches!(stream.read(&mut request), Ok(1..))
}

/// Answers every request with `reply`.
pub(crate) fn answer(mut stream: TcpStream, reply: &[u8]) {
    while read_request(&mut stream) {
        if stream.write_all(reply).is_err() {
            return;
        }
    }
}
