//! Room 6: which endpoint of a service a request goes to.
//!
//! Everything here is of one worker and one generation; what must be one for all workers (a weighted
//! split, endpoints that were set while it runs) lies in the registry.

mod balance;
mod endpoints;
mod roster;
mod split;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use corelane_config::{EndpointAddress, Service};

pub use endpoints::Endpoint;
pub(crate) use endpoints::{Override, check};
pub(crate) use roster::Roster;
pub(crate) use split::Split;

use crate::registry::Registry;
use crate::telemetry::{EndpointMetricsId, ServiceMetricsId};
use crate::upstream::Pool;

/// The kind of the cells with endpoints that are set while the program runs.
const OVERRIDE: &str = "endpoints";

/// A service as one worker sees it.
#[derive(Debug)]
pub(crate) struct ServiceState {
    pub(crate) name: Rc<str>,
    configured: Arc<Service>,
    /// Where its turn begins, so that workers do not all begin with the same endpoint.
    start: usize,
    overridden: Arc<Override>,
    roster: RefCell<Rc<Roster>>,
    /// The version of `overridden` that the roster was made from.
    version: Cell<u64>,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) metrics: ServiceMetricsId,
}

/// An endpoint as one worker sees it. It outlives generations that name the same address.
#[derive(Debug)]
pub(crate) struct EndpointState {
    pub(crate) address: EndpointAddress,
    /// The address in words, for logs.
    pub(crate) label: Rc<str>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) metrics: EndpointMetricsId,
}

impl ServiceState {
    /// A service with the endpoints that `state` finds or makes.
    pub(crate) fn new(
        service: &Arc<Service>,
        metrics: ServiceMetricsId,
        start: usize,
        registry: &Registry,
        state: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
    ) -> Self {
        let overridden = override_of(registry, &service.name);
        let version = overridden.version();
        let roster = make_roster(service, &overridden, start, state);
        Self {
            name: Rc::from(&*service.name),
            configured: service.clone(),
            start,
            overridden,
            roster: RefCell::new(Rc::new(roster)),
            version: Cell::new(version),
            connect_timeout_ms: millis(service.connect_timeout),
            metrics,
        }
    }

    /// The endpoints that there are now. `state` finds or makes those that are new.
    pub(crate) fn roster(
        &self,
        state: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
    ) -> Rc<Roster> {
        let version = self.overridden.version();
        if self.version.replace(version) != version {
            let roster = make_roster(&self.configured, &self.overridden, self.start, state);
            *self.roster.borrow_mut() = Rc::new(roster);
        }
        self.roster.borrow().clone()
    }
}

/// The cell with the endpoints that are set for a service.
pub(crate) fn override_of(registry: &Registry, service: &str) -> Arc<Override> {
    registry.adopt(OVERRIDE, service, Override::default)
}

fn make_roster(
    service: &Service,
    overridden: &Override,
    start: usize,
    state: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
) -> Roster {
    match overridden.endpoints() {
        Some(endpoints) => Roster::set(service, &endpoints, start, state),
        None => Roster::configured(service, start, state),
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
