//! A lookup allocates nothing: counted by an allocator of its own, which is why this is a binary of
//! its own. Every kind of route and condition is asked once before, to let regexes build their
//! caches, and then counted.

#![expect(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use corelane_config::{Captures, Lookup, RequestView};

#[cfg(test)]
mod support;

struct Counting;

thread_local! {
    /// Per thread, so that what the test runner does elsewhere does not count.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONFIG: &str = r#"
services: {s: {endpoints: [127.0.0.1:1]}}
routes:
  - {path: /exact/path, service: s}
  - {path: /prefix/*, service: s, strip_prefix: /prefix}
  - {path: "/users/{id}/orders/{order}", service: s, rewrite: {path: "/o/{order}/{id}"}}
  - {path: /cond, headers: {X-A: one}, query: {q: "a b"}, service: s}
  - {path: /cond, headers: {X-B: {regex: "[0-9]+"}}, service: s}
  - {path: /cond, headers: {X-C: {prefix: p}}, methods: [PUT], service: s}
  - {path: /lang/*, headers: {Accept-Language: fr}, service: s}
  - {path: /lang/*, headers: {Accept-Language: en}, service: s}
  - {path: /*, host: api.example.com, service: s}
  - {path: /*, host: "*.example.com", service: s}
  - {path: {regex: "/re/[a-z]+/.*"}, service: s}
  - {path: /only, methods: [POST], service: s}
"#;

#[test]
fn neither_a_lookup_nor_the_path_that_it_leads_to_allocates() {
    let config = support::load(CONFIG);
    let snapshot = config.snapshot();
    let requests = requests();
    let mut captures = Captures::new();
    let mut path = Vec::with_capacity(1024);
    let mut found = Vec::with_capacity(requests.len());
    for round in 0..3 {
        found.clear();
        for request in &requests {
            let before = COUNT.get();
            let lookup = snapshot.table.lookup(request, &mut captures);
            if let Lookup::Route(id) = lookup {
                path.clear();
                snapshot
                    .route(id)
                    .upstream_path(request.path(), &captures, &mut path);
            }
            found.push(lookup);
            let allocations = COUNT.get() - before;
            assert!(
                round == 0 || allocations == 0,
                "{allocations} for {request:?}"
            );
        }
    }
    let routed = found
        .iter()
        .filter(|lookup| matches!(lookup, Lookup::Route(_)))
        .count();
    assert_eq!(routed, requests.len() - 2, "{found:?}");
    let before = COUNT.get();
    drop(vec![0_u8; 10]);
    assert!(COUNT.get() > before, "the allocator counts");
}

fn requests() -> Vec<support::Request> {
    let new = support::Request::new;
    let with = |mut request: support::Request, name: &str, value: &str| {
        request.headers.push((name.to_owned(), value.to_owned()));
        request
    };
    let at = |mut request: support::Request, host: &str| {
        request.host = host.to_owned();
        request
    };
    vec![
        new("GET", "/exact/path"),
        new("GET", "/prefix/a/b?c=d"),
        new("GET", "/users/7/orders/8"),
        with(new("GET", "/cond?x=1&q=a+b"), "x-a", "one"),
        with(new("GET", "/cond"), "x-b", "12"),
        with(new("PUT", "/cond"), "x-c", "prefixed"),
        with(
            new("GET", "/lang/a"),
            "accept-language",
            "de, fr-FR;q=0.8, en;q=0.5",
        ),
        at(new("GET", "/anything"), "API.Example.com."),
        at(new("GET", "/anything"), "deep.er.example.com"),
        new("GET", "/re/abc/def"),
        new("GET", "/only"),
        new("GET", "/nowhere"),
    ]
}
