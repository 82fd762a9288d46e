//! What a request would meet, said in advance: [`explain`] takes a request through the functions
//! that the data path uses (head parser, target, path, route table, rewrites, resolved client) and
//! writes down what they answer. The command line and the admin API enter here. It connects to
//! nothing and changes nothing, so it never says which of several targets or endpoints is next.

mod explanation;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use corelane_codec::framing::expects_continue;
use corelane_codec::{
    HeadLimits, HeadScan, Method, Parsed, RequestHead, Target, parse_target, request_body_length,
};
use corelane_config::{Action, Captures, Limits, RedirectFrom, Route, Snapshot, Weighted};

use crate::error::{Error, Kind};
use crate::exchange::Notes;
use crate::identity::resolve_client;
use crate::outcome::Outcome;
use crate::reply::status_of_gateway;
use crate::request::{count_forward, refuse_loop};
use crate::route::{Found, View, judge, read_target};
use crate::service::millis;

pub use explanation::{Answer, Charge, Explanation, RunnerUp, Share, Timeouts};

/// A request as a person writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplainRequest {
    /// The method.
    pub method: String,
    /// `/path?query`, or a whole URL, whose host and port stand in for a missing Host field.
    pub url: String,
    /// Fields, in order.
    pub headers: Vec<(String, String)>,
    /// Whose connection it comes by. The client is somebody else when this is one of
    /// `trusted_proxies` and there is an X-Forwarded-For.
    pub client_ip: Option<IpAddr>,
    /// The name of the listener that it comes in by; the first one unless given.
    pub listener: Option<String>,
}

/// Why something is no question that could be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExplainError {
    /// No listener bears this name.
    Listener(String),
    /// A line break or another control character where it would end the line that it stands in: this
    /// part of the request cannot be sent as written.
    Unsendable(String),
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(name) => write!(f, "no listener is called `{name}`"),
            Self::Unsendable(part) => write!(f, "{part:?} cannot stand in a request"),
        }
    }
}

impl std::error::Error for ExplainError {}

/// Says what a request would meet in `snapshot`. A request that the gateway would refuse is explained
/// like any other, with the refusal as its [`Answer`].
///
/// # Errors
/// When the listener does not exist, or when the request cannot be sent as it is written.
pub fn explain(
    snapshot: &Snapshot,
    generation: u64,
    request: &ExplainRequest,
) -> Result<Explanation, ExplainError> {
    let listener = listener(snapshot, request.listener.as_deref())?;
    let bytes = write_head(request)?;
    let mut explanation = Explanation {
        generation,
        method: request.method.clone(),
        listener: snapshot.listeners[listener].name.to_string(),
        client: request.client_ip,
        ..Explanation::default()
    };
    let (mut head, mut notes) = (RequestHead::new(), Notes::default());
    let read = read_head(&mut head, &bytes, &snapshot.limits)
        .and_then(|()| read_target(&head, &mut notes));
    if let Err(error) = read {
        explanation.answer = Some(refusal(error));
        return Ok(explanation);
    }
    let trusted = &snapshot.trusted_proxies;
    let client = request.client_ip.map(|ip| ip.to_canonical());
    explanation.client = client.map(|ip| resolve_client(ip, &head.fields, trusted));
    explanation.host = (!notes.host().is_empty()).then(|| text(notes.host()));
    explanation.path = Some(text(&notes.path));
    if let Err(error) = refuse_loop(&head.fields, snapshot) {
        explanation.answer = Some(refusal(error));
    } else if count_forward(&mut head) {
        let head = &head;
        let asked = Asked {
            head,
            notes,
            listener,
        };
        look_up(snapshot, &asked, &mut explanation);
    } else {
        explanation.answer = Some(of_gateway(&head));
    }
    Ok(explanation)
}

fn listener(snapshot: &Snapshot, name: Option<&str>) -> Result<usize, ExplainError> {
    let Some(name) = name else {
        return Ok(0); // a snapshot has at least one
    };
    let mut listeners = snapshot.listeners.iter();
    listeners
        .position(|listener| *listener.name == *name)
        .ok_or_else(|| ExplainError::Listener(name.to_owned()))
}

