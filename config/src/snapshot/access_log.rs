//! The `access_log:` section: where records go and what a line of text holds.

use std::path::PathBuf;

use crate::words::words;

/// Where access records go and in which shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// The sink.
    pub path: LogPath,
    /// The shape of a record.
    pub format: LogFormat,
}

/// Where access records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPath {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to.
    File(PathBuf),
}

/// The shape of an access record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, with every field.
    Json,
    /// A line made from these parts.
    Text(Vec<FormatPart>),
}

/// A part of a text line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatPart {
    /// Written as it is.
    Literal(Box<str>),
    /// Replaced by the record's value, `-` when it has none.
    Field(LogField),
}

words! {
    /// A field of an access record; the words are the keys of the JSON form.
    pub enum LogField {
        /// When the request's head had come, RFC 3339.
        Time = "time",
        /// The request id.
        RequestId = "request_id",
        /// The trace id.
        TraceId = "trace_id",
        /// The snapshot's generation.
        Generation = "generation",
        /// The worker's number.
        Worker = "worker",
        /// The client's address after `trusted_proxies`.
        Client = "client",
        /// The listener's name.
        Listener = "listener",
        /// The downstream protocol.
        Protocol = "protocol",
        /// The method.
        Method = "method",
        /// The Host, without its port.
        Host = "host",
        /// The normalised path, without the query.
        Path = "path",
        /// The route's name.
        Route = "route",
        /// The service's name.
        Service = "service",
        /// The endpoint's address.
        Endpoint = "endpoint",
        /// The status sent to the client.
        Status = "status",
        /// How the exchange ended.
        Outcome = "outcome",
        /// Body bytes from the client.
        BytesIn = "bytes_in",
        /// Body bytes to the client.
        BytesOut = "bytes_out",
        /// Milliseconds from head to end.
        DurationMs = "duration_ms",
        /// Milliseconds that the upstream took to its head.
        UpstreamMs = "upstream_ms",
        /// Upstream tries.
        Attempts = "attempts",
        /// The User-Agent field.
        UserAgent = "user_agent",
    }
}
