//! Heads: the same verdict however the bytes are cut, and what was understood survives being
//! written and read again.

use corelane_codec::{
    BodyLength, Fields, HeadError, HeadLimits, HeadScan, Method, Name, Parsed, Persistence,
    RequestHead, ResponseFraming, ResponseHead, encode_request_head, encode_response_head, framing,
    parse_target, request_body_length, response_body_length,
};

use super::cuts;

const SMALL: HeadLimits = HeadLimits {
    start_line: 40,
    head: 200,
    field_line: 30,
    fields: 6,
};

/// `data` is what a client sends.
pub(crate) fn request_head(data: &[u8]) {
    for limits in [HeadLimits::default(), SMALL] {
        let (verdict, head) = read_request(&[data], &limits);
        for pieces in cuts(data) {
            let (again, other) = read_request(&pieces, &limits);
            assert_eq!(again, verdict, "in pieces");
            if let Ok(Parsed::Complete { .. }) = verdict {
                assert_same_request(&other, &head);
            }
        }
        if let Ok(Parsed::Complete { consumed }) = verdict {
            assert!(consumed <= data.len());
            use_request(&head);
        }
    }
}

/// `data` is what an origin sends.
pub(crate) fn response_head(data: &[u8]) {
    for limits in [HeadLimits::default(), SMALL] {
        let (verdict, head) = read_response(&[data], &limits);
        for pieces in cuts(data) {
            let (again, other) = read_response(&pieces, &limits);
            assert_eq!(again, verdict, "in pieces");
            if let Ok(Parsed::Complete { .. }) = verdict {
                assert_same_response(&other, &head);
            }
        }
        if let Ok(Parsed::Complete { consumed }) = verdict {
            assert!(consumed <= data.len());
            use_response(&head);
        }
    }
}

type Verdict = Result<Parsed, HeadError>;

fn read_request(pieces: &[&[u8]], limits: &HeadLimits) -> (Verdict, RequestHead) {
    let mut head = RequestHead::new();
    let mut scan = HeadScan::default();
    let verdict = read(pieces, |input| head.parse(input, &mut scan, limits));
    (verdict, head)
}

fn read_response(pieces: &[&[u8]], limits: &HeadLimits) -> (Verdict, ResponseHead) {
    let mut head = ResponseHead::new();
    let mut scan = HeadScan::default();
    let verdict = read(pieces, |input| head.parse(input, &mut scan, limits));
    (verdict, head)
}

fn read(pieces: &[&[u8]], mut parse: impl FnMut(&[u8]) -> Verdict) -> Verdict {
    let mut input = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        match parse(&input) {
            Ok(Parsed::Partial) => {}
            verdict => return verdict,
        }
    }
    Ok(Parsed::Partial)
}

fn assert_same_request(one: &RequestHead, other: &RequestHead) {
    assert_eq!(one.method_bytes(), other.method_bytes());
    assert_eq!(one.target(), other.target());
    assert_eq!(one.version(), other.version());
    assert_eq!(lines(&one.fields), lines(&other.fields));
}

fn assert_same_response(one: &ResponseHead, other: &ResponseHead) {
    assert_eq!(one.status(), other.status());
    assert_eq!(one.reason(), other.reason());
    assert_eq!(one.version(), other.version());
    assert_eq!(lines(&one.fields), lines(&other.fields));
}

fn lines(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields
        .iter()
        .map(|field| (field.name.to_vec(), field.value.to_vec()))
        .collect()
}

/// Does with a request what a gateway does.
fn use_request(head: &RequestHead) {
    if let Ok(target) = parse_target(head.method(), head.target()) {
        let host = framing::host(head, &target);
        assert!(host != Ok(None) || head.version() == corelane_codec::Version::Http10);
        if let Some(path) = target.path() {
            super::path(path);
        }
    }
    let _ = framing::expects_continue(head);
    let _ = framing::request_wants_keep_alive(head);
    check_fields(&head.fields);

    let mut forwarded = head.clone();
    forwarded.fields.remove_hop_by_hop();
    forwarded.fields.set_known(Name::Host, b"origin");
    let length = request_body_length(head).unwrap_or(BodyLength::Empty);
    let mut wire = Vec::new();
    encode_request_head(
        &mut wire,
        &forwarded,
        head.target(),
        length,
        Persistence::Implied,
    );
    let (verdict, mut arrived) = read_request(&[&wire], &roomy(&wire));
    assert_eq!(
        verdict,
        Ok(Parsed::Complete {
            consumed: wire.len()
        })
    );
    // No body may become a length of zero, which is the same.
    let read_length = request_body_length(&arrived);
    assert!(read_length == Ok(length) || read_length == Ok(BodyLength::Length(0)));
    assert_eq!(arrived.fields.count(Name::Host), 1);
    assert_eq!(arrived.method_bytes(), head.method_bytes());
    assert_eq!(arrived.target(), head.target());
    for fields in [&mut arrived.fields, &mut forwarded.fields] {
        strike_rebuilt(fields);
    }
    assert_eq!(lines(&arrived.fields), lines(&forwarded.fields));
}

/// Does with a response what a gateway does.
fn use_response(head: &ResponseHead) {
    for method in [Method::Get, Method::Head, Method::Connect] {
        let _ = response_body_length(head, method);
    }
    let _ = framing::response_allows_keep_alive(head);
    check_fields(&head.fields);

    let mut forwarded = head.clone();
    forwarded.fields.remove_hop_by_hop();
    let Ok(length) = response_body_length(head, Method::Get) else {
        return;
    };
    let framing = match length {
        BodyLength::Empty => ResponseFraming::Bodiless,
        other => other.into(),
    };
    let mut wire = Vec::new();
    encode_response_head(&mut wire, &forwarded, framing, Persistence::Implied);
    let (verdict, mut arrived) = read_response(&[&wire], &roomy(&wire));
    assert_eq!(
        verdict,
        Ok(Parsed::Complete {
            consumed: wire.len()
        })
    );
    assert_eq!(response_body_length(&arrived, Method::Get), Ok(length));
    assert_eq!(
        (arrived.status(), arrived.reason()),
        (head.status(), head.reason())
    );
    for fields in [&mut arrived.fields, &mut forwarded.fields] {
        strike_rebuilt(fields);
    }
    assert_eq!(lines(&arrived.fields), lines(&forwarded.fields));
}

fn strike_rebuilt(fields: &mut Fields) {
    for name in [
        Name::Host,
        Name::ContentLength,
        Name::TransferEncoding,
        Name::Connection,
    ] {
        fields.remove(name);
    }
}

fn roomy(wire: &[u8]) -> HeadLimits {
    let len = wire.len();
    HeadLimits {
        start_line: len,
        head: len,
        field_line: len,
        fields: 1000,
    }
}

/// Every way of asking for a field gives the same answer.
fn check_fields(fields: &Fields) {
    let all: Vec<_> = fields.iter().collect();
    assert_eq!(all.len(), fields.len());
    assert_eq!(all.is_empty(), fields.is_empty());
    for field in &all {
        assert_eq!(Name::of(field.name), field.id);
        assert!(fields.contains(field.id));
        let named = fields.all_named(field.name).count();
        let alike =
            |other: &&corelane_codec::Field<'_>| other.name.eq_ignore_ascii_case(field.name);
        assert_eq!(named, all.iter().filter(alike).count());
        if field.id != Name::Other {
            assert_eq!(named, fields.count(field.id));
        }
        assert!(corelane_codec::is_field_name(field.name));
        assert!(corelane_codec::is_field_value(field.value));
    }
}
