//! What becomes of a request: exactly one of `service`, `weights`, `redirect` and `respond`, and
//! the keys that only make sense with one of them.

use super::address::authority;
use super::edits::values;
use super::fields::{Fields, Text};
use super::services::Services;
use crate::limits::MAX_RESPOND_BYTES;
use crate::schema::WEIGHTED;
use crate::snapshot::{Action, PathRewrite, PathTemplate, Redirect, Value, Weighted};
use crate::table::{HostPattern, PathPattern, compile_regex, normalise_literal};

/// The keys that say what becomes of a request.
const ACTIONS: [&str; 4] = ["service", "weights", "redirect", "respond"];

/// The keys that only forwarding knows.
const FORWARDING: [&str; 9] = [
    "subset",
    "strip_prefix",
    "rewrite",
    "timeout",
    "response_timeout",
    "idle_timeout",
    "request_headers",
    "upgrade",
    "weights",
];

/// The action of a route with this path; `None` when there is none or several.
pub(super) fn action(
    route: &Fields<'_>,
    path: Option<&PathPattern>,
    services: &Services,
) -> Option<Action> {
    let given: Vec<&'static str> = ACTIONS.into_iter().filter(|key| route.has(key)).collect();
    match given[..] {
        [] if ACTIONS.into_iter().any(|key| route.is_meant(key)) => {}
        [] => {
            let hint = "write `service: name`, `weights`, `redirect` or `respond`";
            route
                .report
                .error_hint(route.node, "nothing says what becomes of a request", hint);
        }
        [_] => {}
        [first, ..] => {
            for key in &given[1..] {
                let message = format!("`{first}` and `{key}` contradict each other");
                refuse(route, key, message, "keep one of the two");
            }
        }
    }
    let to = targets(route, services);
    let rewrite = rewrite(route, path);
    let redirect = route
        .object("redirect")
        .map(|fields| redirect(&fields, path));
    let respond = route.object("respond").map(|fields| respond(&fields));
    if let [answer @ ("redirect" | "respond")] = given[..] {
        for key in FORWARDING.into_iter().filter(|key| route.has(key)) {
            let message = format!("`{key}` means nothing with `{answer}`: nothing is forwarded");
            refuse(route, key, message, "leave it out");
        }
    }
    match given[..] {
        ["service" | "weights"] => {
            let (path, host) = rewrite;
            let total_weight = to.iter().map(|target| u64::from(target.weight)).sum();
            Some(Action::Forward {
                to,
                total_weight,
                path,
                host,
            })
        }
        ["redirect"] => redirect.flatten().map(Action::Redirect),
        ["respond"] => respond.flatten(),
        _ => None,
    }
}

fn refuse(route: &Fields<'_>, key: &'static str, message: String, hint: &str) {
    if let Some(entry) = route.entry(key) {
        route
            .report
            .error_at(entry.mark, entry.value.id, message, Some(hint.to_owned()));
    }
}

fn targets(route: &Fields<'_>, services: &Services) -> Vec<Weighted> {
    let service = route.text("service");
    let subset = route.text("subset");
    if let Some(service) = service {
        return target(route, service, subset, 1, services)
            .into_iter()
            .collect();
    }
    if route.has("subset") {
        let hint = "write `subset` in the entries of `weights`, or next to `service`";
        refuse(
            route,
            "subset",
            "a subset of which service?".to_owned(),
            hint,
        );
    }
    let mut targets = Vec::new();
    let items = route.list("weights");
    for item in items {
        let Some(fields) = Fields::open(&WEIGHTED, item, route.report) else {
            continue;
        };
        let weight = fields
            .integer("weight")
            .map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
        let subset = fields.text("subset");
        let Some(service) = fields.text("service") else {
            continue;
        };
        targets.extend(target(&fields, service, subset, weight, services));
    }
    if !items.is_empty() && targets.len() == items.len() && targets.iter().all(|t| t.weight == 0) {
        let hint = "give at least one service a share";
        if let Some(node) = route.node("weights") {
            route
                .report
                .error_hint(node, "all weights are 0, so nothing takes a request", hint);
        }
    }
    targets
}

