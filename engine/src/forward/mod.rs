//! Room 8: both bodies on their way, and the response's head between them.
//!
//! A request's body and its response move at the same time, because an upstream may answer before it
//! has read everything. Both go through the one [`pump`]; a slow reader stops a fast sender.

mod attempt;
mod pace;
mod respond;
mod sink;
mod source;

pub(crate) use attempt::{Failed, attempt};
pub(crate) use pace::Pace;
pub(crate) use respond::body_limits;
pub(crate) use sink::{Sink, WireSink};
pub(crate) use source::{Readable, Role, Source, WireSource, is_bodiless};

use crate::error::Error;

/// Moves a body from its source to its sink, to the end.
pub(crate) async fn pump(source: &mut Source<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
    loop {
        if !source.is_at_hand() {
            // Nothing waits in the sink while we wait for the source.
            sink.flush().await?;
        }
        if !source.fill().await? {
            return sink.finish(source.trailers()).await;
        }
        sink.write(source.data(), source.has_more()).await?;
        source.consume();
    }
}
