//! Requests and replies as most of them are: methods, bodies, persistence, pipelining, targets.

use crate::scenario::{GET, OK, Scenario, get, ok, on_both_drivers, post};

#[test]
fn the_driver_is_the_one_that_was_asked_for() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        let driver = s.handle().driver();
        // A kernel or container may forbid the ring; then the reason is told, and only then.
        match io {
            crate::scenario::Io::Epoll => assert_eq!(driver, "epoll"),
            _ => assert!(
                driver.starts_with("io_uring") || driver.starts_with("epoll (io_uring_setup"),
                "{driver}"
            ),
        }
    })
}

#[test]
fn a_get_goes_there_and_back() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET /x?y=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nx-CASE: Kept\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(
            "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nDate: now\r\nContent-Length: 2\r\n\r\nhi",
        );
        assert_eq!(request.line, "GET /x?y=1 HTTP/1.1");
        assert_eq!(
            request.fields[..3],
            [
                ("Host".to_owned(), "h".to_owned()),
                ("Accept".to_owned(), "*/*".to_owned()),
                ("x-CASE".to_owned(), "Kept".to_owned()),
            ]
        );
        client.expect(
            "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nDate: now\r\n\
             Via: 1.1 corelane\r\nContent-Length: 2\r\n\r\nhi",
        );
    })
}

#[test]
fn a_post_takes_its_body_along() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(post("/p", "some body"));
        let (_origin, request) = s
            .origin("a")
            .answer("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(request.line, "POST /p HTTP/1.1");
        assert_eq!(request.field("content-length"), Some("9"));
        assert_eq!(request.text(), "some body");
        assert_eq!(client.reply().status(), 201);
    })
}

#[test]
fn a_post_without_a_body_says_so() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("POST / HTTP/1.1\r\nHost: h\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.field("content-length"), Some("0"));
        client.reply();
    })
}

#[test]
fn replies_without_a_body_keep_the_connection_in_step() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        let mut origin = None;
        for (method, reply) in [
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            (
                "HEAD",
                "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n",
            ),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"x\"\r\n\r\n",
            ),
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ] {
            client.send(format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"));
            // All of them on one connection: nothing is left behind on it.
            let origin = origin.get_or_insert_with(|| s.accept("a"));
            assert!(origin.request().line.starts_with(method));
            origin.send(reply);
            let (head, framing) = reply.split_once("\r\n").unwrap();
            let received = client.reply_to_head();
            assert_eq!(received.line, head);
            for name in ["content-length", "transfer-encoding", "etag"] {
                let sent = framing.to_ascii_lowercase();
                let sent = sent
                    .lines()
                    .find_map(|line| line.strip_prefix(&format!("{name}: ")));
                assert_eq!(
                    received.field(name).map(str::to_ascii_lowercase).as_deref(),
                    sent,
                    "{reply}"
                );
            }
        }
    })
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        let all = [
            get("/1").into_bytes(),
            post("/2", "two"),
            get("/3").into_bytes(),
        ]
        .concat();
        client.send(all);
        let mut origin = s.accept("a");
        for (target, body) in [("/1", ""), ("/2", "two"), ("/3", "")] {
            let request = origin.request();
            assert_eq!((request.target(), request.text()), (target, body));
            assert!(origin.is_silent(), "the next one waits for the reply");
            origin.send(ok(target));
        }
        for target in ["/1", "/2", "/3"] {
            assert_eq!(client.reply().text(), target);
        }
    })
}

#[test]
fn local_replies_keep_their_place_among_pipelined_ones() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /here, respond: {body: here}}, {path: /there, service: a}]")
            .start();
        let mut client = s.client();
        client.send([get("/here"), get("/there"), get("/nowhere"), get("/here")].concat());
        s.origin("a").answer(ok("there"));
        assert_eq!(client.reply().text(), "here");
        assert_eq!(client.reply().text(), "there");
        client.reply().assert_local(404, "no_route");
        assert_eq!(client.reply().text(), "here");
    })
}

