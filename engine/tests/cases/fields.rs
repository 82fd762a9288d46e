//! Which fields pass, which end here, and which the gateway writes itself.

use crate::scenario::{GET, Message, OK, Scenario, get, on_both_drivers};

/// One exchange: the request as the origin got it.
fn forwarded(s: &Scenario, request: impl AsRef<[u8]>) -> Message {
    let mut client = s.client();
    client.send(request);
    let (_origin, request) = s.origin("a").answer(OK);
    assert_eq!(client.reply().status(), 200);
    request
}

/// A request with these field lines.
fn with(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

/// The names of the fields that the origin got, sorted.
fn names(request: &Message) -> Vec<String> {
    let mut names: Vec<_> = request
        .fields
        .iter()
        .map(|(name, _)| name.to_lowercase())
        .collect();
    names.sort();
    names
}

const OURS: [&str; 7] = [
    "host",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
    "x-request-start",
];

#[test]
fn hop_by_hop_fields_of_a_request_end_here() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let request = forwarded(
            &s,
            with(
                "Connection: x-mine, KEEP-ALIVE\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\
             TE: gzip\r\nTrailer: A\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
            ),
        );
        assert_eq!(names(&request), OURS);
    })
}

#[test]
fn hop_by_hop_fields_of_a_reply_end_here() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n\
             Upgrade: h2c\r\nTrailer: A\r\nContent-Length: 0\r\nDate: today\r\n\r\n",
        );
        client.expect(
            "HTTP/1.1 200 OK\r\nDate: today\r\nVia: 1.1 corelane\r\nContent-Length: 0\r\n\r\n",
        );
    })
}

#[test]
fn fields_that_a_message_needs_cannot_be_nominated_away() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let request = forwarded(
            &s,
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: host, content-length, x-forwarded-for, via, \
             x-request-id, authorization, cookie\r\nContent-Length: 1\r\nAuthorization: secret\r\n\
             Cookie: c\r\n\r\nx",
        );
        assert_eq!(request.field("host"), Some("h"));
        assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
        assert!(request.field("via").is_some() && request.field("x-request-id").is_some());
        assert_eq!(request.text(), "x");
        let mut client = s.client();
        client.send(GET);
        s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nConnection: content-length, content-type\r\nContent-Type: t\r\nContent-Length: 2\r\n\r\nok",
        );
        assert_eq!(client.reply().text(), "ok");
    })
}

#[test]
fn a_stranger_cannot_write_what_the_gateway_writes() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let request = forwarded(
            &s,
            with(
                "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
             X-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /evil\r\nX-Forwarded-Ssl: on\r\n\
             X-Forwarded-Whatever: 1\r\nX-Forwarded-Client-Cert: c\r\nForwarded: for=6.6.6.6\r\n\
             X-Real-IP: 6.6.6.6\r\nX-Request-ID: evil\r\nX-Request-Start: t=1\r\nX-User-ID: root\r\n\
             x-user-roles: admin\r\n",
            ),
        );
        assert_eq!(names(&request), OURS);
        assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(request.field("x-forwarded-proto"), Some("http"));
        assert_eq!(request.field("x-forwarded-host"), Some("h"));
        assert_ne!(request.field("x-request-id"), Some("evil"));
        assert_ne!(request.field("x-request-start"), Some("t=1"));
    })
}

#[test]
fn a_trusted_proxy_is_believed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("trusted_proxies: [127.0.0.0/8]")
            .start();
        let request = forwarded(
            &s,
            with(
                "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: shop.example\r\nX-Request-ID: abc-123\r\nX-Request-Start: t=1.000\r\n\
             X-Real-IP: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-User-ID: root\r\nX-User-Roles: admin\r\n",
            ),
        );
        assert_eq!(
            request.field("x-forwarded-for"),
            Some("1.2.3.4, 5.6.7.8, 127.0.0.1")
        );
        assert_eq!(request.field("x-forwarded-proto"), Some("https"));
        assert_eq!(request.field("x-forwarded-host"), Some("shop.example"));
        assert_eq!(request.field("x-request-id"), Some("abc-123"));
        assert_eq!(request.field("x-request-start"), Some("t=1.000"));
        assert_eq!(request.field("x-real-ip"), Some("1.2.3.4"));
        assert_eq!(request.field("forwarded"), Some("for=1.2.3.4"));
        assert_eq!(
            request.field("x-user-id"),
            None,
            "identities come from the gateway alone"
        );
        assert_eq!(request.field("x-user-roles"), None);
        let request = forwarded(&s, with("X-Forwarded-For:\r\n"));
        assert_eq!(request.all("x-forwarded-for"), ["127.0.0.1"]);
    })
}

