//! [`LogSink`]: a worker's end of the access log. It writes lines into a buffer of its own and gives
//! full buffers away; empty ones come back from the writer. The buffers of a worker are counted, so
//! a writer that stands still costs lines, and neither memory nor the worker's time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Thread;

use crossbeam::queue::ArrayQueue;

use super::digits::Timestamp;
use super::line::LineFormat;
use super::pen::MARGIN;
use super::record::Record;
use super::writer::Shared;

/// A buffer is given away when it holds this many bytes. Giving wakes the writer, which costs as
/// much as some dozen lines.
const FULL_BYTES: usize = 256 * 1024;
/// A buffer is given away when it holds this many lines: usual ones fill it in bytes, too.
const FULL_LINES: usize = 512;
/// Buffers of a worker that are made before its first request, enough for the default limit. They
/// take address space, and memory only once they are used.
const READY_BUFFERS: usize = 16;

/// Lines on their way to the writer, or room for lines on its way back.
pub(super) struct Buffer {
    room: Box<[u8]>,
    length: usize,
    pub(super) lines: usize,
    /// The worker that it goes back to.
    pub(super) worker: usize,
}

impl Buffer {
    /// What was written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.room[..self.length]
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.lines = 0;
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} lines of worker {}", self.lines, self.worker)
    }
}

/// What a worker's buffers may hold together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Buffers of the worker.
    pub(super) buffers: usize,
    /// Lines of a buffer.
    pub(super) lines: usize,
}

impl Room {
    /// The room for so many records, at least 2.
    pub(super) fn for_records(records: usize) -> Self {
        let lines = (records / 2).clamp(1, FULL_LINES);
        Self {
            buffers: (records / lines).max(2),
            lines,
        }
    }
}

/// The way to the writer and back.
#[derive(Debug)]
pub(super) struct Link {
    /// Empty buffers of this worker, on their way back.
    pub(super) returned: Arc<ArrayQueue<Buffer>>,
    pub(super) shared: Arc<Shared>,
    /// The writer's thread, to be woken.
    pub(super) writer: Thread,
}

/// A worker's end of the access log. Dropping it sends the last lines on their way, also when the
/// [`AccessLog`](super::AccessLog) is gone already.
#[derive(Debug)]
pub struct LogSink {
    worker: usize,
    format: Arc<LineFormat>,
    clock: Timestamp,
    current: Option<Buffer>,
    /// Empty buffers; the one used last is on top, because its memory is warm.
    empty: Vec<Buffer>,
    /// Buffers that may still be made.
    unmade: usize,
    /// Lines of a full buffer.
    full_lines: usize,
    dropped: u64,
    link: Link,
}

impl LogSink {
    pub(super) fn new(worker: usize, format: Arc<LineFormat>, room: Room, link: Link) -> Self {
        let mut sink = Self {
            worker,
            format,
            clock: Timestamp::new(),
            current: None,
            empty: Vec::with_capacity(room.buffers),
            unmade: room.buffers,
            full_lines: room.lines,
            dropped: 0,
            link,
        };
        for _ in 0..room.buffers.min(READY_BUFFERS) {
            let buffer = sink.make();
            sink.empty.extend(buffer);
        }
        sink
    }

    /// Writes a line. `false`: it was dropped, because the writer has every buffer of this worker.
    pub fn write(&mut self, record: &Record<'_>) -> bool {
        if self.current.is_none() {
            self.current = self.find_room();
        }
        let Some(buffer) = &mut self.current else {
            self.dropped += 1;
            return false;
        };
        let room = &mut buffer.room[buffer.length..];
        buffer.length += self.format.write(record, &mut self.clock, room);
        buffer.lines += 1;
        if buffer.length >= FULL_BYTES || buffer.lines >= self.full_lines {
            self.give();
        }
        true
    }

    /// Sends the lines so far on their way, unless the writer is behind: it would only get more and
    /// smaller buffers. Called some times a second.
    pub fn flush(&mut self) {
        if self.link.shared.full.is_empty() {
            self.give();
        }
    }

    /// Lines that were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn give(&mut self) {
        if let Some(buffer) = self.current.take() {
            self.link.shared.give(buffer);
            self.link.writer.unpark();
        }
    }

    #[cold]
    fn find_room(&mut self) -> Option<Buffer> {
        while let Some(buffer) = self.link.returned.pop() {
            self.empty.push(buffer);
        }
        self.empty.pop().or_else(|| self.make())
    }

    fn make(&mut self) -> Option<Buffer> {
        self.unmade = self.unmade.checked_sub(1)?;
        // A buffer that is not full has room for any line.
        let room = vec![0; FULL_BYTES + self.format.longest() + MARGIN].into();
        Some(Buffer {
            room,
            length: 0,
            lines: 0,
            worker: self.worker,
        })
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        self.give();
        self.link.shared.sinks.fetch_sub(1, Ordering::Release);
        self.link.writer.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_what_the_limit_says() {
        for records in [2, 16, 17, 300, 8192, 1024 * 1024] {
            let room = Room::for_records(records);
            let lines = room.buffers * room.lines;
            assert!(
                lines <= records && lines + FULL_LINES > records,
                "{records}: {room:?}"
            );
        }
        assert_eq!(Room::for_records(8192).buffers, READY_BUFFERS);
        assert_eq!(Room::for_records(0).buffers, 2);
    }
}
