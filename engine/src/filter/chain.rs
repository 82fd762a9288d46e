//! The filters of one route on one worker, sorted into one list per hook when a configuration is
//! prepared: a hook that nobody has is a list without entries.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::Phases;
use super::erased::ErasedFilter;
use crate::rt::clock::Millis;

/// A filter complains in the log at most so often (milliseconds): its failures are replies first.
const COMPLAINT_MS: u64 = 1000;

/// The filters of one route on one worker.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(super) members: Vec<Member>,
    // Positions in `members`. Responses go from last to first.
    pub(super) request: Vec<usize>,
    pub(super) request_body: Vec<usize>,
    pub(super) response: Vec<usize>,
    pub(super) response_body: Vec<usize>,
    pub(super) complete: Vec<usize>,
}

/// A filter of a route.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) filter: Rc<dyn ErasedFilter>,
    phases: Phases,
    complained_at: Cell<Option<Millis>>,
}

impl Chain {
    /// The chain of these filters, in the order of the route's list.
    pub(super) fn new(members: Vec<Member>) -> Self {
        let with = |phase: Phases| {
            let holds = move |(_, member): &(usize, &Member)| member.phases.contains(phase);
            members.iter().enumerate().filter(holds).map(|(at, _)| at)
        };
        Self {
            request: with(Phases::REQUEST).collect(),
            request_body: with(Phases::REQUEST_BODY).collect(),
            response: with(Phases::RESPONSE).rev().collect(),
            response_body: with(Phases::RESPONSE_BODY).rev().collect(),
            complete: with(Phases::COMPLETE).collect(),
            members,
        }
    }
}

impl Member {
    pub(super) fn new(name: &'static str, phases: Phases, filter: Rc<dyn ErasedFilter>) -> Self {
        Self {
            name,
            filter,
            phases,
            complained_at: Cell::new(None),
        }
    }

    /// Says in the log what went wrong, unless it did so a moment ago.
    pub(super) fn complain(&self, now: Millis, of: &dyn fmt::Display) {
        let recently = |at: Millis| now.saturating_sub(at) < COMPLAINT_MS;
        if !self.complained_at.get().is_some_and(recently) {
            self.complained_at.set(Some(now));
            log::warn!("filter `{}`: {of}", self.name);
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name)
            .field("phases", &self.phases)
            .finish_non_exhaustive()
    }
}
