//! `tests:`, each with its request taken apart.

use std::net::IpAddr;

use super::fields::{Fields, text_of};
use super::listeners::Listeners;
use super::routes::Routes;
use super::services::Services;
use super::text::{is_field_value, is_token};
use crate::schema::TEST;
use crate::snapshot::{ConfigTest, Expect};
use crate::table::HostPattern;
use crate::yaml::Node;

pub(super) fn tests(
    top: &Fields<'_>,
    listeners: &Listeners<'_>,
    services: &Services,
    routes: &Routes,
) -> Vec<ConfigTest> {
    let rooms = Rooms {
        listeners,
        services,
        routes,
    };
    top.list("tests")
        .iter()
        .filter_map(|node| test(node, top, &rooms))
        .collect()
}

/// What a test may refer to.
struct Rooms<'a> {
    listeners: &'a Listeners<'a>,
    services: &'a Services,
    routes: &'a Routes,
}

fn test(node: &Node, top: &Fields<'_>, rooms: &Rooms<'_>) -> Option<ConfigTest> {
    let fields = Fields::open(&TEST, node, top.report)?;
    let line = fields.text("request");
    let request = fields.parse_again(line, request_line);
    let name = fields.text("name").or(line);
    let mut headers = headers(&fields);
    let client_ip = fields.parse("client_ip", |text| {
        text.parse::<IpAddr>()
            .map_err(|_| format!("`{text}` is no address"))
    });
    let listener = match fields.text("listener") {
        Some(name) => rooms.listeners.named(name, top.report),
        None => Some(0),
    };
    let expect = fields.object("expect").map(|fields| expect(&fields, rooms));
    let request = request?;
    let mut host = request.host;
    headers.retain(|(name, value)| {
        let is_host = name.eq_ignore_ascii_case("host");
        if is_host && host.is_none() {
            host = host_name(value).ok();
        }
        !is_host
    });
    Some(ConfigTest {
        name: name?.text.into(),
        place: top.report.place(node.mark),
        path: top.report.path(node).into(),
        method: request.method,
        host,
        target: request.target,
        headers,
        client_ip,
        listener: listener?,
        expect: expect?,
    })
}

/// The parts of `GET http://api.example.com/a?b=1`.
struct RequestLine {
    method: Box<str>,
    host: Option<Box<str>>,
    target: Box<str>,
}

fn request_line(text: &str) -> Result<RequestLine, String> {
    let Some((method, url)) = text.split_once(' ') else {
        return Err(format!("`{text}` is no request, write `GET /path`"));
    };
    if !is_token(method) {
        return Err(format!("`{method}` is no method"));
    }
    let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let absolute = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let (host, target) = match absolute {
        Some(rest) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            (Some(host_name(&rest[..end])?), &rest[end..])
        }
        None => (None, url),
    };
    let target = match target.as_bytes().first() {
        Some(b'/') => target.to_owned(),
        Some(b'?') | None if absolute.is_some() => format!("/{target}"),
        _ => return Err(format!("`{url}` is neither a path nor an http URL")),
    };
    if !visible(&target) || target.contains('#') {
        return Err(format!("`{url}` has characters that no request line has"));
    }
    Ok(RequestLine {
        method: method.into(),
        host,
        target: target.into(),
    })
}

/// A Host without its port, in lower case.
fn host_name(text: &str) -> Result<Box<str>, String> {
    let bracket = text.rfind(']').unwrap_or(0);
    let end = text[bracket..]
        .find(':')
        .map_or(text.len(), |colon| bracket + colon);
    match HostPattern::parse(&text[..end])? {
        HostPattern::Exact(name) => Ok(name),
        HostPattern::Wildcard(_) | HostPattern::Any => Err(format!("`{text}` is no one host")),
    }
}

fn headers(fields: &Fields<'_>) -> Vec<(Box<str>, Box<str>)> {
    let mut headers = Vec::new();
    for entry in fields.map("headers") {
        let Some(text) = text_of(&entry.value, fields.report) else {
            continue;
        };
        if !is_token(&entry.key) {
            fields
                .report
                .error(&entry.value, format!("`{}` is no field name", entry.key));
        } else if !is_field_value(text.text) {
            fields.report.error(
                &entry.value,
                "no field value: control characters or blanks at its ends",
            );
        } else if let (true, Err(why)) =
            (entry.key.eq_ignore_ascii_case("host"), host_name(text.text))
        {
            fields.report.error(&entry.value, why);
        } else {
            headers.push((entry.key.clone(), text.text.into()));
        }
    }
    headers
}

fn expect(fields: &Fields<'_>, rooms: &Rooms<'_>) -> Expect {
    let report = fields.report;
    let service = fields
        .text("service")
        .and_then(|name| rooms.services.named(name, report));
    let subset = fields.text("subset");
    if let (Some(service), Some(subset)) = (service, subset) {
        Services::subset(service, subset, report);
    }
    let path = fields.parse("upstream_path", |text| match text.starts_with('/') {
        true => Ok(text.into()),
        false => Err("a path begins with `/`".to_owned()),
    });
    let expect = Expect {
        route: fields
            .text("route")
            .and_then(|name| rooms.routes.named(name, report)),
        service: service.map(|service| service.id),
        subset: subset.map(|subset| subset.text.into()),
        upstream_path: path,
        upstream_host: fields.text("upstream_host").map(|text| text.text.into()),
        status: fields
            .integer("status")
            .and_then(|status| u16::try_from(status).ok()),
        location: fields.text("location").map(|text| text.text.into()),
    };
    if fields.node.entries().is_some_and(<[_]>::is_empty) {
        report.error_hint(
            fields.node,
            "nothing is expected",
            "write `service`, `status`, …",
        );
    }
    expect
}
