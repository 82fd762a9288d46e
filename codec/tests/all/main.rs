//! The tests of the codec's public surface, in one binary.
//!
//! `tests/cases/*.case` is where a protocol case belongs: bytes in, events out, no Rust.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod case_file;
mod cases;
mod events;
mod generated;
mod replay;

#[path = "../fuzz_bodies/mod.rs"]
mod fuzz_bodies;
#[path = "../reference/mod.rs"]
mod reference;
