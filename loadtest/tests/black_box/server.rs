//! Targets that do what a test wants. Entered by the tests; each server lives as long as the process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
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

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request line and the fields, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    /// The value of the one field of this name, spelled like this.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self
            .head
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = values.next();
        assert_eq!(values.next(), None, "{name} comes twice");
        value
    }
}

/// A server that remembers what it is asked and answers as `reply` says.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Recorder {
    /// Starts one.
    pub(crate) fn start(reply: fn(&Seen) -> Vec<u8>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let address = server(move |stream| {
            let mut stream = BufReader::new(stream);
            while let Some(request) = read_whole(&mut stream) {
                let reply = reply(&request);
                record.lock().unwrap().push(request);
                if stream.get_mut().write_all(&reply).is_err() {
                    return;
                }
            }
        });
        Self { address, seen }
    }

    /// One that answers everything with OK.
    pub(crate) fn obliging() -> Self {
        Self::start(|_| OK.to_vec())
    }

    /// What it has been asked so far, in the order of the connections' threads.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The request lines, sorted.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seen = self.seen();
        let mut lines: Vec<_> = seen.iter().map(|seen| seen.line().to_owned()).collect();
        lines.sort_unstable();
        lines
    }
}

/// Reads one request with its body; `None` when there is none any more.
fn read_whole(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.trim_end().to_owned();
    let mut seen = Seen {
        head,
        body: Vec::new(),
    };
    let length = seen
        .field("Content-Length")
        .map_or(0, |text| text.parse().unwrap());
    seen.body.resize(length, 0);
    stream.read_exact(&mut seen.body).ok()?;
    Some(seen)
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
