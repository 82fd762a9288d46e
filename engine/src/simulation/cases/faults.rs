//! Connections that break, stall or come in pieces, at every byte.

use std::cell::Cell;
use std::rc::Rc;

use super::{Ended, ORIGIN, Received, Simulation, assert_local, config, get, ok};
use crate::io::memory::{Cut, Weather};

/// Connections to the origin so far.
fn counter() -> (Rc<Cell<usize>>, Rc<Cell<usize>>) {
    let count = Rc::new(Cell::new(0));
    (count.clone(), count)
}

#[test]
fn a_pooled_connection_that_its_peer_has_closed_is_never_used() {
    for seed in 0..20 {
        let simulation = Simulation::start(seed, 1, &config("", ""));
        let (count, connections) = counter();
        simulation.origin(ORIGIN, move |mut party| {
            count.set(count.get() + 1);
            async move {
                let request = party.whole().await;
                assert!(request.line.starts_with("POST "), "{}", request.line);
                party.send(ok("")).await.unwrap();
            }
        });
        let mut client = simulation.client();
        let statuses = simulation.run(async move {
            let mut statuses = Vec::new();
            for _ in 0..10 {
                let request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
                client.send(request).await.unwrap();
                statuses.push(client.whole().await.status());
            }
            statuses
        });
        assert_eq!(statuses, [200; 10], "seed {seed}");
        assert_eq!(connections.get(), 10, "seed {seed}");
        simulation.end();
    }
}

#[test]
fn a_pooled_connection_that_is_reset_costs_a_get_nothing() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    let (count, connections) = counter();
    simulation.origin(ORIGIN, move |mut party| {
        count.set(count.get() + 1);
        async move {
            while let Received::Whole(request) = party.message().await {
                if request.target() == "/second" && party.served > 1 {
                    party.end.reset_on_close();
                    return;
                }
                party.send(ok("")).await.unwrap();
            }
        }
    });
    let mut client = simulation.client();
    let statuses = simulation.run(async move {
        let mut statuses = Vec::new();
        for target in ["/first", "/second"] {
            client.send(get(target)).await.unwrap();
            statuses.push(client.whole().await.status());
        }
        statuses
    });
    assert_eq!(statuses, [200, 200]);
    assert_eq!(connections.get(), 2, "the reset one, and a fresh one");
    simulation.end();
}

/// What a client gets of `reply` when the origin's connection breaks after `at` bytes of it.
fn cut_reply(reply: &'static str, at: usize, cut: Cut) -> Received {
    let simulation = Simulation::start(1 + at as u64, 1, &config("", ""));
    simulation.network.set_weather(Weather {
        capacity: 16..=400,
        pieces: 5,
    });
    simulation.origin(ORIGIN, move |mut party| async move {
        party.end.cut_after(at, cut);
        if let Received::Whole(_) = party.message().await {
            let _cut = party.send(reply).await;
        }
        party.read_to_end().await;
    });
    let mut client = simulation.client();
    let received = simulation.run(async move {
        client.send(get("/")).await.unwrap();
        client.message().await
    });
    simulation.end();
    received
}

