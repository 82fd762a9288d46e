//! [`Captures`]: where in a path the `{name}` segments of the winning route are. An exchange keeps
//! its captures for its next request, so that a lookup allocates nothing.

use super::pattern::split_segment;
use crate::limits::MAX_CAPTURES;

/// The ranges that a route's `{name}` segments cover in the path that was looked up.
#[derive(Debug, Clone, Default)]
pub struct Captures {
    ranges: [(u32, u32); MAX_CAPTURES],
    len: usize,
    /// Room for one decoded query value; kept for its capacity.
    pub(super) scratch: Vec<u8>,
}

impl Captures {
    /// Empty captures.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text of capture `index` in `path`, which must be the path that was looked up.
    #[must_use]
    pub fn get<'p>(&self, index: usize, path: &'p [u8]) -> Option<&'p [u8]> {
        let (start, end) = *self.ranges[..self.len].get(index)?;
        path.get(start as usize..end as usize)
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Notes where the segments are whose bits are set.
    pub(super) fn note(&mut self, path: &[u8], mut segments: u64) {
        self.clear();
        let mut start = 1;
        while segments != 0 {
            let (text, _) = split_segment(path.get(start..).unwrap_or_default());
            if segments & 1 != 0 {
                self.push(start, start + text.len());
            }
            segments >>= 1;
            start += text.len() + 1;
        }
    }

    /// Notes one more; a pattern has at most as many names as there is room for.
    fn push(&mut self, start: usize, end: usize) {
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
            return;
        };
        if let Some(range) = self.ranges.get_mut(self.len) {
            *range = (start, end);
            self.len += 1;
        }
    }
}
