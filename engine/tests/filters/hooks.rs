//! Which hooks an exchange meets, in which order, how often, and what becomes of one that goes wrong.

use corelane_engine::{
    Filter, FilterError, Flow, LocalReply, Phases, RequestCx, ResponseCx, StartError, WorkerCx,
};

use super::probe::{Probe, await_gate, notes, open_gate, unique};
use crate::scenario::{GET, OK, Plan, Scenario, on_both_drivers, post};

/// A gateway with one origin, whose only route has these filters.
fn gateway(io: crate::scenario::Io, filters: &str) -> Plan {
    Scenario::on(io)
        .origin("a")
        .built(|builder| builder.filter::<Probe>())
        .config(&format!(
            "routes: [{{path: /*, service: a, timeout: 5s, filters: [{filters}]}}]"
        ))
}

fn probe(id: &str) -> String {
    format!("{{use: probe, id: {id}}}")
}

fn probe_that(id: &str, on: &str, then: &str) -> String {
    format!("{{use: probe, id: {id}, on: {on}, then: {then}}}")
}

#[test]
fn an_exchange_meets_every_hook_in_order_and_ends_once() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe(&id)).start();
        let mut client = s.client();
        client.send(post("/p", "12345"));
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("transfer-encoding"), Some("chunked"));
        assert_eq!(request.text(), "12345");
        let reply = client.reply();
        assert_eq!((reply.status(), reply.text()), (200, "ok"));
        assert_eq!(
            notes(&id, 1),
            ["request, sent 5, response 200, received 2, ok 200"]
        );
    });
}

#[test]
fn each_exchange_has_its_own_state() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe(&id)).start();
        let (mut first, mut second) = (s.client(), s.client());
        first.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        // The second begins and ends while the first is under way.
        second.send(post("/", "123"));
        s.origin("a").answer(OK);
        second.reply();
        assert_eq!(
            notes(&id, 1),
            ["request, sent 3, response 200, received 2, ok 200"]
        );
        origin.send(OK);
        first.reply();
        assert_eq!(
            notes(&id, 2)[1],
            "request, response 200, received 2, ok 200"
        );
        // And the next on the same connection begins anew.
        first.send(GET);
        origin.request();
        origin.send(OK);
        first.reply();
        assert_eq!(
            notes(&id, 3)[2],
            "request, response 200, received 2, ok 200"
        );
    });
}

#[test]
fn requests_pass_from_first_to_last_and_responses_back() {
    on_both_drivers(|io| {
        let s = gateway(
            io,
            "{use: probe, id: a}, {use: probe, id: b}, {use: probe, id: c}",
        )
        .start();
        let mut client = s.client();
        client.send(GET);
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("x-order"), Some("a b c"));
        assert_eq!(client.reply().field("x-order"), Some("c b a"));
    });
}

#[test]
fn a_filter_that_answers_turns_the_request_back() {
    on_both_drivers(|io| {
        let (first, second, third) = (unique(), unique(), unique());
        let filters = [
            probe(&first),
            probe_that(&second, "request", "reply"),
            probe(&third),
        ];
        let s = gateway(io, &filters.join(", ")).start();
        let mut client = s.client();
        client.send(GET);
        let reply = client.reply();
        assert_eq!((reply.status(), reply.text()), (401, "who are you?"));
        assert_eq!(reply.field("x-by"), Some(second.as_str()));
        assert_eq!(reply.field("x-order"), Some(first.as_str()));
        assert_eq!(reply.field("x-corelane-outcome"), Some("local_reply"));
        // The connection goes on; the reply went through the first filter's chunk hook.
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.reply_to_head().field("content-length"), Some("12"));
        assert!(s.origin("a").is_untouched());
        assert_eq!(
            notes(&first, 2),
            [
                "request, response 401, received 12, local_reply 401",
                "request, response 401, local_reply 401",
            ]
        );
        assert_eq!(notes(&second, 2)[0], "request, local_reply 401");
        assert_eq!(notes(&third, 0), [""; 0]);
    });
}

