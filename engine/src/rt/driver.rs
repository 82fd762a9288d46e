//! Which event loop a worker runs on: io_uring with its flags, or epoll, and why.
//!
//! The ring is tried once, before any worker starts, with the very parameters that the workers use:
//! what fails there is explained in one line, and `auto` then falls back to epoll.

use std::fmt;
use std::future::Future;
use std::io;
use std::thread;
use std::time::Duration;

use corelane_config::Io;
use io_uring::IoUring;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

/// Submission queue entries of one worker's ring. One turn of the loop may submit more: the driver
/// flushes in between.
const RING_ENTRIES: u32 = 1024;
/// Completion queue entries for up to 32 workers (16 bytes each, so that an 8 MiB memlock limit
/// carries them all); more workers get less each.
const COMPLETION_ENTRIES: u32 = 8192;

/// How often, and how many milliseconds apart, a ring is tried again that has no room. What a closed
/// ring held counts against the limit until the kernel gets round to it.
const ATTEMPTS: u32 = 100;
const ATTEMPTS_APART_MS: u64 = 10;

/// The event loop that was chosen for all workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Driver {
    kind: Kind,
    /// Why it is not the ring with all its flags, for one log line; `None` when it is.
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Uring(Flags),
    Epoll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flags {
    single_issuer: bool,
    coop_taskrun: bool,
    defer_taskrun: bool,
    completion_entries: u32,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Epoll => f.write_str("epoll")?,
            Kind::Uring(flags) => {
                f.write_str("io_uring")?;
                for (on, name) in [
                    (flags.single_issuer, " single_issuer"),
                    (flags.coop_taskrun, " coop_taskrun"),
                    (flags.defer_taskrun, " defer_taskrun"),
                ] {
                    f.write_str(if on { name } else { "" })?;
                }
            }
        }
        self.reason
            .as_ref()
            .map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}

impl Driver {
    /// Chooses the event loop for `workers` workers, by trying to make a ring.
    ///
    /// # Errors
    /// When the configuration insists on io_uring and no ring can be made; the text says what to do.
    pub(crate) fn choose(io: Io, defer_taskrun: bool, workers: usize) -> Result<Self, String> {
        if io == Io::Epoll {
            return Ok(Self {
                kind: Kind::Epoll,
                reason: None,
            });
        }
        match try_rings(defer_taskrun, workers) {
            Ok((flags, dropped)) => Ok(Self {
                kind: Kind::Uring(flags),
                reason: (!dropped.is_empty())
                    .then(|| format!("this kernel refuses {}", dropped.join(", "))),
            }),
            Err(error) if io == Io::Auto => Ok(Self {
                kind: Kind::Epoll,
                reason: Some(explain(&error)),
            }),
            Err(error) => Err(format!(
                "`runtime.io: uring` cannot be had: {}; `io: auto` or `io: epoll` runs without it",
                explain(&error)
            )),
        }
    }

    /// A second ring for this thread, besides the event loop's; none on epoll.
    ///
    /// # Errors
    /// When the kernel gives no more.
    pub(crate) fn small_ring(&self, entries: u32, completions: u32) -> io::Result<Option<IoUring>> {
        let Kind::Uring(flags) = self.kind else {
            return Ok(None);
        };
        let own = Flags {
            // What it has to do is done whenever this thread is in the kernel, for the event loop's
            // ring or for this one.
            coop_taskrun: flags.coop_taskrun || flags.defer_taskrun,
            defer_taskrun: false,
            completion_entries: completions,
            ..flags
        };
        patiently(|| own.builder().build(entries)).map(Some)
    }

    /// Runs `future` to its end on this thread.
    ///
    /// # Errors
    /// When the event loop cannot be made.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> io::Result<F::Output> {
        match self.kind {
            Kind::Uring(flags) => {
                let mut runtime = patiently(|| {
                    RuntimeBuilder::<IoUringDriver>::new()
                        .with_entries(RING_ENTRIES)
                        .uring_builder(flags.builder())
                        .enable_timer()
                        .build()
                })?;
                Ok(runtime.block_on(future))
            }
            Kind::Epoll => {
                let mut runtime = RuntimeBuilder::<LegacyDriver>::new()
                    .enable_timer()
                    .build()?;
                Ok(runtime.block_on(future))
            }
        }
    }
}

