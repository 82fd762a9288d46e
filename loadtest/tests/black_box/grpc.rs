//! Calls of gRPC from outside: the origin's echo and its statuses, and peers that end calls wrongly.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::frames::{Peer, RST_STREAM};
use crate::program::{DRIVERS, Origin, program, refusal, run, run_url};
use crate::server::server;

const CALL: [&str; 2] = ["--grpc", "/test.Echo/Say"];

fn call(address: SocketAddr, options: &[&str]) -> Value {
    run(address, &[&CALL, options].concat())
}

/// Runs a scenario's file against an origin.
fn run_scenario(origin: &Origin, text: &str, options: &[&str]) -> Value {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("scenario.yaml");
    std::fs::write(&path, text).unwrap();
    let url = format!("http://{}", origin.address);
    let words = ["run", "--json", &url, "--scenario", path.to_str().unwrap()];
    let output = program(&[&words, options].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.stdout, b"", "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn calls_come_back_with_and_without_tls() {
    for io in DRIVERS {
        let plain = Origin::start(&["--io", io]);
        let secure = Origin::start(&["--tls", "--io", io]);
        let options = [
            "-n",
            "505",
            "-c",
            "3",
            "--streams",
            "10",
            "--body-size",
            "100",
            "--io",
            io,
        ];
        let over_tls = [&CALL, &options[..], &["--insecure"]].concat();
        let url = format!("https://localhost:{}/", secure.address.port());
        for report in [call(plain.address, &options), run_url(&url, &over_tls)] {
            let counts = (&report["good"], &report["errors"], &report["connects"]);
            assert_eq!(counts, (&505.into(), &0.into(), &3.into()), "{report}");
            assert_eq!(report["grpc_statuses"], json!({"OK": 505}), "{report}");
            assert_eq!(
                (&report["protocol"], &report["bytes"]),
                (&"h2".into(), &(505 * 105).into())
            );
            assert_eq!(report["kinds"][0]["name"], "gRPC /test.Echo/Say");
        }
    }
}

#[test]
fn messages_of_all_sizes_are_looked_at_without_their_frames() {
    let origin = Origin::start(&[]);
    let scenario = "
variables: {n: {sequence: 10}}
headers: {x-trace: abc}
requests:
  - {name: empty, grpc: /test.Echo/Say, checks: {body: {size: 0}}}
  - {name: large, grpc: /test.Echo/Say, body_size: 3MiB, checks: {body: {size: 3MiB}}}
  - {name: varying, grpc: '/test.Echo/${n}', body: 'no. ${n}', checks: {body: {size: 6, contains: 'no. '}}}
  - {name: plain, path: /size/7, checks: {body: {size: 7}}}
";
    let options = ["-n", "80", "-c", "2", "--streams", "3"];
    let report = run_scenario(&origin, scenario, &options);
    assert_eq!(
        (&report["good"], &report["errors"]),
        (&80.into(), &0.into()),
        "{report}"
    );
    let kinds = report["kinds"].as_array().unwrap();
    assert!(kinds.iter().all(|kind| kind["good"] != 0), "{report}");
    let plain = kinds.iter().find(|kind| kind["name"] == "plain").unwrap();
    assert_eq!(plain["grpc_statuses"], json!({}));
}

#[test]
fn other_statuses_are_errors_counted_by_code() {
    let origin = Origin::start(&["--error-rate", "30%:429"]);
    let report = call(origin.address, &["-n", "300", "-c", "2"]);
    let failed = report["errors"].as_u64().unwrap();
    assert!((30..160).contains(&failed), "{report}");
    let by_code = json!({"OK": 300 - failed, "UNAVAILABLE": failed});
    assert_eq!(report["grpc_statuses"], by_code);
    let errors = &report["errors_by_kind"]["grpc"];
    assert_eq!(errors["count"], failed, "{report}");
    assert_eq!(errors["first"], "14 UNAVAILABLE: \"as asked for: 429\"");
    let plain = Origin::start(&[]);
    for (method, first) in [
        ("/status/404/Say", "12 UNIMPLEMENTED: \"as asked for: 404\""),
        (
            "/status/x/Say",
            "3 INVALID_ARGUMENT: \"expected a status from 200 to 599\"",
        ),
    ] {
        let report = run(plain.address, &["--grpc", method, "-n", "2", "-c", "1"]);
        assert_eq!(report["errors_by_kind"]["grpc"]["first"], first, "{report}");
        assert_eq!(report["errors"], 2, "{report}");
    }
    let reset = run(
        plain.address,
        &["--grpc", "/reset/Say", "-n", "2", "-c", "1"],
    );
    assert_eq!(reset["errors_by_kind"]["reset"]["count"], 2, "{reset}");
}

#[test]
fn a_server_that_knows_no_grpc_gives_no_status() {
    let address = server(|stream| {
        if let Ok(mut peer) = Peer::greet(stream) {
            while let Ok(stream) = peer.request() {
                drop(peer.answer(stream));
            }
        }
    });
    let report = call(address, &["-n", "3", "-c", "1"]);
    assert_eq!(report["grpc_statuses"], json!({"none": 3}), "{report}");
    assert_eq!(report["errors_by_kind"]["grpc"]["first"], "no grpc-status");
}

#[test]
fn calls_that_end_wrongly_are_told_apart() {
    type Serve = fn(&mut Peer, u32) -> io::Result<()>;
    const MESSAGE: &[u8] = b"\0\0\0\0\x02hi";
    const OK: &[(&str, &str)] = &[("grpc-status", "0")];
    let cases: [(&str, &str, Serve); 8] = [
        ("grpc", "no grpc-status", |peer, stream| {
            peer.begin_answer(stream)?;
            peer.data(stream, MESSAGE, true)
        }),
        ("grpc", "no grpc-status", |peer, stream| {
            peer.begin_answer(stream)?;
            peer.data(stream, MESSAGE, false)?;
            peer.end_fields(stream, &[("grpc-status", "fine")])
        }),
        ("grpc", "5 NOT_FOUND: \"no »x«\"", |peer, stream| {
            let text = ("grpc-message", "no %C2%BBx%C2%AB");
            let status = (":status", "200");
            peer.end_fields(stream, &[status, ("grpc-status", "5"), text])
        }),
        ("malformed", "gRPC message cut off", |peer, stream| {
            peer.begin_answer(stream)?;
            peer.data(stream, &MESSAGE[..6], false)?;
            peer.end_fields(stream, OK)
        }),
        ("malformed", "gRPC message cut off", |peer, stream| {
            peer.begin_answer(stream)?;
            peer.end_fields(stream, OK)
        }),
        (
            "malformed",
            "bytes beyond the gRPC message",
            |peer, stream| {
                peer.begin_answer(stream)?;
                peer.data(stream, &[MESSAGE, MESSAGE].concat(), false)?;
                peer.end_fields(stream, OK)
            },
        ),
        ("malformed", "compressed gRPC message", |peer, stream| {
            peer.begin_answer(stream)?;
            peer.data(stream, b"\x01\0\0\0\x02hi", false)?;
            peer.end_fields(stream, OK)
        }),
        ("reset", "CANCEL", |peer, stream| {
            peer.begin_answer(stream)?;
            peer.data(stream, MESSAGE, false)?;
            peer.write(RST_STREAM, 0, stream, &8u32.to_be_bytes())
        }),
    ];
    for (kind, words, serve) in cases {
        let address = server(move |stream| {
            if let Ok(mut peer) = Peer::greet(stream) {
                while let Ok(stream) = peer.request() {
                    drop(serve(&mut peer, stream));
                }
            }
        });
        for io in DRIVERS {
            let report = call(address, &["-n", "3", "-c", "1", "--io", io]);
            let errors = &report["errors_by_kind"][kind];
            assert_eq!(
                (&errors["count"], &errors["first"]),
                (&3.into(), &words.into()),
                "{report}"
            );
            assert_eq!(
                (&report["errors"], &report["connects"]),
                (&3.into(), &1.into()),
                "{report}"
            );
        }
    }
}

#[test]
fn calls_that_make_no_sense_are_refused() {
    let url = "http://127.0.0.1:1/";
    for (options, part) in [
        (&[url, "--grpc", "Echo/Say"][..], "/package.Service/Method"),
        (&[url, "--grpc", "/Say"], "/package.Service/Method"),
        (&[url, "--grpc", "/a b/c"], "visible ASCII"),
        (&[url, "--grpc", "/a/b", "--method", "PUT"], "--method"),
        (&["http://127.0.0.1:1/x", "--grpc", "/a/b"], "--grpc"),
    ] {
        let error = refusal(options);
        assert!(error.contains(part), "{options:?}: {error}");
    }
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("scenario.yaml");
    for (request, part) in [
        (
            "{grpc: /a/b, path: /c}",
            "requests[0]: it has a path, or else grpc",
        ),
        ("{name: x}", "requests[0]: it has a path, or else grpc"),
        (
            "{grpc: /ab}",
            "requests[0].grpc: \"/ab\": expected /package.Service/Method at line 2",
        ),
        (
            "{grpc: /a/b, method: GET}",
            "requests[0].method: a call of gRPC is a POST",
        ),
    ] {
        std::fs::write(&path, format!("requests:\n  - {request}\n")).unwrap();
        let error = refusal(&[url, "--scenario", path.to_str().unwrap()]);
        assert!(error.contains(part), "{request}: {error}");
    }
}
