//! Names of endpoints, looked up while a configuration is loaded. The loader runs on a control-side
//! thread, so blocking is fine here; many names are looked up at a time, since each can be slow.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::{HashMap, HashSet};

/// Lookups at a time.
const THREADS: usize = 16;

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// How names become addresses.
pub(crate) struct Resolver {
    lookup: Box<Lookup>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

/// What was asked for: a host and a port.
type Name = (Box<str>, u16);

/// What the names of a configuration resolved to.
#[derive(Debug, Default)]
pub(crate) struct Names {
    answers: HashMap<Name, Result<Vec<SocketAddr>, String>>,
}

impl Resolver {
    /// The system's resolver.
    pub(crate) fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "names are looked up here alone, on the thread that loads, never on a worker"
        )]
        let lookup = |host: &str, port: u16| {
            std::net::ToSocketAddrs::to_socket_addrs(&(host, port)).map(Iterator::collect)
        };
        Self::with(lookup)
    }

    /// Another way of looking names up.
    pub(crate) fn with(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            lookup: Box::new(lookup),
        }
    }

    /// Looks every name up once.
    pub(crate) fn resolve<'n>(&self, names: impl Iterator<Item = (&'n str, u16)>) -> Names {
        let wanted: HashSet<(&str, u16)> = names.collect();
        let wanted: Vec<(&str, u16)> = wanted.into_iter().collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut answers = Vec::new();
            while let Some(&(host, port)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                answers.push(((Box::from(host), port), self.answer(host, port)));
            }
            answers
        };
        let mut names = Names::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS.min(wanted.len()))
                .map(|_| scope.spawn(work))
                .collect();
            for thread in threads {
                // A lookup that panics leaves its name without an answer, which is an error below.
                names.answers.extend(thread.join().unwrap_or_default());
            }
        });
        names
    }

    fn answer(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let mut addresses = (self.lookup)(host, port).map_err(|error| error.to_string())?;
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() {
            return Err("it has no address".to_owned());
        }
        Ok(take_turns(&addresses))
    }
}

/// The addresses with the two families in turns, for as long as both have one left. A request that
/// cannot connect is sent to the endpoint whose turn is next: where one family leads nowhere, that is
/// then one of the other.
fn take_turns(sorted: &[SocketAddr]) -> Vec<SocketAddr> {
    let (v4, v6): (Vec<SocketAddr>, Vec<SocketAddr>) =
        sorted.iter().partition(|address| address.is_ipv4());
    let (mut v4, mut v6) = (v4.into_iter(), v6.into_iter());
    let mut turns = Vec::with_capacity(sorted.len());
    while turns.len() < sorted.len() {
        turns.extend(v4.next());
        turns.extend(v6.next());
    }
    turns
}

impl Names {
    /// What a name resolved to, in an order that does not depend on the resolver, or why it did not.
    pub(crate) fn addresses(&self, host: &str, port: u16) -> Result<&[SocketAddr], &str> {
        match self.answers.get(&(Box::from(host), port)) {
            Some(Ok(addresses)) => Ok(addresses),
            Some(Err(reason)) => Err(reason),
            None => Err("the lookup failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let resolver = Resolver::with(move |_, port| {
            let hosts = [
                "[2001:db8::2]",
                "192.0.2.1",
                "[2001:db8::1]",
                "192.0.2.1",
                "[2001:db8::3]",
            ];
            Ok(hosts
                .map(|host| address(&format!("{host}:{port}")))
                .to_vec())
        });
        let names = resolver.resolve([("name", 7)].into_iter());
        let found = names.addresses("name", 7).unwrap();
        let wanted = [
            "192.0.2.1:7",
            "[2001:db8::1]:7",
            "[2001:db8::2]:7",
            "[2001:db8::3]:7",
        ];
        assert_eq!(found, wanted.map(address));
    }
}
