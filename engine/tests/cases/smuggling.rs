//! Heads that two readers could read in two ways: refused, the connection closed, and not a byte of
//! them reaches an origin.

use crate::scenario::{GET, OK, Scenario, get, ok, on_both_drivers};

/// Requests that are refused as bad ones. `~` stands for a field line `Host: h`.
const BAD: &[&str] = &[
    // Two framings, or none that is sure.
    "POST / HTTP/1.1\r\n~Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    "POST / HTTP/1.1\r\n~Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "POST / HTTP/1.1\r\n~Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: 1, 1\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: +1\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: -1\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: 0x1\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: 1 \x0b\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: 1 1\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length:\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Content-Length: 18446744073709551617\r\n\r\nx",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\n~Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.0\r\n~Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    // Lines that end, begin or bend in odd ways.
    "GET / HTTP/1.1\n~\r\n",
    "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nA: b\n\n",
    "GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\rTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\n~A: b\r\n c\r\n\r\n",
    "GET / HTTP/1.1\r\n~A: b\r\n\tTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
    "GET / HTTP/1.1\r\n~Transfer-Encoding : chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
    "GET / HTTP/1.1\r\n~A\tB: c\r\n\r\n",
    "GET / HTTP/1.1\r\n~: c\r\n\r\n",
    "GET / HTTP/1.1\r\n~no colon\r\n\r\n",
    "GET / HTTP/1.1\r\n~A: b\0c\r\n\r\n",
    "GET / HTTP/1.1\r\n~A\0: b\r\n\r\n",
    "GET / HTTP/1.1\r\n~A: b\x01c\r\n\r\n",
    "GET /\0 HTTP/1.1\r\n~\r\n",
    "GET /\x7f HTTP/1.1\r\n~\r\n",
    "\r\n\r\n\r\nGET / HTTP/1.1\r\n~\r\n",
    // Request lines.
    "GET  / HTTP/1.1\r\n~\r\n",
    "GET / HTTP/1.1 \r\n~\r\n",
    "GET / a HTTP/1.1\r\n~\r\n",
    "GET\t/ HTTP/1.1\r\n~\r\n",
    "GET /\r\n\r\n",
    "GE(T / HTTP/1.1\r\n~\r\n",
    "GET / http/1.1\r\n~\r\n",
    // Whom it is for.
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n",
    "GET http:///x HTTP/1.1\r\n~\r\n",
    "GET ftp://a/x HTTP/1.1\r\n~\r\n",
    "GET * HTTP/1.1\r\n~\r\n",
    "GET x HTTP/1.1\r\n~\r\n",
    "GET /x#y HTTP/1.1\r\n~\r\n",
    // Paths that climb or hide what they are.
    "GET /../x HTTP/1.1\r\n~\r\n",
    "GET /a/%2e%2E/%2e./x HTTP/1.1\r\n~\r\n",
    "GET /a\\..\\b HTTP/1.1\r\n~\r\n",
    "GET /%zz HTTP/1.1\r\n~\r\n",
    "GET /%00 HTTP/1.1\r\n~\r\n",
    "GET /a/..;/b HTTP/1.1\r\n~\r\n",
];

