//! Methods as bits: every method that some route names has one, so that a route's methods are a
//! mask and a lookup compares words.

use std::fmt;

use crate::limits::MAX_METHODS;

/// The methods that a 405 allows; [`RouteTable::allow`](super::RouteTable::allow) names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MethodSet(pub(super) u64);

/// The names behind the bits.
#[derive(Debug, Default)]
pub(super) struct Methods {
    names: Vec<Box<[u8]>>,
}

/// A route without `methods:` takes every method, those that no route names too.
pub(super) const EVERY: u64 = u64::MAX;

impl Methods {
    /// The mask of a route's methods. GET lets HEAD in (RFC 9110 §9.3.2).
    pub(super) fn mask(&mut self, methods: &[Box<str>]) -> u64 {
        if methods.is_empty() {
            return EVERY;
        }
        let mut mask = 0;
        for method in methods {
            mask |= self.intern(method.as_bytes());
            if &**method == "GET" {
                mask |= self.intern(b"HEAD");
            }
        }
        mask
    }

    fn intern(&mut self, method: &[u8]) -> u64 {
        match self.bit(method) {
            // The loader has counted them. A mask must not become EVERY by all bits being used.
            0 if self.names.len() < MAX_METHODS - 1 => {
                self.names.push(method.into());
                1 << (self.names.len() - 1)
            }
            bit => bit,
        }
    }

    /// The bit of a request's method; 0 when no route names it.
    pub(super) fn bit(&self, method: &[u8]) -> u64 {
        self.names
            .iter()
            .position(|name| **name == *method)
            .map_or(0, |index| 1 << index)
    }

    /// The names in a set, in the order in which the routes brought them up.
    pub(super) fn names(&self, set: MethodSet) -> impl Iterator<Item = &[u8]> {
        let named = self.names.iter().enumerate();
        named
            .filter(move |(index, _)| set.0 & (1 << index) != 0)
            .map(|(_, name)| &**name)
    }
}

/// What an `Allow` field holds: `GET, HEAD, POST`.
#[derive(Debug)]
pub struct Allow<'t> {
    pub(super) methods: &'t Methods,
    pub(super) set: MethodSet,
}

impl Allow<'_> {
    /// The methods one by one.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.methods.names(self.set)
    }
}

impl fmt::Display for Allow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&String::from_utf8_lossy(name))?;
        }
        Ok(())
    }
}
