//! Connections of clients: where they go, how many there may be, and that none is lost or leaked.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::scenario::{
    GET, OK, Random, Scenario, Wire, alone, descriptors, eventually, on_both_drivers, pass, post,
};

/// A path that is this test's alone, removed at the end.
pub(super) struct Path(pub(super) PathBuf);

impl Path {
    pub(super) fn new(name: &str) -> Self {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or_default().replace("::", "-");
        let test = &test[test.len().saturating_sub(40)..];
        Self(std::env::temp_dir().join(format!("{name}-{}-{test}", std::process::id())))
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

#[test]
fn long_lived_connections_are_spread_evenly() {
    on_both_drivers(|io| {
        let log = Path::new("log");
        let s = Scenario::on(io).workers(2).config(&format!(
            "runtime: {{balance: handoff}}\naccess_log: {{path: \"{}\", format: \"{{worker}}\"}}\n\
             routes: [{{path: /*, respond: {{body: x}}}}]", log.0.display(),
        )).start();
        let mut clients: Vec<_> = (0..17).map(|_| s.client()).collect();
        for client in &mut clients {
            client.send(GET);
            client.reply();
        }
        let lines = || std::fs::read_to_string(&log.0).unwrap();
        let begun = Instant::now();
        eventually("17 lines", || lines().lines().count() == 17);
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
        let on_first = lines().lines().filter(|line| *line == "0").count();
        assert!(
            (8..=9).contains(&on_first),
            "{on_first} of 17 on the first of two"
        );
    })
}

#[test]
fn connections_beyond_the_bound_wait_for_a_place() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .workers(2)
            .config("limits: {connections: 3}\nroutes: [{path: /*, respond: {body: x}}]")
            .start();
        let mut clients: Vec<_> = (0..3).map(|_| s.client()).collect();
        for client in &mut clients {
            client.send(GET);
            client.reply();
        }
        let mut waiting = s.client();
        waiting.send(GET);
        for _ in 0..20 {
            for client in &mut clients {
                client.send(GET);
                client.reply();
            }
        }
        assert!(waiting.is_silent());
        assert_eq!(s.report().connections(), 3);
        clients.pop();
        assert_eq!(waiting.reply().text(), "x");
        // However a connection ends, its place is given back.
        let mut random = Random(5);
        for _ in 0..50 {
            let client = clients.remove(random.below(clients.len()));
            end(client, random.below(4));
            let mut next = s.client();
            next.send(GET);
            assert_eq!(next.reply().text(), "x");
            clients.push(next);
        }
    })
}

#[test]
fn no_descriptor_is_left_is_no_reason_to_spin_or_die() {
    on_both_drivers(|io| {
        alone(|| {
            let s = Scenario::on(io)
                .config("routes: [{path: /*, respond: {body: x}}]")
                .start();
            let mut kept = s.client();
            kept.send(GET);
            kept.reply();
            let ours = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let sockets: Vec<_> = (0..5).map(|_| ours()).collect();
            // A descriptor's number, not their count, is what the limit is about.
            let last = sockets
                .iter()
                .map(std::os::fd::AsRawFd::as_raw_fd)
                .max()
                .unwrap();
            let before = getrlimit(Resource::Nofile);
            let limit = Rlimit {
                current: Some(u64::try_from(last).unwrap() + 1),
                ..before
            };
            setrlimit(Resource::Nofile, limit).unwrap();
            let address: std::net::SocketAddr = s.address(0).parse().unwrap();
            for socket in &sockets {
                socket.connect(&address.into()).unwrap();
            }
            let (begun, ran) = (Instant::now(), cpu_time());
            while begun.elapsed() < Duration::from_millis(300) {
                kept.send(GET);
                assert_eq!(kept.reply().text(), "x");
                pass(Duration::from_millis(10));
            }
            let ran = cpu_time() - ran;
            setrlimit(Resource::Nofile, before).unwrap();
            assert!(
                ran < Duration::from_millis(200),
                "{ran:?} of {:?}",
                begun.elapsed()
            );
            drop(sockets);
            let mut client = s.client();
            client.send(GET);
            assert_eq!(client.reply().text(), "x");
        });
    })
}

#[test]
fn clients_and_origins_may_be_on_unix_sockets() {
    on_both_drivers(|io| {
        let (front, back) = (Path::new("front"), Path::new("back"));
        let s = Scenario::on(io)
            .unix_origin("a", &back.0)
            .config(&format!(
                "listeners: [{{address: \"unix:{}\"}}]\ntrusted_proxies: [127.0.0.1]",
                front.0.display(),
            ))
            .start();
        let mut client = s.client();
        client.send(
            "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nX-User-ID: root\r\n\r\n",
        );
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("x-user-id"), None);
        assert_eq!(
            request.field("x-forwarded-for"),
            None,
            "a Unix socket is no trusted proxy"
        );
        assert_eq!(client.reply().text(), "ok");
        drop(client);
        drop(s);
        assert!(!front.0.exists(), "the socket's file is removed");
    })
}

