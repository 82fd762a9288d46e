//! The command line: what may be asked for, in which units and within which bounds. Entered by
//! `main` alone; it opens nothing and measures nothing. Each command's options are a room of their
//! own, named like it.

mod compare;
mod load;
mod origin;
mod protocol;
mod report;
mod run;

use std::fmt;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use compare::CompareArgs;
pub(crate) use load::{LoadArgs, Loop};
pub(crate) use origin::OriginArgs;
pub(crate) use protocol::ProtocolArgs;
pub(crate) use report::ReportArgs;
pub(crate) use run::{RequestArgs, RunArgs};

use crate::units::parse_size;

/// Load generator and origin server for HTTP.
#[derive(Debug, Parser)]
#[command(name = "corelane-loadtest", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer every request, at once with a reply of a fixed size or otherwise as the options say.
    ///
    /// A path may begin with words that stand for options: /status/503, /size/64KiB, /chunked, /echo,
    /// /drip/1KiB/100ms, /delay/20ms, /reset. HTTP/1.1 and HTTP/2 are spoken as the client wishes; calls
    /// of gRPC and messages of WebSocket come back as they came.
    Origin(Box<OriginArgs>),
    /// Send requests to a URL and report what came back. Without a rate and without --connections:
    /// 100 requests per second for 10 seconds.
    Run(Box<RunArgs>),
    /// Show saved reports, as text or as a page for browsers.
    Report(ReportArgs),
    /// Say by how much B's runs differ from A's, and how sure that is.
    Compare(CompareArgs),
}

/// Where the work is done, for both commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerArgs {
    /// CPUs to use, one pinned worker thread each, as in 1 or 2,3 (default: one thread, not pinned).
    #[arg(long, value_delimiter = ',')]
    pub(crate) cpu: Vec<usize>,
    /// How the kernel is asked for I/O.
    #[arg(long, value_enum, default_value_t = Io::Auto)]
    pub(crate) io: Io,
}

/// The I/O driver that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Io {
    /// io_uring, or epoll where the kernel refuses a ring.
    Auto,
    /// io_uring or an error.
    Uring,
    /// epoll.
    Epoll,
}

/// Why the program ends without having done its work.
#[derive(Debug)]
pub(crate) enum Error {
    /// The request itself makes no sense or is not allowed: exit code 2, like clap's own errors.
    Usage(String),
    /// It could not be carried out: exit code 1.
    Run(String),
}

impl Error {
    /// The process's exit code for this error.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Run(_) => 1,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Run(text) => out.write_str(text),
        }
    }
}

/// Bodies are kept in memory, whole and once per worker.
const BODY_SIZE_MAX: u64 = 256 * 1024 * 1024;

/// Reads the size of a body.
///
/// # Errors
/// A sentence for the user when it cannot be read or kept.
pub(crate) fn parse_body_size(text: &str) -> Result<usize, String> {
    let size = parse_size(text)?;
    if size > BODY_SIZE_MAX {
        return Err(format!("at most {} MiB", BODY_SIZE_MAX >> 20));
    }
    usize::try_from(size).map_err(|_| "too large for this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn cpus_are_a_list_and_sizes_have_units() {
        let cli = Cli::try_parse_from([
            "corelane-loadtest",
            "origin",
            "--size",
            "64KiB",
            "--cpu",
            "0,2",
        ])
        .unwrap();
        let Command::Origin(args) = cli.command else {
            panic!("expected origin");
        };
        assert_eq!(args.size, 65_536);
        assert_eq!(args.workers.cpu, [0, 2]);
    }

    #[test]
    fn a_body_beyond_the_bound_is_refused_by_name() {
        assert_eq!(parse_body_size("257MiB").unwrap_err(), "at most 256 MiB");
    }
}