#[test]
fn a_filter_that_fails_is_told_in_public_words() {
    on_both_drivers(|io| {
        for hook in ["request", "request_chunk", "response", "response_chunk"] {
            let (first, second) = (unique(), unique());
            let filters = [probe(&first), probe_that(&second, hook, "fail")];
            let s = gateway(io, &filters.join(", ")).start();
            let mut client = s.client();
            client.send(post("/", "123"));
            if hook.starts_with("response") {
                s.origin("a").answer(OK);
            }
            let reply = client.reply();
            reply.assert_local(503, "local_reply");
            assert_eq!(reply.problem()["detail"], "the probe says no");
            assert!(!reply.text().contains("secret"), "{}", reply.text());
            assert_eq!(
                reply.field("x-order"),
                None,
                "errors are shown to no filter"
            );
            for id in [first, second] {
                let told = notes(&id, 1);
                assert_eq!(told.len(), 1);
                assert!(told[0].ends_with("local_reply 503"), "{hook}: {told:?}");
            }
        }
    });
}

#[test]
fn a_failure_behind_the_head_cuts_the_reply_off() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe_that(&id, "response_end", "fail")).start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234");
        client.reply_head();
        client.expect("4\r\n1234\r\n");
        origin.send("5");
        let (rest, orderly) = client.rest_or_reset();
        assert!(!orderly, "{:?}", String::from_utf8_lossy(&rest));
        assert!(!rest.ends_with(b"0\r\n\r\n"));
        let told = notes(&id, 1);
        assert!(
            told[0].starts_with("request, response 200, received 5"),
            "{told:?}"
        );
        assert_eq!(told.len(), 1);
    });
}

#[test]
fn a_client_that_leaves_ends_the_hook_and_the_exchange() {
    on_both_drivers(|io| {
        for hook in ["request", "response"] {
            let id = unique();
            let s = gateway(io, &probe_that(&id, hook, "wait")).start();
            let mut client = s.client();
            client.send(GET);
            let origin = (hook == "response").then(|| s.origin("a").answer(OK));
            s.await_in_flight(1);
            client.reset();
            let told = notes(&id, 1);
            assert!(
                told[0].starts_with("request") && told[0].ends_with("client_gone 499"),
                "{told:?}"
            );
            drop(origin);
        }
    });
}

#[test]
fn a_client_that_leaves_while_the_origin_thinks_ends_the_exchange_once() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe(&id)).start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        client.reset();
        assert_eq!(notes(&id, 1), ["request, client_gone 499"]);
        origin.expect_end();
        s.await_in_flight(0);
        assert_eq!(notes(&id, 1).len(), 1);
    });
}

#[test]
fn the_routes_timeout_cuts_a_hook() {
    on_both_drivers(|io| {
        let id = unique();
        let filters = probe_that(&id, "request", "wait");
        let s = gateway(io, "")
            .config(&format!(
                "routes: [{{path: /*, service: a, timeout: 100ms, filters: [{filters}]}}]"
            ))
            .start();
        let mut client = s.client();
        client.send(GET);
        client
            .reply()
            .assert_local(504, "total_timeout")
            .assert_limit("timeout");
        assert_eq!(notes(&id, 1), ["request, total_timeout 504"]);
    });
}

#[test]
fn an_origin_that_goes_ends_the_exchange_once() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe(&id)).start();
        let mut client = s.client();
        client.send(GET);
        s.origin("a")
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
        let (cut, orderly) = client.rest_or_reset();
        assert!(!orderly, "{}", String::from_utf8_lossy(&cut));
        assert_eq!(notes(&id, 1), ["request, response 200, upstream_reset 200"]);
    });
}

#[test]
fn a_tunnel_is_over_when_it_ends() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe(&id)).start();
        let mut client = s.client();
        client
            .send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        let (mut origin, _) = s.origin("a").answer(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        client.reply_head();
        client.send("x");
        origin.expect("x");
        assert_eq!(notes(&id, 0), [""; 0]);
        origin.finish();
        client.finish().expect_end();
        assert_eq!(notes(&id, 1), ["request, response 101, tunnel 101"]);
    });
}

#[test]
fn what_the_gateway_says_itself_is_shown_to_no_hook() {
    on_both_drivers(|io| {
        let id = unique();
        let mut s = gateway(io, &probe(&id)).start();
        s.refuse("a");
        let mut client = s.client();
        client.send(GET);
        let reply = client.reply();
        reply.assert_local(502, "connect_failed");
        assert_eq!(reply.field("x-order"), None);
        assert_eq!(notes(&id, 1), ["request, connect_failed 502"]);
    });
}

