//! The requests that the demo suggests. Each works as it is printed.

use std::fmt::Write as _;

use crate::run::Ready;

/// What a request shows, and curl's arguments for it; `{gateway}` and `{admin}` are addresses.
const REQUESTS: [(&str, &str); 9] = [
    (
        "a prefix is stripped on the way",
        "http://{gateway}/api/v1/users/42",
    ),
    (
        "GET alone is routed, so this is a 405",
        "-i -X DELETE http://{gateway}/api/v1/products/7",
    ),
    (
        "a body goes up",
        "-d '{\"item\": 7}' http://{gateway}/api/v1/orders",
    ),
    (
        "a slow answer; beyond the route's 30s it is a 504",
        "'http://{gateway}/api/v1/orders/9?delay=2s'",
    ),
    (
        "a header picks another service",
        "-H 'X-API-Version: 2' http://{gateway}/api/v1/users/42",
    ),
    (
        "so does a language",
        "-H 'Accept-Language: fr-CH, en;q=0.5' http://{gateway}/content/welcome",
    ),
    (
        "one in twenty goes to version 2",
        "http://{gateway}/api/v1/payments/1",
    ),
    (
        "what a request would meet",
        "-H 'X-Corelane-Admin: 1' -d '{\"method\": \"GET\", \"url\": \"/api/v1/users/42\"}' http://{admin}/explain",
    ),
    ("numbers, for Prometheus", "http://{admin}/metrics"),
];

/// The text that greets whoever starts the demo.
pub(super) fn text(ready: &Ready) -> String {
    let gateway = ready.listeners.first().map_or("", |bound| &bound.address);
    let admin = ready.admin.map(|address| address.to_string());
    let admin = admin.unwrap_or_default(); // the demo's configuration has one of each
    let mut text = format!(
        "\nThis is corelane, a gateway on http://{gateway}/\n\
         Its dashboard is on http://{admin}/\n\nTry, in another terminal:\n"
    );
    for (what, arguments) in REQUESTS {
        let arguments = arguments
            .replace("{gateway}", gateway)
            .replace("{admin}", &admin);
        // Writing to memory does not fail.
        let _never_fails = write!(text, "\n  # {what}\n  curl {arguments}\n");
    }
    text.push_str("\nThe access log is on standard output. Ctrl-C ends the demo.\n");
    text
}
