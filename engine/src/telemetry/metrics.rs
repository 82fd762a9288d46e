//! [`Metrics`]: the counters of one worker. Names are turned into numbers when a configuration is
//! prepared; counting is then an index into an array that no other thread sees. The control thread
//! gets copies ([`MetricsReport`]) by asking the worker for them.

use std::cell::RefCell;

use corelane_config::limits::{
    MAX_METRICS_ENDPOINTS, MAX_METRICS_LISTENERS, MAX_METRICS_SERIES, MAX_METRICS_SERVICES,
};

use crate::outcome::Outcome;

use super::report::{MetricsReport, Progress};
use super::rows::Rows;
use super::series::{Series, WINDOW_MS};

/// The loop lag that is shown is the worst of the current window of this length and the one before.
const LAG_WINDOW_MS: u64 = 15_000;

/// The number of a listener name in the [`Metrics`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerId(u32);

/// The number of a route and service in the [`Metrics`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesId(u32);

/// The number of a service in the [`Metrics`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceMetricsId(u32);

/// The number of an endpoint in the [`Metrics`] that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointMetricsId(u32);

/// A request that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Where it came in.
    pub listener: ListenerId,
    /// Its route and service.
    pub series: SeriesId,
    /// The status that was sent; 0 when none was.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Body bytes from the client, and those that it sent through a tunnel.
    pub bytes_in: u64,
    /// Body bytes to the client, and those that it got through a tunnel.
    pub bytes_out: u64,
    /// From its head to its end, in microseconds.
    pub duration_us: u64,
}

/// How an attempt to connect to an endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectResult {
    /// Connected.
    Ok,
    /// Refused by the endpoint's host.
    Refused,
    /// Not in time.
    Timeout,
    /// Anything else: no route, no descriptor, ….
    Error,
}

impl ConnectResult {
    /// Every result, in the order of the cells that count them.
    pub(super) const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Timeout, Self::Error];

    /// The value of the `result` label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

/// The counters of one worker.
///
/// Nothing here can fail: what comes with a number that this worker never gave is counted in the
/// overflow row.
#[derive(Debug)]
pub struct Metrics {
    // No method calls anything that could come back here, so no borrow ever meets another.
    state: RefCell<State>,
}

impl Metrics {
    /// No counts yet. `worker` is the number that the worker's own gauges are labelled with.
    #[must_use]
    pub fn new(worker: usize) -> Self {
        Self {
            state: RefCell::new(State::new(worker)),
        }
    }

    /// The number for requests of this route that go to this service. Empty names stand for a
    /// request without a route, and for a route without a service. The same names give the same
    /// number for as long as the worker lives; beyond 10,000 pairs every new one is counted as
    /// `__overflow__`.
    pub fn series(&self, route: &str, service: &str) -> SeriesId {
        SeriesId(self.state.borrow_mut().series.id(route, service))
    }

    /// The number for a listener of this name; see [`Metrics::series`].
    pub fn listener(&self, name: &str) -> ListenerId {
        ListenerId(self.state.borrow_mut().listeners.id(name, ""))
    }

    /// The number for a service of this name; see [`Metrics::series`].
    pub fn service(&self, name: &str) -> ServiceMetricsId {
        ServiceMetricsId(self.state.borrow_mut().services.id(name, ""))
    }

    /// The number for this address as an endpoint of this service; see [`Metrics::series`].
    pub fn endpoint(&self, service: &str, address: &str) -> EndpointMetricsId {
        EndpointMetricsId(self.state.borrow_mut().endpoints.id(service, address))
    }

    /// A request's head has come. Every call is followed by one of [`Metrics::request_ended`].
    pub fn request_started(&self, listener: ListenerId) {
        self.state
            .borrow_mut()
            .listeners
            .row(listener.0)
            .requests_started += 1;
    }

    /// A request has ended, in whichever way.
    pub fn request_ended(&self, ended: &Ended) {
        let state = &mut *self.state.borrow_mut();
        state.listeners.row(ended.listener.0).requests_ended += 1;
        state.outcomes[ended.outcome.index()] += 1;
        state.bytes_in = state.bytes_in.saturating_add(ended.bytes_in);
        state.bytes_out = state.bytes_out.saturating_add(ended.bytes_out);
        let series = state.series.row(ended.series.0);
        series.ended(
            ended.listener.0,
            ended.status,
            ended.duration_us,
            state.window,
        );
    }

