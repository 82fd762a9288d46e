//! The text that `GET /metrics` answers: a report in the Prometheus exposition format 0.0.4, one
//! block a family. It prints what it is given and computes nothing but quantiles.

use std::fmt::{self, Display, Write};

use crate::outcome::Outcome;

use super::metrics::{ConnectResult, Listener, Service};
use super::report::{MetricsReport, SeriesReport};
use super::rows::Row;
use super::series::BUCKETS;

/// The quantiles that are shown, and how they are labelled.
const QUANTILES: [(&str, f64); 5] = [
    ("0.5", 0.5),
    ("0.9", 0.9),
    ("0.95", 0.95),
    ("0.99", 0.99),
    ("0.999", 0.999),
];

impl MetricsReport {
    /// Appends the page. `version` is the program's; `generation` is that of the snapshot which new
    /// requests get.
    pub fn prometheus(&self, version: &str, generation: u64, out: &mut String) {
        let mut page = Page { out };
        let series = sorted(&self.series);
        page.requests(&series);
        page.durations(&series);
        page.quantiles(&series);
        page.listeners(&sorted(&self.listeners));
        page.services(&sorted(&self.services));
        page.totals(self);
        page.workers(self);
        page.family(
            "corelane_snapshot_generation",
            "gauge",
            "Generation of the configuration in use.",
        )
        .sample(&[], generation);
        page.family(
            "corelane_build_info",
            "gauge",
            "Always 1; its label is the program's version.",
        )
        .sample(&[("version", version)], 1);
    }
}

/// The page so far.
struct Page<'a> {
    out: &'a mut String,
}

impl Page<'_> {
    fn requests(&mut self, series: &[&Row<SeriesReport>]) {
        let help = "Requests that have ended, by the status that was sent (of some series the rare ones by class).";
        let mut family = self.family("corelane_requests_total", "counter", help);
        for Row {
            names: [route, service],
            value,
        } in series
        {
            let mut statuses: Vec<_> = value.statuses.iter().collect();
            statuses.sort_unstable_by_key(|status| (&status.listener, status.key));
            for status in statuses {
                let listener = ("listener", &*status.listener);
                let code = ("code", &*status.key.to_string());
                let labels = [listener, ("route", route), ("service", service), code];
                family.sample(&labels, status.requests);
            }
        }
    }

    fn durations(&mut self, series: &[&Row<SeriesReport>]) {
        let help = "Time from the end of a request's head to the end of the exchange.";
        let mut family = self.family("corelane_request_duration_seconds", "histogram", help);
        for Row {
            names: [route, service],
            value,
        } in series
        {
            let labels = [("route", &**route), ("service", &**service)];
            let mut requests = 0;
            for (at, bucket) in value.buckets.iter().enumerate() {
                requests += bucket;
                let end = BUCKETS.get(at).map(|&us| Seconds(us).to_string());
                let end = end.as_deref().unwrap_or("+Inf");
                family.part("_bucket", &[labels[0], labels[1], ("le", end)], requests);
            }
            family.part("_sum", &labels, Seconds(value.sum_us));
            family.part("_count", &labels, requests);
        }
    }

    fn quantiles(&mut self, series: &[&Row<SeriesReport>]) {
        let help = "Quantiles of the same time over the last five to ten minutes, at most 1 % off.";
        // Not a gauge: only a summary may have a label of this name.
        let name = "corelane_request_duration_quantile_seconds";
        let mut family = self.family(name, "summary", help);
        for Row {
            names: [route, service],
            value,
        } in series
        {
            if value.latency.is_empty() {
                continue;
            }
            for (label, quantile) in QUANTILES {
                let labels = [
                    ("route", &**route),
                    ("service", &**service),
                    ("quantile", label),
                ];
                family.sample(&labels, Seconds(value.latency.value_at_quantile(quantile)));
            }
        }
    }

    fn listeners(&mut self, rows: &[&Row<Listener>]) {
        self.family(
            "corelane_requests_in_flight",
            "gauge",
            "Requests that have not ended, tunnels among them.",
        )
        .rows("listener", rows, Listener::requests_in_flight);
        self.family(
            "corelane_tunnels",
            "gauge",
            "Requests that have become tunnels and have not ended.",
        )
        .rows("listener", rows, Listener::tunnels);
        self.family(
            "corelane_downstream_connections",
            "gauge",
            "Open client connections.",
        )
        .rows("listener", rows, Listener::connections);
        self.family(
            "corelane_downstream_connections_total",
            "counter",
            "Client connections accepted.",
        )
        .rows("listener", rows, |listener| listener.connections_opened);
    }

    fn services(&mut self, rows: &[&Row<Service>]) {
        self.family(
            "corelane_upstream_connections",
            "gauge",
            "Open connections to endpoints.",
        )
        .rows("service", rows, Service::connections);
        let help = "Attempts to connect to an endpoint, by how they ended.";
        let mut family = self.family("corelane_upstream_connects_total", "counter", help);
        for row in rows {
            for result in ConnectResult::ALL {
                let labels = [("service", &*row.names[0]), ("result", result.as_str())];
                family.sample(&labels, row.value.connects[result as usize]);
            }
        }
        self.family(
            "corelane_upstream_reuses_total",
            "counter",
            "Requests sent on an idle connection.",
        )
        .rows("service", rows, |service| service.reuses);
    }

    fn totals(&mut self, report: &MetricsReport) {
        self.family(
            "corelane_bytes_total",
            "counter",
            "Bytes of the bodies and tunnels of ended exchanges, from clients (in) and to them (out).",
        )
        .sample(&[("direction", "in")], report.bytes_in)
        .sample(&[("direction", "out")], report.bytes_out);
        let mut family = self.family(
            "corelane_outcomes_total",
            "counter",
            "Requests that have ended, by how.",
        );
        for outcome in Outcome::ALL {
            family.sample(&[("outcome", outcome.as_str())], report.outcome(outcome));
        }
        self.family(
            "corelane_access_log_lost_total",
            "counter",
            "Lines that the access log lacks, by the reason.",
        )
        .sample(&[("reason", "queue_full")], report.log_dropped)
        .sample(&[("reason", "write_error")], report.log_unwritten);
    }

    fn workers(&mut self, report: &MetricsReport) {
        let mut workers: Vec<_> = report.workers.iter().collect();
        workers.sort_unstable_by_key(|worker| worker.worker);
        let help = "How late the event loop came to something that was due: the worst of the last 15 to 30 s.";
        let mut family = self.family("corelane_worker_loop_lag_seconds", "gauge", help);
        for worker in &workers {
            family.sample(
                &[("worker", &worker.worker.to_string())],
                Seconds(worker.lag_us),
            );
        }
        let help = "Share of its recent time that the worker did not wait for events.";
        let mut family = self.family("corelane_worker_busy_ratio", "gauge", help);
        for worker in &workers {
            family.sample(&[("worker", &worker.worker.to_string())], worker.busy);
        }
    }

    /// Begins the block of a family.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        self.append(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family {
            page: Page { out: self.out },
            name,
        }
    }

    fn append(&mut self, text: fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a String takes every text");
    }
}

