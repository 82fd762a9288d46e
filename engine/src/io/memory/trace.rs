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

/// The events of one simulation; clones share them. The default one keeps none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Option<Arc<Mutex<Vec<Event>>>>);

impl Trace {
    /// One that keeps everything.
    pub(crate) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn note(&self, connection: u64, side: usize, what: What) {
        if let Some(events) = &self.0 {
            events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Event {
                    connection,
                    side,
                    what,
                });
        }
    }

    /// What has happened so far.
    pub(crate) fn take(&self) -> Vec<Event> {
        let events = self.0.as_ref().map(|events| {
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *events)
        });
        events.unwrap_or_default()
    }
}
