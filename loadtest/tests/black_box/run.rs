//! What a run reports about targets that behave and targets that do not.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{DRIVERS, Origin, program, refusal, run};
use crate::server::{OK, Serve, answer, read_request, server};

#[test]
fn every_request_of_a_counted_run_is_answered_once() {
    for io in DRIVERS {
        let origin = Origin::start(&["--io", io]);
        let report = run(origin.address, &["-n", "1003", "-c", "8", "--io", io]);
        assert_eq!(report["good"], 1003, "{report}");
        assert_eq!(report["connects"], 8, "{report}");
        assert_eq!(report["errors"], 0, "{report}");
        assert_eq!(report["statuses"]["2xx"], 1003, "{report}");
        assert!(report["bytes"].as_u64().unwrap() > 1003 * 1024, "{report}");
        let latency = &report["latency_us"];
        let value = |name: &str| latency[name].as_f64().unwrap();
        assert!(
            value("min") > 0.0 && value("min") <= value("p50"),
            "{report}"
        );
        assert!(
            value("p50") <= value("p99") && value("p99") <= value("max") * 1.001,
            "{report}"
        );
    }
}

#[test]
fn workers_share_connections_and_requests() {
    let origin = Origin::start(&["--cpu", "0,0"]);
    let report = run(origin.address, &["-n", "500", "-c", "5", "--cpu", "0,0,0"]);
    assert_eq!(report["good"], 500, "{report}");
    assert_eq!(report["connects"], 5, "{report}");
    assert_eq!(
        report["worker_busy"].as_array().unwrap().len(),
        3,
        "{report}"
    );
}

#[test]
fn chunked_and_large_replies_are_read_to_their_end() {
    let origin = Origin::start(&["--size", "200KiB", "--chunked", "--chunk-size", "999"]);
    let report = run(origin.address, &["-n", "50", "-c", "2"]);
    assert_eq!(
        (&report["good"], &report["errors"]),
        (&50.into(), &0.into()),
        "{report}"
    );
    assert!(
        report["bytes"].as_u64().unwrap() > 50 * 200 * 1024,
        "{report}"
    );
}

#[test]
fn a_timed_run_ends_by_itself() {
    let origin = Origin::start(&[]);
    let report = run(origin.address, &["-d", "200ms", "-c", "2"]);
    assert_eq!(report["errors"], 0, "{report}");
    assert!(report["good"].as_u64().unwrap() > 10, "{report}");
    let elapsed = report["elapsed_s"].as_f64().unwrap();
    assert!((0.1..1.5).contains(&elapsed), "{report}");
    let rate = report["good"].as_f64().unwrap() / elapsed;
    assert!(
        (report["good_per_s"].as_f64().unwrap() / rate - 1.0).abs() < 0.01,
        "{report}"
    );
}

