//! Routes that no request can reach, because another takes everything they match. Found at load,
//! reported as warnings.

use ahash::{HashMap, HashMapExt};

use super::condition::{Matcher, ValueMatch};
use super::host::HostPattern;
use super::pattern::{PatternKind, Segment};
use super::rank::Ranks;

/// Pairs of routes: the first is never reached, since the second takes its requests. What only
/// several routes together cover is not found.
pub(crate) fn shadowed(matchers: &[&Matcher]) -> Vec<(usize, usize)> {
    let ranks = Ranks::new(matchers);
    let mut order: Vec<usize> = (0..matchers.len()).collect();
    order.sort_by_key(|&route| ranks.position(route));
    let mut same_path: HashMap<(&HostPattern, PathKey<'_>), Vec<usize>> = HashMap::new();
    let mut catch_all: HashMap<&HostPattern, Vec<usize>> = HashMap::new();
    let mut pairs = Vec::new();
    for &route in &order {
        let matcher = matchers[route];
        let earlier = same_path
            .entry((&matcher.host, path_key(matcher)))
            .or_default();
        let covering = |&&other: &&usize| covers(matchers[other], matcher);
        let mut by = earlier.iter().find(covering).copied();
        if matches!(matcher.path.kind(), PatternKind::Regex(_)) {
            let all = catch_all.get(&matcher.host).into_iter().flatten();
            by = by.or_else(|| all.copied().find(|&other| covers(matchers[other], matcher)));
        }
        if matcher.path.segments().is_empty() && matcher.path.has_tail() {
            catch_all.entry(&matcher.host).or_default().push(route);
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

/// Equal for paths that match the same: the names of captures do not count.
#[derive(PartialEq, Eq, Hash)]
enum PathKey<'m> {
    Segments(Vec<Option<&'m [u8]>>, bool),
    Regex(&'m str),
}

fn path_key(matcher: &Matcher) -> PathKey<'_> {
    if let PatternKind::Regex(_) = matcher.path.kind() {
        return PathKey::Regex(matcher.path.as_str());
    }
    let literal = |segment| match segment {
        &Segment::Literal(ref text) => Some(&**text),
        Segment::Any | Segment::Named(_) => None,
    };
    PathKey::Segments(
        matcher.path.segments().iter().map(literal).collect(),
        matcher.path.has_tail(),
    )
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
    match (one, other) {
        (ValueMatch::Exact(one), ValueMatch::Exact(other))
        | (ValueMatch::Prefix(one), ValueMatch::Prefix(other)) => one == other,
        (ValueMatch::Regex(one), ValueMatch::Regex(other)) => one.as_str() == other.as_str(),
        (ValueMatch::Present, ValueMatch::Present) | (ValueMatch::Absent, ValueMatch::Absent) => {
            true
        }
        _ => false,
    }
}
