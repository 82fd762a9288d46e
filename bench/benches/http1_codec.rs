//! The codec's share of a request: both heads read and written, bodies decoded.
//!
//! `cargo bench -p corelane-bench --bench http1_codec`

use std::hint::black_box;

use corelane_bench::BROWSER_REQUEST;
use corelane_bench::codec::{Heads, RESPONSE, chunked, decode, normalize};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn heads(criterion: &mut Criterion) {
    let mut heads = Heads::new();
    let mut group = criterion.benchmark_group("head");
    group.throughput(Throughput::Bytes(BROWSER_REQUEST.len() as u64));
    group.bench_function("request: parse", |bencher| {
        bencher.iter(|| heads.parse_request());
    });
    group.bench_function("request: strip hop-by-hop and encode", |bencher| {
        bencher.iter(|| heads.encode_request());
    });
    group.throughput(Throughput::Bytes(RESPONSE.len() as u64));
    group.bench_function("response: parse", |bencher| {
        bencher.iter(|| heads.parse_response());
    });
    group.bench_function("response: encode", |bencher| {
        bencher.iter(|| heads.encode_response());
    });
    group.finish();
}

fn bodies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunked");
    for (name, size, count) in [("4 KiB chunks", 4096, 16), ("16-byte chunks", 16, 256)] {
        let body = chunked(size, count);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| decode(black_box(&body))));
    }
    group.finish();
}

fn paths(criterion: &mut Criterion) {
    let mut out = Vec::with_capacity(256);
    criterion.bench_function("path: normalize", |bencher| {
        bencher.iter(|| normalize(&mut out));
    });
}

criterion_group!(benches, heads, bodies, paths);
criterion_main!(benches);
