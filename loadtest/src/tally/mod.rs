//! The numbers of a run: what was due, latencies, statuses, errors, by kind of request and by second.
//! Entered by the loops with one outcome at a time; whole tallies are merged over the workers and
//! over time, and merging gives what counting in one place would have given.
//!
//! `kind` holds the numbers of one kind of request, `errors` what went wrong, `series` the rows of the
//! plots over time, `curve` a histogram as percentiles, `connections` what was opened.

mod connections;
mod curve;
mod errors;
mod kind;
mod series;

use std::time::Duration;

use hdrhistogram::Histogram;

pub(crate) use connections::Connections;
pub(crate) use curve::curve;
pub(crate) use errors::{Count, ErrorKind, Errors};
pub(crate) use kind::{KindTally, Verdict};
pub(crate) use series::Row;

/// Times are kept in nanoseconds, to three significant digits and to no less than about this.
const TIME_MIN: u64 = 100;
/// An hour; longer ones count as an hour.
const TIME_MAX: u64 = 3_600_000_000_000;

/// Times in nanoseconds.
pub(crate) type Times = Histogram<u64>;

/// What was counted: by one worker or all, in one second or the whole run.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// The numbers of each kind of request, in the plan's order.
    pub(crate) kinds: Vec<KindTally>,
    /// How late the generator itself was to look at each request that was due. Open loop only.
    pub(crate) lag: Times,
    /// What was opened.
    pub(crate) connections: Connections,
    /// From the start of the run to the last complete reply.
    pub(crate) last_reply: Duration,
}

impl Tally {
    /// Nothing counted, of this many kinds.
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            kinds: vec![KindTally::default(); kinds],
            lag: times(),
            connections: Connections::default(),
            last_reply: Duration::ZERO,
        }
    }

    /// All kinds together.
    pub(crate) fn total(&self) -> KindTally {
        let mut total = KindTally::default();
        for kind in &self.kinds {
            total.merge(kind);
        }
        total
    }

    /// Adds the numbers of another worker or another second.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.kinds.iter_mut().zip(&other.kinds) {
            mine.merge(theirs);
        }
        merge_times(&mut self.lag, &other.lag);
        self.connections.merge(other.connections);
        self.last_reply = self.last_reply.max(other.last_reply);
    }
}

/// An empty histogram of times. It is small, and grows to the longest of them: every second of every
/// kind has one, and merging takes as long as they are wide.
pub(crate) fn times() -> Times {
    let mut times = Times::new_with_bounds(TIME_MIN, 2 * TIME_MIN, 3)
        .expect("the bounds are in order and the digits few");
    times.auto(true);
    times
}

/// Records a time; beyond an hour it counts as an hour.
pub(crate) fn record(times: &mut Times, time: Duration) {
    let nanos = u64::try_from(time.as_nanos()).map_or(TIME_MAX, |nanos| nanos.min(TIME_MAX));
    times
        .record(nanos)
        .expect("an hour of nanoseconds has a place in memory");
}

fn merge_times(into: &mut Times, other: &Times) {
    into.add(other).expect("all have the same digits and grow");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Failure, Reply};
    use crate::random::Random;

    /// One outcome of a request, drawn at random.
    fn count_one(tally: &mut Tally, random: &mut Random) {
        let latency = Duration::from_nanos(1_000 + random.below(1 << 34));
        let number = usize::try_from(random.below(3)).unwrap();
        record(&mut tally.lag, latency / 100);
        let kind = &mut tally.kinds[number];
        kind.due += 1;
        match random.below(10) {
            0 => kind.count_failure(&Failure::Timeout),
            1 => kind.count_failure(&Failure::Stopped),
            2 => kind.errors.count(ErrorKind::Status, || "503".to_owned()),
            _ => {
                let status = if random.below(2) == 0 { 200 } else { 404 };
                let reply = Reply {
                    status,
                    bytes: 7,
                    grpc: None,
                };
                kind.count_reply(&reply, Verdict::Good, latency);
                record(&mut kind.service, latency / 2);
            }
        }
        tally.last_reply = tally.last_reply.max(latency);
    }

    #[test]
    fn merging_equals_counting_in_one() {
        let mut random = Random::new(11);
        let mut parts = vec![Tally::new(3); 4];
        let mut whole = Tally::new(3);
        for number in 0..20_000 {
            let mut same = random.clone();
            count_one(&mut whole, &mut random);
            count_one(&mut parts[number % 4], &mut same);
        }
        let mut merged = Tally::new(3);
        for part in &parts {
            merged.merge(part);
        }
        assert_eq!(merged.lag, whole.lag);
        assert_eq!(merged.last_reply, whole.last_reply);
        assert_eq!(merged.kinds, whole.kinds);
        assert_eq!(merged.total(), whole.total());
        assert!(whole.total().latency.len() > 5_000);
    }

    #[test]
    fn times_beyond_the_bounds_are_kept_at_them() {
        let mut times = times();
        record(&mut times, Duration::from_secs(1 << 33));
        record(&mut times, Duration::ZERO);
        assert_eq!(times.len(), 2);
        assert!(
            times.max().abs_diff(TIME_MAX) < TIME_MAX / 1000,
            "{}",
            times.max()
        );
    }
}
