//! What a worker stands on: the one place that decides between the kernel and a simulation.

use crate::io::Network;
use crate::io::ring::Ring;
use crate::rt::clock::Clock;
use crate::rt::driver::Driver;
use crate::rt::executor::Executor;
use crate::rt::random::Random;

/// Time, chance, tasks, connections and what is sent together, of one worker.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) executor: Executor,
    pub(crate) network: Network,
    pub(crate) ring: Ring,
}

impl Platform {
    /// The kernel's clock, random numbers and sockets, and the event loop of this thread, which is
    /// `driver`'s.
    pub(crate) fn kernel(driver: &Driver) -> Self {
        Self {
            clock: Clock::kernel(),
            random: Random::from_entropy(),
            executor: Executor::EventLoop,
            network: Network::kernel(),
            ring: Ring::new(driver),
        }
    }
}
