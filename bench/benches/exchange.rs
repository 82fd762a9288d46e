//! Whole exchanges over in-memory pipes, and what filters add to them.
//!
//! `RUSTFLAGS="--cfg simulation" cargo bench -p corelane-bench --bench exchange`

#[cfg(simulation)]
mod whole {
    use corelane_bench::exchange::Exchange;
    use corelane_bench::{BROWSER_REQUEST, SHORT_REQUEST};
    use criterion::{Criterion, Throughput};

    pub(super) fn exchanges(criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group("exchange");
        group.throughput(Throughput::Elements(1));
        for (name, request, length, filters) in [
            ("short request, 1 KiB reply", SHORT_REQUEST, 1024, 0),
            ("browser's request, 1 KiB reply", BROWSER_REQUEST, 1024, 0),
            ("short request, 32 KiB reply", SHORT_REQUEST, 32 * 1024, 0),
            (
                "short request, 1 KiB reply, 1 filter",
                SHORT_REQUEST,
                1024,
                1,
            ),
            (
                "short request, 1 KiB reply, 8 filters",
                SHORT_REQUEST,
                1024,
                8,
            ),
        ] {
            let mut exchange = Exchange::new(request, length, filters);
            group.bench_function(name, |bencher| bencher.iter(|| exchange.once()));
        }
        group.finish();
    }
}

#[cfg(simulation)]
criterion::criterion_group!(benches, whole::exchanges);
#[cfg(simulation)]
criterion::criterion_main!(benches);

#[cfg(not(simulation))]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs it without is told what is missing"
)]
fn main() {
    eprintln!("exchange: needs RUSTFLAGS=\"--cfg simulation\"");
}
