//! A call of gRPC with one message each way: the message comes back. Entered by a request of HTTP/2 that
//! says it is one, on any path; what the rules say as a status of HTTP becomes one of gRPC.

use bytes::Bytes;
use h2::server::SendResponse;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{HeaderName, Response};

use super::replies::Shape;
use super::rules::Manner;
use crate::wire::grpc::{self, Broken, Code, Unary};

const STATUS: HeaderName = HeaderName::from_static(grpc::STATUS);
const MESSAGE: HeaderName = HeaderName::from_static(grpc::MESSAGE);

/// Whether a request with these fields is a call.
pub(super) fn is_call(fields: &HeaderMap) -> bool {
    let name = fields.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    name.is_some_and(|name| name.starts_with(grpc::CONTENT_TYPE.as_bytes()))
}

/// What becomes of a call.
#[derive(Debug)]
pub(super) struct Outcome {
    code: Code,
    why: String,
}

impl Outcome {
    /// What the rules and the call's content make of it; `None` for content beyond the bound.
    pub(super) fn new(manner: Manner, usual: Shape, content: Option<&Bytes>) -> Self {
        let status = match manner {
            Manner::Whole(shape) | Manner::Drip(shape, _) | Manner::Echo(shape) => shape.status,
            Manner::Usual | Manner::Reset => usual.status,
        };
        let (code, why) = match (Code::of_http(status), content.map(|bytes| check(bytes))) {
            (Code::OK, Some(Ok(()))) => (Code::OK, String::new()),
            (Code::OK, Some(Err(Broken::Compressed))) => {
                (Code::UNIMPLEMENTED, Broken::Compressed.to_string())
            }
            (Code::OK, Some(Err(broken))) => (Code::INTERNAL, broken.to_string()),
            (Code::OK, None) => (Code::RESOURCE_EXHAUSTED, "message too large".to_owned()),
            (code, _) => (code, format!("as asked for: {status}")),
        };
        Self { code, why }
    }

    /// The path asks for what cannot be.
    pub(super) fn invalid(why: String) -> Self {
        let code = Code::INVALID_ARGUMENT;
        Self { code, why }
    }

    /// Replies: with the content and its status behind it, or with the status alone.
    pub(super) fn send(
        self,
        respond: &mut SendResponse<Bytes>,
        content: Bytes,
    ) -> Result<(), h2::Error> {
        let mut head = Response::new(());
        let content_type = HeaderValue::from_static(grpc::CONTENT_TYPE);
        head.headers_mut().insert(CONTENT_TYPE, content_type);
        if self.code != Code::OK {
            head.headers_mut().extend(self.fields());
            return respond.send_response(head, true).map(drop);
        }
        let mut stream = respond.send_response(head, false)?;
        stream.send_data(content, false)?;
        stream.send_trailers(self.fields())
    }

    fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(2);
        fields.insert(STATUS, u16::from(self.code.number()).into());
        if !self.why.is_empty() {
            let why = HeaderValue::try_from(grpc::encode_message(&self.why));
            fields.extend(why.map(|why| (MESSAGE, why)));
        }
        fields
    }
}

fn check(content: &[u8]) -> Result<(), Broken> {
    let mut message = Unary::default();
    message.take(content, |_| {})?;
    message.end()
}
