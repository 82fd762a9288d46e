//! A gateway between raw sockets: origins and clients are bytes on a wire, the configuration is
//! YAML.
//!
//! A test plays both sides itself, in the order in which things happen on the network: what is
//! sent waits in the kernel until the other side looks. So most cases need no thread, nothing
//! sleeps, and every wait has a deadline ([`PATIENCE`]). Ports are chosen by the kernel; `$a` in a
//! configuration is the address of the origin `a`.
//!
//! ```text
//! let s = Scenario::on(io).origin("a").start();
//! let mut client = s.client();
//! client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
//! let mut origin = s.accept("a");
//! assert_eq!(origin.request().line, "GET / HTTP/1.1");
//! origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
//! assert_eq!(client.reply().body, b"hi");
//! ```
//!
//! A scenario that ends looks behind itself: no request may be in flight and no connection open
//! once its clients and origins are gone.

mod alone;
mod message;
mod origin;
mod random;
mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use corelane_config::Config;
use corelane_engine::telemetry::MetricsReport;
use corelane_engine::{Drained, Handle, Proxy, ProxyBuilder};

pub(crate) use alone::{alone, descriptors, resident_bytes};
pub(crate) use corelane_config::Io;
pub(crate) use message::Message;
pub(crate) use origin::Origin;
use origin::answer_all;
pub(crate) use random::Random;
pub(crate) use wire::Wire;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A request without anything special about it.
pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// A reply without anything special about it.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A GET request for this target.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// A POST request with this body.
pub(crate) fn post(target: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A reply with this body.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Runs a case on io_uring (where the kernel has it) and on epoll. A panic says on which.
pub(crate) fn on_both_drivers(case: impl Fn(Io)) {
    for io in [Io::Auto, Io::Epoll] {
        let outcome = catch_unwind(AssertUnwindSafe(|| case(io)));
        if let Err(panic) = outcome {
            print_driver(io);
            resume_unwind(panic);
        }
    }
}

#[expect(clippy::print_stderr, reason = "shown by a test that has failed")]
fn print_driver(io: Io) {
    eprintln!("with `io: {}`", word(io));
}

fn word(io: Io) -> &'static str {
    match io {
        Io::Auto => "auto",
        Io::Uring => "uring",
        Io::Epoll => "epoll",
    }
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Tells other threads to stop when its scope ends, by a panic too.
pub(crate) struct Stopping<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lets time go by, for cases that are about time itself.
pub(crate) fn pass(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// What is to be started.
pub(crate) struct Plan {
    io: Io,
    workers: usize,
    origins: Vec<Origin>,
    config: String,
    build: fn(ProxyBuilder) -> ProxyBuilder,
}

/// A running gateway with its origins.
pub(crate) struct Scenario {
    proxy: Option<Proxy>,
    handle: Handle,
    plan: Plan,
}

impl Scenario {
    /// A gateway on this driver, with one worker and nothing behind it yet.
    pub(crate) fn on(io: Io) -> Plan {
        Plan {
            io,
            workers: 1,
            origins: Vec::new(),
            config: String::new(),
            build: |builder| builder,
        }
    }

    /// A new connection to the first listener.
    pub(crate) fn client(&self) -> Wire {
        Wire::connect(&self.address(0))
    }

    /// A new connection to the listener of this name.
    pub(crate) fn client_of(&self, listener: &str) -> Wire {
        let bound = self.handle.listeners();
        let listener = bound.iter().find(|bound| bound.name == listener);
        Wire::connect(&listener.expect("a listener of this name").address)
    }

    /// Where a listener is bound.
    pub(crate) fn address(&self, listener: usize) -> String {
        self.handle.listeners()[listener].address.clone()
    }

    /// The next connection that the gateway makes to an origin.
    pub(crate) fn accept(&self, origin: &str) -> Wire {
        self.origin(origin).accept()
    }

    /// One of the origins.
    pub(crate) fn origin(&self, name: &str) -> &Origin {
        let found = self.plan.origins.iter().find(|origin| origin.name == name);
        found.expect("an origin of this name")
    }

    /// Has one of the origins answer whatever comes, on threads of its own.
    pub(crate) fn serve<R: AsRef<[u8]>>(
        &mut self,
        origin: &str,
        answer: impl Fn(&Message) -> R + Send + Sync + 'static,
    ) {
        self.converse(origin, move |wire| answer_all(wire, &answer));
    }

    /// Has `converse` speak on every connection to one of the origins, each on a thread of its own.
    pub(crate) fn converse(
        &mut self,
        origin: &str,
        converse: impl Fn(Wire) + Send + Sync + 'static,
    ) {
        self.origin_mut(origin).serve(converse);
    }

    /// Has an origin refuse connections from now on.
    pub(crate) fn refuse(&mut self, origin: &str) {
        self.origin_mut(origin).close();
    }

    fn origin_mut(&mut self, name: &str) -> &mut Origin {
        let mut origins = self.plan.origins.iter_mut();
        let found = origins.find(|origin| origin.name == name);
        found.expect("an origin of this name")
    }

    /// Publishes another configuration, made as the first one was.
    pub(crate) fn publish(&self, config: &str) -> Result<u64, String> {
        self.handle
            .publish(&self.read(config))
            .map_err(|e| e.to_string())
    }

    /// Reads a configuration that could be published.
    pub(crate) fn read(&self, config: &str) -> Config {
        let text = self.plan.text(config);
        Config::from_yaml("scenario.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// The gateway's handle.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The gateway's numbers.
    pub(crate) fn report(&self) -> MetricsReport {
        self.handle.report()
    }

    /// Waits until so many requests are in flight.
    pub(crate) fn await_in_flight(&self, count: u64) {
        eventually(&format!("{count} requests in flight"), || {
            self.report().requests_in_flight() == count
        });
    }

    /// Waits until so many client connections are open.
    pub(crate) fn await_connections(&self, count: u64) {
        eventually(&format!("{count} connections"), || {
            self.report().connections() == count
        });
    }

    /// Begins to drain, and waits until every worker does.
    pub(crate) fn drain(&self) {
        let address = self.address(0);
        self.handle.drain();
        assert!(!self.handle.is_serving());
        eventually("the port is closed", || {
            std::net::TcpStream::connect(&address).is_err()
        });
    }

    /// Waits for the end of a drain that has begun.
    pub(crate) fn drained(mut self) -> Drained {
        self.proxy.take().expect("it runs").run()
    }

    fn stop(&mut self) {
        let Some(proxy) = self.proxy.take() else {
            return;
        };
        self.handle.drain();
        self.handle.drain();
        // Nothing is promised about requests that are still in flight here.
        let _cut = proxy.run();
    }

    /// Everything that the scenario began has ended, and has been counted as ended.
    fn look_behind(&mut self) {
        for origin in &mut self.plan.origins {
            origin.close();
        }
        self.await_in_flight(0);
        self.await_connections(0);
        let active: u64 = self.report().endpoints().map(|e| e.active).sum();
        assert_eq!(active, 0, "requests that no endpoint has answered");
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if self.proxy.is_some() && !std::thread::panicking() {
            self.look_behind();
        }
        self.stop();
        // Joining the origins' threads comes after that: they end when the gateway has closed.
        for origin in &mut self.plan.origins {
            origin.join();
        }
    }
}

impl Plan {
    /// Adds an origin, and a service of the same name unless the configuration has `services:`.
    #[must_use]
    pub(crate) fn origin(mut self, name: &str) -> Self {
        self.origins.push(Origin::bind(name));
        self
    }

    /// Adds an origin on a Unix socket.
    #[must_use]
    pub(crate) fn unix_origin(mut self, name: &str, path: &Path) -> Self {
        self.origins.push(Origin::bind_unix(name, path));
        self
    }

    /// Adds what is configured. Without `routes:` everything goes to the first origin.
    #[must_use]
    pub(crate) fn config(mut self, yaml: &str) -> Self {
        self.config = yaml.to_owned();
        self
    }

    /// Runs so many workers.
    #[must_use]
    pub(crate) fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Says how the gateway is built: which filters it brings.
    #[must_use]
    pub(crate) fn built(mut self, build: fn(ProxyBuilder) -> ProxyBuilder) -> Self {
        self.build = build;
        self
    }

    /// Starts the gateway.
    pub(crate) fn start(self) -> Scenario {
        self.try_start().expect("the gateway starts")
    }

    /// Starts the gateway, or says why not.
    pub(crate) fn try_start(self) -> Result<Scenario, String> {
        let text = self.text(&self.config);
        let config = Config::from_yaml("scenario.yaml", &text).map_err(|e| e.to_string())?;
        let builder = (self.build)(Proxy::builder(config));
        let proxy = builder.build().map_err(|e| e.to_string())?;
        Ok(Scenario {
            handle: proxy.handle(),
            proxy: Some(proxy),
            plan: self,
        })
    }

    /// The whole configuration: what the test wrote, and a document for each part it left out.
    fn text(&self, written: &str) -> String {
        let mut written = written.to_owned();
        for origin in &self.origins {
            written = written.replace(&format!("${}", origin.name), &origin.address);
        }
        let has = |key: &str| written.lines().any(|line| line.starts_with(key));
        let mut text = format!(
            "runtime: {{io: {}, workers: {}, pin: false}}\n",
            word(self.io),
            self.workers
        );
        if !has("listeners:") {
            text += "listeners: [{address: 127.0.0.1:0}]\n";
        }
        if !has("services:") && !self.origins.is_empty() {
            text += "services:\n";
            for Origin { name, address, .. } in &self.origins {
                text += &format!("  {name}: {{endpoints: [\"{address}\"]}}\n");
            }
        }
        if let (false, Some(first)) = (has("routes:"), self.origins.first()) {
            text += &format!("routes: [{{path: /*, service: {}}}]\n", first.name);
        }
        format!("{text}---\n{written}\n")
    }
}
