//! The reply to a call of gRPC, as HTTP/2 brings it: one message, and the status behind it. Entered by a
//! stream with the pieces of its content; it does not judge what a status means.

use http::HeaderMap;
use http::response::Parts;

use super::{Failure, Kept};
use crate::wire::grpc::{self, Broken, Code, Unary};

/// A reply on its way.
#[derive(Debug, Default)]
pub(super) struct Call {
    message: Unary,
    broken: Option<Broken>,
}

impl Call {
    /// Takes the next piece of the content and shows what is the message's to `sink`.
    pub(super) fn take(&mut self, piece: &[u8], sink: impl FnOnce(&[u8])) {
        if self.broken.is_none() {
            self.broken = self.message.take(piece, sink).err();
        }
    }

    /// The reply is complete: its status, which `kept` gets the explanation of.
    ///
    /// # Errors
    /// When it says that all went well and its content does not.
    pub(super) fn end(
        self,
        head: &Parts,
        trailers: Option<&HeaderMap>,
        kept: &mut Kept,
    ) -> Result<Code, Failure> {
        // A reply of one head has the status in there.
        let fields = trailers.unwrap_or(&head.headers);
        let value = |name: &str| fields.get(name).map(AsRef::as_ref);
        let code = Code::read(value(grpc::STATUS));
        kept.set_remark(value(grpc::MESSAGE).map(grpc::decode_message));
        let broken = self.broken.or_else(|| self.message.end().err());
        match broken {
            Some(broken) if code == Code::OK => Err(Failure::Protocol(broken.to_string())),
            _ => Ok(code),
        }
    }
}
