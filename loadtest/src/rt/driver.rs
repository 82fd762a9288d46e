//! Chooses between io_uring and epoll and runs a worker on the choice. Entered once by each command
//! to choose, and once by each worker's thread to run.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::cli::{Error, Io, WorkerArgs};

/// Entries of a worker's submission queue: one loop turn of a few hundred busy connections.
const RING_ENTRIES: u32 = 1024;
/// Entries of the completion queue. The kernel's default of twice the submissions overflows when
/// thousands of connections become ready in one turn.
const COMPLETION_ENTRIES: u32 = 8 * RING_ENTRIES;

/// How a worker asks the kernel for I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// io_uring that interrupts nobody: completions wait until the one thread that submits asks.
    Uring,
    /// io_uring without these flags, on a kernel before 6.0.
    PlainUring,
    /// epoll.
    Epoll,
}

impl Driver {
    /// Tries what `wanted` allows, best first, by making a ring and closing it again.
    ///
    /// # Errors
    /// `Run` with the kernel's reason when io_uring was asked for and is refused.
    pub(crate) fn choose(wanted: Io) -> Result<Self, Error> {
        if wanted == Io::Epoll {
            return Ok(Self::Epoll);
        }
        let refusal = match Self::Uring.try_ring() {
            Ok(()) => return Ok(Self::Uring),
            // Flags that a kernel does not know are EINVAL; all else would not get better.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                match Self::PlainUring.try_ring() {
                    Ok(()) => return Ok(Self::PlainUring),
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        match wanted {
            Io::Uring => Err(Error::Run(format!(
                "the kernel refuses io_uring ({refusal}); use --io epoll"
            ))),
            Io::Auto | Io::Epoll => Ok(Self::Epoll),
        }
    }

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uring => "io_uring",
            Self::PlainUring => "io_uring without flags",
            Self::Epoll => "epoll",
        }
    }

    /// Runs `work` on the calling thread until it is done.
    ///
    /// # Errors
    /// When the kernel refuses the ring or the epoll instance now, `choose` or not.
    pub(crate) fn block_on<T>(self, work: impl Future<Output = T>) -> io::Result<T> {
        match self {
            Self::Uring | Self::PlainUring => {
                let mut runtime = RuntimeBuilder::<IoUringDriver>::new()
                    .with_entries(RING_ENTRIES)
                    .uring_builder(self.ring())
                    .enable_timer()
                    .build()?;
                Ok(runtime.block_on(work))
            }
            Self::Epoll => {
                let mut runtime = RuntimeBuilder::<LegacyDriver>::new()
                    .enable_timer()
                    .build()?;
                Ok(runtime.block_on(work))
            }
        }
    }

    fn try_ring(self) -> io::Result<()> {
        self.ring().build(RING_ENTRIES).map(drop)
    }

    fn ring(self) -> io_uring::Builder {
        let mut ring = io_uring::IoUring::builder();
        ring.setup_cqsize(COMPLETION_ENTRIES);
        if self == Self::Uring {
            ring.setup_single_issuer().setup_coop_taskrun();
        }
        ring
    }
}

/// Runs `work` in one thread for each CPU asked for, or in one unpinned thread, and returns what
/// they return. `work` is told its number, from 0. The first error is returned at once, while other
/// workers may still be running: the process is about to end.
///
/// # Errors
/// `Usage` for a CPU that this process may not use; else what the first failing worker returned.
pub(crate) fn on_each_worker<T: Send + 'static>(
    args: &WorkerArgs,
    work: impl Fn(usize) -> Result<T, Error> + Send + Sync + 'static,
) -> Result<Vec<T>, Error> {
    let cpus: Vec<Option<usize>> = match args.cpu.as_slice() {
        [] => vec![None],
        cpus => cpus.iter().copied().map(Some).collect(),
    };
    let work = Arc::new(work);
    let (sender, results) = mpsc::channel();
    for (number, cpu) in cpus.into_iter().enumerate() {
        let (work, sender) = (Arc::clone(&work), sender.clone());
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                let run = || pin(cpu).and_then(|()| work(number));
                let result = catch_unwind(AssertUnwindSafe(run))
                    .unwrap_or_else(|_| Err(Error::Run(format!("worker {number} panicked"))));
                // Nobody listens any more after another worker's error.
                drop(sender.send(result));
            })
            .map_err(|error| Error::Run(format!("cannot start worker {number}: {error}")))?;
    }
    drop(sender);
    results.into_iter().collect()
}

/// Keeps the calling thread on one CPU, if one is given.
///
/// # Errors
/// `Usage` for a CPU that this process may not use.
pub(crate) fn pin(cpu: Option<usize>) -> Result<(), Error> {
    match cpu {
        Some(id) if !core_affinity::set_for_current(core_affinity::CoreId { id }) => Err(
            Error::Usage(format!("--cpu {id}: this process may not use that CPU")),
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(cpu: &[usize]) -> WorkerArgs {
        WorkerArgs {
            cpu: cpu.to_vec(),
            io: Io::Auto,
        }
    }

    #[test]
    fn every_driver_that_can_be_chosen_runs() {
        for wanted in [Io::Auto, Io::Epoll] {
            let driver = Driver::choose(wanted).unwrap();
            let answer = driver.block_on(async { monoio::spawn(async { 42 }).await });
            assert_eq!(answer.unwrap(), 42, "{driver:?}");
        }
    }

    #[test]
    fn each_worker_has_its_number() {
        assert_eq!(on_each_worker(&workers(&[]), Ok).unwrap(), [0]);
        let mut numbers = on_each_worker(&workers(&[0, 0, 0]), Ok).unwrap();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2]);
    }

    #[test]
    fn the_first_error_does_not_wait_for_the_other_workers() {
        let forever = Arc::new(std::sync::Barrier::new(2));
        let waiting = Arc::clone(&forever);
        let result = on_each_worker(&workers(&[0, 0]), move |number| {
            if number == 1 {
                panic!("expected by this test");
            }
            waiting.wait();
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "worker 1 panicked");
        forever.wait();
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_named() {
        let error = on_each_worker(&workers(&[1000]), |_| Ok(())).unwrap_err();
        assert!(
            matches!(&error, Error::Usage(text) if text.contains("--cpu 1000")),
            "{error}"
        );
    }
}
