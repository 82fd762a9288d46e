//! Hosts: which part of the routes a request's Host leads to. Exact names first, then wildcards
//! from the longest, then the routes without a host.

use std::fmt;
use std::ops::ControlFlow;

use super::segments::Segments;

/// Longer hosts than any name (RFC 1035 §2.3.4) match no pattern.
const MAX_HOST: usize = 255;

/// What a route's `host:` matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This name, in lower case.
    Exact(Box<str>),
    /// `*.example.com`: any name below this one, at any depth. Held without the `*.`.
    Wildcard(Box<str>),
    /// Every host, and none.
    Any,
}

impl HostPattern {
    /// Reads `api.example.com`, `*.example.com`, `*`, `192.0.2.1` or `[2001:db8::1]`.
    ///
    /// # Errors
    /// Says why the text is no host.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let lower = text.to_ascii_lowercase();
        if lower.starts_with('[') {
            let inner = lower
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            return match inner.map(str::parse::<std::net::Ipv6Addr>) {
                Some(Ok(_)) => Ok(Self::Exact(lower.into())),
                _ => Err(format!("`{text}` is no IPv6 address in brackets")),
            };
        }
        if lower.contains(':') {
            return Err("a host has no port here: the port of a request does not count".to_owned());
        }
        let (name, wildcard) = match lower.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (&*lower, false),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        check_name(text, name)?;
        Ok(if wildcard {
            Self::Wildcard(name.into())
        } else {
            Self::Exact(name.into())
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

fn check_name(written: &str, name: &str) -> Result<(), String> {
    if name.contains('*') {
        return Err(format!(
            "in `{written}` a `*` may only be the whole first label: `*.example.com`"
        ));
    }
    if name.len() > MAX_HOST {
        return Err(format!("a host of more than {MAX_HOST} characters"));
    }
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.len() <= 63 && label.bytes().all(allowed)
    };
    if name.split('.').all(label) {
        return Ok(());
    }
    Err(format!(
        "`{written}` is no host name (international names in their `xn--` form)"
    ))
}

/// Which numbers the hosts lead to.
#[derive(Debug, Default)]
pub(super) struct HostMap {
    /// Numbers + 1, under [`EXACT`] and [`WILDCARD`].
    names: Segments,
    exact: bool,
    wildcard: bool,
    any: Option<usize>,
}

const EXACT: u32 = 0;
const WILDCARD: u32 = 1;

impl HostMap {
    /// The number of `pattern`, which becomes `new` when it has none yet.
    pub(super) fn number(&mut self, pattern: &HostPattern, new: usize) -> usize {
        let (kind, name) = match pattern {
            HostPattern::Any => return *self.any.get_or_insert(new),
            HostPattern::Exact(name) => (EXACT, name),
            HostPattern::Wildcard(name) => (WILDCARD, name),
        };
        self.exact |= kind == EXACT;
        self.wildcard |= kind == WILDCARD;
        if let Some(number) = self.find(kind, name.as_bytes()) {
            return number;
        }
        let stored = u32::try_from(new + 1).expect("MAX_ROUTES fits in 32 bits");
        self.names.insert(kind, name.as_bytes(), stored);
        new
    }

    /// Visits the numbers that `host` leads to, the most specific first, until told to stop.
    pub(super) fn visit<B>(
        &self,
        host: &[u8],
        mut visit: impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if self.exact || self.wildcard {
            let mut room = [0; MAX_HOST];
            if let Some(host) = lower_case(host, &mut room) {
                self.visit_named(host, &mut visit)?;
            }
        }
        match self.any {
            Some(number) => visit(number),
            None => ControlFlow::Continue(()),
        }
    }

    fn visit_named<B>(
        &self,
        host: &[u8],
        visit: &mut impl FnMut(usize) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(number) = self.find(EXACT, host) {
            visit(number)?;
        }
        if !self.wildcard {
            return ControlFlow::Continue(());
        }
        let mut rest = host;
        while let Some(dot) = rest.iter().position(|byte| *byte == b'.') {
            rest = &rest[dot + 1..];
            // `.example.com` has an empty label where the wildcard wants a name.
            let below = host.len() > rest.len() + 1;
            if below && let Some(number) = self.find(WILDCARD, rest) {
                visit(number)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn find(&self, kind: u32, name: &[u8]) -> Option<usize> {
        self.names
            .find(kind, name)
            .map(|stored| stored as usize - 1)
    }
}

/// `host` in lower case and without the dot of a fully qualified name.
fn lower_case<'r>(host: &[u8], room: &'r mut [u8; MAX_HOST]) -> Option<&'r [u8]> {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let room = room.get_mut(..host.len())?;
    room.copy_from_slice(host);
    room.make_ascii_lowercase();
    Some(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_names_wildcards_or_addresses() {
        let exact = |name: &str| Ok(HostPattern::Exact(name.into()));
        assert_eq!(
            HostPattern::parse("API.Example.com"),
            exact("api.example.com")
        );
        assert_eq!(HostPattern::parse("example.com."), exact("example.com"));
        assert_eq!(HostPattern::parse("192.0.2.1"), exact("192.0.2.1"));
        assert_eq!(HostPattern::parse("[::1]"), exact("[::1]"));
        assert_eq!(
            HostPattern::parse("*.a.b"),
            Ok(HostPattern::Wildcard("a.b".into()))
        );
        assert_eq!(HostPattern::parse("*"), Ok(HostPattern::Any));
        for refused in [
            "", "a:80", "a..b", "a.*.b", "*a.b", "[::1]:80", "a b", "http://a", "*.",
        ] {
            assert!(HostPattern::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn the_most_specific_host_is_visited_first_and_the_rest_follow() {
        let mut map = HostMap::default();
        for (number, pattern) in ["*", "*.b.c", "a.b.c", "*.c"].iter().enumerate() {
            map.number(&HostPattern::parse(pattern).unwrap(), number);
        }
        let visited = |host: &str| {
            let mut numbers = Vec::new();
            let _ = map.visit::<()>(host.as_bytes(), |number| {
                numbers.push(number);
                ControlFlow::Continue(())
            });
            numbers
        };
        assert_eq!(visited("a.b.c"), [2, 1, 3, 0]);
        assert_eq!(visited("A.B.C."), [2, 1, 3, 0]);
        assert_eq!(visited("x.y.b.c"), [1, 3, 0]);
        assert_eq!(
            visited("b.c"),
            [3, 0],
            "a wildcard does not match its own name"
        );
        assert_eq!(visited(".b.c"), [3, 0], "nor an empty label");
        assert_eq!(visited(""), [0]);
        assert_eq!(visited(&"a".repeat(300)), [0]);
    }
}
