//! Whole exchanges over in-memory pipes: what the engine costs by itself, without the kernel.
//!
//! `RUSTFLAGS="--cfg simulation" cargo bench -p corelane-bench --bench exchange`
//!
//! Routing, request ids, forwarding fields, metrics, the pool and both state machines are in it;
//! system calls, the event loop and the network are not, and the pipes' own copies and locks are.

#[cfg(simulation)]
mod whole {
    use std::hint::black_box;

    use corelane_bench::BROWSER_REQUEST;
    use corelane_engine::Loopback;
    use criterion::{Criterion, Throughput};

    const REQUEST: &[u8] = b"GET /api/v1/users/42?fields=name HTTP/1.1\r\n\
        Host: api.example.com\r\n\
        User-Agent: bench\r\n\
        Accept: */*\r\n\r\n";

    fn config() -> String {
        let origin = Loopback::ORIGIN;
        format!(
            "services: {{a: {{endpoints: [\"{origin}\"]}}}}\n\
             routes: [{{path: /api/*, service: a}}]\n"
        )
    }

    fn reply(length: usize) -> Vec<u8> {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        [head.into_bytes(), vec![b'x'; length]].concat()
    }

    pub(super) fn exchanges(criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group("exchange");
        group.throughput(Throughput::Elements(1));
        for (name, request, length) in [
            ("short request, 1 KiB reply", REQUEST, 1024),
            ("browser's request, 1 KiB reply", BROWSER_REQUEST, 1024),
            ("short request, 32 KiB reply", REQUEST, 32 * 1024),
        ] {
            let (mut loopback, reply) = (Loopback::new(&config()), reply(length));
            group.bench_function(name, |bencher| {
                bencher.iter(|| loopback.exchange(black_box(request), &reply));
            });
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
