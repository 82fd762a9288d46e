//! HTTP/2 from outside: streams that share connections, and peers that break the rules.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::frames::{DATA, HEADERS, Peer, RST_STREAM};
use crate::identity::Identity;
use crate::program::{DRIVERS, Origin, refusal, run, run_url};
use crate::server::server;

fn run_h2(address: SocketAddr, options: &[&str]) -> Value {
    run(address, &[&["--http2"], options].concat())
}

/// A server that does `serve` with each connection, and does not care how that ends.
fn peer(serve: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    server(move |stream: TcpStream| {
        if let Ok(mut peer) = Peer::greet(stream) {
            drop(serve(&mut peer));
        }
    })
}

/// Checks that nothing was good and that all errors are of one kind; returns its words.
fn only_error<'a>(report: &'a Value, kind: &str) -> &'a str {
    assert_eq!(report["good"], 0, "{report}");
    assert_eq!(
        report["errors_by_kind"][kind]["count"], report["errors"],
        "{report}"
    );
    report["errors_by_kind"][kind]["first"].as_str().unwrap()
}

#[test]
fn streams_share_connections_with_and_without_tls() {
    for io in DRIVERS {
        let plain = Origin::start(&["--io", io]);
        let secure = Origin::start(&["--tls", "--io", io]);
        let options = ["-n", "1003", "-c", "3", "--streams", "10", "--io", io];
        let over_tls = [&options[..], &["--http2", "--insecure"]].concat();
        let url = format!("https://localhost:{}/", secure.address.port());
        for report in [run_h2(plain.address, &options), run_url(&url, &over_tls)] {
            assert_eq!(
                (&report["good"], &report["errors"]),
                (&1003.into(), &0.into()),
                "{report}"
            );
            assert_eq!(report["connects"], 3, "{report}");
            assert_eq!(
                (&report["protocol"], &report["streams"]),
                (&"h2".into(), &10.into())
            );
            assert_eq!(report["bytes"], 1003 * 1024, "{report}");
        }
    }
}

#[test]
fn requests_of_one_connection_are_in_flight_at_once() {
    let origin = Origin::start(&["--delay", "60ms"]);
    let report = run_h2(origin.address, &["-n", "40", "-c", "1", "--streams", "40"]);
    assert_eq!(
        (&report["good"], &report["connects"]),
        (&40.into(), &1.into()),
        "{report}"
    );
    let elapsed = report["elapsed_s"].as_f64().unwrap();
    assert!(
        (0.06..1.2).contains(&elapsed),
        "one after the other takes 2.4 s: {report}"
    );
}

#[test]
fn large_content_arrives_whole_under_flow_control() {
    for io in DRIVERS {
        for extra in [&[][..], &["--drip", "300KiB/1ms"]] {
            let origin = Origin::start(&[&["--size", "5MiB", "--io", io], extra].concat());
            let options = ["-n", "12", "-c", "1", "--streams", "6", "--io", io];
            let report = run_h2(origin.address, &options);
            assert_eq!(
                (&report["good"], &report["errors"]),
                (&12.into(), &0.into()),
                "{report}"
            );
            assert_eq!(report["bytes"], 12 * (5 << 20), "{report}");
        }
    }
}

#[test]
fn statuses_and_resets_of_the_origin_are_told_apart() {
    let origin = Origin::start(&[]);
    let status = run_url(
        &format!("http://{}/status/503", origin.address),
        &["--http2", "-n", "5", "-c", "1"],
    );
    assert_eq!(only_error(&status, "status"), "503");
    let reset = run_url(
        &format!("http://{}/reset", origin.address),
        &["--http2", "-n", "5", "-c", "1"],
    );
    assert!(
        only_error(&reset, "reset").contains("INTERNAL_ERROR"),
        "{reset}"
    );
    assert_eq!(
        reset["connects"], 1,
        "a stream is reset, not its connection: {reset}"
    );
}

