//! Where bodies end: each side's framing is read, and the other side's is written anew.

use crate::scenario::{GET, OK, Random, Scenario, on_both_drivers};

#[test]
fn a_chunked_request_is_framed_anew() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n\
             3;name=\"quoted ; \\\" text\";flag\r\nabc\r\n0002\r\nde\r\n0;last\r\nX-Sum: 5\r\n\
             Content-Length: 99\r\nHost: evil\r\nAuthorization: evil\r\n\r\n",
        );
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.all("transfer-encoding"), ["chunked"]);
        assert_eq!(request.all("content-length").len(), 0);
        assert_eq!(request.text(), "abcde");
        assert_eq!(request.trailers, [("X-Sum".to_owned(), "5".to_owned())]);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn a_chunked_reply_is_framed_anew() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: te\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;x\r\nabc\r\n2;y=z\r\nde\r\n0\r\nGrpc-Status: 0\r\nSet-Cookie: evil\r\n\r\n",
        );
        assert_eq!(request.field("te"), Some("trailers"));
        assert_eq!(request.all("connection"), ["te"]);
        let reply = client.reply();
        assert_eq!(reply.text(), "abcde");
        assert_eq!(reply.trailers, [("Grpc-Status".to_owned(), "0".to_owned())]);
        client.send(GET);
        s.await_in_flight(1);
    })
}

#[test]
fn trailers_may_not_pose_as_other_fields_either() {
    on_both_drivers(|io| {
        for (rule, kept) in [("drop", 1), ("keep", 2)] {
            let s = Scenario::on(io)
                .origin("a")
                .config(&format!("underscores: {rule}"))
                .start();
            let mut client = s.client();
            client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                 1\r\na\r\n0\r\nX_User_ID: admin\r\nX-User-ID: admin\r\nX-Sum: 1\r\n\r\n",
            );
            let (_origin, request) = s.origin("a").answer(OK);
            assert_eq!(request.trailers.len(), kept, "{:?}", request.trailers);
            assert!(
                request
                    .trailers
                    .contains(&("X-Sum".to_owned(), "1".to_owned()))
            );
        }
    })
}

#[test]
fn a_chunk_leaves_when_it_comes() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut origin = s.accept("a");
        origin.request_head();
        client.send("3\r\nabc\r\n");
        origin.expect("3\r\nabc\r\n");
        client.send("1\r\nd\r\n0\r\n\r\n");
        origin.expect("1\r\nd\r\n0\r\n\r\n");
        origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.reply_head();
        origin.send("2\r\nAB\r\n");
        client.expect("2\r\nAB\r\n");
        origin.send("0\r\n\r\n");
        client.expect("0\r\n\r\n");
    })
}

#[test]
fn a_head_leaves_before_its_body_has_come() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
        let mut origin = s.accept("a");
        assert_eq!(origin.request_head().field("content-length"), Some("2"));
        client.send("x");
        origin.expect("x");
        client.send("y");
        origin
            .expect("y")
            .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        assert_eq!(client.reply_head().field("content-length"), Some("2"));
        origin.send("z");
        client.expect("z");
        origin.send("z");
        client.expect("z");
    })
}

#[test]
fn a_reply_until_close_becomes_chunked() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s.origin("a").answer("HTTP/1.1 200 OK\r\n\r\nall of");
        origin.send(" it").finish();
        let reply = client.reply();
        assert_eq!(reply.field("transfer-encoding"), Some("chunked"));
        assert_eq!(reply.text(), "all of it");
        // Its end was the upstream connection's, not the client's.
        client.send(GET);
        s.origin("a").answer(OK);
        assert_eq!(client.reply().text(), "ok");
    })
}

#[test]
fn an_http_1_0_client_gets_no_chunks() {
    on_both_drivers(|io| {
        for reply in [
            "HTTP/1.1 200 OK\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\nabc",
        ] {
            let s = Scenario::on(io).origin("a").start();
            let mut client = s.client();
            client.send("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
            s.origin("a").answer(reply).0.finish();
            let received = client.reply();
            assert!(received.says_close());
            assert_eq!(received.field("transfer-encoding"), None);
            assert_eq!(received.text(), "abc", "{reply}");
        }
    })
}

#[test]
fn http_1_0_origins_may_keep_their_connection() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s
            .origin("a")
            .answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx");
        assert_eq!(client.reply().field("via"), Some("1.0 corelane"));
        client.send(GET);
        origin.request();
        origin.send("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\ny");
        assert_eq!(client.reply().text(), "y");
        // It did not say that it keeps it this time.
        origin.expect_end();
    })
}

#[test]
fn a_body_that_grows_needs_no_more_framing_than_it_came_with() {
    on_both_drivers(|io| {
        let mut random = Random(7);
        let mut s = Scenario::on(io).origin("a").start();
        s.serve("a", |request| {
            let size = request.body.len();
            let mut reply =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
            reply.extend_from_slice(&request.body);
            reply
        });
        let mut client = s.client();
        for size in [
            1,
            4095,
            4096,
            4097,
            16_383,
            16_384,
            16_385,
            100_000,
            262_144,
            1 << 20,
        ] {
            let body = random.bytes(size);
            let head = format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n");
            client.send(head).send(&body);
            let reply = client.reply();
            assert_eq!(
                reply.field("content-length"),
                Some(size.to_string().as_str())
            );
            assert!(reply.body == body, "{size} bytes came back changed");
        }
    })
}

#[test]
fn random_bodies_in_random_chunks_arrive_as_they_were() {
    on_both_drivers(|io| {
        let mut random = Random(42);
        let mut s = Scenario::on(io).origin("a").start();
        s.serve("a", |request| {
            let mut random = Random(request.body.len() as u64);
            let mut reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            chunk(&mut reply, &request.body, &mut random);
            reply
        });
        for _ in 0..4 {
            let mut client = s.client();
            for _ in 0..8 {
                let size = random.size(18);
                let body = random.bytes(size);
                let mut request =
                    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
                chunk(&mut request, &body, &mut random);
                let mut rest = &request[..];
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at((1 + random.below(60_000)).min(rest.len()));
                    client.send(piece);
                    rest = after;
                }
                assert!(
                    client.reply().body == body,
                    "{size} bytes came back changed"
                );
            }
        }
    })
}

/// Writes `body` in chunks of random sizes, some with extensions.
fn chunk(out: &mut Vec<u8>, mut body: &[u8], random: &mut Random) {
    while !body.is_empty() {
        let size = (1 + random.size(16)).min(body.len());
        let extension = ["", ";a", ";b=c", ";d=\"e f\""][random.below(4)];
        out.extend_from_slice(format!("{size:x}{extension}\r\n").as_bytes());
        out.extend_from_slice(&body[..size]);
        out.extend_from_slice(b"\r\n");
        body = &body[size..];
    }
    out.extend_from_slice(b"0\r\n\r\n");
}
