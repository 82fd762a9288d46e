//! One end of a connection: bytes out, bytes in, and how it ends. Every wait has a deadline.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use socket2::{Domain, SockAddr, Socket, Type};

use super::PATIENCE;
use super::message::Message;

/// How long a receiver takes nothing before it counts as full.
const STUFFED: Duration = Duration::from_millis(200);

/// One end of a connection.
pub(crate) struct Wire {
    socket: Socket,
    /// What has been read and not been looked at.
    unread: BytesMut,
}

impl Wire {
    /// Connects to `address:port` or `unix:/path`.
    pub(crate) fn connect(address: &str) -> Self {
        let (domain, to) = match address.strip_prefix("unix:") {
            Some(path) => (Domain::UNIX, SockAddr::unix(path).unwrap()),
            None => {
                let address: SocketAddr = address.parse().unwrap();
                (Domain::for_address(address), address.into())
            }
        };
        let socket = Socket::new(domain, Type::STREAM, None).unwrap();
        socket.connect_timeout(&to, PATIENCE).unwrap();
        Self::of(socket)
    }

    /// A connected socket.
    pub(super) fn of(socket: Socket) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        // Every piece is a segment of its own; a Unix socket knows no such option.
        let _unix = socket.set_tcp_nodelay(true);
        Self {
            socket,
            unread: BytesMut::new(),
        }
    }

    /// Makes the kernel keep little that is not read, so that whoever sends soon has to wait.
    pub(crate) fn with_small_receive_buffer(self) -> Self {
        self.socket.set_recv_buffer_size(4096).unwrap();
        self
    }

    /// Sends everything.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.socket.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends as much as the other side lets us, and says how much that was.
    pub(crate) fn offer(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let bytes = bytes.as_ref();
        let mut sent = 0;
        while let Ok(count @ 1..) = retry(|| self.socket.write(&bytes[sent..])) {
            sent += count;
        }
        sent
    }

    /// Sends until the other side has taken nothing for a while, and says how much it took.
    pub(crate) fn stuff(&mut self) -> usize {
        let piece = [b'x'; 64 * 1024];
        self.socket.set_write_timeout(Some(STUFFED)).unwrap();
        let mut sent = 0;
        while let Ok(count @ 1..) = retry(|| self.socket.write(&piece)) {
            sent += count;
        }
        sent
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> &mut Self {
        self.socket.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// The same end twice, so that one thread can send while another reads.
    pub(crate) fn split(self) -> (Self, Self) {
        let other = Self::of(self.socket.try_clone().unwrap());
        (self, other)
    }

    /// Ends the connection now, for every thread that has an end of it.
    pub(crate) fn hang_up(&self) {
        let _ended_already = self.socket.shutdown(Shutdown::Both);
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        self.reset_on_drop();
    }

    /// Makes the end of the connection, when it comes, a reset.
    pub(crate) fn reset_on_drop(&self) {
        self.socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// The next request.
    pub(crate) fn request(&mut self) -> Message {
        let request = Message::read_request(self);
        request.unwrap_or_else(|| panic!("no request but {}", self.seen()))
    }

    /// The next request; `None` when the connection has ended before the end of one.
    pub(crate) fn next_request(&mut self) -> Option<Message> {
        Message::read_request(self)
    }

    /// The head of the next request, with its body still to be read.
    pub(crate) fn request_head(&mut self) -> Message {
        self.next_head().expect("a request head")
    }

    /// The next reply with its body, interim ones included.
    pub(crate) fn reply(&mut self) -> Message {
        let reply = Message::read_reply(self, false);
        reply.unwrap_or_else(|| panic!("no reply but {}", self.seen()))
    }

    /// The next reply, to a HEAD request.
    pub(crate) fn reply_to_head(&mut self) -> Message {
        self.next_reply(true).expect("a reply")
    }

    /// The next reply; `None` when the connection has ended before the end of one.
    pub(crate) fn next_reply(&mut self, to_head: bool) -> Option<Message> {
        Message::read_reply(self, to_head)
    }

    /// The head of the next reply, with its body still to be read.
    pub(crate) fn reply_head(&mut self) -> Message {
        self.next_head().expect("a reply head")
    }

    /// The next head; `None` when the connection has ended before the end of one.
    pub(crate) fn next_head(&mut self) -> Option<Message> {
        Message::read_head(self)
    }

    /// Reads as many bytes as are expected and compares.
    pub(crate) fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let found = self.take(expected.len());
        assert_eq!(
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(expected)
        );
        self
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.next_bytes(count);
        taken.unwrap_or_else(|| panic!("{count} bytes were expected: {}", self.seen()))
    }

    /// The next `count` bytes; `None` when the connection has ended before.
    pub(crate) fn next_bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            self.fill_more()?;
        }
        Some(self.unread.split_to(count).into())
    }

    /// Everything up to and with `end`; `None` when the connection has ended before.
    pub(super) fn next_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        let mut from = 0;
        loop {
            let mut windows = self.unread[from..].windows(end.len());
            if let Some(at) = windows.position(|window| window == end) {
                return self.next_bytes(from + at + end.len());
            }
            from = self.unread.len().saturating_sub(end.len() - 1);
            self.fill_more()?;
        }
    }

    /// Everything up to the orderly end of the connection; `None` when it is a reset.
    pub(super) fn next_rest(&mut self) -> Option<Vec<u8>> {
        let (rest, orderly) = self.rest_or_reset();
        orderly.then_some(rest)
    }

    /// Everything up to the orderly end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill().unwrap() > 0 {}
        std::mem::take(&mut self.unread).into()
    }

    /// Everything up to the end of the connection, orderly or not, and whether it was.
    pub(crate) fn rest_or_reset(&mut self) -> (Vec<u8>, bool) {
        let orderly = loop {
            match self.fill() {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) if is_end(&error) => break false,
                Err(error) => panic!("{error} after {}", self.seen()),
            }
        };
        (std::mem::take(&mut self.unread).into(), orderly)
    }

    /// The other side has ended the connection in order and sent nothing before.
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(String::from_utf8_lossy(&self.rest()), "");
    }

    /// The other side has reset the connection and sent nothing before.
    pub(crate) fn expect_reset(&mut self) {
        let (rest, orderly) = self.rest_or_reset();
        assert_eq!(String::from_utf8_lossy(&rest), "");
        assert!(!orderly, "a FIN where a reset was expected");
    }

    /// Whether nothing has come so far.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let come = self.fill();
        self.socket.set_nonblocking(false).unwrap();
        self.unread.is_empty() && come.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads once and throws away what came; how much that was, 0 at the end.
    pub(crate) fn drop_some(&mut self, most: usize) -> usize {
        let mut bytes = vec![0; most];
        let buffered = self.unread.len().min(most);
        self.unread.advance(buffered);
        match buffered {
            0 => retry(|| self.socket.read(&mut bytes)).unwrap(),
            _ => buffered,
        }
    }

    /// Reads so many bytes and throws them away.
    pub(crate) fn skip(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            left -= match self.drop_some(left.min(1 << 20)) {
                0 => panic!("ended {left} bytes early"),
                read => read,
            };
        }
    }

    /// Reads once; `None` when there is no more to come.
    fn fill_more(&mut self) -> Option<()> {
        match self.fill() {
            Ok(0) => None,
            Ok(_) => Some(()),
            Err(error) if is_end(&error) => None,
            Err(error) => panic!("{error} after {}", self.seen()),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 64 * 1024];
        let count = retry(|| self.socket.read(&mut bytes))?;
        self.unread.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn seen(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.unread))
    }
}

/// Calls again what a signal has interrupted: with a timeout set, the kernel does not do that
/// itself.
pub(super) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
