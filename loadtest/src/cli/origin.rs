//! The options of `origin`.

use std::net::SocketAddr;

use clap::Args;

use super::{WorkerArgs, parse_body_size};

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
    /// Connections held at once by each worker; one more is closed as soon as it is accepted.
    #[arg(long, default_value_t = 32_768)]
    pub(crate) max_connections: usize,
    #[command(flatten)]
    pub(crate) workers: WorkerArgs,
    /// Allow listening on an address that other machines can reach.
    #[arg(long)]
    pub(crate) allow_remote: bool,
}
