//! What a run shall do, checked and complete. Entered with the command line's arguments; workers
//! read their share from it.

use std::fmt;
use std::time::Duration;

use super::bounds;
use crate::cli::{Error, LoadArgs, Loop, RunArgs, WorkerArgs};
use crate::client::{Approach, Protocol, Reuse};
use crate::rt::Driver;
use crate::scenario::{Body, Kind, Mix, Scenario, ScenarioFile};
use crate::schedule::{Arrivals, Profile, Schedule};
use crate::target::Target;
use crate::tls::client::ClientTls;
use crate::units::show_duration;
use crate::wire::websocket::MESSAGE_BYTES_MAX;

/// How long requests under way may take to finish once the time is over.
const GRACE: Duration = Duration::from_secs(1);

/// A run, ready to be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where the requests go.
    pub(crate) target: Target,
    /// What is spoken with it.
    pub(crate) protocol: Protocol,
    /// What keeps it secret, if anything does.
    pub(crate) tls: Option<ClientTls>,
    /// How many requests each connection is for.
    pub(crate) reuse: Reuse,
    /// What is asked for.
    pub(crate) scenario: Scenario,
    /// When requests start.
    pub(crate) mode: Mode,
    /// Connections over all workers.
    pub(crate) connections: u32,
    /// The time that one request may take once it is sent.
    pub(crate) timeout: Duration,
    /// What random numbers depend on.
    pub(crate) seed: u64,
    /// Where the workers run.
    pub(crate) workers: WorkerArgs,
    /// How they do I/O.
    pub(crate) driver: Driver,
}

/// What makes a request start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mode {
    /// The end of the one before it on the same slot.
    Closed {
        /// No request starts later than this after the start.
        duration: Duration,
        /// No more requests than this start.
        requests: Option<u64>,
    },
    /// A schedule.
    Open {
        /// When requests are due.
        schedule: Schedule,
        /// How many may wait for a slot, over all workers.
        queue: u64,
    },
}

impl Plan {
    /// Checks the arguments and fills in what they leave open.
    ///
    /// # Errors
    /// `Usage` for a target that is not allowed, fewer connections than workers, or more of anything
    /// than the bounds allow; `Run` when the target's name has no address or the driver is refused.
    pub(crate) fn from_args(args: &RunArgs) -> Result<Self, Error> {
        let (target, scenario, load) = what_and_where(args)?;
        let is_grpc = scenario.kinds.iter().any(|kind| kind.is_grpc);
        let protocol = Protocol::choose(&target, is_grpc, &args.protocol)?;
        if target.scheme.is_websocket() {
            check_messages(&target, &scenario.kinds)?;
        }
        let plan = Self {
            protocol,
            tls: ClientTls::for_target(&target, &[protocol.alpn()], &args.protocol)?,
            reuse: if args.no_keep_alive {
                Reuse::PerRequest
            } else {
                Reuse::KeepAlive
            },
            scenario,
            target,
            mode: Mode::new(&load)?,
            connections: load.connections.unwrap_or(bounds::CONNECTIONS),
            timeout: load.timeout.unwrap_or(bounds::TIMEOUT),
            seed: load.seed.unwrap_or(bounds::SEED),
            workers: args.workers.clone(),
            driver: Driver::choose(args.workers.io)?,
        };
        if args.no_keep_alive && protocol.streams() > 1 {
            return Err(Error::Usage(
                "--no-keep-alive: a connection for each request has no --streams to share"
                    .to_owned(),
            ));
        }
        if plan.worker_count() as u64 > u64::from(plan.connections) {
            return Err(Error::Usage(format!(
                "--cpu names {} workers for {} connections: each needs one at least",
                plan.worker_count(),
                plan.connections
            )));
        }
        let thinks = plan.scenario.kinds.iter().find(|kind| kind.think.is_some());
        if let (Some(kind), Mode::Open { .. }) = (thinks, &plan.mode) {
            return Err(Error::Usage(format!(
                "{}: in an open loop the schedule says when requests are due, not `think`",
                kind.name
            )));
        }
        bounds::check(&plan, args.no_bounds)?;
        Ok(plan)
    }