#[test]
fn a_request_id_that_is_none_is_replaced() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("trusted_proxies: [127.0.0.1]")
            .start();
        for bad in [
            "with space".to_owned(),
            "x".repeat(65),
            String::new(),
            "\u{fc}".to_owned(),
        ] {
            let request = forwarded(&s, with(&format!("X-Request-ID: {bad}\r\n")));
            let id = request.field("x-request-id").unwrap();
            assert_eq!(
                (id.len(), id.as_bytes()[14]),
                (36, b'7'),
                "{id} is a UUIDv7"
            );
        }
    })
}

#[test]
fn a_request_id_may_be_kept_from_anybody() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("preserve_request_id: true")
            .start();
        let request = forwarded(&s, with("X-Request-ID: mine\r\n"));
        assert_eq!(request.field("x-request-id"), Some("mine"));
    })
}

#[test]
fn a_local_reply_carries_the_id_of_its_request() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("trusted_proxies: [127.0.0.1]")
            .start();
        let mut client = s.client();
        client.send(with("X-Request-ID: mine\r\n"));
        let reply = client.reply();
        assert_eq!(reply.field("x-request-id"), Some("mine"));
        assert_eq!(reply.problem()["request_id"], "mine");
    })
}

#[test]
fn request_ids_differ() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let ids: std::collections::BTreeSet<_> = (0..20)
            .map(|_| forwarded(&s, GET).field("x-request-id").unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), 20);
    })
}

#[test]
fn names_with_underscores_are_dropped_unless_kept() {
    on_both_drivers(|io| {
        let fields = "X_User_ID: root\r\nx_forwarded_for: 6.6.6.6\r\nA_B: c\r\n";
        let s = Scenario::on(io).origin("a").start();
        assert_eq!(names(&forwarded(&s, with(fields))), OURS);
        let s = Scenario::on(io)
            .origin("a")
            .config("underscores: keep")
            .start();
        assert_eq!(forwarded(&s, with(fields)).field("a_b"), Some("c"));
    })
}

#[test]
fn via_names_each_hop_and_ends_loops() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("via: edge-1\nlimits: {via_passes: 2}")
            .start();
        let request = forwarded(&s, with("Via: 1.0 other, 1.1 edge-1 (x), 1.1 EDGE-1\r\n"));
        assert_eq!(
            request.all("via"),
            ["1.0 other, 1.1 edge-1 (x), 1.1 EDGE-1", "1.1 edge-1"]
        );
        let mut client = s.client();
        client.send(with("Via: 1.1 edge-1, 1.1 edge-1\r\nVia: 1.1 edge-1\r\n"));
        client
            .reply()
            .assert_local(508, "loop")
            .assert_limit("via_passes");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn via_may_be_off() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config("via: off").start();
        let mut client = s.client();
        client.send(GET);
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("via"), None);
        assert_eq!(client.reply().field("via"), None);
    })
}

#[test]
fn the_version_in_via_is_that_of_the_message() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        let (_origin, request) = s
            .origin("a")
            .answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(request.field("via"), Some("1.0 corelane"));
        let reply = client.reply();
        assert_eq!(
            (reply.line.as_str(), reply.field("via")),
            ("HTTP/1.1 200 OK", Some("1.0 corelane"))
        );
    })
}

#[test]
fn edits_are_made_last_and_in_order() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config(
            "routes:\n\
             - path: /*\n\
             \x20 service: a\n\
             \x20 request_headers: {remove: [X-Gone, x-request-start], set: {X-Set: new, X-Forwarded-Proto: https}, add: {X-Add: two}}\n\
             \x20 response_headers: {remove: [Server], set: {X-Set: new}, add: {Set-Cookie: b=2}}\n",
        ).start();
        let mut client = s.client();
        client.send(with(
            "X-Gone: 1\r\nX-Set: old\r\nx-set: older\r\nX-Add: one\r\n",
        ));
        let (_origin, request) = s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nServer: s\r\nX-Set: old\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
        );
        assert_eq!(
            (
                request.all("x-gone").len(),
                request.all("x-request-start").len()
            ),
            (0, 0)
        );
        assert_eq!(request.all("x-set"), ["new"]);
        assert_eq!(request.all("x-add"), ["one", "two"]);
        assert_eq!(request.field("x-forwarded-proto"), Some("https"));
        let reply = client.reply();
        assert_eq!(reply.field("server"), None);
        assert_eq!(reply.all("x-set"), ["new"]);
        assert_eq!(reply.all("set-cookie"), ["a=1", "b=2"]);
    })
}

#[test]
fn x_request_start_is_the_time_of_arrival() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let now = || {
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
        };
        let before = now();
        let request = forwarded(&s, get("/"));
        let start = request
            .field("x-request-start")
            .unwrap()
            .strip_prefix("t=")
            .unwrap();
        let (seconds, millis) = start.split_once('.').unwrap();
        assert_eq!(millis.len(), 3);
        let start: f64 = format!("{seconds}.{millis}").parse().unwrap();
        // The wall clock is followed a few times a second, and told in whole milliseconds.
        assert!((before.as_secs_f64() - 0.5..=now().as_secs_f64() + 0.5).contains(&start));
    })
}
