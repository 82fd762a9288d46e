//! The open loop: what is due is due, whatever the target does.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::Value;

use crate::program::{Origin, refusal, run};
use crate::server::{OK, answer, read_request, server, stalling, wait};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Every request that was due is accounted for, in all and in the rows of the series.
fn assert_balanced(report: &Value) {
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!(
        count("due"),
        count("good") + count("errors") + count("unfinished"),
        "{report}"
    );
    let rows = report["series"]["rows"].as_array().unwrap();
    for key in ["due", "good", "errors", "bytes"] {
        let sum: u64 = rows.iter().map(|row| row[key].as_u64().unwrap()).sum();
        assert_eq!(sum, count(key), "{key}: {report}");
    }
}

#[test]
fn every_request_of_the_schedule_is_sent_once() {
    for io in ["auto", "epoll"] {
        let origin = Origin::start(&["--io", io]);
        let options = ["-r", "1000/s", "-d", "1500ms", "--io", io, "--cpu", "0,0"];
        let report = run(origin.address, &options);
        assert_eq!(report["mode"], "open");
        assert_eq!(report["schedule"], "1000/s for 1.5 s, evenly spaced");
        assert_eq!(
            (&report["due"], &report["good"]),
            (&1500.into(), &1500.into()),
            "{report}"
        );
        assert_balanced(&report);
        let rows = report["series"]["rows"].as_array().unwrap();
        let due: Vec<_> = rows
            .iter()
            .map(|row| row["due"].as_u64().unwrap())
            .collect();
        // A request that is looked at late may be in the next row.
        assert!(due[0].abs_diff(1000) < 100, "{report}");
        assert!(number(&report["elapsed_s"]) >= 1.5, "{report}");
        for curve in ["percentiles", "service_percentiles"] {
            let last = report[curve].as_array().unwrap().last().unwrap();
            assert_eq!(
                (&last[0], &last[2]),
                (&100.0.into(), &1500.into()),
                "{curve}"
            );
        }
        let (latency, service) = (&report["latency_us"], &report["service_us"]);
        assert!(
            number(&latency["mean"]) > number(&service["mean"]),
            "{report}"
        );
        assert!(number(&report["lag_us"]["p50"]) > 0.0, "{report}");
    }
}

#[test]
fn the_default_is_a_modest_open_loop() {
    let origin = Origin::start(&[]);
    let report = run(origin.address, &["-d", "300ms"]);
    assert_eq!(report["schedule"], "100/s for 300 ms, evenly spaced");
    assert_eq!(
        (&report["good"], &report["connections"]),
        (&30.into(), &64.into())
    );
}

#[test]
fn steps_ramps_and_random_arrivals_have_their_counts() {
    let origin = Origin::start(&[]);
    let due = |options: &[&str]| run(origin.address, options)["due"].as_u64().unwrap();
    assert_eq!(due(&["--steps", "100/s:300ms,0/s:100ms,500/s:200ms"]), 130);
    assert_eq!(due(&["--ramp", "0/s..1000/s:400ms"]), 200);
    let poisson = ["-r", "1000/s", "-d", "500ms", "--poisson", "--seed", "3"];
    let count = due(&poisson);
    assert!(count.abs_diff(500) < 112, "five deviations: {count}");
    assert_eq!(due(&poisson), count, "a seed repeats itself");
    assert_eq!(due(&["-r", "1000/s", "-n", "50", "--cpu", "0,0,0"]), 50);
}

