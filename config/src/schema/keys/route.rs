//! Routes: what a request must be, and what becomes of it.

use super::{TIMEOUT, WEIGHT};
use crate::limits::{MAX_CONDITIONS, MAX_EDITS, MAX_METHODS};
use crate::schema::{Key, Kind, Object, Range, some_up_to, up_to, word};

/// A value to compare: the text itself, or another way of comparing.
const COMPARED: Kind = Kind::Either(&Kind::Text("text"), &Kind::Object(&MATCH));

pub(crate) static ROUTE: Object = Object {
    name: "a route",
    title: "routes",
    about: "Which requests go where. A route matches as a whole: host, path, methods, fields and \
            query. Of the routes that match, one wins:\n\
            \n\
            1. the one with the most specific host: exact, then `*.` wildcard (the longest \
            first), then none;\n\
            2. the one with the most specific path: exact, then with `{name}` or an inner `*`, \
            then a `/*` prefix, then a regex; among equals the one with more literal segments, \
            then the one with more segments; regexes in the order of the documents;\n\
            3. the one with more conditions (methods, listeners, and each field and parameter \
            count one);\n\
            4. the earlier one.\n\
            \n\
            `/a/*` matches `/a`, `/a/` and everything below, but not `/ab`. `*` and `{name}` \
            within a path match one segment that is not empty. The path is compared in its \
            normalised form as the client sent it, before any rewrite; the query never takes \
            part.\n\
            \n\
            A route that fails on its method alone is passed over; when nothing else matches, \
            the answer is 405 with Allow. GET lets HEAD in.\n\
            \n\
            `service`, `weights`, `redirect` and `respond` exclude each other, and one of them \
            must be there.",
    example: r#"routes:
  - path: /api/v1/users/*
    service: user-service
    strip_prefix: /api/v1
  - path: /api/v1/orders/{id}
    methods: [GET]
    headers: {X-API-Version: "2"}
    service: order-service
    timeout: 30s
  - path: /old/*
    redirect: {status: 301, path: /new/*}
"#,
    open: false,
    keys: &[
        Key::new(
            "path",
            Kind::Either(&Kind::Text("a path"), &Kind::Object(&PATH)),
            "What the path must be: `/exact`, `/prefix/*`, `/with/{name}`, or `{regex: …}` for \
             the whole path.",
        )
        .required(),
        Key::new(
            "name",
            Kind::Text("a name"),
            "What logs, metrics and tests call it.",
        )
        .default("the path"),
        Key::new(
            "host",
            Kind::Text("a host"),
            "What the Host must be: `api.example.com` or `*.example.com`; its port does not \
             count.",
        )
        .default("any"),
        Key::new(
            "methods",
            Kind::List(&Kind::Text("a method"), some_up_to(MAX_METHODS)),
            "Which methods; GET lets HEAD in.",
        )
        .default("all"),
        Key::new(
            "headers",
            Kind::Map("a field's name", &COMPARED, MAX_CONDITIONS),
            "What fields must be; one of several values will do. A plain Accept-Language is \
             matched as RFC 4647 §3.4 looks languages up, among the routes with the same host, \
             path and methods.",
        ),
        Key::new(
            "query",
            Kind::Map("a parameter's name", &COMPARED, MAX_CONDITIONS),
            "What query parameters must be, decoded; one of several values will do.",
        ),
        Key::new(
            "listeners",
            Kind::List(&Kind::Text("a listener's name"), some_up_to(64)),
            "Which listeners serve it.",
        )
        .default("all"),
        Key::new(
            "service",
            Kind::Text("a service's name"),
            "The service that it goes to.",
        ),
        Key::new(
            "subset",
            Kind::Text("a subset's name"),
            "Only this part of `service`.",
        ),
        Key::new(
            "weights",
            Kind::List(&Kind::Object(&WEIGHTED), some_up_to(1_000)),
            "Several services, in proportion to their weights.",
        ),
        Key::new(
            "redirect",
            Kind::Object(&REDIRECT),
            "Send the client elsewhere.",
        ),
        Key::new("respond", Kind::Object(&RESPOND), "Answer here."),
        Key::new(
            "strip_prefix",
            Kind::Text("a path"),
            "Taken off the path before the service sees it; must be the beginning of `path`. What \
             is left is never empty. The service is told in X-Forwarded-Prefix.",
        ),
        Key::new(
            "rewrite",
            Kind::Object(&REWRITE),
            "What the service sees as path and Host.",
        ),
        Key::new(
            "timeout",
            Kind::Duration(TIMEOUT),
            "From the request's head to the end of the response (504); for streams, to the \
             response's head.",
        )
        .default("none"),
        Key::new(
            "response_timeout",
            Kind::Duration(TIMEOUT),
            "From the request's end to the response's head (504).",
        )
        .default("`limits.response_timeout`"),
        Key::new(
            "idle_timeout",
            Kind::Duration(TIMEOUT),
            "Between two reads of the response body.",
        )
        .default("`limits.upstream_idle_timeout`"),
        Key::new(
            "request_headers",
            Kind::Object(&EDITS),
            "Edits of the request's fields.",
        ),
        Key::new(
            "response_headers",
            Kind::Object(&EDITS),
            "Edits of the response's fields.",
        ),
        Key::new(
            "upgrade",
            Kind::List(&Kind::Text("an upgrade token"), up_to(16)),
            "Upgrade tokens that are forwarded besides `websocket`.",
        ),
        Key::new(
            "filters",
            Kind::List(&Kind::Object(&FILTER), up_to(64)),
            "An embedder's filters, in order.",
        ),
        Key::new("auth", Kind::Planned("authentication"), "Who may come in."),
        Key::new(
            "require",
            Kind::Planned("authorisation"),
            "Which roles, scopes and claims are needed.",
        ),
        Key::new(
            "retries",
            Kind::Planned("retries"),
            "Whether a failed request is tried again.",
        ),
        Key::new(
            "fault",
            Kind::Planned("fault injection"),
            "Delays and aborts on purpose.",
        ),
        Key::new(
            "mirror",
            Kind::Planned("mirroring"),
            "A second service that gets a copy.",
        ),
        Key::new("cors", Kind::Planned("CORS"), "Which origins may read."),
        Key::new(
            "compress",
            Kind::Planned("compression"),
            "Whether responses are compressed.",
        ),
        Key::new(
            "limits",
            Kind::Planned("limits of a route"),
            "Bounds for this route alone.",
        ),
    ],
};

pub(crate) static PATH: Object = Object {
    name: "a path in long form",
    title: "routes: path",
    about: "A regex that the whole normalised path must match. Matching takes time linear in the \
            path, whatever the regex; look-around and back-references do not exist.",
    example: r#"routes:
  - path: {regex: '/legacy/[a-z]+\.php'}
    service: order-service
"#,
    open: false,
    keys: &[Key::new(
        "regex",
        Kind::Text("a regex"),
        "The regex, anchored at both ends.",
    )
    .required()],
};

pub(crate) static MATCH: Object = Object {
    name: "a comparison",
    title: "routes: headers and query",
    about: "How a value is compared. The short form is the text that it must equal. One key.",
    example: r#"routes:
  - path: /api/*
    headers:
      X-API-Version: "2"
      User-Agent: {prefix: curl/}
      X-Trace: {present: true}
    query:
      debug: {regex: '[0-9]+'}
    service: user-service
"#,
    open: false,
    keys: &[
        Key::new("exact", Kind::Text("text"), "Equal to this."),
        Key::new("prefix", Kind::Text("text"), "Begins with this."),
        Key::new(
            "regex",
            Kind::Text("a regex"),
            "The whole value matches this.",
        ),
        Key::new(
            "present",
            Kind::Bool,
            "Whether it must be there or must not.",
        ),
    ],
};

pub(crate) static WEIGHTED: Object = Object {
    name: "a weight",
    title: "routes: weights",
    about: "A service with its share. Shares are proportional to the sum of the weights, which \
            need not be 100 but must not be 0.",
    example: r#"routes:
  - path: /pay/*
    weights:
      - {service: payment-service, subset: v1, weight: 95}
      - {service: payment-service, subset: v2, weight: 5}
"#,
    open: false,
    keys: &[
        Key::new("service", Kind::Text("a service's name"), "The service.").required(),
        Key::new(
            "subset",
            Kind::Text("a subset's name"),
            "Only this part of it.",
        ),
        Key::new("weight", Kind::Integer(WEIGHT), "Its share; 0 takes none.").default("`1`"),
    ],
};

pub(crate) static REDIRECT: Object = Object {
    name: "a redirect",
    title: "routes: redirect",
    about: "Sends the client elsewhere. What is left out stays as the request had it, so at least \
            one of `scheme`, `host`, `port` and `path` must be there.",
    example: r#"routes:
  - path: /users/{id}
    redirect: {status: 308, scheme: https, path: "/v2/users/{id}"}
"#,
    open: false,
    keys: &[
        Key::new(
            "status",
            Kind::Choice(&[
                word("301"),
                word("302"),
                word("303"),
                word("307"),
                word("308"),
            ]),
            "301 and 308 are kept by clients; 307 and 308 keep the method.",
        )
        .default("`302`"),
        Key::new(
            "scheme",
            Kind::Choice(&[word("http"), word("https")]),
            "The scheme.",
        )
        .default("the request's"),
        Key::new("host", Kind::Text("a host"), "The host, without port.").default("the request's"),
        Key::new("port", Kind::Integer(Range::new(1, 65_535)), "The port.")
            .default("the request's; with `scheme` or `host`, the scheme's own"),
        Key::new(
            "path",
            Kind::Text("a path with `{name}`s"),
            "The path, in which `{name}` is a capture of the route's path and a trailing `/*` \
             what its own `/*` matched.",
        )
        .default("the request's"),
        Key::new(
            "query",
            Kind::Choice(&[word("keep"), word("drop")]),
            "What becomes of the query.",
        )
        .default("`keep`"),
    ],
};

pub(crate) static RESPOND: Object = Object {
    name: "a response",
    title: "routes: respond",
    about: "An answer that the gateway gives itself. Larger content belongs to a service.",
    example: r#"routes:
  - path: /up
    respond:
      body: '{"up": true}'
      headers: {Content-Type: application/json}
"#,
    open: false,
    keys: &[
        Key::new("status", Kind::Integer(Range::new(200, 599)), "The status.").default("`200`"),
        Key::new("body", Kind::Text("text"), "The body.").default("empty"),
        Key::new(
            "headers",
            Kind::Map("a field's name", &Kind::Text("a field value"), MAX_EDITS),
            "The fields.",
        )
        .default("`Content-Type: text/plain; charset=utf-8` when there is a body"),
    ],
};

pub(crate) static REWRITE: Object = Object {
    name: "a rewrite",
    title: "routes: rewrite",
    about: "What the service sees. `path` replaces the whole path; `regex` and `to` replace its \
            first match. The result always begins with `/` and has no dot segments. The query \
            stays.",
    example: r#"routes:
  - path: /users/{id}/*
    service: user-service
    rewrite: {path: "/v2/people/{id}/*", host: users.internal}
  - path: /cgi/*
    service: order-service
    rewrite: {regex: '^/cgi/(.*)\.php$', to: /scripts/$1}
"#,
    open: false,
    keys: &[
        Key::new(
            "path",
            Kind::Text("a path with `{name}`s"),
            "The path, in which `{name}` is a capture of the route's path and a trailing `/*` what \
             its own `/*` matched.",
        ),
        Key::new(
            "regex",
            Kind::Text("a regex"),
            "What is replaced; not anchored.",
        ),
        Key::new(
            "to",
            Kind::Text("text with `$1`s"),
            "By what: `$1` and `${name}` are groups of `regex`, `$$` is a dollar sign.",
        ),
        Key::new(
            "host",
            Kind::Text("a host, with or without a port"),
            "The Host.",
        )
        .default("the client's"),
    ],
};

pub(crate) static EDITS: Object = Object {
    name: "header edits",
    title: "routes: request_headers and response_headers",
    about: "Changes to fields, in this order: remove, set, add. Fields that frame a message or \
            belong to one connection (Connection, Content-Length, Transfer-Encoding, Upgrade and \
            the like) are the gateway's own, and the Host is set with `rewrite.host`.",
    example: r#"routes:
  - path: /api/*
    service: user-service
    request_headers:
      remove: [X-Debug]
      set: {X-Tenant: acme}
    response_headers:
      add: {X-Served-By: edge}
"#,
    open: false,
    keys: &[
        Key::new(
            "remove",
            Kind::List(&Kind::Text("a field's name"), up_to(MAX_EDITS)),
            "Fields to remove.",
        ),
        Key::new(
            "set",
            Kind::Map("a field's name", &Kind::Text("a field value"), MAX_EDITS),
            "Fields that have this one value afterwards.",
        ),
        Key::new(
            "add",
            Kind::Map("a field's name", &Kind::Text("a field value"), MAX_EDITS),
            "Field lines to add.",
        ),
    ],
};

pub(crate) static FILTER: Object = Object {
    name: "a filter",
    title: "routes: filters",
    about: "A filter that the embedding program brings. Every other key belongs to the filter and \
            is checked by it.",
    example: r#"routes:
  - path: /api/*
    service: user-service
    filters:
      - {use: api-key, seen_max: 1000}
"#,
    open: true,
    keys: &[Key::new("use", Kind::Text("a filter's name"), "Which filter.").required()],
};