    /// The number of workers.
    pub(crate) fn worker_count(&self) -> usize {
        self.workers.cpu.len().max(1)
    }

    /// How long the run lasts if no number of requests ends it before.
    pub(crate) fn duration(&self) -> Duration {
        match &self.mode {
            Mode::Closed { duration, .. } => *duration,
            Mode::Open { schedule, .. } => schedule.duration(),
        }
    }

    /// How long the run lasts at least: nothing if a number of requests may end it.
    pub(super) fn planned(&self) -> Duration {
        match self.mode.requests() {
            Some(_) => Duration::ZERO,
            None => self.duration(),
        }
    }

    /// The time after the start at which whatever is still under way is cut off.
    pub(super) fn last_call(&self) -> Duration {
        self.duration() + GRACE.min(self.timeout)
    }

    /// The requests of one worker, which is the first of `part` among its second.
    pub(super) fn mix(&self, part: (u64, u64)) -> Mix {
        Mix::new(&self.scenario, &self.target.authority, self.seed, part)
    }

    /// How connections to the target are made.
    pub(super) fn approach(&self) -> Approach {
        Approach {
            target: self.target.clone(),
            protocol: self.protocol,
            tls: self.tls.clone(),
            reuse: self.reuse,
        }
    }

    /// The part of worker `number` of something that all share; the parts add up to the whole.
    pub(super) fn part(&self, number: usize, whole: u64) -> u64 {
        let (workers, number) = (self.worker_count() as u64, number as u64);
        whole / workers + u64::from(number < whole % workers)
    }
}

impl Mode {
    fn new(load: &LoadArgs) -> Result<Self, Error> {
        let default = match load.requests {
            Some(_) => bounds::DURATION_OF_COUNTED_RUN,
            None => bounds::DURATION,
        };
        let (requests, duration) = (load.requests, load.duration.unwrap_or(default));
        if load.choose_loop()? == Loop::Closed {
            return Ok(Self::Closed { duration, requests });
        }
        let constant = || Profile::constant(load.rate.unwrap_or(bounds::RATE), duration);
        let profile = load.steps().cloned().unwrap_or_else(constant);
        let timeout = load.timeout.unwrap_or(bounds::TIMEOUT);
        let seed = load.seed.unwrap_or(bounds::SEED);
        Ok(Self::Open {
            queue: load
                .queue
                .unwrap_or_else(|| bounds::queue(profile.peak(), timeout)),
            schedule: Schedule {
                profile,
                arrivals: match load.poisson {
                    true => Arrivals::Poisson { seed },
                    false => Arrivals::Even,
                },
                requests,
            },
        })
    }

    /// The name in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
        }
    }

    /// The number of requests that ends the run, if one does.
    fn requests(&self) -> Option<u64> {
        match self {
            Self::Closed { requests, .. } => *requests,
            Self::Open { schedule, .. } => schedule.requests,
        }
    }
}

/// The target, what is asked of it, and how fast: from a scenario's file, or else from the options.
fn what_and_where(args: &RunArgs) -> Result<(Target, Scenario, LoadArgs), Error> {
    let target = |url: Option<&str>| {
        let nowhere = || Error::Usage("no URL, and the scenario names no target".to_owned());
        Target::parse(url.ok_or_else(nowhere)?, args.allow_remote)
    };
    let url = args.url.as_deref();
    let Some(path) = &args.scenario else {
        let target = target(url)?;
        if args.request.grpc.is_some() && target.path != "/" {
            return Err(Error::Usage(format!(
                "{target}: with --grpc the path stands there"
            )));
        }
        let scenario = Scenario::single(&args.request, &target)?;
        return Ok((target, scenario, args.load.clone()));
    };
    let file = ScenarioFile::read(path)?;
    let target = target(url.or(file.target.as_deref()))?;
    if target.path != "/" {
        return Err(Error::Usage(format!(
            "{target}: with a scenario the paths stand with its requests"
        )));
    }
    Ok((target, file.scenario, args.load.clone().or(file.load)))
}

