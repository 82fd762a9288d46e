//! Side calls: a filter asks a service before the request goes on.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use corelane_engine::{
    CallError, Filter, FilterError, Flow, Phases, Request, RequestCx, Service, StartError, WorkerCx,
};
use serde::Deserialize;

use crate::scenario::{GET, OK, Plan, Scenario, eventually, get, on_both_drivers};

/// A gateway with a service to ask, and a filter that asks it.
fn gateway(io: crate::scenario::Io, settings: &str) -> Plan {
    Scenario::on(io)
        .origin("a")
        .origin("keys")
        .built(|builder| builder.filter::<Ask>())
        .config(&format!(
            "routes: [{{path: /*, service: a, filters: [{{use: ask, service: keys{settings}}}]}}]"
        ))
}

#[test]
fn the_answer_decides_and_its_connection_is_kept() {
    on_both_drivers(|io| {
        let s = gateway(io, "").start();
        let mut client = s.client();
        let mut keys = None;
        for round in 0..3 {
            client.send("GET /x HTTP/1.1\r\nHost: h\r\nX-Key: k1\r\n\r\n");
            let keys = keys.get_or_insert_with(|| s.accept("keys"));
            let question = keys.request();
            assert_eq!(question.line, "PUT /ask?n=1 HTTP/1.1");
            assert_eq!(question.field("host"), Some("keys"));
            assert_eq!(question.text(), "k1");
            keys.send("HTTP/1.1 200 OK\r\nX-Tenant: acme\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: 4\r\n\r\nyes!");
            let origin = s.origin("a");
            let (_origin, request) =
                origin.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            assert_eq!(
                request.field("x-tenant"),
                Some("acme 200 yes!"),
                "round {round}"
            );
            assert_eq!(
                request.field("x-request-id"),
                question.field("x-request-id")
            );
            assert_eq!(client.reply().status(), 200);
        }
        assert!(s.origin("keys").is_untouched(), "one connection is enough");
    });
}

#[test]
fn an_answer_in_chunks_is_put_together() {
    on_both_drivers(|io| {
        let s = gateway(io, "").start();
        let mut client = s.client();
        client.send(GET);
        let (_keys, _) = s.origin("keys").answer("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n2\r\npe\r\n0\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("x-tenant"), Some("- 404 nope"));
        client.reply();
    });
}

#[test]
fn no_answer_is_an_error_that_names_nobody() {
    on_both_drivers(|io| {
        let mut s = gateway(io, "").start();
        s.refuse("keys");
        let mut client = s.client();
        client.send(GET);
        let reply = client.reply();
        reply.assert_local(502, "local_reply");
        assert_eq!(
            reply.problem()["detail"],
            "a service that this request depends on did not answer"
        );
        assert!(s.origin("a").is_untouched());
    });
}

#[test]
fn a_call_has_a_timeout_of_its_own() {
    on_both_drivers(|io| {
        let s = gateway(io, ", timeout_ms: 50").start();
        let mut client = s.client();
        client.send(GET);
        let mut keys = s.accept("keys");
        keys.request();
        client.reply().assert_local(504, "local_reply");
        keys.expect_end();
    });
}

#[test]
fn an_answer_that_is_too_large_is_none() {
    on_both_drivers(|io| {
        let s = gateway(io, ", most: 10").start();
        let mut client = s.client();
        client.send(GET);
        let (mut keys, _) = s
            .origin("keys")
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890");
        client.reply().assert_local(502, "local_reply");
        keys.expect_end();
    });
}

#[test]
fn a_client_that_leaves_gives_the_call_up() {
    on_both_drivers(|io| {
        let s = gateway(io, "").start();
        let mut client = s.client();
        client.send(GET);
        let mut keys = s.accept("keys");
        keys.request();
        client.reset();
        keys.expect_end();
        eventually("nobody is busy", || {
            s.report().endpoints().all(|endpoint| endpoint.active == 0)
        });
    });
}

#[test]
fn a_connection_that_died_in_the_pool_costs_no_call() {
    on_both_drivers(|io| {
        let s = gateway(io, "").start();
        let mut client = s.client();
        client.send(GET);
        let (keys, _) = s.origin("keys").answer(OK);
        let (mut origin, _) = s.origin("a").answer(OK);
        client.reply();
        drop(keys);
        client.send(get("/again"));
        let (_keys, question) = s.origin("keys").answer(OK);
        assert_eq!(question.text(), "");
        origin.request();
        origin.send(OK);
        assert_eq!(client.reply().text(), "ok");
    });
}

#[test]
fn a_question_is_asked_again_when_its_kept_connection_dies() {
    on_both_drivers(|io| {
        let s = gateway(io, "").start();
        let mut client = s.client();
        let ask = "GET / HTTP/1.1\r\nHost: h\r\nX-Key: k1\r\n\r\n";
        client.send(ask);
        let (mut keys, _) = s.origin("keys").answer(OK);
        let (mut origin, _) = s.origin("a").answer(OK);
        client.reply();
        client.send(ask);
        assert_eq!(keys.request().text(), "k1");
        keys.reset();
        let (_keys, again) = s.origin("keys").answer(OK);
        assert_eq!(again.text(), "k1");
        origin.request();
        origin.send(OK);
        assert_eq!(client.reply().status(), 200);
    });
}

#[test]
fn a_call_goes_to_another_endpoint_when_one_refuses() {
    on_both_drivers(|io| {
        let mut s = gateway(io, "")
            .origin("refusing")
            .config(
                "services: {a: {endpoints: [$a]}, keys: {endpoints: [$refusing, $keys]}}\n\
                 routes: [{path: /*, service: a, filters: [{use: ask, service: keys}]}]",
            )
            .start();
        s.refuse("refusing");
        for _ in 0..2 {
            let mut client = s.client();
            client.send("GET / HTTP/1.1\r\nHost: h\r\nX-Key: k1\r\n\r\n");
            let mut keys = s.accept("keys");
            assert_eq!(keys.request().text(), "k1");
            keys.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            s.origin("a")
                .answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(client.reply().status(), 200);
        }
    });
}

#[test]
fn several_calls_run_at_the_same_time() {
    on_both_drivers(|io| {
        let s = gateway(io, ", twice: true").start();
        let mut client = s.client();
        client.send(GET);
        let (mut first, mut second) = (s.accept("keys"), s.accept("keys"));
        first.request();
        second.request();
        second.send(OK);
        first.send(OK);
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("x-tenant"), Some("200 ok 200 ok"));
        client.reply();
    });
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    service: String,
    timeout_ms: Option<u64>,
    most: Option<usize>,
    #[serde(default)]
    twice: bool,
}

