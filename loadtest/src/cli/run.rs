//! The options of `run`.

use std::time::Duration;

use clap::Args;

use super::WorkerArgs;
use crate::units::parse_duration;

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where to: http://HOST:PORT/PATH.
    pub(crate) url: String,
    /// Keep-alive connections, each with one request at a time, spread over the workers.
    #[arg(long, short, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) connections: u32,
    /// Stop after this time (default 10s, or 10m when --requests is given).
    #[arg(long, short, value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Stop after this many requests.
    #[arg(long, short = 'n', value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// A request that takes longer fails and its connection is closed.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Open a connection for each request, and say so in it.
    #[arg(long)]
    pub(crate) no_keep_alive: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) workers: WorkerArgs,
    /// Allow a target on another machine: load is for machines that are yours.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}
