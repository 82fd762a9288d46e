//! The key table itself, an [`Object`](super::Object) for each mapping that may be written, in the
//! order of the reference page. Keys of features that this version has not are in it as planned.

mod route;
mod service;
mod top;

pub(crate) use route::{FILTER, MATCH, PATH, ROUTE, WEIGHTED};
pub(crate) use service::{ENDPOINT, SERVICE, SUBSET};
pub(crate) use top::{LISTENER, TEST, TOP};

use super::Range;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Timeouts that routes and services set for themselves.
const TIMEOUT: Range = Range::new(1, DAY);
/// Waiting times that may be none.
const DELAY: Range = Range::new(0, DAY);
/// Shares; large enough for any ratio, and sums stay exact.
const WEIGHT: Range = Range::new(0, 1_000_000);
