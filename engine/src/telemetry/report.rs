//! [`MetricsReport`]: a copy of one worker's counters, or of several workers' added up. It goes by
//! names instead of numbers, because workers may have numbered the same names differently. Made on
//! a worker in small parts, merged and printed elsewhere.

use std::sync::Arc;

use ahash::AHashMap;
use hdrhistogram::Histogram;

use crate::outcome::Outcome;

use super::metrics::{Endpoint, Listener, Service, State};
use super::rows::Row;
use super::series::{self, BUCKETS, Series, StatusKey};

/// Series in a part, at some microseconds each.
const SERIES_IN_A_PART: usize = 16;
/// Rows of every other table in a part, at some ten nanoseconds each.
const ROWS_IN_A_PART: usize = 512;

/// Whether a report is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Another part is to come.
    More,
    /// Nothing is missing.
    Done,
}

/// Counters of one worker or, after [`MetricsReport::merge`], of several.
#[derive(Debug, Clone, Default)]
pub struct MetricsReport {
    pub(super) listeners: Vec<Row<Listener>>,
    pub(super) series: Vec<Row<SeriesReport>>,
    pub(super) services: Vec<Row<Service>>,
    pub(super) endpoints: Vec<Row<Endpoint>>,
    pub(super) outcomes: [u64; Outcome::COUNT],
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) log_dropped: u64,
    pub(super) log_unwritten: u64,
    pub(super) workers: Vec<WorkerReport>,
    next: Next,
}

/// The requests of one endpoint, as `GET /services` shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointReport {
    /// The service's name.
    pub service: Arc<str>,
    /// The endpoint's address.
    pub address: Arc<str>,
    /// Requests that it has not answered yet.
    pub active: u64,
    /// Requests that it was given.
    pub requests: u64,
    /// Those of them that failed by its fault.
    pub failures: u64,
}

impl MetricsReport {
    /// Adds the counters of other workers. A worker that is in both is counted twice.
    pub fn merge(&mut self, other: &Self) {
        merge_rows(&mut self.listeners, &other.listeners);
        merge_rows(&mut self.series, &other.series);
        merge_rows(&mut self.services, &other.services);
        merge_rows(&mut self.endpoints, &other.endpoints);
        add_cells(&mut self.outcomes, &other.outcomes);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.log_dropped += other.log_dropped;
        self.log_unwritten += other.log_unwritten;
        self.workers.extend_from_slice(&other.workers);
    }

    /// Adds lines of the access log that its writer could not write, as [`AccessLog::start`] has them
    /// counted.
    ///
    /// [`AccessLog::start`]: super::AccessLog::start
    pub fn access_log_unwritten(&mut self, lines: u64) {
        self.log_unwritten += lines;
    }

    /// The quantile `q` (0 to 1) of the latency of the requests that ended within the last five to
    /// ten minutes, in microseconds, at most 1 % off; `None` when there were none.
    #[must_use]
    pub fn quantile(&self, route: &str, service: &str, q: f64) -> Option<u64> {
        let has_names =
            |row: &&Row<SeriesReport>| *row.names[0] == *route && *row.names[1] == *service;
        let latency = &self.series.iter().find(has_names)?.value.latency;
        (!latency.is_empty()).then(|| latency.value_at_quantile(q))
    }

    /// Requests whose head has come and that have not ended, tunnels among them.
    #[must_use]
    pub fn requests_in_flight(&self) -> u64 {
        self.listeners
            .iter()
            .map(|row| row.value.requests_in_flight())
            .sum()
    }

    /// Requests that have become tunnels and have not ended.
    #[must_use]
    pub fn tunnels(&self) -> u64 {
        self.listeners.iter().map(|row| row.value.tunnels()).sum()
    }

    /// Client connections that are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.listeners
            .iter()
            .map(|row| row.value.connections())
            .sum()
    }

    /// Requests that ended like this.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()]
    }

    /// Every endpoint that has a number, in no order.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointReport> {
        self.endpoints.iter().map(
            |Row {
                 names: [service, address],
                 value,
             }| EndpointReport {
                service: service.clone(),
                address: address.clone(),
                active: value.started.saturating_sub(value.ended),
                requests: value.started,
                failures: value.failures,
            },
        )
    }

    /// Copies what comes next. What has no rows comes last, to be the newest.
    pub(super) fn copy_part(&mut self, state: &State) -> Progress {
        let Next {
            listeners,
            series,
            services,
            endpoints,
        } = &mut self.next;
        copy_rows(
            &mut self.listeners,
            take(state.listeners.as_slice(), listeners, ROWS_IN_A_PART),
        );
        copy_rows(
            &mut self.services,
            take(state.services.as_slice(), services, ROWS_IN_A_PART),
        );
        copy_rows(
            &mut self.endpoints,
            take(state.endpoints.as_slice(), endpoints, ROWS_IN_A_PART),
        );
        for row in take(state.series.as_slice(), series, SERIES_IN_A_PART) {
            self.series.extend(SeriesReport::of(row, state));
        }
        if self.next.is_behind(state) {
            return Progress::More;
        }
        self.outcomes = state.outcomes;
        self.bytes_in = state.bytes_in;
        self.bytes_out = state.bytes_out;
        self.log_dropped = state.log_dropped;
        let (lag_us, busy) = (state.lag.get(), state.busy);
        self.workers = vec![WorkerReport {
            worker: state.worker,
            lag_us,
            busy,
        }];
        Progress::Done
    }
}

