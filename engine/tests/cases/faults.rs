//! Origins that break the rules, close too early, or take too long: each fault has its own name.

use std::time::Duration;

use crate::scenario::{GET, OK, Scenario, on_both_drivers, pass, post};

#[test]
fn malformed_replies_are_not_passed_on() {
    on_both_drivers(|io| {
        for reply in [
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 099 Low\r\n\r\n",
            "nonsense\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            let s = Scenario::on(io).origin("a").start();
            let mut client = s.client();
            client.send(GET);
            let (mut origin, _) = s.origin("a").answer(reply);
            client.reply().assert_local(502, "upstream_malformed");
            // Nothing more is asked of that connection; the client's own goes on.
            origin.rest_or_reset();
            client.send(GET);
            s.origin("a").answer(OK);
            assert_eq!(client.reply().status(), 200, "after {reply:?}");
        }
    })
}

#[test]
fn replies_beyond_a_limit_name_it() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {response_head_bytes: 2KiB, response_fields: 5}")
            .start();
        for (reply, limit) in [
            (
                format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(6)),
                "response_fields",
            ),
            (
                format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "b".repeat(3000)),
                "response_head_bytes",
            ),
        ] {
            let mut client = s.client();
            client.send(GET);
            let _origin = s.origin("a").answer(reply);
            client
                .reply()
                .assert_local(502, "upstream_malformed")
                .assert_limit(limit);
        }
    })
}

#[test]
fn an_origin_that_closes_without_a_word_is_a_502() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for reset in [false, true] {
            let mut client = s.client();
            client.send(GET);
            let mut origin = s.accept("a");
            origin.request();
            if reset {
                origin.reset();
            } else {
                drop(origin);
            }
            client.reply().assert_local(502, "upstream_reset");
            client.send(GET);
            s.origin("a").answer(OK);
            assert_eq!(client.reply().status(), 200);
        }
    })
}

#[test]
fn half_a_head_is_a_502() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        drop(s.origin("a").answer("HTTP/1.1 200 OK\r\nContent-"));
        client.reply().assert_local(502, "upstream_reset");
    })
}

#[test]
fn a_body_that_is_cut_short_is_cut_short_for_the_client() {
    on_both_drivers(|io| {
        for (reply, end) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", ""),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                "",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
                "",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                "nonsense\r\n",
            ),
        ] {
            let s = Scenario::on(io).origin("a").start();
            let mut client = s.client();
            client.send(GET);
            let (mut origin, _) = s.origin("a").answer(reply);
            client.reply_head();
            client.expect(if reply.contains("chunked") {
                "4\r\nhalf\r\n"
            } else {
                "half"
            });
            origin.send(end);
            drop(origin);
            // Neither a last chunk nor an orderly end: nobody can take it for the whole.
            client.expect_reset();
        }
    })
}

#[test]
fn a_fault_that_comes_with_the_head_is_told() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let _origin = s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\n\r\nnonsense\r\n",
        );
        let reply = client.reply();
        reply.assert_local(502, "upstream_malformed");
        assert_eq!(
            reply.field("set-cookie"),
            None,
            "nothing of the faulty head is left"
        );
        client.send(GET);
        s.origin("a").answer(OK);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_refused_connection_is_a_502() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io).origin("a").start();
        s.refuse("a");
        let mut client = s.client();
        client.send(post("/", "body"));
        client.reply().assert_local(502, "connect_failed");
        // The body was there and has been read over.
        client.send(GET);
        client.reply().assert_local(502, "connect_failed");
    })
}

#[test]
fn a_service_without_an_endpoint_that_takes_part_is_a_503() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("services: {a: {endpoints: [{address: $a, weight: 0}]}}")
            .start();
        let mut client = s.client();
        client.send(GET);
        client.reply().assert_local(503, "no_endpoint");
    })
}

#[test]
fn a_connect_that_takes_too_long_is_a_504() {
    on_both_drivers(|io| {
        // 192.0.2.0/24 is for documentation: in a network without a route it fails at once instead.
        let full = FullListener::new();
        let s = Scenario::on(io)
            .config(&format!(
                "services: {{a: {{endpoints: [\"{}\"], connect_timeout: 150ms}}}}\n\
             routes: [{{path: /*, service: a}}]",
                full.address,
            ))
            .start();
        let mut client = s.client();
        client.send(GET);
        client
            .reply()
            .assert_local(504, "connect_timeout")
            .assert_limit("connect_timeout");
    })
}