/// The request as a client would send it: a URL's authority goes into Host.
fn write_head(request: &ExplainRequest) -> Result<Vec<u8>, ExplainError> {
    let headers = request.headers.iter();
    let parts = headers.flat_map(|(name, value)| [name, value]);
    for part in [&request.method, &request.url].into_iter().chain(parts) {
        if part
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(ExplainError::Unsendable(part.clone()));
        }
    }
    let method = Method::of(request.method.as_bytes());
    let url = request.url.as_bytes();
    let (host, path, query) = match parse_target(method, url) {
        Ok(Target::Absolute {
            authority,
            path,
            query,
            ..
        }) => (Some(authority), path, query),
        _ => (None, url, None),
    };
    let mut fields = request.headers.iter();
    let named = fields.any(|(name, _)| name.eq_ignore_ascii_case("host"));
    // Without a Host only HTTP/1.0 is sound, and such a request meets the routes for any host.
    let version: &[u8] = match named || host.is_some() {
        true => b" HTTP/1.1\r\n",
        false => b" HTTP/1.0\r\n",
    };
    let query = query.map_or_else(Vec::new, |query| [b"?", query].concat());
    let mut head = [request.method.as_bytes(), b" ", path, &query, version].concat();
    if let (Some(host), false) = (host, named) {
        head.extend([b"Host: ", host, b"\r\n"].concat());
    }
    for (name, value) in &request.headers {
        head.extend(format!("{name}: {value}\r\n").as_bytes());
    }
    head.extend(b"\r\n");
    Ok(head)
}

fn read_head(head: &mut RequestHead, bytes: &[u8], limits: &Limits) -> Result<(), Error> {
    let limits = HeadLimits {
        start_line: limits.request_line_bytes,
        head: limits.request_head_bytes,
        field_line: limits.request_field_bytes,
        fields: limits.request_fields,
    };
    match head.parse(bytes, &mut HeadScan::default(), &limits) {
        Ok(Parsed::Complete { .. }) => {}
        // The head ends with the only empty line in it, so it is complete or faulty.
        Ok(Parsed::Partial) => return Err(Kind::Internal.into()),
        Err(error) => return Err(Kind::Head(error).into()),
    }
    request_body_length(head).map_err(Kind::Framing)?;
    expects_continue(head).map_err(Kind::Framing)?;
    Ok(())
}

/// What is asked for.
struct Asked<'h> {
    head: &'h RequestHead,
    notes: Notes,
    listener: usize,
}

