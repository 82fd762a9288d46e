//! What happened in a simulated network, in order: two runs of one seed are the same run if their
//! traces are equal.

use std::sync::{Arc, Mutex, PoisonError};

use crate::rt::clock::Millis;

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// Connections count from 1 in the order in which they were opened; 0 for none.
    pub(crate) connection: u64,
    /// Which end: 0 opened the connection, 1 accepted it.
    pub(crate) side: usize,
    pub(crate) what: What,
}

/// What an event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Opened,
    Sent(usize),
    Received(usize),
    Ended,
    Reset,
    Closed,
    /// The clock was moved.
    Time(Millis),
}

/// The events of one simulation; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<Event>>>);

impl Trace {
    pub(crate) fn note(&self, connection: u64, side: usize, what: What) {
        self.events().push(Event {
            connection,
            side,
            what,
        });
    }

    /// What has happened so far.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events())
    }

    fn events(&self) -> std::sync::MutexGuard<'_, Vec<Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
