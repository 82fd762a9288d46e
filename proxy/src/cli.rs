//! The command line: what may be written, and which status the program ends with.
//!
//! 0 done, 1 not valid or not started (or requests were cut), 2 not understood, 3 no route.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use corelane_config::ConfigErrors;
use corelane_engine::{ExplainRequest, Proxy, explain};

use crate::check::{Findings, Severity, problem_line};
use crate::explain::Page;
use crate::run::{ControlSide, Ended, RunError};
use crate::source::Source;
use crate::{VERSION, console, demo, logging};

/// Something is wrong with the configuration, or the gateway did not start or end as it should.
const FAILED: u8 = 1;
/// The command line is not understood; clap's own status for it.
const MISUSED: u8 = 2;
/// No service and no answer of a route is for the request.
const NO_ROUTE: u8 = 3;

/// An API gateway and sidecar: one event loop per core.
#[derive(Debug, Parser)]
#[command(name = "corelane", version = VERSION)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a gateway with built-in services behind it, to look at (the default)
    Demo(DemoArgs),
    /// Run a configuration; SIGHUP reloads it, SIGTERM drains
    Run(RunArgs),
    /// Say everything that is wrong with a configuration, and run its tests
    Check(CheckArgs),
    /// Say what a request would meet
    Explain(ExplainArgs),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// A file, or a directory of *.yaml and *.yml; several merge
    #[arg(short, long = "config", value_name = "PATH", required = true)]
    config: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Where the gateway listens
    #[arg(long, value_name = "ADDRESS", default_value_t = demo::LISTEN)]
    listen: SocketAddr,
    /// Where the dashboard and the admin API are
    #[arg(long, value_name = "ADDRESS", default_value_t = demo::ADMIN)]
    admin: SocketAddr,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Reload when the files change
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Make errors of warnings
    #[arg(long)]
    strict: bool,
    /// How to say it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The request's method
    method: String,
    /// A path with its query, or a whole URL
    url: String,
    /// A field of the request
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// Whose connection it comes by
    #[arg(long, value_name = "ADDRESS")]
    client_ip: Option<IpAddr>,
    /// The name of the listener that it comes in by [default: the first]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// How to say it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help and version go to standard output, with status 0.
            drop(error.print());
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let default = || Command::Demo(DemoArgs::default());
    match line.command.unwrap_or_else(default) {
        Command::Demo(args) => demo(&args),
        Command::Run(args) => run(args),
        Command::Check(args) => check(args),
        Command::Explain(args) => explain_request(args),
        Command::Schema => {
            console::print(format_args!("{:#}", corelane_config::schema()));
            ExitCode::SUCCESS
        }
    }
}

fn demo(args: &DemoArgs) -> ExitCode {
    logging::start();
    ended(demo::run(args.listen, args.admin))
}

fn run(args: RunArgs) -> ExitCode {
    logging::start();
    let control_side = ControlSide::new(Source::Paths(args.config.config)).watch(args.watch);
    ended(control_side.run(|config| Proxy::builder(config).build()))
}

fn ended(result: Result<Ended, RunError>) -> ExitCode {
    match result {
        Ok(Ended { requests_cut: 0 }) => ExitCode::SUCCESS,
        Ok(Ended { requests_cut }) => {
            log::error!("the drain has cut {requests_cut} requests");
            ExitCode::from(FAILED)
        }
        Err(error) => {
            match &error {
                RunError::Config(errors) => tell_errors(errors),
                RunError::Start(why) => console::tell(format_args!("corelane: {why}")),
            }
            ExitCode::from(FAILED)
        }
    }
}

fn check(args: CheckArgs) -> ExitCode {
    let findings = Findings::of(args.config.config, args.strict);
    match args.format {
        Format::Text => console::print(findings.text()),
        Format::Json => console::print(findings.json()),
    }
    match findings.is_valid() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    }
}

fn explain_request(args: ExplainArgs) -> ExitCode {
    let config = match Source::Paths(args.config.config).load() {
        Ok(config) => config,
        Err(errors) => {
            tell_errors(&errors);
            return ExitCode::from(FAILED);
        }
    };
    let request = ExplainRequest {
        method: args.method,
        url: args.url,
        headers: args.headers,
        client_ip: args.client_ip,
        listener: args.listener,
    };
    let found = match explain(config.snapshot(), 0, &request) {
        Ok(found) => found,
        Err(error) => {
            console::tell(format_args!("corelane: {error}"));
            return ExitCode::from(MISUSED);
        }
    };
    match args.format {
        Format::Text => console::print(Page(&found).to_string().trim_end()),
        Format::Json => console::print(serde_json::to_string(&found).unwrap_or_default()),
    }
    match found.route {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::from(NO_ROUTE),
    }
}

fn tell_errors(ConfigErrors(problems): &ConfigErrors) {
    for problem in problems {
        console::tell(problem_line(problem, Severity::Error));
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err("write `Name: value`".to_owned()),
    }
}

impl Default for DemoArgs {
    /// As when nothing is written.
    fn default() -> Self {
        Self {
            listen: demo::LISTEN,
            admin: demo::ADMIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn nothing_is_the_demo_on_its_usual_ports() {
        let line = CommandLine::try_parse_from(["corelane"]).unwrap();
        assert!(line.command.is_none());
        let line = CommandLine::try_parse_from(["corelane", "demo"]).unwrap();
        let Some(Command::Demo(args)) = line.command else {
            panic!("{line:?}");
        };
        let usual = ([127, 0, 0, 1], 8080).into();
        assert_eq!(
            (args.listen, args.admin),
            (usual, ([127, 0, 0, 1], 9901).into())
        );
        assert_eq!(DemoArgs::default().listen, usual);
    }

    #[test]
    fn headers_are_name_and_value() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(header("K: V"), pair("K", "V"));
        assert_eq!(header("Host:a:1"), pair("Host", "a:1"));
        assert_eq!(header("K:"), pair("K", ""));
        assert!(header("K V").is_err());
    }
}