/// The gauges of one worker.
#[derive(Debug, Clone)]
pub(super) struct WorkerReport {
    pub(super) worker: usize,
    pub(super) lag_us: u64,
    pub(super) busy: f64,
}

/// The requests of one route and service, at least one.
#[derive(Debug, Clone)]
pub(super) struct SeriesReport {
    pub(super) statuses: Vec<StatusReport>,
    /// As in [`series::Durations`].
    pub(super) buckets: [u64; BUCKETS.len() + 1],
    pub(super) sum_us: u64,
    pub(super) latency: Histogram<u32>,
}

impl SeriesReport {
    /// A copy of the row, unless nothing was counted in it.
    fn of(row: &Row<Series>, state: &State) -> Option<Row<Self>> {
        let durations = row.value.durations.as_deref()?;
        let mut statuses = Vec::new();
        for (listener, counts) in state.listeners.as_slice().iter().zip(&row.value.statuses) {
            statuses.extend(
                counts
                    .as_slice()
                    .iter()
                    .map(|&(key, requests)| StatusReport {
                        listener: listener.names[0].clone(),
                        key,
                        requests,
                    }),
            );
        }
        let value = Self {
            statuses,
            buckets: durations.buckets,
            sum_us: durations.sum_us,
            latency: durations.recent(state.window),
        };
        Some(Row {
            names: row.names.clone(),
            value,
        })
    }
}

/// Requests with one status (or class of statuses) on one listener.
#[derive(Debug, Clone)]
pub(super) struct StatusReport {
    pub(super) listener: Arc<str>,
    pub(super) key: StatusKey,
    pub(super) requests: u64,
}

/// How many rows of each table of the worker have been looked at.
#[derive(Debug, Clone, Default)]
struct Next {
    listeners: usize,
    series: usize,
    services: usize,
    endpoints: usize,
}

impl Next {
    fn is_behind(&self, state: &State) -> bool {
        self.listeners < state.listeners.as_slice().len()
            || self.series < state.series.as_slice().len()
            || self.services < state.services.as_slice().len()
            || self.endpoints < state.endpoints.as_slice().len()
    }
}

/// At most `count` rows from `next` on.
fn take<'a, R>(rows: &'a [Row<R>], next: &mut usize, count: usize) -> &'a [Row<R>] {
    let start = (*next).min(rows.len());
    let end = rows.len().min(start + count);
    *next = end;
    &rows[start..end]
}

/// Copies rows, but for an overflow row that nothing was counted in.
fn copy_rows<R: Clone + Default + PartialEq>(copies: &mut Vec<Row<R>>, rows: &[Row<R>]) {
    let is_used = |row: &&Row<R>| !row.is_overflow() || row.value != R::default();
    copies.extend(rows.iter().filter(is_used).cloned());
}

/// Adds rows of the same names, and appends the others.
fn merge_rows<R: Clone + Merge>(rows: &mut Vec<Row<R>>, others: &[Row<R>]) {
    let mut places = AHashMap::with_capacity(rows.len());
    places.extend(
        rows.iter()
            .enumerate()
            .map(|(at, row)| (row.names.clone(), at)),
    );
    for other in others {
        match places.get(&other.names) {
            Some(&at) => rows[at].value.merge(&other.value),
            None => rows.push(other.clone()),
        }
    }
}

fn add_cells(cells: &mut [u64], others: &[u64]) {
    for (cell, other) in cells.iter_mut().zip(others) {
        *cell += other;
    }
}

/// What adds up over workers.
trait Merge {
    fn merge(&mut self, other: &Self);
}

impl Merge for Listener {
    fn merge(&mut self, other: &Self) {
        self.requests_started += other.requests_started;
        self.requests_ended += other.requests_ended;
        self.connections_opened += other.connections_opened;
        self.connections_closed += other.connections_closed;
        self.tunnels_opened += other.tunnels_opened;
        self.tunnels_closed += other.tunnels_closed;
    }
}

impl Merge for Service {
    fn merge(&mut self, other: &Self) {
        add_cells(&mut self.connects, &other.connects);
        self.reuses += other.reuses;
        self.opened += other.opened;
        self.closed += other.closed;
    }
}

