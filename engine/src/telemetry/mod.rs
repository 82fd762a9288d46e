//! What the engine says about its work: counters and latencies ([`Metrics`] on each worker, merged
//! as [`MetricsReport`] elsewhere) and the access log ([`LogSink`] on each worker, one writer
//! thread behind [`AccessLog`]). Workers enter here when an exchange or a connection begins and
//! ends; they never wait, share no memory while counting, and allocate nothing once a name has been
//! seen.

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
