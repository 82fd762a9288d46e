//! Readings and settled defaults that show in the snapshot rather than in where a request goes; the
//! others are the cases `reading_*.yaml` of `accept/`.

use std::net::SocketAddr;
use std::time::Duration;

use corelane_config::{
    Action, Balance, Captures, EndpointAddress, FormatPart, Io, Limits, ListenAddress, LogField,
    LogFormat, LogPath, PathRewrite, Protocol, RedirectFrom, Underscores, Weighted, WorkerBalance,
};

use crate::support::{load, loader};

const SERVICE: &str = "services: {s: {endpoints: [127.0.0.1:1]}}\n";

#[test]
fn reading_5_a_timeout_is_a_total_and_there_is_none_unless_somebody_writes_it() {
    let config = load(&format!(
        "{SERVICE}routes: [{{path: /a, service: s, timeout: 30s}}, {{path: /b, service: s}}]"
    ));
    let routes = &config.snapshot().routes;
    assert_eq!(routes[0].timeout, Some(Duration::from_secs(30)));
    assert_eq!(routes[1].timeout, None);
    assert_eq!(
        config.snapshot().limits.response_timeout,
        Duration::ZERO,
        "no hidden total"
    );
}

#[test]
fn reading_6_a_service_resolves_in_services_or_not_at_all() {
    let text = format!(
        "{SERVICE}routes:\n  - {{path: /a, service: users}}\n  - {{path: /b, service: orders}}\n"
    );
    let errors = loader()
        .from_yaml("test.yaml", &text)
        .expect_err("it must not load");
    assert_eq!(
        errors.to_string(),
        "test.yaml:3:25: routes[0].service: no service `users`; \
         add it under `services`, which has s\n\
         test.yaml:4:25: routes[1].service: no service `orders`; \
         add it under `services`, which has s"
    );
}

#[test]
fn readings_44_and_45_trust_comes_from_the_configuration_alone() {
    let plain = load(SERVICE);
    assert!(
        plain.snapshot().trusted_proxies.is_empty(),
        "nobody is trusted by default"
    );
    assert!(!plain.snapshot().preserve_request_id);
    let config = load(&format!(
        "{SERVICE}trusted_proxies: [10.0.0.0/8, '2001:db8::/32']\npreserve_request_id: true\n"
    ));
    let snapshot = config.snapshot();
    for (address, trusted) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("11.0.0.1", false),
        ("2001:db8::1", true),
    ] {
        let address = address.parse().expect("an address");
        assert_eq!(
            snapshot.trusted_proxies.contains(address),
            trusted,
            "{address}"
        );
    }
    assert!(snapshot.preserve_request_id);
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_contract() {
    let config = load(SERVICE);
    let snapshot = config.snapshot();
    let [listener] = &snapshot.listeners[..] else {
        panic!("one listener")
    };
    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    assert_eq!(listener.address, ListenAddress::Tcp(address));
    assert_eq!(
        (&*listener.name, listener.protocol),
        ("127.0.0.1:8080", Protocol::Auto)
    );
    assert_eq!(snapshot.admin, None);
    assert_eq!(snapshot.access_log, None);
    assert_eq!(snapshot.via.as_deref(), Some("corelane"));
    assert_eq!(snapshot.underscores, Underscores::Drop);
    let runtime = &snapshot.runtime;
    assert_eq!(
        (runtime.workers, runtime.pin, runtime.defer_taskrun),
        (None, None, false)
    );
    assert_eq!(
        (runtime.io, runtime.balance),
        (Io::Auto, WorkerBalance::Handoff)
    );
    assert_eq!(runtime.drain_timeout, Duration::from_secs(30));
    assert_eq!(runtime.drain_delay, Duration::ZERO);
    assert_eq!(snapshot.limits, Limits::default());
    let service = &snapshot.services[0];
    assert_eq!(service.balance, Balance::RoundRobin);
    assert_eq!(service.connect_timeout, Duration::from_secs(5));
    assert_eq!(config.warnings()[0].message, "no routes");
}

#[test]
fn limits_have_the_deadlines_of_the_contract_and_zero_means_as_much_as_can_be_had() {
    let limits = Limits::default();
    assert_eq!(limits.request_head_timeout, Duration::from_secs(10));
    assert_eq!(
        (limits.body_min_rate, limits.body_rate_window),
        (240, Duration::from_secs(10))
    );
    assert_eq!(limits.keepalive_timeout, Duration::from_secs(75));
    assert_eq!(limits.connect_timeout, Duration::from_secs(5));
    let all_zero: String = corelane_config::limits::LIMITS
        .iter()
        .map(|limit| format!("  {}: 0\n", limit.name))
        .collect();
    let config = load(&format!("{SERVICE}limits:\n{all_zero}"));
    let limits = &config.snapshot().limits;
    assert_eq!(limits.request_body_bytes, 0, "no bound stays 0");
    assert_eq!(limits.connections, 0);
    assert_eq!(limits.response_timeout, Duration::ZERO);
    assert_eq!(
        limits.request_head_bytes,
        1024 * 1024,
        "memory is never without a bound"
    );
    assert_eq!(limits.request_head_timeout, Duration::from_secs(3600));
}

