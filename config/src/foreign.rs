//! Documents that are not our own shorthand, told apart by their top-level keys: Istio and
//! Kubernetes objects, files of other proxies. This version reads none of them, and says so.

use crate::report::Mistake;
use crate::yaml::{Entry, Node, Value};

/// Says why this document is not read; `None` for our own.
pub(crate) fn refuse(document: &Node) -> Option<Mistake> {
    let Some(entries) = document.entries() else {
        let message = format!("a configuration is a mapping, not {}", document.describe());
        return Some(
            Mistake::new(document.mark, message).hint("begin with a key such as `routes:`"),
        );
    };
    let find = |name: &str| entries.iter().find(|entry| &*entry.key == name);
    if let Some(entry) = find("apiVersion").or_else(|| find("kind")) {
        return Some(object(entry, document));
    }
    let http = find("http")?;
    let traefik = ["routers", "services", "middlewares"];
    traefik
        .iter()
        .any(|key| http.value.get(key).is_some())
        .then(|| {
            refusal(
                http,
                "this looks like a Traefik file: reading those is not implemented",
            )
        })
}

fn object(entry: &Entry, document: &Node) -> Mistake {
    let text = |key: &str| match &document.get(key)?.value {
        Value::Scalar(scalar) => Some(&*scalar.text),
        Value::List(_) | Value::Map(_) => None,
    };
    let name = match (text("kind"), text("apiVersion")) {
        (Some(kind), Some(version)) => format!("{kind} of {version}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "this".to_owned(),
    };
    let why = "Istio and Kubernetes objects are not implemented";
    refusal(entry, &format!("{name}: {why}"))
}

fn refusal(entry: &Entry, message: &str) -> Mistake {
    let mut mistake = Mistake::new(entry.mark, format!("{message} in this version"));
    mistake.path = entry.key.to_string();
    mistake.hint("write `routes` and `services`")
}
