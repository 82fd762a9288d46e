//! What a keep-alive request and an idle connection cost, counted: no allocation per request in
//! steady state, and a bounded number of bytes per idle connection.
//!
//! A binary of its own, because it replaces the global allocator.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_possible_wrap, reason = "no allocation is that large")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use corelane_config::Config;
use corelane_engine::Proxy;

/// Counts what the threads that say so allocate.
struct Counting;

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);
/// One test at a time: the counters are the process's.
static ALONE: Mutex<()> = Mutex::new(());

thread_local! {
    /// Set on threads of the test itself, whose allocations are none of the engine's.
    static OURS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[expect(unsafe_code, reason = "a global allocator is unsafe by its trait")]
// SAFETY: every call goes to the system allocator unchanged; counting touches only atomics and a
// thread local that needs no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps to the trait's rules, which are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        uncount(layout.size() as isize);
        // SAFETY: the pointer came from `alloc` above, that is from the system allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    if COUNTING.load(Ordering::Relaxed) && !OURS.with(std::cell::Cell::get) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn uncount(bytes: isize) {
    if COUNTING.load(Ordering::Relaxed) && !OURS.with(std::cell::Cell::get) {
        LIVE_BYTES.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Answers every request head on every connection with the same 1 KiB.
fn origin() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        OURS.with(|ours| ours.set(true));
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                OURS.with(|ours| ours.set(true));
                let mut buffer = [0; 4096];
                let mut reply =
                    b"HTTP/1.1 200 OK\r\ncontent-length: 1024\r\ncontent-type: text/plain\r\n\r\n"
                        .to_vec();
                reply.resize(reply.len() + 1024, b'x');
                while stream.read(&mut buffer).is_ok_and(|count| count > 0) {
                    stream.write_all(&reply).unwrap();
                }
            });
        }
    });
    port
}

fn start(io: &str, origin: u16, log: &str) -> (Proxy, String) {
    let text = format!(
        "runtime: {{workers: 1, io: {io}, pin: false}}\n\
         listeners: [{{address: 127.0.0.1:0}}]\n\
         services: {{origin: {{endpoints: [127.0.0.1:{origin}]}}}}\n\
         routes: [{{path: /api/*, service: origin, strip_prefix: /api, timeout: 30s}}]\n{log}"
    );
    let config = Config::from_yaml("test.yaml", &text).unwrap();
    let proxy = Proxy::builder(config).build().unwrap();
    let address = proxy.handle().listeners()[0].address.clone();
    (proxy, address)
}

fn exchange(client: &mut TcpStream) {
    let request =
        b"GET /api/things/7?x=1 HTTP/1.1\r\nhost: api.example.com\r\nuser-agent: steady\r\n\
        accept: */*\r\nx-forwarded-for: 192.0.2.1\r\n\r\n";
    client.write_all(request).unwrap();
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    while !reply.windows(4).any(|four| four == b"\r\n\r\n") || !reply.ends_with(b"xxxx") {
        let count = client.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection was closed");
        reply.extend_from_slice(&buffer[..count]);
    }
    assert!(
        reply.starts_with(b"HTTP/1.1 200 OK\r\n"),
        "{}",
        String::from_utf8_lossy(&reply)
    );
}

fn allocations_of_a_thousand_requests(io: &str) -> usize {
    OURS.with(|ours| ours.set(true));
    let log = std::env::temp_dir().join(format!("corelane-steady-{}-{io}.log", std::process::id()));
    let (proxy, address) = start(
        io,
        origin(),
        &format!("access_log: {{path: {}, format: json}}\n", log.display()),
    );
    let mut clients: Vec<_> = (0..8)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    let mut round = |rounds: usize| {
        for _ in 0..rounds {
            clients.iter_mut().for_each(exchange);
        }
    };
    // Pools, buffers, counters and log buffers reach their size.
    round(250);
    ALLOCATIONS.store(0, Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    round(125);
    COUNTING.store(false, Ordering::SeqCst);
    proxy.handle().drain();
    drop(clients);
    assert_eq!(proxy.run().requests_cut, 0);
    let logged = std::fs::read_to_string(&log).unwrap().lines().count();
    std::fs::remove_file(&log).unwrap();
    assert_eq!(logged, 3000, "every request is in the access log");
    ALLOCATIONS.load(Ordering::SeqCst)
}

#[test]
fn a_keep_alive_request_allocates_nothing() {
    let _alone = ALONE.lock();
    for io in ["uring", "epoll"] {
        assert_eq!(allocations_of_a_thousand_requests(io), 0, "on {io}");
    }
}

#[test]
fn an_idle_connection_costs_at_most_614_bytes() {
    let _alone = ALONE.lock();
    OURS.with(|ours| ours.set(true));
    let (proxy, address) = start("uring", origin(), "");
    let idle = 4000;
    let connect = |count: usize| -> Vec<TcpStream> {
        let connect = |_| {
            let mut client = TcpStream::connect(&address).unwrap();
            exchange(&mut client);
            client
        };
        (0..count).map(connect).collect()
    };
    // Tables double when they grow: those that are there already are filled first.
    let before = connect(idle);
    LIVE_BYTES.store(0, Ordering::SeqCst);
    COUNTING.store(true, Ordering::SeqCst);
    let clients = connect(idle);
    wait_until(|| proxy.handle().report().connections() == 2 * idle as u64);
    COUNTING.store(false, Ordering::SeqCst);
    let each = LIVE_BYTES.load(Ordering::SeqCst) / idle as isize;
    assert!(each <= 614, "{each} bytes each");
    assert!(each >= 100, "{each} bytes each: the count must be wrong");
    drop((before, clients));
    proxy.handle().drain();
    assert_eq!(proxy.run().requests_cut, 0);
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "it did not come to that within 10 s"
        );
        std::thread::yield_now();
    }
}