#[test]
fn a_server_that_ends_every_connection_costs_connects_but_no_errors() {
    let mut python = Command::new("python3")
        .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .spawn()
        .unwrap();
    let mut line = [0; 256];
    let len = python.stdout.as_mut().unwrap().read(&mut line).unwrap();
    let line = String::from_utf8_lossy(&line[..len]).into_owned();
    let port = line
        .split("port ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let address = format!("127.0.0.1:{}", port.unwrap()).parse().unwrap();
    let report = run(address, &["-n", "40", "-c", "2"]);
    python.kill().unwrap();
    python.wait().unwrap();
    assert_eq!(
        (&report["good"], &report["errors"]),
        (&40.into(), &0.into()),
        "{report}"
    );
    assert_eq!(
        report["connects"], 40,
        "HTTP/1.0 closes after each reply: {report}"
    );
}

#[test]
fn interim_replies_are_passed_over() {
    let address = server(|stream| {
        let reply = [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", OK].concat();
        answer(stream, &reply);
    });
    let report = run(address, &["-n", "10", "-c", "1"]);
    assert_eq!(
        (&report["good"], &report["connects"]),
        (&10.into(), &1.into()),
        "{report}"
    );
}

#[test]
fn a_reply_without_framing_ends_with_its_connection() {
    let address = server(|mut stream| {
        read_request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            .unwrap();
    });
    let report = run(address, &["-n", "5", "-c", "1"]);
    assert_eq!(
        (&report["good"], &report["connects"]),
        (&5.into(), &5.into()),
        "{report}"
    );
}

#[test]
fn errors_are_counted_by_kind() {
    let cases: [(&str, Serve); 6] = [
        ("status", |stream| {
            answer(stream, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        }),
        ("closed", |mut stream| {
            read_request(&mut stream);
        }),
        ("malformed", |stream| {
            answer(stream, b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n")
        }),
        ("malformed", |stream| answer(stream, &[OK, b"!"].concat())),
        ("malformed", |mut stream| {
            read_request(&mut stream);
            stream.write_all(&OK[..OK.len() - 1]).unwrap();
        }),
        ("timeout", |mut stream| {
            // Ends when the generator gives up and shuts its side down.
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
        }),
    ];
    for (kind, serve) in cases {
        let address = server(serve);
        let report = run(address, &["-n", "6", "-c", "2", "--timeout", "100ms"]);
        assert_eq!(report["good"], 0, "{kind}: {report}");
        assert_eq!(report["errors"], 6, "{kind}: {report}");
        assert_eq!(report["errors_by_kind"][kind]["count"], 6, "{report}");
        assert_eq!(report["latency_us"], Value::Null, "{kind}: {report}");
    }
}

#[test]
fn requests_cut_off_by_the_end_are_neither_good_nor_errors() {
    for io in DRIVERS {
        let address = server(|mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
        });
        let report = run(address, &["-d", "50ms", "-c", "3", "--io", io]);
        assert_eq!(report["unfinished"], 3, "{report}");
        assert_eq!(
            (&report["good"], &report["errors"]),
            (&0.into(), &0.into()),
            "{report}"
        );
    }
}

#[test]
fn nobody_there_is_an_error_with_its_reason() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{gone}/");
    let output = program(&["run", "-d", "100ms", "-c", "2", &url]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("connect ") && text.contains("refused"),
        "{text}"
    );
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("not one good reply"), "{error}");
}

#[test]
fn another_machine_needs_leave() {
    let error = refusal(&["http://192.0.2.1/"]);
    assert!(error.contains("--allow-remote"), "{error}");
}

#[test]
fn seconds_are_told_on_stderr_as_they_pass() {
    let origin = Origin::start(&[]);
    let url = format!("http://{}/", origin.address);
    let errors = |options: &[&str]| {
        let output = program(&[&["run", "-r", "50/s", "-d", "2s", &url], options].concat());
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    let text = errors(&[]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, second) in lines.into_iter().zip(["1/2 s", "2/2 s"]) {
        assert!(line.trim_start().starts_with(second), "{text}");
        assert!(
            line.contains("/s  p50 ") && line.ends_with("errors 0"),
            "{text}"
        );
    }
    assert_eq!(errors(&["--quiet"]), "");
}

#[test]
fn the_distribution_goes_to_a_file_for_other_tools() {
    let origin = Origin::start(&[]);
    let url = format!("http://{}/", origin.address);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latency.hgrm");
    let file = path.to_str().unwrap();
    // Longer than what comes: none of it may be left over.
    std::fs::write(&path, "old\n".repeat(10_000)).unwrap();
    let options = ["-n", "200", "--json", "--hgrm", file, "--hgrm-unit", "us"];
    let output = program(&[&["run", &url], &options[..]].concat());
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.contains(['#', 'V']))
        .map(|line| {
            let words = line.split_whitespace();
            words.map(|word| word.parse().unwrap()).collect()
        })
        .collect();
    let half = rows.iter().find(|row| row[1] >= 0.5).unwrap();
    let p50 = report["latency_us"]["p50"].as_f64().unwrap();
    assert!((half[0] - p50).abs() < 0.001, "{half:?} for {p50}");
    let last = rows.last().unwrap();
    assert_eq!((last[1], last[2]), (1.0, 200.0), "{text}");
    assert!(text.ends_with("SubBuckets     =         2048]\n"), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_run() {
    let output = program(&[
        "run",
        "http://127.0.0.1:1/",
        "--hgrm",
        "/nonexistent/x.hgrm",
    ]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("cannot write /nonexistent/x.hgrm"),
        "{error}"
    );
}
