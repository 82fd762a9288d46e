//! The compiled routes: host map → path trie → conditions by specificity. Made once per snapshot;
//! a lookup borrows the request's bytes and allocates nothing; `explain` walks the same tables.

mod captures;
mod condition;
mod explain;
mod host;
mod language;
mod method;
mod pattern;
mod query;
mod rank;
mod segments;
mod shadow;
mod text;
mod trie;

#[cfg(test)]
mod probe;

use std::ops::ControlFlow;
use std::sync::Arc;

use ahash::{HashMap, HashMapExt};

pub use captures::Captures;
pub use condition::{HeaderCondition, Matcher, QueryCondition, ValueMatch};
pub use explain::{Explained, Why};
pub use host::HostPattern;
pub use method::{Allow, MethodSet};
pub use pattern::{PathPattern, PatternKind, Segment};
pub use rank::Because;

pub(crate) use pattern::is_capture_name;
pub(crate) use shadow::shadowed;
pub(crate) use text::{compile_regex, normalise_literal, remove_dot_segments};

use crate::snapshot::RouteId;
use condition::first_unmet;
use host::HostMap;
use language::Languages;
use method::Methods;
use rank::Ranks;
use trie::{Builder, Candidate, Trie, Visitor};

/// What the table asks about a request. Implemented by the engine over a parsed head.
pub trait RequestView {
    /// The method, as sent.
    fn method(&self) -> &[u8];
    /// The Host, in any case, without its port.
    fn host(&self) -> &[u8];
    /// The normalised path.
    fn path(&self) -> &[u8];
    /// The query, without its `?`.
    fn query(&self) -> Option<&[u8]>;
    /// Calls `f` with each value of the field until it says true; whether it did.
    fn header(&self, lower_case_name: &[u8], f: &mut dyn FnMut(&[u8]) -> bool) -> bool;
    /// The listener's index in the snapshot.
    fn listener(&self) -> usize;
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// To this route.
    Route(RouteId),
    /// Nowhere (405): routes match but for the method, and these are the methods they have. Their
    /// names for `Allow` come from [`RouteTable::allow`].
    MethodNotAllowed(MethodSet),
    /// Nowhere (404).
    NotFound,
}

/// The routes of a snapshot, compiled.
#[derive(Debug, Default)]
pub struct RouteTable {
    hosts: HostMap,
    /// By the number that `hosts` gives.
    at_host: Vec<HostRoutes>,
    paths: Trie,
    methods: Methods,
    /// By route id.
    matchers: Vec<Arc<Matcher>>,
    ranks: Ranks,
}

/// The routes of one host.
#[derive(Debug, Default)]
struct HostRoutes {
    /// In `paths`; 0 when all its paths are regexes.
    root: u32,
    /// Tried in turn when no path of segments matches; by rank.
    regexes: Vec<Candidate>,
}

impl RouteTable {
    /// Compiles the table; a matcher's index is the id of its route.
    #[must_use]
    pub fn compile(mut matchers: Vec<Matcher>) -> Self {
        offer_languages(&mut matchers);
        let ranks = Ranks::new(&matchers.iter().collect::<Vec<_>>());
        let mut methods = Methods::default();
        let masks: Vec<u64> = matchers.iter().map(|m| methods.mask(&m.methods)).collect();
        let mut hosts = HostMap::default();
        let mut at_host: Vec<HostRoutes> = Vec::new();
        let mut paths = Builder::new();
        // By rank, so that every list is in order when it is filled.
        for route in ranks.order() {
            let matcher = &matchers[route];
            let candidate = candidate(route, ranks.position(route), masks[route], matcher);
            let number = hosts.number(&matcher.host, at_host.len());
            if number == at_host.len() {
                at_host.push(HostRoutes::default());
            }
            let host = &mut at_host[number];
            match matcher.path.kind() {
                PatternKind::Regex(_) => host.regexes.push(candidate),
                PatternKind::Segments { segments, tail } => {
                    if host.root == 0 {
                        host.root = paths.root(candidate.rank);
                    }
                    paths.insert(host.root, segments, *tail, candidate);
                }
            }
        }
        let matchers = matchers.into_iter().map(Arc::new).collect();
        Self {
            hosts,
            at_host,
            paths: paths.finish(),
            methods,
            matchers,
            ranks,
        }
    }

    /// Where the request goes. `captures` then holds the route's `{name}` ranges in the path.
    pub fn lookup(&self, view: &impl RequestView, captures: &mut Captures) -> Lookup {
        captures.clear();
        let mut first = First {
            chooser: self.chooser(view),
            captures,
            found: None,
            allowed: 0,
        };
        let found = self.hosts.visit(view.host(), |host| {
            first.try_host(&self.at_host[host]);
            match first.found {
                Some(candidate) => ControlFlow::Break(candidate),
                None => ControlFlow::Continue(()),
            }
        });
        match found {
            ControlFlow::Break(candidate) => {
                captures.note(view.path(), candidate.captured);
                Lookup::Route(RouteId(candidate.route))
            }
            ControlFlow::Continue(()) if first.allowed == 0 => Lookup::NotFound,
            ControlFlow::Continue(()) => Lookup::MethodNotAllowed(MethodSet(first.allowed)),
        }
    }

