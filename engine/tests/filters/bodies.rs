//! Bodies piece by piece: whatever framing they come in, and however they are cut, what leaves is
//! whole.

use corelane_engine::{Chunk, Filter, FilterError, Phases, StartError, WorkerCx};

use crate::scenario::{GET, Io, OK, Scenario, ok, on_both_drivers, post};

/// A gateway whose only route has this filter.
fn gateway(io: Io, filter: &str) -> Scenario {
    Scenario::on(io)
        .origin("a")
        .built(|builder| builder.filter::<Shout>().filter::<Hoard>())
        .config(&format!(
            "routes: [{{path: /*, service: a, filters: [{{use: {filter}}}]}}]"
        ))
        .start()
}

#[test]
fn small_and_large_bodies_are_rewritten_both_ways() {
    on_both_drivers(|io| {
        let mut s = gateway(io, "shout");
        s.serve("a", |request| ok(&request.body));
        let mut client = s.client();
        for size in [1, 100, 5_000, 70_000, 1_000_000] {
            let body: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
            let mut wanted = body.to_ascii_uppercase();
            wanted.extend_from_slice(b"!!");
            let sending = std::thread::scope(|scope| {
                let (mut out, mut back) = client.split();
                let request = post("/", &body);
                scope.spawn(move || {
                    out.send(request);
                });
                assert!(back.reply().body == wanted, "{size} bytes");
                back
            });
            client = sending;
        }
    });
}

#[test]
fn a_length_becomes_chunks_and_chunks_stay_chunks() {
    on_both_drivers(|io| {
        let s = gateway(io, "shout");
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 3\r\n\r\n");
        let mut origin = s.accept("a");
        let request = origin.request();
        assert_eq!(request.field("content-length"), None);
        assert_eq!(
            (request.text(), &request.trailers[..]),
            ("ABC!", &[("X-Sum".to_owned(), "3".to_owned())][..])
        );
        origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n");
        let reply = client.reply();
        assert_eq!(
            (reply.text(), &reply.trailers[..]),
            ("ABC!", &[("X-Sum".to_owned(), "9".to_owned())][..])
        );
        client.send(GET);
        origin.request();
        origin.send(OK);
        let reply = client.reply();
        assert_eq!(
            (reply.field("transfer-encoding"), reply.text()),
            (Some("chunked"), "OK!")
        );
    });
}

#[test]
fn an_http_1_0_client_gets_its_body_until_the_end_of_the_connection() {
    on_both_drivers(|io| {
        let s = gateway(io, "shout");
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
        s.origin("a").answer(OK);
        let reply = client.reply();
        assert_eq!(
            (
                reply.field("transfer-encoding"),
                reply.field("content-length")
            ),
            (None, None)
        );
        assert!(reply.says_close());
        assert_eq!(reply.text(), "OK!");
    });
}

