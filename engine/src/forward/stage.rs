//! What may stand in the pump between a body's source and its sink.
//!
//! A [`Stage`] is given a body part by part and answers with what goes on, which may be nothing. One
//! that needs time takes it by not being ready, and the pump reads on after the answer. The head of a
//! response waits in the sink until the first bytes behind it leave.

use std::borrow::Cow;
use std::rc::Rc;

use corelane_codec::{BodyLength, Fields};

use crate::error::Error;
use crate::filter::{Chunk, Direction, Passage};

/// What stands between a body's source and its sink.
pub(crate) enum Stage {
    /// Nothing: data goes from the read buffer to the socket.
    None,
    /// The chunk hooks of filters.
    Filters(Rc<Passage>, Direction),
}

/// A part of a body.
pub(crate) enum Part<'p> {
    Data(&'p [u8]),
    /// Its end, with the fields behind it.
    End(Option<&'p Fields>),
}

impl Stage {
    /// What the filters of an exchange want to do with a body.
    pub(crate) fn of(filters: Option<&Rc<Passage>>, direction: Direction) -> Self {
        match filters {
            Some(passage) if passage.wants_body(direction) => {
                Self::Filters(passage.clone(), direction)
            }
            _ => Self::None,
        }
    }

    /// How a body of this length is framed behind the stage, which may make it longer or shorter.
    pub(crate) fn framing(&self, length: BodyLength) -> BodyLength {
        match (self, length) {
            (Self::None, length) | (_, length @ BodyLength::Empty) => length,
            (Self::Filters(..), _) => BodyLength::Chunked,
        }
    }

    /// Takes a part of the body; the bytes that go on.
    pub(super) async fn put<'p>(&mut self, part: Part<'p>) -> Result<Cow<'p, [u8]>, Error> {
        match self {
            Self::None => Ok(match part {
                Part::Data(data) => Cow::Borrowed(data),
                Part::End(_) => Cow::Borrowed(&[]),
            }),
            Self::Filters(passage, direction) => {
                let chunk = match part {
                    Part::Data(data) => Chunk::of(data),
                    Part::End(trailers) => Chunk::end(trailers),
                };
                passage.pass(*direction, chunk)
            }
        }
    }
}