#[test]
fn a_reply_that_breaks_off_anywhere_is_never_taken_for_a_whole_one() {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n",
    ] {
        let head = reply.find("\r\n\r\n").unwrap() + 4;
        for at in 0..reply.len() {
            for cut in [Cut::End, Cut::Reset] {
                match cut_reply(reply, at, cut) {
                    Received::Whole(local) => {
                        assert_local(&local, 502, "upstream_reset");
                        // Bytes that had not arrived go down with a reset.
                        assert!(at < head || cut == Cut::Reset, "cut at {at}");
                    }
                    Received::Cut(_, ended) => {
                        assert_eq!(ended, Ended::Reset, "cut at {at} by {cut:?}");
                        assert!(at >= head, "cut at {at} by {cut:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_reply_that_ends_with_its_connection_is_whole_unless_that_is_reset() {
    let reply = "HTTP/1.1 200 OK\r\n\r\nall of it";
    let Received::Whole(whole) = cut_reply(reply, reply.len(), Cut::End) else {
        panic!("it ended in order")
    };
    assert_eq!(whole.body, b"all of it");
    let received = cut_reply(reply, reply.len(), Cut::Reset);
    match received {
        Received::Cut(_, ended) => assert_eq!(ended, Ended::Reset),
        Received::Whole(local) => assert_local(&local, 502, "upstream_reset"),
    }
}

#[test]
fn a_request_that_breaks_off_anywhere_reaches_nobody_whole() {
    let request = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789";
    for at in 0..request.len() {
        for cut in [Cut::End, Cut::Reset] {
            let simulation = Simulation::start(1 + at as u64, 1, &config("", ""));
            simulation.network.set_weather(Weather {
                capacity: 16..=100,
                pieces: 7,
            });
            simulation.origin(ORIGIN, move |mut party| async move {
                let received = party.message().await;
                assert!(
                    matches!(received, Received::Cut(..)),
                    "cut at {at}: {received:?}"
                );
            });
            let mut client = simulation.client();
            client.end.cut_after(at, cut);
            simulation.run(async move {
                let _cut = client.send(request).await;
                let ended = match cut {
                    Cut::End => Ended::Orderly,
                    Cut::Reset => Ended::Reset,
                };
                let received = client.read_to_end().await;
                assert_eq!(received, (Vec::new(), ended), "cut at {at} by {cut:?}");
            });
            assert_eq!(simulation.open_connections(), 0, "cut at {at} by {cut:?}");
            simulation.end();
        }
    }
}

#[test]
fn a_stalled_client_stops_the_origin_within_bounds() {
    const BODY: usize = 4_000_000;
    let simulation = Simulation::start(0, 1, &config("", ""));
    let (count, sent) = counter();
    simulation.origin(ORIGIN, move |mut party| {
        let count = count.clone();
        async move {
            party.whole().await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n");
            party.send(head).await.unwrap();
            for _ in 0..BODY / 1000 {
                party.send([b'x'; 1000]).await.unwrap();
                count.set(count.get() + 1000);
            }
        }
    });
    let client = simulation.client();
    let client = simulation.run(async move {
        client.send(get("/")).await.unwrap();
        client.rest(5000).await;
        client
    });
    let stopped = sent.get();
    assert!(
        (64_000..600_000).contains(&stopped),
        "{stopped} bytes under way"
    );
    let mut client = client;
    let reply = simulation.run(async move { client.whole().await });
    assert_eq!((reply.body.len(), sent.get()), (BODY, BODY));
    simulation.end();
}

#[test]
fn a_stalled_origin_stops_the_client_within_bounds() {
    const BODY: usize = 4_000_000;
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, move |mut party| async move {
        party.rest(5000).await;
        let request = party.whole().await;
        party
            .send(ok(&request.body.len().to_string()))
            .await
            .unwrap();
    });
    let mut client = simulation.client();
    let (count, sent) = counter();
    let stopped = Rc::new(Cell::new(0));
    let (turns, noted) = (simulation.turns.clone(), stopped.clone());
    simulation.turns.spawn(async move {
        turns.sleep_until(4000).await;
        noted.set(sent.get());
    });
    let reply = simulation.run(async move {
        let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {BODY}\r\n\r\n");
        client.send(head).await.unwrap();
        for _ in 0..BODY / 1000 {
            client.send([b'x'; 1000]).await.unwrap();
            count.set(count.get() + 1000);
        }
        client.whole().await
    });
    assert_eq!(reply.body, BODY.to_string().as_bytes());
    let stopped = stopped.get();
    assert!(
        (64_000..600_000).contains(&stopped),
        "{stopped} bytes under way"
    );
    simulation.end();
}

#[test]
fn a_client_that_resets_ends_its_exchange_and_no_other() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        let request = party.whole().await;
        if request.target() == "/gone" {
            let ended = party.message().await;
            assert_eq!(ended, Received::Cut(Vec::new(), Ended::Orderly));
            assert_eq!(party.now_ms(), 1000, "at once");
        } else {
            party.rest(2000).await;
            party.send(ok("here")).await.unwrap();
        }
    });
    let (gone, mut here) = (simulation.client(), simulation.client());
    let body = simulation.run(async move {
        gone.send(get("/gone")).await.unwrap();
        here.send(get("/here")).await.unwrap();
        gone.rest(1000).await;
        gone.end.reset_on_close();
        drop(gone);
        here.whole().await.body
    });
    assert_eq!(body, b"here");
    simulation.end();
}
