//! The access log: a line for each exchange. Workers write lines into buffers ([`LogSink`]); one
//! thread, owned by [`AccessLog`], takes full buffers from all of them to a file or stream. A worker
//! never waits for it: where no buffer is free, the line is dropped and counted.

mod digits;
mod escape;
mod line;
mod pen;
mod record;
mod sink;
mod target;
mod value;
mod writer;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

pub use record::Record;
pub use sink::LogSink;

use line::LineFormat;
use sink::{Link, Room};
use target::Opened;
use writer::{Output, Shared, Writer};

/// How long dropping the log waits: a pipe whose reader stands still must not keep the program from
/// ending.
const LONGEST_END: Duration = Duration::from_secs(2);

/// An open access log. Dropping it waits, for two seconds at most, until every line that a sink gave
/// away is written. The thread lives on for sinks that do.
#[derive(Debug)]
pub struct AccessLog {
    shared: Arc<Shared>,
    writer: Thread,
}

impl AccessLog {
    /// Opens the log, starts its thread and gives a sink for each worker. `records` is
    /// `limits.access_log_records`: how many records of a worker may wait to be written. Lines that
    /// could not be written (disk full, reader gone) are added to `unwritten`, which may be that of
    /// earlier logs: a counter must not go back when a log is replaced.
    ///
    /// # Errors
    /// When the file cannot be opened (the message names it) or the thread cannot be started.
    pub fn start(
        config: &corelane_config::AccessLog,
        records: usize,
        workers: usize,
        unwritten: Arc<AtomicU64>,
    ) -> io::Result<(Self, Vec<LogSink>)> {
        let output = Output::new(Box::new(Opened::new(&config.path)?), Box::new(tell));
        let room = Room::for_records(records);
        let shared = Shared::new((room.buffers * workers).max(1), workers, unwritten);
        Self::spawn(output, LineFormat::new(&config.format), room, shared)
    }

    /// Opens the file by its name again, before the next line is written; for programs that rotate
    /// logs by renaming them. When that fails, stderr says why and the old file stays in use.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.writer.unpark();
    }

    fn spawn(
        output: Output,
        format: LineFormat,
        room: Room,
        shared: Shared,
    ) -> io::Result<(Self, Vec<LogSink>)> {
        let workers = shared.sinks.load(Ordering::Relaxed);
        let shared = Arc::new(shared);
        let queue = |_| Arc::new(ArrayQueue::new(room.buffers));
        let returned: Vec<_> = (0..workers).map(queue).collect();
        let thread = Writer::new(shared.clone(), returned.clone(), output);
        let writer = thread.spawn()?;
        let format = Arc::new(format);
        let sink = |(worker, returned)| {
            let link = Link {
                returned,
                shared: shared.clone(),
                writer: writer.clone(),
            };
            LogSink::new(worker, format.clone(), room, link)
        };
        let sinks = returned.into_iter().enumerate().map(sink).collect();
        Ok((Self { shared, writer }, sinks))
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if !self.shared.wait_idle(LONGEST_END) {
            tell("the access log does not take its last lines");
        }
    }
}