#[test]
fn a_service_takes_the_limit_for_connecting_unless_it_has_its_own() {
    let config = load(
        "
limits: {connect_timeout: 2s}
services: {a: {endpoints: [127.0.0.1:1]}, b: {endpoints: [127.0.0.1:1], connect_timeout: 50ms}}
",
    );
    let timeouts: Vec<u128> = config
        .snapshot()
        .services
        .iter()
        .map(|s| s.connect_timeout.as_millis())
        .collect();
    assert_eq!(timeouts, [2000, 50]);
}

#[test]
fn every_address_of_a_name_becomes_an_endpoint_that_keeps_the_name() {
    let config = load(
        "
services:
  s:
    endpoints: [two.test:80, {address: '[::1]:81', weight: 3}, unix:/run/s.sock]
    subsets: {blue: {endpoints: [127.0.0.1:82]}, green: {endpoints: [127.0.0.1:83]}}
",
    );
    let service = config.snapshot().service_named("s").expect("it is there");
    let endpoints: Vec<(String, &str, u32, Option<u32>)> = service
        .endpoints
        .iter()
        .map(|e| {
            (
                e.address.to_string(),
                &*e.name,
                e.weight,
                e.subset.map(|id| id.0),
            )
        })
        .collect();
    let row = |address: &str, name, weight, subset| (address.to_owned(), name, weight, subset);
    assert_eq!(
        endpoints,
        [
            row("127.0.0.1:82", "127.0.0.1:82", 1, Some(0)),
            row("127.0.0.1:83", "127.0.0.1:83", 1, Some(1)),
            row("192.0.2.1:80", "two.test:80", 1, None),
            row("192.0.2.2:80", "two.test:80", 1, None),
            row("[::1]:81", "[::1]:81", 3, None),
            row("unix:/run/s.sock", "unix:/run/s.sock", 1, None),
        ]
    );
    assert!(matches!(
        service.endpoints[5].address,
        EndpointAddress::Unix(_)
    ));
    let green = service.subset_named("green").expect("it is there");
    assert_eq!(service.subsets[green.index()].endpoints, [1]);
}

#[test]
fn weights_are_proportional_to_their_sum() {
    let config = load(
        "
services: {a: {endpoints: [127.0.0.1:1]}, b: {endpoints: [127.0.0.1:2]}}
routes: [{path: /, weights: [{service: a, weight: 19}, {service: b}]}]
",
    );
    let Action::Forward {
        to,
        total_weight,
        path,
        host,
    } = &config.snapshot().routes[0].action
    else {
        panic!("it forwards")
    };
    let weights: Vec<u32> = to.iter().map(|Weighted { weight, .. }| *weight).collect();
    assert_eq!((weights, *total_weight), (vec![19, 1], 20));
    assert!(matches!(path, PathRewrite::Keep) && host.is_none());
}

#[test]
fn a_redirect_keeps_the_port_only_where_scheme_and_host_stay() {
    let config = load(
        "
routes:
  - {path: /same, redirect: {path: /x}}
  - {path: /scheme, redirect: {scheme: https}}
  - {path: /host, redirect: {host: b.test}}
  - {path: /port, redirect: {port: 81}}
",
    );
    let location = |route: usize, authority: &str| {
        let route = &config.snapshot().routes[route];
        let Action::Redirect(redirect) = &route.action else {
            panic!("it redirects")
        };
        let path = route.matcher.path.as_str().as_bytes();
        let from = RedirectFrom {
            scheme: "http",
            authority: authority.as_bytes(),
            path,
            query: Some(b"q=1"),
        };
        let mut out = Vec::new();
        redirect.location(from, &route.matcher, &Captures::new(), &mut out);
        String::from_utf8(out).expect("text")
    };
    assert_eq!(location(0, "a.test:8080"), "http://a.test:8080/x?q=1");
    assert_eq!(location(0, "[::1]:8080"), "http://[::1]:8080/x?q=1");
    assert_eq!(location(0, "[::1]"), "http://[::1]/x?q=1");
    assert_eq!(location(1, "a.test:8080"), "https://a.test/scheme?q=1");
    assert_eq!(location(1, "[::1]:8080"), "https://[::1]/scheme?q=1");
    assert_eq!(location(2, "a.test:8080"), "http://b.test/host?q=1");
    assert_eq!(location(3, "a.test:8080"), "http://a.test:81/port?q=1");
    assert_eq!(location(3, "[::1]"), "http://[::1]:81/port?q=1");
}

