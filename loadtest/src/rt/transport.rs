//! What HTTP/1.1 and WebSocket need of a stream: one side at a time sends. Entered by both ends; a bare
//! socket, one under watch and one with TLS are all alike to them.

use std::io;
use std::ops::Deref;

use monoio::buf::IoBuf;
use monoio::io::{AsyncWriteRent, AsyncWriteRentExt};
use monoio::net::TcpStream;

use super::Input;

/// A buffer that the kernel may read and that TLS may read as well.
pub(crate) trait Outgoing: IoBuf + Deref<Target: AsRef<[u8]>> + 'static {}

impl<T: IoBuf + Deref<Target: AsRef<[u8]>> + 'static> Outgoing for T {}

/// A connected stream of bytes.
pub(crate) trait Transport {
    /// Waits for more `input` and says how many bytes came; 0 is the end of the stream.
    ///
    /// # Errors
    /// The socket's own, or those of what lies between it and the plaintext.
    async fn receive(&mut self, input: &mut Input) -> io::Result<usize>;

    /// Sends all of `bytes` and gives the buffer back.
    ///
    /// # Errors
    /// As above.
    async fn send<T: Outgoing>(&mut self, bytes: T) -> (io::Result<()>, T);

    /// Says that no more will be sent; receiving goes on.
    ///
    /// # Errors
    /// As above.
    async fn finish(&mut self) -> io::Result<()>;
}

impl Transport for TcpStream {
    async fn receive(&mut self, input: &mut Input) -> io::Result<usize> {
        input.fill(self).await
    }

    async fn send<T: Outgoing>(&mut self, bytes: T) -> (io::Result<()>, T) {
        let (sent, bytes) = self.write_all(bytes).await;
        (sent.map(drop), bytes)
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.shutdown().await
    }
}
