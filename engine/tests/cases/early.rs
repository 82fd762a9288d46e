//! Replies that overtake their request, and clients that leave or stop talking in the middle.

use crate::filters::probe::{Probe, await_gate, open_gate, unique};
use crate::scenario::{GET, OK, Scenario, eventually, get, ok, on_both_drivers, post};

#[test]
fn an_early_reply_survives_the_rest_of_the_upload() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nbegin");
        let mut origin = s.accept("a");
        origin.request_head();
        origin
            .expect("begin")
            .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        // The client goes on sending before it looks: a reset would destroy what waits for it.
        client.send([b'x'; 50_000]).send([b'x'; 20_000]);
        let reply = client.reply();
        assert_eq!((reply.status(), reply.text()), (403, "no"));
        assert!(reply.says_close());
        client.expect_end();
    })
}

#[test]
fn an_upload_that_fails_beside_an_early_reply_gets_no_second_one() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\nfirst part";
    on_both_drivers(|io| {
        for reply in [whole, begun] {
            let id = unique();
            let probe = format!("{{use: probe, id: {id}, on: request, then: block}}");
            let s = Scenario::on(io)
                .origin("a")
                .built(|builder| builder.filter::<Probe>())
                .config(&format!(
                    "routes: [{{path: /stop, service: a, filters: [{probe}]}}, {{path: /*, service: a}}]"
                ))
                .start();
            let mut client = s.client();
            client
                .send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
            let mut origin = s.accept("a");
            origin.request_head();
            origin.expect("1\r\na\r\n");
            // While the worker stands still, both sides speak, so that it hears them in one turn.
            let mut other = s.client();
            other.send(get("/stop"));
            await_gate(&id);
            let chunks = format!("3e8\r\n{}\r\n", "x".repeat(1000)).repeat(12);
            client.send(chunks + "zz\r\n");
            origin.send(reply);
            open_gate(&id);
            let (said, _) = client.rest_or_reset();
            let said = String::from_utf8_lossy(&said);
            assert_eq!(said.matches("HTTP/1.1").count(), 1, "{said}");
        }
    });
}

#[test]
fn an_early_reply_with_a_body_comes_while_the_upload_goes_on() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        let mut origin = s.accept("a");
        origin.request_head();
        origin
            .expect("1\r\na\r\n")
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n");
        client.reply_head();
        client.expect("1\r\nA\r\n").send("1\r\nb\r\n");
        origin.expect("1\r\nb\r\n").send("1\r\nB\r\n");
        client.expect("1\r\nB\r\n").send("0\r\n\r\n");
        origin.expect("0\r\n\r\n").send("0\r\n\r\n");
        client.expect("0\r\n\r\n").expect_end();
    })
}

#[test]
fn a_local_reply_reads_over_a_small_body_and_keeps_the_connection() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        let mut client = s.client();
        client.send([post("/", "small"), GET.into()].concat());
        assert!(!client.reply().says_close());
        client.reply().assert_local(404, "no_route");
    })
}

#[test]
fn a_local_reply_to_a_large_body_closes_without_a_reset() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        // Whoever asked for the close has as much left to send as others.
        for wish in ["", "Connection: close\r\n"] {
            let mut client = s.client();
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: h\r\n{wish}Content-Length: 200000\r\n\r\n"
            ));
            client.send([b'x'; 100_000]);
            let reply = client.reply();
            assert!(reply.says_close());
            client.expect_end();
        }
    })
}

#[test]
fn a_client_that_ignores_an_early_reply_is_not_read_for_ever() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("limits: {linger_bytes: 64KiB}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
        let sent = client.offer(vec![b'x'; 100 << 20]);
        assert!(sent < 100 << 20, "everything was taken");
    })
}

#[test]
fn a_client_that_neither_sends_nor_leaves_is_closed_after_an_early_reply() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("limits: {linger_timeout: 100ms}")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
        client.reply().assert_local(404, "no_route");
        client.expect_end();
        s.await_connections(0);
    })
}

#[test]
fn a_client_may_finish_after_its_request() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for request in [GET.into(), post("/", "body")] {
            let mut client = s.client();
            client.send(request).finish();
            let mut origin = s.accept("a");
            origin.request();
            // Its end must have been seen, and must not have been taken for leaving.
            s.client().send(GET);
            s.accept("a").request();
            origin.send(OK);
            assert_eq!(client.reply().text(), "ok");
            client.expect_end();
        }
    })
}

#[test]
fn a_client_that_leaves_ends_the_upstream_request() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for request in [GET.into(), post("/", "body")] {
            let mut client = s.client();
            client.send(request);
            let mut origin = s.accept("a");
            origin.request();
            client.reset();
            let (rest, _) = origin.rest_or_reset();
            assert!(rest.is_empty());
            s.await_in_flight(0);
        }
        assert_eq!(s.report().outcome(corelane_engine::Outcome::ClientGone), 2);
    })
}

#[test]
fn a_client_that_leaves_during_its_upload_ends_the_upstream_request() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for leave in [true, false] {
            let mut client = s.client();
            client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
            let mut origin = s.accept("a");
            origin.request_head();
            origin.expect("half");
            if leave {
                client.reset();
            } else {
                client.finish();
                client.rest();
            }
            let (rest, _) = origin.rest_or_reset();
            assert!(rest.is_empty());
        }
    })
}

#[test]
fn a_client_that_leaves_during_its_reply_ends_the_upstream_request() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s
            .origin("a")
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx");
        client.reply_head();
        client.expect("x");
        client.reset();
        eventually("the origin is stopped", || {
            origin.offer(vec![b'x'; 1 << 20]) < 1 << 20
        });
    })
}

#[test]
fn pipelined_bytes_are_no_reason_to_stop_watching_for_the_end() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        client.send(GET).finish();
        origin.send(ok("1"));
        assert_eq!(client.reply().text(), "1");
        origin.request();
        origin.send(ok("2"));
        assert_eq!(client.reply().text(), "2");
        client.expect_end();
    })
}

#[test]
fn a_close_does_not_destroy_the_reply_of_a_client_that_sends_on() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .config("limits: {keepalive_requests: 1}")
            .start();
        let size = 4 << 20;
        s.serve("a", move |_| ok(vec![b'x'; size]));
        let mut client = s.client();
        client.send(GET);
        client.reply_head();
        // It does not know yet that this was the last one.
        client.send(GET);
        client.take(size);
        client.expect_end();
    })
}

#[test]
fn half_a_head_is_no_request() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\n").finish();
        client.rest();
        assert!(s.origin("a").is_untouched());
        assert_eq!(s.report().requests_in_flight(), 0);
    })
}