#[test]
fn a_connection_for_each_request_is_possible_with_one_stream() {
    for io in DRIVERS {
        let origin = Origin::start(&["--tls", "--io", io]);
        let url = format!("https://localhost:{}/", origin.address.port());
        let options = [
            "--http2",
            "--insecure",
            "--no-keep-alive",
            "-n",
            "30",
            "-c",
            "2",
        ];
        let report = run_url(&url, &[&options[..], &["--io", io]].concat());
        assert_eq!(
            (&report["good"], &report["connects"]),
            (&30.into(), &30.into()),
            "{report}"
        );
        assert_eq!(report["tls"]["handshakes"], 30, "{report}");
    }
}

#[test]
fn what_goaway_leaves_unprocessed_is_sent_again_on_a_new_connection() {
    for io in DRIVERS {
        // Each connection answers the 5th request it gets and those before it, and no more.
        let address = peer(|peer| {
            for _ in 0..4 {
                let stream = peer.request()?;
                peer.answer(stream)?;
            }
            let last = peer.request()?;
            peer.go_away(last, 0)?;
            peer.answer(last)?;
            peer.drain();
            Ok(())
        });
        let options = ["-n", "23", "-c", "1", "--streams", "3", "--io", io];
        let report = run_h2(address, &options);
        assert_eq!(
            (&report["good"], &report["errors"]),
            (&23.into(), &0.into()),
            "{report}"
        );
        assert_eq!(report["connects"], 5, "{report}");
    }
}

#[test]
fn a_peer_that_looks_at_nothing_is_not_asked_for_ever() {
    let address = peer(|peer| {
        peer.request()?;
        peer.go_away(0, 0)?;
        peer.drain();
        Ok(())
    });
    let report = run_h2(address, &["-n", "2", "-c", "1"]);
    assert_eq!(only_error(&report, "goaway"), "NO_ERROR");
    assert_eq!(
        (&report["errors"], &report["connects"]),
        (&2.into(), &6.into()),
        "{report}"
    );
}

#[test]
fn errors_of_the_connection_and_of_a_stream_are_counted_by_kind() {
    type Serve = fn(&mut Peer) -> io::Result<()>;
    const ENHANCE_YOUR_CALM: u32 = 11;
    let cases: [(&str, &str, u64, Serve); 6] = [
        ("goaway", "ENHANCE_YOUR_CALM", 4, |peer| {
            peer.request()?;
            peer.go_away(0, ENHANCE_YOUR_CALM)?;
            peer.drain();
            Ok(())
        }),
        ("reset", "REFUSED_STREAM", 1, |peer| {
            loop {
                let stream = peer.request()?;
                peer.write(RST_STREAM, 0, stream, &7u32.to_be_bytes())?;
            }
        }),
        ("reset", "CANCEL", 1, |peer| {
            loop {
                let stream = peer.request()?;
                peer.begin_answer(stream)?;
                peer.write(RST_STREAM, 0, stream, &8u32.to_be_bytes())?;
            }
        }),
        ("closed", "", 4, |peer| {
            let stream = peer.request()?;
            peer.begin_answer(stream)?;
            peer.finish()
        }),
        ("malformed", "protocol", 4, |peer| {
            peer.request()?;
            // No data belongs to the connection itself (RFC 9113 §6.1).
            peer.write(DATA, 0, 0, b"x")?;
            peer.drain();
            Ok(())
        }),
        // A connection on which nothing comes at all is given up, too.
        ("timeout", "", 4, |peer| {
            peer.drain();
            Ok(())
        }),
    ];
    for (kind, words, connects, serve) in cases {
        for io in DRIVERS {
            let timeout = if kind == "timeout" { "100ms" } else { "10s" };
            let options = ["-n", "4", "-c", "1", "--timeout", timeout, "--io", io];
            let report = run_h2(peer(serve), &options);
            let first = only_error(&report, kind);
            assert!(first.contains(words), "{kind}: {first}");
            let counts = (&report["errors"], &report["connects"]);
            assert_eq!(counts, (&4.into(), &connects.into()), "{kind}: {report}");
        }
    }
}

