//! What a worker stands on: the one place that decides between the kernel and a simulation.

use crate::io::Network;
use crate::rt::clock::Clock;
use crate::rt::executor::Executor;
use crate::rt::random::Random;

/// Time, chance, tasks and connections of one worker.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) executor: Executor,
    pub(crate) network: Network,
}

impl Platform {
    /// The kernel's clock, random numbers and sockets, and the event loop of this thread.
    pub(crate) fn kernel() -> Self {
        Self {
            clock: Clock::kernel(),
            random: Random::from_entropy(),
            executor: Executor::EventLoop,
            network: Network::kernel(),
        }
    }
}