/// The block of one family.
struct Family<'a> {
    page: Page<'a>,
    name: &'static str,
}

impl Family<'_> {
    /// A sample of the family's own name.
    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.part("", labels, value);
        self
    }

    /// A sample each, with the row's first name as its label.
    fn rows<R>(&mut self, label: &str, rows: &[&Row<R>], value: impl Fn(&R) -> u64) {
        for row in rows {
            self.sample(&[(label, &row.names[0])], value(&row.value));
        }
    }

    /// A sample of the family's name with a suffix.
    fn part(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.page.append(format_args!("{}{suffix}", self.name));
        for (at, (label, text)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            self.page
                .append(format_args!("{before}{label}=\"{}\"", LabelValue(text)));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.page.append(format_args!("{end} {value}\n"));
    }
}

/// A label's value, escaped.
struct LabelValue<'a>(&'a str);

impl Display for LabelValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(['\\', '"', '\n']) {
            let (plain, escaped) = match piece.as_bytes().last() {
                Some(b'\\') => (&piece[..piece.len() - 1], "\\\\"),
                Some(b'"') => (&piece[..piece.len() - 1], "\\\""),
                Some(b'\n') => (&piece[..piece.len() - 1], "\\n"),
                _ => (piece, ""),
            };
            f.write_str(plain)?;
            f.write_str(escaped)?;
        }
        Ok(())
    }
}

/// Microseconds, printed as seconds without rounding.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if micros == 0 {
            return whole.fmt(f);
        }
        let text = format!("{micros:06}");
        write!(f, "{whole}.{}", text.trim_end_matches('0'))
    }
}

