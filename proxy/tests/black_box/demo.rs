//! `corelane demo`: what it prints works as it is printed.

use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;

use crate::http::{Reply, exchange};
use crate::program::{Program, corelane, say};

fn start() -> Program {
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let program = Program::start(&mut corelane(&arguments));
    program.err.wait_for_text("Ctrl-C ends the demo");
    program
}

/// Does what curl would do with these arguments.
fn curl(line: &str) -> Reply {
    let (mut method, mut body, mut fields, mut url) = (None, None, String::new(), None);
    let mut words = words(line).into_iter();
    while let Some(word) = words.next() {
        match &*word {
            "-i" => {}
            "-X" => method = words.next(),
            "-d" => body = words.next(),
            "-H" => fields += &format!("{}\r\n", words.next().unwrap()),
            _ => url = Some(word),
        }
    }
    let url = url.unwrap();
    let (address, target) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
    let body = body.unwrap_or_default();
    let length = body.len();
    exchange(
        address,
        &format!(
            "{method} /{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{fields}\
             Content-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Splits a line as a shell does, as far as the demo goes: blanks, and single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, part) in line.split('\'').enumerate() {
        let last = words.last_mut().unwrap();
        if index % 2 == 1 {
            last.push_str(part);
            continue;
        }
        let mut pieces = part.split(' ');
        last.push_str(pieces.next().unwrap());
        words.extend(pieces.map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_requests_that_it_suggests_work() {
    let demo = start();
    let said = demo.err.so_far();
    let lines = said.lines().filter_map(|line| line.strip_prefix("  curl "));
    let replies: Vec<(&str, Reply)> = lines.map(|line| (line, curl(line))).collect();
    let reply = |part: &str| {
        let mut found = replies.iter().filter(|(line, _)| line.contains(part));
        let (_, reply) = found
            .next()
            .unwrap_or_else(|| panic!("no {part} in\n{said}"));
        reply
    };
    let service = |part: &str| reply(part).json()["service"].as_str().unwrap().to_owned();

    let user = replies[0].1.json();
    assert_eq!(
        (&user["service"], &user["user"]["id"]),
        (&"user-service".into(), &"42".into())
    );
    assert_eq!(user["saw"]["path"], "/users/42");
    assert_eq!(user["saw"]["headers"]["x-forwarded-prefix"], "/api/v1");
    assert_eq!(user["saw"]["headers"]["x-forwarded-for"], "127.0.0.1");
    assert!(user["saw"]["headers"]["x-request-id"].is_string());

    assert_eq!(reply("-X DELETE").status, 405);
    assert_eq!(reply("-X DELETE").field("allow"), Some("GET, HEAD"));
    assert_eq!(reply("-d '{\"item\"").status, 201);
    assert_eq!(reply("-d '{\"item\"").json()["saw"]["body_bytes"], 11);
    assert_eq!(service("delay=2s"), "order-service");
    assert_eq!(service("X-API-Version"), "api-v2-service");
    assert_eq!(service("Accept-Language"), "french-content-service");
    assert!(service("/payments/").starts_with("payment-service-v"));
    assert_eq!(reply("/explain").json()["upstream_path"], "/users/42");
    assert!(reply("/metrics").body.contains("corelane_requests_total{"));
    assert_eq!(replies.len(), 9, "{said}");

    let logged = demo
        .out
        .wait_for("access record of the first request", |line| {
            let record: Value = serde_json::from_str(line).unwrap();
            (record["path"] == "/api/v1/users/42").then_some(record)
        });
    assert_eq!(
        (&logged["status"], &logged["service"]),
        (&200.into(), &"user-service".into())
    );
}

#[test]
fn the_routes_of_the_source_lead_to_their_services() {
    let demo = start();
    let gateway = demo.listener("demo");
    for (path, service) in [
        ("api/v1/users/1", "user-service"),
        ("api/v1/products/1", "product-service"),
        ("api/v1/orders/1", "order-service"),
        ("api/v1/notifications/1", "notification-service"),
        ("api/v2/anything", "api-v2-service"),
        ("content/welcome", "content-service"),
    ] {
        let reply = curl(&format!("http://{gateway}/{path}"));
        assert_eq!(
            (reply.status, &reply.json()["service"]),
            (200, &service.into())
        );
    }
}

#[test]
fn it_ends_when_it_is_interrupted_or_its_terminal_closes() {
    for signal in [Signal::INT, Signal::HUP, Signal::TERM] {
        let demo = start();
        demo.signal(signal);
        assert_eq!(demo.wait_for_exit(), 0);
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [
        ["demo", "--listen", &address, "--admin", "127.0.0.1:0"],
        ["demo", "--listen", "127.0.0.1:0", "--admin", &address],
    ] {
        let said = say(&arguments);
        assert_eq!(said.code, 1);
        assert!(said.err.contains(&address), "{}", said.err);
        assert!(said.err.contains("in use"), "{}", said.err);
        assert!(
            said.err.contains("corelane demo --listen 127.0.0.1:"),
            "{}",
            said.err
        );
    }
}
