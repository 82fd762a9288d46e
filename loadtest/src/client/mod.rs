//! Connections to the target. Entered by the loops, which own slots and ask them for one exchange at
//! a time; a slot knows no schedule and keeps no numbers but what its dialer counts.
//!
//! A slot is one place where one request at a time is in flight: an HTTP/1.1 connection is one slot,
//! a connection of N streams is N that share it. `dialer` opens connections, for all slots of a worker,
//! and each protocol is a room of its own (`http1`, `http2`, whose replies `grpc` reads, `websocket`). `kept` is what a caller asked to see of a
//! reply.

mod dialer;
mod grpc;
mod http1;
mod http2;
mod kept;
mod trunk;
mod websocket;

use std::io;
use std::rc::Rc;
use std::time::Instant;

pub(crate) use dialer::{Dialer, Reuse};
pub(crate) use kept::Kept;

use crate::cli::{Error, ProtocolArgs};
use crate::request::Request;
use crate::rt::watch::{Cut, Entry};
use crate::target::{Scheme, Target};
use crate::tls::client::ClientTls;
use crate::tls::{self, ALPN_H2, ALPN_HTTP1};
use crate::wire::Malformed;
use crate::wire::grpc::Code;

/// How connections to the target are made.
#[derive(Clone, Debug)]
pub(crate) struct Approach {
    /// Where they lead.
    pub(crate) target: Target,
    /// What is spoken on them.
    pub(crate) protocol: Protocol,
    /// What keeps it secret, if anything does.
    pub(crate) tls: Option<ClientTls>,
    /// How many requests each is for.
    pub(crate) reuse: Reuse,
}

/// What is spoken with the target, by all connections of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2 {
        /// Requests that each connection may have in flight.
        streams: u32,
    },
    /// WebSocket (RFC 6455).
    WebSocket {
        /// Whether messages are binary even when they are text.
        is_binary: bool,
    },
}

impl Protocol {
    /// What the target's scheme, calls of gRPC and the options ask for.
    ///
    /// # Errors
    /// `Usage` for options that the protocol of this scheme does not have.
    pub(crate) fn choose(
        target: &Target,
        is_grpc: bool,
        args: &ProtocolArgs,
    ) -> Result<Self, Error> {
        let is_http2 = args.http2 || is_grpc;
        if args.streams.is_some() && !is_http2 {
            return Err(Error::Usage(format!(
                "{target}: --streams is for --http2 and gRPC"
            )));
        }
        let wrong = |what: &str| Err(Error::Usage(format!("{target}: {what}")));
        match target.scheme {
            Scheme::Ws | Scheme::Wss if is_http2 => {
                wrong("--http2 and gRPC are for http:// and https://")
            }
            Scheme::Ws | Scheme::Wss => Ok(Self::WebSocket {
                is_binary: args.binary,
            }),
            _ if args.binary => wrong("--binary is for ws:// and wss://"),
            Scheme::Http | Scheme::Https if is_http2 => Ok(Self::Http2 {
                streams: args.streams.unwrap_or(1),
            }),
            Scheme::Http | Scheme::Https => Ok(Self::Http1),
        }
    }

    /// What ALPN calls it (RFC 7301).
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 | Self::WebSocket { .. } => ALPN_HTTP1,
            Self::Http2 { .. } => ALPN_H2,
        }
    }

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 { .. } => "h2",
            Self::WebSocket { .. } => "websocket",
        }
    }

    /// How many requests each connection may have in flight.
    pub(crate) fn streams(self) -> u32 {
        match self {
            Self::Http1 | Self::WebSocket { .. } => 1,
            Self::Http2 { streams } => streams,
        }
    }
}

/// One place where one request at a time is in flight.
#[derive(Debug)]
pub(crate) enum Slot {
    /// An HTTP/1.1 connection.
    Http1(http1::Http1),
    /// A stream of an HTTP/2 connection.
    Http2(http2::Http2),
    /// A connection of WebSocket.
    WebSocket(Box<websocket::WebSocket>),
}

impl Slot {
    /// All slots of `connections` connections, none of which is open yet.
    pub(crate) fn all(dialer: &Rc<Dialer>, connections: u64) -> Vec<Self> {
        match dialer.protocol() {
            Protocol::Http1 => (0..connections)
                .map(|_| Self::Http1(http1::Http1::new(dialer)))
                .collect(),
            Protocol::Http2 { streams } => http2::Http2::all(dialer, connections, streams)
                .map(Self::Http2)
                .collect(),
            Protocol::WebSocket { is_binary } => (0..connections)
                .map(|_| websocket::WebSocket::new(dialer, is_binary))
                .map(|slot| Self::WebSocket(Box::new(slot)))
                .collect(),
        }
    }

    /// Sends a request that begins at `begun` and reads the whole reply; connects first if need be.
    pub(crate) async fn exchange(
        &mut self,
        request: &Request,
        begun: Instant,
    ) -> Result<Reply, Failure> {
        match self {
            Self::Http1(slot) => slot.exchange(request, begun).await,
            Self::Http2(slot) => slot.exchange(request, begun).await,
            Self::WebSocket(slot) => slot.exchange(request, begun).await,
        }
    }

    /// There will be no more requests: says goodbye where the protocol has a word for it.
    pub(crate) async fn close(&mut self) {
        if let Self::WebSocket(slot) = self {
            slot.close().await;
        }
    }

    /// What the last exchange's request asked to keep of its reply.
    pub(crate) fn kept(&self) -> &Kept {
        match self {
            Self::Http1(slot) => slot.kept(),
            Self::Http2(slot) => slot.kept(),
            Self::WebSocket(slot) => slot.kept(),
        }
    }
}

/// A complete reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The final status code.
    pub(crate) status: u16,
    /// Bytes received for this request, heads and framing included.
    pub(crate) bytes: u64,
    /// How a call of gRPC ended; `None` for other requests.
    pub(crate) grpc: Option<Code>,
}

/// Why there was no complete reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection.
    Connect(io::Error),
    /// No session, or one that broke: the certificate, or something else that TLS does not allow.
    Tls(String),
    /// The reply did not come in time.
    Timeout,
    /// The run ended first, which is nobody's fault.
    Stopped,
    /// The peer ended the connection before its reply.
    Closed,
    /// The peer reset the connection.
    Reset,
    /// The peer reset the stream, for this reason.
    StreamReset(String),
    /// The peer gave up the connection before it looked at the request, or because of an error.
    GoneAway(String),
    /// The server shook no hands and gave this status instead.
    Refused(u16),
    /// The peer closed the WebSocket, perhaps with this code.
    CloseFrame(Option<u16>),
    /// What came back is not what was sent.
    Echo(String),
    /// The reply was not HTTP/1.1, or its body was cut short.
    Malformed(Malformed),
    /// The peer broke the rules of another protocol.
    Protocol(String),
    /// Any other error of the socket.
    Io(io::Error),
}

/// What a stream's error means: our own cut looks like one, too.
fn blame(place: &Entry, error: io::Error) -> Failure {
    if let Some(cut) = place.was_cut() {
        return cut.into();
    }
    if let Some(reason) = tls::reason(&error) {
        return Failure::Tls(reason.to_string());
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failure::Reset,
        io::ErrorKind::UnexpectedEof => Failure::Closed,
        _ => Failure::Io(error),
    }
}

impl From<Cut> for Failure {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Timeout => Self::Timeout,
            Cut::Stop => Self::Stopped,
        }
    }
}
