//! The options of `report`.

use std::path::PathBuf;

use clap::Args;

/// Options of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Reports of `run --json`; several are laid over each other.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Write a page for browsers to this file, instead of the text that `run` prints.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}
