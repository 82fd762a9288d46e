//! Scenario files: what they send, what they check, and what is said of their mistakes.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{program, refusal};
use crate::server::{OK, Recorder, Seen};

/// A folder with files in it, one of which is the scenario.
struct Folder(TempDir);

impl Folder {
    fn new(scenario: &str, others: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("scenario.yaml"), scenario).unwrap();
        for (name, content) in others {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    fn scenario(&self) -> PathBuf {
        self.0.path().join("scenario.yaml")
    }

    /// Runs the scenario and reads the report.
    fn run(&self, recorder: &Recorder, options: &[&str]) -> Value {
        let url = format!("http://{}", recorder.address);
        let path = self.scenario();
        let words = ["run", "--json", &url, "--scenario", path.to_str().unwrap()];
        let output = program(&[&words, options].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_ne!(output.stdout, b"", "{error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn kind<'a>(report: &'a Value, name: &str) -> &'a Value {
    let kinds = report["kinds"].as_array().unwrap();
    kinds.iter().find(|kind| kind["name"] == name).unwrap()
}

#[test]
fn kinds_share_by_weight_and_are_told_apart() {
    let scenario = "
name: shop
headers: {X-From: the test, Accept: text/plain}
requests:
  - {name: browse, weight: 8, path: /items}
  - name: buy
    weight: 2
    path: /orders
    headers: {accept: application/json, Host: shop.example}
    body: '{}'
";
    let recorder = Recorder::start(|seen| match seen.line() {
        "POST /orders HTTP/1.1" => b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => OK.to_vec(),
    });
    let folder = Folder::new(scenario, &[]);
    let report = folder.run(&recorder, &["-n", "1000", "-c", "4", "--cpu", "0,0"]);
    assert_eq!(report["scenario"], "shop");
    let (browse, buy) = (kind(&report, "browse"), kind(&report, "buy"));
    let due = |kind: &Value| kind["due"].as_u64().unwrap();
    assert_eq!(due(browse) + due(buy), 1000);
    assert!(due(buy).abs_diff(200) < 64, "five deviations: {}", due(buy));
    assert_eq!(
        (&browse["good"], &browse["errors"]),
        (&browse["due"], &json!(0))
    );
    assert_eq!(
        (&buy["good"], &buy["latency_us"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(buy["errors_by_kind"]["status"]["count"], buy["due"]);
    assert_eq!(buy["statuses"], json!({"5xx": due(buy)}));
    assert_eq!(report["good"], browse["good"]);
    assert_eq!(report["latency_us"], browse["latency_us"]);
    for seen in recorder.seen() {
        assert_eq!(seen.field("X-From"), Some("the test"));
        match seen.line() {
            "GET /items HTTP/1.1" => assert_eq!(seen.field("Accept"), Some("text/plain")),
            "POST /orders HTTP/1.1" => {
                assert_eq!(seen.field("accept"), Some("application/json"));
                assert_eq!(seen.field("Accept"), None);
                assert_eq!(seen.field("Host"), Some("shop.example"));
                assert_eq!(seen.body, b"{}");
            }
            line => unreachable!("{line}"),
        }
    }
}

#[test]
fn variables_stand_in_paths_fields_and_bodies() {
    let scenario = "
variables:
  user: {file: users.csv}
  order: {sequence: 100}
  id: {uuid: v4}
requests:
  - path: /users/${user.name}/orders/${order}
    method: PUT
    headers: {X-Request-ID: '${id}', X-User: 'id ${user.id}'}
    body: '{\"user\": ${user.id}, \"order\": ${order}, \"plain\": \"$${x}\"}'
";
    let users = "id,name\n1,ann\n2,\"Bob, Jr\"\n3,cé\n";
    let recorder = Recorder::obliging();
    let folder = Folder::new(scenario, &[("users.csv", users)]);
    let report = folder.run(&recorder, &["-n", "7", "-c", "2", "--cpu", "0,0"]);
    assert_eq!(report["good"], 7, "{report}");
    let name = "PUT /users/${user.name}/orders/${order}";
    assert_eq!(kind(&report, name)["good"], 7);
    let mut ids: Vec<_> = Vec::new();
    let mut users = [0; 3];
    for seen in recorder.seen() {
        let user = seen
            .field("X-User")
            .unwrap()
            .strip_prefix("id ")
            .unwrap()
            .to_owned();
        let name = ["ann", "Bob,%20Jr", "c%C3%A9"][user.parse::<usize>().unwrap() - 1];
        users[user.parse::<usize>().unwrap() - 1] += 1;
        let order = seen.line().rsplit('/').nth(1).unwrap();
        let order = order.strip_suffix(" HTTP").unwrap();
        assert_eq!(
            seen.line(),
            format!("PUT /users/{name}/orders/{order} HTTP/1.1")
        );
        let body = format!("{{\"user\": {user}, \"order\": {order}, \"plain\": \"${{x}}\"}}");
        assert_eq!(String::from_utf8(seen.body.clone()).unwrap(), body);
        ids.push((
            order.to_owned(),
            seen.field("X-Request-ID").unwrap().to_owned(),
        ));
    }
    ids.sort_unstable();
    let orders: Vec<_> = ids.iter().map(|(order, _)| order.as_str()).collect();
    assert_eq!(orders, ["100", "101", "102", "103", "104", "105", "106"]);
    ids.dedup_by(|one, other| one.1 == other.1);
    assert_eq!(ids.len(), 7, "every request has an id of its own");
    assert_eq!(users.iter().sum::<i32>(), 7);
    assert!(users.iter().all(|&count| count >= 2), "in turns: {users:?}");
}

#[test]
fn a_row_per_slot_stays_with_its_connection() {
    let scenario = "
variables: {user: {file: users.csv, pick: per_slot}}
requests: [{path: '/${user.id}'}]
";
    let recorder = Recorder::obliging();
    let folder = Folder::new(scenario, &[("users.csv", "id\na\nb\n")]);
    folder.run(&recorder, &["-n", "40", "-c", "1"]);
    assert_eq!(recorder.lines(), ["GET /a HTTP/1.1"; 40]);
}

/// Replies to `/good` as the checks want it, and otherwise to everything else.
fn particular(seen: &Seen) -> Vec<u8> {
    let (status, server, body) = match seen.line() {
        "GET /good HTTP/1.1" => ("404 Not Found", "nginx/1", "{\"user\": {\"id\": 7}}"),
        "GET /status HTTP/1.1" => ("200 OK", "nginx/1", "{\"user\": {\"id\": 7}}"),
        "GET /field HTTP/1.1" => ("404 Not Found", "caddy", "{\"user\": {\"id\": 7}}"),
        _ => ("404 Not Found", "nginx/1", "{\"user\": {\"id\": 8}}"),
    };
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let head =
        format!("HTTP/1.1 {status}\r\nServer: {server}\r\nTransfer-Encoding: chunked\r\n\r\n");
    [head, chunked].concat().into_bytes()
}

#[test]
fn a_failed_check_is_an_error_of_its_own_with_its_first_example() {
    let checks = "
    checks:
      status: [404, 3xx]
      headers: [{name: server, matches: '^nginx'}]
      body: {contains: user, size: 10..30, json: {/user/id: 7}}
";
    let request = |name: &str| format!("  - name: {name}\n    path: /{name}{checks}");
    let requests: String = ["good", "status", "field", "body"].map(request).concat();
    let folder = Folder::new(&format!("requests:\n{requests}"), &[]);
    for io in ["auto", "epoll"] {
        let recorder = Recorder::start(particular);
        let report = folder.run(&recorder, &["-n", "100", "-c", "2", "--io", io]);
        let good = kind(&report, "good");
        assert_eq!(
            (&good["good"], &good["errors"]),
            (&good["due"], &json!(0)),
            "{good}"
        );
        let mut errors = 0;
        for (name, number, text) in [
            ("status", 0, "status is 404 or 300..399: it was 200"),
            ("field", 1, "server matches ^nginx: it was \"caddy\""),
            ("body", 4, "JSON at \"/user/id\" is 7: it was \"8\""),
        ] {
            let kind = kind(&report, name);
            let due = kind["due"].as_u64().unwrap();
            errors += due;
            assert!(due > 0, "{report}");
            assert_eq!((&kind["good"], &kind["replies"]), (&json!(0), &kind["due"]));
            assert_eq!(
                kind["errors_by_kind"],
                json!({"check": {"count": due, "first": text}})
            );
            let failed = kind["checks"].as_array().unwrap().iter();
            let failed: Vec<_> = failed
                .map(|check| check["failed"].as_u64().unwrap())
                .collect();
            let expected: Vec<_> = (0..5)
                .map(|check| if check == number { due } else { 0 })
                .collect();
            assert_eq!(failed, expected, "{kind}");
        }
        assert_eq!(report["errors_by_kind"]["check"]["count"], errors);
    }
}

#[test]
fn thinking_slows_the_closed_loop() {
    let scenario = "requests: [{path: /, think: 50ms..60ms}]";
    let recorder = Recorder::obliging();
    let folder = Folder::new(scenario, &[]);
    let report = folder.run(&recorder, &["-c", "2", "-d", "500ms"]);
    let good = report["good"].as_u64().unwrap();
    // Each slot fits 9 to 10 times 50 to 60 ms into the time, and fewer on a busy machine.
    assert!((6..=22).contains(&good), "{report}");
    assert!(
        report["latency_us"]["p50"].as_f64().unwrap() < 50_000.0,
        "{report}"
    );
    let path = folder.scenario();
    let error = refusal(&[
        "http://127.0.0.1:1",
        "-r",
        "1/s",
        "--scenario",
        path.to_str().unwrap(),
    ]);
    assert!(error.contains("GET /: in an open loop"), "{error}");
}

#[test]
fn the_file_may_say_where_and_how_fast_and_options_win() {
    let recorder = Recorder::obliging();
    let scenario = format!(
        "target: http://{}\nload: {{rate: 200/s, connections: 3, requests: 20}}\nrequests: [{{path: /}}]",
        recorder.address
    );
    let folder = Folder::new(&scenario, &[]);
    let path = folder.scenario();
    let run = |options: &[&str]| -> Value {
        let words = ["run", "--json", "--scenario", path.to_str().unwrap()];
        let output = program(&[&words, options].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = run(&[]);
    assert_eq!(
        (&report["good"], &report["connections"]),
        (&json!(20), &json!(3))
    );
    assert_eq!(
        report["schedule"],
        "200/s for 600 s, evenly spaced, 20 requests at most"
    );
    let report = run(&["--steps", "100/s:100ms"]);
    assert_eq!(
        (&report["good"], &report["connections"]),
        (&json!(10), &json!(3))
    );
}

#[test]
fn the_documented_scenario_runs() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/loadtest.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (scenario, _) = rest.split_once("```").unwrap();
    let users = "id,name,token\n1,ann,t1\n2,Bob B,t2\n";
    let recorder = Recorder::start(|seen| {
        let body = "{\"state\": \"accepted\"}";
        assert!(seen.field("Authorization").unwrap().starts_with("Bearer t"));
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-ID: 1\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    });
    let folder = Folder::new(scenario, &[("users.csv", users)]);
    let report = folder.run(&recorder, &["-d", "500ms"]);
    assert_eq!(
        (&report["good"], &report["errors"]),
        (&json!(100), &json!(0)),
        "{report}"
    );
    assert_eq!(report["kinds"].as_array().unwrap().len(), 3);
}

/// A scenario of this text is refused with words that contain `part`.
fn assert_refused(scenario: &str, part: &str) {
    let tables = [
        ("u.csv", "id,name\n1,a\n"),
        ("bad.csv", "id\n1,2\n"),
        ("lines.csv", "name\n\"a\nb\"\n"),
    ];
    let folder = Folder::new(scenario, &tables);
    let path = folder.scenario();
    let error = refusal(&["--scenario", path.to_str().unwrap()]);
    assert!(error.contains(part), "{scenario}: {error}");
}

#[test]
fn mistakes_are_told_with_their_key_and_place() {
    for (scenario, part) in [
        ("", "missing field `requests`"),
        (
            "requests: []",
            "requests: expected 1 to 100 kinds of requests at line 1",
        ),
        (
            "requests:\n  - pth: /\n",
            "requests[0]: unknown field `pth`",
        ),
        (
            "requests:\n  - path: /a b\n",
            "requests[0].path: \"/a b\": a path holds",
        ),
        (
            "requests:\n  - path: a\n",
            "requests[0].path: \"a\": a path begins with / at line 2",
        ),
        (
            "requests:\n  - path: /\n  - path: /\n",
            "requests[1].name: \"GET /\": it comes twice",
        ),
    ] {
        assert_refused(scenario, part);
        assert_refused(scenario, "scenario.yaml: ");
    }
}

#[test]
fn mistakes_in_a_request_are_told_with_their_key_and_place() {
    for (key, part) in [
        ("weight: 0", "weight: 0: expected 1 to 1000000 at line 3"),
        ("think: soon", "think: expected a whole number"),
        (
            "method: G/T",
            "method: \"G/T\" is no method at line 3 column 13",
        ),
        (
            "body: a\n    body_size: 1",
            "body_size: either a body or the size of one at line 4",
        ),
        ("body_size: 1GiB", "body_size: at most 256 MiB at line 3"),
        (
            "headers: {Connection: close}",
            "headers: Connection is set by the generator",
        ),
        (
            "checks: {status: 20}",
            "checks.status: \"20\": expected a status",
        ),
        (
            "checks: {headers: [{name: A, matches: '('}]}",
            "checks.headers[0].matches: ",
        ),
        (
            "checks: {body: {json: {a: 1}}}",
            "checks: body.json: \"a\": a pointer",
        ),
    ] {
        let scenario = format!("requests:\n  - path: /\n    {key}\n");
        assert_refused(&scenario, &format!("requests[0].{part}"));
    }
}

#[test]
fn mistakes_in_variables_are_told_before_the_run() {
    for (variables, request, part) in [
        (
            "n: {sequence: 1}",
            "path: '/${m}'",
            "path: unknown variable ${m}: there are n at line 3",
        ),
        (
            "u: {file: u.csv}",
            "{path: /, body: '${u}'}",
            "body: unknown variable ${u}: there are u.id, u.name at line 3",
        ),
        ("u: {file: none.csv}", "path: /", "none.csv: No such file"),
        (
            "u: {file: bad.csv}",
            "path: /",
            "bad.csv: line 2: 2 cells under 1 columns",
        ),
        (
            "u: {file: u.csv, uuid: v4}",
            "path: /",
            "variables.u: expected one of",
        ),
        (
            "u: {uuid: v4, pick: random}",
            "path: /",
            "variables.u: pick goes with file",
        ),
        (
            "u: {random: {from: 2, to: 1}}",
            "path: /",
            "variables.u: random: from is above to",
        ),
        (
            "x: {uuid: v4}",
            "{path: /, headers: {Host: '${x}'}}",
            "headers.Host: it takes no variables at line 3",
        ),
        (
            "u: {file: lines.csv}",
            "{path: /, headers: {X: '${u.name}'}}",
            "headers.X: \"a\\nb\": a field's value has no control characters",
        ),
    ] {
        assert_refused(
            &format!("variables: {{{variables}}}\nrequests:\n  - {request}\n"),
            part,
        );
    }
}

#[test]
fn mistakes_about_the_load_and_the_target_are_told() {
    for (key, part) in [
        ("load: {rate: 5}", "load.rate: \"5\": expected a rate"),
        (
            "load: {mode: closed, rate: 5/s}",
            "a closed loop has no rate",
        ),
        (
            "load: {steps: '1/s:1s', duration: 1s}",
            "durations of their own",
        ),
        ("target: http://192.0.2.1", "--allow-remote"),
        (
            "target: http://127.0.0.1/path",
            "paths stand with its requests",
        ),
        ("name: nowhere", "names no target"),
    ] {
        let target = if key.starts_with("load") {
            "target: http://127.0.0.1:1\n"
        } else {
            ""
        };
        assert_refused(&format!("requests: [{{path: /}}]\n{key}\n{target}"), part);
    }
}
