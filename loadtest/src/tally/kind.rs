//! The numbers of one kind of request, or of all kinds together. Entered with one outcome at a time.

use std::time::Duration;

use super::{Count, Errors, Times, merge_times, record, times};
use crate::client::{Failure, Reply};
use crate::tally::ErrorKind;
use crate::wire::grpc::Code;

/// What became of the requests of one kind. Every one that was due is in the end good, an error or
/// unfinished.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KindTally {
    /// Requests that the schedule asked for; in a closed loop those that were begun.
    pub(crate) due: u64,
    /// Complete replies that are no error.
    pub(crate) good: u64,
    /// Bytes of complete replies, heads included.
    pub(crate) bytes: u64,
    /// Requests cut off by the end of the run: neither good nor bad.
    pub(crate) unfinished: u64,
    /// From when a request was due until its good reply was complete; in the open loop also the age of
    /// unfinished requests.
    pub(crate) latency: Times,
    /// The same from when the request was sent; empty in a closed loop, where that is when it is due.
    pub(crate) service: Times,
    /// Complete replies by the first digit of their status, 1 to 9; 0 stays unused.
    pub(crate) statuses: [u64; 10],
    /// Complete replies to calls of gRPC, by their code.
    pub(crate) grpc_statuses: [u64; Code::COUNT],
    /// What went wrong.
    pub(crate) errors: Errors,
    /// For each check of the kind how many replies failed it; those at the end may be left out. Over
    /// several kinds the numbers mean nothing.
    pub(crate) failed_checks: Vec<Count>,
}

/// What a complete reply is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be.
    Good,
    /// Its status is 400 or more.
    Refused,
    /// Its status of gRPC is another than OK, in these words.
    Unsuccessful(String),
    /// A check found something else than it wants.
    Failed {
        /// The check's number.
        number: usize,
        /// What it wants and what it found.
        text: String,
    },
}

impl KindTally {
    /// Counts a complete reply. One that is not good is an error, and its latency is left out:
    /// refusing is quick and would flatter the rest.
    pub(crate) fn count_reply(&mut self, reply: &Reply, verdict: Verdict, latency: Duration) {
        self.statuses[usize::from(reply.status / 100 % 10)] += 1;
        self.bytes += reply.bytes;
        if let Some(code) = reply.grpc {
            self.grpc_statuses[code.index()] += 1;
        }
        match verdict {
            Verdict::Good => {
                self.good += 1;
                record(&mut self.latency, latency);
            }
            Verdict::Refused => self
                .errors
                .count(ErrorKind::Status, || reply.status.to_string()),
            Verdict::Unsuccessful(text) => self.errors.count(ErrorKind::Grpc, || text),
            Verdict::Failed { number, text } => {
                if self.failed_checks.len() <= number {
                    self.failed_checks.resize_with(number + 1, Count::default);
                }
                self.failed_checks[number].add(|| text.clone());
                self.errors.count(ErrorKind::Check, || text);
            }
        }
    }

    /// Counts a request of the open loop that the end of the run has cut off at this age. Its latency
    /// would have been longer; left out, a target that stalls near the end could hide it.
    pub(crate) fn count_unfinished(&mut self, age: Duration) {
        self.unfinished += 1;
        record(&mut self.latency, age);
    }

    /// Counts a request that came to nothing.
    pub(crate) fn count_failure(&mut self, failure: &Failure) {
        match failure {
            Failure::Stopped => self.unfinished += 1,
            failure => self.errors.count_failure(failure),
        }
    }

    /// Complete replies, good and bad.
    pub(crate) fn replies(&self) -> u64 {
        self.statuses.iter().sum()
    }

    /// Adds the numbers of another worker, second or kind.
    pub(super) fn merge(&mut self, other: &Self) {
        self.due += other.due;
        self.good += other.good;
        self.bytes += other.bytes;
        self.unfinished += other.unfinished;
        merge_times(&mut self.latency, &other.latency);
        merge_times(&mut self.service, &other.service);
        for (mine, theirs) in self.statuses.iter_mut().zip(other.statuses) {
            *mine += theirs;
        }
        for (mine, theirs) in self.grpc_statuses.iter_mut().zip(other.grpc_statuses) {
            *mine += theirs;
        }
        self.errors.merge(&other.errors);
        let count = self.failed_checks.len().max(other.failed_checks.len());
        self.failed_checks.resize_with(count, Count::default);
        for (mine, theirs) in self.failed_checks.iter_mut().zip(&other.failed_checks) {
            mine.merge(theirs);
        }
    }
}

impl Default for KindTally {
    fn default() -> Self {
        Self {
            due: 0,
            good: 0,
            bytes: 0,
            unfinished: 0,
            latency: times(),
            service: times(),
            statuses: [0; 10],
            grpc_statuses: [0; Code::COUNT],
            errors: Errors::default(),
            failed_checks: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_errors_without_latency() {
        let mut tally = KindTally::default();
        let reply = |status| Reply {
            status,
            bytes: 10,
            grpc: None,
        };
        tally.count_reply(&reply(200), Verdict::Good, Duration::from_micros(50));
        tally.count_reply(&reply(503), Verdict::Refused, Duration::from_micros(1));
        assert_eq!((tally.good, tally.latency.len(), tally.bytes), (1, 1, 20));
        assert_eq!((tally.statuses[2], tally.statuses[5]), (1, 1));
        let status = tally.errors.of(ErrorKind::Status);
        assert_eq!((status.count, status.first.as_deref()), (1, Some("503")));
    }

    #[test]
    fn failed_checks_are_errors_and_counted_each_by_itself() {
        let failed = |number: usize, text: &str| Verdict::Failed {
            number,
            text: text.to_owned(),
        };
        let reply = Reply {
            status: 200,
            bytes: 10,
            grpc: None,
        };
        let mut tally = KindTally::default();
        tally.count_reply(&reply, failed(2, "a"), Duration::ZERO);
        let mut other = KindTally::default();
        other.count_reply(&reply, failed(2, "b"), Duration::ZERO);
        other.count_reply(&reply, failed(0, "c"), Duration::ZERO);
        tally.merge(&other);
        let counts: Vec<_> = tally
            .failed_checks
            .iter()
            .map(|count| count.count)
            .collect();
        assert_eq!(counts, [1, 0, 2]);
        assert_eq!(tally.failed_checks[2].first.as_deref(), Some("a"));
        assert_eq!(tally.errors.of(ErrorKind::Check).count, 3);
        assert_eq!(
            (tally.good, tally.latency.len(), tally.replies()),
            (0, 0, 3)
        );
    }

    #[test]
    fn the_end_of_the_run_is_no_error() {
        let mut tally = KindTally::default();
        tally.count_failure(&Failure::Stopped);
        tally.count_failure(&Failure::Timeout);
        assert_eq!((tally.unfinished, tally.errors.total()), (1, 1));
        assert!(tally.latency.is_empty());
        tally.count_unfinished(Duration::from_secs(1));
        assert_eq!((tally.unfinished, tally.latency.len()), (2, 1));
    }
}
