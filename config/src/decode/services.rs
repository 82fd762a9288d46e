//! `services:`, names looked up and subsets numbered.

use std::sync::Arc;
use std::time::Duration;

use ahash::{HashMap, HashMapExt};

use super::address::{Target, target};
use super::fields::{Fields, Text, text_of};
use super::nearest::nearest;
use crate::limits::{Limits, MAX_ADDRESSES};
use crate::report::Report;
use crate::resolve::{Names, Resolver};
use crate::schema::{ENDPOINT, SERVICE, SUBSET};
use crate::snapshot::{
    Balance, Endpoint, EndpointAddress, Service, ServiceId, ServiceProtocol, Subset, SubsetId,
};
use crate::yaml::{Entry, Node, Value};

/// The services and their ids.
#[derive(Debug, Default)]
pub(super) struct Services {
    pub(super) list: Vec<Arc<Service>>,
    /// `None` for a service that could not be read.
    ids: HashMap<Arc<str>, Option<ServiceId>>,
}

impl Services {
    /// The service that `name` names; an unknown one is reported where it is named.
    pub(super) fn named(&self, name: Text<'_>, report: &Report<'_>) -> Option<&Arc<Service>> {
        if let Some(id) = self.ids.get(name.text) {
            return id.map(|id| &self.list[id.index()]);
        }
        let known = self.list.iter().map(|service| &*service.name);
        let hint = match nearest(name.text, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.list.is_empty() => {
                "add it under `services`, there are none yet".to_owned()
            }
            None => format!("add it under `services`, which has {}", some_of(known)),
        };
        report.unknown_name(name.node, format!("no service `{}`", name.text), hint);
        None
    }

    /// The subset that `name` names in `service`.
    pub(super) fn subset(
        service: &Service,
        name: Text<'_>,
        report: &Report<'_>,
    ) -> Option<SubsetId> {
        let found = service.subset_named(name.text);
        if found.is_none() {
            let known = service.subsets.iter().map(|subset| &*subset.name);
            let hint = match nearest(name.text, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if service.subsets.is_empty() => {
                    format!(
                        "add it under `services.{}.subsets`, there are none",
                        service.name
                    )
                }
                None => format!("`services.{}.subsets` has {}", service.name, some_of(known)),
            };
            let message = format!("service `{}` has no subset `{}`", service.name, name.text);
            report.unknown_name(name.node, message, hint);
        }
        found
    }
}

/// Lists of names in messages end somewhere.
fn some_of<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const SHOWN: usize = 12;
    let mut names: Vec<&str> = names.take(SHOWN + 1).collect();
    if names.len() > SHOWN {
        names[SHOWN] = "…";
    }
    names.join(", ")
}

pub(super) fn services(top: &Fields<'_>, limits: &Limits, resolver: &Resolver) -> Services {
    let mut services = Services::default();
    let mut drafts = Vec::new();
    for entry in top.map("services") {
        services.ids.insert(Arc::from(&*entry.key), None);
        drafts.extend(draft(entry, limits, top.report));
    }
    let wanted = drafts
        .iter()
        .flat_map(|draft| &draft.endpoints)
        .filter_map(EndpointDraft::name);
    let names = resolver.resolve(wanted);
    for draft in drafts {
        let Ok(number) = u32::try_from(services.list.len()) else {
            break;
        };
        let service = draft.finish(ServiceId(number), &names, top.report);
        services
            .ids
            .insert(Arc::clone(&service.name), Some(service.id));
        services.list.push(Arc::new(service));
    }
    services
}

/// A service before its names are looked up.
struct Draft<'a> {
    entry: &'a Entry,
    subsets: Vec<Arc<str>>,
    endpoints: Vec<EndpointDraft<'a>>,
    balance: Balance,
    connect_timeout: Duration,
}

struct EndpointDraft<'a> {
    node: &'a Node,
    written: &'a str,
    target: Target,
    weight: u32,
    subset: Option<SubsetId>,
}

impl EndpointDraft<'_> {
    fn name(&self) -> Option<(&str, u16)> {
        match &self.target {
            Target::Name { host, port } => Some((host, *port)),
            Target::Address(_) => None,
        }
    }
}

fn draft<'a>(entry: &'a Entry, limits: &Limits, report: &'a Report<'a>) -> Option<Draft<'a>> {
    let fields = Fields::open(&SERVICE, &entry.value, report)?;
    let mut subsets = Vec::new();
    let mut endpoints = Vec::new();
    for node in fields.list("endpoints") {
        endpoints.extend(endpoint(node, None, report));
    }
    for (index, subset) in fields.map("subsets").iter().enumerate() {
        let id = u32::try_from(index).ok().map(SubsetId);
        subsets.push(Arc::from(&*subset.key));
        let Some(fields) = Fields::open(&SUBSET, &subset.value, report) else {
            continue;
        };
        for node in fields.list("endpoints") {
            endpoints.extend(endpoint(node, id, report));
        }
    }
    let named = |key| fields.has(key) || fields.is_meant(key);
    if !named("endpoints") && !named("subsets") {
        report.error_hint(
            fields.node,
            format!("service `{}` has no endpoints", entry.key),
            "write `endpoints: [127.0.0.1:8001]`",
        );
    }
    let balance = match fields.choice("balance") {
        Some("random") => Balance::Random,
        _ => Balance::RoundRobin,
    };
    fields.choice("protocol");
    let connect_timeout = fields
        .duration("connect_timeout")
        .unwrap_or(limits.connect_timeout);
    Some(Draft {
        entry,
        subsets,
        endpoints,
        balance,
        connect_timeout,
    })
}

