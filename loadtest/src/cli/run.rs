//! The options of `run`.

use std::time::Duration;

use clap::Args;

use super::WorkerArgs;
use crate::schedule::Profile;
use crate::units::{parse_duration, parse_rate};

/// Options of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where to: http://HOST:PORT/PATH.
    pub(crate) url: String,
    /// Requests per second, due whatever becomes of those before them (an open loop).
    #[arg(long, short, value_parser = parse_positive_rate, help_heading = "Open loop")]
    pub(crate) rate: Option<f64>,
    /// Rates one after the other: RATE:DURATION,…, as in 1000/s:10s,2000/s:10s.
    #[arg(long, value_parser = Profile::parse, conflicts_with_all = ["rate", "ramp", "duration"], help_heading = "Open loop")]
    pub(crate) steps: Option<Profile>,
    /// A rate that moves in a straight line: FROM..TO:DURATION, as in 100/s..5000/s:30s.
    #[arg(long, value_parser = Profile::parse, conflicts_with_all = ["rate", "duration"], help_heading = "Open loop")]
    pub(crate) ramp: Option<Profile>,
    /// Random arrivals, each regardless of the others, instead of evenly spaced ones.
    #[arg(long, help_heading = "Open loop")]
    pub(crate) poisson: bool,
    /// Requests that may wait for a free connection; one more is not sent, which is an error
    /// (default: what falls due within --timeout).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=16_777_216), help_heading = "Open loop")]
    pub(crate) queue: Option<u64>,
    /// Connections, spread over the workers (default 64). Without a rate each sends its next request
    /// as soon as the last reply has come (a closed loop).
    #[arg(long, short, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) connections: Option<u32>,
    /// Stop after this time (default 10s, or 10m when --requests is given).
    #[arg(long, short, value_parser = parse_duration)]
    pub(crate) duration: Option<Duration>,
    /// Stop after this many requests.
    #[arg(long, short = 'n', value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// What random numbers depend on: arrivals, the mix of requests, variables.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// A request that takes longer, counted from when it is sent, fails and its connection is closed.
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
    /// Allow more than an hour, 10000 connections or 100000 requests per second.
    #[arg(long)]
    pub(crate) no_bounds: bool,
    /// Allow a target on another machine: load is for machines that are yours.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

fn parse_positive_rate(text: &str) -> Result<f64, String> {
    match parse_rate(text)? {
        rate if rate > 0.0 => Ok(rate),
        _ => Err("must be more than zero".to_owned()),
    }
}