#[test]
fn replies_without_a_body_get_none() {
    on_both_drivers(|io| {
        let s = gateway(io, "shout");
        let mut client = s.client();
        let mut origin = None;
        for (method, status_line, length) in [
            ("HEAD", "200 OK", Some("7")),
            ("GET", "304 Not Modified", Some("7")),
            ("GET", "204 No Content", None),
        ] {
            client.send(format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"));
            let origin = origin.get_or_insert_with(|| s.accept("a"));
            origin.request();
            let stated = length.map_or(String::new(), |length| {
                format!("Content-Length: {length}\r\n")
            });
            origin.send(format!("HTTP/1.1 {status_line}\r\n{stated}\r\n"));
            let reply = client.reply_to_head();
            assert_eq!(reply.field("content-length"), length, "{status_line}");
            assert_eq!(reply.field("transfer-encoding"), None);
        }
        // An empty body is a body, and a filter may add to it.
        client.send(GET);
        origin.as_mut().unwrap().request();
        origin
            .as_mut()
            .unwrap()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(client.reply().text(), "!");
    });
}

#[test]
fn a_request_without_a_body_gets_none() {
    on_both_drivers(|io| {
        let s = gateway(io, "shout");
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(
            (request.field("content-length"), request.text()),
            (Some("0"), "")
        );
        client.reply();
    });
}

#[test]
fn the_head_goes_on_while_a_filter_keeps_the_body_back() {
    on_both_drivers(|io| {
        let s = gateway(io, "hoard");
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
        assert_eq!(client.reply_head().status(), 200);
        assert!(client.is_silent());
        origin.send("56789");
        client.expect("a\r\n9876543210\r\n0\r\n\r\n");
    });
}

#[test]
fn a_body_that_a_filter_has_seen_is_not_sent_twice() {
    on_both_drivers(|io| {
        let s = gateway(io, "shout");
        let mut client = s.client();
        // The pooled connection dies while the request is on its way to it.
        client.send(GET);
        let (origin, _) = s.origin("a").answer(OK);
        client.reply();
        client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
        let mut origin = origin;
        origin.request_head();
        origin.reset();
        client.send("def");
        client.reply().assert_local(502, "upstream_reset");
    });
}

#[test]
fn a_body_that_no_filter_has_seen_goes_to_another_endpoint() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .origin("b")
            .built(|builder| builder.filter::<Shout>())
            .config(
                "services: {ab: {endpoints: [$a, $b]}}\n\
                 routes: [{path: /*, service: ab, filters: [{use: shout}]}]",
            )
            .start();
        s.refuse("a");
        for _ in 0..2 {
            let mut client = s.client();
            client.send(post("/", "abc"));
            let (_origin, request) = s.origin("b").answer(OK);
            assert_eq!(request.text(), "ABC!");
            assert_eq!(client.reply().text(), "OK!");
        }
    });
}

#[test]
fn an_oversized_body_leaves_nothing_on_the_connection() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .config("limits: {request_body_bytes: 10}")
            .start();
        s.serve("a", |_| OK);
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
        let length = smuggled.len();
        for request in [
            post("/", smuggled),
            format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{smuggled}\r\n0\r\n\r\n").into(),
        ] {
            let mut client = s.client();
            client.send(request).finish();
            client.reply().assert_local(413, "body_too_large");
            client.expect_end();
        }
    });
}

/// Makes bodies loud.
struct Shout;

impl Filter for Shout {
    const NAME: &'static str = "shout";
    const PHASES: Phases = Phases::REQUEST_BODY.and(Phases::RESPONSE_BODY);
    type Config = ();
    type State = ();

    fn new((): (), _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self)
    }

    fn on_request_chunk(&self, (): &mut (), chunk: &mut Chunk<'_>) -> Result<(), FilterError> {
        shout(chunk);
        Ok(())
    }

    fn on_response_chunk(&self, (): &mut (), chunk: &mut Chunk<'_>) -> Result<(), FilterError> {
        shout(chunk);
        Ok(())
    }
}

fn shout(chunk: &mut Chunk<'_>) {
    if chunk.is_last() {
        chunk.replace("!");
    } else {
        chunk.to_mut().make_ascii_uppercase();
    }
}

/// Keeps a whole response and sends it backwards.
struct Hoard;

impl Filter for Hoard {
    const NAME: &'static str = "hoard";
    const PHASES: Phases = Phases::RESPONSE_BODY;
    type Config = ();
    type State = Vec<u8>;

    fn new((): (), _worker: &WorkerCx<'_>) -> Result<Self, StartError> {
        Ok(Self)
    }

    fn on_response_chunk(
        &self,
        kept: &mut Vec<u8>,
        chunk: &mut Chunk<'_>,
    ) -> Result<(), FilterError> {
        kept.extend_from_slice(chunk.bytes());
        if chunk.is_last() {
            kept.reverse();
            chunk.replace(std::mem::take(kept));
        } else {
            chunk.replace([]);
        }
        Ok(())
    }
}
