//! Where a body comes from: a connection with its read buffer, or memory.

use std::future::poll_fn;
use std::io;

use corelane_codec::{BodyDecoder, BodyError, BodyLength, Fields};

use super::pace::Pace;
use crate::error::{Error, Kind};
use crate::io::buffers::{Buffer, BufferPool, LARGE};
use crate::io::deadline::Waiter;
use crate::io::stream::{Stream, Watch};
use crate::rt::clock::Millis;

/// A body that is being read.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    Wire(WireSource<'a>),
    /// A body that is here as a whole: of a call, of a reply that is made here.
    Memory {
        body: &'a [u8],
        used: bool,
    },
}

/// A body on its way in on an HTTP/1 connection.
#[derive(Debug)]
pub(crate) struct WireSource<'a> {
    pub(crate) readable: Readable<'a>,
    pub(crate) buffer: &'a mut Buffer,
    pub(crate) decoder: &'a mut BodyDecoder,
    pub(crate) pool: &'a BufferPool,
    pub(crate) waiter: Waiter<'a>,
    pub(crate) pace: Pace,
    pub(crate) role: Role,
    /// The data at the front of the buffer: where it starts, where it ends, what to consume.
    pub(crate) run: (usize, usize, usize),
    /// Data bytes so far, and how many are allowed; 0 for no bound.
    pub(crate) total: u64,
    pub(crate) most: u64,
    /// Where in the buffer the body began.
    pub(crate) start: usize,
    /// Whether bytes of this body have been overwritten by later ones, so that it cannot be resent.
    pub(crate) overwritten: bool,
}

/// How readiness to read is learnt.
#[derive(Debug)]
pub(crate) enum Readable<'a> {
    Stream(&'a Stream),
    Watched(&'a Stream, &'a mut Watch),
}

/// What errors of this source are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Request,
    Response,
}

impl<'a> Source<'a> {
    /// A body that is here as a whole.
    pub(crate) fn memory(body: &'a [u8]) -> Self {
        Self::Memory { body, used: false }
    }

    /// What `fill` would say, if it need not wait for it.
    pub(crate) fn try_fill(&mut self) -> Result<Option<bool>, Error> {
        match self {
            Self::Wire(wire) => wire.try_fill(),
            Self::Memory { .. } => Ok(Some(!self.is_ended())),
        }
    }

    /// Waits for data; `false` at the end of the body.
    pub(crate) async fn fill(&mut self) -> Result<bool, Error> {
        match self {
            Self::Wire(wire) => wire.fill().await,
            Self::Memory { .. } => Ok(!self.is_ended()),
        }
    }

    /// Resolves when there are bytes that `fill` would find, or an end, however long that takes.
    pub(crate) async fn arrival(&self) {
        if let Self::Wire(wire) = self
            && wire.buffer.is_empty()
        {
            // A failed poll is readiness: the read that follows has the error.
            let _shown_by_the_read = wire.readable.stream().readable().await;
        }
    }