/// Well-formed, but of another version of HTTP.
const OTHER_VERSIONS: &[&str] = &[
    "GET / HTTP/1.2\r\n~\r\n",
    "GET / HTTP/2.0\r\n~\r\n",
    "GET / HTTP/0.9\r\n~\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/// Well-formed, but not implemented.
const UNKNOWN_CODINGS: &[&str] =
    &["POST / HTTP/1.1\r\n~Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"];

/// Bodies of chunked requests that are refused: the origin has got the head by then.
const REFUSED_CHUNKS: &[&str] = &[
    "x\r\n",
    "0x1\r\na\r\n0\r\n\r\n",
    "-1\r\na\r\n0\r\n\r\n",
    "+1\r\na\r\n0\r\n\r\n",
    " 1\r\na\r\n0\r\n\r\n",
    "1 \r\na\r\n0\r\n\r\n",
    "1\na\r\n0\r\n\r\n",
    "1\r\na\n0\r\n\r\n",
    "1\r\nab\r\n0\r\n\r\n",
    "1;\x01\r\na\r\n0\r\n\r\n",
    "1;a\nb\r\na\r\n0\r\n\r\n",
    "11111111111111111\r\na\r\n0\r\n\r\n",
    "ffffffffffffffff\r\na\r\n0\r\n\r\n",
    "0\r\nA : b\r\n\r\n",
    "0\r\nA: b\r\n c\r\n\r\n",
    "0\nA: b\r\n\r\n",
];

#[test]
fn heads_with_two_readings_reach_nobody() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let with =
            |requests: &'static [&str], status: u16| requests.iter().map(move |r| (r, status));
        let refused = with(BAD, 400)
            .chain(with(OTHER_VERSIONS, 505))
            .chain(with(UNKNOWN_CODINGS, 501));
        for (request, status) in refused {
            let mut client = s.client();
            client.send(request.replace('~', "Host: h\r\n"));
            let reply = client.reply();
            assert_eq!(reply.status(), status, "{request:?}: {}", reply.text());
            assert!(reply.says_close(), "{request:?}");
            reply.assert_local(status, "bad_request");
            // Nothing that follows is taken for a request.
            client.send(get("/smuggled")).finish().expect_end();
            assert!(s.origin("a").is_untouched(), "{request:?}");
        }
    })
}

#[test]
fn chunks_with_two_readings_end_the_upload() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        for body in REFUSED_CHUNKS {
            let mut client = s.client();
            client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            let mut origin = s.accept("a");
            origin.request_head();
            client.send(body);
            let reply = client.reply();
            reply.assert_local(400, "bad_request");
            assert!(reply.says_close(), "{body:?}");
            client.send(get("/smuggled")).finish().expect_end();
            let (rest, _) = origin.rest_or_reset();
            let rest = String::from_utf8_lossy(&rest);
            assert!(
                !rest.ends_with("0\r\n\r\n") && !rest.contains("smuggled"),
                "{body:?}: {rest:?}"
            );
        }
    })
}

#[test]
fn a_faulty_request_behind_a_good_one_ends_the_connection() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET /good HTTP/1.1\r\nHost: h\r\n\r\nGET /bad HTTP/1.1\r\nHost : h\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        let (mut origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.target(), "/good");
        assert_eq!(client.reply().status(), 200);
        client.reply().assert_local(400, "bad_request");
        client.finish().expect_end();
        assert!(origin.is_silent());
    })
}

#[test]
fn a_reply_to_one_client_never_reaches_another() {
    on_both_drivers(|io| {
        // An origin that answers more than it was asked must not answer the next one's request.
        let s = Scenario::on(io).origin("a").start();
        let mut first = s.client();
        first.send(GET);
        let (mut origin, _) = s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        );
        assert_eq!(first.reply().text(), "1");
        origin.rest_or_reset();
        let mut second = s.client();
        second.send(GET);
        s.origin("a").answer(ok("good"));
        assert_eq!(second.reply().text(), "good");
    })
}

#[test]
fn what_an_origin_sends_unasked_is_thrown_away_with_its_connection() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s.origin("a").answer(OK);
        assert_eq!(client.reply().text(), "ok");
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        origin.rest_or_reset();
        client.send(GET);
        s.origin("a").answer(ok("good"));
        assert_eq!(client.reply().text(), "good");
    })
}

#[test]
fn a_bodiless_reply_that_claims_a_body_ends_its_connection() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s
            .origin("a")
            .answer("HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n");
        let reply = client.reply();
        assert_eq!((reply.status(), reply.field("content-length")), (204, None));
        origin.rest_or_reset();
    })
}
