//! The body of `POST /explain`: `{method, url, headers, client_ip, listener}`.

use std::fmt;
use std::net::IpAddr;

use corelane_config::Snapshot;
use corelane_engine::{ExplainRequest, explain};
use hyper::StatusCode;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::reply::Problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object that describes a request")]
struct Question {
    method: String,
    url: String,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    client_ip: Option<IpAddr>,
    #[serde(default)]
    listener: Option<String>,
}

/// An object, each value a text or a list of texts. In the order in which they were written, and a
/// name that comes twice is two fields.
#[derive(Debug, Default)]
struct Headers(Vec<(String, String)>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Values>()? {
                    let values = match values {
                        Values::One(value) => vec![value],
                        Values::Several(values) => values,
                    };
                    headers.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// What the request in `body` would meet in `snapshot`.
///
/// # Errors
/// When the body is no question, or cannot be answered.
pub(super) fn explanation(
    snapshot: &Snapshot,
    generation: u64,
    body: &[u8],
) -> Result<String, Problem> {
    let unasked = |why: String| Problem::new(StatusCode::BAD_REQUEST, why);
    let question: Question =
        serde_json::from_slice(body).map_err(|error| unasked(error.to_string()))?;
    let request = ExplainRequest {
        method: question.method,
        url: question.url,
        headers: question.headers.0,
        client_ip: question.client_ip,
        listener: question.listener,
    };
    let explained = explain(snapshot, generation, &request);
    let explanation = explained.map_err(|error| unasked(error.to_string()))?;
    serde_json::to_string(&explanation)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

#[cfg(test)]
mod tests {
    use corelane_config::Config;

    use serde_json::Value;

    use super::*;

    fn ask(body: &str) -> Result<Value, String> {
        let text = "
services: {a: {endpoints: [127.0.0.1:1]}}
routes: [{path: /x, headers: {k: '2'}, service: a}]";
        let config = Config::from_yaml("test", text).unwrap();
        match explanation(config.snapshot(), 4, body.as_bytes()) {
            Ok(text) => Ok(serde_json::from_str(&text).unwrap()),
            Err(problem) => Err(format!("{problem:?}")),
        }
    }

    #[test]
    fn headers_may_have_several_values() {
        for headers in [r#"{"k":["1","2"]}"#, r#"{"k":"1","k":"2"}"#] {
            let body = format!(r#"{{"method":"GET","url":"/x","headers":{headers}}}"#);
            let explained = ask(&body).unwrap();
            assert_eq!(explained["service"], "a");
            assert_eq!(explained["generation"], 4);
        }
    }

    #[test]
    fn what_is_no_question_is_said_with_its_place() {
        for (body, why) in [
            ("", "EOF while parsing"),
            (r#"{"method":"GET"}"#, "missing field `url`"),
            (
                r#"{"method":"GET","url":"/","uri":1}"#,
                "unknown field `uri`",
            ),
            (
                r#"{"method":"GET","url":"/","client_ip":"x"}"#,
                "invalid IP address",
            ),
            (
                r#"{"method":"GET","url":"/","listener":"x"}"#,
                "no listener is called `x`",
            ),
        ] {
            let refused = ask(body).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