#[test]
fn a_connect_that_takes_too_long_is_made_again_elsewhere() {
    on_both_drivers(|io| {
        let full = FullListener::new();
        let s = Scenario::on(io)
            .origin("a")
            .config(&format!(
                "services: {{web: {{endpoints: [\"{}\", $a], connect_timeout: 150ms}}}}\n\
                 routes: [{{path: /*, service: web}}]",
                full.address,
            ))
            .start();
        let mut client = s.client();
        client.send(post("/", "body"));
        assert_eq!(s.origin("a").answer(OK).1.text(), "body");
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_head_that_takes_too_long_is_a_504() {
    on_both_drivers(|io| {
        for config in [
            "limits: {response_timeout: 150ms}",
            "routes: [{path: /*, service: a, response_timeout: 150ms}]",
        ] {
            let s = Scenario::on(io).origin("a").config(config).start();
            for request in [GET.into(), post("/", "body")] {
                let mut client = s.client();
                client.send(request);
                let mut origin = s.accept("a");
                origin.request();
                origin.send("HTTP/1.1 200 ");
                client
                    .reply()
                    .assert_local(504, "response_timeout")
                    .assert_limit("response_timeout");
                origin.rest_or_reset();
            }
        }
    })
}

#[test]
fn the_wait_for_a_head_begins_when_the_request_has_left() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {response_timeout: 200ms}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
        let mut origin = s.accept("a");
        origin.request_head();
        // A connection that idles for longer than the timeout tells the time.
        for byte in ["a", "b", "c", "d"] {
            pass(Duration::from_millis(100));
            client.send(byte);
            origin.expect(byte);
        }
        client.send("e");
        origin.expect("e").send(OK);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn an_exchange_that_takes_too_long_is_a_504() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, timeout: 150ms}]")
            .start();
        for request in [GET.into(), post("/", "body")] {
            let mut client = s.client();
            client.send(request);
            let mut origin = s.accept("a");
            origin.request();
            client
                .reply()
                .assert_local(504, "total_timeout")
                .assert_limit("timeout");
            origin.rest_or_reset();
        }
    })
}

#[test]
fn the_total_counts_the_upload_and_the_connect() {
    on_both_drivers(|io| {
        let full = FullListener::new();
        let s = Scenario::on(io).origin("a").config(&format!(
            "services: {{a: {{endpoints: [$a]}}, full: {{endpoints: [\"{}\"]}}}}\n\
             routes: [{{path: /full, service: full, timeout: 150ms}}, {{path: /*, service: a, timeout: 150ms}}]",
             full.address,
        )).start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
        client.reply().assert_local(504, "total_timeout");
        let mut client = s.client();
        client.send("GET /full HTTP/1.1\r\nHost: h\r\n\r\n");
        client.reply().assert_local(504, "total_timeout");
    })
}

#[test]
fn a_reply_that_takes_too_long_is_cut() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, timeout: 150ms}]")
            .start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s
            .origin("a")
            .answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
        client.reply_head();
        client.expect("1\r\nx\r\n").expect_reset();
        origin.rest_or_reset();
        assert_eq!(
            s.report().outcome(corelane_engine::Outcome::TotalTimeout),
            1
        );
    })
}

#[test]
fn a_body_that_goes_silent_is_cut() {
    on_both_drivers(|io| {
        for config in [
            "limits: {upstream_idle_timeout: 150ms}",
            "routes: [{path: /*, service: a, idle_timeout: 150ms}]",
        ] {
            let s = Scenario::on(io).origin("a").config(config).start();
            let mut client = s.client();
            client.send(GET);
            let (mut origin, _) = s
                .origin("a")
                .answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx");
            client.reply_head();
            // As long as it moves, it may take longer than that altogether.
            for _ in 0..4 {
                pass(Duration::from_millis(60));
                origin.send("y");
            }
            client.expect("xyyyy").expect_reset();
            assert_eq!(s.report().outcome(corelane_engine::Outcome::IdleTimeout), 1);
        }
    })
}

#[test]
fn a_silent_origin_before_its_body_is_no_client_fault() {
    on_both_drivers(|io| {
        // The client's own rule is stricter than the origin's silence: only its own waits count.
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_min_rate: 1MiB, body_rate_window: 100ms}")
            .start();
        let mut client = s.client();
        client.send(post("/", "body"));
        let mut origin = s.accept("a");
        origin.request();
        pass(Duration::from_millis(250));
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        client.reply_head();
        pass(Duration::from_millis(250));
        origin.send("cd");
        client.expect("abcd");
    })
}

/// A listener whose queue is full, so that the kernel answers no SYN.
struct FullListener {
    address: String,
    _listener: socket2::Socket,
    _queued: Vec<socket2::Socket>,
}

impl FullListener {
    fn new() -> Self {
        use socket2::{Domain, Socket, Type};
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _in_progress = socket.connect(&address);
            socket
        });
        Self {
            _queued: queued.collect(),
            address: address.as_socket().unwrap().to_string(),
            _listener: listener,
        }
    }
}
