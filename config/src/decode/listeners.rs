//! `listeners:` and `admin:`, whose addresses must not meet.

use std::net::SocketAddr;
use std::sync::Arc;

use super::address::{listen, tcp};
use super::fields::{Fields, Text};
use super::names::{Name, OwnNames, unique};
use super::nearest::nearest;
use crate::ip_set::is_loopback;
use crate::report::Report;
use crate::schema::LISTENER;
use crate::snapshot::{Admin, ListenAddress, Listener, Protocol};
use crate::yaml::Node;

/// The listeners, and where each was written (not the default one).
#[derive(Debug)]
pub(super) struct Listeners<'a> {
    pub(super) list: Vec<Listener>,
    nodes: Vec<&'a Node>,
    /// Whether every listener could be read.
    complete: bool,
}

impl Listeners<'_> {
    /// The index of the listener that `name` names; an unknown one is reported.
    pub(super) fn named(&self, name: Text<'_>, report: &Report<'_>) -> Option<usize> {
        let found = self
            .list
            .iter()
            .position(|listener| &*listener.name == name.text);
        if found.is_none() && self.complete {
            let known = self.list.iter().map(|listener| &*listener.name);
            let hint = match nearest(name.text, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
            };
            report.unknown_name(name.node, format!("no listener `{}`", name.text), hint);
        }
        found
    }
}

pub(super) fn listeners<'a>(top: &Fields<'a>) -> Listeners<'a> {
    let mut listeners = Listeners {
        list: Vec::new(),
        nodes: Vec::new(),
        complete: true,
    };
    let mut own_names = OwnNames::default();
    let mut names = Vec::new();
    for node in top.list("listeners") {
        let Some((name, listener)) = listener(node, top, &mut own_names) else {
            listeners.complete = false;
            continue;
        };
        refuse_twice(&listener.address, node, &listeners, top);
        names.push(name);
        listeners.list.push(listener);
        listeners.nodes.push(node);
    }
    if !top.has("listeners") {
        let address = ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)));
        names.push(Name::Made(address.to_string()));
        listeners.list.push(unnamed(address, Protocol::Auto));
    }
    for (listener, name) in listeners.list.iter_mut().zip(unique(&names)) {
        listener.name = name;
    }
    listeners
}

/// A listener and the name that it will have.
fn listener<'a>(
    node: &'a Node,
    top: &Fields<'a>,
    own_names: &mut OwnNames<'a>,
) -> Option<(Name<'a>, Listener)> {
    let fields = Fields::open(&LISTENER, node, top.report)?;
    let address = fields.parse("address", listen);
    let name = own_names.claim(&fields);
    let protocol = match fields.choice("protocol") {
        Some("http1") => Protocol::Http1,
        _ => Protocol::Auto,
    };
    let address = address?;
    let name = name.map_or_else(|| Name::Made(address.to_string()), Name::Own);
    Some((name, unnamed(address, protocol)))
}

/// A listener whose name comes when all are known.
fn unnamed(address: ListenAddress, protocol: Protocol) -> Listener {
    Listener {
        name: Arc::from(""),
        address,
        protocol,
    }
}

pub(super) fn admin(top: &Fields<'_>, listeners: &Listeners<'_>) -> Option<Admin> {
    let fields = top.object("admin")?;
    let address = fields.parse("address", tcp)?;
    let node = fields.node("address")?;
    if listeners
        .list
        .iter()
        .any(|listener| is_at(listener, address))
    {
        let message = format!("{address} is a listener's address already");
        top.report
            .error_hint(node, message, "the admin API needs an address of its own");
    }
    if !is_loopback(address.ip()) {
        top.report.warn(
            node,
            format!(
                "the admin API has no authentication, and {} is no loopback address",
                address.ip()
            ),
            "make sure that only operators reach it",
        );
    }
    Some(Admin { address })
}

/// The same address twice fails when it is bound; port 0 is another port each time.
fn refuse_twice(address: &ListenAddress, node: &Node, listeners: &Listeners<'_>, top: &Fields<'_>) {
    if matches!(address, ListenAddress::Tcp(address) if address.port() == 0) {
        return;
    }
    let same = listeners
        .list
        .iter()
        .position(|listener| listener.address == *address);
    if let Some(first) = same {
        let place = top.report.place(listeners.nodes[first].mark);
        top.report.error(
            node,
            format!("{address} is bound by the listener at {place} already"),
        );
    }
}

fn is_at(listener: &Listener, address: SocketAddr) -> bool {
    matches!(&listener.address, ListenAddress::Tcp(tcp) if *tcp == address && tcp.port() != 0)
}
