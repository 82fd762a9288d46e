//! Pipes through which a large body goes from socket to socket without coming into this program's
//! memory (splice(2)).
//!
//! A body borrows one while it has bytes in it. A pipe with bytes that nobody took is never used again:
//! they would become part of another body.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// What a pipe is to hold, if the kernel lets it.
pub(crate) const CAPACITY: usize = 256 * 1024;
/// Pipes of a worker, and how many are kept while nobody needs them.
const MOST: usize = 64;
const KEPT: usize = 8;

/// The pipes of a worker.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    idle: RefCell<Vec<Ends>>,
    /// How many there are.
    open: Cell<usize>,
    /// The kernel does not move bytes in this way.
    is_unusable: Cell<bool>,
}

#[derive(Debug)]
struct Ends {
    output: OwnedFd,
    input: OwnedFd,
}

/// A pipe that is on loan.
#[derive(Debug)]
pub(crate) struct Pipe<'a> {
    pipes: &'a Pipes,
    /// Nothing only while it is dropped.
    ends: Option<Ends>,
    /// Bytes in it.
    held: usize,
}

impl Pipes {
    /// An empty pipe; `None` when there are enough, or none can be had: bytes can be copied instead.
    pub(crate) fn take(&self) -> Option<Pipe<'_>> {
        let ends = match self.idle.borrow_mut().pop() {
            Some(ends) => ends,
            None => self.make()?,
        };
        Some(Pipe {
            pipes: self,
            ends: Some(ends),
            held: 0,
        })
    }

    fn make(&self) -> Option<Ends> {
        if self.open.get() >= MOST || self.is_unusable.get() {
            return None;
        }
        let (output, input) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // A user may have so much memory in pipes, and a smaller one does, too.
        let _smaller = fcntl_setpipe_size(&input, CAPACITY);
        self.open.set(self.open.get() + 1);
        Some(Ends { output, input })
    }
}

impl Pipe<'_> {
    /// How many bytes are in it.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Moves up to `most` bytes from a socket into it; 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; `Unsupported` when the kernel does not do this, which leaves
    /// the bytes where they are; what is wrong with the socket.
    pub(super) fn fill(&mut self, from: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let moved = splice(from, None, self.input(), None, most, flags);
        if moved == Err(Errno::INVAL) {
            self.pipes.is_unusable.set(true);
            return Err(io::ErrorKind::Unsupported.into());
        }
        let count = moved?;
        self.held += count;
        Ok(count)
    }

    /// Moves what a socket takes of its bytes there.
    ///
    /// # Errors
    /// `WouldBlock` when the socket takes nothing; what is wrong with it.
    pub(super) fn drain(&mut self, to: BorrowedFd<'_>) -> io::Result<usize> {
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        let count = splice(self.output(), None, to, None, self.held, flags)?;
        self.held -= count;
        Ok(count)
    }

    fn input(&self) -> BorrowedFd<'_> {
        self.ends().input.as_fd()
    }

    fn output(&self) -> BorrowedFd<'_> {
        self.ends().output.as_fd()
    }

    fn ends(&self) -> &Ends {
        self.ends.as_ref().expect("a pipe on loan has its ends")
    }
}

impl Drop for Pipe<'_> {
    fn drop(&mut self) {
        let mut idle = self.pipes.idle.borrow_mut();
        if self.held == 0 && idle.len() < KEPT && !self.pipes.is_unusable.get() {
            idle.extend(self.ends.take());
        } else {
            self.pipes.open.set(self.pipes.open.get() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn sockets() -> (UnixStream, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        (near, far)
    }

    #[test]
    fn bytes_go_through_and_the_pipe_is_used_again() {
        let pipes = Pipes::default();
        let ((from, mut origin), (to, mut client)) = (sockets(), sockets());
        for round in 0..3 {
            let mut pipe = pipes.take().unwrap();
            let nothing = pipe.fill(from.as_fd(), 10).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            origin.write_all(b"some bytes").unwrap();
            assert_eq!(pipe.fill(from.as_fd(), 4).unwrap(), 4);
            assert_eq!(pipe.fill(from.as_fd(), 100).unwrap(), 6);
            assert_eq!(pipe.held(), 10);
            assert_eq!(pipe.drain(to.as_fd()).unwrap(), 10);
            let mut read = [0; 10];
            client.read_exact(&mut read).unwrap();
            assert_eq!((&read, pipe.held()), (b"some bytes", 0), "{round}");
            drop(pipe);
            assert_eq!((pipes.open.get(), pipes.idle.borrow().len()), (1, 1));
        }
        drop(origin);
        assert_eq!(pipes.take().unwrap().fill(from.as_fd(), 10).unwrap(), 0);
    }

    #[test]
    fn a_pipe_with_bytes_of_somebody_is_not_given_to_another() {
        let pipes = Pipes::default();
        let (from, mut origin) = sockets();
        origin.write_all(b"secret").unwrap();
        let mut pipe = pipes.take().unwrap();
        assert_eq!(pipe.fill(from.as_fd(), 100).unwrap(), 6);
        drop(pipe);
        assert_eq!((pipes.open.get(), pipes.idle.borrow().len()), (0, 0));
    }

    #[test]
    fn there_are_so_many_pipes_and_no_more() {
        let pipes = Pipes::default();
        let mut taken: Vec<_> = std::iter::from_fn(|| pipes.take()).collect();
        assert_eq!(taken.len(), MOST);
        taken.clear();
        assert_eq!((pipes.open.get(), pipes.idle.borrow().len()), (KEPT, KEPT));
    }

    #[test]
    fn what_cannot_be_moved_so_is_not_tried_again() {
        let pipes = Pipes::default();
        let folder = std::fs::File::open("/").unwrap();
        let error = pipes.take().unwrap().fill(folder.as_fd(), 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(pipes.take().is_none());
        assert_eq!(pipes.open.get(), 0);
    }
}
