//! Whole messages, read by the codec and by the reference: both must understand the same, or both
//! refuse. The codec may refuse before the reference can tell.

use corelane_codec::{
    BodyDecoder, BodyLength, BodyLimits, Fields, HeadLimits, HeadScan, Method, Name, Parsed,
    RequestHead, ResponseHead, Version, framing, parse_target, request_body_length,
    response_body_length,
};

use crate::reference::{self, Field, Message, Verdict};

/// The reference knows no limits: none may be in the way, and long inputs are left out.
const ROOMY: HeadLimits = HeadLimits {
    start_line: 1 << 20,
    head: 1 << 20,
    field_line: 1 << 20,
    fields: 1000,
};
const ROOMY_BODY: BodyLimits = BodyLimits {
    chunk_line: 1 << 20,
    trailer_bytes: 1 << 20,
    trailer_fields: 1000,
    trailer_underscores: true,
};
const INPUT_MAX: usize = 4000;

/// `data` is one message or several: responses if it begins like one.
pub(crate) fn differential(data: &[u8]) {
    if data.len() > INPUT_MAX {
        return;
    }
    if data.starts_with(b"HTTP/") {
        for method in [Method::Get, Method::Head, Method::Connect] {
            let expected = reference::response(data, method.as_str().as_bytes());
            compare(&expected, &response(data, method));
        }
        return;
    }
    let mut rest = data;
    loop {
        let expected = reference::request(rest);
        compare(&expected, &request(rest));
        match expected {
            Verdict::Accepted(message) => rest = &rest[message.consumed..],
            _ => break,
        }
    }
}

fn compare(expected: &Verdict, found: &Verdict) {
    // The codec may be sure earlier that nothing can come of the bytes.
    let early = (expected, found) == (&Verdict::Incomplete, &Verdict::Refused);
    assert!(
        early || *found == stripped(expected),
        "expected {expected:?}\nfound {found:?}"
    );
}

/// The reference keeps all trailers.
fn stripped(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    if let Verdict::Accepted(message) = &mut verdict {
        message
            .trailers
            .retain(|(name, _)| Name::of(name).allowed_in_trailers());
    }
    verdict
}

/// Why there is no message.
enum Stop {
    Incomplete,
    Refused,
}

impl<E: std::error::Error> From<E> for Stop {
    fn from(_: E) -> Self {
        Self::Refused
    }
}

fn verdict(reading: Result<Message, Stop>) -> Verdict {
    match reading {
        Ok(message) => Verdict::Accepted(message),
        Err(Stop::Incomplete) => Verdict::Incomplete,
        Err(Stop::Refused) => Verdict::Refused,
    }
}

fn request(input: &[u8]) -> Verdict {
    verdict(read_request(input))
}

fn read_request(input: &[u8]) -> Result<Message, Stop> {
    let mut head = RequestHead::new();
    let parsed = head.parse(input, &mut HeadScan::default(), &ROOMY)?;
    let Parsed::Complete { consumed } = parsed else {
        return Err(Stop::Incomplete);
    };
    let target = parse_target(head.method(), head.target())?;
    let host = framing::host(&head, &target)?.map(|authority| authority.host.to_vec());
    let length = request_body_length(&head)?;
    framing::expects_continue(&head)?;
    let start = [
        head.method_bytes().to_vec(),
        head.target().to_vec(),
        version(head.version()),
    ];
    with_body(start, &head.fields, host, length, (input, consumed))
}

fn response(input: &[u8], method: Method) -> Verdict {
    verdict(read_response(input, method))
}

fn read_response(input: &[u8], method: Method) -> Result<Message, Stop> {
    let mut head = ResponseHead::new();
    let parsed = head.parse(input, &mut HeadScan::default(), &ROOMY)?;
    let Parsed::Complete { consumed } = parsed else {
        return Err(Stop::Incomplete);
    };
    let length = response_body_length(&head, method)?;
    let status = head.status().to_string().into_bytes();
    let start = [version(head.version()), status, head.reason().to_vec()];
    with_body(start, &head.fields, None, length, (input, consumed))
}

fn with_body(
    start: [Vec<u8>; 3],
    fields: &Fields,
    host: Option<Vec<u8>>,
    length: BodyLength,
    (input, mut consumed): (&[u8], usize),
) -> Result<Message, Stop> {
    let mut decoder = BodyDecoder::new(length, ROOMY_BODY);
    let mut body = Vec::new();
    while !decoder.is_ended() && consumed < input.len() {
        let rest = &input[consumed..];
        let decoded = decoder.decode(rest)?;
        body.extend_from_slice(&rest[decoded.data]);
        consumed += decoded.consumed;
    }
    decoder.finish().map_err(|_| Stop::Incomplete)?;
    let trailers = pairs(decoder.trailers());
    Ok(Message {
        start,
        fields: pairs(fields),
        host,
        body,
        trailers,
        consumed,
    })
}

fn pairs(fields: &Fields) -> Vec<Field> {
    fields
        .iter()
        .map(|field| (field.name.to_vec(), field.value.to_vec()))
        .collect()
}

fn version(version: Version) -> Vec<u8> {
    match version {
        Version::Http10 => b"HTTP/1.0".to_vec(),
        Version::Http11 => b"HTTP/1.1".to_vec(),
    }
}
