//! `corelane explain`, offline.

use serde_json::{Value, json};

use crate::program::{say, without, written};

const GATEWAY: &str = "\
listeners:
  - {name: main, address: 127.0.0.1:0}
  - {name: inner, address: 127.0.0.1:0}
trusted_proxies: [10.0.0.0/8]
services:
  users: {endpoints: [127.0.0.1:1]}
  beta: {endpoints: [127.0.0.1:2]}
routes:
  - {path: /api/users/*, service: users, strip_prefix: /api, timeout: 30s}
  - {path: /api/users/*, service: beta, headers: {X-Beta: '1'}}
  - {path: /inner, service: users, listeners: [inner]}
";

fn explain(more: &[&str]) -> (i32, String) {
    let (directory, file) = written(GATEWAY);
    let arguments = [&["explain", "-c", &file], more].concat();
    let said = say(&arguments);
    (said.code, without(&said.out, directory.path()))
}

#[test]
fn a_request_that_is_routed_ends_with_0() {
    let (code, out) = explain(&[
        "GET",
        "http://api.example/api/users/7?x=1",
        "-H",
        "X-Forwarded-For: 192.0.2.9",
        "--client-ip",
        "10.1.2.3",
    ]);
    assert_eq!(code, 0);
    let expected = "\
request    GET api.example /api/users/7
client     192.0.2.9
listener   main
route      /api/users/* (gateway.yaml:9:5)
  not      /api/users/*#2 (gateway.yaml:10:5): not so: header x-beta is `1`
filters    none
limits     none
cache      none
service    users: 127.0.0.1:1
upstream   /users/7 at host api.example
timeouts   total 30s, connect 5s, response none, idle 60s, idle stream 300s
retries    0
faults     none";
    assert_eq!(out, expected);
    let (_, out) = explain(&["GET", "/api/users/7", "-H", "X-Beta: 1"]);
    assert!(out.contains("service    beta: 127.0.0.1:2"), "{out}");
}

#[test]
fn a_request_without_a_route_ends_with_3() {
    let (code, out) = explain(&["GET", "/inner"]);
    assert_eq!(code, 3);
    assert!(
        out.contains(
            "route      none\n  not      /inner (gateway.yaml:11:5): not on this listener"
        ),
        "{out}"
    );
    assert!(
        out.ends_with("answer     404 no_route: no route is for this request"),
        "{out}"
    );
    assert_eq!(explain(&["GET", "/inner", "--listener", "inner"]).0, 0);
    assert_eq!(explain(&["GET", "/../etc"]).0, 3);
}

#[test]
fn json_has_the_keys_of_the_contract() {
    let (code, out) = explain(&["GET", "/api/users/7", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(json["listener"], "main");
    assert_eq!(json["route"], "/api/users/*");
    assert_eq!(json["runners_up"][0]["route"], "/api/users/*#2");
    assert_eq!(json["runners_up"][0]["why"], "not so: header x-beta is `1`");
    assert_eq!(
        (&json["service"], &json["subset"]),
        (&json!("users"), &Value::Null)
    );
    assert_eq!(json["endpoints"], json!(["127.0.0.1:1"]));
    assert_eq!(json["upstream_path"], "/users/7");
    assert_eq!(
        (&json["filters"], &json["limits"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        (&json["cache"], &json["timeout_ms"]),
        (&Value::Null, &json!(30_000))
    );
    assert_eq!(
        (&json["retries"], &json["generation"]),
        (&json!(0), &json!(0))
    );
    let (code, out) = explain(&["GET", "/", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["route"]), (3, &Value::Null));
}

#[test]
fn what_cannot_be_asked_says_why() {
    let (_directory, faulty) = written("routes: 1");
    let said = say(&["explain", "-c", &faulty, "GET", "/"]);
    assert_eq!((said.code, &*said.out), (1, ""));
    assert!(said.err.contains(":1:9: error: routes"), "{}", said.err);
    let (_directory, file) = written(GATEWAY);
    let said = say(&["explain", "-c", &file, "GET", "/", "--listener", "outer"]);
    assert_eq!(
        (said.code, &*said.err),
        (2, "corelane: no listener is called `outer`")
    );
    let said = say(&["explain", "-c", &file, "GET", "/", "-H", "a: b\r\nc: d"]);
    assert_eq!(
        (said.code, &*said.err),
        (2, "corelane: \"b\\r\\nc: d\" cannot stand in a request")
    );
}
