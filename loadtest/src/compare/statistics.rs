//! What several rounds say about a difference: the Hodges–Lehmann estimate and its interval. Pure;
//! entered with numbers alone, and it knows no metric and no bound.
//!
//! Paired rounds are judged by Wilcoxon's signed-rank test, independent ones by the rank-sum test of
//! Mann and Whitney, both turned into intervals: the differences that the test would not reject. Their
//! distributions are counted out exactly, so that few rounds need no approximation and a single wild
//! one moves the interval by a rank, not by its size. Pairs are taken to differ symmetrically about
//! the true difference; whoever compares logarithms takes that of their ratios.

/// How sure an interval is: the chance that it holds the true difference.
pub(super) const CONFIDENCE: f64 = 0.95;

/// The most rounds of a side, for what is counted out grows with their third power.
pub(super) const ROUNDS_MAX: usize = 100;

/// The difference of B from A.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// The difference in the middle.
    pub(super) center: f64,
    /// Where the true one lies, at `CONFIDENCE`; `None` with too few rounds to be so sure.
    pub(super) interval: Option<(f64, f64)>,
}

/// The estimate from the differences of rounds that were made in pairs: the median of the means of
/// any two of them. An interval takes six.
///
/// # Panics
/// Without a difference.
pub(super) fn paired(differences: &[f64]) -> Estimate {
    let means = differences
        .iter()
        .enumerate()
        .flat_map(|(at, one)| {
            differences[at..]
                .iter()
                .map(move |other| f64::midpoint(*one, *other))
        })
        .collect();
    estimate(means, &signed_ranks(differences.len()))
}

/// The estimate from rounds that were made by themselves: the median of the differences of any of B
/// from any of A. An interval takes four and four, or as many together.
///
/// # Panics
/// Without a value on either side.
pub(super) fn independent(a: &[f64], b: &[f64]) -> Estimate {
    let differences = b.iter().flat_map(|b| a.iter().map(move |a| b - a));
    estimate(differences.collect(), &rank_sums(a.len(), b.len()))
}

/// The middle of at least one value.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    middle(&values)
}