/// The rows by name, so that two pages differ only where numbers do.
fn sorted<R>(rows: &[Row<R>]) -> Vec<&Row<R>> {
    let mut rows: Vec<&Row<R>> = rows.iter().collect();
    rows.sort_unstable_by(|a, b| a.names.cmp(&b.names));
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::metrics::{Ended, Metrics};
    use super::*;

    /// A page with something in every family, names that need escaping and two workers.
    fn page() -> String {
        let workers = [0, 1].map(Metrics::new);
        for metrics in &workers {
            let listener = metrics.listener("127.0.0.1:8080");
            let service = metrics.service("users");
            metrics.connection_opened(listener);
            metrics.upstream_opened(service);
            metrics.upstream_connect(service, ConnectResult::Ok);
            metrics.upstream_reused(service);
            metrics.request_started(listener);
            for (route, status, duration_us) in [
                ("/a\"b\\c\nd", 200, 1_500),
                ("/z", 503, 61_000_000),
                ("", 0, 1),
            ] {
                metrics.request_started(listener);
                metrics.request_ended(&Ended {
                    listener,
                    series: metrics.series(route, "users"),
                    status,
                    outcome: Outcome::Ok,
                    bytes_in: 3,
                    bytes_out: 4,
                    duration_us,
                });
            }
            metrics.loop_lag(250);
            metrics.busy(0.25);
            metrics.access_log_dropped();
        }
        let mut report = workers[1].report();
        report.merge(&workers[0].report());
        report.access_log_unwritten(7);
        let mut page = String::new();
        report.prometheus("1.2.3", 42, &mut page);
        page
    }

    #[test]
    fn samples_are_as_promised() {
        let page = page();
        let wanted = r#"
corelane_requests_total{listener="127.0.0.1:8080",route="/a\"b\\c\nd",service="users",code="200"} 2
corelane_requests_total{listener="127.0.0.1:8080",route="",service="users",code="none"} 2
corelane_request_duration_seconds_bucket{route="/z",service="users",le="60"} 0
corelane_request_duration_seconds_bucket{route="/z",service="users",le="+Inf"} 2
corelane_request_duration_seconds_sum{route="/z",service="users"} 122
corelane_request_duration_seconds_count{route="/z",service="users"} 2
corelane_request_duration_seconds_bucket{route="",service="users",le="0.0005"} 2
corelane_request_duration_seconds_bucket{route="",service="users",le="0.001"} 2
corelane_request_duration_seconds_bucket{route="",service="users",le="+Inf"} 2
corelane_request_duration_quantile_seconds{route="",service="users",quantile="0.999"} 0.000001
corelane_requests_in_flight{listener="127.0.0.1:8080"} 2
corelane_downstream_connections{listener="127.0.0.1:8080"} 2
corelane_downstream_connections_total{listener="127.0.0.1:8080"} 2
corelane_upstream_connections{service="users"} 2
corelane_upstream_connects_total{service="users",result="ok"} 2
corelane_upstream_connects_total{service="users",result="timeout"} 0
corelane_upstream_reuses_total{service="users"} 2
corelane_bytes_total{direction="in"} 18
corelane_bytes_total{direction="out"} 24
corelane_outcomes_total{outcome="ok"} 6
corelane_outcomes_total{outcome="internal"} 0
corelane_access_log_lost_total{reason="queue_full"} 2
corelane_access_log_lost_total{reason="write_error"} 7
corelane_worker_loop_lag_seconds{worker="1"} 0.00025
corelane_worker_busy_ratio{worker="0"} 0.25
corelane_snapshot_generation 42
corelane_build_info{version="1.2.3"} 1"#;
        for line in wanted.trim_start().lines() {
            assert_eq!(
                page.lines().filter(|&found| found == line).count(),
                1,
                "{line}\nin\n{page}"
            );
        }
        assert!(!page.contains("__overflow__"));
    }

    #[test]
    fn every_family_is_one_block_and_no_sample_comes_twice() {
        let page = page();
        let mut families = HashSet::new();
        let mut samples = HashSet::new();
        let mut family = "";
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = help.split(' ').next().unwrap();
                assert!(families.insert(family), "{family} has two blocks");
                let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
                assert_eq!(kind.and_then(|kind| kind.split(' ').next()), Some(family));
                let is_counter = kind.unwrap().ends_with(" counter");
                assert_eq!(is_counter, family.ends_with("_total"), "{family}");
            } else {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(name.starts_with(family), "{line} in the block of {family}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(samples.insert(name), "{name} comes twice");
            }
        }
        assert_eq!(families.len(), 17);
    }

    #[test]
    fn seconds_are_exact() {
        for (us, text) in [
            (0, "0"),
            (1, "0.000001"),
            (2_500, "0.0025"),
            (60_000_000, "60"),
        ] {
            assert_eq!(Seconds(us).to_string(), text);
        }
        assert_eq!(Seconds(u64::MAX).to_string(), "18446744073709.551615");
    }
}
