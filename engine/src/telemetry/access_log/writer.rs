//! The writer thread of the access log: it takes full buffers from every worker, writes them and
//! gives them back empty. It may block for as long as the disk or the reader of a pipe likes;
//! nobody waits for it.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

use super::sink::Buffer;
use super::target::Target;

/// How long to wait when a descriptor is non-blocking (somebody else's terminal or pipe may be) and
/// takes nothing.
const RETRY: Duration = Duration::from_millis(10);

/// What the sinks, the writer and the owner of the log share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Buffers to write; has room for every buffer that there is.
    pub(super) full: ArrayQueue<Buffer>,
    /// Whether the target is to be opened again.
    pub(super) reopen: AtomicBool,
    /// Sinks that may still give buffers; without one the writer ends.
    pub(super) sinks: AtomicUsize,
    /// Lines that could not be written, of this log and those before it.
    pub(super) unwritten: Arc<AtomicU64>,
    /// Buffers given and not yet written.
    pending: AtomicUsize,
    idle: Mutex<()>,
    became_idle: Condvar,
}

impl Shared {
    pub(super) fn new(buffers: usize, sinks: usize, unwritten: Arc<AtomicU64>) -> Self {
        Self {
            full: ArrayQueue::new(buffers),
            reopen: AtomicBool::new(false),
            sinks: AtomicUsize::new(sinks),
            unwritten,
            pending: AtomicUsize::new(0),
            idle: Mutex::new(()),
            became_idle: Condvar::new(),
        }
    }

