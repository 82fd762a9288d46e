//! Room 6: which endpoint of a service a request goes to.
//!
//! Everything here is of one worker and one generation; what must be one for all workers (a weighted
//! split) lies in the registry.

mod balance;
mod split;

use std::rc::Rc;

use corelane_config::{EndpointAddress, Service, SubsetId};

pub(crate) use balance::Balancer;
pub(crate) use split::Split;

use crate::error::{Error, Kind};
use crate::telemetry::{EndpointMetricsId, ServiceMetricsId};
use crate::upstream::Pool;

/// A service as one worker sees it.
#[derive(Debug)]
pub(crate) struct ServiceState {
    pub(crate) name: Rc<str>,
    pub(crate) endpoints: Vec<Rc<EndpointState>>,
    all: Balancer,
    subsets: Vec<Balancer>,
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
    /// A service with the endpoints that `endpoint` finds or makes. `start` is where its turn begins,
    /// so that workers do not all begin with the same endpoint.
    pub(crate) fn new(
        service: &Service,
        metrics: ServiceMetricsId,
        start: usize,
        endpoint: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
    ) -> Self {
        let addresses = service.endpoints.iter().map(|endpoint| &endpoint.address);
        let weight = |index: usize| service.endpoints[index].weight;
        let every = (0..service.endpoints.len()).map(|index| (index, weight(index)));
        let of_subset = |subset: &corelane_config::Subset| {
            let members = subset.endpoints.iter().map(|&index| (index, weight(index)));
            Balancer::new(service.balance, members, start)
        };
        Self {
            name: Rc::from(&*service.name),
            endpoints: addresses.map(endpoint).collect(),
            all: Balancer::new(service.balance, every, start),
            subsets: service.subsets.iter().map(of_subset).collect(),
            connect_timeout_ms: millis(service.connect_timeout),
            metrics,
        }
    }

    /// The endpoint whose turn it is; not `avoid`, where there is another one.
    ///
    /// # Errors
    /// `NoEndpoint` when there is none at all.
    pub(crate) fn pick(
        &self,
        subset: Option<SubsetId>,
        avoid: Option<usize>,
        random: u64,
    ) -> Result<usize, Error> {
        let balancer = subset.map_or(&self.all, |subset| &self.subsets[subset.index()]);
        balancer
            .pick(avoid, random)
            .ok_or_else(|| Kind::NoEndpoint.into())
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
