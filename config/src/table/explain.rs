//! Why a request goes where it goes: every route whose path matches, in order, with what decided.
//! It walks the table as a lookup does, with the same comparisons, but does not stop early.

use std::fmt;
use std::ops::ControlFlow;

use super::condition::Unmet;
use super::rank::Because;
use super::trie::{Candidate, Visitor};
use super::{Captures, Chooser, HostRoutes, Lookup, MethodSet, RequestView, RouteTable, Verdict};
use crate::snapshot::RouteId;

/// What a request would meet in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The same as [`RouteTable::lookup`] says.
    pub winner: Lookup,
    /// Routes whose host and path match, in the order in which they were considered, and why each
    /// did not win.
    pub runners_up: Vec<(RouteId, Why)>,
}

/// Why a route whose host and path match did not win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is not served on this listener.
    Listener,
    /// This field condition does not hold; the text says which.
    Header(String),
    /// This query condition does not hold; the text says which.
    Query(String),
    /// Everything holds but the method.
    Method,
    /// It matches, and the winner comes before it.
    After(Because),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener => f.write_str("not on this listener"),
            Self::Header(condition) => write!(f, "not so: header {condition}"),
            Self::Query(condition) => write!(f, "not so: query {condition}"),
            Self::Method => f.write_str("not for this method"),
            Self::After(Because::Host) => f.write_str("the winner's host is more specific"),
            Self::After(Because::Path) => f.write_str("the winner's path is more specific"),
            Self::After(Because::Conditions) => f.write_str("the winner has more conditions"),
            Self::After(Because::Order) => f.write_str("the winner stands earlier"),
        }
    }
}

impl RouteTable {
    /// Says where the request goes and which other routes were in question.
    #[must_use]
    pub fn explain(&self, view: &impl RequestView) -> Explained {
        let mut all = All {
            chooser: self.chooser(view),
            at_host: Vec::new(),
        };
        let mut captures = Captures::new();
        let mut winner: Option<(Candidate, usize)> = None;
        let mut allowed = 0;
        let mut runners_up = Vec::new();
        let ControlFlow::Continue(()) =
            self.hosts
                .visit::<std::convert::Infallible>(view.host(), |host| {
                    for candidate in all.by_rank(&self.at_host[host]) {
                        let why = match all.chooser.judge(&candidate, &mut captures) {
                            Verdict::Matches => match winner {
                                None => {
                                    winner = Some((candidate, host));
                                    continue;
                                }
                                Some((first, at)) if at == host => {
                                    Why::After(self.why(first, candidate))
                                }
                                Some(_) => Why::After(Because::Host),
                            },
                            Verdict::Listener => Why::Listener,
                            Verdict::Method => {
                                allowed |= candidate.methods;
                                Why::Method
                            }
                            Verdict::Unmet(unmet) => unmet_condition(&unmet),
                        };
                        runners_up.push((RouteId(candidate.route), why));
                    }
                    ControlFlow::Continue(())
                });
        let winner = match winner {
            Some((candidate, _)) => Lookup::Route(RouteId(candidate.route)),
            None if allowed == 0 => Lookup::NotFound,
            None => Lookup::MethodNotAllowed(MethodSet(allowed)),
        };
        Explained { winner, runners_up }
    }

    fn why(&self, first: Candidate, second: Candidate) -> Because {
        let matcher = |candidate: Candidate| {
            let index = candidate.route as usize;
            (index, &*self.matchers[index])
        };
        self.ranks.because(matcher(first), matcher(second))
    }
}

fn unmet_condition(unmet: &Unmet<'_>) -> Why {
    match unmet {
        Unmet::Header(condition) => Why::Header(format!("{} {}", condition.name, condition.value)),
        Unmet::Query(condition) => Why::Query(format!("{} {}", condition.name, condition.value)),
    }
}

/// Collects every route whose path matches.
struct All<'t, V> {
    chooser: Chooser<'t, V>,
    at_host: Vec<Candidate>,
}

impl<V: RequestView> All<'_, V> {
    fn by_rank(&mut self, host: &HostRoutes) -> Vec<Candidate> {
        let table = self.chooser.table;
        table
            .paths
            .descend(host.root, self.chooser.view.path(), self);
        for candidate in &host.regexes {
            if self.chooser.regex_matches(candidate) {
                self.at_host.push(*candidate);
            }
        }
        let mut found = std::mem::take(&mut self.at_host);
        found.sort_by_key(|candidate| candidate.rank);
        found
    }
}

impl<V: RequestView> Visitor for All<'_, V> {
    fn bound(&self) -> u32 {
        u32::MAX
    }

    fn visit(&mut self, candidates: &[Candidate]) {
        self.at_host.extend_from_slice(candidates);
    }
}
