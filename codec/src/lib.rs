//! HTTP/1 on the wire, sans-I/O: bytes in, events out.
//!
//! The engine's downstream and upstream rooms enter here with what they read from a socket and
//! leave with heads, body ranges and bytes to send. Nothing in this crate reads a clock, opens a
//! socket, awaits or logs, and nothing in it trusts a byte: every input is either understood in
//! exactly one way or refused with an error that says why.
//!
//! A message is taken apart in four steps, each its own module:
//!
//! 1. [`head`]: [`RequestHead::parse`] or [`ResponseHead::parse`], called again with more bytes
//!    while it says [`Parsed::Partial`]; a [`HeadScan`] remembers what was already looked at.
//! 2. [`target`]: [`parse_target`] tells the four forms apart, [`normalize_path`] makes the one
//!    form of a path.
//! 3. [`framing`]: where the body ends, whether the connection may live on, who is addressed. The
//!    only place that reads `Content-Length`, `Transfer-Encoding`, `Host`, `Connection`, `Expect`
//!    and `Upgrade`.
//! 4. [`body`]: a [`BodyDecoder`] points at the data inside the caller's buffer, run by run.
//!
//! [`encode`] goes the other way and writes framing anew: what a peer said about the length of its
//! message is never copied to the next hop.
//!
//! Every type is made to be kept: `clear` and `reset` leave the memory where it is, so that a
//! connection in its steady state allocates nothing.
//!
//! ```
//! use corelane_codec::{
//!     BodyDecoder, BodyLimits, HeadLimits, HeadScan, Name, Parsed, RequestHead, framing,
//!     parse_target, request_body_length,
//! };
//!
//! let input = b"POST /orders?x=1 HTTP/1.1\r\nHost: shop:8080\r\nTransfer-Encoding: chunked\r\n\r\n\
//!     5\r\nhello\r\n0\r\n\r\n";
//! let (mut head, mut scan) = (RequestHead::new(), HeadScan::default());
//! let Parsed::Complete { consumed } = head.parse(input, &mut scan, &HeadLimits::default())? else {
//!     unreachable!("all of it is there");
//! };
//! let target = parse_target(head.method(), head.target())?;
//! assert_eq!(target.path(), Some(b"/orders".as_slice()));
//! assert_eq!(framing::host(&head, &target)?.unwrap().port, Some(8080));
//! assert_eq!(head.fields.get(Name::Host), Some(b"shop:8080".as_slice()));
//!
//! let mut body = BodyDecoder::new(request_body_length(&head)?, BodyLimits::default());
//! let decoded = body.decode(&input[consumed..])?;
//! assert_eq!(&input[consumed..][decoded.data], b"hello");
//! assert!(decoded.end);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is stricter than RFC 9112 asks
//!
//! Wherever the RFC lets a recipient repair a message, this crate refuses it, because the next
//! recipient may repair it differently: bare LF as a line end, folded field lines, whitespace
//! around chunk sizes and extensions, more than one `Content-Length` even when they agree,
//! `Transfer-Encoding` that is anything but one `chunked`, bytes in a target that RFC 3986 does not
//! allow on the wire at all (controls, space, DEL and everything from 0x80 up).

#![forbid(unsafe_code)]

pub mod body;
pub mod encode;
pub mod fields;
pub mod framing;
pub mod head;
pub mod names;
pub mod target;
pub mod trace_context;

mod chunked;
mod error;
mod grammar;
mod scan;

pub use body::{BodyDecoder, BodyError, BodyLimits, Decoded};
pub use encode::{
    CHUNK_END, Persistence, ResponseFraming, encode_chunk_size, encode_last_chunk,
    encode_request_head, encode_response_head,
};
pub use error::HeadError;
pub use fields::{CONNECTION_OPTIONS_MAX, FIELDS_MAX, Field, FieldLine, Fields};
pub use framing::{BodyLength, FramingError, request_body_length, response_body_length};
pub use grammar::{is_field_name, is_field_value, list_items};
pub use head::{Method, Parsed, RequestHead, ResponseHead, Version, reason_phrase};
pub use names::Name;
pub use scan::{HeadLimits, HeadScan};
pub use target::{
    Authority, Target, TargetError, is_normal_path, normalize_path, parse_target, split_authority,
};
pub use trace_context::TraceContext;
