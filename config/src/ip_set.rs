//! [`IpSet`]: the networks of `trusted_proxies`, asked once per connection. IPv4 addresses that
//! come in IPv6 clothing (`::ffff:a.b.c.d`) are mapped back on both sides before they are compared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// A set of networks that answers whether it holds an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpSet {
    /// First and last address of each range; sorted, not touching.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl IpSet {
    /// Builds the set; the networks may overlap and come in any order.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut set = Self::default();
        for network in networks {
            match unmap(network) {
                IpNet::V4(net) => {
                    set.v4
                        .push((net.network().to_bits(), net.broadcast().to_bits()));
                }
                IpNet::V6(net) => {
                    set.v6
                        .push((net.network().to_bits(), net.broadcast().to_bits()));
                }
            }
        }
        join(&mut set.v4);
        join(&mut set.v6);
        set
    }

    /// Whether one of the networks holds `address`.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => holds(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => holds(&self.v6, v6.to_bits()),
        }
    }

    /// Whether no network is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`; a network that reaches beyond `::ffff:0:0/96` stays IPv6.
fn unmap(network: IpNet) -> IpNet {
    let IpNet::V6(net) = network else {
        return network;
    };
    let (Some(v4), Some(prefix)) = (
        net.network().to_ipv4_mapped(),
        net.prefix_len().checked_sub(96),
    ) else {
        return network;
    };
    Ipv4Net::new(v4, prefix).map_or(network, IpNet::V4)
}

/// Sorts ranges and joins those that overlap.
fn join<T: Ord + Copy>(ranges: &mut Vec<(T, T)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
}

fn holds<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= address);
    after
        .checked_sub(1)
        .is_some_and(|last| address <= ranges[last].1)
}

/// Reads `10.0.0.0/8`, `::1` or `fd00::/8`; says why not otherwise.
pub(crate) fn parse_network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = if text.contains('/') {
        text.parse()
            .map_err(|_| format!("`{text}` is not a network"))?
    } else {
        let address: IpAddr = text
            .parse()
            .map_err(|_| format!("`{text}` is not an address"))?;
        address.into()
    };
    if network.addr() == network.network() {
        return Ok(network);
    }
    Err(format!(
        "`{text}` has bits outside its mask, write `{}`",
        network.trunc()
    ))
}

/// Whether an address is reachable from this machine alone.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets()[0] == Ipv4Addr::LOCALHOST.octets()[0],
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(networks: &[&str]) -> IpSet {
        IpSet::new(networks.iter().map(|text| parse_network(text).unwrap()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn holds_the_edges_of_each_network_and_nothing_beyond() {
        let set = set(&["10.1.0.0/16", "192.0.2.7", "10.1.128.0/17", "2001:db8::/32"]);
        for inside in ["10.1.0.0", "10.1.255.255", "192.0.2.7", "2001:db8::1"] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "10.0.255.255",
            "10.2.0.0",
            "192.0.2.6",
            "192.0.2.8",
            "2001:db9::",
        ] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn maps_ipv4_in_ipv6_back_on_both_sides() {
        let plain = set(&["10.0.0.0/8"]);
        assert!(plain.contains(ip("::ffff:10.9.8.7")));
        let mapped = set(&["::ffff:10.0.0.0/104"]);
        assert!(mapped.contains(ip("10.9.8.7")));
        assert!(!mapped.contains(ip("11.0.0.0")));
        assert!(
            !set(&["::/0"]).contains(ip("::ffff:10.0.0.1")),
            "IPv4 is not in an IPv6 network"
        );
    }

    #[test]
    fn a_network_with_host_bits_is_refused_with_the_network_meant() {
        assert_eq!(
            parse_network("10.0.0.1/8").unwrap_err(),
            "`10.0.0.1/8` has bits outside its mask, write `10.0.0.0/8`"
        );
    }
}
