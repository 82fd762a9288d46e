//! [`Pen`]: writes into room that was measured beforehand. Lines consist of dozens of short pieces,
//! so what a piece costs is what a line costs: pieces are moved as blocks of fixed size where there
//! is room for a whole block, because that is two instructions where a copy of any length is a call.

/// Bytes after the longest line that blocks may scribble on.
pub(super) const MARGIN: usize = 32;

/// The place in a buffer where the next bytes go. What does not fit is left out; whoever makes the
/// room sees to it that everything fits.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl<'a> Pen<'a> {
    /// Writes at the start of this room.
    pub(super) fn new(room: &'a mut [u8]) -> Self {
        Self { room, at: 0 }
    }

    /// How much was written.
    pub(super) fn written(&self) -> usize {
        self.at
    }

    /// Appends one byte.
    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.block([byte], 1);
    }

    /// Appends the first bytes of a block, at most [`MARGIN`] long.
    #[inline]
    pub(super) fn block<const N: usize>(&mut self, block: [u8; N], length: usize) {
        const { assert!(N <= MARGIN) };
        if let Some(place) = self.room[self.at..].first_chunk_mut() {
            *place = block;
            self.at += length.min(N);
        }
    }

    /// Appends bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if let Some(place) = self.claim(bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// Appends so many bytes, for the caller to fill in.
    #[inline]
    pub(super) fn claim(&mut self, length: usize) -> Option<&mut [u8]> {
        let place = self.room[self.at..].get_mut(..length)?;
        self.at += length;
        Some(place)
    }

    /// Takes back the last bytes.
    pub(super) fn unwrite(&mut self, length: usize) {
        self.at = self.at.saturating_sub(length);
    }
}

impl std::fmt::Write for Pen<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What is written into more than enough room.
    pub(in super::super) fn written(write: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut room = vec![b'?'; 1 << 16];
        let mut pen = Pen::new(&mut room);
        write(&mut pen);
        let length = pen.written();
        room.truncate(length);
        String::from_utf8(room).unwrap()
    }

    #[test]
    fn pieces_follow_each_other() {
        let text = written(|pen| {
            pen.byte(b'a');
            pen.block(*b"bc...", 2);
            pen.bytes(b"def");
            pen.bytes(b"");
            pen.claim(2).unwrap().copy_from_slice(b"gh");
            pen.bytes(b"xyz");
            pen.unwrite(3);
            pen.byte(b'i');
        });
        assert_eq!(text, "abcdefghi");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut room = [0; 5];
        let mut pen = Pen::new(&mut room);
        pen.bytes(b"abc");
        pen.bytes(b"def");
        pen.block([b'x'; 3], 1);
        assert!(pen.claim(3).is_none());
        assert_eq!(pen.written(), 3);
        pen.byte(b'd');
        pen.byte(b'e');
        pen.byte(b'f');
        assert_eq!(pen.written(), 5);
        assert_eq!(&room, b"abcde");
    }
}
