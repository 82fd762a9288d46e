//! What is kept of the requests of one route and service: how many ended with which status on which
//! listener, and how long they took. The worker writes here at the end of every exchange; reports
//! copy from here.

use hdrhistogram::Histogram;

/// Upper ends of the buckets of `corelane_request_duration_seconds`, in microseconds.
pub(super) const BUCKETS: [u64; 16] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// The window over which quantiles are taken: they cover the current one and the one before.
pub(super) const WINDOW_MS: u64 = 5 * 60 * 1000;

/// Longer requests count as this long in quantiles (not in buckets and sums), in microseconds.
const LONGEST_US: u64 = 3600 * 1_000_000;

/// What a new latency histogram holds without growing, in microseconds: a second, in 7 KiB.
const USUAL_US: u64 = (1 << 20) - 1;

/// Statuses that have a row of their own for each series and listener; the rest is counted by its
/// class, because an upstream chooses its statuses freely and every row costs memory.
const EXACT_STATUSES: usize = 32;

/// The requests of one route and service.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Index = the listener's number.
    pub(super) statuses: Vec<Statuses>,
    /// None until the first request has ended.
    pub(super) durations: Option<Box<Durations>>,
}

impl Series {
    /// Counts one request that has ended, in the quantile window of this number.
    pub(super) fn ended(&mut self, listener: u32, status: u16, duration_us: u64, window: u64) {
        let listener = listener as usize;
        if listener >= self.statuses.len() {
            self.statuses.resize_with(listener + 1, Statuses::default);
        }
        self.statuses[listener].count(StatusKey::of(status));
        self.durations
            .get_or_insert_with(Box::default)
            .record(duration_us, window);
    }
}

/// Requests by status.
#[derive(Debug, Default)]
pub(super) struct Statuses(Vec<(StatusKey, u64)>);

impl Statuses {
    pub(super) fn as_slice(&self) -> &[(StatusKey, u64)] {
        &self.0
    }

    fn count(&mut self, key: StatusKey) {
        if let Some((_, requests)) = self.0.iter_mut().find(|(known, _)| *known == key) {
            *requests += 1;
        } else if self.0.len() < EXACT_STATUSES || key.is_shared() {
            self.0.push((key, 1));
        } else {
            self.count(key.class());
        }
    }
}

/// What the `code` label tells apart: exact statuses, classes of statuses, none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StatusKey(u16);

impl StatusKey {
    /// No status was sent.
    const NONE: Self = Self(0);
    /// A status that no RFC gives a class.
    const OTHER: Self = Self(6);

    pub(super) fn of(status: u16) -> Self {
        match status {
            0 => Self::NONE,
            100..=599 => Self(status),
            _ => Self::OTHER,
        }
    }

    /// Whether it stands for several statuses, or for none.
    fn is_shared(self) -> bool {
        self.0 <= Self::OTHER.0
    }

    fn class(self) -> Self {
        if self.is_shared() {
            self
        } else {
            Self(self.0 / 100)
        }
    }
}

impl std::fmt::Display for StatusKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::NONE => f.write_str("none"),
            Self::OTHER => f.write_str("other"),
            Self(class @ 1..=5) => write!(f, "{class}xx"),
            Self(status) => status.fmt(f),
        }
    }
}

/// How long requests took.
#[derive(Debug)]
pub(super) struct Durations {
    /// Requests in each bucket, not cumulated; the last has no upper end.
    pub(super) buckets: [u64; BUCKETS.len() + 1],
    /// Sum of all durations, in microseconds.
    pub(super) sum_us: u64,
    window: u64,
    current: Histogram<u32>,
    previous: Histogram<u32>,
}

impl Default for Durations {
    fn default() -> Self {
        let buckets = [0; BUCKETS.len() + 1];
        Self {
            buckets,
            sum_us: 0,
            window: 0,
            current: histogram(),
            previous: histogram(),
        }
    }
}

impl Durations {
    /// The latencies of the current window (this is its number) and of the one before, in
    /// microseconds.
    pub(super) fn recent(&self, window: u64) -> Histogram<u32> {
        let mut recent = histogram();
        if self.window == window {
            add(&mut recent, &self.current);
            add(&mut recent, &self.previous);
        } else if self.window + 1 == window {
            add(&mut recent, &self.current);
        }
        recent
    }

