//! Bodies without an end, bodies of great size, and who has to wait for whom.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::scenario::{
    GET, OK, Scenario, Stopping, Wire, alone, get, ok, on_both_drivers, pass, resident_bytes,
};

const MIB: usize = 1 << 20;

/// What is moved through slow readers, and what the process may grow by meanwhile.
fn large() -> (usize, usize) {
    match std::env::var_os("CORELANE_LONG") {
        Some(_) => (1024 * MIB, MIB),
        None => (64 * MIB, 8 * MIB),
    }
}

#[test]
fn streams_outlive_the_timeout() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, timeout: 100ms}]")
            .start();
        for content_type in [
            "text/event-stream",
            "Text/Event-Stream; charset=utf-8",
            "application/grpc+proto",
            "multipart/x-mixed-replace; boundary=x",
        ] {
            let mut client = s.client();
            client.send(GET);
            let (mut origin, _) = s.origin("a").answer(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n",
            ));
            client.reply_head();
            for _ in 0..3 {
                pass(Duration::from_millis(70));
                origin.send("1\r\nx\r\n");
                client.expect("1\r\nx\r\n");
            }
        }
    })
}

#[test]
fn what_is_only_called_like_a_stream_is_none() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, timeout: 100ms}]")
            .start();
        for content_type in ["text/event-stream-like", "multipart/x-mixed-replacement"] {
            let mut client = s.client();
            client.send(GET);
            let (_origin, _) = s.origin("a").answer(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n",
            ));
            client.reply_head();
            client.expect_reset();
        }
    })
}

#[test]
fn the_timeout_holds_until_the_head_of_a_stream() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, timeout: 100ms}]")
            .start();
        let mut client = s.client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
        s.accept("a").request();
        client.reply().assert_local(502, "upstream_reset");
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        client.reply().assert_local(504, "total_timeout");
    })
}

#[test]
fn a_stream_in_both_directions_outlives_the_timeout() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, service: a, timeout: 100ms}]")
            .start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut origin = s.accept("a");
        origin.request_head();
        origin.send("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.reply_head();
        for _ in 0..3 {
            pass(Duration::from_millis(70));
            client.send("1\r\nx\r\n");
            origin.expect("1\r\nx\r\n").send("1\r\ny\r\n");
            client.expect("1\r\ny\r\n");
        }
    })
}

#[test]
fn a_silent_stream_is_cut_by_its_own_rule() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("limits: {upstream_idle_timeout: 50ms, stream_idle_timeout: 200ms}")
            .start();
        let mut client = s.client();
        client.send(GET);
        let (_origin, _) = s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
        );
        let begun = Instant::now();
        client.reply_head();
        client.expect("1\r\nx\r\n").expect_reset();
        assert!(begun.elapsed() >= Duration::from_millis(150));
    })
}

#[test]
fn a_download_takes_no_more_memory_than_its_buffers() {
    on_both_drivers(|io| {
        alone(|| {
            let s = Scenario::on(io).origin("a").start();
            let (size, most) = large();
            let begin = |s: &Scenario| {
                let mut client = s.client();
                client.send(GET);
                let mut origin = s.accept("a");
                origin.request();
                origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"));
                client.reply_head();
                (origin, client)
            };
            let before = measure_after_a_while(&s);
            let (origin, client) = begin(&s);
            let grown = flow(origin, client, size) - before;
            assert!(grown < most as isize, "{grown} bytes more");
        });
    })
}

#[test]
fn an_upload_takes_no_more_memory_than_its_buffers() {
    on_both_drivers(|io| {
        alone(|| {
            let s = Scenario::on(io).origin("a").start();
            let (size, most) = large();
            let before = measure_after_a_while(&s);
            let mut client = s.client();
            client.send(format!(
                "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
            ));
            let mut origin = s.accept("a");
            origin.request_head();
            let grown = flow(client, origin, size) - before;
            assert!(grown < most as isize, "{grown} bytes more");
        });
    })
}

#[test]
fn a_sender_waits_for_its_reader() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client().with_small_receive_buffer();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        client.reply_head();
        let taken = origin.stuff();
        assert!(
            taken < 32 * MIB,
            "{taken} bytes are on their way and nobody reads"
        );
        client.reset();
    })
}

#[test]
fn a_large_transfer_leaves_others_their_turn() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /quick, respond: {body: quick}}, {path: /*, service: a}]")
            .start();
        let large = ok(vec![b'x'; 64 * MIB]);
        s.serve("a", move |_| large.clone());
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let mut bulk = s.client();
            let stopped = || stop.load(Ordering::Relaxed);
            scope.spawn(move || {
                while !stopped() {
                    bulk.send(GET).reply_head();
                    bulk.skip(64 * MIB);
                }
            });
            let _stopping = Stopping(&stop);
            let time = typical(&mut s.client(), "/quick", 50);
            assert!(
                time < Duration::from_millis(100),
                "{time:?} for a quick one"
            );
        });
    })
}

#[test]
fn a_flood_of_pipelined_requests_leaves_others_their_turn() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("routes: [{path: /*, respond: {body: quick}}]")
            .start();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (mut sending, mut reading) = s.client().split();
            let stopped = || stop.load(Ordering::Relaxed);
            scope.spawn(move || {
                let many = GET.repeat(2000);
                while !stopped() && sending.offer(&many) == many.len() {}
            });
            scope.spawn(move || {
                while !stopped() && reading.drop_some(MIB) > 0 {}
                reading.hang_up();
            });
            let _stopping = Stopping(&stop);
            let time = typical(&mut s.client(), "/", 20);
            assert!(
                time < Duration::from_millis(100),
                "{time:?} for a quick one"
            );
        });
    })
}

/// What requests, one after the other, take as a rule: one of them may meet a busy machine.
fn typical(client: &mut Wire, target: &str, requests: usize) -> Duration {
    let one = |_| {
        let begun = Instant::now();
        client.send(get(target));
        assert_eq!(client.reply().text(), "quick");
        begun.elapsed()
    };
    let mut times: Vec<_> = (0..requests).map(one).collect();
    times.sort();
    times[requests / 2]
}

/// The memory after some exchanges, which fill the pools of buffers and heads.
fn measure_after_a_while(s: &Scenario) -> isize {
    for _ in 0..4 {
        let mut client = s.client();
        client.send(GET);
        let (origin, _) = s.origin("a").answer(OK);
        client.reply();
        origin.reset();
    }
    resident_bytes().cast_signed()
}

/// Moves `size` bytes from one wire to a reader that stops and starts on the other; the most memory
/// that the process had meanwhile.
fn flow(mut from: Wire, mut to: Wire, size: usize) -> isize {
    let (piece, mut peak) = (vec![b'x'; 64 * 1024], 0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            (0..size / piece.len()).for_each(|_| {
                from.send(&piece);
            })
        });
        let (mut left, mut pause_at) = (size, size);
        while left > 0 {
            if left <= pause_at {
                pause_at = left.saturating_sub(size / 64);
                pass(Duration::from_millis(5));
                peak = peak.max(resident_bytes());
            }
            left -= to.drop_some(left.min(64 * 1024));
        }
    });
    peak.cast_signed()
}
