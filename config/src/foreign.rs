//! Documents that are not our own shorthand, told apart by their top-level keys: Istio and
//! Kubernetes objects, files of other proxies. This version reads none of them, and says so.

use crate::yaml::{Entry, Mark, Node, Value};

/// Why a document is not read.
pub(crate) struct Refusal {
    pub(crate) mark: Mark,
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Says why this document is not read; `None` for our own.
pub(crate) fn refuse(document: &Node) -> Option<Refusal> {
    let Some(entries) = document.entries() else {
        return Some(Refusal {
            mark: document.mark,
            path: String::new(),
            message: format!("a configuration is a mapping, not {}", document.describe()),
            hint: "begin with a key such as `routes:`".to_owned(),
        });
    };
    let find = |name: &str| entries.iter().find(|entry| &*entry.key == name);
    if let Some(entry) = find("apiVersion").or_else(|| find("kind")) {
        return Some(object(entry, document));
    }
    let http = find("http")?;
    let is_traefik = ["routers", "services", "middlewares"]
        .iter()
        .any(|key| http.value.get(key).is_some());
    is_traefik.then(|| {
        refusal(
            http,
            "this looks like a Traefik file, and reading those is not implemented in this version"
                .to_owned(),
            "write `routes` and `services`",
        )
    })
}

fn object(entry: &Entry, document: &Node) -> Refusal {
    let text = |key: &str| match &document.get(key)?.value {
        Value::Scalar(scalar) => Some(&*scalar.text),
        Value::List(_) | Value::Map(_) => None,
    };
    let message = format!(
        "a {} of {}: Istio and Kubernetes objects are not implemented in this version",
        text("kind").unwrap_or("kind"),
        text("apiVersion").unwrap_or("apiVersion"),
    );
    refusal(entry, message, "write `routes` and `services`")
}

fn refusal(entry: &Entry, message: String, hint: &str) -> Refusal {
    Refusal {
        mark: entry.mark,
        path: entry.key.to_string(),
        message,
        hint: hint.to_owned(),
    }
}
