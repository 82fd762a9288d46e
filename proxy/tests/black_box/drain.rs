//! The end: requests under way are answered, and impatience is obeyed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::http::{connect, get, order, read_reply};
use crate::origin::Gate;
use crate::program::{Gateway, wait_until};

struct Busy {
    gateway: Gateway,
    gate: Gate,
    client: TcpStream,
    idle: TcpStream,
    admin: String,
}

impl Busy {
    /// A gateway with one request under way, which would get a minute to end.
    fn start() -> Self {
        let gate = Gate::start();
        let gateway = Gateway::run(&format!(
            "runtime: {{workers: 1, pin: false, drain_timeout: 60s}}\n\
             listeners: [{{name: main, address: 127.0.0.1:0}}]\n\
             admin: {{address: 127.0.0.1:0}}\n\
             services: {{slow: {{endpoints: ['{}']}}}}\n\
             routes: [{{path: /*, service: slow}}]\n",
            gate.address
        ));
        let mut client = connect(&gateway.program.listener("main"));
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        gate.wait_for_request();
        let idle = connect(&gateway.program.listener("main"));
        let admin = gateway.program.admin();
        assert_eq!(get(&admin, "/readyz").status, 200);
        Self {
            gateway,
            gate,
            client,
            idle,
            admin,
        }
    }

    fn wait_until_unready(&self) {
        wait_until("503 of /readyz", || {
            (get(&self.admin, "/readyz").status == 503).then_some(())
        });
        assert_eq!(get(&self.admin, "/healthz").status, 200);
    }

    /// Lets the request end, which ends the program.
    fn finish(mut self) {
        // The worker that closes its idle connections knows that it drains.
        assert_eq!(self.idle.read(&mut [0]).unwrap(), 0);
        self.gate.open();
        let reply = read_reply(&mut self.client, false);
        assert_eq!((reply.status, &*reply.body), (200, "done"));
        assert_eq!(reply.field("connection"), Some("close"));
        assert_eq!(self.gateway.program.wait_for_exit(), 0);
    }
}

#[test]
fn a_signal_lets_requests_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let busy = Busy::start();
        busy.gateway.program.signal(signal);
        busy.wait_until_unready();
        let main = busy.gateway.program.listener("main");
        wait_until("the listener is closed", || {
            TcpStream::connect(&main).is_err().then_some(())
        });
        busy.finish();
    }
}

#[test]
fn a_second_signal_cuts_and_the_code_says_so() {
    let busy = Busy::start();
    busy.gateway.program.signal(Signal::TERM);
    busy.wait_until_unready();
    busy.gateway.program.signal(Signal::TERM);
    assert_eq!(busy.gateway.program.wait_for_exit(), 1);
    busy.gateway
        .program
        .err
        .wait_for_text("the drain has cut 1 requests");
}

#[test]
fn an_order_and_then_a_signal_is_no_impatience() {
    let busy = Busy::start();
    let reply = order(&busy.admin, "/drain", "");
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (202, &"draining".into())
    );
    assert_eq!(order(&busy.admin, "/drain", "").status, 202);
    busy.gateway.program.signal(Signal::TERM);
    // The log line shows that the signal has been obeyed before the request ends.
    busy.gateway.program.err.wait_for_text("draining");
    busy.wait_until_unready();
    assert!(!busy.gateway.program.has_ended());
    busy.finish();
}

#[test]
fn a_reload_is_refused_meanwhile() {
    let busy = Busy::start();
    busy.gateway.program.signal(Signal::TERM);
    busy.wait_until_unready();
    let reply = order(&busy.admin, "/reload", "");
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("the gateway is draining"), "{reply:?}");
    busy.finish();
}

#[test]
fn idle_connections_do_not_make_an_end_unclean() {
    let gateway = Gateway::run(
        "listeners: [{name: main, address: 127.0.0.1:0}]\nroutes: [{path: /, respond: {body: hi}}]\n",
    );
    let mut client = connect(&gateway.program.listener("main"));
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    assert_eq!(read_reply(&mut client, false).body, "hi");
    gateway.program.signal(Signal::TERM);
    assert_eq!(gateway.program.wait_for_exit(), 0);
}

#[test]
fn the_access_log_has_every_request_when_the_program_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let gateway = Gateway::run(&format!(
        "listeners: [{{name: main, address: 127.0.0.1:0}}]\n\
         routes: [{{path: /*, respond: {{body: hi}}}}]\n\
         access_log: {{path: '{}', format: '{{path}}'}}\n",
        log.display()
    ));
    let main = gateway.program.listener("main");
    let mut paths: Vec<String> = (0..50).map(|number| format!("/{number}")).collect();
    for path in &paths {
        assert_eq!(get(&main, path).status, 200);
    }
    gateway.program.signal(Signal::TERM);
    assert_eq!(gateway.program.wait_for_exit(), 0);
    let text = std::fs::read_to_string(&log).unwrap();
    let mut logged: Vec<&str> = text.lines().collect();
    logged.sort_unstable();
    paths.sort_unstable();
    assert_eq!(logged, paths);
}
