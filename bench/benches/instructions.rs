//! Pieces of work whose instructions are counted: `.ci/instructions` runs this program under callgrind,
//! which counts what [`counted`] does, and holds the counts against `bench/baseline`.
//!
//! `instructions --list` says what there is; `instructions NAME` does it.

#[cfg(simulation)]
mod work {
    use std::hint::black_box;

    use corelane_bench::codec::{Heads, chunked, decode};
    use corelane_bench::exchange::{Exchange, upload};
    use corelane_bench::metrics::Counters;
    use corelane_bench::routes::Routes;
    use corelane_bench::{BROWSER_REQUEST, SHORT_REQUEST};

    /// A piece of work, prepared.
    pub(super) type Work = Box<dyn FnMut()>;

    /// What it is called, how often it is done, and how it is prepared.
    type Piece = (&'static str, u32, fn() -> Work);

    /// Routes are looked up once each, so that no count depends on where in the round it ends.
    pub(super) const ALL: [Piece; 14] = [
        ("exchange, 1 KiB reply", 500, || {
            exchange(SHORT_REQUEST, 1024, 0)
        }),
        ("exchange, 1 KiB reply, browser's request", 500, || {
            exchange(BROWSER_REQUEST, 1024, 0)
        }),
        ("exchange, 1 KiB reply, 4 filters", 500, || {
            exchange(SHORT_REQUEST, 1024, 4)
        }),
        ("exchange, 32 KiB reply", 500, || {
            exchange(SHORT_REQUEST, 32 * 1024, 0)
        }),
        ("exchange, 16 KiB upload", 500, || {
            exchange(&upload(16 * 1024), 64, 0)
        }),
        ("request head: parse", 2_000, || heads(Heads::parse_request)),
        (
            "request head: parse, strip hop-by-hop, encode",
            2_000,
            || {
                heads(|heads| {
                    heads.parse_request();
                    black_box(heads.encode_request());
                })
            },
        ),
        ("response head: parse", 2_000, || {
            heads(Heads::parse_response)
        }),
        ("response head: encode", 2_000, || {
            heads(|heads| {
                black_box(heads.encode_response());
            })
        }),
        ("chunked body: decode 16 x 4 KiB", 500, || chunks(4096, 16)),
        ("chunked body: decode 256 x 16 bytes", 500, || {
            chunks(16, 256)
        }),
        ("route lookup: 10 routes", 10_000, || routes(10)),
        ("route lookup: 10,000 routes", 10_000, || routes(10_000)),
        ("metrics: count a request", 5_000, || {
            let mut counters = Counters::new();
            Box::new(move || counters.count())
        }),
    ];

    fn exchange(request: &[u8], reply_bytes: usize, filters: usize) -> Work {
        let mut exchange = Exchange::new(request, reply_bytes, filters);
        Box::new(move || {
            black_box(exchange.once());
        })
    }

    fn heads(mut work: impl FnMut(&mut Heads) + 'static) -> Work {
        let mut heads = Heads::new();
        Box::new(move || work(&mut heads))
    }

    fn chunks(size: usize, count: usize) -> Work {
        let body = chunked(size, count);
        Box::new(move || {
            black_box(decode(black_box(&body)));
        })
    }

    fn routes(count: usize) -> Work {
        let mut routes = Routes::new(count);
        Box::new(move || {
            black_box(routes.lookup());
        })
    }
}

/// Does the work so often. Callgrind counts from here on, so that this stays a function of its own.
#[cfg(simulation)]
#[inline(never)]
fn counted(work: &mut work::Work, times: u32) {
    for _ in 0..times {
        work();
    }
}

#[cfg(simulation)]
#[expect(
    clippy::print_stdout,
    reason = "the list is for the script that calls it"
)]
fn main() -> std::process::ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted == "--list" {
        for (name, times, _) in work::ALL {
            println!("{times} {name}");
        }
        return std::process::ExitCode::SUCCESS;
    }
    let Some((_, times, prepare)) = work::ALL.into_iter().find(|(name, ..)| *name == wanted) else {
        return std::process::ExitCode::FAILURE;
    };
    let mut work = prepare();
    // What is done once, by the first or after some rounds, is no cost of a request.
    (0..times).for_each(|_| work());
    counted(&mut work, times);
    std::process::ExitCode::SUCCESS
}

#[cfg(not(simulation))]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs it without is told what is missing"
)]
fn main() {
    eprintln!("instructions: run .ci/instructions");
}
