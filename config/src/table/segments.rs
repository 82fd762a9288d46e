//! A map from (parent, text) to a number, laid out for lookups that miss the caches: one slot of
//! half a cache line holds a whole entry, and one table serves every node of every trie, so that a
//! step down a path costs one access here and one for the node it leads to.

use ahash::RandomState;

/// Texts up to this length live in their slot.
const INLINE: usize = 23;
/// Stands in [`Slot::len`] for a text that does not.
const LONG: u8 = u8::MAX;

/// Open addressing with linear probing, at most half full.
#[derive(Debug)]
pub(super) struct Segments {
    /// A power of two of them.
    slots: Vec<Slot>,
    used: usize,
    /// The long texts, one after the other.
    long: Vec<u8>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Slot {
    /// 0 in an empty slot.
    child: u32,
    parent: u32,
    len: u8,
    /// The text; for a long one the bounds of its place in `long`.
    text: [u8; INLINE],
}

const EMPTY: Slot = Slot {
    child: 0,
    parent: 0,
    len: 0,
    text: [0; INLINE],
};

impl Default for Segments {
    fn default() -> Self {
        // What is hashed against these seeds was written by the operator: requests only look up,
        // and cannot make an entry collide.
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        Self {
            slots: vec![EMPTY; 16],
            used: 0,
            long: Vec::new(),
            hasher,
        }
    }
}

impl Segments {
    /// The number under `parent` and `text`.
    pub(super) fn find(&self, parent: u32, text: &[u8]) -> Option<u32> {
        match self.slots[self.position(parent, text)].child {
            0 => None,
            child => Some(child),
        }
    }

    /// Adds a number, which is not 0, under a parent and text that have none yet.
    pub(super) fn insert(&mut self, parent: u32, text: &[u8], child: u32) {
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mut slot = Slot {
            child,
            parent,
            ..EMPTY
        };
        if text.len() <= INLINE {
            slot.len = u8::try_from(text.len()).unwrap_or(LONG);
            slot.text[..text.len()].copy_from_slice(text);
        } else {
            slot.len = LONG;
            let bounds = [self.long.len(), self.long.len() + text.len()];
            for (bytes, bound) in slot.text.chunks_exact_mut(8).zip(bounds) {
                bytes.copy_from_slice(&(bound as u64).to_le_bytes());
            }
            self.long.extend_from_slice(text);
        }
        let position = self.position(parent, text);
        self.slots[position] = slot;
        self.used += 1;
    }

    /// Where the entry is, or where it would be put.
    fn position(&self, parent: u32, text: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of a hash will do"
        )]
        let mut position = self.hasher.hash_one((parent, text)) as usize & mask;
        loop {
            let slot = &self.slots[position];
            if slot.child == 0 || (slot.parent == parent && self.text(slot) == text) {
                return position;
            }
            position = (position + 1) & mask;
        }
    }

    fn text<'s>(&'s self, slot: &'s Slot) -> &'s [u8] {
        if slot.len != LONG {
            return &slot.text[..usize::from(slot.len)];
        }
        let bound = |at: usize| {
            let bytes = slot.text[at..at + 8].try_into().unwrap_or_default();
            usize::try_from(u64::from_le_bytes(bytes)).unwrap_or_default()
        };
        &self.long[bound(0)..bound(8)]
    }

    fn grow(&mut self) {
        let slots = vec![EMPTY; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot.child != 0 {
                let position = self.position(slot.parent, self.text(&slot));
                self.slots[position] = slot;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let texts: Vec<Vec<u8>> = (0..64).map(|len| vec![b'x'; len]).collect();
        let mut segments = Segments::default();
        let mut child = 0;
        for parent in 0..50 {
            for text in texts.iter().step_by(2) {
                child += 1;
                segments.insert(parent, text, child);
            }
        }
        let mut expected = 0;
        for parent in 0..50 {
            for (len, text) in texts.iter().enumerate() {
                expected += u32::from(len % 2 == 0);
                let found = (len % 2 == 0).then_some(expected);
                assert_eq!(segments.find(parent, text), found, "{parent} {len}");
            }
        }
        assert_eq!(segments.find(50, b""), None);
    }

    #[test]
    fn texts_that_only_share_a_slots_worth_of_bytes_are_different() {
        let mut segments = Segments::default();
        let long = |last: u8| [&[b'x'; INLINE][..], &[last]].concat();
        segments.insert(1, &long(b'a'), 7);
        assert_eq!(segments.find(1, &long(b'a')), Some(7));
        assert_eq!(segments.find(1, &long(b'b')), None);
        assert_eq!(segments.find(1, &[b'x'; INLINE]), None);
    }

    #[test]
    fn an_entry_is_half_a_cache_line() {
        assert_eq!(size_of::<Slot>(), 32);
    }
}
