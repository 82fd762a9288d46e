//! The connections that a worker has, so that a drain can reach the idle ones.

use std::cell::RefCell;
use std::rc::Rc;

use super::Connection;
use crate::rt::timer::Alarm;

/// The alarms of a worker's connections, by key.
#[derive(Debug, Default)]
pub(crate) struct Connections(RefCell<Slots>);

#[derive(Debug, Default)]
struct Slots {
    alarms: Vec<Option<Rc<Alarm>>>,
    free: Vec<usize>,
}

impl Connections {
    pub(super) fn add(&self, connection: &Connection) {
        let mut slots = self.0.borrow_mut();
        let key = slots.free.pop().unwrap_or(slots.alarms.len());
        if key == slots.alarms.len() {
            slots.alarms.push(None);
        }
        slots.alarms[key] = Some(connection.alarm.clone());
        let key = u32::try_from(key).expect("fewer connections than memory has room for");
        connection.key.set(key);
    }

    pub(super) fn remove(&self, connection: &Connection) {
        let mut slots = self.0.borrow_mut();
        let key = connection.key.get() as usize;
        slots.alarms[key] = None;
        slots.free.push(key);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        let slots = self.0.borrow();
        slots.alarms.len() - slots.free.len()
    }

    /// Has every connection look at its deadlines again.
    pub(crate) fn wake_all(&self) {
        self.0
            .borrow()
            .alarms
            .iter()
            .flatten()
            .for_each(|alarm| alarm.wake());
    }

    /// Ends whatever every connection is waiting for.
    pub(crate) fn abort_all(&self) {
        self.0
            .borrow()
            .alarms
            .iter()
            .flatten()
            .for_each(|alarm| alarm.abort());
    }
}
