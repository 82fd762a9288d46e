//! The numbers of a run: latencies, statuses, errors by kind. Entered by the loop with one reply or
//! failure at a time, and merged over the workers at the end.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::client::{Failure, Reply};

/// Latencies are kept in nanoseconds between these bounds, to three significant digits.
const LATENCY_MIN: u64 = 100;
/// An hour; longer ones count as an hour.
const LATENCY_MAX: u64 = 3_600_000_000_000;

/// What was counted, by one worker or by all.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Latencies of good replies in nanoseconds, from the request's first byte to the reply's last.
    pub(crate) latency: Histogram<u64>,
    /// Complete replies by the first digit of their status, 1 to 9; 0 stays unused.
    pub(crate) statuses: [u64; 10],
    /// Errors by kind, in the order of `ErrorKind::ALL`.
    errors: [Errors; ErrorKind::ALL.len()],
    /// Connections opened.
    pub(crate) connects: u64,
    /// Bytes of complete replies, heads included.
    pub(crate) bytes: u64,
    /// Requests cut off by the end of the run: neither good nor bad.
    pub(crate) unfinished: u64,
    /// From the start of the run to the last complete reply.
    pub(crate) last_reply: Duration,
}

/// What can go wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// No connection.
    Connect,
    /// No complete reply in time.
    Timeout,
    /// The peer closed the connection before its reply.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// The reply broke the rules of HTTP/1.1 or off in its middle.
    Malformed,
    /// A complete reply with a status of 400 or more.
    Status,
    /// Any other error of the socket.
    Io,
}

/// Errors of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Errors {
    /// How many.
    pub(crate) count: u64,
    /// What the first of them said.
    pub(crate) first: Option<String>,
}

impl ErrorKind {
    /// Every kind, in the order of the reports.
    pub(crate) const ALL: [Self; 7] = [
        Self::Connect,
        Self::Timeout,
        Self::Closed,
        Self::Reset,
        Self::Malformed,
        Self::Status,
        Self::Io,
    ];

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::Status => "status",
            Self::Io => "io",
        }
    }
}

impl Tally {
    /// Counts a complete reply. A refusal (400 or more) is an error and its latency is left out:
    /// refusing is quick and would flatter the rest.
    pub(super) fn count_reply(&mut self, reply: &Reply, latency: Duration, since_start: Duration) {
        self.statuses[usize::from(reply.status / 100 % 10)] += 1;
        self.bytes += reply.bytes;
        self.last_reply = since_start;
        if reply.status >= 400 {
            self.count_error(ErrorKind::Status, || reply.status.to_string());
        } else {
            let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            self.latency.saturating_record(nanos);
        }
    }

    /// Counts a request or connection that came to nothing.
    pub(super) fn count_failure(&mut self, failure: &Failure) {
        match failure {
            Failure::Connect(error) => self.count_error(ErrorKind::Connect, || error.to_string()),
            Failure::Timeout => self.count_error(ErrorKind::Timeout, String::new),
            Failure::Closed => self.count_error(ErrorKind::Closed, String::new),
            Failure::Reset => self.count_error(ErrorKind::Reset, String::new),
            Failure::Malformed(why) => self.count_error(ErrorKind::Malformed, || why.to_string()),
            Failure::Io(error) => self.count_error(ErrorKind::Io, || error.to_string()),
            Failure::Stopped => self.unfinished += 1,
        }
    }

    /// The errors of each kind, those without any included.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (ErrorKind, &Errors)> {
        ErrorKind::ALL.into_iter().zip(&self.errors)
    }

    /// All errors.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.iter().map(|errors| errors.count).sum()
    }

    /// Adds another worker's numbers.
    pub(super) fn merge(&mut self, other: &Self) {
        self.latency
            .add(&other.latency)
            .expect("all tallies have the same bounds");
        for (mine, theirs) in self.statuses.iter_mut().zip(other.statuses) {
            *mine += theirs;
        }
        for (mine, theirs) in self.errors.iter_mut().zip(&other.errors) {
            mine.count += theirs.count;
            mine.first = mine.first.take().or_else(|| theirs.first.clone());
        }
        self.connects += other.connects;
        self.bytes += other.bytes;
        self.unfinished += other.unfinished;
        self.last_reply = self.last_reply.max(other.last_reply);
    }

    fn count_error(&mut self, kind: ErrorKind, text: impl FnOnce() -> String) {
        let errors = &mut self.errors[kind as usize];
        errors.count += 1;
        errors.first.get_or_insert_with(text);
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latency: Histogram::new_with_bounds(LATENCY_MIN, LATENCY_MAX, 3)
                .expect("the bounds are in order and the digits few"),
            statuses: [0; 10],
            errors: Default::default(),
            connects: 0,
            bytes: 0,
            unfinished: 0,
            last_reply: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16) -> Reply {
        Reply {
            status,
            bytes: 10,
            keep_alive: true,
        }
    }

    #[test]
    fn the_order_of_kinds_is_their_index() {
        for (index, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
    }

    #[test]
    fn refusals_are_errors_without_latency() {
        let mut tally = Tally::default();
        let second = Duration::from_secs(1);
        tally.count_reply(&reply(200), Duration::from_micros(50), second);
        tally.count_reply(&reply(503), Duration::from_micros(1), 2 * second);
        assert_eq!(
            (tally.latency.len(), tally.error_count(), tally.bytes),
            (1, 1, 20)
        );
        assert_eq!((tally.statuses[2], tally.statuses[5]), (1, 1));
        assert_eq!(tally.last_reply, 2 * second);
        let (_, status) = tally
            .errors()
            .find(|(kind, _)| *kind == ErrorKind::Status)
            .unwrap();
        assert_eq!(status.first.as_deref(), Some("503"));
    }

    #[test]
    fn merging_adds_everything_and_keeps_the_first_text() {
        let mut left = Tally::default();
        left.count_reply(
            &reply(200),
            Duration::from_micros(100),
            Duration::from_secs(1),
        );
        left.connects = 1;
        let mut right = Tally::default();
        right.count_reply(
            &reply(204),
            Duration::from_micros(300),
            Duration::from_secs(3),
        );
        right.count_failure(&Failure::Malformed(crate::wire::Malformed::Chunk));
        right.count_failure(&Failure::Stopped);
        right.connects = 2;
        left.merge(&right);
        assert_eq!(
            (left.latency.len(), left.connects, left.unfinished),
            (2, 3, 1)
        );
        assert_eq!(
            (left.statuses[2], left.bytes, left.error_count()),
            (2, 20, 1)
        );
        assert_eq!(left.last_reply, Duration::from_secs(3));
        let malformed = &left.errors[ErrorKind::Malformed as usize];
        assert_eq!(malformed.first.as_deref(), Some("malformed chunk"));
    }

    #[test]
    fn latencies_beyond_the_bounds_are_kept_at_them() {
        let mut tally = Tally::default();
        tally.count_reply(&reply(200), Duration::from_secs(1 << 33), Duration::ZERO);
        assert_eq!(tally.latency.len(), 1);
        assert!(tally.latency.max() >= LATENCY_MAX);
    }
}
