//! What the engine says about its work: counters and latencies ([`Metrics`] on each worker, merged
//! as [`MetricsReport`] elsewhere) and the access log ([`LogSink`] on each worker, one writer
//! thread behind [`AccessLog`]). Workers enter here when an exchange or a connection begins and
//! ends. They never wait here and share nothing while they count; what a route and service need is
//! allocated when their first request ends.

mod access_log;
mod metrics;
mod prometheus;
mod report;
mod rows;
mod series;

pub use access_log::{AccessLog, LogSink, Record};
pub use metrics::{
    ConnectResult, Ended, EndpointMetricsId, ListenerId, Metrics, SeriesId, ServiceMetricsId,
};
pub use report::{EndpointReport, MetricsReport, Progress};
