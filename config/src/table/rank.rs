//! The order of routes that match the same path at the same host: exact, then `{name}` and inner
//! `*`, then prefix, then regex; more literal segments, then longer; more conditions; document
//! order. It is a number for each route, computed once; lookups compare numbers.

use std::cmp::{Ordering, Reverse};

use ahash::{HashMap, HashMapExt};

use super::condition::Matcher;
use super::pattern::{PatternKind, Segment};

/// What of a path pattern counts, the more specific the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PathRank {
    class: Class,
    literals: Reverse<usize>,
    segments: Reverse<usize>,
    /// Regexes come in the order of the documents, whatever their conditions; equal texts are one.
    regex: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Exact,
    Wild,
    Prefix,
    Regex,
}

/// By what one route comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Its host is more specific.
    Host,
    /// Its path is more specific.
    Path,
    /// It has more conditions.
    Conditions,
    /// It stands earlier in the documents.
    Order,
}

/// The rank of every route: `ranks[route]`, smaller first, no two equal.
#[derive(Debug, Default)]
pub(super) struct Ranks {
    positions: Vec<u32>,
    /// The routes by rank.
    order: Vec<usize>,
    paths: Vec<PathRank>,
}

impl Ranks {
    pub(super) fn new(matchers: &[&Matcher]) -> Self {
        let mut regexes: HashMap<&str, usize> = HashMap::new();
        let mut paths = Vec::with_capacity(matchers.len());
        for (index, matcher) in matchers.iter().enumerate() {
            paths.push(path_rank(matcher, || {
                *regexes.entry(matcher.path.as_str()).or_insert(index)
            }));
        }
        let mut order: Vec<usize> = (0..matchers.len()).collect();
        order.sort_by_key(|&route| (paths[route], Reverse(matchers[route].conditions()), route));
        let mut positions = vec![0; matchers.len()];
        for (position, &route) in order.iter().enumerate() {
            positions[route] = u32::try_from(position).unwrap_or(u32::MAX);
        }
        Self {
            positions,
            order,
            paths,
        }
    }

    /// The routes, the first first.
    pub(super) fn order(&self) -> impl Iterator<Item = usize> + '_ {
        self.order.iter().copied()
    }

    /// The place of a route among all, whatever its host.
    pub(super) fn position(&self, route: usize) -> u32 {
        self.positions[route]
    }

    /// Why `first` comes before `second` at the same host.
    pub(super) fn because(&self, first: (usize, &Matcher), second: (usize, &Matcher)) -> Because {
        if self.paths[first.0].cmp(&self.paths[second.0]) != Ordering::Equal {
            Because::Path
        } else if first.1.conditions() != second.1.conditions() {
            Because::Conditions
        } else {
            Because::Order
        }
    }
}

fn path_rank(matcher: &Matcher, regex: impl FnOnce() -> usize) -> PathRank {
    let segments = matcher.path.segments();
    let literal = |segment: &&Segment| matches!(segment, Segment::Literal(_));
    let literals = segments.iter().filter(literal).count();
    let (class, regex) = match matcher.path.kind() {
        PatternKind::Regex(_) => (Class::Regex, regex()),
        PatternKind::Segments { tail: true, .. } => (Class::Prefix, 0),
        PatternKind::Segments { .. } if literals == segments.len() => (Class::Exact, 0),
        PatternKind::Segments { .. } => (Class::Wild, 0),
    };
    PathRank {
        class,
        literals: Reverse(literals),
        segments: Reverse(segments.len()),
        regex,
    }
}