#[test]
fn a_panic_costs_its_exchange_and_not_the_worker() {
    on_both_drivers(|io| {
        for hook in [
            "request",
            "request_chunk",
            "response",
            "response_chunk",
            "complete",
        ] {
            let (before, id) = (unique(), unique());
            let filters = [probe(&before), probe_that(&id, hook, "panic")];
            let s = gateway(io, &filters.join(", ")).start();
            for round in 1..=2 {
                let mut client = s.client();
                client.send(post("/", "123"));
                let origin = (hook != "request" && hook != "request_chunk")
                    .then(|| s.origin("a").answer(OK));
                let reply = client.reply();
                match hook {
                    "complete" => assert_eq!(reply.text(), "ok"),
                    _ => assert!(reply.assert_local(500, "internal").says_close()),
                }
                drop(origin);
                for id in [&before, &id] {
                    let told = notes(id, round);
                    assert_eq!(told.len(), round, "{hook}: {told:?}");
                }
            }
        }
    });
}

#[test]
fn a_panic_amid_a_body_does_not_destroy_its_reply() {
    on_both_drivers(|io| {
        let s = gateway(io, &probe_that(&unique(), "response", "panic")).start();
        let mut client = s.client();
        client.send(
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 9\r\n\r\n123",
        );
        let mut origin = s.accept("a");
        origin.request_head();
        origin.expect("3\r\n123\r\n").send(OK);
        client.reply().assert_local(500, "internal");
        // It has more to say, which must not be met by a reset.
        client.send("456789").finish();
        client.expect_end();
    });
}

#[test]
fn a_panic_while_a_hook_is_given_up_ends_the_exchange_once() {
    on_both_drivers(|io| {
        let (before, id) = (unique(), unique());
        let filters = [probe(&before), probe_that(&id, "request", "wait_and_panic")];
        let s = gateway(io, &filters.join(", ")).start();
        let mut client = s.client();
        client.send(GET);
        s.await_in_flight(1);
        client.reset();
        for id in [before, id] {
            assert_eq!(notes(&id, 1).len(), 1);
        }
    });
}

#[test]
fn a_hook_may_wait_for_the_response_while_the_request_is_sent() {
    on_both_drivers(|io| {
        let id = unique();
        let s = gateway(io, &probe_that(&id, "response", "gate")).start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
        let mut origin = s.accept("a");
        origin.request_head();
        // The origin answers before it has the body, and the body comes while the hook waits.
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        await_gate(&id);
        client.send("123");
        open_gate(&id);
        origin.expect("3\r\n123\r\n0\r\n\r\n");
        origin.send("ok");
        assert_eq!(client.reply().text(), "ok");
        assert_eq!(
            notes(&id, 1),
            ["request, response 200, sent 3, received 2, ok 200"]
        );
    });
}

#[test]
fn a_filter_sees_no_field_that_a_client_may_not_set() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .built(|builder| builder.filter::<Names>())
            .config("routes: [{path: /*, service: a, filters: [{use: names}]}]")
            .start();
        let mut client = s.client();
        client.send(
            "GET /a/%62?q=1 HTTP/1.1\r\nHost: h:1\r\nX-User-ID: root\r\nX_User_ID: root\r\n\
             X-Forwarded-For: 1.2.3.4\r\nConnection: x-mine\r\nX-Mine: 1\r\nX-Request-ID: z\r\n\
             Cookie: c\r\n\r\n",
        );
        let (_origin, request) = s.origin("a").answer(OK);
        let seen = request.field("x-seen").unwrap();
        let id = request.field("x-request-id").unwrap();
        assert_eq!(
            seen,
            format!("GET /a/b q=1 h /* {id} 127.0.0.1: Host Cookie")
        );
        // What the filter says about the user is believed, what it says about the framing is not.
        assert_eq!(request.field("x-user-id"), Some("alice"));
        assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(request.field("content-length"), None);
        assert_eq!(request.field("connection"), None);
        client.reply();
    });
}

