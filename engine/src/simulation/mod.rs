//! Whole workers in a test: virtual time, an in-memory network, chance from a seed.
//!
//! A [`Simulation`] publishes a configuration to real workers, which accept, pool and time out as
//! ever; only the [`Platform`] beneath them is not the kernel's. Clients and origins are tasks of
//! the test beside the workers' own. Nothing waits: when no task can go on, the clock moves to the
//! next instant for which one sleeps. Not part of the program.

#[cfg_attr(
    not(simulation),
    expect(unreachable_pub, reason = "public where a benchmark is built")
)]
mod loopback;
mod message;
mod party;

#[cfg(test)]
mod cases;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;

use corelane_config::Config;

#[cfg(simulation)]
pub use loopback::Loopback;
pub(crate) use message::Message;
pub(crate) use party::{Ended, Party, Received};

use crate::filter::Catalogue;
use crate::io::Network;
use crate::io::memory::{Event, MemoryNetwork, Trace, What};
use crate::io::ring::Ring;
use crate::publish::{Publisher, Shared};
use crate::rt::clock::{Clock, Millis};
use crate::rt::executor::Executor;
use crate::rt::random::Random;
use crate::rt::turns::Turns;
use crate::telemetry::MetricsReport;
use crate::worker::{self, Message as Order, Platform};

/// Where the workers of a simulation listen.
pub(crate) const GATEWAY: &str = "192.0.2.80:80";

/// How long anything may take, in virtual time, before a run is said to hang.
const PATIENCE_MS: Millis = 60 * 60 * 1000;

/// Workers on one thread, and the world around them.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) network: MemoryNetwork,
    pub(crate) turns: Turns,
    trace: Trace,
    shared: Arc<Shared>,
    publisher: Publisher,
}

impl Simulation {
    /// Starts workers with this configuration. The seed decides everything that chance decides; with
    /// 0 tasks run in the order in which they were woken, else in an order that is drawn.
    pub(crate) fn start(seed: u64, workers: usize, yaml: &str) -> Self {
        Self::traced(seed, workers, yaml, Trace::kept(), Catalogue::default())
    }

    fn traced(seed: u64, workers: usize, yaml: &str, trace: Trace, filters: Catalogue) -> Self {
        let now = Rc::new(Cell::new(0));
        let turns = Turns::new(now.clone(), seed);
        let network = MemoryNetwork::new(seed, trace.clone());
        let shared = Arc::new(Shared::new(workers));
        for index in 0..workers {
            let platform = Platform {
                ring: Ring::default(),
                clock: Clock::virtual_time(now.clone()),
                random: Random::from_seed(seed + 1 + index as u64),
                executor: Executor::Turns(turns.clone()),
                network: Network::Memory(network.clone()),
            };
            turns.spawn(worker::run(index, shared.clone(), platform));
        }
        let sockets = Network::Memory(network.clone());
        let publisher = Publisher::new(shared.clone(), filters, sockets);
        let mut simulation = Self {
            network,
            turns,
            trace,
            shared,
            publisher,
        };
        let published = simulation.publish(yaml);
        assert_eq!(published, Ok(1), "the first configuration is published");
        simulation
    }

    /// Publishes another configuration, in both phases.
    pub(crate) fn publish(&mut self, yaml: &str) -> Result<u64, String> {
        let text = format!("listeners: [{{address: {GATEWAY}}}]\n{yaml}");
        let config = Config::from_yaml("simulation.yaml", &text);
        let config = config.map_err(|errors| errors.to_string())?;
        let offer = self.publisher.offer(config.snapshot().clone())?;
        self.turns.settle();
        let number = self.publisher.conclude(offer)?;
        self.turns.settle();
        Ok(number)
    }

    /// Runs everything until `main` has its result; time goes by as it must.
    pub(crate) fn run<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> T {
        let result = Rc::new(RefCell::new(None));
        let to = result.clone();
        self.turns.spawn(async move {
            let value = main.await;
            *to.borrow_mut() = Some(value);
        });
        let latest = self.now_ms() + PATIENCE_MS;
        loop {
            self.turns.settle();
            if let Some(value) = result.take() {
                return value;
            }
            assert!(self.step() && self.now_ms() < latest, "nothing comes of it");
        }
    }

    /// Lets so many milliseconds go by.
    pub(crate) fn pass(&self, time_ms: Millis) {
        let turns = self.turns.clone();
        let end = self.now_ms() + time_ms;
        self.run(async move { turns.sleep_until(end).await });
    }

    pub(crate) fn now_ms(&self) -> Millis {
        self.turns.now_ms()
    }

    /// A connection to the workers' listener.
    pub(crate) fn client(&self) -> Party {
        let end = self.network.open(GATEWAY);
        Party::new(end.expect("the workers listen"), self.turns.clone())
    }

    /// Has `serve` speak on every connection to the origin at `address`.
    pub(crate) fn origin<F: Future<Output = ()> + 'static>(
        &self,
        address: &str,
        serve: impl Fn(Party) -> F + 'static,
    ) {
        let backlog = self.network.listen(address, 1).remove(0);
        let turns = self.turns.clone();
        self.turns.spawn(async move {
            loop {
                let party = Party::new(backlog.accept().await, turns.clone());
                turns.spawn(serve(party));
            }
        });
    }

    /// The numbers of all workers, added up.
    pub(crate) fn report(&self) -> MetricsReport {
        let (to, from) = sync_channel(self.shared.workers());
        self.shared.tell_all(|| Order::Report(to.clone()));
        self.turns.settle();
        let mut sum = MetricsReport::default();
        from.try_iter().for_each(|part| sum.merge(&part));
        sum
    }

    /// Client connections of all workers.
    pub(crate) fn open_connections(&self) -> usize {
        self.shared.open_connections()
    }

    /// Client connections by worker.
    pub(crate) fn loads(&self) -> Vec<usize> {
        let load = |worker| self.shared.load(worker).load(Ordering::Relaxed);
        (0..self.shared.workers()).map(load).collect()
    }

    /// Has the workers accept no more, and end what is idle.
    pub(crate) fn drain(&mut self) {
        let (done, _stopped) = sync_channel(self.shared.workers());
        self.publisher.close_listeners();
        self.shared.tell_all(|| Order::Drain(done.clone()));
        self.turns.settle();
    }

    /// Ends the workers and says what happened. Nobody may be left over.
    pub(crate) fn end(self) -> Vec<Event> {
        let report = self.report();
        self.shared.tell_all(|| Order::Stop);
        self.pass(1000);
        assert_eq!(
            self.shared.open_connections(),
            0,
            "connections are left over"
        );
        let thought = self.loads().into_iter().sum::<usize>();
        assert_eq!(thought, 0, "workers think that they have connections");
        assert_eq!(report.requests_in_flight(), 0, "requests are left over");
        for endpoint in report.endpoints() {
            assert_eq!(endpoint.active, 0, "{endpoint:?} is busy");
        }
        self.trace.take()
    }

    fn step(&self) -> bool {
        let moved = self.turns.advance();
        self.trace.note(0, 0, What::Time(self.now_ms()));
        moved
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // Tasks hold the workers that hold the loop that holds the tasks.
        self.turns.clear();
    }
}
