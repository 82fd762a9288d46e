//! The program `corelane-loadtest`: reads the command line, hands it to one of the rooms, and turns
//! what comes back into an exit code. It decides nothing itself.
//!
//! - `origin` is a fast server to stand behind a proxy under test;
//! - `load` sends the requests of `scenario` over the connections of `client` and counts in a `tally`
//!   (`corelane-loadtest run`), `report` prints what it counted;
//! - `compare` holds saved reports against each other;
//! - `wire` is HTTP/1.1 as bytes, `tls` hides them, `rt` is monoio with its traps fenced off, and all of
//!   these serve both ends.
//!
//! Nothing here comes from corelane's own crates: a checker must not share bugs with what it checks.

mod cli;
mod client;
mod compare;
mod filler;
mod load;
mod origin;
mod random;
mod report;
mod request;
mod rt;
mod scenario;
mod schedule;
mod tally;
mod target;
mod tls;
mod units;
mod wire;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use report::facts::Facts;
use report::files::Sink;
use report::runs::Run;

fn main() -> ExitCode {
    let outcome = match cli::Cli::parse().command {
        cli::Command::Origin(args) => origin::serve(&args),
        cli::Command::Run(args) => run(&args),
        cli::Command::Report(args) => report(&args),
        cli::Command::Compare(args) => compare(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With stderr gone there is nobody left to tell; the exit code still says it.
            drop(writeln!(std::io::stderr(), "corelane-loadtest: {error}"));
            error.exit_code()
        }
    }
}

fn run(args: &cli::RunArgs) -> Result<(), cli::Error> {
    let plan = load::Plan::from_args(args)?;
    let hgrm = args.hgrm.as_deref().map(Sink::open).transpose()?;
    let html = args.html.as_deref().map(Sink::open).transpose()?;
    let facts = Facts::gather();
    let mut progress = report::progress::Progress::new(plan.duration(), args.quiet);
    let result = load::run(&plan, move |row| progress.show(row))?;
    let object = report::json::report(&plan, &result, &facts);
    let line = format!("{object}\n");
    let run = Run::new(object)?;
    print(&if args.json { line } else { run.text() })?;
    if let Some(hgrm) = hgrm {
        hgrm.write(&report::hgrm::render(&result.total.latency, args.hgrm_unit))?;
    }
    if let Some(html) = html {
        html.write(&report::html::page(&[run])?)?;
    }
    if result.total.good == 0 {
        return Err(cli::Error::Run(format!(
            "not one good reply from {}",
            plan.target
        )));
    }
    Ok(())
}

fn report(args: &cli::ReportArgs) -> Result<(), cli::Error> {
    let runs = Run::read(&args.files)?;
    if let Some(html) = &args.html {
        let page = report::html::page(&runs)?;
        return Sink::open(html)?.write(&page);
    }
    let texts: Vec<_> = runs.iter().map(Run::text).collect();
    print(&texts.join("\n"))
}

fn compare(args: &cli::CompareArgs) -> Result<(), cli::Error> {
    let (text, outcome) = compare::compare(args)?;
    print(&text)?;
    outcome
}

fn print(text: &str) -> Result<(), cli::Error> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| cli::Error::Run(format!("cannot write the report: {error}")))
}
