//! Random numbers of one worker: for request ids and balancing, not for secrets.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A small fast generator (SplitMix64), seeded from the kernel or by a test.
#[derive(Debug)]
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) fn from_entropy() -> Self {
        // The standard library keys each RandomState from the kernel's random numbers.
        Self::from_seed(RandomState::new().build_hasher().finish())
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_sequence_and_entropy_differs() {
        let (a, b) = (Random::from_seed(1), Random::from_seed(1));
        assert_eq!([a.next(), a.next()], [b.next(), b.next()]);
        assert_ne!(Random::from_entropy().next(), Random::from_entropy().next());
    }
}