/// Whether all kinds can go over connections of WebSocket, each of which has one path.
fn check_messages(target: &Target, kinds: &[Kind]) -> Result<(), Error> {
    let refuse = |kind: &Kind, why: &str| {
        let name = &kind.name;
        Err(Error::Usage(format!("{target}: {name}: {why}")))
    };
    for kind in kinds {
        let (default, len) = match &kind.body {
            Body::Fixed(body) if body.is_empty() => ("GET", 0),
            Body::Fixed(body) => ("POST", body.len()),
            Body::Varying(_) => ("POST", 0),
        };
        if kind.method != default {
            return refuse(kind, "messages of WebSocket have no method");
        }
        if len > MESSAGE_BYTES_MAX {
            let mib = MESSAGE_BYTES_MAX >> 20;
            return refuse(kind, &format!("a message has {mib} MiB at most"));
        }
        if !kind.target.is_fixed() || kind.target != kinds[0].target {
            return refuse(
                kind,
                "all messages of WebSocket go over one and the same path",
            );
        }
    }
    Ok(())
}

/// When requests start, in words.
impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { schedule, .. } => schedule.fmt(out),
            Self::Closed { duration, requests } => {
                write!(
                    out,
                    "as fast as replies come, for {}",
                    show_duration(*duration)
                )?;
                match requests {
                    Some(count) => write!(out, ", {count} requests at most"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn plan(options: &[&str]) -> Result<Plan, Error> {
        let words = ["corelane-loadtest", "run", "http://127.0.0.1:1/"];
        let cli = Cli::try_parse_from(words.iter().chain(options)).unwrap();
        match cli.command {
            Command::Run(args) => Plan::from_args(&args),
            _ => panic!("expected run"),
        }
    }

    #[test]
    fn parts_add_up() {
        let plan = plan(&["--cpu", "0,0,0", "-c", "64"]).unwrap();
        let parts =
            |whole: u64| -> Vec<_> { (0..3).map(|number| plan.part(number, whole)).collect() };
        assert_eq!(parts(64), [22, 21, 21]);
        assert_eq!(parts(1001).iter().sum::<u64>(), 1001);
    }

    #[test]
    fn every_run_has_an_end() {
        assert_eq!(plan(&[]).unwrap().duration(), bounds::DURATION);
        let counted = plan(&["-n", "5", "-c", "1"]).unwrap();
        assert_eq!(counted.duration(), bounds::DURATION_OF_COUNTED_RUN);
        let short = plan(&["-n", "5", "-d", "2s", "--timeout", "300ms"]).unwrap();
        assert_eq!(short.duration(), Duration::from_secs(2));
        assert_eq!(short.last_call(), Duration::from_millis(2300));
        let steps = plan(&["--steps", "5/s:2s,10/s:3s"]).unwrap();
        assert_eq!(steps.last_call(), Duration::from_secs(6));
    }

    #[test]
    fn a_rate_opens_the_loop_and_connections_alone_close_it() {
        for (options, name, words) in [
            (&[][..], "open", "100/s for 10 s, evenly spaced"),
            (&["-c", "3"], "closed", "as fast as replies come, for 10 s"),
            (
                &["-c", "3", "--rate", "50/s"],
                "open",
                "50/s for 10 s, evenly spaced",
            ),
            (
                &["--poisson", "--seed", "7", "-n", "20"],
                "open",
                "100/s for 600 s, Poisson arrivals (seed 7), 20 requests at most",
            ),
            (
                &["--ramp", "1/s..5/s:2s"],
                "open",
                "1/s to 5/s over 2 s, evenly spaced",
            ),
        ] {
            let plan = plan(options).unwrap();
            assert_eq!(
                (plan.mode.name(), plan.mode.to_string().as_str()),
                (name, words)
            );
        }
    }

    #[test]
    fn a_worker_without_a_connection_is_refused() {
        assert!(matches!(
            plan(&["--cpu", "0,0", "-c", "1"]),
            Err(Error::Usage(_))
        ));
    }
}