/// Requests that come while a target answers nobody for `stall` of every `period` wait for as long as
/// the rest of the stall. The share of requests that wait longer than t is (stall - t) / period, so
/// that one in a hundred waits longer than stall - period / 100.
#[test]
fn a_stall_is_seen_in_the_open_loop_and_hidden_in_the_closed_one() {
    let (stall, period, time) = match std::env::var_os("CORELANE_LONG") {
        Some(_) => (1_000, 10_000, "20s"),
        None => (200, 2_000, "4s"),
    };
    let address = stalling(Duration::from_millis(stall), Duration::from_millis(period));
    let analytic = ((stall - period / 100) * 1_000) as f64;
    let p99 = |options: &[&str]| {
        let report = run(address, &[&["-d", time], options].concat());
        assert_eq!(report["errors"], 0, "{report}");
        assert_balanced(&report);
        number(&report["latency_us"]["p99"])
    };
    // Other programs stall the machine as well: one of three attempts must be undisturbed.
    let mut ratios = (0..3).map(|_| p99(&["-r", "500/s", "-c", "64"]) / analytic);
    let mut seen = Vec::new();
    let is_near = ratios.any(|ratio| {
        seen.push(ratio);
        (ratio - 1.0).abs() < 0.1
    });
    assert!(is_near, "{seen:?} of {analytic}");
    let closed = p99(&["-c", "4"]);
    assert!(closed < analytic / 10.0, "{closed} for {analytic}");
}

#[test]
fn what_finds_neither_slot_nor_queue_is_an_error() {
    let address = server(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
    });
    let options = ["-r", "1000/s", "-d", "200ms", "-c", "2", "--queue", "10"];
    let report = run(address, &options);
    assert_eq!((&report["due"], &report["good"]), (&200.into(), &0.into()));
    assert_eq!(report["not_sent"], 188, "{report}");
    let not_sent = &report["errors_by_kind"]["not_sent"];
    assert_eq!(not_sent["count"], 188);
    assert_eq!(not_sent["first"], "10 requests were waiting for a slot");
    assert_eq!(report["unfinished"], 12, "{report}");
    assert_balanced(&report);
}

#[test]
fn the_age_of_unfinished_requests_counts_as_latency() {
    let address = server(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
    });
    let options = [
        "-r",
        "100/s",
        "-d",
        "200ms",
        "--timeout",
        "500ms",
        "-c",
        "1",
    ];
    let report = run(address, &options);
    // The first is cut by its timeout; of the others each has waited since it was due.
    assert_eq!(report["errors_by_kind"]["timeout"]["count"], 1, "{report}");
    assert_eq!(report["unfinished"], 19, "{report}");
    assert!(
        number(&report["latency_us"]["min"]) >= 500_000.0,
        "{report}"
    );
    assert_eq!(report["service_us"], Value::Null);
    assert_balanced(&report);
}

#[test]
fn waiting_for_a_slot_is_latency_and_not_lag() {
    let address = server(|mut stream| {
        read_request(&mut stream);
        wait(Duration::from_millis(300));
        stream.write_all(OK).unwrap();
        answer(stream, OK);
    });
    let report = run(address, &["-r", "200/s", "-d", "400ms", "-c", "1"]);
    assert_eq!(
        (&report["good"], &report["connects"]),
        (&80.into(), &1.into())
    );
    // One request is in flight for the stall, and those behind it are sent as soon as it is over.
    assert!(number(&report["service_us"]["p50"]) < 100_000.0, "{report}");
    assert!(number(&report["latency_us"]["max"]) > 290_000.0, "{report}");
    assert!(number(&report["lag_us"]["p50"]) < 100_000.0, "{report}");
}

#[test]
fn schedules_that_contradict_or_exceed_the_bounds_are_refused() {
    for (options, part) in [
        (&["-r", "1/s", "--ramp", "1/s..2/s:1s"][..], "--ramp"),
        (&["--steps", "1/s:1s", "-d", "2s"], "--duration"),
        (&["--steps", "1/s:1s,7:1s"], "\"7:1s\""),
        (&["-r", "0/s"], "more than zero"),
        (&["-r", "5000"], "5000/s"),
        (&["-r", "100001/s"], "--no-bounds"),
        (&["--ramp", "1/s..100001/s:1s"], "--no-bounds"),
        (&["-d", "61m"], "--no-bounds"),
        (&["-c", "10001"], "--no-bounds"),
    ] {
        let error = refusal(&[&["http://127.0.0.1:1/"], options].concat());
        assert!(error.contains(part), "{options:?}: {error}");
    }
}
