//! A TLS session over a stream that moves bytes by request and reply: one side at a time sends.
//! Entered with a connected stream; HTTP/1.1 and WebSocket read and write through it as through a plain
//! one. HTTP/2, which reads and writes at once, takes the session with it into a `PollStream`.

use std::io;

use super::Session;
use super::session::broken;
use crate::rt::{Input, Outgoing, PollStream, Pollable, Transport};

/// A stream whose bytes are encrypted on their way.
#[derive(Debug)]
pub(crate) struct TlsStream<S> {
    inner: S,
    session: Session,
    /// Ciphertext that has come and not been decrypted.
    arrived: Input,
    /// Ciphertext on its way out; kept between messages for its memory.
    leaving: Vec<u8>,
}

/// A stream with TLS or without.
#[derive(Debug)]
pub(crate) enum Secured<S> {
    Plain(S),
    Tls(Box<TlsStream<S>>),
}

impl<S> Secured<S> {
    /// The stream below TLS, or the plain one.
    pub(crate) fn into_socket(self) -> S {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.inner,
        }
    }
}

impl<S: Pollable> Secured<S> {
    /// The same stream to be read and written at once.
    ///
    /// # Errors
    /// As those of `PollStream::new`.
    pub(crate) fn into_poll(self) -> io::Result<PollStream<S::Guard>> {
        match self {
            Self::Plain(stream) => stream.into_poll(None, &[]),
            Self::Tls(stream) => {
                let TlsStream {
                    inner,
                    session,
                    arrived,
                    ..
                } = *stream;
                inner.into_poll(Some(session), arrived.unread())
            }
        }
    }
}

impl<S: Transport> TlsStream<S> {
    /// Carries out the handshake.
    ///
    /// # Errors
    /// The socket's own, or what `session::reason` finds; the peer is told why.
    pub(crate) async fn handshake(inner: S, session: Session) -> io::Result<Self> {
        let mut stream = Self {
            inner,
            session,
            arrived: Input::new(),
            leaving: Vec::new(),
        };
        loop {
            stream.answer().await?;
            if !stream.session.is_handshaking() {
                return Ok(stream);
            }
            stream.fetch().await?;
        }
    }

    /// The session, for what its handshake came to.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Reads from the socket and decrypts.
    async fn fetch(&mut self) -> io::Result<()> {
        if self.inner.receive(&mut self.arrived).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.decrypt().await.map(drop)
    }

    /// Decrypts what has come, up to some plaintext; says whether that took any bytes.
    async fn decrypt(&mut self) -> io::Result<bool> {
        match self.session.decrypt(self.arrived.unread()) {
            Ok(used) => {
                self.arrived.advance(used);
                Ok(used > 0)
            }
            Err(error) => {
                // The alert may help the peer; the error is what helps our user.
                drop(self.answer().await);
                Err(broken(error))
            }
        }
    }

    /// Sends what the session has to say by itself.
    async fn answer(&mut self) -> io::Result<()> {
        self.session.take_output(&mut self.leaving);
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.leaving.is_empty() {
            return Ok(());
        }
        let (sent, mut buffer) = self.inner.send(std::mem::take(&mut self.leaving)).await;
        buffer.clear();
        self.leaving = buffer;
        sent
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    /// A connection that ends without TLS's own end is an error of the kind `UnexpectedEof`.
    async fn receive(&mut self, input: &mut Input) -> io::Result<usize> {
        loop {
            let count = input.append(self.session.plaintext());
            if count > 0 {
                self.session.consume(count);
                return Ok(count);
            }
            if self.session.is_closed() {
                return Ok(0);
            }
            if !self.decrypt().await? {
                self.answer().await?;
                self.fetch().await?;
            }
        }
    }

    async fn send<T: Outgoing>(&mut self, bytes: T) -> (io::Result<()>, T) {
        self.session.encrypt((*bytes).as_ref(), &mut self.leaving);
        (self.flush().await, bytes)
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.session.close(&mut self.leaving);
        self.flush().await?;
        self.inner.finish().await
    }
}

impl<S: Transport> Transport for Secured<S> {
    async fn receive(&mut self, input: &mut Input) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.receive(input).await,
            Self::Tls(stream) => stream.receive(input).await,
        }
    }

    async fn send<T: Outgoing>(&mut self, bytes: T) -> (io::Result<()>, T) {
        match self {
            Self::Plain(stream) => stream.send(bytes).await,
            Self::Tls(stream) => stream.send(bytes).await,
        }
    }

    async fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.finish().await,
            Self::Tls(stream) => stream.finish().await,
        }
    }
}
