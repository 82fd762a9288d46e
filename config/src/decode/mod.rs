//! From the merged tree to a [`Snapshot`]: a file for each section. Decoders parse and check in one
//! step, report every mistake at the node that made it, and never stop at the first.

mod access_log;
mod actions;
mod address;
mod edits;
mod expectations;
mod fields;
mod listeners;
mod matchers;
mod names;
mod nearest;
mod routes;
mod runtime;
mod services;
mod text;

pub(crate) use fields::Fields;

use crate::ip_set::{IpSet, parse_network};
use crate::limits::Limits;
use crate::masked;
use crate::report::Report;
use crate::resolve::Resolver;
use crate::schema::TOP;
use crate::snapshot::{Snapshot, Underscores};
use crate::yaml::Node;
use fields::text_of;

/// Decodes the whole configuration. The result is good only when `report` has no errors.
pub(crate) fn decode(root: &Node, report: &Report<'_>, resolver: &Resolver) -> Option<Snapshot> {
    let top = Fields::open(&TOP, root, report)?;
    let runtime = runtime::runtime(&top);
    let limits = top
        .object("limits")
        .map_or_else(Limits::default, |f| Limits::read(&f));
    let listeners = listeners::listeners(&top);
    let services = services::services(&top, &limits, resolver);
    let routes = routes::routes(&top, &listeners, &services);
    let tests = expectations::tests(&top, &listeners, &services, &routes);
    let admin = listeners::admin(&top, &listeners);
    let mut snapshot = Snapshot {
        runtime,
        listeners: listeners.list,
        trusted_proxies: trusted_proxies(&top),
        services: services.list,
        routes: routes.list,
        table: routes.table,
        limits,
        admin,
        access_log: top.object("access_log").map(|f| access_log::access_log(&f)),
        via: runtime::via(&top),
        underscores: match top.choice("underscores") {
            Some("keep") => Underscores::Keep,
            _ => Underscores::Drop,
        },
        preserve_request_id: top.bool("preserve_request_id").unwrap_or(false),
        tests,
        masked: serde_json::Value::Null,
    };
    snapshot.masked = masked::masked(root, &snapshot);
    Some(snapshot)
}

fn trusted_proxies(top: &Fields<'_>) -> IpSet {
    let mut networks = Vec::new();
    for item in top.list("trusted_proxies") {
        let Some(text) = text_of(item, top.report) else {
            continue;
        };
        match parse_network(text.text) {
            Ok(network) => networks.push(network),
            Err(message) => {
                top.report
                    .error_hint(item, message, "write `10.0.0.0/8` or `192.0.2.7`");
            }
        }
    }
    IpSet::new(networks)
}