/// A line for the person who runs the program. Nobody is left to tell when stderr fails.
fn tell(text: &str) {
    drop(writeln!(io::stderr(), "corelane: {text}"));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::{Condvar, Mutex};
    use std::time::Instant;

    use corelane_config::{LogFormat, LogPath};

    use super::record::tests::{RECORD, Random, hostile};
    use super::target::Target;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A target in memory that can be made to block, and that takes a few bytes at a time.
    #[derive(Default)]
    struct Pipe {
        state: Mutex<PipeState>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct PipeState {
        blocked: bool,
        /// Whether a write waits for the pipe to be unblocked.
        waiting: bool,
        written: Vec<u8>,
    }

    impl Pipe {
        fn block(&self, blocked: bool) {
            self.state.lock().unwrap().blocked = blocked;
            self.changed.notify_all();
        }

        fn wait_until(&self, is_so: impl Fn(&PipeState) -> bool) {
            let state = self.state.lock().unwrap();
            let waited = self
                .changed
                .wait_timeout_while(state, PATIENCE, |state| !is_so(state));
            assert!(!waited.unwrap().1.timed_out());
        }

        fn lines(&self) -> Vec<serde_json::Value> {
            let state = self.state.lock().unwrap();
            let lines = state
                .written
                .strip_suffix(b"\n")
                .unwrap()
                .split(|&byte| byte == b'\n');
            lines
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect()
        }
    }

    impl Target for Arc<Pipe> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.state.lock().unwrap();
            state.waiting = state.blocked;
            self.changed.notify_all();
            state = self
                .changed
                .wait_while(state, |state| state.blocked)
                .unwrap();
            state.waiting = false;
            let count = bytes.len().min(1_000);
            state.written.extend_from_slice(&bytes[..count]);
            self.changed.notify_all();
            Ok(count)
        }

        fn reopen(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn name(&self) -> String {
            "a pipe".to_owned()
        }
    }

    fn start(pipe: &Arc<Pipe>, room: Room, workers: usize) -> (AccessLog, Vec<LogSink>) {
        let output = Output::new(Box::new(pipe.clone()), Box::new(|text| panic!("{text}")));
        let format = LineFormat::new(&LogFormat::Json);
        let shared = Shared::new((room.buffers * workers).max(1), workers, Arc::default());
        AccessLog::spawn(output, format, room, shared).unwrap()
    }

    #[test]
    fn a_stuck_writer_costs_lines_and_nothing_else() {
        let pipe = Arc::new(Pipe::default());
        pipe.block(true);
        let (log, mut sinks) = start(&pipe, Room::for_records(256), 1);
        let sink = &mut sinks[0];
        let kept = (0..1_000).filter(|&generation| {
            sink.write(&Record {
                generation,
                ..RECORD
            })
        });
        assert_eq!(kept.collect::<Vec<_>>(), (0..256).collect::<Vec<_>>());
        assert_eq!(sink.dropped(), 744);
        pipe.block(false);
        // Room comes back with the buffers.
        let deadline = Instant::now() + PATIENCE;
        while !sink.write(&Record {
            generation: 1_000,
            ..RECORD
        }) {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        drop(sinks);
        drop(log);
        let generations: Vec<_> = pipe
            .lines()
            .iter()
            .map(|line| line["generation"].as_u64().unwrap())
            .collect();
        assert_eq!(generations, (0..256).chain([1_000]).collect::<Vec<_>>());
    }

    #[test]
    fn a_flush_brings_lines_out_unless_the_writer_is_behind() {
        let pipe = Arc::new(Pipe::default());
        let (log, mut sinks) = start(
            &pipe,
            Room {
                buffers: 3,
                lines: 2,
            },
            1,
        );
        let sink = &mut sinks[0];
        sink.flush();
        sink.write(&RECORD);
        sink.flush();
        pipe.wait_until(|state| state.written.ends_with(b"\n"));

        pipe.block(true);
        sink.write(&RECORD);
        sink.flush();
        pipe.wait_until(|state| state.waiting);
        sink.write(&RECORD);
        sink.flush(); // waits in the queue
        sink.write(&RECORD);
        sink.flush(); // not given, so that a second line finds room
        assert!(sink.write(&RECORD));
        assert!(!sink.write(&RECORD));
        pipe.block(false);
        drop(sinks);
        drop(log);
        assert_eq!(pipe.lines().len(), 5);
    }

    #[test]
    fn every_line_of_every_worker_arrives_whole_and_in_order() {
        const LINES: u64 = 1_000;
        let pipe = Arc::new(Pipe::default());
        let (log, sinks) = start(&pipe, Room::for_records(1024 * 1024), 3);
        let work = |(worker, mut sink): (usize, LogSink)| {
            std::thread::spawn(move || {
                let mut random = Random::new(worker as u64 + 1);
                for generation in 0..LINES {
                    let path = hostile(&mut random);
                    sink.flush();
                    assert!(sink.write(&Record {
                        worker,
                        generation,
                        path: &path,
                        ..RECORD
                    }));
                }
            })
        };
        let threads: Vec<_> = sinks.into_iter().enumerate().map(work).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        drop(log);
        let mut next = [0; 3];
        for line in pipe.lines() {
            let worker = usize::try_from(line["worker"].as_u64().unwrap()).unwrap();
            assert_eq!(line["generation"], next[worker]);
            next[worker] += 1;
        }
        assert_eq!(next, [LINES; 3]);
    }

    #[test]
    fn the_longest_lines_fill_a_buffer_without_being_cut() {
        let pipe = Arc::new(Pipe::default());
        let (log, mut sinks) = start(&pipe, Room::for_records(8192), 1);
        let [path, user_agent] = [[1; 5_000]; 2];
        let record = Record {
            path: &path,
            user_agent: &user_agent,
            ..RECORD
        };
        assert!((0..40).all(|_| sinks[0].write(&record)));
        drop(sinks);
        drop(log);
        assert_eq!(pipe.lines().len(), 40);
    }

    #[test]
    fn the_last_lines_are_written_however_the_threads_meet() {
        for _ in 0..500 {
            let pipe = Arc::new(Pipe::default());
            let (log, mut sinks) = start(
                &pipe,
                Room {
                    buffers: 2,
                    lines: 1,
                },
                1,
            );
            sinks[0].write(&RECORD);
            sinks[0].write(&RECORD);
            drop(sinks);
            drop(log);
            assert_eq!(pipe.lines().len(), 2);
        }
    }

    #[test]
    fn a_stuck_writer_does_not_hold_up_the_end() {
        let pipe = Arc::new(Pipe::default());
        pipe.block(true);
        let (log, mut sinks) = start(&pipe, Room::for_records(8192), 1);
        sinks[0].write(&RECORD);
        drop(sinks);
        assert!(!log.shared.wait_idle(Duration::ZERO));
        pipe.block(false);
        assert!(log.shared.wait_idle(PATIENCE));
        assert_eq!(pipe.lines().len(), 1);
    }

    #[test]
    fn a_sink_that_outlives_the_log_is_written_to_its_end() {
        let pipe = Arc::new(Pipe::default());
        let (log, mut sinks) = start(&pipe, Room::for_records(8192), 2);
        drop(sinks.pop());
        drop(log);
        sinks[0].write(&RECORD);
        drop(sinks);
        pipe.wait_until(|state| state.written.ends_with(b"\n"));
        assert_eq!(pipe.lines().len(), 1);
        // Without sinks the thread ends, and lets go of its target.
        let deadline = Instant::now() + PATIENCE;
        while Arc::strong_count(&pipe) > 1 {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }

    /// A directory that is gone when the test is over.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let name = format!("corelane-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn to_file(path: &Path) -> corelane_config::AccessLog {
        corelane_config::AccessLog {
            path: LogPath::File(path.to_owned()),
            format: LogFormat::Json,
        }
    }

    fn wait_for_lines(path: &Path, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while fs::read_to_string(path).unwrap_or_default().lines().count() < count {
            assert!(
                Instant::now() < deadline,
                "no {count} lines in {}",
                path.display()
            );
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_rotated_file_is_let_go_and_no_line_is_lost() {
        let directory = Directory::new("rotate");
        let [path, old] = ["access.log", "access.log.1"].map(|name| directory.0.join(name));
        fs::write(&path, "before\n").unwrap();
        let (log, mut sinks) = AccessLog::start(&to_file(&path), 8192, 1, Arc::default()).unwrap();
        let sink = &mut sinks[0];
        sink.write(&RECORD);
        sink.flush();
        wait_for_lines(&path, 2);
        fs::rename(&path, &old).unwrap();
        sink.write(&RECORD);
        sink.flush();
        wait_for_lines(&old, 3);
        log.reopen();
        sink.write(&RECORD);
        drop(sinks);
        drop(log);
        assert_eq!(fs::read_to_string(&old).unwrap().lines().count(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o007, 0);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let path = Path::new("/nonexistent/access.log");
        let error = AccessLog::start(&to_file(path), 8192, 1, Arc::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(
            error.to_string().contains("/nonexistent/access.log"),
            "{error}"
        );
    }
}
