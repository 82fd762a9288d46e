//! Requests as the command line describes them and as they come over the wire.

use std::io::Write;

use crate::program::{Origin, refusal, run};
use crate::server::{Recorder, Seen};

/// The only request of a run with these options.
fn sent(options: &[&str]) -> Seen {
    let recorder = Recorder::obliging();
    let report = run(
        recorder.address,
        &[&["-n", "1", "-c", "1"], options].concat(),
    );
    assert_eq!(report["good"], 1, "{report}");
    let seen = recorder.seen();
    assert_eq!(seen.len(), 1);
    seen[0].clone()
}

#[test]
fn a_plain_run_sends_get() {
    let seen = sent(&[]);
    assert_eq!(seen.line(), "GET / HTTP/1.1");
    assert_eq!(seen.field("User-Agent"), Some("corelane-loadtest"));
    assert_eq!(seen.field("Accept"), Some("*/*"));
    assert!(seen.field("Host").unwrap().starts_with("127.0.0.1:"));
    assert_eq!(seen.field("Content-Length"), None);
    assert_eq!(seen.head.lines().count(), 4, "{}", seen.head);
}

#[test]
fn method_fields_and_body_are_sent_as_given() {
    let seen = sent(&[
        "--method",
        "PATCH",
        "--header",
        "Host: shop.example",
        "--header",
        "accept: text/html",
        "--header",
        "X-Trace:  a:b ",
        "--body",
        "{\"a\": \"${b}\"}",
    ]);
    assert_eq!(seen.line(), "PATCH / HTTP/1.1");
    assert_eq!(seen.field("Host"), Some("shop.example"));
    assert_eq!(
        (seen.field("accept"), seen.field("Accept")),
        (Some("text/html"), None)
    );
    assert_eq!(seen.field("X-Trace"), Some("a:b"));
    assert_eq!(
        seen.body, b"{\"a\": \"${b}\"}",
        "the command line has no variables"
    );
}

#[test]
fn a_body_makes_a_post_and_may_come_from_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    file.write_all(&content).unwrap();
    let seen = sent(&["--body", &format!("@{}", file.path().display())]);
    assert_eq!(seen.line(), "POST / HTTP/1.1");
    assert!(seen.body == content, "{} bytes", seen.body.len());
    let seen = sent(&["--body-size", "20KiB"]);
    assert_eq!(
        (seen.line(), seen.body.len()),
        ("POST / HTTP/1.1", 20 * 1024)
    );
    let seen = sent(&["--method", "POST"]);
    assert_eq!(seen.field("Content-Length"), Some("0"));
}

#[test]
fn a_reply_to_head_has_no_body() {
    for io in ["auto", "epoll"] {
        let origin = Origin::start(&["--size", "1MiB", "--io", io]);
        let options = ["--method", "HEAD", "-n", "20", "-c", "2", "--io", io];
        let report = run(origin.address, &options);
        assert_eq!(
            (&report["good"], &report["connects"]),
            (&20.into(), &2.into())
        );
        assert!(report["bytes"].as_u64().unwrap() < 20 * 1024, "{report}");
    }
}

#[test]
fn without_keep_alive_each_request_has_a_connection() {
    for mode in [&["-c", "3"][..], &["-r", "1000/s"]] {
        let recorder = Recorder::obliging();
        let options = [&["-n", "30", "--no-keep-alive"], mode].concat();
        let report = run(recorder.address, &options);
        assert_eq!(
            (&report["good"], &report["connects"]),
            (&30.into(), &30.into()),
            "{report}"
        );
        let closing = recorder
            .seen()
            .into_iter()
            .filter(|seen| seen.field("Connection") == Some("close"));
        assert_eq!(closing.count(), 30);
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    for (options, part) in [
        (&["--method", "G T"][..], "no method"),
        (&["--method", "CONNECT"], "tunnel"),
        (&["--header", "Content-Length: 3"], "generator itself"),
        (&["--header", "X"], "expected 'Name: value'"),
        (&["--header", "X: a\nY: b"], "control characters"),
        (&["--body", "a", "--body-size", "1"], "--body-size"),
        (&["--body", "@/nonexistent/file"], "/nonexistent/file"),
        (&["--body-size", "257MiB"], "at most 256 MiB"),
        (&["--scenario", "x.yaml", "--method", "GET"], "--method"),
    ] {
        let error = refusal(&[&["http://127.0.0.1:1/"], options].concat());
        assert!(error.contains(part), "{options:?}: {error}");
    }
}
