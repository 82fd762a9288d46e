//! The options of `origin`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::{WorkerArgs, parse_body_size};
use crate::origin::{Chance, Delay, Drip, ErrorRate, parse_status};

/// Options of `origin`.
#[derive(Debug, Args)]
pub(crate) struct OriginArgs {
    /// Address to listen on; port 0 takes a free one. The bound address is told on stderr.
    #[arg(long, default_value = "127.0.0.1:9000")]
    pub(crate) address: SocketAddr,
    /// Size of the reply's body: bytes, or KiB, MiB.
    #[arg(long, default_value = "1KiB", value_parser = parse_body_size)]
    pub(crate) size: usize,
    /// Send the body in chunks instead of with a Content-Length.
    #[arg(long)]
    pub(crate) chunked: bool,
    /// Size of one chunk with --chunked.
    #[arg(long, default_value = "4KiB", value_parser = parse_body_size)]
    pub(crate) chunk_size: usize,
    /// Status of the replies.
    #[arg(long, default_value = "200", value_parser = parse_status)]
    pub(crate) status: u16,
    /// Reply with the request's body, of at most 16 MiB, instead of our own.
    #[arg(long)]
    pub(crate) echo: bool,
    /// Send the body in drops of a size with a pause after each, as in 1KiB/100ms.
    #[arg(long, value_name = "SIZE/PAUSE")]
    pub(crate) drip: Option<Drip>,
    /// Wait before each reply: 5ms, uniform:1ms..20ms, exponential:5ms (its mean), normal:5ms±1ms (mean
    /// and standard deviation; +- will do), lognormal:5ms..50ms (median and 99th percentile).
    #[arg(long)]
    pub(crate) delay: Option<Delay>,
    /// Answer a share of the requests with an error, as in 1% (503) or 0.5%:429.
    #[arg(long, value_name = "SHARE[:STATUS]")]
    pub(crate) error_rate: Option<ErrorRate>,
    /// Reset the connection of a share of the requests instead of answering, as in 0.1%.
    #[arg(long, value_name = "SHARE")]
    pub(crate) reset_rate: Option<Chance>,
    /// Repeats delays, errors and resets of another run with the same seed and the same requests.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Speak TLS, with a certificate made for this run that nobody trusts, or the one named here.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Certificate chain to show (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Connections held at once by each worker; one more is closed as soon as it is accepted.
    #[arg(long, default_value_t = 32_768)]
    pub(crate) max_connections: usize,
    #[command(flatten)]
    pub(crate) workers: WorkerArgs,
    /// Allow listening on an address that other machines can reach.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}
