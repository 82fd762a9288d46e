//! WebSocket as bytes (RFC 6455), for both ends of the tool: the opening handshake, frames, messages.
//! Entered by the origin, which echoes, and by the load generator, which wants its echo back. No I/O,
//! no clock; what the RFC forbids is an error with the close code that answers it. No extension is
//! ever offered or taken.

mod frame;
pub(crate) mod handshake;
mod mask;
pub(crate) mod reader;

use std::fmt;

pub(crate) use frame::{Opcode, append_close, append_frame};

/// The longest message that either end takes; it is kept whole, for each connection.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is wrong with bytes that should have been WebSocket frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A reserved bit is set, which only an extension could mean (RFC 6455 §5.2).
    ReservedBits,
    /// An opcode that the RFC reserves (RFC 6455 §5.2).
    Opcode,
    /// A length that is not written in the fewest bytes, or has its top bit set (RFC 6455 §5.2).
    Length,
    /// A client's frame without a mask, or a server's with one (RFC 6455 §5.1).
    Masking,
    /// A control frame that is fragmented or longer than 125 bytes (RFC 6455 §5.5).
    Control,
    /// A continuation of nothing, or a new message within another (RFC 6455 §5.4).
    Fragmentation,
    /// A close frame with half a code, or a code that may not be sent (RFC 6455 §7.4).
    CloseCode,
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    Utf8,
    /// A message beyond the reader's bound.
    TooLarge,
}

impl Broken {
    /// The code to close the connection with (RFC 6455 §7.4.1).
    pub(crate) fn close_code(self) -> u16 {
        match self {
            Self::Utf8 => 1007,
            Self::TooLarge => 1009,
            _ => 1002,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ReservedBits => "reserved bits set in a frame",
            Self::Opcode => "frame with an unknown opcode",
            Self::Length => "malformed frame length",
            Self::Masking => "frame masked by the wrong end",
            Self::Control => "control frame fragmented or too long",
            Self::Fragmentation => "fragments out of order",
            Self::CloseCode => "malformed close code",
            Self::Utf8 => "text that is not UTF-8",
            Self::TooLarge => "message too large",
        })
    }
}