fn middle(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

/// The interval leaves out as many of the smallest and of the largest differences as the statistic,
/// with these chances of being 0, 1, 2 …, stays at or below too rarely to be believed.
fn estimate(mut differences: Vec<f64>, chances: &[f64]) -> Estimate {
    differences.sort_by(f64::total_cmp);
    let mut sum = 0.0;
    let rare = chances.iter().take_while(|chance| {
        sum += *chance;
        sum <= (1.0 - CONFIDENCE) / 2.0
    });
    let interval = rare
        .count()
        .checked_sub(1)
        .map(|out| (differences[out], differences[differences.len() - 1 - out]));
    Estimate {
        center: middle(&differences),
        interval,
    }
}

/// The chances of the sum of those ranks out of 1 to `rounds` whose sign, a fair coin's, is plus.
fn signed_ranks(rounds: usize) -> Vec<f64> {
    let mut chances = vec![1.0];
    for rank in 1..=rounds {
        let mut next = vec![0.0; chances.len() + rank];
        for (sum, chance) in chances.iter().enumerate() {
            next[sum] += chance / 2.0;
            next[sum + rank] += chance / 2.0;
        }
        chances = next;
    }
    chances
}

/// The chances of the number of pairs in which a value of B is below one of A, when both come from
/// the same source: the last of the order is one of A, above all `b` of B, or one of B.
fn rank_sums(a: usize, b: usize) -> Vec<f64> {
    let mut of_fewer_a = vec![vec![1.0]; b + 1];
    for number_a in 1..=a {
        let mut row: Vec<Vec<f64>> = vec![vec![1.0]];
        for number_b in 1..=b {
            let share = fraction(number_a, number_a + number_b);
            let mut chances = vec![0.0; number_a * number_b + 1];
            for (pairs, chance) in of_fewer_a[number_b].iter().enumerate() {
                chances[pairs + number_b] += share * chance;
            }
            for (pairs, chance) in row[number_b - 1].iter().enumerate() {
                chances[pairs] += (1.0 - share) * chance;
            }
            row.push(chances);
        }
        of_fewer_a = row;
    }
    of_fewer_a.swap_remove(b)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of rounds, a few hundred at most"
)]
fn fraction(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest value of the statistic that is too rare, as printed tables have it.
    fn critical(chances: &[f64]) -> Option<usize> {
        let mut sum = 0.0;
        let rare = chances.iter().take_while(|chance| {
            sum += *chance;
            sum <= 0.025
        });
        rare.count().checked_sub(1)
    }

    #[test]
    fn critical_values_of_signed_ranks_are_those_of_the_tables() {
        let table = [
            (6, 0),
            (7, 2),
            (10, 8),
            (15, 25),
            (20, 52),
            (25, 89),
            (30, 137),
        ];
        for (rounds, value) in table {
            assert_eq!(critical(&signed_ranks(rounds)), Some(value), "{rounds}");
        }
        assert_eq!(critical(&signed_ranks(5)), None);
    }

    #[test]
    fn critical_values_of_rank_sums_are_those_of_the_tables() {
        let table = [
            (4, 4, 0),
            (5, 5, 2),
            (3, 5, 0),
            (10, 10, 23),
            (8, 15, 29),
            (20, 20, 127),
        ];
        for (a, b, value) in table {
            assert_eq!(critical(&rank_sums(a, b)), Some(value), "{a} {b}");
            assert_eq!(critical(&rank_sums(b, a)), Some(value), "{b} {a}");
        }
        assert_eq!(critical(&rank_sums(3, 4)), None);
    }

    #[test]
    fn chances_are_all_there_is() {
        for chances in [signed_ranks(100), rank_sums(1, 1), rank_sums(60, 40)] {
            assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        assert_eq!(
            signed_ranks(3),
            [0.125, 0.125, 0.125, 0.25, 0.125, 0.125, 0.125]
        );
        assert_eq!(rank_sums(1, 2).len(), 3);
    }

    /// Darwin's plants, crossed against self-fertilised, in eighths of an inch. The estimate and its
    /// limits are where SciPy's exact `wilcoxon` goes from p = 0.048 to p = 0.064.
    #[test]
    fn pairs_as_scipy_has_them() {
        let plants = [
            49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0,
            -48.0,
        ];
        let found = paired(&plants);
        assert_eq!(found.center, 25.0);
        assert_eq!(found.interval, Some((4.0, 41.5)));
    }

    /// Two samples of Hollander and Wolfe. The limits are where SciPy's exact `mannwhitneyu` goes
    /// from p = 0.055 to p = 0.028 below and 0.040 above.
    #[test]
    fn independent_samples_as_scipy_has_them() {
        let a = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let b = [1.15, 0.88, 0.90, 0.74, 1.21];
        let found = independent(&a, &b);
        let (low, high) = found.interval.unwrap();
        for (value, expected) in [(found.center, -0.305), (low, -0.76), (high, 0.15)] {
            assert!((value - expected).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn too_few_rounds_have_an_estimate_and_no_interval() {
        let expected = Estimate {
            center: 2.5,
            interval: None,
        };
        assert_eq!(paired(&[1.0, 4.0]), expected);
        assert_eq!(independent(&[1.0], &[3.0, 4.0]), expected);
    }

    #[test]
    fn a_side_that_came_to_nothing_is_below_everything() {
        let found = paired(&[f64::NEG_INFINITY; 6]);
        assert_eq!(found.center, f64::NEG_INFINITY);
        assert_eq!(found.interval, Some((f64::NEG_INFINITY, f64::NEG_INFINITY)));
    }

    #[test]
    fn the_middle_of_an_even_number_is_between_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), 2.5);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }

    /// Of a thousand made-up comparisons with a known difference, about 95 % must hold it.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mut state = 7_u64;
        let mut noise = || {
            // Twelve uniform numbers add up to nearly a normal one of variance 1.
            let uniform = (0..12).map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
            });
            uniform.sum::<f64>() - 6.0
        };
        let mut held = [0, 0];
        for _ in 0..1000 {
            let a: Vec<f64> = (0..10).map(|_| noise()).collect();
            let b: Vec<f64> = (0..10).map(|_| noise() + 1.0).collect();
            let pairs: Vec<f64> = b.iter().zip(&a).map(|(b, a)| b - a).collect();
            for (count, found) in held.iter_mut().zip([paired(&pairs), independent(&a, &b)]) {
                let (low, high) = found.interval.unwrap();
                *count += u32::from(low <= 1.0 && 1.0 <= high);
            }
        }
        for held in held {
            assert!((935..=970).contains(&held), "{held} of 1000");
        }
    }
}
