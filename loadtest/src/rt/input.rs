//! Bytes received on a connection and not read yet. Entered by both ends between two reads from a
//! socket; it does not know what the bytes mean.

use std::io;

use monoio::buf::IoBufMut;
use monoio::io::AsyncReadRent;

/// Capacity of a connection's buffer, and so the bound on a head.
const CAPACITY: usize = 64 * 1024;

/// A buffer that is filled at its end and read from its front.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    start: usize,
    received: u64,
}

impl Input {
    /// An empty buffer of the fixed capacity.
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(CAPACITY),
            start: 0,
            received: 0,
        }
    }

    /// What has come and not been read.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Marks the first `count` unread bytes as read.
    pub(crate) fn advance(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.bytes.len(), "read past the input's end");
    }

    /// Forgets what has come on a connection that is no more.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// Whether all the room is taken by unread bytes, so that `fill` could add none.
    pub(crate) fn is_full(&self) -> bool {
        self.unread().len() >= CAPACITY
    }

    /// All bytes ever received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Adds what fits of `bytes`, which came by another way than a socket; says how many that were.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> usize {
        if self.bytes.len() + bytes.len() > CAPACITY {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let count = bytes.len().min(CAPACITY - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..count]);
        self.received += count as u64;
        count
    }

    /// Waits for more bytes behind the unread ones and says how many came; 0 is the end of the
    /// stream. The caller makes sure that there `is_full` is false.
    ///
    /// # Errors
    /// The socket's own.
    pub(crate) async fn fill(&mut self, stream: &mut impl AsyncReadRent) -> io::Result<usize> {
        debug_assert!(
            !self.is_full(),
            "no room: a read of 0 bytes would look like the end"
        );
        // Small rests move to the front; usually there is none and this only resets the length.
        self.bytes.drain(..self.start);
        self.start = 0;
        let bytes = std::mem::take(&mut self.bytes);
        let (from, to) = (bytes.len(), bytes.capacity());
        let (result, slice) = stream.read(bytes.slice_mut(from..to)).await;
        self.bytes = slice.into_inner();
        let count = result?;
        self.received += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Io;
    use crate::rt::Driver;
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};

    /// Two ends of a loopback connection: blocking, and monoio's (inside a runtime only).
    fn pair() -> (std::net::TcpStream, monoio::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let far = listener.accept().unwrap().0;
        far.set_nonblocking(true).unwrap();
        (near, monoio::net::TcpStream::from_std(far).unwrap())
    }

    #[test]
    fn unread_bytes_stay_in_front_of_new_ones() {
        for io in [Io::Auto, Io::Epoll] {
            let driver = Driver::choose(io).unwrap();
            let work = async {
                let (mut near, mut far) = pair();
                let mut input = Input::new();
                near.write_all(b"abc").unwrap();
                assert_eq!(input.fill(&mut far).await.unwrap(), 3);
                input.advance(2);
                near.write_all(b"de").unwrap();
                assert_eq!(input.fill(&mut far).await.unwrap(), 2);
                assert_eq!(input.unread(), b"cde");
                near.shutdown(Shutdown::Write).unwrap();
                assert_eq!(input.fill(&mut far).await.unwrap(), 0);
                assert_eq!((input.unread(), input.received()), (&b"cde"[..], 5));
            };
            driver.block_on(work).unwrap();
        }
    }

    #[test]
    fn appended_bytes_move_up_when_the_room_ends() {
        let mut input = Input::new();
        assert_eq!(input.append(&[b'a'; CAPACITY - 2]), CAPACITY - 2);
        assert_eq!(input.append(b"bcd"), 2);
        assert!(input.is_full() && input.append(b"d") == 0);
        input.advance(CAPACITY - 1);
        assert_eq!(input.append(b"d"), 1);
        assert_eq!((input.unread(), input.received()), (&b"cd"[..], 65_537));
    }

    #[test]
    fn a_full_buffer_says_so() {
        let driver = Driver::choose(Io::Auto).unwrap();
        let work = async {
            let (mut near, mut far) = pair();
            let mut input = Input::new();
            near.write_all(&vec![b'x'; CAPACITY]).unwrap();
            while !input.is_full() {
                assert_ne!(input.fill(&mut far).await.unwrap(), 0);
            }
            input.advance(1);
            assert!(!input.is_full());
        };
        driver.block_on(work).unwrap();
    }
}
