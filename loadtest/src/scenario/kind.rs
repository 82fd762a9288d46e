//! One kind of request: what is sent, how often, and what a good reply is. Entered when a plan is made;
//! each worker makes its requests from it.

use std::cell::OnceCell;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::checks::Check;
use super::template::{Part, Template};
use super::variables::{Place, Values};
use crate::request::{Keep, Nature, Request};
use crate::wire::grpc;

/// The fields that a request has unless it says otherwise.
const DEFAULT_FIELDS: [(&str, &str); 2] = [("User-Agent", "corelane-loadtest"), ("Accept", "*/*")];

/// What a call of gRPC has instead: it says what it is, and that it knows trailers.
const CALL_FIELDS: [(&str, &str); 3] = [
    ("User-Agent", "corelane-loadtest"),
    ("TE", "trailers"),
    ("Content-Type", grpc::CONTENT_TYPE),
];

/// One kind of request, and how its numbers are called.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// The name in reports.
    pub(crate) name: String,
    /// Its share among all kinds' weights.
    pub(crate) weight: u32,
    /// The method (RFC 9110 §9.1).
    pub(crate) method: String,
    /// The authority, when it is not the target's.
    pub(crate) authority: Option<String>,
    /// The request-target in origin-form.
    pub(crate) target: Template<Place>,
    /// Fields, in order, those of every request not included.
    pub(crate) fields: Vec<(String, Template<Place>)>,
    /// The content, or the message of a call, which gets its frame in the request.
    pub(crate) body: Body,
    /// Whether it is a call of gRPC.
    pub(crate) is_grpc: bool,
    /// How long a slot of the closed loop rests after each.
    pub(crate) think: Option<RangeInclusive<Duration>>,
    /// What a good reply must be.
    pub(crate) checks: Vec<Check>,
}

/// Content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// The same bytes each time.
    Fixed(Bytes),
    /// Text with variables in it.
    Varying(Template<Place>),
}

impl Kind {
    /// The sources of the variables in it, each once.
    pub(crate) fn sources(&self) -> Vec<usize> {
        let body = match &self.body {
            Body::Fixed(_) => None,
            Body::Varying(text) => Some(text),
        };
        let fields = self.fields.iter().map(|(_, value)| value);
        let texts = [&self.target].into_iter().chain(fields).chain(body);
        let mut sources: Vec<_> = texts
            .flat_map(Template::values)
            .map(|place| place.source)
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// A request of this kind. One with variables is complete only when it was filled.
    pub(crate) fn request(&self, authority: &Rc<str>) -> Request {
        let is_set = |name: &str| {
            let mut names = self.fields.iter().map(|(name, _)| name);
            names.any(|other| other.eq_ignore_ascii_case(name))
        };
        let defaults = if self.is_grpc {
            &CALL_FIELDS[..]
        } else {
            &DEFAULT_FIELDS
        };
        let defaults = defaults.iter().filter(|(name, _)| !is_set(name));
        let defaults = defaults.map(|(name, value)| (name.to_string(), value.to_string()));
        let own = self
            .fields
            .iter()
            .map(|(name, value)| (name, value.texts().collect()));
        let own = own.map(|(name, value)| (name.clone(), value));
        Request {
            method: self.method.clone(),
            authority: match &self.authority {
                Some(own) => own.as_str().into(),
                None => Rc::clone(authority),
            },
            target: self.target.texts().collect(),
            // Those of the kind come last, so that `fill` finds them.
            fields: defaults.chain(own).collect(),
            body: match &self.body {
                Body::Fixed(message) if self.is_grpc => {
                    [&grpc::prefix(message.len()), &message[..]].concat().into()
                }
                Body::Fixed(bytes) => bytes.clone(),
                Body::Varying(_) => Bytes::new(),
            },
            is_grpc: self.is_grpc,
            keep: self
                .checks
                .iter()
                .map(Check::keep)
                .max()
                .unwrap_or(Keep::Status),
            nature: if self.sources().is_empty() {
                Nature::Fixed(OnceCell::new())
            } else {
                Nature::Varying
            },
        }
    }

    /// Writes the present values into a request that `request` has made, in its own buffers.
    pub(crate) fn fill(&self, request: &mut Request, values: &Values) {
        let value = |place: &Place| values.get(place);
        if !self.target.is_fixed() {
            request.target.clear();
            for part in self.target.parts(value) {
                part.write_target(&mut request.target);
            }
        }
        let defaults = request.fields.len() - self.fields.len();
        let own = request.fields.iter_mut().skip(defaults);
        for ((_, out), (_, text)) in own.zip(&self.fields) {
            if !text.is_fixed() {
                out.clear();
                out.extend(text.parts(value).map(Part::plain));
            }
        }
        if let Body::Varying(text) = &self.body {
            // The memory of the last body, unless a connection still holds it.
            let last = std::mem::take(&mut request.body);
            let mut body = last.try_into_mut().unwrap_or_else(|_| BytesMut::new());
            body.clear();
            if self.is_grpc {
                let len = text.parts(value).map(|part| part.plain().len()).sum();
                body.extend_from_slice(&grpc::prefix(len));
            }
            for part in text.parts(value) {
                body.extend_from_slice(part.plain().as_bytes());
            }
            request.body = body.freeze();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::variables::{Source, Variables};

    fn kind(variables: &Variables) -> Kind {
        let template = |text: &str| {
            let names = Template::parse(text).unwrap();
            names.resolve(|name| variables.meaning(name)).unwrap()
        };
        Kind {
            name: "buy".to_owned(),
            weight: 1,
            method: "PUT".to_owned(),
            authority: None,
            target: template("/item/${n}"),
            fields: vec![
                ("X-Fixed".to_owned(), template("yes")),
                ("X-Number".to_owned(), template("no. ${n}")),
                ("accept".to_owned(), template("text/plain")),
            ],
            body: Body::Varying(template("{\"n\": ${n}, \"m\": ${m}}")),
            is_grpc: false,
            think: None,
            checks: Vec::new(),
        }
    }

    #[test]
    fn a_request_is_filled_again_and_again() {
        let sources = [("n", 7), ("m", 1), ("unused", 5)];
        let sources = sources.map(|(name, first)| (name.to_owned(), Source::Sequence(first)));
        let variables = Variables::new(sources.to_vec());
        let kind = kind(&variables);
        assert_eq!(kind.sources(), [0, 1]);
        let mut values = Values::new(&variables, 1, 0, 1);
        let mut request = kind.request(&"host".into());
        assert!(matches!(request.nature, Nature::Varying));
        for (n, m) in [("7", "1"), ("8", "2")] {
            for source in kind.sources() {
                values.draw(source, 0);
            }
            kind.fill(&mut request, &values);
            assert_eq!(request.target, format!("/item/{n}"));
            assert_eq!(request.body, format!("{{\"n\": {n}, \"m\": {m}}}"));
            let number = format!("no. {n}");
            let expected = [
                ("User-Agent", "corelane-loadtest"),
                ("X-Fixed", "yes"),
                ("X-Number", &number),
                ("accept", "text/plain"),
            ];
            let fields = request.fields.iter();
            let fields: Vec<_> = fields
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(fields, expected);
        }
    }
}