    /// A request has become a tunnel; it ends with that. Every call is followed by one of
    /// [`Metrics::tunnel_closed`].
    pub fn tunnel_opened(&self, listener: ListenerId) {
        let state = &mut *self.state.borrow_mut();
        state.listeners.row(listener.0).tunnels_opened += 1;
    }

    /// A tunnel is closed.
    pub fn tunnel_closed(&self, listener: ListenerId) {
        let state = &mut *self.state.borrow_mut();
        state.listeners.row(listener.0).tunnels_closed += 1;
    }

    /// A client has connected.
    pub fn connection_opened(&self, listener: ListenerId) {
        self.state
            .borrow_mut()
            .listeners
            .row(listener.0)
            .connections_opened += 1;
    }

    /// A client's connection is closed. It may have been opened on another worker.
    pub fn connection_closed(&self, listener: ListenerId) {
        self.state
            .borrow_mut()
            .listeners
            .row(listener.0)
            .connections_closed += 1;
    }

    /// An attempt to connect to an endpoint of the service has ended.
    pub fn upstream_connect(&self, service: ServiceMetricsId, result: ConnectResult) {
        self.state.borrow_mut().services.row(service.0).connects[result as usize] += 1;
    }

    /// A request was given an idle connection of the pool.
    pub fn upstream_reused(&self, service: ServiceMetricsId) {
        self.state.borrow_mut().services.row(service.0).reuses += 1;
    }

    /// A connection to an endpoint of the service exists.
    pub fn upstream_opened(&self, service: ServiceMetricsId) {
        self.state.borrow_mut().services.row(service.0).opened += 1;
    }

    /// A connection to an endpoint of the service is closed.
    pub fn upstream_closed(&self, service: ServiceMetricsId) {
        self.state.borrow_mut().services.row(service.0).closed += 1;
    }

    /// A request was given to an endpoint.
    pub fn endpoint_started(&self, endpoint: EndpointMetricsId) {
        self.state.borrow_mut().endpoints.row(endpoint.0).started += 1;
    }

    /// An endpoint is done with a request; `failed` when the endpoint is to blame.
    pub fn endpoint_ended(&self, endpoint: EndpointMetricsId, failed: bool) {
        let state = &mut *self.state.borrow_mut();
        let row = state.endpoints.row(endpoint.0);
        row.ended += 1;
        row.failures += u64::from(failed);
    }

    /// A line of the access log was dropped, because the writer does not keep up.
    pub fn access_log_dropped(&self) {
        self.state.borrow_mut().log_dropped += 1;
    }

    /// Something that was due ran this many microseconds late.
    pub fn loop_lag(&self, us: u64) {
        let state = &mut *self.state.borrow_mut();
        state.lag.current = state.lag.current.max(us);
    }

    /// The share of its recent time, 0 to 1, in which the worker was not waiting for events.
    pub fn busy(&self, ratio: f64) {
        self.state.borrow_mut().busy = ratio.clamp(0.0, 1.0);
    }

    /// Tells the time, in milliseconds of any clock that does not go back, so that latency quantiles
    /// and the loop lag speak of the recent past. Called some times a second.
    pub fn tick(&self, now_ms: u64) {
        let state = &mut *self.state.borrow_mut();
        state.window = now_ms / WINDOW_MS;
        state.lag.enter(now_ms / LAG_WINDOW_MS);
    }

    /// A copy of everything. Takes some microseconds for each series in use; a worker that serves
    /// requests takes the copy in parts instead.
    #[must_use]
    pub fn report(&self) -> MetricsReport {
        let mut report = MetricsReport::default();
        while self.report_part(&mut report) == Progress::More {}
        report
    }

    /// Copies the next part into a report that began empty, in well under a millisecond. Requests
    /// may end between two parts: what they change in parts already copied is in the next report.
    pub fn report_part(&self, report: &mut MetricsReport) -> Progress {
        report.copy_part(&self.state.borrow())
    }
}

/// What a worker counts.
#[derive(Debug)]
pub(super) struct State {
    pub(super) worker: usize,
    pub(super) listeners: Rows<Listener>,
    pub(super) series: Rows<Series>,
    pub(super) services: Rows<Service>,
    pub(super) endpoints: Rows<Endpoint>,
    pub(super) outcomes: [u64; Outcome::COUNT],
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) log_dropped: u64,
    pub(super) busy: f64,
    pub(super) lag: Peak,
    /// The number of the current quantile window.
    pub(super) window: u64,
}

