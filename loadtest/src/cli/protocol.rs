//! The options of `run` about what is spoken with the target, and whom it is spoken with.

use std::path::PathBuf;

use clap::Args;

/// How connections to the target are made.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Protocol")]
pub(crate) struct ProtocolArgs {
    /// Speak HTTP/2: agreed on in the TLS handshake, and without one from the first byte.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Requests that each connection of HTTP/2 may have in flight (default 1).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) streams: Option<u32>,
    /// Send messages of WebSocket as binary ones even when they are text.
    #[arg(long)]
    pub(crate) binary: bool,
    /// Believe every certificate.
    #[arg(long, conflicts_with = "cacert")]
    pub(crate) insecure: bool,
    /// Trust the roots in this PEM file instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Make a full handshake for each connection, as new clients do, instead of resuming sessions.
    #[arg(long)]
    pub(crate) no_tls_resumption: bool,
}
