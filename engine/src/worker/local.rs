//! One generation as one worker sees it: services with their pools, routes with their counters.
//!
//! Built by the worker when a generation is prepared, taken into use when it is published, and kept
//! by the requests that began on it.

use std::rc::Rc;
use std::sync::Arc;

use corelane_codec::{FieldLine, Version};
use corelane_config::{Action, EndpointAddress, Route, RouteId, Service, ServiceId, Snapshot};

use super::Worker;
use crate::filter::{Chain, WorkerCx};
use crate::listener::ListenerKey;
use crate::publish::Generation;
use crate::service::{EndpointState, ServiceState, Split, millis};
use crate::telemetry::{ListenerId, SeriesId};

/// One generation as one worker sees it.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) generation: Arc<Generation>,
    services: Vec<Rc<ServiceState>>,
    routes: Vec<RouteState>,
    listeners: Vec<ListenerId>,
    /// By the number of a listener's key: its index in the snapshot.
    places: Vec<Option<usize>>,
    /// This gateway's line of `Via`, by what it is said of; none when that is off.
    via: Option<[FieldLine; 2]>,
    /// The series of requests that met no route.
    pub(crate) unrouted: SeriesId,
}

/// A route's state on one worker.
#[derive(Debug)]
pub(crate) struct RouteState {
    /// How several targets share the requests; `None` when one takes all.
    split: Option<Split>,
    /// The target that takes all, where there is no split.
    only: usize,
    /// By target; one entry for a route that answers itself.
    series: Vec<SeriesId>,
    filters: Option<Rc<Chain>>,
}

impl Local {
    /// # Errors
    /// When a filter cannot be built.
    pub(crate) fn new(worker: &Worker, generation: Arc<Generation>) -> Result<Self, String> {
        let snapshot = generation.snapshot.clone();
        let services: Vec<_> = snapshot
            .services
            .iter()
            .map(|service| Rc::new(service_state(worker, service, &snapshot)))
            .collect();
        let on_worker = WorkerCx::new(worker, &services);
        let routes: Result<Vec<_>, _> = snapshot
            .routes
            .iter()
            .map(|route| {
                let filters = generation.filters.chain(route, &on_worker)?;
                Ok::<_, String>(route_state(worker, route, &services, filters))
            })
            .collect();
        let listeners = snapshot
            .listeners
            .iter()
            .map(|listener| worker.metrics.listener(&listener.name))
            .collect();
        Ok(Self {
            routes: routes?,
            services,
            listeners,
            places: places(worker, &snapshot),
            via: snapshot.via.as_deref().and_then(via_lines),
            unrouted: worker.metrics.series("", ""),
            generation,
        })
    }

    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.generation.snapshot
    }

    pub(crate) fn service(&self, id: ServiceId) -> &Rc<ServiceState> {
        &self.services[id.index()]
    }

    /// The state of an endpoint of a service: the one that is there, or a new one.
    pub(crate) fn endpoint(
        &self,
        worker: &Worker,
        service: &str,
        address: &EndpointAddress,
    ) -> Rc<EndpointState> {
        endpoint_state(worker, service, address, self.snapshot())
    }

    pub(crate) fn route(&self, id: RouteId) -> &RouteState {
        &self.routes[id.index()]
    }

    /// The line with which this gateway names itself in `Via` (RFC 9110 §7.6.3) as the one that got the
    /// message, unless that is off.
    pub(crate) fn via(&self, received: Version) -> Option<&FieldLine> {
        let [http10, http11] = self.via.as_ref()?;
        Some(match received {
            Version::Http10 => http10,
            Version::Http11 => http11,
        })
    }

    /// The listener's index in this generation's snapshot; a connection may outlive its listener.
    pub(crate) fn listener_index(&self, key: ListenerKey) -> Option<usize> {
        self.places.get(key.number()).copied().flatten()
    }

    /// The listener's counters.
    pub(crate) fn listener(&self, key: ListenerKey) -> Option<ListenerId> {
        self.listener_index(key).map(|index| self.listeners[index])
    }
}

impl RouteState {
    /// The index of the target for the next request.
    pub(crate) fn next_target(&self) -> usize {
        self.split.as_ref().map_or(self.only, Split::next)
    }

    pub(crate) fn series(&self, target: usize) -> SeriesId {
        self.series[target]
    }

    /// The route's filters, where it has any.
    pub(crate) fn filters(&self) -> Option<&Rc<Chain>> {
        self.filters.as_ref()
    }
}

/// The configuration allows no name that could not stand there.
fn via_lines(name: &str) -> Option<[FieldLine; 2]> {
    let line = |version: &str| FieldLine::new(b"Via", format!("{version} {name}").as_bytes());
    Some([line("1.0")?, line("1.1")?])
}

fn places(worker: &Worker, snapshot: &Snapshot) -> Vec<Option<usize>> {
    let mut places = Vec::new();
    for (index, listener) in snapshot.listeners.iter().enumerate() {
        let key = worker.shared.listener_keys.of(&listener.address).number();
        places.resize(places.len().max(key + 1), None);
        places[key] = Some(index);
    }
    places
}

fn route_state(
    worker: &Worker,
    route: &Route,
    services: &[Rc<ServiceState>],
    filters: Option<Rc<Chain>>,
) -> RouteState {
    let Action::Forward { to, .. } = &route.action else {
        return RouteState {
            split: None,
            only: 0,
            series: vec![worker.metrics.series(&route.name, "")],
            filters,
        };
    };
    let name = |service: ServiceId| &services[service.index()].name;
    RouteState {
        split: Split::new(&worker.shared.registry, &route.name, to),
        only: to.iter().position(|target| target.weight > 0).unwrap_or(0),
        series: to
            .iter()
            .map(|target| worker.metrics.series(&route.name, name(target.service)))
            .collect(),
        filters,
    }
}

fn service_state(worker: &Worker, service: &Arc<Service>, snapshot: &Snapshot) -> ServiceState {
    let metrics = worker.metrics.service(&service.name);
    let registry = &worker.shared.registry;
    ServiceState::new(service, metrics, worker.index, registry, |address| {
        endpoint_state(worker, &service.name, address, snapshot)
    })
}

fn endpoint_state(
    worker: &Worker,
    service: &str,
    address: &EndpointAddress,
    snapshot: &Snapshot,
) -> Rc<EndpointState> {
    let most = snapshot.limits.upstream_idle_connections;
    let timeout = millis(snapshot.limits.upstream_keepalive_timeout);
    let label = address.to_string();
    worker.adopt_endpoint(
        service,
        &label,
        |state| state.pool.set_bounds(most, timeout),
        || EndpointState {
            address: address.clone(),
            label: Rc::from(&*label),
            pool: worker.pools.create(most, timeout),
            metrics: worker.metrics.endpoint(service, &label),
        },
    )
}
