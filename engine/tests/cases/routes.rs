//! What a route does to a request, as the origin sees it, and what is answered without an origin.

use crate::scenario::{GET, OK, Scenario, get, ok, on_both_drivers};

#[test]
fn the_normal_form_of_a_path_is_what_the_origin_gets() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("a")
            .config("routes: [{path: /admin/*, respond: {status: 403}}, {path: /*, service: a}]")
            .start();
        let mut client = s.client();
        let mut origin = None;
        for (sent, forwarded) in [
            ("/a/b?c=d", "/a/b?c=d"),
            ("/%61/%7Eb", "/a/~b"),
            ("/a/./b/../c", "/a/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/a%2Fb%5Cc", "/a%2Fb%5Cc"),
            ("/a//b", "/a//b"),
            ("/?", "/?"),
            ("/a?x=/../%2e", "/a?x=/../%2e"),
            ("/x/..", "/"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%2fb", "/a%2Fb"),
        ] {
            client.send(get(sent));
            let origin = origin.get_or_insert_with(|| s.accept("a"));
            assert_eq!(origin.request().target(), forwarded);
            origin.send(OK);
            client.reply();
        }
        for hidden in [
            "/admin/x",
            "/%61dmin/x",
            "/x/../admin/x",
            "/x/%2e%2e/admin",
            "/./admin",
        ] {
            client.send(get(hidden));
            assert_eq!(client.reply().status(), 403, "{hidden}");
        }
    })
}

#[test]
fn escapes_match_in_either_case() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config(
                "routes:\n- {path: /a%2Fb, respond: {body: upper}}\n\
                 - {path: /c%2fd, respond: {body: lower}}\n\
                 - {path: /café, respond: {body: plain}}",
            )
            .start();
        let mut client = s.client();
        for (target, body) in [
            ("/a%2Fb", "upper"),
            ("/a%2fb", "upper"),
            ("/c%2Fd", "lower"),
            ("/c%2fd", "lower"),
            ("/caf%C3%A9", "plain"),
            ("/caf%c3%a9", "plain"),
        ] {
            client.send(get(target));
            assert_eq!(client.reply().text(), body, "{target}");
        }
    })
}

#[test]
fn targets_are_rewritten() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config(
            "routes:\n\
             - {path: /api/v1/*, service: a, strip_prefix: /api/v1}\n\
             - {path: \"/user/{id}/x\", service: a, rewrite: {path: \"/u/{id}\", host: users.internal}}\n\
             - {path: /old/*, service: a, rewrite: {path: /new/*}}\n\
             - {path: /re/*, service: a, rewrite: {regex: \"^/re/([a-z]+)/(.*)$\", to: \"/$2/$1\"}}\n",
        ).start();
        for (sent, forwarded) in [
            ("/api/v1/users/7?x=1", "/users/7?x=1"),
            ("/api/v1", "/"),
            ("/api/v1/", "/"),
            ("/user/7/x", "/u/7"),
            ("/old/a/b?q", "/new/a/b?q"),
            ("/re/abc/d/e", "/d/e/abc"),
        ] {
            let mut client = s.client();
            client.send(get(sent));
            let (_origin, request) = s.origin("a").answer(OK);
            assert_eq!(request.target(), forwarded, "{sent}");
            let prefix = sent.starts_with("/api").then_some("/api/v1");
            assert_eq!(request.field("x-forwarded-prefix"), prefix);
            let host = if sent.starts_with("/user") {
                "users.internal"
            } else {
                "h"
            };
            assert_eq!(request.field("host"), Some(host));
            assert_eq!(request.field("x-forwarded-host"), Some("h"));
            client.reply();
        }
    })
}

#[test]
fn redirects_are_answered_here() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config(
                "routes:\n\
             - {path: /old/*, redirect: {path: /new/*, status: 308}}\n\
             - {path: /bare/*, redirect: {path: /*}}\n\
             - {path: /*, redirect: {scheme: https, host: new.example}}\n",
            )
            .start();
        let mut client = s.client();
        client.send("GET /old/a?b=c HTTP/1.1\r\nHost: h:81\r\n\r\n");
        let reply = client.reply();
        assert_eq!(reply.status(), 308);
        assert_eq!(reply.field("location"), Some("http://h:81/new/a?b=c"));
        assert_eq!(reply.field("x-corelane-outcome"), Some("local_reply"));
        client.send(get("/x"));
        let reply = client.reply();
        assert_eq!(
            (reply.status(), reply.field("location")),
            (302, Some("https://new.example/x"))
        );
        // Nobody knows where this is; what is left of the path must not pass for a host.
        for (target, location) in [
            ("/old/a", "/new/a"),
            ("/bare//evil.example", "/.//evil.example"),
        ] {
            let mut client = s.client();
            client.send(format!("GET {target} HTTP/1.0\r\n\r\n"));
            assert_eq!(client.reply().field("location"), Some(location));
        }
    })
}

