//! The options of `compare`.

use std::path::PathBuf;

use clap::Args;

use crate::compare::Bound;

/// Options of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The reports of A and of B: files of `run --json`, each with one report or one for every round.
    #[arg(value_names = ["A", "B"], num_args = 2, conflicts_with_all = ["a", "b"], required_unless_present = "a")]
    pub(crate) files: Vec<PathBuf>,
    /// The reports of A in several files, round by round.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "b")]
    pub(crate) a: Vec<PathBuf>,
    /// The reports of B in several files, round by round.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "a")]
    pub(crate) b: Vec<PathBuf>,
    /// Exit with 1 when B is worse by more than this: 5% (of rate, p50, p99 and p99.9; and errors may
    /// not rise by more than 0.1 % of requests), or by metric, as in p99=10%,rate=3%,errors=0.5%.
    #[arg(long, value_name = "BOUND", value_delimiter = ',')]
    pub(crate) worse_than: Vec<Bound>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}
