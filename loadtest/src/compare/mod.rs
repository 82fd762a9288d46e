//! Two sides, A and B, of which each ran some rounds of the same load: by how much B differs, how sure
//! that is, and whether it is worse than somebody allows. Entered by `main` with the names of saved
//! reports; it runs no load.
//!
//! `side` reads the rounds, `metric` names the figures, `statistics` estimates a difference, `verdict`
//! holds it against a bound, `text` and `json` say it.

mod bound;
mod json;
mod metric;
mod side;
mod statistics;
mod text;
mod verdict;

pub(crate) use bound::Bound;

use crate::cli::{CompareArgs, Error};
use bound::Bounds;
use side::Side;
use verdict::{Comparison, Verdict};

/// Compares the sides; gives what is to be printed and what `main` shall make of it.
///
/// # Errors
/// `Usage` when a file cannot be read or A has nothing to compare with.
pub(crate) fn compare(args: &CompareArgs) -> Result<(String, Result<(), Error>), Error> {
    let (a, b) = match args.files.as_slice() {
        [a, b] => (Side::read(&[a])?, Side::read(&[b])?),
        _ => (Side::read(&args.a)?, Side::read(&args.b)?),
    };
    let comparison = Comparison::new(a, b, &Bounds::new(&args.worse_than)?)?;
    let text = match args.json {
        true => json::render(&comparison),
        false => text::render(&comparison),
    };
    Ok((text, conclude(&comparison)))
}

/// An error when B is worse than it may be.
fn conclude(comparison: &Comparison) -> Result<(), Error> {
    let bounded = comparison
        .changes
        .iter()
        .filter(|change| change.bound.is_some());
    let worse: Vec<_> = bounded
        .filter(|change| change.verdict == Some(Verdict::Worse))
        .map(text::reason)
        .collect();
    match worse.is_empty() {
        true => Ok(()),
        false => Err(Error::Run(format!("B is worse: {}", worse.join("; ")))),
    }
}
