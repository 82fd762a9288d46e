//! When requests are due: a rate over time and how arrivals are spread under it. Entered when a plan is
//! made and by each worker, which takes its part of the offsets. Pure: no clock, and chance has a seed.
//!
//! `profile` is the rate over time, `offsets` turns it into the instants.

mod offsets;
mod profile;

use std::fmt;
use std::time::Duration;

pub(crate) use offsets::Offsets;
pub(crate) use profile::{Piece, Profile};

/// Everything that decides when requests are due.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    /// The rate over time.
    pub(crate) profile: Profile,
    /// How arrivals are spread.
    pub(crate) arrivals: Arrivals,
    /// No more than this many are due.
    pub(crate) requests: Option<u64>,
}

/// How arrivals are spread under a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// At equal distances, or as near to it as a changing rate allows.
    Even,
    /// At random, each regardless of the others, as those of many independent users: a Poisson
    /// process, drawn from this seed.
    Poisson {
        /// What the random numbers depend on.
        seed: u64,
    },
}

impl Schedule {
    /// The offsets from the start at which requests are due, in order: every `parts`-th of them,
    /// beginning with number `part`. All parts together are the schedule, whatever their number.
    pub(crate) fn offsets(&self, part: u64, parts: u64) -> Offsets {
        Offsets::new(self, part, parts)
    }

    /// How long it lasts, unless `requests` ends it before.
    pub(crate) fn duration(&self) -> Duration {
        self.profile.duration()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.profile)?;
        match self.arrivals {
            Arrivals::Even => out.write_str(", evenly spaced")?,
            Arrivals::Poisson { seed } => write!(out, ", Poisson arrivals (seed {seed})")?,
        }
        match self.requests {
            Some(count) => write!(out, ", {count} requests at most"),
            None => Ok(()),
        }
    }
}
