//! A network in memory, for simulations: connections whose bytes, ends and faults a test decides.
//!
//! Entered through `io::either` by workers and through [`MemoryNetwork`] by a test's clients and
//! origins. It never waits and never asks for the time; what happened, in its order, is in the
//! [`Trace`]. Not part of the program.

mod network;
mod pipe;
mod trace;

pub(crate) use network::{Backlog, MemoryNetwork, Reach, Weather};
pub(crate) use pipe::{Cut, End};
pub(crate) use trace::{Event, Trace, What};
