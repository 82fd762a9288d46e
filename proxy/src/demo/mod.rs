//! `corelane demo`: a gateway with something behind it, for a first look. Its routes are the first
//! block of the document that corelane implements; the services are small servers of its own, on
//! ports that the kernel picks, so that every request takes the whole way through real sockets.

mod catalogue;
mod services;
mod tour;

use std::net::{Ipv4Addr, SocketAddr};

use corelane_engine::Proxy;

use crate::console;
use crate::run::{ControlSide, Ended, RunError};
use crate::source::Source;

/// Where the gateway listens unless told otherwise.
pub(crate) const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Where its admin API is unless told otherwise.
pub(crate) const ADMIN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);

/// The source's first block, byte for byte.
const ROUTES: &str = include_str!("routes.yaml");
const GATEWAY: &str = include_str!("gateway.yaml");

/// Runs until it is told to end.
///
/// # Errors
/// When it cannot start; a port that is taken says what to do.
pub(crate) fn run(listen: SocketAddr, admin: SocketAddr) -> Result<Ended, RunError> {
    let services = services::start().map_err(|error| {
        RunError::Start(format!(
            "starting the demo's services on 127.0.0.1: {error}"
        ))
    })?;
    let source = Source::Text {
        name: "demo".to_owned(),
        text: configuration(listen, admin, &services),
    };
    let control_side = ControlSide::new(source)
        .drain_on_hangup()
        .when_ready(|ready| console::tell(tour::text(ready)));
    let ended = control_side.run(|config| Proxy::builder(config).build());
    ended.map_err(|error| advise(error, listen, admin))
}

/// The two documents, with addresses filled in.
fn configuration(
    listen: SocketAddr,
    admin: SocketAddr,
    services: &[(&'static str, SocketAddr)],
) -> String {
    let own = [("listen", listen), ("admin", admin)];
    let mut gateway = GATEWAY.to_owned();
    for (name, address) in own.iter().chain(services) {
        gateway = gateway.replace(&format!("\"@{name}\""), &format!("\"{address}\""));
    }
    format!("{ROUTES}---\n{gateway}")
}

/// Says what to do when a port is taken.
fn advise(error: RunError, listen: SocketAddr, admin: SocketAddr) -> RunError {
    match error {
        RunError::Start(why) if why.contains("in use") => {
            let other = |address: SocketAddr| match address.port() {
                0 => address,
                port => SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(0)),
            };
            RunError::Start(format!(
                "{why}\nThe demo wants {listen} for the gateway and {admin} for its dashboard. End the \
                 program that has the port, or choose others:\n  corelane demo --listen {} --admin {}",
                other(listen),
                other(admin),
            ))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use corelane_config::Config;

    use super::*;

    #[test]
    fn the_routes_are_the_sources_first_block_verbatim() {
        let fixture = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../config/tests/source/routes.yaml"
        );
        assert_eq!(ROUTES, std::fs::read_to_string(fixture).unwrap());
    }

    #[test]
    fn the_configuration_loads_without_a_warning_and_names_every_service_once() {
        let address = |port: usize| SocketAddr::new(LISTEN.ip(), u16::try_from(port).unwrap());
        let services: Vec<_> = catalogue::NAMES
            .iter()
            .enumerate()
            .map(|(index, name)| (*name, address(1000 + index)))
            .collect();
        let text = configuration(LISTEN, ADMIN, &services);
        assert!(!text.contains("\"@"), "{text}");
        let config = Config::from_yaml("demo", &text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(config.warnings(), []);
        let endpoints = config.snapshot().services.iter().flat_map(|s| &s.endpoints);
        assert_eq!(endpoints.count(), services.len());
    }

    #[test]
    fn a_taken_port_says_what_to_do() {
        let why = "listener demo: Address already in use (os error 98)".to_owned();
        let advice = advise(RunError::Start(why), LISTEN, ADMIN).to_string();
        assert!(
            advice.contains("--listen 127.0.0.1:8081 --admin 127.0.0.1:9902"),
            "{advice}"
        );
    }
}
