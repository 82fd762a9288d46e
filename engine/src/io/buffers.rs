//! Read buffers and the pool that a worker keeps of them.
//!
//! A connection takes a buffer when bytes are there and gives it back as soon as it has none left to
//! look at: an idle connection owns none, and under load a few hot buffers serve everybody.

use std::cell::RefCell;

use crate::io::pipes::Pipes;

/// What a head and a small body fit into; 16 KiB is a usual size for a body, and its head comes with it.
pub(crate) const SMALL: usize = 20 * 1024;
/// What a body gets once it has filled a small buffer in one read.
pub(crate) const LARGE: usize = 256 * 1024;
/// Idle buffers kept per size and worker; the rest go back to the allocator.
const KEPT_SMALL: usize = 256;
const KEPT_LARGE: usize = 16;

/// Bytes that were read and not yet used: `bytes[start..]`.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    /// A buffer that owns nothing yet.
    pub(crate) const fn none() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
        }
    }

    pub(crate) fn is_allocated(&self) -> bool {
        self.bytes.capacity() > 0
    }

    /// What has not been consumed.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Marks `count` bytes as used.
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(
            count <= self.bytes.len() - self.start,
            "consumed more than was read"
        );
        self.start += count;
    }

    /// How many bytes have been consumed and are still there, so that `rewind` can bring them back.
    pub(crate) fn position(&self) -> usize {
        self.start
    }

    /// Makes the bytes after `position` unread again. Only valid while nothing was compacted.
    pub(crate) fn rewind(&mut self, position: usize) {
        self.start = position.min(self.start);
    }

    /// Moves the unread bytes to the front, so that more can be appended.
    pub(crate) fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// How many bytes fit behind the unread ones.
    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Where the next read appends.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

/// The buffers that nobody uses right now, last in first out.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    /// For what need not come into any buffer.
    pub(crate) pipes: Pipes,
    small: RefCell<Vec<Vec<u8>>>,
    large: RefCell<Vec<Vec<u8>>>,
}

impl BufferPool {
    /// Makes sure that `buffer` has memory to read into.
    pub(crate) fn fill(&self, buffer: &mut Buffer) {
        if !buffer.is_allocated() {
            self.lend(&mut buffer.bytes);
            buffer.start = 0;
        }
    }

    /// Makes sure that `bytes` has memory to write into.
    pub(crate) fn lend(&self, bytes: &mut Vec<u8>) {
        if bytes.capacity() == 0 {
            let kept = self.small.borrow_mut().pop();
            *bytes = kept.unwrap_or_else(|| Vec::with_capacity(SMALL));
        }
    }

    /// Sees to it that there is room behind the unread bytes: allocates, compacts or enlarges.
    pub(crate) fn make_room(&self, buffer: &mut Buffer) {
        self.fill(buffer);
        buffer.compact();
        if buffer.is_full() {
            self.enlarge(buffer);
        }
        if buffer.is_full() {
            // A head that is still not complete: only a limit above the default lets one come so far.
            buffer.bytes.reserve_exact(LARGE);
        }
    }

    /// Exchanges a small buffer for a large one, unread bytes included.
    pub(crate) fn enlarge(&self, buffer: &mut Buffer) {
        if buffer.capacity() >= LARGE {
            return;
        }
        let kept = self.large.borrow_mut().pop();
        let mut larger = kept.unwrap_or_else(|| Vec::with_capacity(LARGE));
        larger.extend_from_slice(buffer.unread());
        let old = std::mem::replace(
            buffer,
            Buffer {
                bytes: larger,
                start: 0,
            },
        );
        self.give(old);
    }

    /// Takes a buffer back; what is unread in it is gone.
    pub(crate) fn give(&self, buffer: Buffer) {
        self.take_back(buffer.bytes);
    }

    /// Takes memory back that was lent.
    pub(crate) fn take_back(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let (kept, most) = match bytes.capacity() {
            0 => return,
            SMALL => (&self.small, KEPT_SMALL),
            LARGE => (&self.large, KEPT_LARGE),
            _ => return, // grown by hand for an odd need: not worth keeping
        };
        let mut kept = kept.borrow_mut();
        if kept.len() < most {
            kept.push(bytes);
        }
    }

    /// Gives the memory back if nothing is unread in it.
    pub(crate) fn release_if_empty(&self, buffer: &mut Buffer) {
        if buffer.is_empty() && buffer.is_allocated() {
            self.give(std::mem::take(buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_unread_bytes_survive_growth() {
        let pool = BufferPool::default();
        let mut buffer = Buffer::none();
        pool.fill(&mut buffer);
        let first = buffer.tail().as_ptr();
        buffer.tail().extend_from_slice(b"hello world");
        buffer.consume(6);
        pool.enlarge(&mut buffer);
        assert_eq!((buffer.unread(), buffer.capacity()), (&b"world"[..], LARGE));
        let mut second = Buffer::none();
        pool.fill(&mut second);
        assert_eq!(second.tail().as_ptr(), first, "the small one was reused");
        assert!(second.is_empty());
    }

    #[test]
    fn consumed_bytes_can_be_read_again_until_compaction() {
        let mut buffer = Buffer {
            bytes: b"abcdef".to_vec(),
            start: 0,
        };
        let mark = buffer.position();
        buffer.consume(4);
        buffer.rewind(mark);
        assert_eq!(buffer.unread(), b"abcdef");
        buffer.consume(4);
        buffer.compact();
        assert_eq!(buffer.unread(), b"ef");
    }

    #[test]
    fn the_pool_keeps_a_bounded_number() {
        let pool = BufferPool::default();
        for _ in 0..KEPT_LARGE + 5 {
            pool.give(Buffer {
                bytes: Vec::with_capacity(LARGE),
                start: 0,
            });
        }
        assert_eq!(pool.large.borrow().len(), KEPT_LARGE);
    }
}
