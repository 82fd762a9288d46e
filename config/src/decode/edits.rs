//! Header edits, and the fields of answers that the gateway gives itself.

use ahash::{HashSet, HashSetExt};

use super::fields::{Fields, text_of};
use super::text::{is_field_value, is_token};
use crate::report::Report;
use crate::snapshot::{Edits, Value};
use crate::yaml::{Entry, Node};

/// Fields that frame a message or belong to one connection (RFC 9110 §7.6.1, RFC 9112 §6): the
/// gateway makes them itself, and an edit could only break a message.
const OWN: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    ":authority",
];

/// The edits under `key`.
pub(super) fn edits(route: &Fields<'_>, key: &'static str) -> Edits {
    let Some(fields) = route.object(key) else {
        return Edits::default();
    };
    let mut remove: Vec<Box<[u8]>> = Vec::new();
    for node in fields.list("remove") {
        let Some(text) = text_of(node, fields.report) else {
            continue;
        };
        let name = text.text.to_ascii_lowercase();
        if check_name(&name, node, fields.report) {
            remove.push(name.into_bytes().into());
        }
    }
    let (to_set, to_add) = (fields.map("set"), fields.map("add"));
    let set = values(to_set, fields.report);
    let add = values(to_add, fields.report);
    for entry in to_set.iter().chain(to_add) {
        let name = entry.key.to_ascii_lowercase();
        if remove.iter().any(|removed| **removed == *name.as_bytes()) {
            let message = format!("`{}` is under `remove` too", entry.key);
            fields
                .report
                .error_hint(&entry.value, message, "`set` alone replaces what was there");
        }
    }
    Edits { remove, set, add }
}

/// Names with literal values.
pub(super) fn values(entries: &[Entry], report: &Report<'_>) -> Vec<(Box<[u8]>, Value)> {
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    for entry in entries {
        let name = entry.key.to_ascii_lowercase();
        let Some(text) = text_of(&entry.value, report) else {
            continue;
        };
        if !check_name(&name, &entry.value, report) {
            continue;
        }
        if !is_field_value(text.text) {
            let message = "a field value has no control characters and no blanks at its ends";
            report.error(&entry.value, message);
        } else if seen.insert(name) {
            values.push((entry.key.as_bytes().into(), Value::literal(text.text)));
        } else {
            report.error(
                &entry.value,
                format!("`{}` stands twice, in different case", entry.key),
            );
        }
    }
    values
}

fn check_name(name: &str, node: &Node, report: &Report<'_>) -> bool {
    if OWN.contains(&name) {
        let (message, hint) = match name {
            "host" | ":authority" => (
                "the Host is not an ordinary field".to_owned(),
                "write `rewrite: {host: …}`",
            ),
            _ => (
                format!("`{name}` frames a message or belongs to one connection"),
                "leave it to the gateway",
            ),
        };
        report.error_hint(node, message, hint);
        return false;
    }
    if !is_token(name) {
        report.error(node, format!("`{name}` is no field name (RFC 9110 §5.1)"));
        return false;
    }
    true
}