impl<'h> Asked<'h> {
    fn view(&'h self) -> View<'h> {
        View {
            request: self.head,
            host: self.notes.host(),
            path: &self.notes.path,
            query: self.notes.query(),
            listener: self.listener,
        }
    }
}

fn look_up(snapshot: &Snapshot, asked: &Asked<'_>, explanation: &mut Explanation) {
    let explained = snapshot.table.explain(&asked.view());
    let runner_up = |(id, why): (_, corelane_config::Why)| {
        let route = snapshot.route(id);
        RunnerUp {
            route: route.name.to_string(),
            place: route.place.to_string(),
            why: why.to_string(),
        }
    };
    explanation.runners_up = explained.runners_up.into_iter().map(runner_up).collect();
    match judge(explained.winner, &asked.notes.path) {
        Ok(Found::Route(id)) => take_route(snapshot, asked, snapshot.route(id), explanation),
        Ok(Found::Gateway) => explanation.answer = Some(of_gateway(asked.head)),
        Err(error) => explanation.answer = Some(refusal(error)),
        Ok(Found::Allow(methods)) => {
            explanation.answer = Some(Answer {
                allow: Some(snapshot.table.allow(methods).to_string()),
                ..answer(
                    405,
                    Outcome::MethodNotAllowed,
                    "no route for this path takes this method",
                )
            });
        }
    }
}

fn take_route(
    snapshot: &Snapshot,
    asked: &Asked<'_>,
    route: &Route,
    explanation: &mut Explanation,
) {
    let mut captures = Captures::new();
    // What the table explains has no captures; what it finds has.
    let _same_route = snapshot.table.lookup(&asked.view(), &mut captures);
    explanation.route = Some(route.name.to_string());
    explanation.route_place = Some(route.place.to_string());
    let filters = route.filters.iter();
    explanation.filters = filters.map(|filter| filter.name.to_string()).collect();
    explanation.timeout_ms = route.timeout.map(millis);
    match &route.action {
        Action::Forward { to, host, .. } => {
            let mut path = Vec::new();
            route.upstream_path(&asked.notes.path, &captures, &mut path);
            explanation.upstream_path = Some(text(&path));
            let host = text(host.as_deref().unwrap_or(&asked.notes.authority));
            explanation.upstream_host = (!host.is_empty()).then_some(host);
            forward(snapshot, route, to, explanation);
        }
        Action::Redirect(redirect) => {
            let mut location = Vec::new();
            let from = RedirectFrom {
                scheme: "http",
                authority: &asked.notes.authority,
                path: &asked.notes.path,
                query: asked.notes.query(),
            };
            redirect.location(from, &route.matcher, &captures, &mut location);
            explanation.answer = Some(Answer {
                location: Some(text(&location)),
                ..answer(redirect.status, Outcome::LocalReply, "the route redirects")
            });
        }
        Action::Respond { status, .. } => {
            let detail = "the route answers by itself";
            explanation.answer = Some(answer(*status, Outcome::LocalReply, detail));
        }
    }
}

fn forward(snapshot: &Snapshot, route: &Route, to: &[Weighted], explanation: &mut Explanation) {
    let taking = to.iter().filter(|target| target.weight > 0);
    explanation.targets = taking.map(|target| share(snapshot, target)).collect();
    // The first of those that are largest, which `max_by_key` would not give.
    let largest = to.iter().rev().max_by_key(|target| target.weight);
    let Some(largest) = largest else {
        return;
    };
    let Share {
        service,
        subset,
        endpoints,
        ..
    } = share(snapshot, largest);
    explanation.service = Some(service);
    explanation.subset = subset;
    explanation.endpoints = endpoints;
    let limits = &snapshot.limits;
    let response = route.response_timeout.unwrap_or(limits.response_timeout);
    let idle = |otherwise: Duration| millis(route.idle_timeout.unwrap_or(otherwise));
    explanation.timeouts = Some(Timeouts {
        connect_ms: millis(snapshot.service(largest.service).connect_timeout),
        response_ms: (!response.is_zero()).then(|| millis(response)),
        idle_ms: idle(limits.upstream_idle_timeout),
        stream_idle_ms: idle(limits.stream_idle_timeout),
    });
}

fn share(snapshot: &Snapshot, target: &Weighted) -> Share {
    let service = snapshot.service(target.service);
    let subset = target.subset.map(|id| &service.subsets[id.index()]);
    let is_member = |index: &usize| subset.is_none_or(|subset| subset.endpoints.contains(index));
    let endpoints = service.endpoints.iter().enumerate();
    let members = endpoints.filter(|(index, endpoint)| is_member(index) && endpoint.weight > 0);
    Share {
        service: service.name.to_string(),
        subset: subset.map(|subset| subset.name.to_string()),
        weight: target.weight,
        endpoints: members
            .map(|(_, endpoint)| endpoint.address.to_string())
            .collect(),
    }
}

/// The answer to what ends at the gateway itself.
fn of_gateway(head: &RequestHead) -> Answer {
    let detail = "the request is for the gateway itself";
    answer(
        status_of_gateway(head.method()),
        Outcome::LocalReply,
        detail,
    )
}

fn refusal(error: Error) -> Answer {
    let (status, outcome) = error.reply();
    Answer {
        limit: error.limit(),
        ..answer(status, outcome, &error.to_string())
    }
}

fn answer(status: u16, outcome: Outcome, detail: &str) -> Answer {
    Answer {
        status,
        outcome: outcome.as_str(),
        detail: detail.to_owned(),
        limit: None,
        location: None,
        allow: None,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use corelane_config::Config;

    use super::*;

    const GATEWAY: &str = "
listeners:
  - {name: main, address: 127.0.0.1:0}
  - {name: inner, address: 127.0.0.1:0}
trusted_proxies: [10.0.0.0/8]
services:
  users: {endpoints: [127.0.0.1:1, {address: 127.0.0.1:2, weight: 0}]}
  pay: {connect_timeout: 1s, subsets: {v1: {endpoints: [127.0.0.1:3]}, v2: {endpoints: [127.0.0.1:4]}}}
routes:
  - {path: /api/users/*, service: users, strip_prefix: /api, methods: [GET], timeout: 30s}
  - {path: /api/*, service: users, filters: [{use: audit}]}
  - {path: '/pay/{id}', host: shop.example, weights: [{service: pay, subset: v1, weight: 1}, {service: pay, subset: v2, weight: 9}], rewrite: {path: '/p/{id}', host: pay.internal}}
  - {path: /old, redirect: {path: /new}}
  - {path: /only, methods: [PUT], service: users, listeners: [inner]}
";

    fn ask(line: &str, headers: &[(&str, &str)]) -> Explanation {
        let (method, url) = line.split_once(' ').unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        explained(&ExplainRequest {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(own).collect(),
            client_ip: Some([10, 0, 0, 1].into()),
            listener: None,
        })
        .unwrap()
    }

    fn explained(request: &ExplainRequest) -> Result<Explanation, ExplainError> {
        let config = Config::from_yaml("gateway.yaml", GATEWAY).unwrap();
        explain(config.snapshot(), 7, request)
    }

    fn answered(explanation: Explanation) -> (u16, &'static str) {
        assert_eq!(explanation.service, None);
        let answer = explanation.answer.unwrap();
        (answer.status, answer.outcome)
    }

    #[test]
    fn a_routed_request_is_told_its_way() {
        let found = ask("GET /api/%75sers/1/../2?x", &[]);
        assert_eq!((found.generation, &*found.listener), (7, "main"));
        assert_eq!(found.path.unwrap(), "/api/users/2");
        assert_eq!(found.route.unwrap(), "/api/users/*");
        assert_eq!(found.route_place.unwrap(), "gateway.yaml:10:5");
        assert_eq!(found.upstream_path.unwrap(), "/users/2");
        assert_eq!(found.service.unwrap(), "users");
        assert_eq!(found.endpoints, ["127.0.0.1:1"]);
        assert_eq!(found.timeout_ms, Some(30_000));
        assert_eq!(found.answer, None);
        let runner_up = &found.runners_up[0];
        assert_eq!(runner_up.route, "/api/*");
        assert_eq!(runner_up.why, "the winner's path is more specific");
    }

    #[test]
    fn a_route_that_lost_says_why_the_winner_is_another() {
        let found = ask("POST /api/users/1", &[]);
        assert_eq!(found.route.unwrap(), "/api/*");
        assert_eq!(found.filters, ["audit"]);
        assert_eq!(found.runners_up[0].why, "not for this method");
    }

    #[test]
    fn a_url_brings_its_host_and_a_field_overrules_it() {
        let found = ask("GET http://Shop.Example:8080/pay/9", &[]);
        assert_eq!(found.host.as_deref(), Some("Shop.Example"));
        assert_eq!(found.upstream_path.as_deref(), Some("/p/9"));
        assert_eq!(found.upstream_host.as_deref(), Some("pay.internal"));
        assert_eq!(found.subset.as_deref(), Some("v2"));
        assert_eq!(found.endpoints, ["127.0.0.1:4"]);
        assert_eq!(found.timeouts.unwrap().connect_ms, 1000);
        let weights: Vec<u32> = found.targets.iter().map(|share| share.weight).collect();
        assert_eq!(weights, [1, 9]);
        let other = ask("GET http://shop.example/pay/9", &[("Host", "else.example")]);
        assert_eq!(other.route, None);
    }

    #[test]
    fn what_the_gateway_answers_is_told_with_its_reason() {
        let found = ask("GET /old?q=1", &[("host", "a.example:81")]);
        let location = found.answer.unwrap().location.unwrap();
        assert_eq!(location, "http://a.example:81/new?q=1");
        assert_eq!(answered(ask("GET /none", &[])), (404, "no_route"));
        let bad = ask("GET /../x", &[]);
        assert_eq!((bad.path.as_ref(), bad.route.as_ref()), (None, None));
        assert_eq!(answered(bad), (400, "bad_request"));
        assert_eq!(answered(ask("CONNECT a:1", &[])).0, 501);
        let two = [("content-length", "1"), ("content-length", "1")];
        assert_eq!(answered(ask("GET /api/", &two)).0, 400);
        let long = "x".repeat(200_000);
        let large = ask("GET /api/", &[("x-long", &long)]);
        assert!(large.answer.as_ref().unwrap().limit.is_some());
        assert_eq!(answered(large), (431, "head_too_large"));
    }

    #[test]
    fn what_goes_no_further_is_told_too() {
        assert_eq!(answered(ask("OPTIONS *", &[])), (204, "local_reply"));
        let last = [("max-forwards", "0")];
        assert_eq!(answered(ask("TRACE /api/", &last)), (501, "local_reply"));
        let passes = ["1.1 corelane"; 16].join(", ");
        let round = ask("GET /api/", &[("via", &passes)]);
        assert_eq!(answered(round), (508, "loop"));
        assert_eq!(ask("GET /api/", &[("via", "1.1 corelane")]).answer, None);
    }

    #[test]
    fn the_listener_and_the_client_count() {
        let mut request = ExplainRequest {
            method: "GET".to_owned(),
            url: "/only".to_owned(),
            headers: vec![("X-Forwarded-For".to_owned(), "192.0.2.7".to_owned())],
            client_ip: Some([10, 0, 0, 1].into()),
            listener: Some("inner".to_owned()),
        };
        let found = explained(&request).unwrap();
        assert_eq!(found.client, Some([192, 0, 2, 7].into()));
        let answer = found.answer.unwrap();
        assert_eq!((answer.status, &*answer.allow.unwrap()), (405, "PUT"));
        request.listener = Some("main".to_owned());
        let found = explained(&request).unwrap();
        assert_eq!(found.runners_up[0].why, "not on this listener");
        request.listener = Some("outer".to_owned());
        let refused = explained(&request).unwrap_err();
        assert_eq!(refused.to_string(), "no listener is called `outer`");
    }

    #[test]
    fn nothing_is_smuggled_into_a_question() {
        let request = ExplainRequest {
            method: "GET".to_owned(),
            url: "/api/".to_owned(),
            headers: vec![("a".to_owned(), "b\r\nhost: x".to_owned())],
            ..ExplainRequest::default()
        };
        let refused = explained(&request).unwrap_err();
        assert_eq!(refused, ExplainError::Unsendable("b\r\nhost: x".to_owned()));
    }
}
