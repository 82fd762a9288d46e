//! Every bound that is built in, hit once: at the bound a text loads, one beyond it does not.

use std::net::SocketAddr;

use corelane_config::{ConfigErrors, Loader, limits::FIXED};

use crate::support::{load, loader};

const SERVICE: &str = "services: {s: {endpoints: [127.0.0.1:1]}}\n";

fn most(name: &str) -> usize {
    FIXED
        .iter()
        .find(|bound| bound.name == name)
        .expect(name)
        .value
}

/// So many texts, each made from its number, with commas between them.
fn many(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(", ")
}

fn refuse(text: &str) -> ConfigErrors {
    loader()
        .from_yaml("bound.yaml", text)
        .expect_err("it is beyond the bound")
}

/// `text(most)` loads and `text(most + 1)` is refused with `message`.
#[track_caller]
fn check(name: &str, text: impl Fn(usize) -> String, message: &str) {
    let most = most(name);
    load(&text(most));
    let errors = refuse(&text(most + 1));
    assert_eq!(errors.0[0].message, message, "{name}: {errors}");
}

#[test]
fn lists_and_mappings_end_at_their_bound() {
    check(
        "listeners",
        |n| {
            format!(
                "listeners: [{}]",
                many(n, |i| format!("{{address: '127.0.0.1:{}'}}", i + 1))
            )
        },
        "65 entries, and the most is 64",
    );
    check(
        "conditions of a route",
        |n| {
            let headers = many(n / 2, |i| format!("h{i}: a"));
            let query = many(n - n / 2, |i| format!("q{i}: a"));
            format!(
                "routes: [{{path: /, headers: {{{headers}}}, query: {{{query}}}, respond: {{}}}}]"
            )
        },
        "more than 32 conditions on fields and query",
    );
    check(
        "header edits of a route, of one kind",
        |n| {
            let set = many(n, |i| format!("h{i}: a"));
            format!("routes: [{{path: /, respond: {{}}, response_headers: {{set: {{{set}}}}}}}]")
        },
        "65 entries, and the most is 64",
    );
    check(
        "tests",
        |n| {
            let tests = many(n, |i| {
                format!("{{request: GET /{i}, expect: {{status: 404}}}}")
            });
            format!("{SERVICE}tests: [{tests}]")
        },
        "10001 entries, and the most is 10000",
    );
    check(
        "endpoints of a service",
        |n| {
            format!(
                "services: {{s: {{endpoints: [{}]}}}}",
                many(n, |i| format!("unix:/{i}"))
            )
        },
        "10001 entries, and the most is 10000",
    );
}

#[test]
fn patterns_end_at_their_bound() {
    let route = |path: &str| format!("routes: [{{path: '{path}', respond: {{}}}}]");
    check(
        "segments of a route's path",
        |n| route(&"/a".repeat(n)),
        "a path of more than 64 segments",
    );
    check(
        "`{name}` captures of a path",
        |n| route(&(0..n).map(|i| format!("/{{n{i}}}")).collect::<String>()),
        "more than 16 captures in one path",
    );
    check(
        "bytes of a pattern",
        |n| route(&format!("/{}", "a".repeat(n - 1))),
        "a path of more than 8192 bytes",
    );
    let regex = |text: &str| format!("routes: [{{path: {{regex: '{text}'}}, respond: {{}}}}]");
    check(
        "bytes of a pattern",
        |n| {
            // The anchors around it count too.
            regex(&"a".repeat(n - r"\A(?:)\z".len()))
        },
        "a regex of more than 8192 bytes",
    );
    check(
        "regexes",
        |n| {
            let routes = many(n, |i| format!("{{path: {{regex: 'r{i}'}}, respond: {{}}}}"));
            format!("routes: [{routes}]")
        },
        "1001 paths are regexes, and the most is 1000",
    );
}

#[test]
fn methods_have_a_bit_each_and_head_comes_with_get() {
    let text = |n: usize| {
        let methods = many(n, |i| format!("M{i}"));
        format!(
            "routes: [{{path: /, methods: [GET], respond: {{}}}}, {{path: /m, methods: [{methods}], respond: {{}}}}]"
        )
    };
    load(&text(61));
    let errors = refuse(&text(62));
    assert_eq!(
        errors.0[0].message,
        "64 different methods, and the most is 63"
    );
}

#[test]
fn a_body_in_the_configuration_is_small() {
    check(
        "bytes of a respond body",
        |n| {
            format!(
                "routes: [{{path: /, respond: {{body: {}}}}}]",
                "a".repeat(n)
            )
        },
        "1048577 bytes, and the most is 1048576",
    );
}

#[test]
fn a_name_with_very_many_addresses_is_refused() {
    let addresses = |count: u16| {
        Loader::with_resolver(move |_, _| {
            Ok((1..=count)
                .map(|port| SocketAddr::from(([192, 0, 2, 1], port)))
                .collect())
        })
    };
    let text = "services: {s: {endpoints: [many.test:80]}}";
    let config = addresses(256)
        .from_yaml("bound.yaml", text)
        .expect("it is at the bound");
    assert_eq!(config.snapshot().services[0].endpoints.len(), 256);
    let errors = addresses(257)
        .from_yaml("bound.yaml", text)
        .expect_err("one too many");
    assert_eq!(
        errors.0[0].message,
        "`many.test` has 257 addresses, and the most is 256"
    );
}

#[test]
fn a_file_that_is_wrong_everywhere_does_not_fill_the_screen_for_ever() {
    let errors = refuse(&(0..1_005).map(|i| format!("k{i}: 1\n")).collect::<String>());
    assert_eq!(errors.0.len(), most("problems reported") + 1);
    let last = errors.0.last().expect("not empty").to_string();
    assert_eq!(last, "configuration: and 5 problems more");
}