#[test]
fn edits_keep_their_order_and_names_their_case() {
    let config = load(&format!(
        "{SERVICE}routes:
  - path: /
    service: s
    upgrade: [My-Protocol/2, websocket]
    request_headers: {{remove: [X-B, x-a], set: {{X-Z: '1', x-y: ''}}, add: {{X-Z: '2'}}}}
"
    ));
    let route = &config.snapshot().routes[0];
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let pairs = |list: &[(Box<[u8]>, corelane_config::Value)]| -> Vec<String> {
        list.iter()
            .map(|(n, v)| format!("{}={}", text(n), text(v.as_bytes())))
            .collect()
    };
    let edits = &route.request_edits;
    let removed: Vec<String> = edits.remove.iter().map(|name| text(name)).collect();
    assert_eq!(removed, ["x-b", "x-a"]);
    assert_eq!(pairs(&edits.set), ["X-Z=1", "x-y="]);
    assert_eq!(pairs(&edits.add), ["X-Z=2"]);
    assert!(route.response_edits.is_empty());
    assert_eq!(route.upgrade, ["my-protocol/2".into(), "websocket".into()]);
}

#[test]
fn an_answer_with_a_body_has_a_content_type() {
    let config = load(
        "
routes:
  - {path: /a, respond: {body: hello}}
  - {path: /b, respond: {body: '{}', headers: {content-type: application/json}}}
  - {path: /c, respond: {status: 204}}
",
    );
    let types: Vec<Vec<String>> = config
        .snapshot()
        .routes
        .iter()
        .map(|route| {
            let Action::Respond { headers, .. } = &route.action else {
                panic!("it responds")
            };
            let text = |(_, value): &(_, corelane_config::Value)| {
                String::from_utf8(value.as_bytes().to_vec()).expect("text")
            };
            headers.iter().map(text).collect()
        })
        .collect();
    assert_eq!(
        types,
        [
            vec!["text/plain; charset=utf-8"],
            vec!["application/json"],
            vec![]
        ]
    );
}

#[test]
fn filters_are_given_the_rest_of_their_entry() {
    let config = load(&format!(
        "{SERVICE}routes:
  - path: /
    service: s
    filters: [{{use: api-key, seen_max: 1000, on: yes, deep: [1.5, {{a: null}}, true, -3]}}]
"
    ));
    let [filter] = &config.snapshot().routes[0].filters[..] else {
        panic!("one filter")
    };
    assert_eq!(&*filter.name, "api-key");
    assert_eq!(
        filter.config,
        serde_json::json!({"seen_max": 1000, "on": "yes", "deep": [1.5, {"a": null}, true, -3]})
    );
    assert_eq!(filter.place.to_string(), "test.yaml:5:15");
}

#[test]
fn the_access_log_goes_to_standard_output_as_json_unless_told_otherwise() {
    let log = |text: &str| {
        let config = load(&format!("{SERVICE}access_log: {text}\n"));
        config.snapshot().access_log.clone().expect("configured")
    };
    let plain = log("{}");
    assert_eq!(
        (plain.path, plain.format),
        (LogPath::Stdout, LogFormat::Json)
    );
    let other = log("{path: /var/log/a.log, format: '{method} {status}'}");
    assert_eq!(other.path, LogPath::File("/var/log/a.log".into()));
    let parts = [
        FormatPart::Field(LogField::Method),
        FormatPart::Literal(" ".into()),
        FormatPart::Field(LogField::Status),
    ];
    assert_eq!(other.format, LogFormat::Text(parts.into()));
}

#[test]
fn yaml_1_2_booleans_and_numbers_as_they_are_written() {
    let config = load(&format!(
        "{SERVICE}via: off\nroutes: [{{path: /, service: s, headers: {{X-A: 1.10, X-B: yes}}}}]\n"
    ));
    assert_eq!(
        config.snapshot().via,
        None,
        "`off` is a word here, not a boolean"
    );
    let values: Vec<String> = config.snapshot().routes[0]
        .matcher
        .headers
        .iter()
        .map(|condition| condition.value.to_string())
        .collect();
    assert_eq!(values, ["is `1.10`", "is `yes`"]);
}

#[test]
fn the_effective_configuration_hides_what_may_be_a_credential() {
    let config = load(
        "
x-mine: {token: t0}
services:
  token-service: {endpoints: [127.0.0.1:1]}
routes:
  - path: /
    service: token-service
    headers: {X-API-Key: s1, X-Plain: shown, Cookie: {prefix: s2}}
    query: {access_token: s3, q: shown}
    request_headers: {set: {Authorization: Bearer s4, X-Tenant: shown}, add: {Set-Cookie: s5}}
    filters: [{use: shown, anything: s6, deep: {a: s7}}]
tests:
  - {request: GET /, headers: {authorization: s8}, expect: {status: 200}}
",
    );
    let text = config.snapshot().masked.to_string();
    for secret in ["t0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    assert_eq!(text.matches("shown").count(), 4, "{text}");
    assert!(
        text.contains("127.0.0.1:1"),
        "a service's name hides nothing"
    );
    let masked = &config.snapshot().masked;
    assert_eq!(masked["limits"]["request_head_timeout"], "10s");
    assert_eq!(masked["listeners"][0]["address"], "127.0.0.1:8080");
    assert_eq!(masked["runtime"]["io"], "auto");
}