#[test]
fn a_socket_file_that_nobody_serves_is_replaced() {
    on_both_drivers(|io| {
        let front = Path::new("stale");
        drop(std::os::unix::net::UnixListener::bind(&front.0).unwrap());
        let config = format!("listeners: [{{address: \"unix:{}\"}}]", front.0.display());
        let s = Scenario::on(io).config(&config).start();
        let mut client = s.client();
        client.send(GET);
        client.reply().assert_local(404, "no_route");
        let second = Scenario::on(io).config(&config).try_start();
        assert!(second.is_err_and(|error| error.contains("somebody listens there")));
        client.send(GET);
        client.reply().assert_local(404, "no_route");
    })
}

#[test]
fn a_port_that_is_served_is_not_shared_in_silence() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        let config = format!("listeners: [{{address: \"{}\"}}]", s.address(0));
        let second = Scenario::on(io).config(&config).try_start();
        assert!(second.is_err_and(|error| error.contains("in use")));
    })
}

#[test]
fn a_thousand_connections_that_end_badly_leave_nothing_behind() {
    on_both_drivers(|io| {
        alone(|| {
            let mut s = Scenario::on(io)
                .workers(2)
                .origin("a")
                .config("limits: {upstream_idle_connections: 1, linger_timeout: 50ms}")
                .start();
            s.serve("a", |request| match request.target() {
                "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec(),
                _ => OK.into(),
            });
            let mut random = Random(11);
            let mut one = |s: &Scenario, round: usize| {
                let mut client = s.client();
                match random.below(8) {
                    0 => client.reset(),
                    1 => {
                        client.send("GET / HT");
                    }
                    2 => {
                        client.send(GET);
                        client.reset();
                    }
                    3 => drop(client.send(post("/", "whole")).reply()),
                    4 => {
                        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
                    }
                    5 => drop(client.send("nonsense\r\n\r\n").reply()),
                    6 => {
                        client
                            .send("GET /cut HTTP/1.1\r\nHost: h\r\n\r\n")
                            .reply_head();
                        client.reset();
                    }
                    _ => {
                        client.send(GET.repeat(1 + round % 5));
                    }
                }
            };
            (0..50).for_each(|round| one(&s, round));
            s.await_connections(0);
            s.await_in_flight(0);
            let before = descriptors();
            (0..1000).for_each(|round| one(&s, round));
            s.await_connections(0);
            s.await_in_flight(0);
            // Pools may hold one connection for each worker, each with its other end in this process.
            eventually("the descriptors are closed", || descriptors() <= before + 4);
        });
    })
}

#[test]
fn what_is_counted_adds_up() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io).workers(2).origin("a").start();
        s.serve("a", |_| OK);
        let mut clients: Vec<_> = (0..4).map(|_| s.client()).collect();
        for client in &mut clients {
            for _ in 0..25 {
                client.send(post("/", "12345"));
                client.reply();
            }
        }
        s.await_in_flight(0);
        let report = s.report();
        assert_eq!(report.outcome(corelane_engine::Outcome::Ok), 100);
        assert_eq!(report.connections(), 4);
        let endpoints: Vec<_> = report.endpoints().collect();
        assert_eq!(endpoints.len(), 1);
        assert_eq!(
            (
                endpoints[0].requests,
                endpoints[0].active,
                endpoints[0].failures
            ),
            (100, 0, 0)
        );
        let mut text = String::new();
        report.prometheus("1", 1, &mut text);
        let sum = |name: &str| -> f64 {
            let of = |line: &str| {
                line.starts_with(name)
                    .then(|| line.rsplit(' ').next()?.parse::<f64>().ok())?
            };
            text.lines().filter_map(of).sum()
        };
        assert_eq!(sum("corelane_requests_total{"), 100.0);
        assert_eq!(sum("corelane_request_duration_seconds_count{"), 100.0);
        assert_eq!(sum("corelane_requests_in_flight{"), 0.0);
        assert_eq!(sum("corelane_downstream_connections{"), 4.0);
        assert_eq!(sum("corelane_bytes_total{direction=\"in\"}"), 500.0);
        assert_eq!(
            sum("corelane_upstream_connects_total{") + sum("corelane_upstream_reuses_total{"),
            100.0
        );
    })
}

/// Ends a connection in one of four ways.
fn end(mut client: Wire, way: usize) {
    match way {
        0 => drop(client.finish().rest()),
        1 => client.reset(),
        2 => drop(client.send("nonsense\r\n\r\n").reply()),
        _ => {}
    }
}

/// The processor time that this process has used.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap()
}
