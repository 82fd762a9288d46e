//! The program as a process: started, listened to, signalled, waited for. Waiting is for a condition
//! and ends in a failure that shows what the program said.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a condition may take to come true, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A command of the program, not yet started.
pub(crate) fn corelane(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    command.args(arguments).env_remove("CORELANE_LOG");
    command
}

/// What a command that ends by itself has said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) fn say(arguments: &[&str]) -> Said {
    let program = Program::start(&mut corelane(arguments));
    let code = program.wait_for_exit();
    Said {
        code,
        out: program.out.whole(),
        err: program.err.whole(),
    }
}

/// A running program; killed when it is dropped.
pub(crate) struct Program {
    pid: Pid,
    ended: Receiver<ExitStatus>,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        let pid = Pid::from_child(&child);
        let (end, ended) = channel();
        std::thread::spawn(move || {
            // A test that is over does not listen any more.
            let _nobody_listens = end.send(child.wait().unwrap());
        });
        Self {
            pid,
            ended,
            out,
            err,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// The exit code, and all that was said is there.
    #[track_caller]
    pub(crate) fn wait_for_exit(&self) -> i32 {
        let Ok(status) = self.ended.recv_timeout(PATIENCE) else {
            panic!("the program does not end; it says\n{}", self.err.so_far());
        };
        status.code().expect("it ends by itself")
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.try_recv().is_ok()
    }

    /// Waits until it has said that this generation is ready.
    #[track_caller]
    pub(crate) fn wait_for_generation(&self, number: u64) {
        let line = format!("ready generation {number}");
        self.err.wait_for(&format!("line `{line}`"), |said| {
            (said == line).then_some(())
        });
    }

    /// The address of the listener of this name.
    #[track_caller]
    pub(crate) fn listener(&self, name: &str) -> String {
        self.err.wait_for(&format!("listener {name}"), |line| {
            let (address, said) = line.strip_prefix("listening ")?.split_once(' ')?;
            (said == name).then(|| address.to_owned())
        })
    }

    /// The first admin address that was told.
    #[track_caller]
    pub(crate) fn admin(&self) -> String {
        self.err.wait_for("admin address", |line| {
            line.strip_prefix("admin ").map(str::to_owned)
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _has_mostly_ended = kill_process(self.pid, Signal::KILL);
    }
}

/// What a program says on one of its streams.
#[derive(Clone)]
pub(crate) struct Lines(Arc<(Mutex<Stream>, Condvar)>);

#[derive(Default)]
struct Stream {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let shared = lines.clone();
        std::thread::spawn(move || {
            let (said, news) = &*shared.0;
            for line in BufReader::new(stream).lines() {
                said.lock().unwrap().lines.push(line.unwrap());
                news.notify_all();
            }
            said.lock().unwrap().ended = true;
            news.notify_all();
        });
        lines
    }

    /// Waits for a line that `find` makes something of.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let (said, news) = &*self.0;
        let deadline = Instant::now() + PATIENCE;
        let mut said = said.lock().unwrap();
        loop {
            if let Some(found) = said.lines.iter().find_map(|line| find(line)) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || said.ended {
                panic!("no {what} in\n{}", said.lines.join("\n"));
            }
            said = news.wait_timeout(said, left).unwrap().0;
        }
    }

    /// Waits for a line with this text in it.
    #[track_caller]
    pub(crate) fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |line| line.contains(text).then(|| line.to_owned()))
    }

    pub(crate) fn so_far(&self) -> String {
        self.0.0.lock().unwrap().lines.join("\n")
    }

    /// All of it, once the stream has ended.
    fn whole(&self) -> String {
        let (said, news) = &*self.0;
        let said = news
            .wait_while(said.lock().unwrap(), |said| !said.ended)
            .unwrap();
        said.lines.join("\n")
    }
}

/// A program that runs a configuration from a file of its own.
pub(crate) struct Gateway {
    pub(crate) program: Program,
    pub(crate) directory: TempDir,
}

impl Gateway {
    /// Runs `text` and waits until it is ready.
    #[track_caller]
    pub(crate) fn run(text: &str) -> Self {
        Self::run_with(text, &[])
    }

    /// The same with more arguments.
    #[track_caller]
    pub(crate) fn run_with(text: &str, more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(file_in(&directory), text).unwrap();
        let file = file_in(&directory);
        let mut arguments = vec!["run", "-c", file.to_str().unwrap()];
        arguments.extend(more);
        let program = Program::start(&mut corelane(&arguments));
        program.wait_for_generation(1);
        Self { program, directory }
    }

    pub(crate) fn file(&self) -> PathBuf {
        file_in(&self.directory)
    }

    /// Writes a new configuration into its file.
    pub(crate) fn rewrite(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }
}

fn file_in(directory: &TempDir) -> PathBuf {
    directory.path().join("gateway.yaml")
}

/// A file with this text, and what keeps it there.
pub(crate) fn written(text: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = file_in(&directory);
    std::fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap().to_owned();
    (directory, name)
}

/// `text` with the directory of the test's files taken out.
pub(crate) fn without(text: &str, directory: &Path) -> String {
    text.replace(&format!("{}/", directory.display()), "")
}

/// Asks again and again until `condition` has an answer.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}
