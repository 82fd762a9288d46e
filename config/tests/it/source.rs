//! The mission source's own YAML blocks, verbatim in `source/`: the first loads and behaves, and
//! the others say at their line that they are not implemented in this version.

use corelane_config::{Config, Loader, Lookup};

use crate::runner::upstream_path;
use crate::support::{Request, loader};

const SERVICES: &str = "
services:
  user-service: {endpoints: [127.0.0.1:8001]}
  product-service: {endpoints: [127.0.0.1:8002]}
  order-service: {endpoints: [127.0.0.1:8003]}
  api-v2-service: {endpoints: [127.0.0.1:8004]}
";

fn source(name: &str) -> String {
    std::fs::read_to_string(format!("tests/source/{name}.yaml")).expect("a fixture")
}

fn routes() -> Config {
    let text = format!("{}---\n{SERVICES}", source("routes"));
    loader()
        .from_yaml("routes.yaml", &text)
        .unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn goes(method: &str, path: &str) -> Option<(String, String)> {
    let config = routes();
    let snapshot = config.snapshot();
    let request = Request::new(method, path);
    let mut captures = corelane_config::Captures::new();
    match snapshot.table.lookup(&request, &mut captures) {
        Lookup::Route(id) => {
            let route = snapshot.route(id);
            let corelane_config::Action::Forward { to, .. } = &route.action else {
                panic!("the source's routes forward")
            };
            let service = snapshot.service(to[0].service).name.to_string();
            Some((service, upstream_path(route, &request, &captures)))
        }
        Lookup::MethodNotAllowed(_) | Lookup::NotFound => None,
    }
}

#[test]
fn the_first_block_loads_together_with_services_and_goes_where_the_source_says() {
    let to = |service: &str, path: &str| Some((service.to_owned(), path.to_owned()));
    assert_eq!(
        goes("GET", "/api/v1/users/123"),
        to("user-service", "/users/123")
    );
    assert_eq!(
        goes("GET", "/api/v1/products/456"),
        to("product-service", "/api/v1/products/456")
    );
    assert_eq!(goes("POST", "/api/v1/products/456"), None);
    assert_eq!(
        goes("PUT", "/api/v1/orders/789"),
        to("order-service", "/api/v1/orders/789")
    );
    assert_eq!(
        goes("GET", "/api/v2/anything"),
        to("api-v2-service", "/api/v2/anything")
    );
    assert_eq!(goes("GET", "/api/v3"), None);
    let config = routes();
    let timeouts: Vec<Option<u64>> = config
        .snapshot()
        .routes
        .iter()
        .map(|route| route.timeout.map(|t| t.as_secs()))
        .collect();
    assert_eq!(timeouts, [None, None, Some(30), None]);
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
}

#[test]
fn every_block_parses_as_yaml() {
    for name in BLOCKS.map(|(name, _)| name).into_iter().chain(["routes"]) {
        serde_yaml::from_str::<serde_yaml::Value>(&source(name)).expect(name);
    }
}

/// What this version says of the other blocks.
const BLOCKS: [(&str, &str); 7] = [
    (
        "rate_limits",
        "rate_limits.yaml:1:1: rate_limits: `rate_limits` is not implemented in this version \
         (rate limits); leave it out",
    ),
    (
        "cache",
        "cache.yaml:1:1: cache: `cache` is not implemented in this version (caching); leave it out",
    ),
    (
        "virtual_service",
        "virtual_service.yaml:1:1: apiVersion: VirtualService of \
         networking.istio.io/v1alpha3: Istio and Kubernetes objects are not implemented in this \
         version; write `routes` and `services`",
    ),
    (
        "header_match",
        "header_match.yaml:1:1: http: `http` is not implemented in this version (Istio's \
         VirtualService rules); leave it out",
    ),
    (
        "fault",
        "fault.yaml:1:1: http: `http` is not implemented in this version (Istio's VirtualService \
         rules); leave it out",
    ),
    (
        "retries",
        "retries.yaml:1:1: http: `http` is not implemented in this version (Istio's \
         VirtualService rules); leave it out",
    ),
    (
        "destination_rule",
        "destination_rule.yaml:1:1: apiVersion: DestinationRule of \
         networking.istio.io/v1alpha3: Istio and Kubernetes objects are not implemented in this \
         version; write `routes` and `services`",
    ),
];

#[test]
fn the_other_blocks_are_refused_at_their_line_until_their_feature_exists() {
    for (name, expected) in BLOCKS {
        let refused = Loader::new().from_yaml(&format!("{name}.yaml"), &source(name));
        assert_eq!(refused.expect_err(name).to_string(), expected);
    }
}
