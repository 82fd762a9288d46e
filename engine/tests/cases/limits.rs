//! What clients may not exceed in size or time: every refusal names its limit.

use std::time::Duration;

use crate::scenario::{GET, OK, Scenario, ok, on_both_drivers, pass, post};

#[test]
fn heads_beyond_a_limit_are_refused_by_its_name() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config(
            "limits: {request_line_bytes: 1KiB, request_head_bytes: 4KiB, request_field_bytes: 2KiB, request_fields: 5}",
        ).start();
        let line = |length: usize| format!("GET /{} HTTP/1.1\r\n", "x".repeat(length));
        let fields = |count: usize| "A: b\r\n".repeat(count);
        let field = |length: usize| format!("A: {}\r\n", "b".repeat(length));
        for (request, status, outcome, limit) in [
            (
                format!("{}Host: h\r\n\r\n", line(2000)),
                414,
                "target_too_long",
                "request_line_bytes",
            ),
            // Refused as soon as it is too long, not when it ends.
            (
                format!("GET /{}", "x".repeat(2000)),
                414,
                "target_too_long",
                "request_line_bytes",
            ),
            (
                format!("{}Host: h\r\n{}\r\n", line(1), field(3000)),
                431,
                "head_too_large",
                "request_field_bytes",
            ),
            (
                format!("{}Host: h\r\n{}\r\n", line(1), field(1800).repeat(3)),
                431,
                "head_too_large",
                "request_head_bytes",
            ),
            (
                format!("{}Host: h\r\n{}\r\n", line(1), fields(5)),
                431,
                "head_too_large",
                "request_fields",
            ),
        ] {
            let mut client = s.client();
            client.send(request);
            let reply = client.reply();
            reply.assert_local(status, outcome).assert_limit(limit);
            assert!(reply.says_close());
            client.finish().expect_end();
        }
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn heads_up_to_a_limit_pass() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .config(
                "limits: {request_line_bytes: 1KiB, request_field_bytes: 2KiB, request_fields: 5}",
            )
            .start();
        s.serve("a", |_| OK);
        let mut client = s.client();
        let line = |length: usize| {
            let rest = "GET / HTTP/1.1".len();
            format!("GET /{} HTTP/1.1\r\n", "x".repeat(length - rest))
        };
        for request in [
            format!("{}Host: h\r\n\r\n", line(1024)),
            format!("{}Host: h\r\n{}\r\n", line(20), "A: b\r\n".repeat(4)),
            format!("{}Host: h\r\nA: {}\r\n\r\n", line(20), "b".repeat(2048 - 3)),
        ] {
            client.send(request);
            assert_eq!(client.reply().status(), 200);
        }
    })
}

#[test]
fn heads_may_be_larger_than_any_buffer() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config(
            "limits: {request_head_bytes: 1MiB, request_field_bytes: 1MiB, response_head_bytes: 1MiB}",
        ).start();
        let large = "b".repeat(400_000);
        let mut client = s.client();
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {large}\r\n\r\n");
        let reply = format!("HTTP/1.1 200 OK\r\nA: {large}\r\nContent-Length: 0\r\n\r\n");
        let sending = std::thread::spawn(move || {
            client.send(request);
            client
        });
        let (_origin, request) = s.origin("a").answer(reply);
        let mut client = sending.join().unwrap();
        assert!(
            request.field("a") == Some(large.as_str()),
            "the request's field"
        );
        assert!(
            client.reply().field("a") == Some(large.as_str()),
            "the reply's field"
        );
    })
}

#[test]
fn a_body_that_says_it_is_too_large_is_refused_before_it_is_forwarded() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {request_body_bytes: 100}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n");
        let reply = client.reply();
        reply
            .assert_local(413, "body_too_large")
            .assert_limit("request_body_bytes");
        assert!(reply.says_close());
        client.finish().expect_end();
        assert!(s.origin("a").is_untouched());
        let mut client = s.client();
        client.send(post("/", [b'x'; 100]));
        s.origin("a").answer(OK);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_chunked_body_is_refused_when_it_has_become_too_large() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {request_body_bytes: 100}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(format!("32\r\n{}\r\n", "x".repeat(50)));
        let mut origin = s.accept("a");
        origin.request_head();
        origin.expect(format!("32\r\n{}\r\n", "x".repeat(50)));
        client.send(format!("33\r\n{}\r\n", "x".repeat(51)));
        client
            .reply()
            .assert_local(413, "body_too_large")
            .assert_limit("request_body_bytes");
        // The origin must not take what it has for the whole.
        let (rest, _) = origin.rest_or_reset();
        assert!(!rest.ends_with(b"0\r\n\r\n"));
    })
}

