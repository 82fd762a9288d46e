//! The end: nobody new, a moment for those who idle, time for those who are busy, and then no more.

use std::time::{Duration, Instant};

use crate::scenario::{GET, OK, Scenario, alone, descriptors, eventually, on_both_drivers, pass};

const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn nobody_new_is_let_in() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        s.drain();
        origin.send(OK);
        assert!(client.reply().says_close());
        client.expect_end();
        drop(client);
        assert_eq!(s.drained().requests_cut, 0);
    })
}

#[test]
fn idle_connections_get_a_moment_and_no_more() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("routes: [{path: /*, respond: {body: x}}]")
            .start();
        let mut old = s.client();
        old.send(GET);
        old.reply();
        // Longer than the moment that it will get.
        pass(Duration::from_millis(1100));
        let (mut idle, mut late) = (s.client(), old);
        s.await_connections(2);
        let begun = Instant::now();
        s.drain();
        pass(Duration::from_millis(100));
        // A request that was on its way is still answered.
        late.send(GET);
        assert!(late.reply().says_close());
        late.expect_end();
        idle.expect_end();
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(900), "{took:?}");
        assert_eq!(s.drained().requests_cut, 0);
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
    })
}

#[test]
fn requests_in_flight_are_finished() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).workers(2).origin("a").start();
        let mut clients: Vec<_> = (0..6).map(|_| s.client()).collect();
        for client in &mut clients {
            client.send(GET);
        }
        let mut origins: Vec<_> = clients.iter().map(|_| s.accept("a")).collect();
        s.await_in_flight(6);
        s.drain();
        for origin in &mut origins {
            origin.request();
            origin.send(OK);
        }
        for client in &mut clients {
            let reply = client.reply();
            assert!(reply.says_close() && reply.text() == "ok");
            client.expect_end();
        }
        drop(clients);
        assert_eq!(s.drained().requests_cut, 0);
    })
}

#[test]
fn tunnels_last_until_the_timeout_and_do_not_count() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("runtime: {drain_timeout: 500ms}")
            .start();
        let mut client = s.client();
        client.send(UPGRADE);
        let (mut origin, _) = s.origin("a").answer(SWITCHING);
        client.reply_head();
        s.handle().drain();
        pass(Duration::from_millis(100));
        client.send("x");
        origin.expect("x").send("y");
        client.expect("y");
        assert_eq!(s.drained().requests_cut, 0);
        assert!(client.rest_or_reset().0.is_empty());
        assert!(origin.rest_or_reset().0.is_empty());
    })
}

#[test]
fn requests_beyond_the_timeout_are_cut_and_counted() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("runtime: {drain_timeout: 200ms}")
            .start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        s.handle().drain();
        assert_eq!(s.drained().requests_cut, 1);
        assert!(client.rest_or_reset().0.is_empty());
        origin.rest_or_reset();
    })
}

#[test]
fn a_second_call_cuts_at_once() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("runtime: {drain_timeout: 1h}")
            .start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        s.handle().drain();
        s.handle().drain();
        assert_eq!(s.drained().requests_cut, 1);
        client.rest_or_reset();
    })
}

#[test]
fn accepting_goes_on_for_the_delay() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("runtime: {drain_delay: 400ms}\nroutes: [{path: /*, respond: {body: x}}]")
            .start();
        s.handle().drain();
        assert!(!s.handle().is_serving());
        let mut client = s.client();
        client.send(GET);
        assert_eq!(client.reply().text(), "x");
        client.expect_end();
        assert_eq!(s.drained().requests_cut, 0);
    })
}

#[test]
fn pipelined_requests_end_with_the_one_that_says_close() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET.repeat(3));
        let mut origin = s.accept("a");
        origin.request();
        s.drain();
        origin.send(OK);
        assert!(client.reply().says_close());
        client.expect_end();
        drop(client);
        assert_eq!(s.drained().requests_cut, 0);
    })
}

#[test]
fn an_engine_that_has_stopped_keeps_no_descriptor() {
    on_both_drivers(|io| {
        alone(|| {
            let before = descriptors();
            for _ in 0..3 {
                let mut s = Scenario::on(io).workers(2).origin("a").start();
                s.serve("a", |_| OK);
                let mut clients: Vec<_> = (0..4).map(|_| s.client()).collect();
                for client in &mut clients {
                    client.send(GET);
                    client.reply();
                }
                s.handle().drain();
                drop(clients);
                s.drained();
            }
            eventually("every descriptor is closed", || descriptors() == before);
        });
    })
}

#[test]
fn nothing_is_published_any_more() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        let mut client = s.client();
        s.drain();
        let error = s
            .publish("listeners: [{address: \"127.0.0.2:0\"}]")
            .unwrap_err();
        assert!(error.contains("draining"), "{error}");
        assert_eq!(s.handle().listeners(), []);
        client.expect_end();
    })
}
