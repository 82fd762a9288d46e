//! Configurations that change under load: each request is served by one of them as a whole.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::scenario::{GET, OK, Scenario, Stopping, Wire, eventually, get, ok, on_both_drivers};

/// Two configurations that contradict each other in everything that can be seen.
fn contradiction(generation: &str) -> String {
    format!(
        "routes:\n\
         - {{path: /here, respond: {{body: {generation}}}, response_headers: {{set: {{X-Generation: {generation}}}}}}}\n\
         - path: /*\n\
         \x20 service: {generation}\n\
         \x20 request_headers: {{set: {{X-Asked: {generation}}}}}\n\
         \x20 response_headers: {{set: {{X-Generation: {generation}}}}}\n"
    )
}

/// Asks until told to stop; each reply must be of one generation. How many there were.
fn ask(mut client: Wire, target: &str, stop: &AtomicBool) -> usize {
    let mut served = 0;
    while !stop.load(Ordering::Relaxed) {
        client.send(get(target));
        let reply = client.reply();
        assert_eq!(reply.status(), 200, "{reply:?}");
        assert_eq!(reply.field("x-generation"), Some(reply.text()));
        served += 1;
    }
    served
}

#[test]
fn a_thousand_reloads_under_load_mix_nothing_and_lose_nothing() {
    on_both_drivers(|io| {
        let mut s = Scenario::on(io)
            .workers(2)
            .origin("one")
            .origin("two")
            .config(&contradiction("one"))
            .start();
        for name in ["one", "two"] {
            s.serve(name, move |request| {
                assert_eq!(request.field("x-asked"), Some(name));
                ok(name)
            });
        }
        let configs = ["one", "two"].map(|name| s.read(&contradiction(name)));
        let stop = AtomicBool::new(false);
        let served: usize = std::thread::scope(|scope| {
            let clients: Vec<_> = ["/here", "/there", "/there"]
                .map(|target| (s.client(), target))
                .into_iter()
                .map(|(client, target)| scope.spawn(|| ask(client, target, &stop)))
                .collect();
            let stopping = Stopping(&stop);
            for round in 0..1000 {
                s.handle().publish(&configs[(round + 1) % 2]).unwrap();
            }
            drop(stopping);
            clients
                .into_iter()
                .map(|client| client.join().unwrap())
                .sum()
        });
        assert!(served > 100, "{served}");
        assert_eq!(s.handle().generation().unwrap().number, 1001);
    })
}

#[test]
fn a_request_ends_on_the_configuration_on_which_it_began() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .origin("one")
            .origin("two")
            .config(&contradiction("one"))
            .start();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("one");
        assert_eq!(origin.request().field("x-asked"), Some("one"));
        s.publish(&contradiction("two")).unwrap();
        origin.send(OK);
        assert_eq!(client.reply().field("x-generation"), Some("one"));
        client.send(GET);
        s.origin("two").answer(OK);
        assert_eq!(client.reply().field("x-generation"), Some("two"));
    })
}

#[test]
fn connections_survive_a_reload() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s.origin("a").answer(OK);
        client.reply();
        s.publish("routes: [{path: /*, service: a, response_headers: {set: {X-New: yes}}}]")
            .unwrap();
        client.send(GET);
        origin.request();
        origin.send(OK);
        assert_eq!(client.reply().field("x-new"), Some("yes"));
        assert!(s.origin("a").is_untouched(), "the pool was kept");
    })
}

#[test]
fn connections_to_an_endpoint_that_is_gone_are_closed() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").origin("b").start();
        let mut client = s.client();
        client.send(GET);
        let (mut origin, _) = s.origin("a").answer(OK);
        client.reply();
        s.publish("services: {b: {endpoints: [$b]}}\nroutes: [{path: /*, service: b}]")
            .unwrap();
        // Nobody has to ask for it: the idle client's connection does not hold the old generation.
        origin.expect_end();
        client.send(GET);
        s.origin("b").answer(OK);
        client.reply();
    })
}

#[test]
fn a_tunnel_survives_the_end_of_its_route() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client
            .send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        let (mut origin, _) = s.origin("a").answer(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        client.reply_head();
        s.publish("services: {}\nroutes: [{path: /*, respond: {status: 404}}]")
            .unwrap();
        client.send("x");
        origin.expect("x").send("y");
        client.expect("y");
    })
}

