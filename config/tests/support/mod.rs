//! What the tests of this crate share: requests made up by hand, a resolver that asks nobody, and a
//! runner for the `tests:` sections of fixtures.

use std::io;
use std::net::SocketAddr;

use corelane_config::{
    Action, Captures, Config, ConfigErrors, ConfigTest, Expect, Loader, Lookup, RedirectFrom,
    RequestView, Route, Snapshot, Weighted,
};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) listener: usize,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method: method.to_owned(),
            host: "anywhere.test".to_owned(),
            path: path.to_owned(),
            query,
            headers: Vec::new(),
            listener: 0,
        }
    }

    pub(crate) fn of(test: &ConfigTest) -> Self {
        let mut request = Self::new(&test.method, &test.target);
        if let Some(host) = &test.host {
            request.host = host.to_string();
        }
        for (name, value) in &test.headers {
            request
                .headers
                .push((name.to_ascii_lowercase(), value.to_string()));
        }
        request.listener = test.listener;
        request
    }
}

impl RequestView for Request {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }

    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> Option<&[u8]> {
        self.query.as_deref().map(str::as_bytes)
    }

    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        let named = self
            .headers
            .iter()
            .filter(|(name, _)| name.as_bytes() == lower_case_name);
        named.map(|(_, value)| value.as_bytes()).any(f)
    }

    fn listener(&self) -> usize {
        self.listener
    }
}

/// A loader whose names are made up: `two.test` has two addresses, `nowhere.test` none, and what
/// ends in `.invalid` does not exist.
pub(crate) fn loader() -> Loader {
    Loader::with_resolver(|host, port| {
        let ip = |last: u8| SocketAddr::from(([192, 0, 2, last], port));
        match host {
            "two.test" => Ok(vec![ip(2), ip(1), ip(2)]),
            "nowhere.test" => Ok(Vec::new()),
            _ if host.ends_with(".invalid") => {
                Err(io::Error::new(io::ErrorKind::NotFound, "no such name"))
            }
            _ => Ok(vec![ip(9)]),
        }
    })
}

/// Loads a text that has to be right.
#[track_caller]
pub(crate) fn load(text: &str) -> Config {
    match loader().from_yaml("test.yaml", text) {
        Ok(config) => config,
        Err(errors) => panic!("{errors}"),
    }
}

/// Loads a text that has to be wrong.
#[track_caller]
pub(crate) fn refuse(text: &str) -> ConfigErrors {
    match loader().from_yaml("test.yaml", text) {
        Ok(_) => panic!("this loads:\n{text}"),
        Err(errors) => errors,
    }
}

/// Runs one test of a `tests:` section; says what is not as expected.
pub(crate) fn run(snapshot: &Snapshot, test: &ConfigTest) -> Vec<String> {
    let request = Request::of(test);
    let mut captures = Captures::new();
    let found = snapshot.table.lookup(&request, &mut captures);
    assert_eq!(
        snapshot.table.explain(&request).winner,
        found,
        "explain and lookup: {}",
        test.name
    );
    let route = match found {
        Lookup::Route(id) => Some(&**snapshot.route(id)),
        Lookup::MethodNotAllowed(_) | Lookup::NotFound => None,
    };
    let expect = &test.expect;
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let route_name = |id| snapshot.route(id).name.to_string();
    let (service, subset) = target(snapshot, route, expect);
    let compared = [
        (
            "route",
            expect.route.map(route_name),
            route.map(|route| route.name.to_string()),
        ),
        (
            "status",
            expect.status.map(|s| s.to_string()),
            status(found, route),
        ),
        (
            "service",
            expect
                .service
                .map(|id| snapshot.service(id).name.to_string()),
            service,
        ),
        ("subset", text(&expect.subset), subset),
        (
            "upstream_path",
            text(&expect.upstream_path),
            route.map(|route| upstream_path(route, &request, &captures)),
        ),
        (
            "upstream_host",
            text(&expect.upstream_host),
            route.and_then(upstream_host),
        ),
        (
            "location",
            text(&expect.location),
            route.and_then(|route| location(route, &request, &captures)),
        ),
    ];
    let differs = |(what, expected, actual): &(&str, Option<String>, Option<String>)| {
        let differs = expected.is_some() && expected != actual;
        differs.then(|| {
            format!(
                "{}: {what}: expected {expected:?}, is {actual:?}",
                test.name
            )
        })
    };
    compared.iter().filter_map(differs).collect()
}

fn status(found: Lookup, route: Option<&Route>) -> Option<String> {
    let status = match (found, route.map(|route| &route.action)) {
        (Lookup::NotFound, _) => 404,
        (Lookup::MethodNotAllowed(_), _) => 405,
        (_, Some(Action::Respond { status, .. })) => *status,
        (_, Some(Action::Redirect(redirect))) => redirect.status,
        _ => return None,
    };
    Some(status.to_string())
}

/// The service and subset that are expected, when they are among the route's targets; else the first.
fn target(
    snapshot: &Snapshot,
    route: Option<&Route>,
    expect: &Expect,
) -> (Option<String>, Option<String>) {
    let Some(Action::Forward { to, .. }) = route.map(|route| &route.action) else {
        return (None, None);
    };
    let names = |target: &Weighted| {
        let service = snapshot.service(target.service);
        let subset = target
            .subset
            .map(|id| service.subsets[id.index()].name.to_string());
        (Some(service.name.to_string()), subset)
    };
    let expected = to.iter().find(|target| {
        expect.service.is_none_or(|id| id == target.service)
            && (expect.subset.is_none() || expect.subset.as_deref() == names(target).1.as_deref())
    });
    names(expected.unwrap_or(&to[0]))
}

pub(crate) fn upstream_path(route: &Route, request: &Request, captures: &Captures) -> String {
    let mut out = Vec::new();
    route.upstream_path(request.path.as_bytes(), captures, &mut out);
    String::from_utf8(out).expect("fixtures are text")
}

fn upstream_host(route: &Route) -> Option<String> {
    match &route.action {
        Action::Forward {
            host: Some(host), ..
        } => Some(String::from_utf8(host.to_vec()).expect("fixtures are text")),
        _ => None,
    }
}

fn location(route: &Route, request: &Request, captures: &Captures) -> Option<String> {
    let Action::Redirect(redirect) = &route.action else {
        return None;
    };
    let from = RedirectFrom {
        scheme: "http",
        authority: request.host.as_bytes(),
        path: request.path.as_bytes(),
        query: request.query.as_deref().map(str::as_bytes),
    };
    let mut out = Vec::new();
    redirect.location(from, &route.matcher, captures, &mut out);
    Some(String::from_utf8(out).expect("fixtures are text"))
}
