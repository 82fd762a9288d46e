//! The engine over real sockets, on both drivers: bytes go in on one side, bytes come out on the
//! other. `scenario` is the language, `cases` and `filters` are the sentences.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy.toml allows them in test functions, not in the functions that they share"
)]

mod cases;
mod filters;
mod scenario;
