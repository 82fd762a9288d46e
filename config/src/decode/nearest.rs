//! "Did you mean": the known word nearest to what was written.

/// More words are not compared: a file with very many names can be wrong in very many places.
const MAX_WORDS: usize = 2_000;

/// The word with the fewest edits from `written`, when they are few for its length.
pub(crate) fn nearest<'w>(
    written: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    let written = canonical(written);
    let best = words
        .into_iter()
        .take(MAX_WORDS)
        .map(|word| (distance(&written, &canonical(word)), word))
        .min_by_key(|(distance, _)| *distance)?;
    let allowed = (written.len() / 3).clamp(1, 3);
    (best.0 <= allowed).then_some(best.1)
}

/// `drainTimeout` and `drain-timeout` are `drain_timeout` with another accent. Long texts are cut:
/// the cost of comparing grows with the square, and no known word is that long.
fn canonical(word: &str) -> Vec<u8> {
    let letters = word
        .bytes()
        .filter(|byte| !matches!(byte, b'_' | b'-' | b' '));
    letters
        .map(|byte| byte.to_ascii_lowercase())
        .take(64)
        .collect()
}

/// Edits that make one of the other: letters inserted, removed, replaced, or swapped with their
/// neighbour.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (last[j] + usize::from(a != b))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_understood_and_strange_words_are_not() {
        let words = ["service", "strip_prefix", "timeout", "path", "methods"];
        for (written, meant) in [
            ("servce", Some("service")),
            ("sevrice", Some("service")),
            ("stripPrefix", Some("strip_prefix")),
            ("strip-prefix", Some("strip_prefix")),
            ("method", Some("methods")),
            ("timeouts", Some("timeout")),
            ("backend", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, words), meant, "{written}");
        }
    }
}
