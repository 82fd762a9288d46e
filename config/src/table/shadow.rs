//! Routes that no request can reach, because another takes everything they match. Found at load,
//! reported as warnings.

use ahash::{HashMap, HashMapExt};

use super::condition::{Matcher, ValueMatch};
use super::pattern::{PatternKind, Segment};
use super::rank::Ranks;

/// Pairs of routes: the first is never reached, since the second takes its requests. What only
/// several routes together cover is not found.
pub(crate) fn shadowed(matchers: &[&Matcher]) -> Vec<(usize, usize)> {
    let ranks = Ranks::new(matchers);
    let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
    let mut catch_all: HashMap<String, Vec<usize>> = HashMap::new();
    let mut pairs = Vec::new();
    for route in ranks.order() {
        let matcher = matchers[route];
        let covering = |other: &&usize| covers(matchers[**other], matcher);
        // Among routes with the same path more conditions come first, so one that comes earlier
        // covers this one only when both ask the same of fields and query.
        let earlier = alike.entry(key(matcher)).or_default();
        let mut by = earlier.iter().find(covering).copied();
        if matches!(matcher.path.kind(), PatternKind::Regex(_)) {
            let all = catch_all
                .get(&matcher.host.to_string())
                .into_iter()
                .flatten();
            by = by.or_else(|| all.copied().find(|other| covers(matchers[*other], matcher)));
        }
        if matcher.path.segments().is_empty() && matcher.path.has_tail() {
            catch_all
                .entry(matcher.host.to_string())
                .or_default()
                .push(route);
        }
        match by {
            Some(by) => pairs.push((route, by)),
            // Only routes that can be reached are kept: they cover what the others would.
            None => earlier.push(route),
        }
    }
    pairs.sort_unstable();
    pairs
}

/// Equal for routes with the same host, paths that match the same (names of captures do not count),
/// and the same conditions on fields and query.
fn key(matcher: &Matcher) -> String {
    let mut conditions: Vec<String> = Vec::new();
    conditions.extend(
        matcher
            .headers
            .iter()
            .map(|c| format!("header {:?} {}", c.name, c.value)),
    );
    conditions.extend(
        matcher
            .query
            .iter()
            .map(|c| format!("query {:?} {}", c.name, c.value)),
    );
    conditions.sort_unstable();
    let path = match matcher.path.kind() {
        PatternKind::Regex(_) => format!("~{}", matcher.path.as_str()),
        PatternKind::Segments { segments, tail } => {
            let literal = |segment: &Segment| match segment {
                Segment::Literal(text) => String::from_utf8_lossy(text).into_owned(),
                Segment::Any | Segment::Named(_) => "*".to_owned(),
            };
            let segments: Vec<String> = segments.iter().map(literal).collect();
            format!("{} {tail}", segments.join("/"))
        }
    };
    format!("{} {path} {conditions:?}", matcher.host)
}

/// Whether a request that satisfies the conditions of `inner` always satisfies those of `outer`.
fn covers(outer: &Matcher, inner: &Matcher) -> bool {
    methods_cover(outer, inner)
        && outer.listeners.as_ref().is_none_or(|outer| {
            inner
                .listeners
                .as_ref()
                .is_some_and(|inner| inner.iter().all(|l| outer.contains(l)))
        })
        && outer.headers.iter().all(|outer| {
            inner
                .headers
                .iter()
                .any(|c| c.name == outer.name && same(&c.value, &outer.value))
        })
        && outer.query.iter().all(|outer| {
            inner
                .query
                .iter()
                .any(|c| c.name == outer.name && same(&c.value, &outer.value))
        })
}

fn methods_cover(outer: &Matcher, inner: &Matcher) -> bool {
    let has = |method: &str| {
        outer
            .methods
            .iter()
            .any(|m| &**m == method || (method == "HEAD" && &**m == "GET"))
    };
    outer.methods.is_empty()
        || (!inner.methods.is_empty() && inner.methods.iter().all(|method| has(method)))
}

fn same(one: &ValueMatch, other: &ValueMatch) -> bool {
    one.to_string() == other.to_string()
}
