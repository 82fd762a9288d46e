//! Bodies that go from socket to socket through a pipe: every byte of them, and nobody else's.

use std::time::{Duration, Instant};

use crate::scenario::{GET, Io, OK, Random, Scenario, Wire, ok, on_both_drivers};

const MIB: usize = 1 << 20;
/// More than a worker has pipes.
const MANY: u8 = 66;

/// Sizes about those at which another way is taken: pieces, buffers, what is worth a pipe, pipes.
fn sizes() -> impl Iterator<Item = usize> {
    let edges = [4096, 16 << 10, 20 << 10, 64 << 10, 256 << 10, MIB];
    edges
        .into_iter()
        .flat_map(|edge| [edge - 1, edge, edge + 1, edge + 4096])
}

#[test]
fn downloads_of_any_size_arrive_whole_one_after_the_other() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (origin, _) = s.origin("a").answer(OK);
        client.reply();
        let (mut origin, mut far) = (origin, client);
        for (number, size) in (0..).zip(sizes()) {
            let body = Random(number).bytes(size);
            let sent = body.clone();
            far.send(GET);
            origin.request();
            origin = std::thread::scope(|scope| {
                let sender = scope.spawn(|| {
                    origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"));
                    send_in_pieces(&mut origin, &sent, Random(number));
                    origin
                });
                let reply = far.reply();
                assert!(reply.body == body, "{size} bytes");
                sender.join().unwrap()
            });
        }
    })
}

/// Sends in pieces of any size, so that it is waited for in the middle of all of them.
fn send_in_pieces(to: &mut Wire, mut left: &[u8], mut sizes: Random) {
    while !left.is_empty() {
        let piece = left.len().min(1 + sizes.size(18));
        to.send(&left[..piece]);
        left = &left[piece..];
    }
}

#[test]
fn uploads_of_any_size_arrive_whole_one_after_the_other() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s.origin("a").answer(OK);
        client.reply();
        for (number, size) in (0..).zip(sizes()) {
            let body = Random(number).bytes(size);
            std::thread::scope(|scope| {
                let client = &mut client;
                let body = &body;
                scope.spawn(move || {
                    client.send(format!(
                        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
                    ));
                    client.send(body);
                    assert_eq!(client.reply().text(), "ok");
                });
                assert!(origin.request().body == *body, "{size} bytes");
                origin.send(OK);
            });
        }
    })
}

#[test]
fn a_download_that_the_end_of_the_connection_ends_arrives_whole() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io).origin("a").start();
        let body = Random(5).bytes(3 * MIB);
        let reply = [b"HTTP/1.0 200 OK\r\n\r\n", &body[..]].concat();
        s.converse("a", move |mut wire| {
            wire.request();
            wire.send(&reply);
        });
        // A client that knows chunks is told where it ends, the other has the same end.
        let mut client = s.client();
        client.send(GET);
        assert!(client.reply().body == body);
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\n\r\n").reply_head();
        assert!(client.rest() == body);
    })
}

#[test]
fn a_download_that_breaks_off_is_cut_where_it_did() {
    on_both_drivers(|io| {
        for ending in [Ending::Fin, Ending::Reset] {
            let s = Scenario::on(io).origin("a").start();
            let mut client = s.client();
            client.send(GET);
            let mut origin = s.accept("a");
            origin.request();
            let body = Random(6).bytes(200_000);
            origin.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
            origin.send(&body);
            client.reply_head();
            client.expect(&body);
            match ending {
                Ending::Fin => drop(origin),
                Ending::Reset => origin.reset(),
            }
            client.expect_reset();
            let resets = s.report().outcome(corelane_engine::Outcome::UpstreamReset);
            assert_eq!(resets, 1);
        }
    })
}

/// How a connection ends.
#[derive(Clone, Copy)]
enum Ending {
    Fin,
    Reset,
}

#[test]
fn what_has_come_of_a_download_is_not_held_back() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        client.reply_head();
        let piece = Random(7).bytes(100_001);
        let quickest = (0..10).map(|_| {
            let begun = Instant::now();
            origin.send(&piece);
            client.expect(&piece);
            begun.elapsed()
        });
        // The kernel keeps a part of a packet back for 200 ms when it is told that more comes.
        let quickest = quickest.min().unwrap();
        assert!(quickest < Duration::from_millis(100), "{quickest:?}");
        client.reset();
    })
}

#[test]
fn what_one_client_left_in_a_pipe_reaches_no_other() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io).origin("a").start();
        s.serve("a", |request| {
            let byte = request.target().as_bytes()[1];
            ok(vec![byte; 8 * MIB])
        });
        for round in 0..20 {
            let mut gone = s.client();
            gone.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n").reply_head();
            gone.take(1 + round * 10_000);
            gone.reset();
            let mut client = s.client();
            client.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
            let body = client.reply().body;
            assert_eq!(body.len(), 8 * MIB);
            assert!(body.iter().all(|&byte| byte == b'b'), "{round}");
        }
    })
}

#[test]
fn more_slow_readers_than_there_are_pipes_get_their_own() {
    on_both_drivers(many_slow_readers);
}

fn many_slow_readers(io: Io) {
    let mut s = Scenario::on(io)
        .origin("a")
        .config("limits: {body_min_rate: 0}")
        .start();
    s.serve("a", |request| {
        let number: u8 = request.target()[1..].parse().unwrap();
        ok(vec![number; 6 * MIB])
    });
    let mut clients: Vec<_> = (0..MANY)
        .map(|number| {
            let mut client = s.client();
            client.send(format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.reply_head();
            client
        })
        .collect();
    s.await_in_flight(MANY.into());
    for (number, client) in (0..).zip(&mut clients) {
        assert!(client.take(6 * MIB) == vec![number; 6 * MIB], "{number}");
    }
}