    /// The data that `fill` found.
    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::Wire(wire) => &wire.buffer.unread()[wire.run.0..wire.run.1],
            Self::Memory { body, .. } => body,
        }
    }

    /// Marks `data` as used.
    pub(crate) fn consume(&mut self) {
        match self {
            Self::Wire(wire) => wire.consume_run(),
            Self::Memory { used, .. } => *used = true,
        }
    }

    /// Reads over what has already come, so that a small body does not cost the connection.
    pub(crate) fn skip_buffered(&mut self) {
        let Self::Wire(wire) = self else { return };
        wire.consume_run();
        while !wire.decoder.is_ended() && !wire.buffer.is_empty() {
            match wire.decoder.decode(wire.buffer.unread()) {
                Ok(found) if found.consumed > 0 => {
                    wire.total += found.data.len() as u64;
                    wire.buffer.consume(found.consumed);
                }
                _ => return,
            }
        }
    }

    /// Gives the read buffer back if nothing is unread in it; the body cannot be sent again then.
    pub(crate) fn release(&mut self) {
        if let Self::Wire(wire) = self {
            wire.let_go();
            wire.pool.release_if_empty(wire.buffer);
        }
    }

    /// Sets when the exchange as a whole must be over.
    pub(crate) fn set_total(&mut self, deadline: Millis) {
        if let Self::Wire(wire) = self {
            wire.pace.set_total(deadline);
        }
    }

    /// Whether there is more to come, perhaps without waiting, so that small pieces may be sent together.
    pub(crate) fn has_more(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.buffer.unread().len() > wire.run.2 || !wire.decoder.is_ended(),
            Self::Memory { .. } => false,
        }
    }

    /// The fields after a chunked body; empty before its end.
    pub(crate) fn trailers(&self) -> Option<&Fields> {
        match self {
            Self::Wire(wire) => Some(wire.decoder.trailers()),
            Self::Memory { .. } => None,
        }
    }

    /// Goes back to the body's first byte, if all that was read of it is still here.
    pub(crate) fn rewind(&mut self, length: BodyLength) -> bool {
        let wire = match self {
            Self::Wire(wire) => wire,
            Self::Memory { used, .. } => {
                *used = false;
                return true;
            }
        };
        if wire.overwritten {
            return false;
        }
        wire.buffer.rewind(wire.start);
        wire.decoder.reset(length);
        (wire.run, wire.total) = ((0, 0, 0), 0);
        true
    }

    /// Whether the whole body has been read. A run that was found and not used is unread: on the
    /// connection it would pass for the next request.
    pub(crate) fn is_ended(&self) -> bool {
        match self {
            Self::Wire(wire) => wire.decoder.is_ended() && wire.run.2 == 0,
            Self::Memory { body, used } => *used || body.is_empty(),
        }
    }

    /// Data bytes that were read.
    pub(crate) fn total(&self) -> u64 {
        match self {
            Self::Wire(wire) => wire.total,
            Self::Memory { .. } => 0,
        }
    }
}

/// What is to be done after a look at the buffer.
enum Step {
    /// There is data in front.
    Data,
    /// The body is over.
    End,
    /// More must be read.
    More,
}

