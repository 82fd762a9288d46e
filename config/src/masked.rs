//! The effective configuration as JSON, for people who ask a running process what it runs. What
//! may be a credential is masked: fields and parameters with a telling name, and what filters get.

use serde_json::{Map, Value as Json, json};

use crate::snapshot::{Io, Protocol, Snapshot, WorkerBalance};
use crate::units::print_duration;
use crate::yaml::{Node, Scalar, ScalarKind, Value};

const MASK: &str = "***";

/// Mappings whose keys are names of fields or parameters.
const NAMED_VALUES: [&str; 4] = ["headers", "query", "set", "add"];

/// What such a name contains when its value is a credential; without `-` and `_`.
const TELLING: [&str; 8] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "passw",
    "apikey",
    "credential",
    "signature",
];

/// The merged tree with secrets masked, and with the defaults of what has any.
pub(crate) fn masked(root: &Node, snapshot: &Snapshot) -> Json {
    let mut map = Map::new();
    for entry in root.entries().unwrap_or_default() {
        if !entry.key.starts_with("x-") {
            map.insert(entry.key.to_string(), below(&entry.key, &entry.value));
        }
    }
    map.insert("runtime".to_owned(), runtime(snapshot));
    map.insert("listeners".to_owned(), listeners(snapshot));
    map.insert("limits".to_owned(), snapshot.limits.to_json());
    Json::Object(map)
}

/// A mapping as JSON without one of its keys; `null` for what is no mapping.
pub(crate) fn without(node: &Node, key: &str) -> Json {
    let Some(entries) = node.entries() else {
        return Json::Null;
    };
    let others = entries.iter().filter(|entry| &*entry.key != key);
    others
        .map(|entry| (entry.key.to_string(), plain(&entry.value)))
        .collect::<Map<_, _>>()
        .into()
}

/// What stands under `key`, masked where it has to be.
fn below(key: &str, node: &Node) -> Json {
    let hide = match key {
        "filters" => |key: &str| key != "use",
        key if NAMED_VALUES.contains(&key) => is_telling,
        _ => |_: &str| false,
    };
    match &node.value {
        Value::Scalar(scalar) => scalar_json(scalar),
        Value::List(items) => items.iter().map(|item| below(key, item)).collect(),
        Value::Map(entries) => {
            let entry_json = |name: &str, value| match hide(name) {
                true => MASK.into(),
                false => below(name, value),
            };
            let entries = entries.iter();
            entries
                .map(|e| (e.key.to_string(), entry_json(&e.key, &e.value)))
                .collect::<Map<_, _>>()
                .into()
        }
    }
}

fn is_telling(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    TELLING.iter().any(|part| name.contains(part))
}

fn plain(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => scalar_json(scalar),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(_) => without(node, ""),
    }
}

fn scalar_json(scalar: &Scalar) -> Json {
    match scalar.kind {
        ScalarKind::Null => Json::Null,
        ScalarKind::Bool(value) => value.into(),
        ScalarKind::Integer(value) => match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => (*scalar.text).into(),
        },
        ScalarKind::Float(value) if value.is_finite() => value.into(),
        ScalarKind::Float(_) | ScalarKind::Text => (*scalar.text).into(),
    }
}

fn runtime(snapshot: &Snapshot) -> Json {
    let runtime = &snapshot.runtime;
    json!({
        "workers": runtime.workers,
        "pin": runtime.pin,
        "io": match runtime.io {
            Io::Auto => "auto",
            Io::Uring => "uring",
            Io::Epoll => "epoll",
        },
        "balance": match runtime.balance {
            WorkerBalance::Handoff => "handoff",
            WorkerBalance::ReusePort => "reuseport",
        },
        "drain_timeout": print_duration(runtime.drain_timeout),
        "drain_delay": print_duration(runtime.drain_delay),
        "defer_taskrun": runtime.defer_taskrun,
    })
}

fn listeners(snapshot: &Snapshot) -> Json {
    let listener = |listener: &crate::snapshot::Listener| {
        json!({
            "name": &*listener.name,
            "address": listener.address.to_string(),
            "protocol": match listener.protocol {
                Protocol::Auto => "auto",
                Protocol::Http1 => "http1",
            },
        })
    };
    snapshot.listeners.iter().map(listener).collect()
}
