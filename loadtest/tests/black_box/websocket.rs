//! WebSocket from outside: messages that come back, and peers that send something else.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::messages::{BINARY, CLOSE, Frame, PING, PONG, Peer, TEXT, peer};
use crate::program::{DRIVERS, Origin, program, refusal, run_url};

fn run_ws(address: SocketAddr, options: &[&str]) -> Value {
    run_url(&format!("ws://{address}/chat"), options)
}

/// Checks that so many requests were good and none was an error.
fn all_good(report: &Value, count: u64) {
    let counts = (&report["good"], &report["errors"], &report["unfinished"]);
    assert_eq!(counts, (&count.into(), &0.into(), &0.into()), "{report}");
}

/// Echoes until the client closes; returns all frames.
fn echo(peer: &mut Peer) -> io::Result<Vec<Frame>> {
    peer.accept()?;
    let mut frames = Vec::new();
    loop {
        let frame = peer.read()?;
        peer.write(frame.first, &frame.payload)?;
        let is_over = frame.first == CLOSE;
        frames.push(frame);
        if is_over {
            return Ok(frames);
        }
    }
}

#[test]
fn messages_of_all_sizes_come_back_with_and_without_tls() {
    for io in DRIVERS {
        let plain = Origin::start(&["--io", io]);
        let secure = Origin::start(&["--tls", "--io", io]);
        let port = secure.address.port();
        for size in ["0", "125", "126", "65535", "65536", "3MiB"] {
            let options = ["-n", "20", "-c", "2", "--body-size", size, "--io", io];
            let over_tls = [&options[..], &["--insecure"]].concat();
            let url = format!("wss://localhost:{port}/");
            for report in [run_ws(plain.address, &options), run_url(&url, &over_tls)] {
                all_good(&report, 20);
                assert_eq!(report["connects"], 2, "{report}");
                assert_eq!(report["statuses"]["1xx"], 20);
            }
        }
    }
}

#[test]
fn a_run_names_its_protocol_and_follows_a_schedule() {
    let origin = Origin::start(&[]);
    let report = run_ws(
        origin.address,
        &["-r", "200/s", "-d", "300ms", "-c", "4", "--body", "hello"],
    );
    all_good(&report, 60);
    assert_eq!(
        (&report["protocol"], &report["kinds"][0]["name"]),
        (&"websocket".into(), &"echo /chat".into())
    );
    assert_eq!(report["connects"], 4, "{report}");
    // Two bytes of the frame's head, and the handshake's reply for each connection.
    assert!(
        report["bytes"].as_u64().unwrap() > 60 * 7 + 4 * 100,
        "{report}"
    );
}

#[test]
fn a_connection_for_each_message_is_possible() {
    for io in DRIVERS {
        let origin = Origin::start(&["--io", io]);
        let options = [
            "-n",
            "30",
            "-c",
            "2",
            "--no-keep-alive",
            "--body",
            "x",
            "--io",
            io,
        ];
        let report = run_ws(origin.address, &options);
        all_good(&report, 30);
        assert_eq!(report["connects"], 30, "{report}");
    }
}

#[test]
fn handshake_masks_and_goodbye_are_as_the_rfc_wants_them() {
    let (sender, seen) = mpsc::channel();
    let sender = Mutex::new(sender);
    let address = peer(move |peer| {
        let frames = echo(peer)?;
        sender
            .lock()
            .unwrap()
            .send((peer.head.clone(), frames))
            .unwrap();
        Ok(())
    });
    let options = [
        "-n",
        "6",
        "-c",
        "2",
        "--body",
        "grün",
        "--header",
        "Origin: http://a.example",
    ];
    all_good(&run_ws(address, &options), 6);
    let next = || {
        seen.recv_timeout(Duration::from_secs(10))
            .expect("a goodbye")
    };
    let connections = [next(), next()];
    let mut keys: Vec<_> = Vec::new();
    let mut masks: Vec<_> = Vec::new();
    for (head, frames) in &connections {
        assert!(
            head.starts_with("GET /chat HTTP/1.1\r\nHost: 127.0.0.1:"),
            "{head}"
        );
        for field in [
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Origin: http://a.example",
        ] {
            assert!(
                head.contains(&format!("\r\n{field}\r\n")),
                "{field}: {head}"
            );
        }
        keys.extend(
            head.lines()
                .find(|line| line.starts_with("Sec-WebSocket-Key: ")),
        );
        let (goodbye, messages) = frames.split_last().unwrap();
        assert_eq!(
            (goodbye.first, goodbye.payload.as_slice()),
            (CLOSE, &1000u16.to_be_bytes()[..])
        );
        assert!(
            messages
                .iter()
                .all(|frame| (frame.first, frame.payload.as_slice()) == (TEXT, "grün".as_bytes()))
        );
        masks.extend(frames.iter().map(|frame| frame.mask));
    }
    assert_eq!((keys.len(), masks.len()), (2, 8));
    assert_ne!(keys[0], keys[1]);
    masks.sort_unstable();
    masks.dedup();
    assert!(
        masks.len() > 6,
        "each frame has a mask of its own: {masks:?}"
    );
}

