//! The whole configuration, and its small sections.

use super::DELAY;
use super::{ROUTE, SERVICE};
use crate::limits::{self, MAX_LISTENERS, MAX_ROUTES, MAX_SERVICES, MAX_TESTS};
use crate::schema::{Key, Kind, Object, Range, planned_word, some_up_to, up_to, word};

pub(crate) static TOP: Object = Object {
    name: "a configuration",
    title: "The whole",
    about: "A configuration is one or more YAML documents: in one file, in several, or in a \
            directory of them. Documents merge in the order of the files: lists append, mappings \
            merge, and a scalar that is set twice must be set to the same value.\n\
            \n\
            Unknown keys are errors, and so are keys of features that this version has not. Keys \
            that begin with `x-` are yours: anchors can be kept there. `yes`, `no`, `on` and \
            `off` are text, as YAML 1.2 has it. Sizes are written `64KiB`, `1MiB` or as bytes; \
            durations `250ms`, `30s`, `5m` or `1h`.",
    example: r#"listeners:
  - address: 127.0.0.1:8080
services:
  user-service:
    endpoints: [127.0.0.1:8001]
routes:
  - path: /api/v1/users/*
    service: user-service
    strip_prefix: /api/v1
"#,
    open: false,
    keys: &[
        Key::new(
            "runtime",
            Kind::Object(&RUNTIME),
            "Workers, driver and drain.",
        ),
        Key::new(
            "listeners",
            Kind::List(&Kind::Object(&LISTENER), some_up_to(MAX_LISTENERS)),
            "Where clients come in.",
        )
        .default("one on `127.0.0.1:8080`"),
        Key::new(
            "trusted_proxies",
            Kind::List(
                &Kind::Text("a network such as `10.0.0.0/8`"),
                up_to(100_000),
            ),
            "Networks whose X-Forwarded-For, X-Request-ID and the like are believed.",
        ),
        Key::new(
            "services",
            Kind::Map("a service's name", &Kind::Object(&SERVICE), MAX_SERVICES),
            "Who answers requests.",
        ),
        Key::new(
            "routes",
            Kind::List(&Kind::Object(&ROUTE), up_to(MAX_ROUTES)),
            "Which requests go where.",
        ),
        Key::new(
            "limits",
            Kind::Object(&limits::OBJECT),
            "Every bound that may be set.",
        ),
        Key::new("admin", Kind::Object(&ADMIN), "The admin API.").default("none"),
        Key::new(
            "access_log",
            Kind::Object(&ACCESS_LOG),
            "Where a record of every exchange goes.",
        )
        .default("none"),
        Key::new(
            "via",
            Kind::Text("a name or `off`"),
            "The name that Via gives this proxy (RFC 9110 §7.6.3), or `off`.",
        )
        .default("`corelane`"),
        Key::new(
            "underscores",
            Kind::Choice(&[word("drop"), word("keep")]),
            "What happens to request fields and trailers with `_` in their name: `X_User_ID` must \
             not pass for `X-User-ID`.",
        )
        .default("`drop`"),
        Key::new(
            "preserve_request_id",
            Kind::Bool,
            "Whether X-Request-ID is kept from every client, and not from trusted proxies alone.",
        )
        .default("`false`"),
        Key::new(
            "tests",
            Kind::List(&Kind::Object(&TEST), up_to(MAX_TESTS)),
            "Requests with what should become of them; `corelane check` runs them.",
        ),
        Key::new("auth", Kind::Planned("authentication"), "Who a client is."),
        Key::new(
            "api_keys",
            Kind::Planned("API keys"),
            "Keys that clients present.",
        ),
        Key::new(
            "rate_limits",
            Kind::Planned("rate limits"),
            "How often a client may ask.",
        ),
        Key::new(
            "cache",
            Kind::Planned("caching"),
            "Which responses are kept.",
        ),
        Key::new(
            "aggregate",
            Kind::Planned("aggregation"),
            "Responses made from several.",
        ),
        Key::new(
            "transcode",
            Kind::Planned("transcoding"),
            "JSON for gRPC services.",
        ),
        Key::new(
            "mesh",
            Kind::Planned("the mesh"),
            "Sidecars and identities.",
        ),
        Key::new(
            "discovery",
            Kind::Planned("discovery"),
            "Endpoints that come and go.",
        ),
        Key::new(
            "telemetry",
            Kind::Planned("telemetry export"),
            "Traces and metrics sent away.",
        ),
        Key::new(
            "apiVersion",
            Kind::Planned("Istio and Kubernetes objects"),
            "The version of an object.",
        ),
        Key::new(
            "kind",
            Kind::Planned("Istio and Kubernetes objects"),
            "The kind of an object.",
        ),
        Key::new(
            "metadata",
            Kind::Planned("Istio and Kubernetes objects"),
            "The name of an object.",
        ),
        Key::new(
            "spec",
            Kind::Planned("Istio and Kubernetes objects"),
            "The content of an object.",
        ),
        Key::new(
            "http",
            Kind::Planned("Istio's VirtualService rules"),
            "Rules of an anonymous VirtualService.",
        ),
        Key::new(
            "tcp",
            Kind::Planned("TCP routing"),
            "TCP rules of an anonymous VirtualService.",
        ),
        Key::new(
            "tls",
            Kind::Planned("TLS"),
            "TLS rules of an anonymous VirtualService.",
        ),
    ],
};

pub(crate) static RUNTIME: Object = Object {
    name: "runtime",
    title: "runtime",
    about: "How the process runs.",
    example: r#"runtime:
  workers: 2
  io: auto
  drain_timeout: 30s
"#,
    open: false,
    keys: &[
        Key::new(
            "workers",
            Kind::Integer(Range::new(1, 1024)),
            "Worker threads.",
        )
        .default("one per CPU that the process may use"),
        Key::new("pin", Kind::Bool, "Whether each worker stays on one CPU.")
            .default("when the process owns its CPUs"),
        Key::new(
            "io",
            Kind::Choice(&[word("auto"), word("uring"), word("epoll")]),
            "The driver; `auto` is io_uring, or epoll where the kernel refuses it.",
        )
        .default("`auto`"),
        Key::new(
            "balance",
            Kind::Choice(&[word("handoff"), word("reuseport")]),
            "How a connection finds its worker: `handoff` gives it to the least loaded one before \
             the first read, `reuseport` leaves it to the kernel's hash.",
        )
        .default("`handoff`"),
        Key::new(
            "drain_timeout",
            Kind::Duration(DELAY),
            "How long a drain waits for requests and tunnels before it cuts them.",
        )
        .default("`30s`"),
        Key::new(
            "drain_delay",
            Kind::Duration(DELAY),
            "How long listeners go on accepting after a drain has begun, so that load balancers \
             notice.",
        )
        .default("`0s`"),
        Key::new(
            "defer_taskrun",
            Kind::Bool,
            "Whether rings use IORING_SETUP_DEFER_TASKRUN.",
        )
        .default("`false`"),
    ],
};

pub(crate) static LISTENER: Object = Object {
    name: "a listener",
    title: "listeners",
    about: "An address that clients connect to. Every listener serves all routes, but for those \
            that name their listeners. Port 0 asks the kernel for a port, which the program \
            prints.",
    example: r#"listeners:
  - address: 0.0.0.0:80
    name: public
  - address: unix:/run/corelane.sock
    protocol: http1
"#,
    open: false,
    keys: &[
        Key::new(
            "address",
            Kind::Text("`address:port` or `unix:/path`"),
            "What is bound: `127.0.0.1:8080`, `[::]:8080` or `unix:/path`.",
        )
        .required(),
        Key::new(
            "name",
            Kind::Text("a name"),
            "What routes, logs and metrics call it.",
        )
        .default("the address"),
        Key::new(
            "protocol",
            Kind::Choice(&[
                word("auto"),
                word("http1"),
                planned_word("http2"),
                planned_word("tcp"),
            ]),
            "What is spoken; `auto` is every protocol that this version has, told apart by the \
             first bytes.",
        )
        .default("`auto`"),
        Key::new(
            "service",
            Kind::Planned("TCP proxying"),
            "Where the bytes of a `tcp` listener go.",
        ),
        Key::new(
            "proxy_protocol",
            Kind::Planned("the PROXY protocol"),
            "Whether connections begin with a PROXY header.",
        ),
        Key::new(
            "tls",
            Kind::Planned("TLS"),
            "Certificates and client authentication.",
        ),
    ],
};

pub(crate) static ADMIN: Object = Object {
    name: "admin",
    title: "admin",
    about: "The admin API: health, metrics, the effective configuration, reload. It has no \
            authentication, so keep it on the loopback or behind something that has.",
    example: r#"admin:
  address: 127.0.0.1:9901
"#,
    open: false,
    keys: &[Key::new("address", Kind::Text("`address:port`"), "Where it listens.").required()],
};

pub(crate) static ACCESS_LOG: Object = Object {
    name: "access_log",
    title: "access_log",
    about: "A record of every exchange. A text format is literal but for `{field}`, where a field \
            is one of: time, request_id, trace_id, generation, worker, client, listener, \
            protocol, method, host, path, route, service, endpoint, status, outcome, bytes_in, \
            bytes_out, duration_ms, upstream_ms, attempts, user_agent. Write `{{` and `}}` for \
            braces.",
    example: r#"access_log:
  path: /var/log/corelane/access.log
  format: "{client} {method} {path} {status} {duration_ms}"
"#,
    open: false,
    keys: &[
        Key::new(
            "path",
            Kind::Text("`stdout`, `stderr` or a path"),
            "Where records go.",
        )
        .default("`stdout`"),
        Key::new(
            "format",
            Kind::Text("`json` or a text with `{field}`s"),
            "The shape of a record.",
        )
        .default("`json`"),
    ],
};

pub(crate) static TEST: Object = Object {
    name: "a test",
    title: "tests",
    about: "A request and what should become of it. `corelane check` runs them all without \
            touching a port, so that a wrong route fails before it is deployed.",
    example: r#"tests:
  - request: GET /api/v1/users/7
    headers: {Host: api.example.com}
    expect: {service: user-service, upstream_path: /users/7}
  - request: GET http://api.example.com/nowhere
    expect: {status: 404}
"#,
    open: false,
    keys: &[
        Key::new(
            "request",
            Kind::Text("`METHOD URL`"),
            "The method and the URL, a path or absolute.",
        )
        .required(),
        Key::new(
            "name",
            Kind::Text("a name"),
            "What a failure is reported under.",
        )
        .default("the request"),
        Key::new(
            "headers",
            Kind::Map("a field's name", &Kind::Text("a field value"), 100),
            "Request fields; Host may be among them.",
        ),
        Key::new(
            "client_ip",
            Kind::Text("an address"),
            "Where the client is.",
        )
        .default("`127.0.0.1`"),
        Key::new(
            "listener",
            Kind::Text("a listener's name"),
            "Which listener it comes in by.",
        )
        .default("the first"),
        Key::new(
            "expect",
            Kind::Object(&EXPECT),
            "What should become of it; at least one key.",
        )
        .required(),
    ],
};

pub(crate) static EXPECT: Object = Object {
    name: "expect",
    title: "tests: expect",
    about: "What a test compares; what is left out is not compared.",
    example: r#"tests:
  - request: GET /api/v1/users/7
    expect:
      route: /api/v1/users/*
      service: user-service
      upstream_path: /users/7
"#,
    open: false,
    keys: &[
        Key::new(
            "route",
            Kind::Text("a route's name"),
            "The route that wins.",
        ),
        Key::new(
            "service",
            Kind::Text("a service's name"),
            "A service that the route forwards to.",
        ),
        Key::new(
            "subset",
            Kind::Text("a subset's name"),
            "A subset that the route forwards to.",
        ),
        Key::new(
            "upstream_path",
            Kind::Text("a path"),
            "The path, without query, that the service sees.",
        ),
        Key::new(
            "upstream_host",
            Kind::Text("a host"),
            "The Host that the service sees.",
        ),
        Key::new(
            "status",
            Kind::Integer(Range::new(200, 599)),
            "The status of an answer that the gateway gives itself: a redirect, a `respond`, 404 \
             or 405.",
        ),
        Key::new(
            "location",
            Kind::Text("a URL"),
            "The Location of a redirect.",
        ),
    ],
};
