//! The bodies of the fuzz targets, which the codec's own tests replay the corpus through.
//!
//! `cargo +nightly fuzz run differential -- -max_total_time=60`, in `codec`. What is found goes
//! into `corpus/` and, understood, into a case of `codec/tests/cases`.

#[path = "../../tests/fuzz_bodies/mod.rs"]
mod fuzz_bodies;
#[path = "../../tests/reference/mod.rs"]
mod reference;

/// Runs the body of a target.
///
/// # Panics
/// When a promise of the codec does not hold for `data`, or there is no such target.
pub fn run(target: &str, data: &[u8]) {
    let body = fuzz_bodies::TARGETS
        .iter()
        .find(|(name, _)| *name == target);
    (body.expect("the target is one of the bodies").1)(data);
}
