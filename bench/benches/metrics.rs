//! Counting a request: counters by route and status, and the latency histogram.
//!
//! `cargo bench -p corelane-bench --bench metrics`

use corelane_bench::metrics::Counters;
use criterion::{Criterion, criterion_group, criterion_main};

fn record(criterion: &mut Criterion) {
    let mut counters = Counters::new();
    criterion.bench_function("count a request that has ended", |bench| {
        bench.iter(|| counters.count());
    });
}

criterion_group!(metrics, record);
criterion_main!(metrics);