    pub(super) fn give(&self, buffer: Buffer) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        if let Err(buffer) = self.full.push(buffer) {
            self.pending.fetch_sub(1, Ordering::AcqRel);
            self.unwritten
                .fetch_add(buffer.lines as u64, Ordering::Relaxed);
        }
    }

    /// Waits until everything given is written; `false` when it takes longer than this.
    pub(super) fn wait_idle(&self, longest: Duration) -> bool {
        let is_busy = |_: &mut ()| self.pending.load(Ordering::Acquire) > 0;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.became_idle.wait_timeout_while(idle, longest, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn tell_idle(&self) {
        // Who holds the lock knows that no waiter is between its look at `pending` and its sleep.
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        self.became_idle.notify_all();
    }
}

/// The writer thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Index = the worker's number.
    returned: Vec<Arc<ArrayQueue<Buffer>>>,
    output: Output,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        returned: Vec<Arc<ArrayQueue<Buffer>>>,
        output: Output,
    ) -> Self {
        Self {
            shared,
            returned,
            output,
        }
    }

    /// Starts the thread, which runs until every sink is gone and everything is written.
    pub(super) fn spawn(self) -> io::Result<Thread> {
        let thread = thread::Builder::new().name("corelane-log".to_owned());
        Ok(thread.spawn(|| self.run())?.thread().clone())
    }

    fn run(mut self) {
        loop {
            // Looked at first: what the last sink gave before it went is then in the queue.
            let last = self.shared.sinks.load(Ordering::Acquire) == 0;
            self.write_all();
            if last {
                return;
            }
            thread::park();
        }
    }

    fn write_all(&mut self) {
        loop {
            if self.shared.reopen.swap(false, Ordering::AcqRel) {
                self.output.reopen();
            }
            let Some(mut buffer) = self.shared.full.pop() else {
                return self.shared.tell_idle();
            };
            let lost = self.output.write(buffer.bytes());
            self.shared.unwritten.fetch_add(lost, Ordering::Relaxed);
            buffer.clear();
            if let Some(returned) = self.returned.get(buffer.worker) {
                // Has room for every buffer of its worker.
                returned.force_push(buffer);
            }
            self.shared.pending.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Writes whole lines for as long as the target works, and tells when it stops and when it goes on.
pub(super) struct Output {
    target: Box<dyn Target>,
    /// Told once when writing begins to fail, once when it works again.
    tell: Box<dyn FnMut(&str) + Send>,
    /// Lines lost since writing began to fail; `None` while it works.
    failing: Option<u64>,
    /// Whether the target ends in the middle of a line.
    torn: bool,
}

impl Output {
    pub(super) fn new(target: Box<dyn Target>, tell: Box<dyn FnMut(&str) + Send>) -> Self {
        Self {
            target,
            tell,
            failing: None,
            torn: false,
        }
    }

    fn reopen(&mut self) {
        match self.target.reopen() {
            Ok(()) => self.torn = false,
            Err(error) => {
                let name = self.target.name();
                (self.tell)(&format!(
                    "cannot reopen {name}, the old file stays in use: {error}"
                ));
            }
        }
    }

    /// Writes lines; gives the number of those that are lost.
    fn write(&mut self, lines: &[u8]) -> u64 {
        let mut rest = lines;
        let result = self
            .end_torn_line()
            .and_then(|()| self.write_bytes(&mut rest));
        let Err(error) = result else {
            self.works();
            return 0;
        };
        if let Some(&last) = lines[..lines.len() - rest.len()].last() {
            self.torn = last != b'\n';
        }
        let lost = rest.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.fails(lost, &error);
        lost
    }

    fn end_torn_line(&mut self) -> io::Result<()> {
        if self.torn {
            self.write_bytes(&mut b"\n".as_slice())?;
            self.torn = false;
        }
        Ok(())
    }

    fn write_bytes(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.target.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => *rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(RETRY),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn fails(&mut self, lost: u64, error: &io::Error) {
        if let Some(total) = &mut self.failing {
            *total += lost;
            return;
        }
        self.failing = Some(lost);
        let name = self.target.name();
        (self.tell)(&format!(
            "cannot write to {name}, lines are lost until it works: {error}"
        ));
    }

    fn works(&mut self) {
        if let Some(lost) = self.failing.take() {
            let name = self.target.name();
            (self.tell)(&format!(
                "writing to {name} works again, {lost} lines are lost"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a write is answered with, in order; then everything is taken.
    struct Script {
        answers: Vec<io::Result<usize>>,
        written: Arc<Mutex<String>>,
    }

    impl Target for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let answer = if self.answers.is_empty() {
                Ok(bytes.len())
            } else {
                self.answers.remove(0)
            };
            let count = answer?.min(bytes.len());
            self.written
                .lock()
                .unwrap()
                .push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            Ok(count)
        }

        fn reopen(&mut self) -> io::Result<()> {
            Err(ErrorKind::PermissionDenied.into())
        }

        fn name(&self) -> String {
            "the file".to_owned()
        }
    }

    type Text = Arc<Mutex<String>>;

    fn output(answers: Vec<io::Result<usize>>) -> (Output, Text, Text) {
        let (written, told) = (Text::default(), Text::default());
        let target = Script {
            answers,
            written: written.clone(),
        };
        let tell = told.clone();
        let tell = move |text: &str| tell.lock().unwrap().push_str(&format!("{text}\n"));
        (Output::new(Box::new(target), Box::new(tell)), written, told)
    }

    #[test]
    fn interruptions_are_no_errors() {
        let answers = vec![
            Err(ErrorKind::Interrupted.into()),
            Ok(2),
            Err(ErrorKind::WouldBlock.into()),
            Ok(1),
        ];
        let (mut output, written, told) = output(answers);
        assert_eq!(output.write(b"one\ntwo\n"), 0);
        assert_eq!(*written.lock().unwrap(), "one\ntwo\n");
        assert_eq!(*told.lock().unwrap(), "");
    }

    #[test]
    fn lost_lines_are_counted_and_told_once() {
        let full = || Err(ErrorKind::StorageFull.into());
        let (mut output, written, told) = output(vec![Ok(5), full(), full(), Ok(0), Ok(1), full()]);
        assert_eq!(output.write(b"one\ntwo\nthree\n"), 2);
        assert_eq!(output.write(b"four\nfive\n"), 2);
        assert_eq!(output.write(b"six\n"), 1);
        assert_eq!(output.write(b"seven\n"), 1);
        assert_eq!(output.write(b"eight\n"), 0);
        assert_eq!(output.write(b"nine\n"), 0);
        // Half of a line is ended before the next, so that only that one is not a line.
        assert_eq!(*written.lock().unwrap(), "one\nt\neight\nnine\n");
        let told = told.lock().unwrap();
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(told.starts_with("cannot write to the file"), "{told}");
        assert!(
            told.ends_with("writing to the file works again, 6 lines are lost\n"),
            "{told}"
        );
    }

    #[test]
    fn a_reopen_that_fails_is_told() {
        let (mut output, written, told) = output(Vec::new());
        output.reopen();
        assert_eq!(output.write(b"one\n"), 0);
        assert_eq!(*written.lock().unwrap(), "one\n");
        assert!(told.lock().unwrap().starts_with("cannot reopen the file"));
    }
}
