//! Connections to origins: kept, shared, bounded, expired; and what happens when one that was kept
//! turns out to be dead. A request that may have been processed is never sent twice.

use std::time::{Duration, Instant};

use crate::scenario::{GET, OK, Scenario, Wire, get, ok, on_both_drivers, post};

/// A PUT, which may be repeated (RFC 9110 §9.2.2).
const PUT: &str = "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";

/// An exchange that leaves a connection to the origin `a` in the pool.
fn warm(s: &Scenario, client: &mut Wire) -> Wire {
    client.send(get("/warm"));
    let (origin, _) = s.origin("a").answer(OK);
    assert_eq!(client.reply().status(), 200);
    origin
}

#[test]
fn one_connection_serves_requests_one_after_the_other() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut origin = warm(&s, &mut s.client());
        for round in 0..5 {
            // Of several clients, too: the connection is the worker's, not a client's.
            let mut client = s.client();
            client.send(post("/", format!("{round}")));
            assert_eq!(origin.request().text(), round.to_string());
            origin.send(OK);
            client.reply();
        }
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn the_connection_that_was_used_last_is_used_next() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (mut one, mut two) = (s.client(), s.client());
        one.send(get("/1"));
        let mut first = s.accept("a");
        assert_eq!(first.request().target(), "/1");
        two.send(get("/2"));
        let mut second = s.accept("a");
        assert_eq!(second.request().target(), "/2");
        first.send(OK);
        one.reply();
        second.send(OK);
        two.reply();
        one.send(get("/3"));
        assert_eq!(second.request().target(), "/3");
        assert!(first.is_silent());
        second.send(OK);
        one.reply();
    })
}

#[test]
fn no_more_connections_idle_than_allowed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {upstream_idle_connections: 1}")
            .start();
        let (mut one, mut two) = (s.client(), s.client());
        one.send(GET);
        let mut first = s.accept("a");
        two.send(GET);
        let mut second = s.accept("a");
        first.request();
        second.request();
        first.send(OK);
        one.reply();
        second.send(OK);
        two.reply();
        second.expect_end();
        one.send(GET);
        first.request();
        first.send(OK);
        one.reply();
    })
}

#[test]
fn an_idle_connection_is_closed_after_its_timeout() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {upstream_keepalive_timeout: 100ms}")
            .start();
        let mut client = s.client();
        let begun = Instant::now();
        warm(&s, &mut client).expect_end();
        warm(&s, &mut client).expect_end();
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{:?}",
            begun.elapsed()
        );
    })
}

#[test]
fn a_connection_that_its_origin_closes_is_let_go_at_once() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        warm(&s, &mut client).finish().expect_end();
        client.send(post("/", "body"));
        assert_eq!(s.origin("a").answer(OK).1.text(), "body");
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn not_even_a_post_goes_to_a_connection_that_has_just_been_closed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        for _ in 0..50 {
            // Nobody waits until the gateway has noticed.
            drop(warm(&s, &mut client));
            client.send(post("/", "body"));
            assert_eq!(s.origin("a").answer(OK).1.text(), "body");
            assert_eq!(client.reply().status(), 200);
        }
    })
}

#[test]
fn a_get_on_a_kept_connection_that_dies_is_sent_again() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        for reset in [false, true] {
            let mut kept = warm(&s, &mut client);
            client.send(get("/again"));
            assert_eq!(kept.request().target(), "/again");
            if reset {
                kept.reset();
            } else {
                drop(kept);
            }
            let (again, request) = s.origin("a").answer(ok("second"));
            assert_eq!(request.target(), "/again");
            assert_eq!(request.all("via").len(), 1, "edited once");
            assert_eq!(client.reply().text(), "second");
            again.reset();
        }
    })
}

#[test]
fn a_put_is_sent_again_with_its_body() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for cut in [PUT.len(), PUT.len() - 4, PUT.len() - 2] {
            let mut client = s.client();
            let mut kept = warm(&s, &mut client);
            let (now, later) = PUT.split_at(cut);
            client.send(now);
            let head = kept.request_head();
            assert_eq!(head.field("content-length"), Some("4"));
            let body = 4 - later.len();
            kept.expect(&"body"[..body]);
            client.send(later);
            kept.expect(&"body"[body..]);
            drop(kept);
            let (again, request) = s.origin("a").answer(ok("second"));
            assert_eq!(
                (request.target(), request.text()),
                ("/p", "body"),
                "cut at {cut}"
            );
            assert_eq!(client.reply().text(), "second");
            again.reset();
        }
    })
}

#[test]
fn a_put_that_dies_in_the_middle_of_its_body_is_sent_again_as_a_whole() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        let mut kept = warm(&s, &mut client);
        client.send(&PUT[..PUT.len() - 2]);
        kept.request_head();
        kept.expect("bo");
        drop(kept);
        let mut again = s.accept("a");
        again.request_head();
        again.expect("bo");
        client.send("dy");
        again.expect("dy").send(ok("second"));
        assert_eq!(client.reply().text(), "second");
    })
}

