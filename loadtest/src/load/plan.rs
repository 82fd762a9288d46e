//! What a run shall do, checked and complete. Entered with the command line's arguments; workers
//! read their share from it.

use std::rc::Rc;
use std::time::Duration;

use crate::cli::{Error, RunArgs, WorkerArgs};
use crate::client::{Protocol, Reuse};
use crate::request::Request;
use crate::rt::Driver;
use crate::scenario::Kind;
use crate::target::Target;

/// How long a run lasts when nobody says.
const DURATION: Duration = Duration::from_secs(10);
/// The bound on a run that counts requests instead.
const DURATION_OF_COUNTED_RUN: Duration = Duration::from_secs(600);
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
    /// Connections over all workers.
    pub(crate) connections: u32,
    /// No request starts later than this after the start.
    pub(crate) duration: Duration,
    /// No more requests than this start.
    pub(crate) requests: Option<u64>,
    /// The time that one request may take.
    pub(crate) timeout: Duration,
    /// Where the workers run.
    pub(crate) workers: WorkerArgs,
    /// How they do I/O.
    pub(crate) driver: Driver,
}

/// One worker's part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) connections: u64,
    pub(super) requests: Option<u64>,
}

impl Plan {
    /// Checks the arguments and fills in what they leave open.
    ///
    /// # Errors
    /// `Usage` for a target that is not allowed or fewer connections than workers; `Run` when the
    /// target's name has no address or the driver is refused.
    pub(crate) fn from_args(args: &RunArgs) -> Result<Self, Error> {
        let default = match args.requests {
            Some(_) => DURATION_OF_COUNTED_RUN,
            None => DURATION,
        };
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
            connections: args.connections,
            duration: args.duration.unwrap_or(default),
            requests: args.requests,
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
        Ok(plan)
    }

    /// When requests are due, in words.
    pub(crate) fn schedule(&self) -> String {
        let bound = match self.requests {
            Some(count) => format!("{count} requests, at most {:?}", self.duration),
            None => format!("{:?}", self.duration),
        };
        format!("as fast as {} slots allow, {bound}", self.connections)
    }

    /// The number of workers.
    pub(crate) fn worker_count(&self) -> usize {
        self.workers.cpu.len().max(1)
    }

    /// The time after the start at which whatever is still under way is cut off.
    pub(super) fn last_call(&self) -> Duration {
        self.duration + GRACE.min(self.timeout)
    }

    /// The requests of one worker, one of each kind.
    pub(super) fn requests(&self) -> Vec<Request> {
        let authority: Rc<str> = self.target.authority.as_str().into();
        let numbered = self.kinds.iter().enumerate();
        numbered
            .map(|(number, kind)| kind.request(number, &authority))
            .collect()
    }

    /// The part of worker `number`; the parts of all workers add up to the whole.
    pub(super) fn share(&self, number: usize) -> Share {
        let (workers, number) = (self.worker_count() as u64, number as u64);
        let part = |whole: u64| whole / workers + u64::from(number < whole % workers);
        Share {
            connections: part(u64::from(self.connections)),
            requests: self.requests.map(part),
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
    fn shares_add_up() {
        let plan = plan(&["--cpu", "0,0,0", "-c", "64", "-n", "1001"]).unwrap();
        let shares: Vec<_> = (0..3).map(|number| plan.share(number)).collect();
        assert_eq!(
            shares.iter().map(|share| share.connections).sum::<u64>(),
            64
        );
        assert_eq!(
            shares
                .iter()
                .filter_map(|share| share.requests)
                .sum::<u64>(),
            1001
        );
        assert_eq!((shares[0].connections, shares[2].connections), (22, 21));
    }

    #[test]
    fn every_run_has_an_end() {
        assert_eq!(plan(&[]).unwrap().duration, DURATION);
        assert_eq!(
            plan(&["-n", "5"]).unwrap().duration,
            DURATION_OF_COUNTED_RUN
        );
        let short = plan(&["-n", "5", "-d", "2s", "--timeout", "300ms"]).unwrap();
        assert_eq!(short.duration, Duration::from_secs(2));
        assert_eq!(short.last_call(), Duration::from_millis(2300));
    }

    #[test]
    fn a_worker_without_a_connection_is_refused() {
        assert!(matches!(
            plan(&["--cpu", "0,0", "-c", "1"]),
            Err(Error::Usage(_))
        ));
    }
}
