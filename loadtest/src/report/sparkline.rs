//! Numbers as a row of small bars. Entered by the progress line; it knows nothing of what they mean.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One bar for each value, from nothing to the largest of them. A value above zero never looks like
/// nothing.
pub(super) fn sparkline(values: impl Iterator<Item = u64> + Clone) -> String {
    let largest = values.clone().max().unwrap_or(0);
    values.map(|value| bar(value, largest)).collect()
}

fn bar(value: u64, largest: u64) -> char {
    let steps = BARS.len() as u64 - 1;
    let scaled = u128::from(value) * u128::from(steps);
    let height = match u128::from(largest) {
        0 => 0,
        largest => scaled.div_ceil(largest),
    };
    BARS[usize::try_from(height).expect("a value is not above the largest")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[u64]) -> String {
        sparkline(values.iter().copied())
    }

    #[test]
    fn bars_reach_from_nothing_to_the_largest() {
        assert_eq!(drawn(&[0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
        assert_eq!(drawn(&[70, 0, 35]), "█▁▅");
        assert_eq!(drawn(&[1, 1_000_000]), "▂█");
        assert_eq!(drawn(&[u64::MAX, u64::MAX / 2]), "█▅");
    }

    #[test]
    fn nothing_is_flat() {
        assert_eq!(drawn(&[0, 0]), "▁▁");
        assert_eq!(drawn(&[]), "");
    }
}
