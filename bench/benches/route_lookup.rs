//! Routes: 10,000 of them compile in under 100 ms, and one is found in under 500 ns.
//!
//! `cargo bench -p corelane-bench --bench route_lookup`

use std::hint::black_box;

use corelane_bench::routes::{Routes, matchers};
use corelane_config::RouteTable;
use criterion::{Criterion, criterion_group, criterion_main};

fn compile(criterion: &mut Criterion) {
    let matchers = matchers(10_000);
    criterion.bench_function("compile 10,000 routes", |bench| {
        bench.iter_with_large_drop(|| RouteTable::compile(black_box(matchers.clone())));
    });
}

fn lookup(criterion: &mut Criterion) {
    for (name, count) in [
        ("look up one of 10 routes", 10),
        ("look up one of 1,000 routes", 1_000),
        ("look up one of 10,000 routes", 10_000),
    ] {
        let mut routes = Routes::new(count);
        criterion.bench_function(name, |bench| bench.iter(|| routes.lookup()));
    }
}

criterion_group!(routes, compile, lookup);
criterion_main!(routes);
