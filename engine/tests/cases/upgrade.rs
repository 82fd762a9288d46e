//! Tunnels: only after 101, only for what is allowed, and then every byte in both directions.

use std::time::Duration;

use crate::scenario::{GET, OK, Random, Scenario, Wire, on_both_drivers, pass};

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n";

/// A tunnel from a client to the origin `a`.
fn tunnel(s: &Scenario) -> (Wire, Wire) {
    let mut client = s.client();
    client.send(UPGRADE);
    let (origin, request) = s.origin("a").answer(SWITCHING);
    assert_eq!(request.field("upgrade"), Some("websocket"));
    assert_eq!(request.field("connection"), Some("upgrade"));
    let head = client.reply_head();
    assert_eq!(
        (head.status(), head.field("upgrade")),
        (101, Some("websocket"))
    );
    assert_eq!(head.field("connection"), Some("upgrade"));
    assert_eq!(head.field("sec-websocket-accept"), Some("y"));
    (client, origin)
}

#[test]
fn bytes_go_through_in_both_directions() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (mut client, mut origin) = tunnel(&s);
        client.send("ping");
        origin.expect("ping").send("GET / HTTP/1.1\r\n\r\n");
        client
            .expect("GET / HTTP/1.1\r\n\r\n")
            .send("HTTP/1.1 200 OK\r\n\r\n");
        origin.expect("HTTP/1.1 200 OK\r\n\r\n");
    })
}

#[test]
fn bytes_that_come_with_the_handshake_are_not_lost() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(format!("{UPGRADE}early client"));
        let mut origin = s.accept("a");
        origin.request();
        assert!(origin.is_silent(), "there is no tunnel before the 101");
        origin.send(format!("{SWITCHING}early origin"));
        origin.expect("early client");
        client.reply_head();
        client.expect("early origin");
    })
}

#[test]
fn bytes_that_come_before_the_answer_are_not_lost() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(UPGRADE);
        let mut origin = s.accept("a");
        origin.request();
        client.send("early");
        origin.send(SWITCHING).expect("early");
        client.reply_head();
        origin.send("x");
        client.expect("x");
    })
}

#[test]
fn an_end_on_one_side_leaves_the_other_open() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (mut client, mut origin) = tunnel(&s);
        client.send("last words").finish();
        assert_eq!(origin.rest(), b"last words");
        origin.send("still here");
        client.expect("still here");
        origin.finish();
        client.expect_end();
        s.await_connections(0);
        let (mut client, mut origin) = tunnel(&s);
        origin.finish();
        client.expect_end();
        client.send("x");
        origin.expect("x");
    })
}

#[test]
fn a_reset_on_one_side_is_a_reset_on_the_other() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (client, mut origin) = tunnel(&s);
        client.reset();
        origin.expect_reset();
        let (mut client, origin) = tunnel(&s);
        origin.reset();
        client.expect_reset();
        s.await_connections(0);
    })
}

#[test]
fn a_reset_after_an_end_is_noticed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (mut client, mut origin) = tunnel(&s);
        client.finish();
        origin.expect_end();
        origin.reset();
        client.rest_or_reset();
        s.await_connections(0);
    })
}

#[test]
fn a_silent_tunnel_is_closed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {tunnel_idle_timeout: 200ms}")
            .start();
        let (mut client, mut origin) = tunnel(&s);
        // One direction keeps both alive.
        for _ in 0..4 {
            pass(Duration::from_millis(100));
            origin.send("x");
        }
        client.expect("xxxx");
        assert!(client.rest_or_reset().0.is_empty());
        assert!(origin.rest_or_reset().0.is_empty());
    })
}

#[test]
fn large_amounts_pass_in_both_directions_at_once() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let (mut client, mut origin) = tunnel(&s);
        let up = Random(1).bytes(3 << 20);
        let down = Random(2).bytes(5 << 20);
        std::thread::scope(|scope| {
            let (up, down) = (&up, &down);
            scope.spawn(move || {
                origin.send(down);
                assert!(origin.take(up.len()) == *up, "what the client said");
            });
            client.send(up);
            assert!(client.take(down.len()) == *down, "what the origin said");
        });
    })
}

#[test]
fn an_upgrade_that_is_declined_is_an_exchange() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(UPGRADE);
        let (mut origin, _) = s.origin("a").answer(OK);
        assert_eq!(client.reply().text(), "ok");
        client.send(GET);
        assert_eq!(origin.request().field("upgrade"), None);
        origin.send(OK);
        assert_eq!(client.reply().text(), "ok");
    })
}

#[test]
fn h2c_and_other_tokens_are_not_forwarded() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for fields in [
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
            "Connection: Upgrade\r\nUpgrade: tls/1.0\r\n",
            // Not listed in Connection, so it is no upgrade.
            "Upgrade: websocket\r\n",
        ] {
            let mut client = s.client();
            client.send(format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
            let (origin, request) = s.origin("a").answer(OK);
            for name in ["connection", "upgrade", "http2-settings"] {
                assert_eq!(request.field(name), None);
            }
            assert_eq!(client.reply().status(), 200);
            origin.reset();
        }
    })
}

#[test]
fn of_several_tokens_the_allowed_one_is_forwarded() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n",
        );
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("upgrade"), Some("WebSocket"));
        client.reply();
    })
}

#[test]
fn a_route_may_allow_other_tokens() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, upgrade: [echo]}]")
            .start();
        let mut client = s.client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
        let (mut origin, request) = s.origin("a").answer(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        );
        assert_eq!(request.field("upgrade"), Some("echo"));
        assert_eq!(client.reply_head().field("upgrade"), Some("echo"));
        client.send("x");
        origin.expect("x");
    })
}

#[test]
fn a_switch_to_something_else_is_a_fault() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for fields in [
            "Connection: upgrade\r\nUpgrade: h2c\r\n",
            "Upgrade: websocket\r\n",
            "",
        ] {
            let mut client = s.client();
            client.send(UPGRADE);
            let _origin = s
                .origin("a")
                .answer(format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n"));
            client.reply().assert_local(502, "upstream_malformed");
        }
    })
}

#[test]
fn http_1_0_and_requests_with_a_body_do_not_upgrade() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for request in [
            "GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
        ] {
            let mut client = s.client();
            client.send(request);
            let (origin, request) = s.origin("a").answer(OK);
            assert_eq!(request.field("upgrade"), None);
            client.reply();
            origin.reset();
        }
    })
}

#[test]
fn a_tunnel_has_no_other_timeout() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config(
            "limits: {keepalive_timeout: 50ms, upstream_idle_timeout: 50ms, body_rate_window: 100ms, body_min_rate: 1000000}\n\
             routes: [{path: /*, service: a, timeout: 50ms}]",
        ).start();
        let (mut client, mut origin) = tunnel(&s);
        pass(Duration::from_millis(300));
        client.send("x");
        origin.expect("x").send("y");
        client.expect("y");
    })
}
