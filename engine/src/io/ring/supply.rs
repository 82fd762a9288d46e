//! Buffers that are lent to the kernel all at once; each comes back with what was received into it.
//!
//! So that a connection that waits for bytes pins no memory: the kernel takes one when they are there.

#![expect(
    unsafe_code,
    reason = "the kernel writes into these buffers, and reads the list of them"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// Bytes of one buffer: a head, and most replies.
pub(super) const PIECE: u16 = 4096;
/// Buffers of a worker. A turn of the loop that has more to receive reads the rest by itself.
const PIECES: u16 = 64;
/// The only group of buffers that a ring of ours has.
pub(super) const GROUP: u16 = 0;

/// The memory, and the list of what is lent, which the kernel reads.
#[derive(Debug)]
pub(super) struct Supply {
    /// A page with the list, then the buffers.
    memory: NonNull<u8>,
    /// How many entries the list has ever had.
    lent: u16,
}

const LIST: usize = 4096;
// SAFETY: the alignment is a power of two, and the size far from overflow.
const LAYOUT: Layout =
    unsafe { Layout::from_size_align_unchecked(LIST + PIECE as usize * PIECES as usize, LIST) };

impl Supply {
    /// Lends all buffers to the ring.
    ///
    /// # Errors
    /// When the kernel takes none (before 5.19).
    pub(super) fn lend(ring: &IoUring) -> io::Result<Self> {
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc_zeroed(LAYOUT) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(LAYOUT));
        let mut supply = Self { memory, lent: 0 };
        let list = memory.as_ptr().expose_provenance() as u64;
        // SAFETY: the list is a page of its own, zeroed, and lives as long as the ring: who owns both
        // drops the ring first (`Inbox`).
        unsafe { ring.submitter().register_buf_ring(list, PIECES, GROUP)? };
        (0..PIECES).for_each(|number| supply.give(number));
        Ok(supply)
    }

    /// Lends a buffer again; the kernel has given it back.
    pub(super) fn give(&mut self, number: u16) {
        let at = usize::from(self.lent % PIECES);
        let address = self.piece(number).as_ptr().expose_provenance() as u64;
        // SAFETY: an entry within the page of the list, which has room for 256.
        let entry = unsafe { self.memory.cast::<BufRingEntry>().add(at) };
        // SAFETY: the kernel does not look at an entry that is beyond the tail.
        let entry = unsafe { &mut *entry.as_ptr() };
        entry.set_addr(address);
        entry.set_len(PIECE.into());
        entry.set_bid(number);
        self.lent = self.lent.wrapping_add(1);
        // SAFETY: the list has a first entry, whose last field the tail is.
        let tail = unsafe { BufRingEntry::tail(self.memory.as_ptr().cast()) };
        // SAFETY: it is aligned, lives with the list, and both sides access it as an atomic.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.lent, Ordering::Release);
    }

    /// What was received into a buffer that the kernel has given back.
    pub(super) fn bytes(&self, number: u16, there: Range<usize>) -> &[u8] {
        let first = self.piece(number).as_ptr();
        // SAFETY: this buffer, initialised since it was allocated; the kernel writes into it only after
        // `give`, which needs `&mut self`.
        let piece = unsafe { std::slice::from_raw_parts(first, PIECE.into()) };
        &piece[there]
    }

    fn piece(&self, number: u16) -> NonNull<u8> {
        assert!(number < PIECES, "a buffer of ours");
        // SAFETY: within the allocation, by the layout above.
        unsafe {
            self.memory
                .add(LIST + usize::from(PIECE) * usize::from(number))
        }
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        // SAFETY: allocated with this very layout, and nobody receives into it any more.
        unsafe { dealloc(self.memory.as_ptr(), LAYOUT) };
    }
}
