//! What a person reads at the end of a run, and again from a saved report.

use serde_json::{Value, json};

use crate::program::{Origin, program};

/// Shows a report that was saved.
fn show(report: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.json");
    std::fs::write(&path, report.to_string()).unwrap();
    let output = program(&["report", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn saved() -> Value {
    let times = |p50: f64| {
        json!({
            "min": 1.0, "mean": p50, "stdev": 1.0, "max": 8.0 * p50, "p50": p50,
            "p90": 2.0 * p50, "p95": 3.0 * p50, "p99": 4.0 * p50, "p99.9": 5.0 * p50,
        })
    };
    let kind = |name: &str, good: u64| json!({ "name": name, "good": good, "errors": 3, "latency_us": times(700.0) });
    json!({
        "version": 1, "url": "http://127.0.0.1:1/", "mode": "open", "schedule": "5000/s for 10 s",
        "connections": 64, "streams": 1, "workers": 2, "driver": "epoll", "protocol": "http/1.1",
        "elapsed_s": 10.0, "good_per_s": 4998.0, "bytes": 52_428_800, "connects": 64,
        "due": 50_000, "good": 49_980, "errors": 15, "not_sent": 5, "unfinished": 5,
        "latency_us": times(341.0), "service_us": times(250.0), "lag_us": times(12.0),
        "errors_by_kind": {
            "status": { "count": 10, "first": "503" }, "not_sent": { "count": 5, "first": "" },
        },
        "kinds": [kind("browse", 40_000), kind("buy", 9_980)],
        "generator": { "busy": [0.42, 0.371], "self_limited": false, "why": null },
    })
}

#[test]
fn the_figures_of_an_open_loop_stand_with_what_they_are_made_of() {
    let expected = "\
http://127.0.0.1:1/ (open loop)
  5000/s for 10 s, 64 connections, http/1.1, 2 workers, epoll

  requests      50,000 due: 49,980 good, 15 errors (0.03 %), 5 of them not sent, 5 unfinished
  rate          4,998 good/s over 10.00 s, 5.00 MiB/s

                     p50       p90       p95       p99     p99.9       max
  latency         341 µs    682 µs   1.02 ms   1.36 ms   1.71 ms   2.73 ms   from when requests were due
  service         250 µs    500 µs    750 µs   1.00 ms   1.25 ms   2.00 ms   from when they were sent
  lag            12.0 µs   24.0 µs   36.0 µs   48.0 µs   60.0 µs   96.0 µs   of the generator itself

  by kind           good    errors       p50       p90       p95       p99     p99.9       max
  browse          40,000         3    700 µs   1.40 ms   2.10 ms   2.80 ms   3.50 ms   5.60 ms
  buy              9,980         3    700 µs   1.40 ms   2.10 ms   2.80 ms   3.50 ms   5.60 ms

  errors
  not_sent               5
  status                10   first: 503

  generator     42 %, 37 % busy; connections opened: 64
";
    assert_eq!(show(&saved()), expected);
}

#[test]
fn a_generator_that_was_the_limit_is_told_first() {
    let mut report = saved();
    report["generator"]["why"] = json!("a worker was busy for 99 % of the time");
    let text = show(&report);
    let first = "! The generator itself was the limit, not the target: a worker was busy for 99 % of the time.\n";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn what_others_say_does_not_speak_to_the_terminal() {
    let mut report = saved();
    report["url"] = json!("http://h/\u{1b}]0;title\u{7}");
    report["kinds"][0]["name"] = json!("a\rb");
    report["errors_by_kind"]["status"]["first"] = json!("\u{1b}[2J\u{202e}");
    let text = show(&report);
    let hidden = text
        .chars()
        .filter(|char| char.is_control() && *char != '\n');
    assert_eq!(hidden.count(), 0, "{text:?}");
    assert!(text.contains("first: \\u{1b}[2J\\u{202e}"), "{text}");
}

#[test]
fn a_run_says_what_its_saved_report_says() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let url = format!("http://{}/", origin.address);
    let output = program(&["run", "--json", "-n", "20", "-c", "1", &url]);
    std::fs::write(&path, output.stdout).unwrap();
    let output = program(&["report", path.to_str().unwrap()]);
    let again = String::from_utf8(output.stdout).unwrap();
    for part in [
        &format!("{url} (closed loop)\n"),
        "1 connection, http/1.1, 1 worker, ",
        "  requests      20 due: 20 good, 0 errors, 0 unfinished\n",
        "p99.9",
        "; connections opened: 1\n",
    ] {
        assert!(again.contains(part), "{part:?} in {again}");
    }
    let output = program(&["run", "-n", "20", "-c", "1", &url]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = |text: &str| -> Vec<String> {
        // So short a run may or may not have kept a core busy.
        let lines = text.lines().filter(|line| !line.starts_with('!'));
        let words = lines.flat_map(str::split_whitespace);
        let words = words.filter(|word| !word.contains(|char: char| char.is_ascii_digit()));
        words
            .filter(|word| !["µs", "ms", "ns"].contains(word))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(words(&text), words(&again), "{text}\n{again}");
}

#[test]
fn failed_calls_are_told_by_their_codes() {
    let mut report = saved();
    report["grpc_statuses"] = json!({"NOT_FOUND": 7, "OK": 49_980, "UNAVAILABLE": 3});
    report["errors_by_kind"]["grpc"] = json!({"count": 10, "first": "5 NOT_FOUND"});
    let text = show(&report);
    let line = "\n  grpc                  10   NOT_FOUND 7, UNAVAILABLE 3   first: 5 NOT_FOUND\n";
    assert!(text.contains(line), "{text}");
}