#[test]
fn bytes_that_are_no_text_or_shall_not_be_go_as_binary() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("bytes");
    std::fs::write(&file, [0xff, 0]).unwrap();
    let file = format!("@{}", file.display());
    for (options, first) in [
        (&["--body", &file][..], BINARY),
        (&["--body", "text", "--binary"], BINARY),
        (&["--body-size", "5"], TEXT),
    ] {
        let firsts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&firsts);
        let address = peer(move |peer| {
            let frames = echo(peer)?;
            seen.lock()
                .unwrap()
                .extend(frames.iter().map(|frame| frame.first));
            Ok(())
        });
        all_good(
            &run_ws(address, &[&["-n", "2", "-c", "1"], options].concat()),
            2,
        );
        assert_eq!(firsts.lock().unwrap()[..2], [first, first], "{options:?}");
    }
}

#[test]
fn fragments_are_put_together_and_pings_answered() {
    for io in DRIVERS {
        let address = peer(|peer| {
            peer.accept()?;
            loop {
                let frame = peer.read()?;
                if frame.first == CLOSE {
                    return peer.write(CLOSE, &frame.payload);
                }
                let (front, back) = frame.payload.split_at(3);
                peer.write(TEXT & 0x7f, front)?;
                peer.write(PING, b"still there?")?;
                let pong = peer.read()?;
                assert_eq!(
                    (pong.first, &pong.payload[..]),
                    (PONG, &b"still there?"[..])
                );
                peer.write(PONG, b"nobody asked")?;
                peer.write(0, back)?;
                peer.write(0x80, b"")?;
            }
        });
        let options = [
            "-n",
            "10",
            "-c",
            "1",
            "--body",
            "hello",
            "--timeout",
            "2s",
            "--io",
            io,
        ];
        let report = run_ws(address, &options);
        all_good(&report, 10);
        assert_eq!(report["connects"], 1, "{report}");
    }
}

type Serve = fn(&mut Peer) -> io::Result<()>;

/// Checks that such a peer makes every request an error of this kind and in these words.
fn expect_error(kind: &str, words: &str, serve: Serve) {
    for io in DRIVERS {
        let options = [
            "-n",
            "3",
            "-c",
            "1",
            "--body",
            "hello",
            "--timeout",
            "300ms",
            "--io",
            io,
        ];
        let report = run_ws(peer(serve), &options);
        let errors = &report["errors_by_kind"][kind];
        assert_eq!(
            (&errors["count"], &errors["first"]),
            (&3.into(), &words.into()),
            "{report}"
        );
        assert_eq!(
            (&report["errors"], &report["connects"]),
            (&3.into(), &3.into()),
            "{report}"
        );
    }
}

/// Sends this in place of the echo.
fn instead(peer: &mut Peer, first: u8, payload: &[u8]) -> io::Result<()> {
    peer.accept()?;
    peer.read()?;
    peer.write(first, payload)?;
    peer.read().map(drop)
}

#[test]
fn wrong_echoes_are_told_apart() {
    let cases: [(&str, &str, Serve); 9] = [
        ("echo", "3 bytes instead of 5", |peer| {
            instead(peer, TEXT, b"hel")
        }),
        ("echo", "other bytes from offset 4 on", |peer| {
            instead(peer, TEXT, b"hellO")
        }),
        ("echo", "Binary instead of Text", |peer| {
            instead(peer, BINARY, b"hello")
        }),
        ("malformed", "text that is not UTF-8", |peer| {
            instead(peer, TEXT, &[0xff; 5])
        }),
        ("malformed", "reserved bits set in a frame", |peer| {
            instead(peer, 0xc1, b"hello")
        }),
        ("malformed", "fragments out of order", |peer| {
            instead(peer, 0x80, b"hello")
        }),
        ("closed", "close code 1001", |peer| {
            instead(peer, CLOSE, &[3, 233])
        }),
        ("closed", "", |peer| {
            peer.accept()?;
            peer.read().map(drop)
        }),
        ("timeout", "", |peer| {
            peer.accept()?;
            while peer.read().is_ok() {}
            Ok(())
        }),
    ];
    for (kind, words, serve) in cases {
        expect_error(kind, words, serve);
    }
}

