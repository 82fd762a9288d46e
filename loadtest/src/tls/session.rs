//! One TLS session without I/O: ciphertext in and out on one side, plaintext on the other. Entered by
//! whatever moves the bytes; it never waits.

use std::fmt;
use std::io::{self, BufRead, Write};

use rustls::{Connection, HandshakeKind};

/// A client's or server's end of a session.
pub(crate) struct Session(Connection);

impl Session {
    /// A session whose handshake has not begun.
    pub(crate) fn new(connection: impl Into<Connection>) -> Self {
        Self(connection.into())
    }

    /// Whether application data cannot flow yet.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Whether the handshake took up an earlier session.
    pub(crate) fn is_resumed(&self) -> bool {
        self.0.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The protocol that both ends agreed on (RFC 7301).
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.0.alpn_protocol()
    }

    /// Takes ciphertext from the front of `bytes` until there is plaintext to read; says how many
    /// bytes that was. What it wants to answer, alerts too, is fetched by `take_output`.
    ///
    /// # Errors
    /// What the peer did wrong, or why its certificate is not believed.
    pub(crate) fn decrypt(&mut self, bytes: &[u8]) -> Result<usize, rustls::Error> {
        let mut rest = bytes;
        while !rest.is_empty() && self.plaintext().is_empty() {
            // rustls takes nothing more after the peer's end, and while it is full, which it is not.
            if !matches!(self.0.read_tls(&mut rest), Ok(1..)) {
                break;
            }
            self.0.process_new_packets()?;
        }
        Ok(bytes.len() - rest.len())
    }

    /// What has been decrypted and not read; empty when more ciphertext is needed or none will come.
    pub(crate) fn plaintext(&mut self) -> &[u8] {
        // "Nothing yet" and "no more" are told apart by `is_closed`.
        self.0.reader().into_first_chunk().unwrap_or_default()
    }

    /// Marks the first `count` bytes of the plaintext as read.
    pub(crate) fn consume(&mut self, count: usize) {
        self.0.reader().consume(count);
    }

    /// Whether the peer has said that no more will come and all of it was read.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.0.reader().into_first_chunk(), Ok([]))
    }

    /// Encrypts all of `bytes` behind what `out` holds.
    pub(crate) fn encrypt(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.0.writer().write(rest).unwrap_or_default();
            rest = &rest[taken..];
            self.take_output(out);
        }
    }

    /// Says that no more will be sent.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        self.0.send_close_notify();
        self.take_output(out);
    }

    /// Appends what the session itself has to say.
    pub(crate) fn take_output(&mut self, out: &mut Vec<u8>) {
        while self.0.wants_write() {
            self.0
                .write_tls(out)
                .expect("writing to memory does not fail");
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Session").finish_non_exhaustive()
    }
}

/// The error of a session as one of a stream; `reason` finds it there again.
pub(crate) fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What TLS said, if that is what a stream's error is about.
pub(crate) fn reason(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::client::tests::believing;
    use crate::tls::server::{Identity, ServerTls};

    /// Two ends, and what is on its way from each to the other.
    struct Pair {
        client: (Session, Vec<u8>),
        server: (Session, Vec<u8>),
    }

    fn pair() -> Pair {
        let identity = Identity::self_signed("127.0.0.1".parse().unwrap()).unwrap();
        let server = ServerTls::new(identity).unwrap().session().unwrap();
        Pair {
            client: (believing("localhost").session().unwrap(), Vec::new()),
            server: (server, Vec::new()),
        }
    }

    /// Carries everything from one end to the other in pieces of this size; returns the plaintext.
    fn carry(from: &mut (Session, Vec<u8>), to: &mut Session, piece: usize) -> Vec<u8> {
        let mut plaintext = Vec::new();
        from.0.take_output(&mut from.1);
        for bytes in std::mem::take(&mut from.1).chunks(piece) {
            let mut rest = bytes;
            while !rest.is_empty() {
                let used = to.decrypt(rest).unwrap();
                rest = &rest[used..];
                let count = to.plaintext().len();
                assert!(used > 0 || count > 0, "no way forward");
                plaintext.extend_from_slice(to.plaintext());
                to.consume(count);
            }
        }
        // A piece may hold several records; the last of them are still inside.
        while !to.plaintext().is_empty() {
            let count = to.plaintext().len();
            plaintext.extend_from_slice(to.plaintext());
            to.consume(count);
        }
        plaintext
    }

    #[test]
    fn bytes_arrive_whole_wherever_the_ciphertext_is_cut() {
        let text: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for piece in [1, 7, 1000, 1 << 20] {
            let Pair {
                mut client,
                mut server,
            } = pair();
            while client.0.is_handshaking() || server.0.is_handshaking() {
                assert_eq!(carry(&mut client, &mut server.0, piece), b"");
                assert_eq!(carry(&mut server, &mut client.0, piece), b"");
            }
            client.0.encrypt(&text, &mut client.1);
            assert_eq!(carry(&mut client, &mut server.0, piece), text, "{piece}");
            server.0.encrypt(&text, &mut server.1);
            assert!(!client.0.is_closed());
            server.0.close(&mut server.1);
            assert_eq!(carry(&mut server, &mut client.0, piece), text, "{piece}");
            assert!(client.0.is_closed());
        }
    }

    #[test]
    fn what_is_no_tls_is_an_error_that_is_found_again() {
        let error = pair()
            .client
            .0
            .decrypt(b"HTTP/1.1 400 Bad\r\n")
            .unwrap_err();
        let error = broken(error);
        assert!(matches!(
            reason(&error),
            Some(rustls::Error::InvalidMessage(_))
        ));
        assert!(reason(&io::ErrorKind::InvalidData.into()).is_none());
    }
}
