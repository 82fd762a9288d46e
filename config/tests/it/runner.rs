//! Runs the `tests:` sections of fixtures.

use corelane_config::{
    Action, Captures, ConfigTest, Expect, Lookup, RedirectFrom, Route, Snapshot, Weighted,
};

use crate::support::Request;

/// Runs one test of a `tests:` section; says what is not as expected.
pub(crate) fn run(snapshot: &Snapshot, test: &ConfigTest) -> Vec<String> {
    let request = request_of(test);
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

/// The request of a test; fixtures write paths in normal form.
fn request_of(test: &ConfigTest) -> Request {
    let mut request = Request::new(&test.method, &test.target);
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

/// The service and subset that are expected, when they are among the targets; else the first.
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
