//! Services and their endpoints.

use super::{TIMEOUT, WEIGHT};
use crate::limits::MAX_ENDPOINTS;
use crate::schema::{Key, Kind, Object, planned_word, up_to, word};

/// An endpoint, short or long.
const ENDPOINTS: Kind = Kind::List(
    &Kind::Either(
        &Kind::Text("`address:port`, `host:port` or `unix:/path`"),
        &Kind::Object(&ENDPOINT),
    ),
    up_to(MAX_ENDPOINTS),
);

pub(crate) static SERVICE: Object = Object {
    name: "a service",
    title: "services",
    about: "A named set of endpoints. A name such as `users.internal:8001` is resolved when the \
            configuration is loaded, and every address that it has becomes an endpoint: \
            `localhost:8001` is two, `127.0.0.1:8001` and `[::1]:8001`, and if nobody listens on \
            one of them, a request that is refused there is sent to the other. A service needs `endpoints`, `subsets` or both; subsets are parts that routes can choose by \
            name, such as the two sides of a canary.",
    example: r#"services:
  user-service:
    endpoints: [127.0.0.1:8001, {address: 127.0.0.1:8002, weight: 2}]
    connect_timeout: 2s
  payment-service:
    subsets:
      v1: {endpoints: [127.0.0.1:9001]}
      v2: {endpoints: [127.0.0.1:9002]}
"#,
    open: false,
    keys: &[
        Key::new("endpoints", ENDPOINTS, "Where requests go."),
        Key::new(
            "subsets",
            Kind::Map("a subset's name", &Kind::Object(&SUBSET), 1_000),
            "Named parts of the endpoints.",
        ),
        Key::new(
            "balance",
            Kind::Choice(&[
                word("round_robin"),
                word("random"),
                planned_word("least_request"),
                planned_word("p2c_ewma"),
                planned_word("ring_hash"),
                planned_word("maglev"),
            ]),
            "How the next endpoint is picked, in proportion to the weights.",
        )
        .default("`round_robin`"),
        Key::new(
            "protocol",
            Kind::Choice(&[word("http1"), planned_word("http2")]),
            "What the endpoints speak.",
        )
        .default("`http1`"),
        Key::new(
            "connect_timeout",
            Kind::Duration(TIMEOUT),
            "How long a connect may take (504).",
        )
        .default("`limits.connect_timeout`"),
        Key::new(
            "tls",
            Kind::Planned("TLS"),
            "How the endpoints are verified.",
        ),
        Key::new(
            "trafficPolicy",
            Kind::Planned("Istio's traffic policies"),
            "Connection pools and outlier detection in Istio's words.",
        ),
        Key::new(
            "health",
            Kind::Planned("health checks"),
            "Probes of the endpoints.",
        ),
        Key::new(
            "retries",
            Kind::Planned("retries"),
            "Whether a failed request is tried again.",
        ),
    ],
};

pub(crate) static ENDPOINT: Object = Object {
    name: "an endpoint",
    title: "services: endpoints",
    about: "One address of a service. The short form is the address alone.",
    example: r#"services:
  user-service:
    endpoints:
      - 127.0.0.1:8001
      - {address: "[2001:db8::7]:8001", weight: 2}
      - unix:/run/users.sock
"#,
    open: false,
    keys: &[
        Key::new(
            "address",
            Kind::Text("`address:port`, `host:port` or `unix:/path`"),
            "What is connected to.",
        )
        .required(),
        Key::new(
            "weight",
            Kind::Integer(WEIGHT),
            "Its share among its siblings; 0 takes none.",
        )
        .default("`1`"),
    ],
};

pub(crate) static SUBSET: Object = Object {
    name: "a subset",
    title: "services: subsets",
    about: "A named part of a service. Its endpoints are endpoints of the service too.",
    example: r#"services:
  payment-service:
    subsets:
      v1: {endpoints: [127.0.0.1:9001]}
      v2: {endpoints: [127.0.0.1:9002]}
"#,
    open: false,
    keys: &[Key::new("endpoints", ENDPOINTS, "Where requests for this subset go.").required()],
};