impl WireSource<'_> {
    fn try_fill(&mut self) -> Result<Option<bool>, Error> {
        loop {
            match self.decode()? {
                Step::Data => return Ok(Some(true)),
                Step::End => return Ok(Some(false)),
                Step::More => {}
            }
            self.make_room();
            let room = self.buffer.room();
            match self.readable.stream().try_recv(self.buffer.tail()) {
                Ok(0) | Err(_) => return Ok(None), // `fill` meets it again
                Ok(count) => self.received(count, room),
            }
        }
    }

    async fn fill(&mut self) -> Result<bool, Error> {
        loop {
            match self.decode()? {
                Step::Data => return Ok(true),
                Step::End => return Ok(false),
                Step::More => {}
            }
            if self.read().await? == 0 {
                self.decoder.finish().map_err(|_cut_short| self.gone())?;
                return Ok(false);
            }
        }
    }

    /// How many bytes of data are next that nobody has read.
    pub(super) fn ahead(&self) -> u64 {
        match self.buffer.is_empty() {
            true => self.decoder.data_ahead(),
            false => 0,
        }
    }

    /// Takes note of data that went another way, and cannot be sent again.
    pub(super) fn passed(&mut self, count: usize) -> Result<(), Error> {
        self.overwritten = true;
        self.decoder.skip_data(count as u64);
        self.pace.moved(count);
        self.count(count)
    }

    /// Looks for data in what has been read.
    fn decode(&mut self) -> Result<Step, Error> {
        while !self.decoder.is_ended() && !self.buffer.is_empty() {
            let found = self.decoder.decode(self.buffer.unread());
            let found = found.map_err(|error| self.malformed(error))?;
            if !found.data.is_empty() {
                self.run = (found.data.start, found.data.end, found.consumed);
                return self.count(found.data.len()).map(|()| Step::Data);
            }
            self.buffer.consume(found.consumed);
            if found.consumed == 0 {
                break;
            }
        }
        Ok(if self.decoder.is_ended() {
            Step::End
        } else {
            Step::More
        })
    }

    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.total += bytes as u64;
        if self.most != 0 && self.total > self.most {
            return Err(Kind::BodyTooLarge.into());
        }
        Ok(())
    }

    fn consume_run(&mut self) {
        self.buffer.consume(self.run.2);
        self.run = (0, 0, 0);
    }

    /// Reads more, behind what is unread.
    async fn read(&mut self) -> Result<usize, Error> {
        self.make_room();
        loop {
            let room = self.buffer.room();
            let result = self.readable.stream().try_recv(self.buffer.tail());
            match result {
                Ok(count) => {
                    self.received(count, room);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait().await?;
                }
                Err(_) => return Err(self.gone()),
            }
        }
    }

    fn received(&mut self, count: usize, room: usize) {
        self.pace.moved(count);
        if count == room && self.buffer.capacity() < LARGE {
            // The peer is faster than a small buffer.
            self.let_go();
            self.pool.enlarge(self.buffer);
        }
    }

    /// Sees to it that there is room to read into. The beginning of a request's body stays where it
    /// is for as long as there is room behind it, so that it can be sent again.
    fn make_room(&mut self) {
        let keeps = self.role == Role::Request && !self.overwritten;
        if !keeps || self.buffer.room() == 0 {
            self.let_go();
            self.pool.make_room(self.buffer);
        }
    }

    /// What was consumed will be overwritten, and what is unread moves to the front.
    fn let_go(&mut self) {
        self.overwritten |= self.buffer.position() > self.start;
        self.start = 0;
    }

    async fn wait(&mut self) -> Result<(), Error> {
        let waiter = self.waiter;
        match &mut self.readable {
            Readable::Stream(stream) => {
                // A failed poll is readiness: the read that follows has the error.
                let _shown_by_the_read = self.pace.wait(waiter, stream.readable()).await?;
                Ok(())
            }
            Readable::Watched(_, watch) => {
                watch.rearm();
                self.pace
                    .wait(waiter, poll_fn(|cx| watch.poll_ready(cx)))
                    .await
            }
        }
    }

    /// Waits for what the kernel is to keep.
    pub(super) async fn wait_for_news(&mut self) -> Result<(), Error> {
        match &mut self.readable {
            Readable::Stream(stream) => {
                // A failed poll is readiness: the read that follows has the error.
                let _shown_by_the_read = self.pace.wait(self.waiter, stream.news()).await?;
                Ok(())
            }
            Readable::Watched(_, watch) => {
                watch.rearm();
                let news = poll_fn(|cx| watch.poll_news(cx));
                self.pace.wait(self.waiter, news).await
            }
        }
    }

    fn malformed(&self, error: BodyError) -> Error {
        match self.role {
            Role::Request => Kind::Body(error).into(),
            Role::Response => Kind::UpstreamBody(error).into(),
        }
    }

    pub(super) fn gone(&self) -> Error {
        match self.role {
            Role::Request => Kind::ClientGone.into(),
            Role::Response => Kind::UpstreamReset.into(),
        }
    }
}

impl WireSource<'_> {
    pub(super) fn stream(&self) -> &Stream {
        self.readable.stream()
    }
}

impl Readable<'_> {
    fn stream(&self) -> &Stream {
        match self {
            Self::Stream(stream) | Self::Watched(stream, _) => stream,
        }
    }
}

/// Whether a body of this length has nothing to read.
pub(crate) fn is_bodiless(length: BodyLength) -> bool {
    matches!(length, BodyLength::Empty | BodyLength::Length(0))
}