fn target(
    fields: &Fields<'_>,
    service: Text<'_>,
    subset: Option<Text<'_>>,
    weight: u32,
    services: &Services,
) -> Option<Weighted> {
    let service = services.named(service, fields.report)?;
    let subset = match subset {
        Some(subset) => Some(Services::subset(service, subset, fields.report)?),
        None => None,
    };
    Some(Weighted {
        service: service.id,
        subset,
        weight,
    })
}

/// `strip_prefix` and `rewrite`: what the upstream sees as path and Host.
fn rewrite(route: &Fields<'_>, pattern: Option<&PathPattern>) -> (PathRewrite, Option<Box<[u8]>>) {
    let strip = route.text("strip_prefix");
    let stripped = strip.zip(pattern).and_then(|(strip, pattern)| {
        strip_prefix(strip.text, pattern)
            .map_err(|(message, hint)| route.report.error_hint(strip.node, message, hint))
            .ok()
    });
    let Some(fields) = route.object("rewrite") else {
        return (stripped.map_or(PathRewrite::Keep, PathRewrite::Strip), None);
    };
    let template = template(&fields, "path", pattern);
    let regex = fields.parse("regex", compile_regex);
    let to = fields.text("to");
    let host = fields.parse("host", authority);
    check_rewrite(route, &fields);
    let path = match (stripped, template, regex, to) {
        (Some(prefix), ..) => PathRewrite::Strip(prefix),
        (None, Some(template), ..) => PathRewrite::Replace(template),
        (None, None, Some(regex), Some(to)) => {
            check_groups(&regex, to, route);
            PathRewrite::Regex {
                regex,
                to: to.text.as_bytes().into(),
            }
        }
        _ => PathRewrite::Keep,
    };
    (path, host.map(|host| host.into_bytes().into()))
}

/// Ways of rewriting exclude each other, and a regex needs its replacement.
fn check_rewrite(route: &Fields<'_>, rewrite: &Fields<'_>) {
    let path_keys = ["path", "regex"].into_iter().filter(|key| rewrite.has(key));
    let ways: Vec<&str> = route
        .has("strip_prefix")
        .then_some("strip_prefix")
        .into_iter()
        .chain(path_keys)
        .collect();
    if let [first, second, ..] = ways[..] {
        let message = format!("`{first}` and `{second}` both rewrite the path");
        rewrite
            .report
            .error_hint(rewrite.node, message, "keep one of the two");
    }
    let message = match (rewrite.has("regex"), rewrite.has("to")) {
        (true, false) => "`regex` without `to`: replaced by what?",
        (false, true) => "`to` without `regex`: what is replaced?",
        _ if !["path", "regex", "host"]
            .into_iter()
            .any(|key| rewrite.has(key)) =>
        {
            "nothing to rewrite"
        }
        _ => return,
    };
    let hint = "write `{path: …}`, `{regex: …, to: …}` or `{host: …}`";
    rewrite.report.error_hint(rewrite.node, message, hint);
}

/// `$name` of a group that does not exist would silently be empty.
fn check_groups(regex: &regex::bytes::Regex, to: Text<'_>, route: &Fields<'_>) {
    let mut rest = to.text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name: &str = match rest
            .strip_prefix('{')
            .and_then(|braced| braced.split_once('}'))
        {
            Some((name, _)) => name,
            None => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                &rest[..end.unwrap_or(rest.len())]
            }
        };
        let known = match name.parse::<usize>() {
            Ok(number) => number < regex.captures_len(),
            Err(_) => regex.capture_names().flatten().any(|group| group == name),
        };
        if !known {
            let message = format!("`{regex}` has no group `{name}`");
            let hint = "write `${1}x` where text follows a group, `$$` for a dollar sign";
            route.report.error_hint(to.node, message, hint);
        }
    }
}

