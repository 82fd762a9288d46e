//! What a route asks of a request besides host and path: methods, listeners, fields, query. The
//! number of these conditions is what makes one route more specific than another on the same path.

use std::fmt;
use std::sync::Arc;

use regex::bytes::Regex;

use super::RequestView;
use super::captures::Captures;
use super::host::HostPattern;
use super::language::{self, Languages};
use super::pattern::PathPattern;
use super::query;

/// Everything that a request must have for a route to match it.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The Host.
    pub host: HostPattern,
    /// The path.
    pub path: PathPattern,
    /// The methods as configured (GET lets HEAD in too); empty: every method.
    pub methods: Vec<Box<str>>,
    /// The listeners, as indices; `None`: every listener.
    pub listeners: Option<Vec<usize>>,
    /// Field conditions; all must hold.
    pub headers: Vec<HeaderCondition>,
    /// Query conditions; all must hold.
    pub query: Vec<QueryCondition>,
}

impl Matcher {
    /// How many conditions there are, for the order of routes.
    #[must_use]
    pub fn conditions(&self) -> usize {
        usize::from(!self.methods.is_empty())
            + usize::from(self.listeners.is_some())
            + self.headers.len()
            + self.query.len()
    }
}

/// A condition on a request field.
#[derive(Debug, Clone)]
pub struct HeaderCondition {
    /// The field's name in lower case.
    pub name: Box<str>,
    /// What one of its values must be.
    pub value: ValueMatch,
    /// For an exact Accept-Language: what the route's siblings offer, itself included (RFC 4647
    /// §3.4). Set when the table is compiled.
    pub(super) languages: Option<Arc<Languages>>,
}

impl HeaderCondition {
    /// A condition on the field `name`, which is in lower case.
    #[must_use]
    pub fn new(name: &str, value: ValueMatch) -> Self {
        Self {
            name: name.into(),
            value,
            languages: None,
        }
    }

    /// The language that the route is for, when this condition is about one.
    pub(super) fn language(&self) -> Option<&[u8]> {
        match &self.value {
            ValueMatch::Exact(tag) if &*self.name == language::FIELD => Some(tag),
            _ => None,
        }
    }

    fn holds(&self, view: &impl RequestView) -> bool {
        match (&self.languages, self.language()) {
            (Some(offered), Some(tag)) => offered
                .best_for(view)
                .is_some_and(|best| best.eq_ignore_ascii_case(tag)),
            _ => view.header(self.name.as_bytes(), &mut |value| self.value.holds(value)),
        }
    }
}

/// A condition on a query parameter.
#[derive(Debug, Clone)]
pub struct QueryCondition {
    /// The parameter's name, decoded.
    pub name: Box<str>,
    /// What one of its values, decoded, must be.
    pub value: ValueMatch,
}

/// How a value is compared.
#[derive(Debug, Clone)]
pub enum ValueMatch {
    /// The same bytes.
    Exact(Box<[u8]>),
    /// Begins with these bytes.
    Prefix(Box<[u8]>),
    /// The whole value matches.
    Regex(Regex),
    /// Any value.
    Present,
    /// The field or parameter is not there (`present: false`).
    Absent,
}

impl ValueMatch {
    /// Whether one value will do. [`Self::Absent`] is satisfied by none.
    pub(super) fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(expected) => **expected == *value,
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Regex(regex) => regex.is_match(value),
            Self::Present => true,
            Self::Absent => false,
        }
    }
}

impl fmt::Display for ValueMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(value) => write!(f, "is `{}`", String::from_utf8_lossy(value)),
            Self::Prefix(value) => write!(f, "begins with `{}`", String::from_utf8_lossy(value)),
            Self::Regex(regex) => write!(f, "matches `{regex}`"),
            Self::Present => f.write_str("is present"),
            Self::Absent => f.write_str("is absent"),
        }
    }
}

/// The first field or query condition that does not hold.
pub(super) enum Unmet<'m> {
    Header(&'m HeaderCondition),
    Query(&'m QueryCondition),
}

/// Checks field and query conditions; methods and listeners are masks that the table compares.
pub(super) fn first_unmet<'m>(
    matcher: &'m Matcher,
    view: &impl RequestView,
    captures: &mut Captures,
) -> Option<Unmet<'m>> {
    let header = matcher.headers.iter().find(|condition| {
        let found =
            |condition: &HeaderCondition| view.header(condition.name.as_bytes(), &mut |_| true);
        match condition.value {
            ValueMatch::Absent => found(condition),
            _ => !condition.holds(view),
        }
    });
    if let Some(condition) = header {
        return Some(Unmet::Header(condition));
    }
    let query = view.query().unwrap_or_default();
    let unmet = matcher
        .query
        .iter()
        .find(|condition| !query::holds(query, condition, &mut captures.scratch));
    unmet.map(Unmet::Query)
}
