//! The options of `run` about what is spoken with the target, and whom it is spoken with.

use std::path::PathBuf;

use clap::Args;

/// How connections to the target are made.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct ProtocolArgs {
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
