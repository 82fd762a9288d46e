//! Replies of the admin API: pages, JSON, and problem documents (RFC 9457) for everything that is
//! not as it should be.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// A whole reply.
pub(super) type Reply = Response<Full<Bytes>>;

/// What the dashboard may load and do: its own files, its own API, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A text of this type.
pub(super) fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    fields.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    reply
}

/// JSON.
pub(super) fn json(status: StatusCode, value: &Value) -> Reply {
    text(status, "application/json", format!("{value}\n"))
}

/// JSON that is written already.
pub(super) fn written_json(json: String) -> Reply {
    text(StatusCode::OK, "application/json", json + "\n")
}

/// Something that is not as it should be.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    document: Value,
    allow: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or_default();
        Self {
            status,
            document: json!({
                "title": title,
                "status": status.as_u16(),
                "detail": detail.into(),
            }),
            allow: None,
        }
    }

    /// The methods that the page has.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this page takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        }
    }

    /// Adds a member to the document.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.document[name] = value;
        self
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let body = format!("{}\n", problem.document);
        let mut reply = text(problem.status, "application/problem+json", body);
        if let Some(allow) = problem.allow {
            let fields = reply.headers_mut();
            fields.insert(ALLOW, HeaderValue::from_static(allow));
        }
        reply
    }
}