#[test]
fn a_response_may_be_changed_but_not_its_framing() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .built(|builder| builder.filter::<Names>())
            .config("routes: [{path: /*, service: a, filters: [{use: names}]}]")
            .start();
        let mut client = s.client();
        let mut origin = None;
        for (origin_says, status, length) in [
            (OK, 418, Some("2")),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, None),
            (
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
                304,
                Some("9"),
            ),
        ] {
            client.send(GET);
            let origin = origin.get_or_insert_with(|| s.accept("a"));
            origin.request();
            origin.send(origin_says);
            let reply = client.reply();
            assert_eq!(
                (reply.status(), reply.field("content-length")),
                (status, length)
            );
            assert_eq!(reply.field("transfer-encoding"), None);
            assert_eq!(
                reply.field("x-status"),
                Some(if status == 418 { "true" } else { "false" })
            );
        }
        client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        origin.as_mut().unwrap().request();
        origin
            .as_mut()
            .unwrap()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
        assert_eq!(client.reply_to_head().field("content-length"), Some("500"));
    });
}

#[test]
fn a_route_that_answers_itself_has_filters_too() {
    on_both_drivers(|io| {
        let id = unique();
        let filters = probe(&id);
        let s = gateway(io, "")
            .config(&format!(
                "routes:\n- {{path: /r, respond: {{status: 200, body: here}}, filters: [{filters}]}}\n\
                 - {{path: /to, redirect: {{host: x.example}}, filters: [{filters}]}}"
            ))
            .start();
        let mut client = s.client();
        client.send("GET /r HTTP/1.1\r\nHost: h\r\n\r\n");
        let reply = client.reply();
        assert_eq!(
            (reply.text(), reply.field("x-order")),
            ("here", Some(id.as_str()))
        );
        client.send("GET /to HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(
            client.reply().field("location"),
            Some("http://x.example/to")
        );
        let told = notes(&id, 2);
        assert_eq!(
            told[0],
            "request, response 200, received 4, local_reply 200"
        );
        assert!(told[1].ends_with("received 0, local_reply 302"), "{told:?}");
    });
}

#[test]
fn a_local_reply_never_has_a_body_where_none_may_be() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .built(|builder| builder.filter::<Odd>())
            .config("routes: [{path: /*, respond: {status: 200}, filters: [{use: odd}]}]")
            .start();
        let mut client = s.client();
        for (asked, status) in [
            ("204", 204),
            ("304", 304),
            ("99", 500),
            ("101", 500),
            ("1000", 500),
        ] {
            client.send(format!("GET /{asked} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let reply = client.reply();
            assert_eq!(reply.status(), status);
            let body = if status == 500 { "body" } else { "" };
            assert_eq!(reply.text(), body, "{asked}");
        }
    });
}

/// Says what it sees.
struct Names;

impl Filter for Names {
    const NAME: &'static str = "names";
    const PHASES: Phases = Phases::REQUEST.and(Phases::RESPONSE);
    type Config = ();
    type State = ();

    fn new((): (), _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self)
    }

    async fn on_request(
        &self,
        (): &mut (),
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        let names = request.fields().iter();
        let names: Vec<_> = names
            .map(|field| String::from_utf8_lossy(field.name))
            .collect();
        let seen = format!(
            "{} {} {} {} {} {} {}: {}",
            request.method(),
            request.path(),
            request.query().unwrap_or_default(),
            request.host(),
            request.route(),
            request.request_id(),
            request.client().unwrap(),
            names.join(" "),
        );
        let fields = request.fields_mut();
        fields.set(b"x-seen", seen.as_bytes());
        fields.set(b"x-user-id", b"alice");
        fields.set(b"content-length", b"1000");
        fields.set(b"transfer-encoding", b"chunked");
        fields.set(b"connection", b"close");
        Ok(Flow::Continue)
    }

    async fn on_response(
        &self,
        (): &mut (),
        response: &mut ResponseCx<'_>,
    ) -> Result<(), FilterError> {
        assert!(!response.set_status(204) && !response.set_status(101));
        let changed = response.set_status(418).to_string();
        let fields = response.fields_mut();
        fields.set(b"x-status", changed.as_bytes());
        fields.set(b"transfer-encoding", b"chunked");
        fields.set(b"content-length", b"1");
        Ok(())
    }
}

/// Answers with whatever status the path names.
struct Odd;

impl Filter for Odd {
    const NAME: &'static str = "odd";
    const PHASES: Phases = Phases::REQUEST;
    type Config = ();
    type State = ();

    fn new((): (), _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self)
    }

    async fn on_request(
        &self,
        (): &mut (),
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        let status = request.path()[1..].parse().unwrap();
        Ok(LocalReply::new(status).body("text/plain", "body").into())
    }
}