/// The prefix without a slash at its end; it must be the beginning of the route's path.
fn strip_prefix(text: &str, pattern: &PathPattern) -> Result<Box<[u8]>, (String, String)> {
    let fail = |message: String, hint: &str| Err((message, hint.to_owned()));
    let Some(rest) = text.strip_prefix('/') else {
        return fail(
            "a prefix begins with `/`".to_owned(),
            &format!("write `/{text}`"),
        );
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return fail("`/` strips nothing".to_owned(), "leave it out");
    }
    if text.contains(['{', '*']) {
        return fail(
            "only a fixed beginning can be stripped".to_owned(),
            "write `rewrite: {path: …}`, which can use captures",
        );
    }
    let mut prefix = Vec::new();
    for segment in rest.split('/') {
        prefix.push(b'/');
        match normalise_literal(segment) {
            Ok(segment) => prefix.extend_from_slice(&segment),
            Err(message) => return fail(message, "write the beginning of the route's path"),
        }
    }
    let literal = pattern.literal_prefix();
    match literal.strip_prefix(&*prefix) {
        Some([] | [b'/', ..]) => Ok(prefix.into()),
        _ if pattern.segments().is_empty() && !pattern.has_tail() => fail(
            "the path is a regex, so a prefix cannot be checked against it".to_owned(),
            "write `rewrite: {regex: …, to: …}`",
        ),
        _ => fail(
            format!("`{text}` is not the beginning of this route's path `{pattern}`"),
            &match literal.is_empty() {
                true => "this path has no fixed beginning; write `rewrite: {path: …}`".to_owned(),
                false => format!(
                    "`{}` or a part of it would be",
                    String::from_utf8_lossy(&literal)
                ),
            },
        ),
    }
}

fn template(
    fields: &Fields<'_>,
    key: &'static str,
    pattern: Option<&PathPattern>,
) -> Option<PathTemplate> {
    let text = fields.text(key)?;
    // Without the route's own path, which is an error already, nothing can be said.
    match PathTemplate::parse(text.text, pattern?) {
        Ok(template) => Some(template),
        Err(message) => {
            let hint = "write `/fixed`, `/with/{name}` or `/new/*`";
            fields.report.error_hint(text.node, message, hint);
            None
        }
    }
}

fn redirect(fields: &Fields<'_>, pattern: Option<&PathPattern>) -> Option<Redirect> {
    let status = fields
        .choice("status")
        .and_then(|word| word.parse().ok())
        .unwrap_or(302);
    let scheme = fields.choice("scheme").map(Box::from);
    let host = fields.parse("host", |text| match HostPattern::parse(text)? {
        HostPattern::Exact(name) => Ok(name),
        HostPattern::Wildcard(_) | HostPattern::Any => Err(format!("`{text}` is no one host")),
    });
    let port = fields
        .integer("port")
        .and_then(|port| u16::try_from(port).ok());
    let path = template(fields, "path", pattern);
    let keep_query = fields.choice("query") != Some("drop");
    if !["scheme", "host", "port", "path"]
        .into_iter()
        .any(|key| fields.has(key))
    {
        let message = "the client would be sent to where it is";
        fields.report.error_hint(
            fields.node,
            message,
            "write `scheme`, `host`, `port` or `path`",
        );
        return None;
    }
    Some(Redirect {
        status,
        scheme,
        host,
        port,
        path,
        keep_query,
    })
}

fn respond(fields: &Fields<'_>) -> Option<Action> {
    let status = fields
        .integer("status")
        .and_then(|n| u16::try_from(n).ok())
        .unwrap_or(200);
    let body = fields.text("body");
    let mut headers = values(fields.map("headers"), fields.report);
    let length = body.map_or(0, |body| body.text.len());
    if length > 0 && matches!(status, 204 | 205 | 304) {
        let message = format!("a {status} has no body (RFC 9110 §6.4.1)");
        fields
            .report
            .error_hint(body?.node, message, "leave the body out");
    }
    if length > MAX_RESPOND_BYTES {
        let message = format!("{length} bytes, and the most is {MAX_RESPOND_BYTES}");
        fields
            .report
            .error_hint(body?.node, message, "serve it from a service");
    }
    if length > 0
        && !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(b"content-type"))
    {
        let text = Value::literal("text/plain; charset=utf-8");
        headers.push((b"Content-Type"[..].into(), text));
    }
    let body = body.map_or_else(Box::default, |body| body.text.as_bytes().into());
    Some(Action::Respond {
        status,
        body,
        headers,
    })
}
