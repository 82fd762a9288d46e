//! Bodies without a meaning. Entered by the origin for its replies and by the generator for requests
//! whose size alone was asked for.

/// Text whose every byte depends on its place, so that lost or doubled pieces change it.
pub(crate) fn filler(size: usize) -> Vec<u8> {
    let line = |number: usize| format!("{number:015}\n");
    let lines = (0..size.div_ceil(16)).flat_map(|number| line(number).into_bytes());
    lines.take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_its_own_lines() {
        assert_eq!(filler(20), b"000000000000000\n0000");
        assert_eq!(filler(0), b"");
    }
}