#[test]
fn replies_are_made_here() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).config(
            "routes:\n\
             - {path: /text, respond: {status: 418, body: \"short and stout\", headers: {Content-Type: text/plain}}}\n\
             - {path: /none, respond: {status: 204}, response_headers: {set: {X-Set: yes}}}\n",
        ).start();
        let mut client = s.client();
        client.send(get("/text"));
        let reply = client.reply();
        assert_eq!((reply.status(), reply.text()), (418, "short and stout"));
        assert_eq!(reply.field("content-type"), Some("text/plain"));
        assert_eq!(reply.field("x-corelane-outcome"), Some("local_reply"));
        client.send("HEAD /text HTTP/1.1\r\nHost: h\r\n\r\n");
        let reply = client.reply_to_head();
        assert_eq!(
            (reply.status(), reply.field("content-length")),
            (418, Some("15"))
        );
        client.send(get("/none"));
        let reply = client.reply();
        assert_eq!((reply.status(), reply.field("content-length")), (204, None));
        assert_eq!(reply.field("x-set"), Some("yes"));
        client.send(get("/text"));
        assert_eq!(client.reply().status(), 418, "the connection is in step");
    })
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").config(
            "routes: [{path: /x, methods: [GET, PUT], service: a}, {path: /y, methods: [POST], service: a}]",
        ).start();
        let mut client = s.client();
        client.send("DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n");
        let reply = client.reply();
        reply.assert_local(405, "method_not_allowed");
        let mut allowed: Vec<_> = reply.field("allow").unwrap().split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "PUT"]);
        client.send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
        s.origin("a").answer(OK);
        assert_eq!(client.reply_to_head().status(), 200);
        client.send(get("/z"));
        client.reply().assert_local(404, "no_route");
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn a_refusal_of_head_has_no_body() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).start();
        let mut client = s.client();
        client.send("HEAD /z HTTP/1.1\r\nHost: h\r\n\r\n");
        let reply = client.reply_to_head();
        assert_eq!(
            (reply.status(), reply.field("x-corelane-outcome")),
            (404, Some("no_route"))
        );
        client.send(get("/z"));
        client.reply().assert_local(404, "no_route");
    })
}

#[test]
fn hosts_headers_and_queries_choose() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .origin("a")
            .origin("b")
            .origin("c")
            .origin("d")
            .config(
                "routes:\n\
             - {path: /*, service: a}\n\
             - {path: /*, host: b.example, service: b}\n\
             - {path: /*, headers: {X-Version: \"2\"}, service: c}\n\
             - {path: /*, query: {debug: \"1\"}, service: d}\n",
            )
            .start();
        for name in ["a", "b", "c", "d"] {
            s.serve(name, move |_| ok(name));
        }
        let mut client = s.client();
        for (request, service) in [
            (GET, "a"),
            ("GET / HTTP/1.1\r\nHost: B.example:80\r\n\r\n", "b"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX-Version: 2\r\n\r\n", "c"),
            ("GET / HTTP/1.1\r\nHost: h\r\nX-Version: 3\r\n\r\n", "a"),
            ("GET /?a=b&debug=%31 HTTP/1.1\r\nHost: h\r\n\r\n", "d"),
        ] {
            client.send(request);
            assert_eq!(client.reply().text(), service, "{request}");
        }
    })
}

#[test]
fn routes_may_be_for_one_listener_only() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).config(
            "listeners: [{address: 127.0.0.1:0, name: public}, {address: 127.0.0.2:0, name: inside}]\n\
             routes: [{path: /secret, listeners: [inside], respond: {body: secret}}]",
        ).start();
        let mut inside = s.client_of("inside");
        inside.send(get("/secret"));
        assert_eq!(inside.reply().text(), "secret");
        let mut public = s.client_of("public");
        public.send(get("/secret"));
        public.reply().assert_local(404, "no_route");
    })
}

#[test]
fn weights_are_exact_over_all_workers() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io).workers(2).origin("a").origin("b").config(
            "routes: [{path: /*, weights: [{service: a, weight: 95}, {service: b, weight: 5}]}]",
        ).start();
        s.serve("a", |_| ok("a"));
        s.serve("b", |_| ok("b"));
        let mut clients: Vec<_> = (0..8).map(|_| s.client()).collect();
        let mut canary = 0;
        for round in 0..1000 {
            let client = &mut clients[round % 8];
            client.send(GET);
            canary += usize::from(client.reply().text() == "b");
        }
        assert!((49..=51).contains(&canary), "{canary} of 1000");
    })
}