impl Merge for Endpoint {
    fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.ended += other.ended;
        self.failures += other.failures;
    }
}

impl Merge for SeriesReport {
    fn merge(&mut self, other: &Self) {
        for status in &other.statuses {
            let same = |mine: &&mut StatusReport| {
                mine.key == status.key && mine.listener == status.listener
            };
            match self.statuses.iter_mut().find(same) {
                Some(mine) => mine.requests += status.requests,
                None => self.statuses.push(status.clone()),
            }
        }
        add_cells(&mut self.buckets, &other.buckets);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        series::add(&mut self.latency, &other.latency);
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::{Ended, Metrics};
    use super::*;

    fn end(metrics: &Metrics, route: &str, status: u16, duration_us: u64) {
        let listener = metrics.listener("main");
        metrics.request_started(listener);
        metrics.request_ended(&Ended {
            listener,
            series: metrics.series(route, "s"),
            status,
            outcome: Outcome::Ok,
            bytes_in: 1,
            bytes_out: 10,
            duration_us,
        });
    }

    #[test]
    fn a_report_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<MetricsReport>();
    }

    #[test]
    fn workers_that_number_names_differently_add_up() {
        let (one, two) = (Metrics::new(0), Metrics::new(1));
        end(&one, "/a", 200, 1_000);
        end(&one, "/b", 200, 5_000);
        end(&two, "/b", 200, 7_000);
        end(&two, "/b", 404, 9_000);
        end(&two, "/c", 200, 1_000);
        let mut report = one.report();
        report.merge(&two.report());
        let statuses = |route: &str| -> Vec<(String, u64)> {
            let row = report
                .series
                .iter()
                .find(|row| *row.names[0] == *route)
                .unwrap();
            row.value
                .statuses
                .iter()
                .map(|s| (s.key.to_string(), s.requests))
                .collect()
        };
        assert_eq!(statuses("/a"), [("200".to_owned(), 1)]);
        assert_eq!(
            statuses("/b"),
            [("200".to_owned(), 2), ("404".to_owned(), 1)]
        );
        assert_eq!(statuses("/c"), [("200".to_owned(), 1)]);
        assert_eq!((report.bytes_in, report.bytes_out), (5, 50));
        assert_eq!(report.outcome(Outcome::Ok), 5);
        assert_eq!(report.requests_in_flight(), 0);
        let median = report.quantile("/b", "s", 0.5).unwrap();
        assert!((7_000..=7_070).contains(&median), "{median}");
        assert_eq!(report.quantile("/d", "s", 0.5), None);
        assert_eq!(
            report
                .workers
                .iter()
                .map(|worker| worker.worker)
                .collect::<Vec<_>>(),
            [0, 1]
        );
    }

    #[test]
    fn a_connection_that_moves_between_workers_is_one_connection() {
        let (one, two) = (Metrics::new(0), Metrics::new(1));
        one.connection_opened(one.listener("main"));
        one.connection_opened(one.listener("main"));
        two.connection_closed(two.listener("main"));
        let mut report = two.report();
        report.merge(&one.report());
        assert_eq!(report.connections(), 1);
    }

    #[test]
    fn endpoints_are_told_apart_by_service() {
        let metrics = Metrics::new(0);
        let [a, b] = ["a", "b"].map(|service| metrics.endpoint(service, "127.0.0.1:1"));
        metrics.endpoint_started(a);
        metrics.endpoint_started(a);
        metrics.endpoint_ended(a, true);
        metrics.endpoint_started(b);
        let found: Vec<_> = metrics.report().endpoints().collect();
        let row = |service: &str, active, requests, failures| EndpointReport {
            service: service.into(),
            address: "127.0.0.1:1".into(),
            active,
            requests,
            failures,
        };
        assert_eq!(found, [row("a", 1, 2, 1), row("b", 1, 1, 0)]);
    }

    #[test]
    fn a_report_in_parts_is_the_report() {
        let metrics = Metrics::new(0);
        for n in 0..5 * SERIES_IN_A_PART + 3 {
            end(&metrics, &format!("/{n}"), 200, 1_000);
        }
        for n in 0..7 * ROWS_IN_A_PART {
            metrics.endpoint("s", &n.to_string());
        }
        let mut report = MetricsReport::default();
        let mut parts = 1;
        while metrics.report_part(&mut report) == Progress::More {
            parts += 1;
            assert!(report.series.len() <= parts * SERIES_IN_A_PART);
        }
        assert_eq!(parts, 8);
        assert_eq!(report.series.len(), 5 * SERIES_IN_A_PART + 3);
        assert_eq!(report.endpoints().count(), 7 * ROWS_IN_A_PART);
    }
}