fn endpoint<'a>(
    node: &'a Node,
    subset: Option<SubsetId>,
    report: &'a Report<'a>,
) -> Option<EndpointDraft<'a>> {
    let mut weight = 1;
    let text = if let Value::Map(_) = node.value {
        let fields = Fields::open(&ENDPOINT, node, report)?;
        if let Some(written) = fields.integer("weight") {
            weight = u32::try_from(written).unwrap_or(u32::MAX);
        }
        fields.text("address")?
    } else {
        text_of(node, report)?
    };
    match target(text.text) {
        Ok(target) => Some(EndpointDraft {
            node: text.node,
            written: text.text,
            target,
            weight,
            subset,
        }),
        Err(message) => {
            report.error(text.node, message);
            None
        }
    }
}

impl Draft<'_> {
    fn finish(self, id: ServiceId, names: &Names, report: &Report<'_>) -> Service {
        let mut service = Service {
            id,
            name: Arc::from(&*self.entry.key),
            place: report.place(self.entry.mark),
            endpoints: Vec::new(),
            subsets: self
                .subsets
                .iter()
                .map(|name| Subset {
                    name: Arc::clone(name),
                    endpoints: Vec::new(),
                })
                .collect(),
            balance: self.balance,
            protocol: ServiceProtocol::Http1,
            connect_timeout: self.connect_timeout,
        };
        // Endpoints of subsets come first, so that the plain list may name them again.
        let (in_subsets, plain): (Vec<_>, Vec<_>) = self
            .endpoints
            .into_iter()
            .partition(|endpoint| endpoint.subset.is_some());
        let mut listed: HashMap<EndpointAddress, Listed<'_>> = HashMap::new();
        for draft in in_subsets.into_iter().chain(plain) {
            for address in addresses(&draft, names, report) {
                if let Some(first) = listed.get(&address) {
                    twice(&draft, &address, first, report);
                    continue;
                }
                let EndpointDraft {
                    subset,
                    weight,
                    node,
                    ..
                } = draft;
                listed.insert(
                    address.clone(),
                    Listed {
                        subset,
                        weight,
                        node,
                    },
                );
                if let Some(subset) = draft.subset {
                    service.subsets[subset.index()]
                        .endpoints
                        .push(service.endpoints.len());
                }
                service.endpoints.push(Endpoint {
                    address,
                    name: Arc::from(draft.written),
                    weight: draft.weight,
                    subset: draft.subset,
                });
            }
        }
        warn_of_nobody(&service, self.entry, report);
        service
    }
}

fn addresses(
    draft: &EndpointDraft<'_>,
    names: &Names,
    report: &Report<'_>,
) -> Vec<EndpointAddress> {
    let (host, port) = match &draft.target {
        Target::Address(address) => return vec![address.clone()],
        Target::Name { host, port } => (host, *port),
    };
    match names.addresses(host, port) {
        Ok(addresses) if addresses.len() > MAX_ADDRESSES => {
            let message = format!(
                "`{host}` has {} addresses, and the most is {MAX_ADDRESSES}",
                addresses.len()
            );
            report.error(draft.node, message);
            Vec::new()
        }
        Ok(addresses) => addresses
            .iter()
            .map(|address| EndpointAddress::Tcp(*address))
            .collect(),
        Err(reason) => {
            report.error_hint(
                draft.node,
                format!("`{host}` cannot be resolved: {reason}"),
                "write an address if the configuration has to load without DNS",
            );
            Vec::new()
        }
    }
}

/// Where an address was listed first.
struct Listed<'a> {
    subset: Option<SubsetId>,
    weight: u32,
    node: &'a Node,
}

/// The plain list may repeat what a subset lists; anything else that is listed twice is a slip, or,
/// for names, what DNS happens to say today.
fn twice(
    draft: &EndpointDraft<'_>,
    address: &EndpointAddress,
    first: &Listed<'_>,
    report: &Report<'_>,
) {
    if first.subset.is_some() && draft.subset.is_none() && first.weight == draft.weight {
        return;
    }
    let place = report.place(first.node.mark);
    match &draft.target {
        Target::Address(_) => report.error_hint(
            draft.node,
            format!("{address} is listed at {place} already"),
            "give it a larger `weight` if it should take more",
        ),
        Target::Name { .. } => report.warn(
            draft.node,
            format!(
                "`{}` is {address}, which is listed at {place} already",
                draft.written
            ),
            "it is one endpoint",
        ),
    }
}

/// A service or subset whose every request would be answered with 503.
fn warn_of_nobody(service: &Service, entry: &Entry, report: &Report<'_>) {
    if service
        .endpoints
        .iter()
        .all(|endpoint| endpoint.weight == 0)
    {
        let message = format!(
            "service `{}` has no endpoint that takes requests",
            service.name
        );
        report.warn(
            &entry.value,
            message,
            "requests for it are answered with 503",
        );
        return;
    }
    for subset in &service.subsets {
        if subset
            .endpoints
            .iter()
            .all(|index| service.endpoints[*index].weight == 0)
        {
            let message = format!(
                "subset `{}` of service `{}` has no endpoint that takes requests",
                subset.name, service.name
            );
            report.warn(
                &entry.value,
                message,
                "requests for it are answered with 503",
            );
        }
    }
}