#[test]
fn wrong_handshakes_are_told_apart() {
    let cases: [(&str, &str, Serve); 5] = [
        (
            "malformed",
            "Sec-WebSocket-Accept is missing or wrong",
            |peer| {
                peer.send("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n")
            },
        ),
        ("malformed", "101 without an upgrade to websocket", |peer| {
            peer.send("HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n")
        }),
        ("malformed", "malformed start line", |peer| {
            peer.send("SSH-2.0-x\r\n\r\n")
        }),
        ("status", "404", |peer| {
            peer.send("HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n")
        }),
        ("closed", "", |_| Ok(())),
    ];
    for (kind, words, serve) in cases {
        expect_error(kind, words, serve);
    }
}

#[test]
fn a_scenario_sends_several_kinds_of_messages() {
    let origin = Origin::start(&[]);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("scenario.yaml");
    let run_scenario = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let url = format!("ws://{}", origin.address);
        program(&[
            "run",
            "--json",
            &url,
            "--scenario",
            path.to_str().unwrap(),
            "-n",
            "60",
            "-c",
            "3",
        ])
    };
    let scenario = "
variables: {n: {sequence: 10}}
requests:
  - {name: hello, path: /chat, body: hello, checks: {body: {equals: hello}}}
  - {name: number, path: /chat, body: 'no. ${n}', checks: {body: {size: 6, contains: 'no. '}}}
  - {name: large, path: /chat, body_size: 100KiB, checks: {body: {size: 100KiB}}}
";
    let output = run_scenario(scenario);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    all_good(&report, 60);
    assert_eq!(report["connects"], 3, "{report}");
    for (requests, part) in [
        (
            "[{path: /a, body: x}, {path: /b, body: x}]",
            "POST /b: all messages of WebSocket go over one",
        ),
        (
            "[{path: /a, method: PUT}]",
            "PUT /a: messages of WebSocket have no method",
        ),
        (
            "[{path: /a, body_size: 17MiB}]",
            "POST /a: a message has 16 MiB at most",
        ),
    ] {
        let output = run_scenario(&format!("requests: {requests}"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(2) && error.contains(part),
            "{error}"
        );
    }
}

#[test]
fn a_run_ends_in_the_middle_of_an_echo() {
    for io in DRIVERS {
        let address = peer(|peer| {
            peer.accept()?;
            while peer.read().is_ok() {}
            Ok(())
        });
        let report = run_ws(
            address,
            &["-d", "50ms", "-c", "3", "--body", "x", "--io", io],
        );
        assert_eq!(
            (&report["unfinished"], &report["errors"]),
            (&3.into(), &0.into()),
            "{report}"
        );
    }
}

#[test]
fn options_that_websocket_does_not_have_are_refused() {
    for (options, part) in [
        (&["ws://127.0.0.1:1/", "--http2"][..], "--http2"),
        (&["ws://127.0.0.1:1/", "--grpc", "/a/b"], "gRPC"),
        (&["ws://127.0.0.1:1/", "--streams", "2"], "--streams"),
        (&["ws://127.0.0.1:1/", "--method", "PUT"], "no method"),
        (
            &["ws://127.0.0.1:1/", "--header", "Sec-WebSocket-Key: x"],
            "set by the generator",
        ),
        (&["http://127.0.0.1:1/", "--binary"], "--binary"),
    ] {
        let error = refusal(options);
        assert!(error.contains(part), "{options:?}: {error}");
    }
}

#[test]
fn a_server_that_never_says_goodbye_holds_nobody_up_for_longer_than_a_request_may_take() {
    for io in DRIVERS {
        let address = peer(|peer| {
            peer.accept()?;
            loop {
                let frame = peer.read()?;
                if frame.first != CLOSE {
                    peer.write(frame.first, &frame.payload)?;
                }
            }
        });
        let begun = Instant::now();
        let options = [
            "-n",
            "6",
            "-c",
            "2",
            "--body",
            "x",
            "--timeout",
            "300ms",
            "--io",
            io,
        ];
        all_good(&run_ws(address, &options), 6);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    }
}
