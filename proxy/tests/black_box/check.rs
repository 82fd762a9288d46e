//! `corelane check`.

use serde_json::{Value, json};

use crate::program::{say, without, written};

const GATEWAY: &str = "\
services:
  users: {endpoints: [127.0.0.1:1]}
  orders: {endpoints: [127.0.0.1:2]}
routes:
  - {path: /users/*, service: users, strip_prefix: /users}
  - {path: /orders/*, service: orders, methods: [GET]}
  - {path: /old, redirect: {path: /new, status: 308}}
tests:
";

/// Code and text of a check of `text`, with file names relative.
fn check(text: &str, more: &[&str]) -> (i32, String) {
    let (directory, file) = written(text);
    let arguments = [&["check", "-c", &file], more].concat();
    let said = say(&arguments);
    assert_eq!(said.err, "");
    (said.code, without(&said.out, directory.path()))
}

#[test]
fn what_is_valid_is_summed_up() {
    let tests =
        "  - {request: GET /users/7, expect: {service: users, upstream_path: /7, route: /users/*}}
  - {request: POST /orders/1, expect: {status: 405}}
  - {request: GET http://a.example/old?q, expect: {status: 308, location: 'http://a.example/new?q'}}
  - {request: GET /none, expect: {status: 404}}
";
    let (code, out) = check(&format!("{GATEWAY}{tests}"), &[]);
    assert_eq!(
        (code, &*out),
        (
            0,
            "valid: 1 listener, 3 routes, 2 services, 4 tests, 0 warnings"
        )
    );
}

#[test]
fn every_mistake_has_its_place() {
    let (code, out) = check(
        "routes:\n  - {path: /a, service: nobody}\n  - {path: b, respond: {}}\n",
        &[],
    );
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(code, 1);
    assert!(
        lines[0].starts_with("gateway.yaml:2:25: error: routes[0].service: "),
        "{out}"
    );
    assert!(
        lines[1].starts_with("gateway.yaml:3:12: error: routes[1].path"),
        "{out}"
    );
    assert_eq!(
        lines.last(),
        Some(&&*format!("invalid: {} errors", lines.len() - 1))
    );
}

#[test]
fn a_test_that_fails_says_what_it_found() {
    let tests = "  - {request: GET /users/7, expect: {service: orders, upstream_path: /8}}
  - request: DELETE /orders/1
    expect: {service: orders}
";
    let (code, out) = check(&format!("{GATEWAY}{tests}"), &[]);
    assert_eq!(code, 1);
    let expected = "\
gateway.yaml:9:5: error: tests[0].expect.service: test `GET /users/7`: expected service `orders`, found `users`
gateway.yaml:9:5: error: tests[0].expect.upstream_path: test `GET /users/7`: expected upstream_path `/8`, found `/7`
gateway.yaml:10:5: error: tests[1].expect.service: test `DELETE /orders/1`: expected service `orders`, found 405: no route for this path takes this method
invalid: 3 errors";
    assert_eq!(out, expected);
}

#[test]
fn filters_that_the_program_has_not_are_mistakes() {
    let text = "\
routes:
  - path: /a
    respond: {}
    filters: [{use: audit}, {use: stamp, with: 1}]
";
    let (code, out) = check(text, &[]);
    assert_eq!(code, 1);
    let expected = "\
gateway.yaml:4:15: error: routes[0].filters[0]: no filter is called `audit`; this program brings none
gateway.yaml:4:29: error: routes[0].filters[1]: no filter is called `stamp`; this program brings none
invalid: 2 errors";
    assert_eq!(out, expected);
}

#[test]
fn strictness_makes_errors_of_warnings() {
    let twice = "\
services: {a: {endpoints: [127.0.0.1:1]}}
routes:
  - {path: /x, service: a}
  - {path: /x, service: a}
";
    let (code, out) = check(twice, &[]);
    assert_eq!(code, 0);
    assert!(
        out.contains("gateway.yaml:4:5: warning: routes[1]"),
        "{out}"
    );
    assert!(out.ends_with("1 warning"), "{out}");
    let (code, out) = check(twice, &["--strict"]);
    assert_eq!(code, 1);
    assert!(out.contains("gateway.yaml:4:5: error: routes[1]"), "{out}");
    let (code, out) = check(twice, &["--strict", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["valid"]), (1, &json!(false)));
    assert_eq!(
        (&json["errors"][0]["line"], &json["warnings"]),
        (&json!(4), &json!([]))
    );
}

#[test]
fn json_has_the_same_facts() {
    let (code, out) = check(
        "routes:\n  - {path: /a, service: nobody}\n",
        &["--format", "json"],
    );
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["valid"]), (1, &json!(false)));
    let error = &json["errors"][0];
    assert_eq!(
        (&error["file"], &error["path"]),
        (&json!("gateway.yaml"), &json!("routes[0].service"))
    );
    assert_eq!((&error["line"], &error["column"]), (&json!(2), &json!(25)));
    assert!(error["message"].as_str().unwrap().contains("nobody"));
    assert!(error.as_object().unwrap().contains_key("hint"));
}

#[test]
fn several_files_are_one_configuration() {
    let (_first, routes) = written("routes: [{path: /a, service: a}]");
    let (_second, services) = written("services: {a: {endpoints: [127.0.0.1:1]}}");
    let said = say(&["check", "-c", &routes, "-c", &services]);
    assert_eq!(
        (said.code, &*said.out),
        (
            0,
            "valid: 1 listener, 1 route, 1 service, 0 tests, 0 warnings"
        )
    );
}
