//! 1xx responses, and clients that ask before they send a body.

use std::time::Duration;

use crate::scenario::{GET, OK, Scenario, on_both_drivers, pass};

const EXPECTING: &str =
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n";

#[test]
fn hints_are_passed_on_before_the_reply() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s.origin("a").answer(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\nConnection: close\r\n\r\n",
        );
        client.expect("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
        origin.send("HTTP/1.1 102 Processing\r\n\r\n").send(OK);
        assert_eq!(client.reply().status(), 102);
        assert_eq!(client.reply().status(), 200);
        // The connection option of the interim response was not about the connection.
        client.send(GET);
        origin.request();
        origin.send(OK);
        client.reply();
    })
}

#[test]
fn an_http_1_0_client_gets_no_interim_response() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{OK}"
        ));
        assert_eq!(request.field("expect"), None);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_100_that_nobody_asked_for_is_kept_from_the_client() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        s.origin("a")
            .answer(format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"));
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn an_origin_that_says_continue_gets_the_body() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(EXPECTING);
        let mut origin = s.accept("a");
        let head = origin.request_head();
        assert_eq!(head.field("expect"), Some("100-continue"));
        assert!(client.is_silent(), "the origin has not said so yet");
        origin.send("HTTP/1.1 100 Continue\r\n\r\n");
        client.expect("HTTP/1.1 100 Continue\r\n\r\n").send("body");
        origin.expect("body").send(OK);
        assert!(!client.reply().says_close());
        client.send(GET);
        origin.request();
        origin.send(OK);
        client.reply();
    })
}

#[test]
fn a_client_that_waits_to_be_told_is_not_slow() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_rate_window: 100ms, response_timeout: 2s}")
            .start();
        let mut client = s.client();
        client.send(EXPECTING);
        let mut origin = s.accept("a");
        origin.request_head();
        pass(Duration::from_millis(400));
        origin.send("HTTP/1.1 100 Continue\r\n\r\n");
        client.expect("HTTP/1.1 100 Continue\r\n\r\n").send("body");
        origin.expect("body").send(OK);
        assert_eq!(client.reply().status(), 200);
        // Once it is told, it is its turn.
        client.send(EXPECTING);
        origin.request_head();
        origin.send("HTTP/1.1 100 Continue\r\n\r\n");
        client.expect("HTTP/1.1 100 Continue\r\n\r\n");
        client.reply().assert_local(408, "client_timeout");
    })
}

#[test]
fn an_origin_that_neither_invites_nor_refuses_is_the_slow_one() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {body_rate_window: 100ms, response_timeout: 300ms}")
            .start();
        let mut client = s.client();
        client.send(EXPECTING);
        let mut origin = s.accept("a");
        origin.request_head();
        client.reply().assert_local(504, "response_timeout");
    })
}

#[test]
fn an_origin_that_refuses_spares_the_client_the_body() {
    on_both_drivers(|io| {
        for refusal in [
            "417 Expectation Failed",
            "413 Content Too Large",
            "401 Unauthorized",
        ] {
            let s = Scenario::on(io).origin("a").start();
            let mut client = s.client();
            client.send(EXPECTING);
            let mut origin = s.accept("a");
            origin.request_head();
            origin.send(format!("HTTP/1.1 {refusal}\r\nContent-Length: 2\r\n\r\nno"));
            let reply = client.reply();
            assert_eq!(reply.line, format!("HTTP/1.1 {refusal}"));
            assert!(reply.says_close(), "whether the body comes is not known");
            client.expect_end();
            // The body that was announced did not come: nothing else may come in its place.
            origin.expect_end();
        }
    })
}

#[test]
fn a_client_may_send_the_body_without_waiting() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(EXPECTING).send("body");
        let mut origin = s.accept("a");
        assert_eq!(origin.request().text(), "body");
        origin.send(format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"));
        assert_eq!(client.reply().status(), 100);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_local_reply_does_not_ask_for_the_body() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        let mut client = s.client();
        client.send(EXPECTING);
        let reply = client.reply();
        reply.assert_local(404, "no_route");
        assert!(reply.says_close());
        client.expect_end();
    })
}

#[test]
fn other_expectations_fail() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 0\r\n\r\n");
        client.reply().assert_local(417, "bad_request");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn an_expectation_without_a_body_is_none() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("expect"), None);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn interim_responses_are_passed_on_up_to_their_bound() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {interim_responses: 2}")
            .start();
        let interim = "HTTP/1.1 102 Processing\r\n\r\n";
        for (sent, last) in [(2, 200), (3, 502)] {
            let mut client = s.client();
            client.send(GET);
            s.origin("a").answer(interim.repeat(sent) + OK);
            let statuses = [(); 3].map(|()| client.reply().status());
            assert_eq!(statuses, [102, 102, last], "{sent} were sent");
        }
    })
}

#[test]
fn endless_interim_responses_are_cut() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {interim_responses: 3}")
            .start();
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        s.origin("a")
            .answer("HTTP/1.1 102 Processing\r\n\r\n".repeat(4));
        client
            .reply()
            .assert_local(502, "upstream_malformed")
            .assert_limit("interim_responses");
    })
}

#[test]
fn a_101_that_nobody_asked_for_is_a_fault() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        s.origin("a").answer(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nx",
        );
        client.reply().assert_local(502, "upstream_malformed");
    })
}
