//! What a request must be for a route: host, path, methods, listeners, fields, query.

use super::fields::{Fields, Text, text_of};
use super::listeners::Listeners;
use super::text::{is_field_value, is_token};
use crate::limits::MAX_CONDITIONS;
use crate::report::Report;
use crate::schema::{MATCH, PATH};
use crate::table::{
    HeaderCondition, HostPattern, Matcher, PathPattern, QueryCondition, ValueMatch, compile_regex,
};
use crate::yaml::{Entry, Node, Value};

/// The matcher of a route; `None` when its path cannot be read.
pub(super) fn matcher(route: &Fields<'_>, listeners: &Listeners<'_>) -> Option<Matcher> {
    let path = path(route);
    let host = route.parse("host", HostPattern::parse);
    let methods = methods(route);
    let listeners = listeners_of(route, listeners);
    let headers = headers(route);
    let query = query(route);
    if headers.len() + query.len() > MAX_CONDITIONS {
        let message = format!("more than {MAX_CONDITIONS} conditions on fields and query");
        route.report.error(route.node, message);
    }
    let host = host.unwrap_or(HostPattern::Any);
    Some(Matcher {
        host,
        path: path?,
        methods,
        listeners,
        headers,
        query,
    })
}

fn path(route: &Fields<'_>) -> Option<PathPattern> {
    let node = route.node("path")?;
    let (text, parsed) = if let Value::Map(_) = node.value {
        let text = Fields::open(&PATH, node, route.report)?.text("regex")?;
        (text, PathPattern::regex(text.text))
    } else {
        let text = text_of(node, route.report)?;
        (text, PathPattern::parse(text.text))
    };
    match parsed {
        Ok(path) => Some(path),
        Err(message) => {
            match text.text.chars().next() {
                Some('/') => route.report.error(text.node, message),
                Some('~' | '^') => {
                    route
                        .report
                        .error_hint(text.node, message, "write `{regex: '…'}` for a regex");
                }
                Some(first) if first.is_ascii_alphanumeric() => {
                    route
                        .report
                        .error_hint(text.node, message, format!("write `/{}`", text.text));
                }
                _ if text.node.id == node.id => {
                    let hint = "write `/exact`, `/prefix/*`, `/with/{name}` or `{regex: '…'}`";
                    route.report.error_hint(text.node, message, hint);
                }
                _ => route.report.error(text.node, message),
            }
            None
        }
    }
}

fn methods(route: &Fields<'_>) -> Vec<Box<str>> {
    const USUAL: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    let mut methods: Vec<Box<str>> = Vec::new();
    for node in route.list("methods") {
        let Some(Text { text, .. }) = text_of(node, route.report) else {
            continue;
        };
        let usual = USUAL.iter().find(|usual| usual.eq_ignore_ascii_case(text));
        if !is_token(text) {
            route.report.error(node, format!("`{text}` is no method"));
        } else if let Some(usual) = usual.filter(|usual| **usual != text) {
            let message = format!("`{text}`: methods are compared with their case");
            route
                .report
                .error_hint(node, message, format!("write `{usual}`"));
        } else if methods.iter().any(|method| **method == *text) {
            route.report.error(node, format!("`{text}` stands twice"));
        } else {
            methods.push(text.into());
        }
    }
    methods
}

fn listeners_of(route: &Fields<'_>, listeners: &Listeners<'_>) -> Option<Vec<usize>> {
    if !route.has("listeners") {
        return None;
    }
    let names = route
        .list("listeners")
        .iter()
        .filter_map(|node| text_of(node, route.report));
    let mut indices: Vec<usize> = names
        .filter_map(|name| listeners.named(name, route.report))
        .collect();
    indices.sort_unstable();
    indices.dedup();
    Some(indices)
}

fn headers(route: &Fields<'_>) -> Vec<HeaderCondition> {
    let mut conditions: Vec<HeaderCondition> = Vec::new();
    for entry in route.map("headers") {
        let name = entry.key.to_ascii_lowercase();
        if !is_token(&name) {
            route
                .report
                .error(&entry.value, format!("`{}` is no field name", entry.key));
        } else if name == "host" {
            let hint = "write `host:` on the route";
            route
                .report
                .error_hint(&entry.value, "the Host is not compared here", hint);
        } else if conditions.iter().any(|condition| *condition.name == *name) {
            let message = format!("`{}` stands twice, in different case", entry.key);
            route.report.error(&entry.value, message);
        } else if let Some(value) = value_match(&entry.value, route.report) {
            check_language(&name, &value, entry, route.report);
            conditions.push(HeaderCondition::new(&name, value));
        }
    }
    conditions
}

fn query(route: &Fields<'_>) -> Vec<QueryCondition> {
    let entries = route.map("query").iter();
    let conditions = entries.filter_map(|entry| {
        let value = value_match(&entry.value, route.report)?;
        Some(QueryCondition {
            name: entry.key.clone(),
            value,
        })
    });
    conditions.collect()
}

/// `"2"`, or `{prefix: …}` and its siblings, of which there is exactly one.
fn value_match(node: &Node, report: &Report<'_>) -> Option<ValueMatch> {
    let Value::Map(entries) = &node.value else {
        return text_of(node, report).map(|text| exact(text, report));
    };
    let fields = Fields::open(&MATCH, node, report)?;
    let ways = [
        fields.text("exact").map(|text| exact(text, report)),
        fields
            .text("prefix")
            .map(|text| ValueMatch::Prefix(text.text.as_bytes().into())),
        fields
            .parse("regex", |text| compile_regex(&whole(text)))
            .map(ValueMatch::Regex),
        fields.bool("present").map(|yes| {
            if yes {
                ValueMatch::Present
            } else {
                ValueMatch::Absent
            }
        }),
    ];
    let known = entries
        .iter()
        .filter(|entry| MATCH.key(&entry.key).is_some())
        .count();
    if known != 1 {
        let message = format!("one way of comparing, not {known}");
        report.error_hint(
            node,
            message,
            "write `exact`, `prefix`, `regex` or `present`",
        );
        return None;
    }
    ways.into_iter().flatten().next()
}

/// A regex that has to match from end to end.
fn whole(text: &str) -> String {
    format!(r"\A(?:{text})\z")
}

/// A value that no request can have is a slip of the pen.
fn exact(text: Text<'_>, report: &Report<'_>) -> ValueMatch {
    if !is_field_value(text.text) {
        let message = "a value with blanks at an end or control characters never comes in";
        report.error(text.node, message);
    }
    ValueMatch::Exact(text.text.as_bytes().into())
}

/// Reading 8: a plain Accept-Language is one language, not the field's text.
fn check_language(name: &str, value: &ValueMatch, entry: &Entry, report: &Report<'_>) {
    let ValueMatch::Exact(tag) = value else {
        return;
    };
    if name != "accept-language" {
        return;
    }
    let subtag =
        |part: &[u8]| (1..=8).contains(&part.len()) && part.iter().all(u8::is_ascii_alphanumeric);
    if !tag.split(|byte| *byte == b'-').all(subtag) {
        report.error_hint(
            &entry.value,
            format!("`{}` is no language tag", String::from_utf8_lossy(tag)),
            "write one language such as `fr`; `{prefix: …}` and `{regex: …}` compare the text",
        );
    }
}
