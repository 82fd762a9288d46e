//! What every request costs in numbers: the counters of its route and status, and its place in the
//! latency histogram.

use corelane_engine::Outcome;
use corelane_engine::telemetry::{Ended, Metrics};

/// A worker's counters, and a request that ends again and again, in different times.
#[derive(Debug)]
pub struct Counters {
    metrics: Metrics,
    ended: Ended,
}

impl Counters {
    /// Counters that know the request's route.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Metrics::new(0);
        let ended = Ended {
            listener: metrics.listener("main"),
            series: metrics.series("/api/*", "api"),
            status: 200,
            outcome: Outcome::Ok,
            bytes_in: 0,
            bytes_out: 1024,
            duration_us: 1,
        };
        Self { metrics, ended }
    }

    /// Counts a request from its beginning to its end.
    pub fn count(&mut self) {
        // From microseconds to most of a second, without a pattern.
        self.ended.duration_us = (self.ended.duration_us * 48_271) % 999_983;
        self.metrics.request_started(self.ended.listener);
        self.metrics.request_ended(&self.ended);
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}
