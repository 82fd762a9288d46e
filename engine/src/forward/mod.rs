//! Room 8: both bodies on their way, and the response's head between them.
//!
//! A request's body and its response move at the same time, because an upstream may answer before it
//! has read everything. Both go through the one [`pump`]; a slow reader stops a fast sender.

mod attempt;
mod pace;
mod respond;
mod sink;
mod source;
mod splice;
mod stage;

pub(crate) use attempt::{Failed, attempt};
pub(crate) use pace::Pace;
pub(crate) use respond::body_limits;
pub(crate) use sink::{Sink, WireSink};
pub(crate) use source::{Readable, Role, Source, WireSource, is_bodiless};
use stage::Part;
pub(crate) use stage::Stage;

use crate::error::Error;

/// Moves a body from its source through a stage to its sink, to the end. Where nothing looks at it, a
/// large one need not come into our memory.
pub(crate) async fn pump(
    source: &mut Source<'_>,
    stage: &mut Stage,
    sink: &mut Sink<'_>,
) -> Result<(), Error> {
    loop {
        if let (Source::Wire(source), Stage::None, Sink::Wire(sink)) =
            (&mut *source, &*stage, &mut *sink)
        {
            splice::splice(source, sink).await?;
        }
        let has_data = match source.try_fill()? {
            Some(has_data) => has_data,
            None => {
                // Nothing waits in the sink while we wait for the source.
                sink.flush().await?;
                source.fill().await?
            }
        };
        if !has_data {
            let trailers = source.trailers();
            let tail = stage.put(Part::End(trailers)).await?;
            if !tail.is_empty() {
                sink.write(&tail, true).await?;
            }
            return sink.finish(trailers).await;
        }
        let data = stage.put(Part::Data(source.data())).await?;
        if !data.is_empty() {
            sink.write(&data, source.has_more()).await?;
        }
        source.consume();
    }
}
