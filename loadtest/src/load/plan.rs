//! What a run shall do, checked and complete. Entered with the command line's arguments; workers
//! read their share from it.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::bounds;
use crate::cli::{Error, RunArgs, WorkerArgs};
use crate::client::{Protocol, Reuse};
use crate::request::Request;
use crate::rt::Driver;
use crate::scenario::Kind;
use crate::schedule::{Arrivals, Profile, Schedule};
use crate::target::Target;
use crate::units::show_duration;

/// How long requests under way may take to finish once the time is over.
const GRACE: Duration = Duration::from_secs(1);

/// A run, ready to be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where the requests go.
    pub(crate) target: Target,
    /// What is spoken with it.
    pub(crate) protocol: Protocol,
    /// How many requests each connection is for.
    pub(crate) reuse: Reuse,
    /// What is asked for.
    pub(crate) kinds: Vec<Kind>,
    /// When requests start.
    pub(crate) mode: Mode,
    /// Connections over all workers.
    pub(crate) connections: u32,
    /// The time that one request may take once it is sent.
    pub(crate) timeout: Duration,
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
        let target = Target::parse(&args.url, args.allow_remote)?;
        let plan = Self {
            protocol: Protocol::choose(&target)?,
            reuse: if args.no_keep_alive {
                Reuse::PerRequest
            } else {
                Reuse::KeepAlive
            },
            kinds: vec![Kind::get(&target.path)],
            target,
            mode: Mode::from_args(args),
            connections: args.connections.unwrap_or(bounds::CONNECTIONS),
            timeout: args.timeout,
            workers: args.workers.clone(),
            driver: Driver::choose(args.workers.io)?,
        };
        if plan.worker_count() as u64 > u64::from(plan.connections) {
            return Err(Error::Usage(format!(
                "--cpu names {} workers for {} connections: each needs one at least",
                plan.worker_count(),
                plan.connections
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

    /// The time after the start at which whatever is still under way is cut off.
    pub(super) fn last_call(&self) -> Duration {
        self.duration() + GRACE.min(self.timeout)
    }

    /// The requests of one worker, one of each kind.
    pub(super) fn requests(&self) -> Vec<Request> {
        let authority: Rc<str> = self.target.authority.as_str().into();
        let numbered = self.kinds.iter().enumerate();
        numbered
            .map(|(number, kind)| kind.request(number, &authority))
            .collect()
    }

    /// The part of worker `number` of something that all share; the parts add up to the whole.
    pub(super) fn part(&self, number: usize, whole: u64) -> u64 {
        let (workers, number) = (self.worker_count() as u64, number as u64);
        whole / workers + u64::from(number < whole % workers)
    }
}

impl Mode {
    /// A rate, of whatever form, asks for the open loop; connections alone for the closed one.
    fn from_args(args: &RunArgs) -> Self {
        let default = match args.requests {
            Some(_) => bounds::DURATION_OF_COUNTED_RUN,
            None => bounds::DURATION,
        };
        let duration = args.duration.unwrap_or(default);
        let shape = args.steps.as_ref().or(args.ramp.as_ref());
        let is_open = args.rate.is_some() || args.poisson || shape.is_some();
        if !is_open && args.connections.is_some() {
            return Self::Closed {
                duration,
                requests: args.requests,
            };
        }
        let constant = || Profile::constant(args.rate.unwrap_or(bounds::RATE), duration);
        let profile = shape.cloned().unwrap_or_else(constant);
        Self::Open {
            queue: args
                .queue
                .unwrap_or_else(|| bounds::queue(profile.peak(), args.timeout)),
            schedule: Schedule {
                profile,
                arrivals: if args.poisson {
                    Arrivals::Poisson { seed: args.seed }
                } else {
                    Arrivals::Even
                },
                requests: args.requests,
            },
        }
    }

    /// The name in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
        }
    }

    /// The number of requests that ends the run, if one does.
    pub(crate) fn requests(&self) -> Option<u64> {
        match self {
            Self::Closed { requests, .. } => *requests,
            Self::Open { schedule, .. } => schedule.requests,
        }
    }
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
            Command::Origin(_) => panic!("expected run"),
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
