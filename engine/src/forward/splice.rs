//! A shorter way for large bodies that nobody looks at: through a pipe, from socket to socket.
//!
//! The pump enters whenever it has nothing of the body in hand, and goes on by itself when this way is
//! not open, or not any more.

use std::io;

use corelane_codec::BodyLength;

use super::{WireSink, WireSource};
use crate::error::Error;
use crate::io::pipes;

/// What must be left of a body for a pipe to be worth its calls.
const LEAST: u64 = 16 * 1024;

/// Moves what comes of a body from its source to its sink, as long as a pipe can be had and the bytes
/// are the kernel's.
pub(super) async fn splice(
    source: &mut WireSource<'_>,
    sink: &mut WireSink<'_>,
) -> Result<(), Error> {
    if source.ahead() < LEAST || !is_bare(sink) {
        return Ok(());
    }
    if !(source.stream().takes_pipes() && sink.stream().takes_pipes()) {
        return Ok(());
    }
    loop {
        let most = usize::try_from(source.ahead()).unwrap_or(usize::MAX);
        if most == 0 {
            return Ok(());
        }
        let Some(mut pipe) = source.pool.pipes.take() else {
            return Ok(());
        };
        match source
            .stream()
            .try_fill(&mut pipe, most.min(pipes::CAPACITY))
        {
            // The end is met again by a read, and so is what the ring has received already.
            Ok(None | Some(0)) => return Ok(()),
            Ok(Some(count)) => {
                source.passed(count)?;
                sink.drain(&mut pipe).await?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drop(pipe);
                sink.flush().await?;
                source.wait_for_news().await?;
            }
            Err(_) => return Err(source.gone()),
        }
    }
}

/// Whether data goes on as it is, with nothing in between.
fn is_bare(sink: &WireSink<'_>) -> bool {
    matches!(sink.framing, BodyLength::Length(_) | BodyLength::UntilClose)
}
