//! A piece of a body, lent to filters one after the other.

use std::borrow::Cow;

use corelane_codec::Fields;

/// A piece of a body on its way.
///
/// How a body is cut into pieces is an accident of the network: what a filter looks for may begin in
/// one piece and end in the next. What it takes out of one piece and wants to send later, it keeps in
/// its state and adds to the last one, which has no bytes of the body itself.
#[derive(Debug)]
pub struct Chunk<'a> {
    bytes: Cow<'a, [u8]>,
    last: bool,
    trailers: Option<&'a Fields>,
}

impl<'a> Chunk<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(bytes),
            last: false,
            trailers: None,
        }
    }

    pub(crate) fn end(trailers: Option<&'a Fields>) -> Self {
        Self {
            bytes: Cow::Borrowed(&[]),
            last: true,
            trailers,
        }
    }

    pub(super) fn into_bytes(self) -> Cow<'a, [u8]> {
        self.bytes
    }

    /// The bytes as filters before this one have left them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Sends these bytes instead; none at all is fine.
    pub fn replace(&mut self, bytes: impl Into<Vec<u8>>) {
        self.bytes = Cow::Owned(bytes.into());
    }

    /// The bytes to be edited in place. They are copied first, unless a filter has done that already.
    pub fn to_mut(&mut self) -> &mut Vec<u8> {
        self.bytes.to_mut()
    }

    /// Whether the body ends here.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// The fields after a chunked body, with its last piece. They are sent on as they are.
    #[must_use]
    pub fn trailers(&self) -> Option<&Fields> {
        self.trailers
    }
}
