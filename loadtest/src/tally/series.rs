//! The run second by second. Entered with the tally of a second over all workers; a row keeps what a
//! plot over time shows, not the whole histogram.

use super::{KindTally, Times};

/// One second of the run. Times are in nanoseconds, and `None` in a second without a good reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The second's number, from 0; outcomes belong to the second in which they were known.
    pub(crate) second: u32,
    /// Requests that fell due.
    pub(crate) due: u64,
    /// Good replies.
    pub(crate) good: u64,
    /// Errors of all kinds.
    pub(crate) errors: u64,
    /// Bytes of complete replies.
    pub(crate) bytes: u64,
    /// The median latency.
    pub(crate) p50: Option<u64>,
    /// The latency that one in a hundred exceeded.
    pub(crate) p99: Option<u64>,
    /// The longest latency.
    pub(crate) max: Option<u64>,
}

impl Row {
    /// The row of a second in which this was counted.
    pub(crate) fn new(second: u32, total: &KindTally) -> Self {
        let latency =
            |value: fn(&Times) -> u64| (!total.latency.is_empty()).then(|| value(&total.latency));
        Self {
            second,
            due: total.due,
            good: total.good,
            errors: total.errors.total(),
            bytes: total.bytes,
            p50: latency(|times| times.value_at_quantile(0.5)),
            p99: latency(|times| times.value_at_quantile(0.99)),
            max: latency(Times::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Failure, Reply};
    use crate::tally::Verdict;
    use std::time::Duration;

    #[test]
    fn a_row_tells_what_was_counted() {
        let mut total = KindTally {
            due: 101,
            ..KindTally::default()
        };
        for millis in 1..=100 {
            let reply = Reply {
                status: 200,
                bytes: 3,
                grpc: None,
            };
            total.count_reply(&reply, Verdict::Good, Duration::from_millis(millis));
        }
        total.count_failure(&Failure::Closed);
        let row = Row::new(4, &total);
        assert_eq!((row.second, row.due, row.good), (4, 101, 100));
        assert_eq!((row.errors, row.bytes), (1, 300));
        let near = |value: Option<u64>, millis: u64| value.unwrap().abs_diff(millis * 1_000_000);
        assert!(near(row.p50, 50) < 50_000, "{row:?}");
        assert!(near(row.p99, 99) < 100_000, "{row:?}");
        assert!(near(row.max, 100) < 100_000, "{row:?}");
    }

    #[test]
    fn a_second_without_replies_has_no_percentiles() {
        let row = Row::new(0, &KindTally::default());
        assert_eq!((row.p50, row.p99, row.max), (None, None, None));
    }
}