/// Asks about the key that a request has.
struct Ask {
    service: Service,
    settings: Settings,
    asked: Cell<u64>,
}

impl Ask {
    fn question(&self, key: &[u8]) -> Request {
        let target = format!("/ask?n={}", 1.min(self.asked.get()));
        let question = Request::new("PUT", &target).body(key.to_vec());
        let question = match self.settings.timeout_ms {
            Some(timeout) => question.timeout(Duration::from_millis(timeout)),
            None => question,
        };
        match self.settings.most {
            Some(most) => question.response_bytes_max(most),
            None => question,
        }
    }
}

impl Filter for Ask {
    const NAME: &'static str = "ask";
    const PHASES: Phases = Phases::REQUEST;
    type Config = Settings;
    type State = ();

    fn new(settings: Settings, worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self {
            service: worker.service(&settings.service)?,
            settings,
            asked: Cell::new(0),
        })
    }

    async fn on_request(
        &self,
        (): &mut (),
        request: &mut RequestCx<'_>,
    ) -> Result<Flow, FilterError> {
        self.asked.set(self.asked.get() + 1);
        let key = request.fields().get_named(b"x-key").unwrap_or_default();
        let tenant = if self.settings.twice {
            let one = request.call(&self.service, self.question(key));
            let other = request.call(&self.service, self.question(key));
            let (one, other) = both(one, other).await;
            format!("{} {}", told(&one?), told(&other?))
        } else {
            let answer = request.call(&self.service, self.question(key)).await?;
            assert!(answer.fields().get_named(b"x-hop").is_none());
            let tenant = answer.fields().get_named(b"x-tenant").unwrap_or(b"-");
            format!("{} {}", String::from_utf8_lossy(tenant), told(&answer))
        };
        request.fields_mut().set(b"x-tenant", tenant.as_bytes());
        Ok(Flow::Continue)
    }
}

fn told(answer: &corelane_engine::Response) -> String {
    format!(
        "{} {}",
        answer.status(),
        String::from_utf8_lossy(answer.body())
    )
}

type Answer = Result<corelane_engine::Response, CallError>;

/// Waits for two calls at once.
async fn both(
    one: impl Future<Output = Answer>,
    other: impl Future<Output = Answer>,
) -> (Answer, Answer) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|cx| {
        if first.is_none()
            && let Poll::Ready(answer) = one.as_mut().poll(cx)
        {
            first = Some(answer);
        }
        if second.is_none()
            && let Poll::Ready(answer) = other.as_mut().poll(cx)
        {
            second = Some(answer);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            kept => {
                (first, second) = kept;
                Poll::Pending
            }
        }
    })
    .await
}
