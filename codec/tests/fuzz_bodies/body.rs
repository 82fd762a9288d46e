//! Bodies: the same data and the same end however the bytes are cut, and the data survives being
//! chunked and read again.

use corelane_codec::{
    BodyDecoder, BodyError, BodyLength, BodyLimits, CHUNK_END, encode_chunk_size, encode_last_chunk,
};

use super::cuts;

const SMALL: BodyLimits = BodyLimits {
    chunk_line: 8,
    trailer_bytes: 40,
    trailer_fields: 2,
    trailer_underscores: true,
};

/// `data` is what follows a head: read as chunks, as so many bytes, and as all there is.
pub(crate) fn body(data: &[u8]) {
    let length = data.first().map_or(0, |&byte| u64::from(byte));
    for length in [
        BodyLength::Chunked,
        BodyLength::Length(length),
        BodyLength::UntilClose,
    ] {
        for limits in [BodyLimits::default(), SMALL] {
            let whole = read(&[data], length, limits);
            for pieces in cuts(data) {
                assert_eq!(read(&pieces, length, limits), whole, "in pieces");
            }
            if whole.outcome == Ok(true) && length == BodyLength::Chunked {
                chunk_again(&whole);
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    data: Vec<u8>,
    consumed: usize,
    trailers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the body was over.
    outcome: Result<bool, BodyError>,
}

fn read(pieces: &[&[u8]], length: BodyLength, limits: BodyLimits) -> Outcome {
    let mut decoder = BodyDecoder::new(length, limits);
    let (mut data, mut consumed) = (Vec::new(), 0);
    let mut outcome = Ok(decoder.is_ended());
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && outcome == Ok(false) {
            outcome = decoder.decode(rest).map(|decoded| {
                assert!(decoded.data.start <= decoded.data.end);
                assert!(decoded.data.end <= decoded.consumed && decoded.consumed <= rest.len());
                assert!(decoded.consumed > 0, "no progress");
                data.extend_from_slice(&rest[decoded.data.clone()]);
                consumed += decoded.consumed;
                rest = &rest[decoded.consumed..];
                decoded.end
            });
        }
    }
    if let Err(error) = outcome {
        assert_eq!(
            decoder.decode(b"0\r\n\r\n"),
            Err(error),
            "an error is for good"
        );
        // How much of the framing before a fault counts as consumed is the cut's affair.
        consumed = 0;
    }
    assert_eq!(decoder.is_ended(), outcome == Ok(true));
    let fields = decoder.trailers().iter();
    let trailers = fields
        .map(|field| (field.name.to_vec(), field.value.to_vec()))
        .collect();
    Outcome {
        data,
        consumed,
        trailers,
        outcome,
    }
}

fn chunk_again(whole: &Outcome) {
    let mut wire = Vec::new();
    for chunk in whole.data.chunks(7) {
        encode_chunk_size(&mut wire, chunk.len());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(CHUNK_END);
    }
    let mut trailers = corelane_codec::Fields::new();
    for (name, value) in &whole.trailers {
        assert!(trailers.push(name, value));
    }
    encode_last_chunk(&mut wire, &trailers);
    let again = read(&[&wire], BodyLength::Chunked, BodyLimits::default());
    assert_eq!(again.data, whole.data);
    assert_eq!(again.trailers, whole.trailers);
    assert_eq!((again.outcome, again.consumed), (Ok(true), wire.len()));
}
