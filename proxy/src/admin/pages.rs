//! What the admin API tells, as text and JSON. The shapes are a contract: fields may be added.

use std::collections::HashMap;
use std::sync::Arc;

use corelane_config::{Service, Snapshot};
use corelane_engine::telemetry::EndpointReport;
use corelane_engine::{Bound, Generation};
use serde_json::{Value, json};

use crate::VERSION;
use crate::check::problems_json;
use crate::control::Control;
use crate::reload::Refused;
use crate::timestamp::Timestamp;

/// `GET /metrics`.
pub(super) async fn metrics(control: &Control) -> String {
    let report = control.report().await;
    let mut page = String::new();
    report.prometheus(VERSION, number(control), &mut page);
    page
}

/// `GET /status`: the state of the process, for the dashboard.
pub(super) fn status(control: &Control) -> Value {
    let refusal = control.last_refusal();
    let refusal = refusal.map(|(at, refused)| {
        let errors = match &*refused {
            Refused::Config(errors) => problems_json(&errors.0),
            _ => json!([]),
        };
        json!({
            "at": Timestamp(at).to_string(),
            "reason": refused.to_string(),
            "errors": errors,
        })
    });
    let serving = control.handle().is_serving();
    json!({
        "status": if serving { "serving" } else { "draining" },
        "version": VERSION,
        "generation": number(control),
        "loaded_at": loaded_at(control),
        "driver": control.handle().driver(),
        "listeners": listeners(&control.listeners()),
        "last_refused_reload": refusal,
    })
}

/// `GET /config`.
pub(super) fn config(control: &Control) -> Value {
    let generation = control.handle().generation();
    json!({
        "generation": number(control),
        "loaded_at": loaded_at(control),
        "listeners": listeners(&control.listeners()),
        "config": generation.map(|generation| generation.snapshot.masked.clone()),
    })
}

/// `GET /services`.
pub(super) async fn services(control: &Control) -> Value {
    let report = control.report().await;
    let Some(generation) = control.handle().generation() else {
        return json!([]);
    };
    services_json(&generation.snapshot, report.endpoints())
}

fn services_json(snapshot: &Snapshot, reports: impl Iterator<Item = EndpointReport>) -> Value {
    let key = |report: EndpointReport| {
        let names: (Arc<str>, Arc<str>) = (report.service.clone(), report.address.clone());
        (names, report)
    };
    let counted: HashMap<_, _> = reports.map(key).collect();
    let services = snapshot.services.iter();
    services
        .map(|service| {
            let endpoints = endpoints_json(service, &counted);
            json!({"name": &*service.name, "endpoints": endpoints})
        })
        .collect()
}

fn endpoints_json(
    service: &Service,
    counted: &HashMap<(Arc<str>, Arc<str>), EndpointReport>,
) -> Value {
    let endpoints = service.endpoints.iter();
    endpoints
        .map(|endpoint| {
            let address = endpoint.address.to_string();
            let subset = endpoint.subset.map(|id| &*service.subsets[id.index()].name);
            let names = (service.name.clone(), Arc::from(&*address));
            let report = counted.get(&names);
            json!({
                "address": address,
                "name": &*endpoint.name,
                "subset": subset,
                "weight": endpoint.weight,
                // Nothing doubts an endpoint in this version.
                "healthy": true,
                "ejected": false,
                "active": report.map_or(0, |report| report.active),
                "requests": report.map_or(0, |report| report.requests),
                "failures": report.map_or(0, |report| report.failures),
            })
        })
        .collect()
}

fn listeners(bound: &[Bound]) -> Value {
    let listener = |bound: &Bound| json!({"name": bound.name, "address": bound.address});
    bound.iter().map(listener).collect()
}

fn number(control: &Control) -> u64 {
    let generation = control.handle().generation();
    generation.map_or(0, |generation: Arc<Generation>| generation.number)
}

fn loaded_at(control: &Control) -> Option<String> {
    let generation = control.handle().generation()?;
    Some(Timestamp(generation.loaded_at).to_string())
}

#[cfg(test)]
mod tests {
    use corelane_config::Config;

    use super::*;

    #[test]
    fn every_endpoint_is_shown_with_its_numbers_if_it_has_any() {
        let text = "services: {pay: {endpoints: [127.0.0.1:1], subsets: {v2: {endpoints: [127.0.0.1:2]}}}}";
        let config = Config::from_yaml("test", text).unwrap();
        let report = EndpointReport {
            service: "pay".into(),
            address: "127.0.0.1:2".into(),
            active: 1,
            requests: 7,
            failures: 2,
        };
        let shown = services_json(config.snapshot(), [report].into_iter());
        assert_eq!(shown[0]["name"], "pay");
        let endpoint = |address: &str| {
            let mut endpoints = shown[0]["endpoints"].as_array().unwrap().iter();
            endpoints
                .find(|endpoint| endpoint["address"] == address)
                .unwrap()
        };
        let (silent, busy) = (endpoint("127.0.0.1:1"), endpoint("127.0.0.1:2"));
        assert_eq!(
            (&silent["requests"], &silent["subset"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(
            (&busy["subset"], &busy["healthy"]),
            (&json!("v2"), &json!(true))
        );
        assert_eq!(
            (&busy["requests"], &busy["failures"]),
            (&json!(7), &json!(2))
        );
        assert_eq!(busy["active"], 1);
    }
}
