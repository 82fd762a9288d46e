//! The admin API as scrapers, people and attackers meet it.

use std::io::Write as _;

use serde_json::json;

use crate::http::{connect, exchange, get, get_with, order, read_reply};
use crate::origin::mirror;
use crate::program::{Gateway, wait_until};

struct Setup {
    gateway: Gateway,
    main: String,
    admin: String,
    origin: String,
}

fn setup() -> Setup {
    let origin = mirror();
    let gateway = Gateway::run(&format!(
        "runtime: {{workers: 2, pin: false}}
listeners: [{{name: main, address: 127.0.0.1:0}}]
admin: {{address: 127.0.0.1:0}}
services:
  echo: {{endpoints: ['{origin}', {{address: 127.0.0.1:1, weight: 0}}]}}
routes:
  - path: /api/*
    service: echo
    strip_prefix: /api
    headers: {{X-Api-Key: key-of-acme}}
    request_headers: {{set: {{Authorization: Bearer sekret-token, X-Plain: shown}}}}
"
    ));
    let (main, admin) = (gateway.program.listener("main"), gateway.program.admin());
    Setup {
        gateway,
        main,
        admin,
        origin,
    }
}

#[test]
fn the_host_must_be_ours_and_orders_need_their_field() {
    let setup = setup();
    let Setup { admin, .. } = &setup;
    let port = admin.rsplit(':').next().unwrap();
    let ask = |method: &str, target: &str, lines: &str| {
        exchange(
            admin,
            &format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n{lines}\r\n"),
        )
    };
    for host in [
        admin.clone(),
        format!("localhost:{port}"),
        "localhost".to_owned(),
    ] {
        assert_eq!(
            ask("GET", "/healthz", &format!("Host: {host}\r\n")).status,
            200,
            "{host}"
        );
    }
    for lines in [
        "Host: attacker.example\r\n",
        "Host: 127.0.0.2\r\n",
        "",
        "Host: localhost\r\nHost: b\r\n",
    ] {
        let reply = ask("GET", "/config", lines);
        assert_eq!(reply.status, 421, "{lines}");
        assert_eq!(
            reply.field("content-type"),
            Some("application/problem+json")
        );
        assert!(!reply.body.contains("routes"), "{reply:?}");
    }
    for target in ["/reload", "/drain", "/explain"] {
        let simple = "Host: localhost\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n";
        assert_eq!(ask("POST", target, simple).status, 403, "{target}");
    }
    assert_eq!(get(admin, "/readyz").status, 200);
}

#[test]
fn pages_and_methods_that_are_not_there_are_said_to_be_so() {
    let setup = setup();
    let Setup { admin, .. } = &setup;
    for (method, target, status, allow) in [
        ("GET", "/nothing", 404, None),
        ("GET", "/reload", 405, Some("POST")),
        ("POST", "/metrics", 405, Some("GET, HEAD")),
        ("DELETE", "/config", 405, Some("GET, HEAD")),
    ] {
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nX-Corelane-Admin: 1\r\nConnection: close\r\n\r\n"
        );
        let reply = exchange(admin, &head);
        assert_eq!(
            (reply.status, reply.field("allow")),
            (status, allow),
            "{method} {target}"
        );
        assert_eq!(reply.json()["status"], status);
    }
    let head = exchange(
        admin,
        "HEAD /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[test]
fn the_dashboard_loads_nothing_from_elsewhere() {
    let setup = setup();
    let Setup { admin, .. } = &setup;
    let page = get(admin, "/");
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.field("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    for file in ["/dashboard.js", "/dashboard.css"] {
        assert!(page.body.contains(file), "{}", page.body);
        assert_eq!(get(admin, file).status, 200);
    }
    assert!(!page.body.contains("http"), "{}", page.body);
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let setup = setup();
    let Setup { admin, main, .. } = &setup;
    let reply = get(admin, "/config");
    assert!(
        !reply.body.contains("sekret") && !reply.body.contains("key-of-acme"),
        "{reply:?}"
    );
    let config = reply.json();
    assert_eq!(config["generation"], 1);
    assert_eq!(
        config["listeners"],
        json!([{"name": "main", "address": main}])
    );
    let route = &config["config"]["routes"][0];
    assert_eq!(
        route["request_headers"]["set"],
        json!({"Authorization": "***", "X-Plain": "shown"})
    );
    assert_eq!(route["strip_prefix"], "/api");
    assert!(config["loaded_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn services_show_their_endpoints_and_what_those_did() {
    let setup = setup();
    let Setup {
        admin,
        main,
        origin,
        ..
    } = &setup;
    assert_eq!(
        get_with(main, "/api/x", "X-Api-Key: key-of-acme\r\n").status,
        200
    );
    wait_until("the request is counted", || {
        let services = get(admin, "/services").json();
        let echo = &services[0];
        let expected = json!({
            "address": origin, "name": origin, "subset": null, "weight": 1, "healthy": true,
            "ejected": false, "active": 0, "requests": 1, "failures": 0,
        });
        (echo["name"] == "echo" && echo["endpoints"][0] == expected).then_some(())
    });
}

#[test]
fn metrics_are_prometheus_text() {
    let setup = setup();
    let Setup { admin, main, .. } = &setup;
    assert_eq!(get(main, "/none").status, 404);
    let counted =
        "corelane_requests_total{listener=\"main\",route=\"\",service=\"\",code=\"404\"} 1";
    let page = wait_until("the request is counted", || {
        let page = get(admin, "/metrics");
        page.body
            .lines()
            .any(|line| line == counted)
            .then_some(page)
    });
    assert_eq!(
        page.field("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with("corelane_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(page.body.contains("corelane_snapshot_generation 1\n"));
    let version = format!(
        "corelane_build_info{{version=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(page.body.contains(&version));
}

#[test]
fn a_question_is_answered_from_the_configuration_in_use() {
    let setup = setup();
    let Setup { admin, .. } = &setup;
    let ask = |body: &str| order(admin, "/explain", body);
    let found = ask(
        r#"{"method":"GET","url":"/api/x","headers":{"x-api-key":"key-of-acme"},"client_ip":"192.0.2.1"}"#,
    );
    let found = found.json();
    assert_eq!(
        (&found["generation"], &found["service"]),
        (&json!(1), &json!("echo"))
    );
    assert_eq!(
        (&found["upstream_path"], &found["client"]),
        (&json!("/x"), &json!("192.0.2.1"))
    );
    let lost = ask(r#"{"method":"GET","url":"/api/x"}"#);
    assert_eq!((lost.status, &lost.json()["route"]), (200, &json!(null)));
    assert_eq!(lost.json()["answer"]["status"], 404);
    assert_eq!(ask("{}").status, 400);
    assert_eq!(ask(&"x".repeat(128 * 1024 + 1)).status, 413);
}

#[test]
fn connections_are_bounded_and_the_next_one_waits() {
    let setup = setup();
    let Setup {
        admin,
        gateway,
        main,
        ..
    } = &setup;
    let mut idle: Vec<_> = (0..64).map(|_| connect(admin)).collect();
    let mut next = connect(admin);
    next.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    next.set_nonblocking(true).unwrap();
    assert_eq!(get(main, "/none").status, 404); // the data plane has its own connections
    assert!(
        next.peek(&mut [0]).is_err(),
        "a connection beyond the bound is served"
    );
    next.set_nonblocking(false).unwrap();
    drop(idle.pop());
    assert_eq!(read_reply(&mut next, false).status, 200);
    assert!(!gateway.program.has_ended());
}
