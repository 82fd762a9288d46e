//! The endpoints that a service has at the moment on one worker, and whose turn it is among them.

use std::rc::Rc;

use corelane_config::{EndpointAddress, Service, SubsetId};

use super::EndpointState;
use super::balance::Balancer;
use super::endpoints::Endpoint;
use crate::error::{Error, Kind};

/// The endpoints of a service at the moment. An exchange keeps the one that it began with.
#[derive(Debug)]
pub(crate) struct Roster {
    endpoints: Vec<Rc<EndpointState>>,
    all: Balancer,
    subsets: Vec<Balancer>,
}

impl Roster {
    /// The roster of the endpoints that the configuration gives `service`.
    pub(super) fn configured(
        service: &Service,
        start: usize,
        state: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
    ) -> Self {
        let endpoints = service.endpoints.iter();
        let members = endpoints.map(|endpoint| Member {
            address: &endpoint.address,
            weight: endpoint.weight,
            subset: endpoint.subset,
        });
        Self::new(service, &members.collect::<Vec<_>>(), start, state)
    }

    /// The roster of the endpoints that were set for `service` while it runs.
    pub(super) fn set(
        service: &Service,
        endpoints: &[Endpoint],
        start: usize,
        state: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
    ) -> Self {
        let members = endpoints.iter().map(|endpoint| Member {
            address: &endpoint.address,
            weight: endpoint.weight,
            // A newer configuration may have no such subset any more.
            subset: endpoint
                .subset
                .as_ref()
                .and_then(|name| service.subset_named(name)),
        });
        Self::new(service, &members.collect::<Vec<_>>(), start, state)
    }

    fn new(
        service: &Service,
        members: &[Member<'_>],
        start: usize,
        state: impl FnMut(&EndpointAddress) -> Rc<EndpointState>,
    ) -> Self {
        let among = |subset: Option<SubsetId>| {
            let counts = move |member: &Member<'_>| subset.is_none() || member.subset == subset;
            let weights = members.iter().enumerate();
            let weights = weights.filter(move |(_, member)| counts(member));
            let weights = weights.map(|(index, member)| (index, member.weight));
            Balancer::new(service.balance, weights, start)
        };
        let subsets = 0..u32::try_from(service.subsets.len()).unwrap_or(u32::MAX);
        Self {
            all: among(None),
            subsets: subsets.map(|id| among(Some(SubsetId(id)))).collect(),
            endpoints: members
                .iter()
                .map(|member| member.address)
                .map(state)
                .collect(),
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

    /// The endpoint that `pick` chose.
    pub(crate) fn endpoint(&self, index: usize) -> &Rc<EndpointState> {
        &self.endpoints[index]
    }
}

/// An endpoint, wherever it was written.
struct Member<'a> {
    address: &'a EndpointAddress,
    weight: u32,
    subset: Option<SubsetId>,
}
