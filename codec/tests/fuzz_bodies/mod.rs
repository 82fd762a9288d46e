//! What the fuzz targets check about any bytes at all.
//!
//! Shared by the targets in `codec/fuzz` and by the test that replays their corpus.

mod body;
mod differential;
mod heads;
mod path;

pub(crate) use body::body;
pub(crate) use differential::differential;
pub(crate) use heads::{request_head, response_head};
pub(crate) use path::path;

type Body = fn(&[u8]);

/// The targets by the names of their files.
pub(crate) const TARGETS: [(&str, Body); 5] = [
    ("request_head", request_head),
    ("response_head", response_head),
    ("body", body),
    ("differential", differential),
    ("path", path),
];

/// The pieces in which `data` is shown besides in one: two, cut where the bytes themselves decide,
/// and single bytes. Long inputs are not shown byte by byte: it takes the square of their length.
fn cuts(data: &[u8]) -> Vec<Vec<&[u8]>> {
    let sum = data.iter().fold(7_usize, |sum, &byte| {
        sum.wrapping_mul(31) + usize::from(byte)
    });
    let (first, second) = data.split_at(sum % (data.len() + 1));
    let mut cuts = vec![vec![first, second]];
    if data.len() <= 1000 {
        cuts.push(data.chunks(1).collect());
    }
    cuts
}