#[test]
fn a_timeout_gives_up_its_stream_alone() {
    let resets = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&resets);
    let address = peer(move |peer| {
        let slow = peer.request()?;
        loop {
            let frame = peer.read()?;
            match frame.kind {
                RST_STREAM if frame.stream == slow => {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
                HEADERS => peer.answer(frame.stream)?,
                _ => {}
            }
        }
    });
    let options = [
        "-n",
        "50",
        "-c",
        "1",
        "--streams",
        "2",
        "--timeout",
        "200ms",
    ];
    let report = run_h2(address, &options);
    assert_eq!(
        (&report["good"], &report["connects"]),
        (&49.into(), &1.into()),
        "{report}"
    );
    assert_eq!(report["errors_by_kind"]["timeout"]["count"], 1, "{report}");
    assert_eq!(resets.load(Ordering::SeqCst), 1);
}

#[test]
fn replies_that_come_too_late_harm_nobody_else() {
    // More of them than h2 takes for an attack by default.
    const HELD: usize = 1200;
    let address = peer(|peer| {
        let (mut held, mut resets) = (Vec::new(), 0);
        loop {
            let frame = peer.read()?;
            match frame.kind {
                // Stream 1 shows that the connection lives.
                HEADERS if frame.stream > 1 && held.len() < HELD => held.push(frame.stream),
                HEADERS => peer.answer(frame.stream)?,
                RST_STREAM => {
                    resets += 1;
                    // The resets beyond are answers to these.
                    let late = if resets == HELD { &held[..] } else { &[] };
                    late.iter().try_for_each(|stream| peer.answer(*stream))?;
                }
                _ => {}
            }
        }
    });
    let streams = (HELD + 1).to_string();
    let options = [
        "-d",
        "1s",
        "-c",
        "1",
        "--streams",
        &streams,
        "--timeout",
        "300ms",
    ];
    let report = run_h2(address, &options);
    assert_eq!(
        report["errors_by_kind"]["timeout"]["count"], HELD,
        "{report}"
    );
    assert_eq!(
        (&report["errors"], &report["connects"]),
        (&HELD.into(), &1.into()),
        "{report}"
    );
}

#[test]
fn a_run_ends_in_the_middle_of_its_streams() {
    for io in DRIVERS {
        let address = peer(|peer| {
            peer.drain();
            Ok(())
        });
        let options = ["-d", "50ms", "-c", "2", "--streams", "3", "--io", io];
        let report = run_h2(address, &options);
        assert_eq!(
            (&report["unfinished"], &report["errors"]),
            (&6.into(), &0.into()),
            "{report}"
        );
    }
}

#[test]
fn a_server_without_h2_is_an_error_of_the_handshake() {
    let identity = Identity::new(&["localhost"]);
    let cacert = identity.file("cert.pem");
    for (alpn, words) in [
        (&["http/1.1"][..], "NoApplicationProtocol"),
        (&[], "does not agree on h2"),
    ] {
        let address = identity.server(alpn, |mut stream| {
            let mut rest = Vec::new();
            drop(io::Read::read_to_end(&mut stream, &mut rest));
        });
        let url = format!("https://localhost:{}/", address.port());
        let options = ["--http2", "-n", "2", "-c", "1", "--cacert", &cacert];
        let report = run_url(&url, &options);
        assert!(only_error(&report, "tls").contains(words), "{report}");
    }
}

#[test]
fn streams_without_a_connection_to_share_are_refused() {
    for options in [
        &["--streams", "2"][..],
        &["--http2", "--streams", "2", "--no-keep-alive"],
    ] {
        let error = refusal(&[&["http://127.0.0.1:1/"], options].concat());
        assert!(error.contains("--streams"), "{error}");
    }
}