    fn record(&mut self, duration_us: u64, window: u64) {
        if self.window != window {
            self.enter(window);
        }
        let bucket = BUCKETS
            .iter()
            .position(|&end| duration_us <= end)
            .unwrap_or(BUCKETS.len());
        self.buckets[bucket] += 1;
        self.sum_us = self.sum_us.saturating_add(duration_us);
        self.current
            .record(duration_us.min(LONGEST_US))
            .expect("the histogram grows to every value that fits in memory");
    }

    /// Makes this window the current one. Both histograms keep their memory.
    #[cold]
    fn enter(&mut self, window: u64) {
        std::mem::swap(&mut self.current, &mut self.previous);
        self.current.reset();
        if self.window + 1 != window {
            self.previous.reset();
        }
        self.window = window;
    }
}

/// An empty latency histogram: two significant digits (bounds are at most 0.8 % apart).
pub(super) fn histogram() -> Histogram<u32> {
    let mut histogram = Histogram::new_with_bounds(1, USUAL_US, 2).expect("valid constant bounds");
    histogram.auto(true);
    histogram
}

/// Adds all values of `other`.
pub(super) fn add(histogram: &mut Histogram<u32>, other: &Histogram<u32>) {
    histogram
        .add(other)
        .expect("the histogram grows to every value that another one holds");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_invents_statuses_meets_a_bound() {
        let mut statuses = Statuses::default();
        for status in 0..=u16::MAX {
            statuses.count(StatusKey::of(status));
        }
        assert!(statuses.as_slice().len() <= EXACT_STATUSES + 7);
        let total: u64 = statuses
            .as_slice()
            .iter()
            .map(|(_, requests)| requests)
            .sum();
        assert_eq!(total, u64::from(u16::MAX) + 1);
        let label = |wanted: &str| statuses.0.iter().find(|(key, _)| key.to_string() == wanted);
        assert_eq!(label("none").map(|found| found.1), Some(1));
        assert_eq!(label("5xx").map(|found| found.1), Some(100));
        assert_eq!(label("101").map(|found| found.1), Some(1));
    }

    #[test]
    fn quantiles_are_right_to_one_percent() {
        let mut durations = Durations::default();
        let mut exact: Vec<u64> = Vec::new();
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..200_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            // Log-uniform over nine decades, so that every size of bucket is met.
            exact.push((seed >> 33) >> (seed % 31));
        }
        exact.iter().for_each(|&us| durations.record(us, 0));
        exact.sort_unstable();
        let recent = durations.recent(0);
        for thousandths in 1..=1000_usize {
            #[expect(clippy::cast_precision_loss, reason = "at most 1000")]
            let found = recent.value_at_quantile(thousandths as f64 / 1000.0);
            let right = exact[(exact.len() * thousandths).div_ceil(1000) - 1];
            assert!(
                found.abs_diff(right) * 100 <= right,
                "{thousandths}: {found} for {right}"
            );
        }
    }

    #[test]
    fn quantiles_forget_and_counts_do_not() {
        let mut durations = Durations::default();
        durations.record(9_000, 7);
        assert_eq!(durations.recent(7).len(), 1);
        assert_eq!(durations.recent(8).len(), 1);
        assert_eq!(durations.recent(9).len(), 0);
        durations.record(1_000, 8);
        assert_eq!(durations.recent(8).len(), 2);
        durations.record(1_000, 9);
        assert_eq!(durations.recent(9).max(), 1_003);
        durations.record(2_000, 30);
        assert_eq!(durations.recent(30).len(), 1);
        assert_eq!(durations.buckets.iter().sum::<u64>(), 4);
        assert_eq!(durations.sum_us, 13_000);
    }

    #[test]
    fn a_duration_without_end_is_counted() {
        let mut durations = Durations::default();
        durations.record(u64::MAX, 0);
        durations.record(u64::MAX, 0);
        assert_eq!(durations.buckets[BUCKETS.len()], 2);
        assert_eq!(durations.sum_us, u64::MAX);
        assert!(durations.recent(0).max() >= LONGEST_US);
    }

    #[test]
    fn a_bucket_includes_its_upper_end() {
        let mut durations = Durations::default();
        durations.record(500, 0);
        durations.record(501, 0);
        assert_eq!(durations.buckets[..3], [1, 1, 0]);
    }
}
