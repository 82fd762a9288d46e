//! The options of `run`.

use std::path::PathBuf;

use clap::Args;

use super::{LoadArgs, ProtocolArgs, WorkerArgs, parse_body_size};
use crate::report::hgrm::Unit;
use crate::scenario::{FieldName, parse_call, parse_field, parse_method};

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where to: http://HOST:PORT/PATH or https:// to send requests, ws:// or wss:// to send messages to a
    /// WebSocket that echoes. With a scenario, without a path and in
    /// place of its target.
    #[arg(required_unless_present = "scenario")]
    pub(crate) url: Option<String>,
    /// A file that says what to send, and perhaps where and how fast; options win over it.
    #[arg(long, value_name = "FILE", conflicts_with = "RequestArgs")]
    pub(crate) scenario: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Open a connection for each request, and say so in it.
    #[arg(long)]
    pub(crate) no_keep_alive: bool,
    #[command(flatten)]
    pub(crate) protocol: ProtocolArgs,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show nothing while it runs.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Write the report as a page for browsers to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the latency distribution to this file, too, in HdrHistogram's percentile format.
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,
    /// What the values of that file count; its format does not say it.
    #[arg(long, value_enum, default_value_t = Unit::Ms, requires = "hgrm")]
    pub(crate) hgrm_unit: Unit,
    #[command(flatten)]
    pub(crate) workers: WorkerArgs,
    /// Allow more than an hour, 10000 connections or 100000 requests per second.
    #[arg(long)]
    pub(crate) no_bounds: bool,
    /// Allow a target on another machine: load is for machines that are yours.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// What to send, where no scenario says it.
#[derive(Debug, Args)]
#[group(id = "RequestArgs", multiple = true)]
#[command(next_help_heading = "Request")]
pub(crate) struct RequestArgs {
    /// The method (default GET, or POST with a body).
    #[arg(long, value_parser = parse_method)]
    pub(crate) method: Option<String>,
    /// Call this method of gRPC over HTTP/2, with the body as its encoded message; the URL goes without
    /// a path.
    #[arg(long, value_name = "/PACKAGE.SERVICE/METHOD", value_parser = parse_call, conflicts_with = "method")]
    pub(crate) grpc: Option<String>,
    /// A field, as in 'Accept: text/html'; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_field)]
    pub(crate) headers: Vec<(FieldName, String)>,
    /// The body, or the message of a call or WebSocket: this text, or with an @ before it the contents of a file.
    #[arg(long, value_name = "TEXT|@FILE")]
    pub(crate) body: Option<String>,
    /// A body of this size, filled with anything.
    #[arg(long, value_name = "SIZE", value_parser = parse_body_size, conflicts_with = "body")]
    pub(crate) body_size: Option<usize>,
}