#[test]
fn a_configuration_that_cannot_be_served_changes_nothing() {
    on_both_drivers(|io| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let s = Scenario::on(io)
            .config("routes: [{path: /*, respond: {body: old}}]")
            .start();
        let new = |address: &str| {
            format!(
                "listeners: [{{address: \"127.0.0.1:0\"}}, {{address: \"127.0.0.2:0\", name: new}}, {{address: \"{address}\", name: taken}}]\n\
             routes: [{{path: /*, respond: {{body: new}}}}]",
            )
        };
        let error = s.publish(&new(&address.to_string())).unwrap_err();
        let told = format!("listener taken on {address}: ");
        assert!(error.starts_with(&told), "{error}");
        assert_eq!(s.handle().generation().unwrap().number, 1);
        assert_eq!(s.handle().listeners().len(), 1);
        let mut client = s.client();
        client.send(GET);
        assert_eq!(client.reply().text(), "old");
        drop(taken);
        s.publish(&new(&address.to_string())).unwrap();
        client.send(GET);
        assert_eq!(client.reply().text(), "new");
        let mut other = s.client_of("taken");
        other.send(GET);
        assert_eq!(other.reply().text(), "new");
    })
}

#[test]
fn a_listener_may_get_another_name() {
    on_both_drivers(|io| {
        let named = |name: &str| {
            format!(
                "listeners: [{{address: \"127.0.0.1:0\", name: {name}}}]\n\
                 routes: [{{path: /*, listeners: [{name}], respond: {{body: {name}}}}}]"
            )
        };
        let s = Scenario::on(io).config(&named("old")).start();
        let before = s.handle().listeners();
        s.publish(&named("new")).unwrap();
        let after = s.handle().listeners();
        assert_eq!((&*before[0].name, &*after[0].name), ("old", "new"));
        assert_eq!(before[0].address, after[0].address);
        let mut client = s.client_of("new");
        client.send(GET);
        assert_eq!(client.reply().text(), "new");
    })
}

#[test]
fn listeners_come_and_go() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).config(
            "listeners: [{address: \"127.0.0.1:0\", name: one}]\nroutes: [{path: /*, respond: {body: x}}]",
        ).start();
        let mut kept = s.client_of("one");
        let old = s.address(0);
        s.publish(
            "listeners: [{address: \"127.0.0.2:0\", name: two}]\nroutes: [{path: /*, respond: {body: y}}]",
        ).unwrap();
        let mut client = s.client_of("two");
        client.send(GET);
        assert_eq!(client.reply().text(), "y");
        kept.send(GET);
        assert_eq!(kept.reply().text(), "y");
        eventually("the old port is closed", || {
            std::net::TcpStream::connect(&old).is_err()
        });
    })
}

#[test]
fn a_connection_stays_with_its_listener_when_listeners_move() {
    on_both_drivers(|io| {
        let config = |listeners: [&str; 2]| {
            let address = |name: &str| {
                if name == "public" {
                    "127.0.0.1:0"
                } else {
                    "127.0.0.2:0"
                }
            };
            let listener = |name| format!("{{address: \"{}\", name: {name}}}", address(name));
            format!(
                "listeners: [{}]\nroutes: [{{path: /secret, listeners: [inside], respond: {{body: secret}}}}]",
                listeners.map(listener).join(", "),
            )
        };
        let s = Scenario::on(io)
            .config(&config(["public", "inside"]))
            .start();
        let (mut public, mut inside) = (s.client_of("public"), s.client_of("inside"));
        for order in [
            ["public", "inside"],
            ["inside", "public"],
            ["public", "inside"],
        ] {
            s.publish(&config(order)).unwrap();
            public.send(get("/secret"));
            public.reply().assert_local(404, "no_route");
            inside.send(get("/secret"));
            assert_eq!(inside.reply().text(), "secret", "{order:?}");
        }
        // One whose listener is gone belongs to none.
        s.publish(
            "listeners: [{address: \"127.0.0.2:0\", name: inside}]\n\
            routes: [{path: /secret, listeners: [inside], respond: {body: secret}}]",
        )
        .unwrap();
        public.send(get("/secret"));
        public.reply().assert_local(404, "no_route");
    })
}

#[test]
fn a_limit_holds_from_the_next_request_on() {
    on_both_drivers(|io| {
        let s = Scenario::on(io)
            .config("limits: {request_fields: 50}")
            .start();
        let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(20));
        let mut client = s.client();
        client.send(&many);
        client.reply().assert_local(404, "no_route");
        s.publish("limits: {request_fields: 10}").unwrap();
        client.send(&many);
        client.reply().assert_local(431, "head_too_large");
    })
}
