//! `compare` as a user calls it: files in, a table or JSON and an exit code out.

use std::path::PathBuf;
use std::process::Output;

use crate::program::{Origin, program};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A report as `run --json` writes it, as far as a comparison reads it.
fn report(rate: f64, p99: f64) -> Value {
    let latency = json!({
        "min": 1.0, "mean": 50.0, "stdev": 1.0, "max": 2.0 * p99,
        "p50": 50.0, "p90": 60.0, "p95": 70.0, "p99": p99, "p99.9": 1.5 * p99,
    });
    json!({
        "url": "http://127.0.0.1:1/", "loop": "closed", "connections": 8, "workers": 1,
        "elapsed_s": 1.0, "good": 1000, "good_per_s": rate, "errors": 0, "latency_us": latency,
    })
}

/// Eight rounds about a rate and a p99, one report a line.
fn rounds(rate: f64, p99: f64) -> String {
    let noise = [0.99, 1.02, 1.0, 0.97, 1.01, 1.03, 0.98, 1.0];
    let lines = noise.map(|noise| report(rate * noise, p99 * noise).to_string());
    lines.join("\n")
}

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn compare(words: &[&str]) -> Output {
    program(&[&["compare"], words].concat())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_run_compared_with_itself_is_the_same() {
    let origin = Origin::start(&[]);
    let url = format!("http://{}/", origin.address);
    let output = program(&["run", "--json", "-n", "500", "-c", "2", &url]);
    let files = Files::new();
    let file = files.write("run.json", text(&output.stdout));
    let output = compare(&[&file, &file, "--json", "--worse-than", "5%"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["method"], "too_few_rounds", "{found}");
    for metric in found["metrics"].as_array().unwrap() {
        let (key, same) = match metric["name"].as_str() {
            Some("errors") => ("difference", 0.0),
            _ => ("ratio", 1.0),
        };
        assert_eq!(metric[key], same, "{metric}");
        assert_eq!(metric["a_median"], metric["b_median"], "{metric}");
        assert_eq!(metric["verdict"], "within_bound", "{metric}");
    }
}

#[test]
fn a_side_that_is_worse_beyond_the_bound_ends_with_1() {
    let files = Files::new();
    let a = files.write("a.jsonl", &rounds(1000.0, 100.0));
    let b = files.write("b.jsonl", &rounds(1000.0, 110.0));
    let output = compare(&[&a, &b, "--worse-than", "5%"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let table = text(&output.stdout);
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("p99 ").ends_with(" worse"), "{table}");
    assert!(row("p99 ").contains(" 1.100 "), "{table}");
    assert!(row("rate ").ends_with("within the bound"), "{table}");
    assert!(
        table.contains("8 rounds, paired by their order."),
        "{table}"
    );
    let error = text(&output.stderr);
    assert!(
        error.contains("B is worse: p99 is 1.100 times that of A"),
        "{error}"
    );
    assert!(error.contains("bound 1.050"), "{error}");

    for worse_than in ["20%", "rate=5%", "p99=15%,p99.9=15%"] {
        let output = compare(&[&a, &b, "--worse-than", worse_than]);
        assert_eq!(output.status.code(), Some(0), "{worse_than}: {output:?}");
    }
    let output = compare(&[&a, &b]);
    assert_eq!(output.status.code(), Some(0), "nobody set a bound");
    assert!(text(&output.stdout).contains("  worse\n"), "{output:?}");
}

#[test]
fn rounds_come_in_lines_arrays_or_files() {
    let files = Files::new();
    let lines = files.write("a.jsonl", &rounds(1000.0, 100.0));
    let reports: Vec<Value> = rounds(1000.0, 100.0)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let array = files.write("a.json", &json!(reports).to_string());
    let single: Vec<String> = (0..8)
        .map(|n| files.write(&format!("a{n}.json"), &reports[n].to_string()))
        .collect();
    let mut words = vec!["--json", "--a", &lines, "--b"];
    words.extend(single.iter().map(String::as_str));
    for words in [vec!["--json", &lines, &array], words] {
        let output = compare(&words);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["method"], "paired", "{found}");
        assert_eq!(found["a"]["rounds"], 8, "{found}");
        assert_eq!(found["b"]["rounds"], 8, "{found}");
        assert_eq!(found["metrics"][0]["low"], 1.0, "{found}");
        assert_eq!(found["metrics"][0]["high"], 1.0, "{found}");
    }
}

#[test]
fn what_a_reader_must_know_is_remarked() {
    let files = Files::new();
    let a = files.write("a.json", &report(1000.0, 100.0).to_string());
    let mut other = report(1000.0, 100.0);
    other["connections"] = json!(9);
    other["generator"] = json!({ "why": "a worker was busy for 99 % of the time" });
    let b = files.write("b.json", &other.to_string());
    let output = compare(&[&a, &b]);
    let table = text(&output.stdout);
    for part in [
        "different loads: closed, 8 connections; closed, 9 connections",
        "B: in 1 of 1 rounds the generator was the limit",
        "1 and 1 rounds are too few for an interval",
    ] {
        assert!(table.contains(part), "{part:?} in {table}");
    }
    let output = compare(&[&a, &a]);
    assert!(
        !text(&output.stdout).contains("different loads"),
        "{output:?}"
    );
}

#[test]
fn what_cannot_be_compared_is_told_by_name_with_2() {
    let files = Files::new();
    let good = files.write("good.json", &report(1.0, 1.0).to_string());
    let mut null = report(0.0, 1.0);
    null["latency_us"] = Value::Null;
    null["good"] = json!(0);
    let cases = [
        ("nothing", String::new(), "holds no report"),
        ("broken", "{".to_owned(), "EOF"),
        ("other", "{}".to_owned(), "missing field `url`"),
        ("second", format!("{}{{}}", report(1.0, 1.0)), "report 2: "),
        ("newer", "{\"version\": 99, \"url\": \"\", \"connections\": 1, \"workers\": 1, \"elapsed_s\": 1, \"good_per_s\": 1, \"good\": 1, \"errors\": 0}".to_owned(), "version 99"),
        ("failed", null.to_string(), "round 1 has no good reply"),
        ("many", rounds(1.0, 1.0).repeat(13), "104 rounds; at most 100"),
    ];
    for (name, content, part) in cases {
        let file = files.write(name, &content);
        let output = compare(&[&file, &good]);
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
        let error = text(&output.stderr);
        assert!(
            error.contains(part) && error.contains(name),
            "{name}: {error}"
        );
    }
    let output = compare(&["/nonexistent.json", &good]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("/nonexistent.json"),
        "{output:?}"
    );
}

#[test]
fn sides_are_given_once() {
    for words in [
        &["a.json"][..],
        &["a.json", "b.json", "--a", "c.json", "--b", "d.json"],
        &["--a", "c.json"],
        &["a.json", "b.json", "--worse-than", "5"],
        &["a.json", "b.json", "--worse-than", "p98=5%"],
    ] {
        let output = compare(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
    }
}