#[test]
fn a_body_that_is_gone_is_not_sent_again() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let size = 300_000;
        let mut client = s.client();
        let mut kept = warm(&s, &mut client);
        client.send(format!(
            "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
        ));
        kept.request_head();
        for _ in 0..3 {
            client.send(vec![b'x'; size / 3]);
            kept.take(size / 3);
        }
        drop(kept);
        client.reply().assert_local(502, "upstream_reset");
        assert!(s.origin("a").is_untouched());
        client.send(GET);
        s.origin("a").answer(OK);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_chunked_put_is_sent_again_in_its_new_framing() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        let mut kept = warm(&s, &mut client);
        client.send("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        client
            .send("2;x=y\r\nab\r\n")
            .send("2\r\ncd\r\n0\r\nA: b\r\n\r\n");
        assert_eq!(kept.request().text(), "abcd");
        drop(kept);
        let (_again, request) = s.origin("a").answer(OK);
        assert_eq!(request.text(), "abcd");
        assert_eq!(request.trailers, [("A".to_owned(), "b".to_owned())]);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_post_that_may_have_been_processed_is_not_sent_again() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for request in [
            post("/", "body"),
            post("/", ""),
            b"PATCH / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        ] {
            let mut client = s.client();
            let mut kept = warm(&s, &mut client);
            client.send(request);
            kept.request();
            drop(kept);
            client.reply().assert_local(502, "upstream_reset");
            assert!(s.origin("a").is_untouched());
        }
    })
}

#[test]
fn half_an_answer_is_an_answer() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        let mut kept = warm(&s, &mut client);
        client.send(GET);
        kept.request();
        kept.send("HTTP/1.1 200 ");
        drop(kept);
        client.reply().assert_local(502, "upstream_reset");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn an_interim_answer_is_an_answer() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        let mut kept = warm(&s, &mut client);
        client.send(GET);
        kept.request();
        kept.send("HTTP/1.1 103 Early Hints\r\n\r\n");
        assert_eq!(client.reply().status(), 103);
        drop(kept);
        client.reply().assert_local(502, "upstream_reset");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn a_request_is_sent_again_once_and_on_a_new_connection() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (mut one, mut two) = (s.client(), s.client());
        // Two connections in the pool, and both die.
        one.send(GET);
        let mut first = s.accept("a");
        first.request();
        let second = warm(&s, &mut two);
        first.send(OK);
        one.reply();
        one.send(get("/x"));
        first.request();
        drop(first);
        let mut third = s.accept("a");
        third.request();
        drop((second, third));
        one.reply().assert_local(502, "upstream_reset");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn a_first_connection_that_dies_is_no_reason_to_send_again() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        s.accept("a").request();
        client.reply().assert_local(502, "upstream_reset");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn the_second_attempt_goes_to_another_endpoint() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .origin("b")
            .config("services: {web: {endpoints: [$a, $b]}}\nroutes: [{path: /*, service: web}]")
            .start();
        let mut client = s.client();
        let mut kept = warm(&s, &mut client);
        client.send(GET);
        let (mut other, _) = s.origin("b").answer(OK);
        client.reply();
        // It is a's turn, and a's connection dies.
        client.send(get("/again"));
        kept.request();
        drop(kept);
        // b has one in the pool, but only a new one is sure to live.
        let (_fresh, request) = s.origin("b").answer(ok("b"));
        assert_eq!(request.target(), "/again");
        assert_eq!(client.reply().text(), "b");
        assert!(other.is_silent());
    })
}

#[test]
fn an_endpoint_that_refuses_is_passed_over() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .origin("b")
            .config("services: {web: {endpoints: [$a, $b]}}\nroutes: [{path: /*, service: web}]")
            .start();
        s.refuse("a");
        s.serve("b", |request| ok(&request.body));
        let mut client = s.client();
        for round in 0..6 {
            // Nothing of it was sent, so it does not matter what it is.
            client.send(post("/", format!("body {round}")));
            assert_eq!(client.reply().text(), format!("body {round}"));
        }
        let failures: u64 = s
            .report()
            .endpoints()
            .map(|endpoint| endpoint.failures)
            .sum();
        assert_ne!(failures, 0, "a was tried");
    })
}

#[test]
fn a_reply_that_does_not_persist_is_believed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s
            .origin("a")
            .answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        let reply = client.reply();
        assert_eq!(
            reply.field("connection"),
            None,
            "that was about the origin's connection"
        );
        origin.expect_end();
        client.send(GET);
        s.origin("a").answer(OK);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn services_do_not_share_connections() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config(
                "services: {one: {endpoints: [$a]}, two: {endpoints: [$a]}}\n\
             routes: [{path: /1, service: one}, {path: /2, service: two}]",
            )
            .start();
        let mut client = s.client();
        for target in ["/1", "/2"] {
            client.send(get(target));
            assert_eq!(s.origin("a").answer(OK).1.target(), target);
            client.reply();
        }
    })
}

#[test]
fn a_dead_address_family_costs_no_request() {
    on_both_drivers(|io| {
        // What a name with two addresses becomes. Nobody listens on the second one.
        let mut s = Scenario::on(io)
            .origin("a")
            .config("services: {a: {endpoints: [\"$a\", \"[::1]:1\"]}}")
            .start();
        s.serve("a", |_| OK);
        let mut client = s.client();
        for body in ["", "x", &"y".repeat(200_000)] {
            for _ in 0..4 {
                client.send(post("/", body));
                assert_eq!(client.reply().status(), 200);
            }
        }
    })
}
