//! What the demo's services know, and how they answer: pure functions from what a service saw to
//! what it says. Every answer repeats the request as it came, so that the gateway's work shows.

use std::time::Duration;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

/// The services, by the names that the demo's configuration uses.
pub(super) const NAMES: [&str; 9] = [
    "user-service",
    "product-service",
    "order-service",
    "api-v2-service",
    "notification-service",
    "content-service",
    "french-content-service",
    "payment-service-v1",
    "payment-service-v2",
];

/// The longest delay that a request may ask for: longer than the orders' timeout, so that the
/// timeout can be seen.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// Fields that answers repeat.
const SHOWN: [&str; 13] = [
    "host",
    "user-agent",
    "accept-language",
    "content-type",
    "content-length",
    "x-api-version",
    "x-request-id",
    "x-request-start",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "via",
];

/// A request as a service saw it.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Headers,
    pub(super) body_bytes: u64,
}

/// Fields, their names in lower case. Only those that are worth a look are shown.
#[derive(Debug, Default)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.iter();
        let shown = fields.filter(|(name, _)| SHOWN.contains(&&**name));
        serializer.collect_map(shown.map(|(name, value)| (name, value)))
    }
}

/// What a service says.
#[derive(Debug)]
pub(super) struct Answer<'s> {
    pub(super) status: u16,
    service: &'s str,
    /// What was asked for, and what it is.
    entry: (&'static str, Value),
    saw: &'s Seen,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("service", self.service)?;
        map.serialize_entry(self.entry.0, &self.entry.1)?;
        map.serialize_entry("saw", self.saw)?;
        map.end()
    }
}

/// How the service of this name answers.
pub(super) fn answer<'s>(service: &'s str, seen: &'s Seen) -> Answer<'s> {
    let created = seen.method == "POST";
    Answer {
        status: if created { 201 } else { 200 },
        service,
        entry: entry(service, seen),
        saw: seen,
    }
}

/// How long a request asks its service to wait: `?delay=2s` or `?delay=250ms`.
pub(super) fn delay(query: &str) -> Duration {
    let asked = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("delay="));
    let delay = asked.and_then(|text| match text.strip_suffix("ms") {
        Some(number) => number.parse().ok().map(Duration::from_millis),
        None => text
            .strip_suffix('s')?
            .parse()
            .ok()
            .map(Duration::from_secs),
    });
    delay.unwrap_or_default().min(LONGEST_DELAY)
}

fn entry(service: &str, seen: &Seen) -> (&'static str, Value) {
    let id = id(&seen.path);
    match service {
        "user-service" => ("user", json!({"id": id, "name": format!("User {id}")})),
        "product-service" => (
            "product",
            json!({"id": id, "name": format!("Product {id}"), "price": "12.50"}),
        ),
        "order-service" => ("order", json!({"id": id, "state": "paid", "items": 3})),
        "payment-service-v1" => ("payment", json!({"id": id, "version": 1})),
        "payment-service-v2" => ("payment", json!({"id": id, "version": 2})),
        "notification-service" => (
            "notifications",
            json!([{"id": id, "text": "Your order is on its way"}]),
        ),
        "content-service" => ("text", "Welcome".into()),
        "french-content-service" => ("text", "Bienvenue".into()),
        _ => ("api", json!({"version": 2, "id": id})),
    }
}

/// The last segment of a path.
fn id(path: &str) -> &str {
    path.rsplit('/')
        .find(|segment| !segment.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_the_thing_asked_for_and_what_was_seen() {
        let field = |name: &str| (name.to_owned(), "v".to_owned());
        let seen = Seen {
            method: "GET".to_owned(),
            path: "/users/42".to_owned(),
            headers: Headers(vec![field("x-request-id"), field("authorization")]),
            ..Seen::default()
        };
        let answer = answer("user-service", &seen);
        assert_eq!(answer.status, 200);
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"service":"user-service","user":{"id":"42","name":"User 42"},"saw":{"method":"GET","path":"/users/42","query":"","headers":{"x-request-id":"v"},"body_bytes":0}}"#
        );
    }

    #[test]
    fn delays_are_read_and_bounded() {
        for (query, millis) in [
            ("", 0),
            ("delay=2s", 2_000),
            ("a=b&delay=250ms", 250),
            ("delay=99999999999999s", 60_000),
            ("delay=99999999999999999999s", 0),
            ("delay=-1s", 0),
            ("delay=soon", 0),
        ] {
            assert_eq!(delay(query), Duration::from_millis(millis), "{query}");
        }
    }
}
