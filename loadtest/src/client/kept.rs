//! What is kept of a reply because somebody wants to look at it. Entered by the connections, which
//! fill it anew for each such request, and read by the checks. Its buffers are used again and again.

use std::ops::Range;

/// A body beyond this is not kept to its end; nobody checks that much text.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Fields and body of the last reply, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    fields_bytes: Vec<u8>,
    fields: Vec<(Range<usize>, Range<usize>)>,
    body: Vec<u8>,
    is_cut: bool,
    remark: Option<String>,
}

impl Kept {
    /// Forgets the last reply and keeps the fields of the next.
    pub(crate) fn set_fields<'a>(&mut self, fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
        self.fields_bytes.clear();
        self.fields.clear();
        self.body.clear();
        self.is_cut = false;
        let bytes = &mut self.fields_bytes;
        let mut keep = |piece: &[u8]| {
            let start = bytes.len();
            bytes.extend_from_slice(piece);
            start..bytes.len()
        };
        self.fields
            .extend(fields.map(|(name, value)| (keep(name), keep(value))));
    }

    /// Keeps the next piece of the body that belongs to the fields.
    pub(crate) fn add_body(&mut self, piece: &[u8]) {
        let room = BODY_BYTES_MAX - self.body.len();
        let fits = piece.len().min(room);
        self.body.extend_from_slice(&piece[..fits]);
        self.is_cut |= fits < piece.len();
    }

    /// Keeps what the peer says of its own status.
    pub(crate) fn set_remark(&mut self, remark: Option<String>) {
        self.remark = remark;
    }

    /// What the peer says of its own status.
    pub(crate) fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// The fields in order, names as the target spells them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let bytes = |range: &Range<usize>| &self.fields_bytes[range.clone()];
        self.fields
            .iter()
            .map(move |(name, value)| (bytes(name), bytes(value)))
    }

    /// The body; `None` when it was too large to be kept whole.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        (!self.is_cut).then_some(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_one_reply_and_nothing_of_the_last() {
        let mut kept = Kept::default();
        let sent: [(&[u8], &[u8]); 2] = [(b"A", b"one"), (b"b", b"")];
        kept.set_fields(sent.into_iter());
        kept.add_body(b"he");
        kept.add_body(b"llo");
        let fields: Vec<_> = kept.fields().collect();
        assert_eq!(fields, sent);
        assert_eq!(kept.body(), Some(&b"hello"[..]));
        kept.set_fields(sent[1..].iter().copied());
        assert_eq!((kept.fields().count(), kept.body()), (1, Some(&b""[..])));
    }

    #[test]
    fn a_body_beyond_the_bound_is_not_half_kept() {
        let mut kept = Kept::default();
        kept.add_body(&vec![b'x'; BODY_BYTES_MAX]);
        assert_eq!(kept.body().map(<[u8]>::len), Some(BODY_BYTES_MAX));
        kept.add_body(b"y");
        assert_eq!(kept.body(), None);
        kept.set_fields(std::iter::empty());
        assert_eq!(kept.body(), Some(&b""[..]));
    }
}
