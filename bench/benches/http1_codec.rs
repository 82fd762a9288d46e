//! The codec's share of a request: both heads read and written, bodies decoded.
//!
//! `cargo bench -p corelane-bench --bench http1_codec`

use std::hint::black_box;

use corelane_bench::BROWSER_REQUEST as REQUEST;
use corelane_codec::encode::{
    Persistence, ResponseFraming, encode_request_head, encode_response_head,
};
use corelane_codec::{
    BodyDecoder, BodyLength, BodyLimits, HeadLimits, HeadScan, RequestHead, ResponseHead,
    normalize_path,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: origin\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 1024\r\n\
    ETag: \"0123456789abcdef\"\r\n\
    Cache-Control: private, max-age=0\r\n\
    Vary: Accept-Encoding\r\n\r\n";

const LIMITS: HeadLimits = HeadLimits {
    start_line: 16 * 1024,
    head: 64 * 1024,
    field_line: 32 * 1024,
    fields: 100,
};

fn heads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("head");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    let mut request = RequestHead::new();
    let mut scan = HeadScan::default();
    group.bench_function("request: parse", |bencher| {
        bencher.iter(|| {
            scan.reset();
            request.parse(black_box(REQUEST), &mut scan, &LIMITS)
        });
    });
    let mut out = Vec::with_capacity(4096);
    group.bench_function("request: strip hop-by-hop and encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            request.fields.remove_hop_by_hop();
            let target = black_box(b"/users/42?fields=name");
            encode_request_head(
                &mut out,
                &request,
                target,
                BodyLength::Empty,
                Persistence::Implied,
            );
            out.len()
        });
    });
    group.throughput(Throughput::Bytes(RESPONSE.len() as u64));
    let mut response = ResponseHead::new();
    group.bench_function("response: parse", |bencher| {
        bencher.iter(|| {
            scan.reset();
            response.parse(black_box(RESPONSE), &mut scan, &LIMITS)
        });
    });
    group.bench_function("response: encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            let framing = ResponseFraming::Length(1024);
            encode_response_head(
                &mut out,
                black_box(&response),
                framing,
                Persistence::Implied,
            );
            out.len()
        });
    });
    group.finish();
}

fn bodies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunked");
    for (name, chunk, count) in [("4 KiB chunks", 4096, 16), ("16-byte chunks", 16, 256)] {
        let mut body = Vec::new();
        for _ in 0..count {
            body.extend_from_slice(format!("{chunk:x}\r\n").as_bytes());
            body.resize(body.len() + chunk, b'x');
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| decode(black_box(&body))));
    }
    group.finish();
}

/// Decodes a whole body and adds up its data bytes.
fn decode(mut input: &[u8]) -> usize {
    let mut decoder = BodyDecoder::new(BodyLength::Chunked, BodyLimits::default());
    let mut total = 0;
    while !decoder.is_ended() {
        let found = decoder.decode(input).expect("the body is well-formed");
        total += found.data.len();
        input = &input[found.consumed..];
    }
    total
}

fn paths(criterion: &mut Criterion) {
    let mut out = Vec::with_capacity(256);
    criterion.bench_function("path: normalize", |bencher| {
        bencher.iter(|| {
            out.clear();
            normalize_path(black_box(b"/api/./v1/%75sers/../users/%34%32"), &mut out)
        });
    });
}

criterion_group!(benches, heads, bodies, paths);
criterion_main!(benches);