    /// The methods of a [`Lookup::MethodNotAllowed`].
    #[must_use]
    pub fn allow(&self, set: MethodSet) -> Allow<'_> {
        Allow {
            methods: &self.methods,
            set,
        }
    }

    /// The matcher of a route.
    ///
    /// # Panics
    /// When the id is none of this table's.
    #[must_use]
    pub fn matcher(&self, id: RouteId) -> &Arc<Matcher> {
        &self.matchers[id.index()]
    }

    fn chooser<'t, V: RequestView>(&'t self, view: &'t V) -> Chooser<'t, V> {
        let method = self.methods.bit(view.method());
        Chooser {
            table: self,
            view,
            method,
            listener: bit(view.listener()),
        }
    }
}

/// Compares candidates with one request; the same code decides and explains.
struct Chooser<'t, V> {
    table: &'t RouteTable,
    view: &'t V,
    method: u64,
    listener: u64,
}

/// How a candidate whose path matches fared.
enum Verdict<'t> {
    Matches,
    Listener,
    Unmet(condition::Unmet<'t>),
    /// Everything but the method holds.
    Method,
}

impl<'t, V: RequestView> Chooser<'t, V> {
    fn judge(&self, candidate: &Candidate, captures: &mut Captures) -> Verdict<'t> {
        if candidate.listeners & self.listener == 0 {
            return Verdict::Listener;
        }
        if candidate.conditions {
            let matcher = &self.table.matchers[candidate.route as usize];
            if let Some(unmet) = first_unmet(matcher, self.view, captures) {
                return Verdict::Unmet(unmet);
            }
        }
        match candidate.methods == method::EVERY || candidate.methods & self.method != 0 {
            true => Verdict::Matches,
            false => Verdict::Method,
        }
    }

    fn regex_matches(&self, candidate: &Candidate) -> bool {
        self.table.matchers[candidate.route as usize]
            .path
            .matches(self.view.path())
    }
}

/// Looks for the first route that matches.
struct First<'t, 'c, V> {
    chooser: Chooser<'t, V>,
    captures: &'c mut Captures,
    found: Option<Candidate>,
    /// Methods of the routes that failed on the method alone.
    allowed: u64,
}

impl<V: RequestView> First<'_, '_, V> {
    fn try_host(&mut self, host: &HostRoutes) {
        let table = self.chooser.table;
        table
            .paths
            .descend(host.root, self.chooser.view.path(), self);
        for candidate in &host.regexes {
            if self.found.is_some() {
                return;
            }
            if self.chooser.regex_matches(candidate) {
                self.visit(std::slice::from_ref(candidate));
            }
        }
    }
}

impl<V: RequestView> Visitor for First<'_, '_, V> {
    fn bound(&self) -> u32 {
        self.found.map_or(u32::MAX, |candidate| candidate.rank)
    }

    fn visit(&mut self, candidates: &[Candidate]) {
        for candidate in candidates {
            if candidate.rank >= self.bound() {
                return;
            }
            match self.chooser.judge(candidate, self.captures) {
                Verdict::Matches => {
                    self.found = Some(*candidate);
                    return;
                }
                Verdict::Method => self.allowed |= candidate.methods,
                Verdict::Listener | Verdict::Unmet(_) => {}
            }
        }
    }
}

/// What a lookup compares of a route.
fn candidate(route: usize, rank: u32, methods: u64, matcher: &Matcher) -> Candidate {
    let listeners = matcher.listeners.as_ref();
    let segments = matcher.path.segments().iter().enumerate();
    let named = segments.filter(|(_, segment)| matches!(segment, Segment::Named(_)));
    Candidate {
        rank,
        route: u32::try_from(route).expect("MAX_ROUTES fits in 32 bits"),
        methods,
        listeners: listeners.map_or(u64::MAX, |list| {
            list.iter().fold(0, |mask, l| mask | bit(*l))
        }),
        captured: named.fold(0, |mask, (index, _)| mask | bit(index)),
        conditions: !(matcher.headers.is_empty() && matcher.query.is_empty()),
    }
}

/// The bit of a listener or segment; a number that none has gets no bit.
fn bit(index: usize) -> u64 {
    u32::try_from(index)
        .ok()
        .and_then(|shift| 1_u64.checked_shl(shift))
        .unwrap_or(0)
}

/// Tells every route for a language which languages its siblings offer.
fn offer_languages(matchers: &mut [Matcher]) {
    let mut groups: HashMap<String, Languages> = HashMap::new();
    for matcher in matchers.iter() {
        for tag in matcher.headers.iter().filter_map(HeaderCondition::language) {
            groups.entry(siblings(matcher)).or_default().offer(tag);
        }
    }
    if groups.is_empty() {
        return;
    }
    let groups: HashMap<String, Arc<Languages>> = groups
        .into_iter()
        .map(|(key, languages)| (key, Arc::new(languages)))
        .collect();
    for matcher in matchers {
        let key = siblings(matcher);
        for condition in matcher
            .headers
            .iter_mut()
            .filter(|c| c.language().is_some())
        {
            condition.languages = groups.get(&key).cloned();
        }
    }
}

/// What sibling routes have in common.
fn siblings(matcher: &Matcher) -> String {
    let mut methods: Vec<&str> = matcher.methods.iter().map(|method| &**method).collect();
    methods.sort_unstable();
    format!(
        "{} {} {methods:?} {:?}",
        matcher.host, matcher.path, matcher.listeners
    )
}
