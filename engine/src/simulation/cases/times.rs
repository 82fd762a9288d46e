//! Deadlines, to the slot of the timer wheel.

use super::{
    Ended, ORIGIN, Received, Simulation, assert_fired, assert_local, config, echo, get, ok,
};
use crate::io::memory::Reach;

/// Sends a request and says what came of it, and when.
fn ask(simulation: &Simulation, request: String) -> (Received, u64) {
    let mut client = simulation.client();
    simulation.run(async move {
        client.send(request).await.unwrap();
        let received = client.message().await;
        (received, client.now_ms())
    })
}

fn expect_local(received: (Received, u64), status: u16, outcome: &str, due: u64) {
    let (Received::Whole(reply), at) = received else {
        panic!("{received:?}")
    };
    assert_local(&reply, status, outcome);
    assert_fired(at, due);
}

#[test]
fn a_silent_origin_is_given_its_response_timeout() {
    let simulation = Simulation::start(0, 1, &config(", response_timeout: 2s", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        assert_eq!(
            party.message().await,
            Received::Cut(Vec::new(), Ended::Orderly)
        );
        assert_fired(party.now_ms(), 2000);
    });
    let received = ask(&simulation, get("/"));
    expect_local(received, 504, "response_timeout", 2000);
    simulation.end();
}

#[test]
fn the_response_timeout_begins_when_the_request_has_ended() {
    let simulation = Simulation::start(0, 1, &config(", response_timeout: 2s", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        party.read_to_end().await;
    });
    let mut client = simulation.client();
    let received = simulation.run(async move {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n";
        client.send(head).await.unwrap();
        for _ in 0..5 {
            client.rest(1000).await;
            client.send([b'x'; 1000]).await.unwrap();
        }
        (client.message().await, client.now_ms())
    });
    expect_local(received, 504, "response_timeout", 7000);
    simulation.end();
}

#[test]
fn connecting_is_refused_slow_or_in_vain() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    let network = simulation.network.clone();
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        party.send(close).await.unwrap();
    });
    network.reach(ORIGIN, Reach::Refused);
    expect_local(ask(&simulation, get("/")), 502, "connect_failed", 0);
    network.reach(ORIGIN, Reach::Silent);
    expect_local(ask(&simulation, get("/")), 504, "connect_timeout", 5000);
    network.reach(ORIGIN, Reach::After(300));
    let begun = simulation.now_ms();
    let (received, at) = ask(&simulation, get("/"));
    assert!(matches!(received, Received::Whole(reply) if reply.status() == 200));
    assert_fired(at, begun + 300);
    simulation.end();
}

#[test]
fn an_origin_that_falls_silent_within_a_body_is_given_its_idle_timeout() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        let begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789";
        party.send(begun).await.unwrap();
        party.rest(10_000).await;
        party.send("abcdefghij").await.unwrap();
        party.read_to_end().await;
    });
    let (received, at) = ask(&simulation, get("/"));
    let Received::Cut(bytes, Ended::Reset) = received else {
        panic!("{received:?}")
    };
    assert!(bytes.ends_with(b"0123456789abcdefghij"));
    assert_fired(at, 70_000);
    simulation.end();
}

#[test]
fn the_total_timeout_cuts_what_moves_all_the_time() {
    let simulation = Simulation::start(0, 1, &config(", timeout: 3s", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        let request = party.whole().await;
        if request.target() == "/body" {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
            party.send(head).await.unwrap();
        }
        while request.target() == "/body" && party.send("x").await.is_ok() {
            party.rest(550).await;
        }
        party.read_to_end().await;
    });
    let begun = simulation.now_ms();
    let (received, at) = ask(&simulation, get("/body"));
    let Received::Cut(bytes, Ended::Reset) = received else {
        panic!("{received:?}")
    };
    assert!(bytes.ends_with(b"\r\n\r\nxxxxxx"), "six in three seconds");
    assert_fired(at, begun + 3000);
    expect_local(ask(&simulation, get("/")), 504, "total_timeout", at + 3000);
    simulation.end();
}

#[test]
fn an_idle_client_is_closed_and_a_busy_one_is_not() {
    let simulation = Simulation::start(0, 1, &config("", "keepalive_timeout: 20s"));
    simulation.origin(ORIGIN, echo);
    let mut client = simulation.client();
    let closed_at = simulation.run(async move {
        for _ in 0..3 {
            client.rest(19_900).await;
            client.send(get("/")).await.unwrap();
            client.whole().await;
        }
        assert_eq!(client.read_to_end().await, (Vec::new(), Ended::Orderly));
        client.now_ms()
    });
    assert_fired(closed_at, 3 * 19_900 + 20_000);
    assert_eq!(simulation.open_connections(), 0);
    simulation.end();
}

#[test]
fn a_head_must_end_in_time() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    let mut client = simulation.client();
    let received = simulation.run(async move {
        client.rest(30_000).await;
        for byte in "GET / HTTP/1.1\r\nHost: h\r\n".chars().cycle() {
            if client.send(byte.to_string()).await.is_err() || client.now_ms() > 45_000 {
                break;
            }
            client.rest(900).await;
            if client.end.peek().is_ok() {
                break;
            }
        }
        (client.message().await, client.now_ms())
    });
    let (Received::Whole(reply), at) = received else {
        panic!("{received:?}")
    };
    assert_local(&reply, 408, "client_timeout");
    assert!((40_000..41_000).contains(&at), "seen at {at}");
    simulation.end();
}

#[test]
fn a_dripping_client_is_cut_after_its_window() {
    let simulation = Simulation::start(
        0,
        1,
        &config("", "body_min_rate: 240, body_rate_window: 10s"),
    );
    simulation.origin(ORIGIN, |mut party| async move {
        party.read_to_end().await;
    });
    let mut client = simulation.client();
    let received = simulation.run(async move {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
        client.send(head).await.unwrap();
        while client.end.peek().is_err() {
            client.send([b'x'; 100]).await.unwrap();
            client.rest(500).await;
        }
        (client.message().await, client.now_ms())
    });
    let (Received::Whole(reply), at) = received else {
        panic!("{received:?}")
    };
    assert_local(&reply, 408, "client_timeout");
    assert!(
        (10_000..=10_508).contains(&at),
        "200 bytes a second, seen at {at}"
    );
    simulation.end();
}

#[test]
fn a_client_that_takes_nothing_is_cut_after_its_window() {
    let simulation = Simulation::start(
        0,
        1,
        &config("", "body_min_rate: 240, body_rate_window: 10s"),
    );
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n";
        party.send(head).await.unwrap();
        while party.send([b'x'; 1000]).await.is_ok() {}
        // Buffers were filled within the first window, and nothing moved in the second.
        assert_fired(party.now_ms(), 20_000);
    });
    let client = simulation.client();
    simulation.run(async move {
        client.send(get("/")).await.unwrap();
        client.rest(30_000).await;
    });
    assert_eq!(simulation.open_connections(), 0);
    simulation.end();
}

#[test]
fn an_idle_upstream_connection_is_closed_after_its_timeout() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        party.send(ok("")).await.unwrap();
        assert_eq!(party.read_to_end().await, (Vec::new(), Ended::Orderly));
        // Housekeeping looks ten times a second.
        assert!(
            (55_000..=55_110).contains(&party.now_ms()),
            "{}",
            party.now_ms()
        );
    });
    let mut client = simulation.client();
    simulation.run(async move {
        client.send(get("/")).await.unwrap();
        client.whole().await;
        client.rest(60_000).await;
    });
    simulation.end();
}