impl State {
    fn new(worker: usize) -> Self {
        Self {
            worker,
            listeners: Rows::new(MAX_METRICS_LISTENERS),
            series: Rows::new(MAX_METRICS_SERIES),
            services: Rows::new(MAX_METRICS_SERVICES),
            endpoints: Rows::new(MAX_METRICS_ENDPOINTS),
            outcomes: [0; Outcome::COUNT],
            bytes_in: 0,
            bytes_out: 0,
            log_dropped: 0,
            busy: 0.0,
            lag: Peak::default(),
            window: 0,
        }
    }
}

/// Counts of a listener. Gauges are differences, because a connection may open on one worker and
/// close on another: only their sum over all workers is a number of connections.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Listener {
    pub(super) requests_started: u64,
    pub(super) requests_ended: u64,
    pub(super) connections_opened: u64,
    pub(super) connections_closed: u64,
    pub(super) tunnels_opened: u64,
    pub(super) tunnels_closed: u64,
}

impl Listener {
    pub(super) fn requests_in_flight(&self) -> u64 {
        self.requests_started.saturating_sub(self.requests_ended)
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections_opened
            .saturating_sub(self.connections_closed)
    }

    pub(super) fn tunnels(&self) -> u64 {
        self.tunnels_opened.saturating_sub(self.tunnels_closed)
    }
}

/// Counts of a service's connections.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Service {
    /// In the order of [`ConnectResult::ALL`].
    pub(super) connects: [u64; ConnectResult::ALL.len()],
    pub(super) reuses: u64,
    pub(super) opened: u64,
    pub(super) closed: u64,
}

impl Service {
    pub(super) fn connections(&self) -> u64 {
        self.opened.saturating_sub(self.closed)
    }
}

/// Counts of an endpoint's requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Endpoint {
    pub(super) started: u64,
    pub(super) ended: u64,
    pub(super) failures: u64,
}

/// The largest value of the current window and of the one before.
#[derive(Debug, Default)]
pub(super) struct Peak {
    window: u64,
    current: u64,
    previous: u64,
}

impl Peak {
    pub(super) fn get(&self) -> u64 {
        self.current.max(self.previous)
    }

    fn enter(&mut self, window: u64) {
        if self.window != window {
            self.previous = if self.window + 1 == window {
                self.current
            } else {
                0
            };
            self.current = 0;
            self.window = window;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_results_are_counted_where_they_are_shown() {
        for (at, result) in ConnectResult::ALL.into_iter().enumerate() {
            assert_eq!(result as usize, at);
        }
    }

    #[test]
    fn a_peak_is_seen_for_one_to_two_windows() {
        let metrics = Metrics::new(0);
        let lag = |now_ms| {
            metrics.tick(now_ms);
            metrics.state.borrow().lag.get()
        };
        metrics.loop_lag(70);
        metrics.loop_lag(30);
        assert_eq!(lag(LAG_WINDOW_MS - 1), 70);
        assert_eq!(lag(LAG_WINDOW_MS), 70);
        metrics.loop_lag(40);
        assert_eq!(lag(2 * LAG_WINDOW_MS), 40);
        metrics.loop_lag(50);
        assert_eq!(lag(9 * LAG_WINDOW_MS), 0);
    }

    #[test]
    fn names_survive_reloads() {
        let metrics = Metrics::new(0);
        let before = (metrics.series("/a", "one"), metrics.listener("main"));
        metrics.series("/b", "two");
        assert_eq!(
            (metrics.series("/a", "one"), metrics.listener("main")),
            before
        );
    }

    #[test]
    fn more_series_than_the_cap_are_counted_together() {
        let metrics = Metrics::new(0);
        let listener = metrics.listener("main");
        let ids = (0..MAX_METRICS_SERIES + 3).map(|n| metrics.series(&format!("/{n}"), "s"));
        for series in ids.skip(MAX_METRICS_SERIES - 1) {
            metrics.request_ended(&Ended {
                listener,
                series,
                status: 200,
                outcome: Outcome::Ok,
                bytes_in: 0,
                bytes_out: 0,
                duration_us: 10,
            });
        }
        let mut page = String::new();
        metrics.report().prometheus("0", 1, &mut page);
        let lines = |start: &str| page.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(lines("corelane_requests_total{"), 2);
        assert!(page.contains(
            "corelane_requests_total{listener=\"main\",route=\"__overflow__\",service=\"__overflow__\",code=\"200\"} 3\n"
        ));
    }
}