impl Flags {
    fn builder(self) -> io_uring::Builder {
        let mut builder = IoUring::builder();
        builder.setup_cqsize(self.completion_entries);
        if self.single_issuer {
            builder.setup_single_issuer();
        }
        if self.coop_taskrun {
            builder.setup_coop_taskrun();
        }
        if self.defer_taskrun {
            builder.setup_defer_taskrun();
        }
        builder
    }
}

/// Tries again while there is no room.
fn patiently<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..ATTEMPTS {
        match make() {
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                thread::park_timeout(Duration::from_millis(ATTEMPTS_APART_MS));
            }
            result => return result,
        }
    }
    make()
}

/// Makes the rings of all workers with the wanted flags, dropping those that the kernel does not know
/// one by one.
fn try_rings(defer: bool, workers: usize) -> io::Result<(Flags, Vec<&'static str>)> {
    let share = COMPLETION_ENTRIES / u32::try_from(workers.div_ceil(32)).unwrap_or(u32::MAX);
    let mut flags = Flags {
        single_issuer: true,
        coop_taskrun: !defer,
        defer_taskrun: defer,
        completion_entries: share
            .next_power_of_two()
            .clamp(2 * RING_ENTRIES, COMPLETION_ENTRIES),
    };
    let mut dropped = Vec::new();
    loop {
        // All at once, because one has room where many have none.
        let rings = (0..workers).map(|_| flags.builder().build(RING_ENTRIES));
        let error = match rings.collect::<io::Result<Vec<_>>>() {
            Ok(_rings) => return Ok((flags, dropped)),
            Err(error) => error,
        };
        if error.kind() != io::ErrorKind::InvalidInput {
            return Err(error);
        }
        // Newest first: DEFER_TASKRUN is of 6.1, SINGLE_ISSUER of 6.0, COOP_TASKRUN of 5.19.
        if std::mem::take(&mut flags.defer_taskrun) {
            flags.coop_taskrun = true;
            dropped.push("DEFER_TASKRUN");
        } else if std::mem::take(&mut flags.single_issuer) {
            dropped.push("SINGLE_ISSUER");
        } else if std::mem::take(&mut flags.coop_taskrun) {
            dropped.push("COOP_TASKRUN");
        } else {
            return Err(error);
        }
    }
}

/// What the kernel's refusal means and what helps against it.
fn explain(error: &io::Error) -> String {
    let errno = rustix::io::Errno::from_io_error(error);
    let advice = match errno {
        Some(rustix::io::Errno::NOMEM) => {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
            let limit = limit.map_or_else(
                || "unlimited".to_owned(),
                |bytes| format!("{} KiB", bytes / 1024),
            );
            return format!(
                "io_uring_setup with {RING_ENTRIES} entries: {error}: the memlock limit of this \
                 user ({limit}) has no room for a ring; raise it (LimitMEMLOCK= in systemd, \
                 `ulimit -l`) or grant CAP_IPC_LOCK"
            );
        }
        Some(rustix::io::Errno::PERM | rustix::io::Errno::ACCESS) => {
            "it is forbidden by seccomp (containers do that by default: allow io_uring_setup, \
             io_uring_enter and io_uring_register) or by the sysctl kernel.io_uring_disabled"
        }
        Some(rustix::io::Errno::NOSYS) => "this kernel, or the seccomp profile, has no io_uring",
        _ => "the kernel refused the ring",
    };
    format!("io_uring_setup: {error}: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let text = |errno: rustix::io::Errno| explain(&io::Error::from(errno));
        assert!(text(rustix::io::Errno::PERM).contains("kernel.io_uring_disabled"));
        assert!(text(rustix::io::Errno::NOMEM).contains("LimitMEMLOCK="));
        assert!(text(rustix::io::Errno::NOSYS).contains("no io_uring"));
    }

    #[test]
    fn epoll_is_taken_without_trying_the_ring() {
        let driver = Driver::choose(Io::Epoll, false, 2).unwrap();
        assert_eq!(driver.to_string(), "epoll");
        assert_eq!(driver.block_on(async { 7 }).unwrap(), 7);
    }
}