#[test]
fn connection_close_is_heeded_after_the_reply() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client
            .send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\nGET /never HTTP/1.1\r\n");
        let (mut origin, request) = s.origin("a").answer(OK);
        assert_eq!(
            request.field("connection"),
            None,
            "that was about the client's connection"
        );
        let reply = client.reply();
        assert!(reply.says_close());
        client.expect_end();
        assert!(origin.is_silent());
    })
}

#[test]
fn http_1_0_closes_unless_it_asks_to_stay() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
        let (mut origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.line, "GET / HTTP/1.1");
        assert_eq!(client.reply().field("connection"), Some("keep-alive"));
        client.send("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        origin.request();
        origin.send(OK);
        assert!(client.reply().says_close());
        client.expect_end();
    })
}

#[test]
fn http_1_0_needs_no_host() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("GET / HTTP/1.0\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.all("host").len(), 1, "HTTP/1.1 cannot do without");
        assert_eq!(client.reply().text(), "ok");
    })
}

#[test]
fn a_request_may_come_byte_by_byte() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let request = "PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                       4\r\nbody\r\n0\r\nA: b\r\n\r\n";
        let mut client = s.client();
        for byte in request.as_bytes() {
            client.send([*byte]);
        }
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!((request.target(), request.text()), ("/p", "body"));
        client.reply();
    })
}

#[test]
fn a_request_may_be_cut_anywhere() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io).origin("a").start();
        s.serve("a", |request| {
            ok(format!("{} {}", request.target(), request.text()))
        });
        let request = post("/p", "body");
        let mut client = s.client();
        for cut in 1..request.len() {
            client.send(&request[..cut]).send(&request[cut..]);
            assert_eq!(client.reply().text(), "/p body", "cut at {cut}");
        }
    })
}

#[test]
fn a_reply_may_be_cut_anywhere() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let mut client = s.client();
        let mut origin = None;
        for cut in 1..reply.len() {
            client.send(GET);
            let origin = origin.get_or_insert_with(|| s.accept("a"));
            origin.request();
            origin.send(&reply[..cut]).send(&reply[cut..]);
            assert_eq!(client.reply().text(), "abcde", "cut at {cut}");
        }
    })
}

#[test]
fn empty_lines_before_a_request_are_skipped() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
        s.origin("a").answer(OK);
        assert_eq!(client.reply().status(), 200);
    })
}

#[test]
fn absolute_targets_take_the_place_of_host() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /*, host: right.example, service: a}]")
            .start();
        let mut client = s.client();
        client.send("GET http://right.example:81/x?y HTTP/1.1\r\nHost: wrong.example\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.line, "GET /x?y HTTP/1.1");
        assert_eq!(request.field("host"), Some("right.example:81"));
        assert_eq!(request.field("x-forwarded-host"), Some("right.example:81"));
        client.reply();
    })
}

#[test]
fn connect_is_refused() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
        client.reply().assert_local(501, "bad_request");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn options_may_be_about_the_gateway_or_about_a_resource() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("OPTIONS /x HTTP/1.1\r\nHost: h\r\n\r\n");
        let (_origin, request) = s.origin("a").answer(OK);
        assert_eq!(request.line, "OPTIONS /x HTTP/1.1");
        client.reply();
        client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
        let reply = client.reply();
        assert_eq!(reply.status(), 204);
        assert_eq!(reply.field("x-corelane-outcome"), Some("local_reply"));
    })
}

#[test]
fn keep_alive_ends_after_so_many_requests() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .config("limits: {keepalive_requests: 3}")
            .start();
        s.serve("a", |_| OK);
        let mut client = s.client();
        for last in [false, false, true] {
            client.send(GET);
            assert_eq!(client.reply().says_close(), last);
        }
        client.expect_end();
    })
}

#[test]
fn an_idle_connection_is_closed_after_its_timeout() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("limits: {keepalive_timeout: 100ms}")
            .start();
        s.client().expect_end();
        let mut client = s.client();
        client.send(GET);
        client.reply().assert_local(404, "no_route");
        client.expect_end();
    })
}
