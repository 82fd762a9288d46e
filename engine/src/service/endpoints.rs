//! Endpoints that are set while the program runs, for all workers at once: by discovery, or by
//! whoever embeds the engine.
//!
//! They lie in a cell of their own beside the configuration, so that endpoints may come and go as
//! often as they like and no route is compiled for it. A worker looks at the cell's version with each
//! request, and at the endpoints when that has changed.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use corelane_config::limits::MAX_ENDPOINTS;
use corelane_config::{EndpointAddress, Service};

use crate::registry::Cell;

/// An endpoint that is set while the program runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) address: EndpointAddress,
    pub(super) weight: u32,
    pub(super) subset: Option<Arc<str>>,
}

impl Endpoint {
    /// An endpoint with a weight of 1 and in no subset.
    #[must_use]
    pub fn new(address: EndpointAddress) -> Self {
        Self {
            address,
            weight: 1,
            subset: None,
        }
    }

    /// Sets its share among its siblings; 0 takes none.
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Puts it into one of the subsets that its service has in the configuration.
    #[must_use]
    pub fn in_subset(mut self, name: impl Into<Arc<str>>) -> Self {
        self.subset = Some(name.into());
        self
    }
}

impl Endpoint {
    /// What is connected to.
    #[must_use]
    pub fn address(&self) -> &EndpointAddress {
        &self.address
    }

    /// Its share among its siblings.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// The subset that it is in.
    #[must_use]
    pub fn subset(&self) -> Option<&str> {
        self.subset.as_deref()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::new(EndpointAddress::Tcp(address))
    }
}

/// The endpoints of one service that take the place of the configured ones, for all workers.
#[derive(Debug, Default)]
pub(crate) struct Override {
    version: AtomicU64,
    endpoints: ArcSwapOption<Vec<Endpoint>>,
}

impl Override {
    /// Sets endpoints, or goes back to the configured ones.
    pub(crate) fn set(&self, endpoints: Option<Vec<Endpoint>>) {
        self.endpoints.store(endpoints.map(Arc::new));
        // After the store: whoever sees the new version sees these endpoints, or newer ones.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Changes with each `set`.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What is set; `None` for the configured ones.
    pub(crate) fn endpoints(&self) -> Option<Arc<Vec<Endpoint>>> {
        self.endpoints.load_full()
    }
}

impl Cell for Override {
    fn describe(&self) -> serde_json::Value {
        let describe = |endpoint: &Endpoint| {
            serde_json::json!({
                "address": endpoint.address.to_string(),
                "weight": endpoint.weight,
                "subset": endpoint.subset.as_deref(),
            })
        };
        self.endpoints()
            .map_or(serde_json::Value::Null, |endpoints| {
                endpoints.iter().map(describe).collect()
            })
    }
}

/// Whether `endpoints` can be those of `service`.
///
/// # Errors
/// Too many of them, one of them twice, or a subset that the service has not got.
pub(crate) fn check(endpoints: &[Endpoint], service: &Service) -> Result<(), String> {
    let name = &service.name;
    if endpoints.len() > MAX_ENDPOINTS {
        let count = endpoints.len();
        return Err(format!(
            "service `{name}`: {count} endpoints, and the most is {MAX_ENDPOINTS}"
        ));
    }
    let mut seen = HashSet::new();
    for endpoint in endpoints {
        let address = &endpoint.address;
        if !seen.insert(address) {
            return Err(format!(
                "service `{name}`: the endpoint {address} comes twice"
            ));
        }
        let unknown = |subset: &&Arc<str>| service.subset_named(subset).is_none();
        if let Some(subset) = endpoint.subset.as_ref().filter(unknown) {
            return Err(format!(
                "service `{name}`: the endpoint {address} is of a subset `{subset}` that there is not"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelane_config::Config;

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::from(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn endpoints_that_cannot_be_are_refused_with_a_reason() {
        let text = "services: {s: {subsets: {v1: {endpoints: [127.0.0.1:1]}}}}\n\
                    routes: [{path: /, service: s}]\n";
        let config = Config::from_yaml("c.yaml", text).unwrap();
        let service = config.snapshot().service_named("s").unwrap();
        let told = |endpoints: &[Endpoint]| check(endpoints, service).unwrap_err();
        assert_eq!(check(&[], service), Ok(()));
        assert_eq!(
            check(&[endpoint(1), endpoint(2).in_subset("v1")], service),
            Ok(())
        );
        assert!(told(&[endpoint(1), endpoint(1)]).contains("127.0.0.1:1 comes twice"));
        assert!(told(&[endpoint(1).in_subset("v9")]).contains("subset `v9`"));
        let many: Vec<_> = (1..=10_001).map(endpoint).collect();
        assert!(told(&many).contains("the most is 10000"));
    }

    #[test]
    fn a_cell_tells_what_is_set() {
        let cell = Override::default();
        assert_eq!(
            (cell.version(), cell.describe()),
            (0, serde_json::Value::Null)
        );
        cell.set(Some(vec![endpoint(7).with_weight(2)]));
        assert_eq!(
            cell.describe(),
            serde_json::json!([{"address": "127.0.0.1:7", "weight": 2, "subset": null}])
        );
        cell.set(None);
        assert_eq!(
            (cell.version(), cell.describe()),
            (2, serde_json::Value::Null)
        );
    }
}
