//! `listeners:` and `admin:`, whose addresses must not meet.

use std::net::SocketAddr;
use std::sync::Arc;

use ahash::{HashMap, HashMapExt};

use super::address::{listen, tcp};
use super::fields::{Fields, Text};
use super::names::{Name, unique};
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
    let mut own_names: HashMap<&str, &Node> = HashMap::new();
    let mut names = Vec::new();
    for node in top.list("listeners") {
        let Some(fields) = Fields::open(&LISTENER, node, top.report) else {
            listeners.complete = false;
            continue;
        };
        let address = fields.parse("address", listen);
        let name = fields
            .text("name")
            .filter(|name| first_of_its_name(*name, &mut own_names, top));
        let protocol = match fields.choice("protocol") {
            Some("http1") => Protocol::Http1,
            _ => Protocol::Auto,
        };
        let Some(address) = address else {
            listeners.complete = false;
            continue;
        };
        refuse_twice(&address, node, &listeners, top);
        names.push((
            name.is_some(),
            name.map_or_else(|| address.to_string(), |n| n.text.to_owned()),
        ));
        listeners.list.push(Listener {
            name: Arc::from(""),
            address,
            protocol,
        });
        listeners.nodes.push(node);
    }
    if !top.has("listeners") {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        names.push((false, address.to_string()));
        let (name, address) = (Arc::from(""), ListenAddress::Tcp(address));
        listeners.list.push(Listener {
            name,
            address,
            protocol: Protocol::Auto,
        });
    }
    let names: Vec<Name<'_>> = names
        .iter()
        .map(|(own, name)| {
            if *own {
                Name::Own(name)
            } else {
                Name::Made(name)
            }
        })
        .collect();
    for (listener, name) in listeners.list.iter_mut().zip(unique(&names)) {
        listener.name = name;
    }
    listeners
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

fn first_of_its_name<'a>(
    name: Text<'a>,
    names: &mut HashMap<&'a str, &'a Node>,
    top: &Fields<'_>,
) -> bool {
    if let Some(first) = names.insert(name.text, name.node) {
        let place = top.report.place(first.mark);
        top.report.error(
            name.node,
            format!("the name `{}` is taken at {place}", name.text),
        );
        return false;
    }
    true
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
