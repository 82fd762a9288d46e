//! One request as the caller means it, in no protocol's form, and what the caller wants to see of
//! the reply. Entered by the loops, which choose the next one, and by the connections, which send it.

use std::cell::OnceCell;
use std::rc::Rc;

use bytes::Bytes;

use crate::wire::websocket::Opcode;

/// A request that can be sent any number of times.
#[derive(Debug)]
pub(crate) struct Request {
    /// The method, a token (RFC 9110 §9.1).
    pub(crate) method: String,
    /// Host and port as the Host field or `:authority` says them (RFC 9110 §7.2).
    pub(crate) authority: Rc<str>,
    /// The request-target in origin-form (RFC 9112 §3.2.1), or `*`.
    pub(crate) target: String,
    /// All other fields, in order, none of which is about framing or the connection.
    pub(crate) fields: Vec<(String, String)>,
    /// The content; that of a call is a message in its frame.
    pub(crate) body: Bytes,
    /// Whether it is a call of gRPC, whose reply has a status of its own.
    pub(crate) is_grpc: bool,
    /// What of the reply is kept for the caller.
    pub(crate) keep: Keep,
    /// Whether it is the same each time.
    pub(crate) nature: Nature,
}

/// How much of a reply is kept until the next request; status and sizes are told in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Keep {
    /// Nothing more.
    #[default]
    Status,
    /// Its fields.
    Fields,
    /// Its fields and its body.
    Body,
}

/// Whether a request is encoded once or each time.
#[derive(Debug)]
pub(crate) enum Nature {
    /// Nothing in it varies: a connection keeps here what goes over the wire, for itself and for all
    /// others of its worker.
    Fixed(OnceCell<Encoded>),
    /// Variables stand in it: what was encoded for one use means nothing for the next.
    Varying,
}

/// A request as a protocol wants it; a run speaks one.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// The bytes of HTTP/1.1, content and all.
    Http1(Rc<Vec<u8>>),
    /// The head of HTTP/2.
    Http2(Box<http::Request<()>>),
    /// What kind of message the content makes; the frame is another one each time, by its mask.
    WebSocket(Opcode),
}

impl Request {
    /// Whether its content, which may be empty, has a length (RFC 9110 §8.6).
    pub(crate) fn has_content(&self) -> bool {
        !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
    }

    /// Whether the reply comes without a body, whatever its head says (RFC 9110 §9.3.2).
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}