#[test]
fn chunk_framing_has_limits() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {chunk_line_bytes: 64, trailer_bytes: 128, trailer_fields: 3}")
            .start();
        for (body, status, limit) in [
            (
                format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(100)),
                400,
                "chunk_line_bytes",
            ),
            (
                format!("0\r\nA: {}\r\n\r\n", "b".repeat(200)),
                431,
                "trailer_bytes",
            ),
            (
                format!("0\r\n{}\r\n", "A: b\r\n".repeat(4)),
                431,
                "trailer_fields",
            ),
        ] {
            let mut client = s.client();
            client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            let mut origin = s.accept("a");
            origin.request_head();
            client.send(body);
            let reply = client.reply();
            assert_eq!(reply.status(), status);
            reply.assert_limit(limit);
            let (rest, _) = origin.rest_or_reset();
            assert!(!rest.ends_with(b"0\r\n\r\n"));
        }
    })
}

#[test]
fn a_head_that_drips_is_a_408() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {request_head_timeout: 200ms}")
            .start();
        let mut client = s.client();
        for byte in "GET / HTTP/1.1\r\nHost: h\r\n".as_bytes() {
            pass(Duration::from_millis(15));
            if client.offer([*byte]) == 0 || !client.is_silent() {
                break;
            }
        }
        let reply = client.reply();
        reply
            .assert_local(408, "client_timeout")
            .assert_limit("request_head_timeout");
        assert!(reply.says_close());
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn a_body_that_drips_is_a_408() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_min_rate: 1000, body_rate_window: 200ms}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
        let mut origin = s.accept("a");
        origin.request_head();
        for _ in 0..100 {
            pass(Duration::from_millis(20));
            if client.offer("x") == 0 || !client.is_silent() {
                break;
            }
        }
        client
            .reply()
            .assert_local(408, "client_timeout")
            .assert_limit("body_min_rate");
        let (body, _) = origin.rest_or_reset();
        assert!(body.len() < 50, "{} bytes in some 200 ms", body.len());
    })
}

#[test]
fn a_body_that_flows_fast_enough_is_not_cut() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_min_rate: 1000, body_rate_window: 200ms}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\n");
        for _ in 0..30 {
            pass(Duration::from_millis(20));
            client.send([b'x'; 100]);
        }
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.body.len(), 3000);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_client_that_does_not_read_is_cut_and_others_are_not() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_min_rate: 1000, body_rate_window: 200ms}")
            .start();
        let large = vec![b'x'; 32 << 20];
        s.serve("a", move |request| match request.target() {
            "/large" => ok(&large),
            _ => OK.into(),
        });
        let mut stuck = s.client().with_small_receive_buffer();
        stuck.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut other = s.client();
        s.await_in_flight(1);
        while s.report().outcome(corelane_engine::Outcome::ClientTimeout) == 0 {
            other.send(GET);
            assert_eq!(other.reply().text(), "ok");
        }
        let (_, orderly) = stuck.rest_or_reset();
        assert!(!orderly, "what is cut must not look whole");
    })
}

#[test]
fn a_client_that_reads_slowly_but_fast_enough_is_not_cut() {
    on_both_drivers(|io| {
        // The kernel says that there is room only when a third of its buffer is free: at this pace
        // that takes longer than the window.
        let mut s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_min_rate: 10000, body_rate_window: 100ms}")
            .start();
        let size = 16 << 20;
        s.serve("a", move |_| ok(vec![b'x'; size]));
        let mut client = s.client();
        client.send(GET);
        client.reply_head();
        for _ in 0..40 {
            pass(Duration::from_millis(20));
            assert_ne!(client.drop_some(32 * 1024), 0);
        }
        s.await_in_flight(1);
        client.reset();
    })
}

#[test]
fn no_more_fields_may_be_configured_than_heads_can_hold() {
    let limits = corelane_config::limits::LIMITS.iter();
    let fields: Vec<_> = limits
        .filter(|limit| limit.name.ends_with("_fields"))
        .map(|limit| (limit.name, limit.max))
        .collect();
    let most = corelane_codec::FIELDS_MAX as u64;
    let names = ["request_fields", "response_fields", "trailer_fields"];
    assert_eq!(fields, names.map(|name| (name, most)));
}
