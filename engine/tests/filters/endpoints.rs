//! Endpoints that are set while the gateway runs.

use std::net::SocketAddr;

use corelane_engine::Endpoint;

use crate::scenario::{GET, Io, Plan, Scenario, get, ok, on_both_drivers};

/// A gateway on two workers with three origins that say their names; `s` has the first.
fn gateway(io: Io) -> Plan {
    Scenario::on(io)
        .workers(2)
        .origin("a")
        .origin("b")
        .origin("c")
        .config(
            "services: {s: {endpoints: [$a], subsets: {v2: {endpoints: [$c]}}}}\n\
             routes:\n- {path: /*, service: s}\n\
             - {path: /v2, weights: [{service: s, subset: v2, weight: 1}]}",
        )
}

fn start(plan: Plan) -> Scenario {
    let mut s = plan.start();
    for name in ["a", "b", "c"] {
        s.serve(name, move |_| ok(name));
    }
    s
}

fn endpoint(s: &Scenario, origin: &str) -> Endpoint {
    let address: SocketAddr = s.origin(origin).address.parse().unwrap();
    Endpoint::from(address)
}

/// Who answers `count` requests, on connections of their own, sorted.
fn answers(s: &Scenario, target: &str, count: usize) -> String {
    let ask = |_| {
        let mut client = s.client();
        client.send(get(target));
        client.reply().text().to_owned()
    };
    let mut answers: Vec<String> = (0..count).map(ask).collect();
    answers.sort();
    answers.concat()
}

#[test]
fn endpoints_change_without_a_new_generation() {
    on_both_drivers(|io| {
        let s = start(gateway(io));
        let handle = s.handle();
        assert!(answers(&s, "/", 8).contains('a'));
        handle.set_endpoints("s", [endpoint(&s, "b")]).unwrap();
        assert_eq!(answers(&s, "/", 8), "bbbbbbbb");
        assert_eq!(handle.endpoints("s"), Ok(Some(vec![endpoint(&s, "b")])));
        handle
            .set_endpoints("s", [endpoint(&s, "a"), endpoint(&s, "b").with_weight(0)])
            .unwrap();
        assert_eq!(answers(&s, "/", 8), "aaaaaaaa");
        assert_eq!(handle.generation().unwrap().number, 1);
        handle.reset_endpoints("s").unwrap();
        assert_eq!(handle.endpoints("s"), Ok(None));
        let configured = answers(&s, "/", 8);
        assert!(
            configured.contains('a') && configured.contains('c'),
            "{configured}"
        );
    });
}

#[test]
fn no_endpoint_is_a_503_until_there_is_one() {
    on_both_drivers(|io| {
        let s = start(gateway(io));
        s.handle().set_endpoints("s", []).unwrap();
        let mut client = s.client();
        client.send(GET);
        client.reply().assert_local(503, "no_endpoint");
        s.handle().set_endpoints("s", [endpoint(&s, "b")]).unwrap();
        client.send(GET);
        assert_eq!(client.reply().text(), "b");
    });
}

#[test]
fn they_stay_through_a_reload() {
    on_both_drivers(|io| {
        let s = start(gateway(io));
        s.handle().set_endpoints("s", [endpoint(&s, "b")]).unwrap();
        assert_eq!(
            s.publish("services: {s: {endpoints: [$c]}}\nroutes: [{path: /*, service: s}]"),
            Ok(2)
        );
        assert_eq!(answers(&s, "/", 8), "bbbbbbbb");
        s.handle().reset_endpoints("s").unwrap();
        assert_eq!(answers(&s, "/", 8), "cccccccc");
    });
}

#[test]
fn they_may_be_of_a_subset() {
    on_both_drivers(|io| {
        let s = start(gateway(io));
        let both = [endpoint(&s, "a"), endpoint(&s, "b").in_subset("v2")];
        s.handle().set_endpoints("s", both).unwrap();
        assert_eq!(answers(&s, "/v2", 4), "bbbb");
        let all = answers(&s, "/", 8);
        assert!(
            all.contains('a') && all.contains('b') && !all.contains('c'),
            "{all}"
        );
    });
}

#[test]
fn a_request_under_way_ends_where_it_is() {
    on_both_drivers(|io| {
        let s = gateway(io).workers(1).start();
        s.handle().set_endpoints("s", [endpoint(&s, "a")]).unwrap();
        let mut client = s.client();
        client.send(GET);
        let mut origin = s.accept("a");
        origin.request();
        s.handle().set_endpoints("s", [endpoint(&s, "b")]).unwrap();
        let mut other = s.client();
        other.send(GET);
        s.origin("b").answer(ok("b"));
        assert_eq!(other.reply().text(), "b");
        origin.send(ok("a"));
        assert_eq!(client.reply().text(), "a");
        // And its connection is of no use any more.
        origin.expect_end();
    });
}

#[test]
fn what_cannot_be_changes_nothing() {
    on_both_drivers(|io| {
        let s = start(gateway(io));
        let handle = s.handle();
        let told = |service: &str, endpoints: Vec<Endpoint>| {
            handle
                .set_endpoints(service, endpoints)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(told("nobody", vec![]), "no service is called `nobody`");
        assert!(told("s", vec![endpoint(&s, "b"), endpoint(&s, "b")]).ends_with("comes twice"));
        assert!(told("s", vec![endpoint(&s, "b").in_subset("v3")]).contains("subset `v3`"));
        assert!(answers(&s, "/", 4).contains('a'));
        assert!(handle.reset_endpoints("nobody").is_err());
    });
}
