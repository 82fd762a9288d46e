//! What is counted and logged of an exchange: body bytes and nothing else, the host without its port,
//! and of a tunnel all that went through it, once it has ended.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use corelane_engine::Outcome;
use serde_json::Value;

use super::connections::Path;
use crate::scenario::{Io, OK, Scenario, Stopping, Wire, eventually, get, on_both_drivers};

const UPGRADE: &str = "GET /chat?secret HTTP/1.1\r\nHost: chat.example:81\r\n\
    Connection: upgrade\r\nUpgrade: websocket\r\nUser-Agent: test\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A gateway with an access log, and the log.
fn logged(io: Io, config: &str) -> (Scenario, Path) {
    let log = Path::new("account");
    let config = format!("access_log: {{path: \"{}\"}}\n{config}", log.0.display());
    (Scenario::on(io).origin("a").config(&config).start(), log)
}

/// So many lines of the log, when they are there.
fn lines(log: &Path, count: usize) -> Vec<Value> {
    let text = || std::fs::read_to_string(&log.0).unwrap();
    eventually("lines of the log", || text().lines().count() >= count);
    let text = text();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert_eq!(lines.len(), count);
    lines
}

/// What `GET /metrics` shows.
fn page(s: &Scenario) -> String {
    let mut page = String::new();
    s.report().prometheus("0", 1, &mut page);
    page
}

#[test]
fn bytes_are_those_of_bodies() {
    on_both_drivers(|io| {
        let (s, log) = logged(io, "");
        let mut client = s.client();
        client.send(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
        );
        let (mut origin, _) = s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n6\r\n world\r\n0\r\nt: 1\r\n\r\n",
        );
        assert_eq!(client.reply().text(), "hello world");
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        origin.request();
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        client.reply_head();
        let large = "x".repeat(100_000);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        origin.request();
        origin.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{large}"
        ));
        assert_eq!(client.reply().text(), large);
        client.send("GET nonsense HTTP/1.1\r\nHost: h\r\n\r\n");
        let problem = client.reply().body.len();
        let bytes: Vec<_> = lines(&log, 4)
            .iter()
            .map(|line| (line["bytes_in"].clone(), line["bytes_out"].clone()))
            .collect();
        let wanted = [(7, 11), (0, 0), (0, 100_000), (0, problem)];
        assert_eq!(bytes, wanted.map(|(i, o)| (i.into(), o.into())));
        let page = page(&s);
        let out = 100_011 + problem;
        for (direction, sum) in [("in", 7), ("out", out)] {
            let line = format!("corelane_bytes_total{{direction=\"{direction}\"}} {sum}\n");
            assert!(page.contains(&line), "no {line}");
        }
    })
}

#[test]
fn bytes_that_did_not_reach_the_client_do_not_count() {
    on_both_drivers(|io| {
        let (s, log) = logged(io, "");
        let mut client = s.client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let (mut origin, _) = s
            .origin("a")
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nabc");
        client.reply_head();
        client.expect("abc");
        let sent = 3 + origin.stuff() as u64;
        client.reset();
        let line = lines(&log, 1).remove(0);
        assert_eq!(line["outcome"], "client_gone");
        let counted = line["bytes_out"].as_u64().unwrap();
        assert!((3..=sent).contains(&counted), "{counted} of {sent}");
    })
}

#[test]
fn the_host_is_without_its_port() {
    on_both_drivers(|io| {
        let (s, log) = logged(io, "routes: [{path: /*, respond: {}}]");
        let mut client = s.client();
        for host in ["h.example:8080", "h.example", "[::1]:80"] {
            client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            client.reply();
        }
        let lines = lines(&log, 3);
        let hosts: Vec<_> = lines.iter().map(|line| &line["host"]).collect();
        assert_eq!(hosts, ["h.example", "h.example", "[::1]"]);
    })
}

/// Both ends of a tunnel that has just been opened.
fn tunnel(s: &Scenario) -> (Wire, Wire) {
    let mut client = s.client();
    client.send(UPGRADE);
    let (origin, _) = s.origin("a").answer(SWITCHING);
    client.reply_head();
    (client, origin)
}

#[test]
fn a_tunnel_is_counted_and_logged_when_it_ends() {
    on_both_drivers(|io| {
        let (s, log) = logged(io, "");
        let (mut client, mut origin) = tunnel(&s);
        origin.send("welcome");
        client.expect("welcome").send("ping");
        origin.expect("ping");
        let report = s.report();
        assert_eq!((report.requests_in_flight(), report.tunnels()), (1, 1));
        assert_eq!(report.outcome(Outcome::Tunnel), 0);
        // A line of something else shows that the tunnel has none yet.
        let mut other = s.client();
        other.send("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
        s.origin("a").answer(OK);
        other.reply();
        assert_eq!(lines(&log, 1)[0]["path"], "/other");
        client.finish();
        origin.expect_end();
        origin.send("bye").finish();
        client.expect("bye").expect_end();
        let line = lines(&log, 2).remove(1);
        for (key, value) in [
            ("path", "/chat"),
            ("host", "chat.example"),
            ("method", "GET"),
            ("user_agent", "test"),
            ("service", "a"),
            ("endpoint", &s.origin("a").address),
            ("outcome", "tunnel"),
            ("protocol", "HTTP/1.1"),
            ("client", "127.0.0.1"),
        ] {
            assert_eq!(line[key], value, "{key}");
        }
        for (key, value) in [("status", 101), ("bytes_in", 4), ("bytes_out", 10)] {
            assert_eq!(line[key], value, "{key}");
        }
        let report = s.report();
        assert_eq!((report.requests_in_flight(), report.tunnels()), (0, 0));
        assert_eq!(report.outcome(Outcome::Tunnel), 1);
    })
}

#[test]
fn a_tunnel_that_was_silent_for_too_long_says_so() {
    on_both_drivers(|io| {
        let (s, log) = logged(io, "limits: {tunnel_idle_timeout: 100ms}");
        let (mut client, mut origin) = tunnel(&s);
        client.rest_or_reset();
        origin.rest_or_reset();
        let line = lines(&log, 1).remove(0);
        assert_eq!(line["outcome"], "idle_timeout");
        assert!(line["duration_ms"].as_f64().unwrap() >= 100.0, "{line}");
    })
}

#[test]
fn a_tunnel_that_a_drain_cuts_is_logged_too() {
    on_both_drivers(|io| {
        let (s, log) = logged(io, "runtime: {drain_timeout: 0s}");
        let (mut client, mut origin) = tunnel(&s);
        client.send("x");
        origin.expect("x");
        s.handle().drain();
        assert_eq!(s.drained().requests_cut, 0);
        let line = lines(&log, 1).remove(0);
        assert_eq!(
            (&line["outcome"], &line["bytes_in"]),
            (&"tunnel".into(), &1.into())
        );
        client.rest_or_reset();
        assert!(origin.rest_or_reset().0.is_empty());
    })
}

#[test]
fn lines_that_could_not_be_written_are_counted_over_reloads() {
    on_both_drivers(|io| {
        let config = |more: &str| format!("{more}routes: [{{path: /*, respond: {{}}}}]");
        let full = config("access_log: {path: /dev/full}\n");
        let s = Scenario::on(io).config(&full).start();
        let lost = || {
            let name = "corelane_access_log_lost_total{reason=\"write_error\"} ";
            let page = page(&s);
            let count = page.lines().find_map(|line| line.strip_prefix(name));
            count.unwrap().parse::<u64>().unwrap()
        };
        let mut client = s.client();
        let mut exchange = || {
            client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
            client.reply();
        };
        exchange();
        exchange();
        eventually("two lines are lost", || lost() == 2);
        s.publish(&config("")).unwrap();
        assert_eq!(lost(), 2);
        s.publish(&full).unwrap();
        // The worker takes the log a moment later than the configuration.
        eventually("another line is lost", || {
            exchange();
            lost() > 2
        });
    })
}

#[test]
fn requests_have_their_turn_while_many_series_are_copied() {
    const SERIES: usize = 2_000;
    on_both_drivers(|io| {
        let route = |n| format!("- {{path: /{n}, respond: {{}}}}\n");
        let routes: String = (0..SERIES).map(route).collect();
        let s = Scenario::on(io)
            .config(&format!("routes:\n{routes}"))
            .start();
        let mut client = s.client();
        for n in 0..SERIES {
            client.send(get(&format!("/{n}")));
            assert_eq!(client.reply().status(), 200);
        }
        let (served, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let _stopping = Stopping(&stop);
            let (served, stop) = (&served, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client.send(get("/0"));
                    client.reply();
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
            eventually("requests", || served.load(Ordering::Relaxed) > 0);
            let before = served.load(Ordering::Relaxed);
            let report = s.report();
            let meanwhile = served.load(Ordering::Relaxed) - before;
            let mut page = String::new();
            report.prometheus("0", 1, &mut page);
            let lines = page.lines();
            let counted = lines.filter(|line| line.starts_with("corelane_requests_total{"));
            assert_eq!(counted.count(), SERIES);
            assert!(meanwhile >= 10, "{meanwhile} requests meanwhile");
        });
    })
}
