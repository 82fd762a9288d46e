//! What the difference between two sides comes to, metric by metric. Entered with both sides and the
//! bounds; it decides and prints nothing.

use super::bound::Bounds;
use super::metric::{Metric, Scale};
use super::side::Side;
use super::statistics::{Estimate, independent, median, paired};
use crate::cli::Error;

/// Two sides compared.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) a: Side,
    pub(super) b: Side,
    /// Whose rounds were held against whose.
    pub(super) method: Method,
    /// One for each metric, in the order of `Metric::ALL`.
    pub(super) changes: Vec<Change>,
}

/// How the rounds were taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Each of B with that of A of the same number.
    Paired,
    /// All of B with all of A.
    Independent,
    /// As either of them, too few for an interval.
    TooFew,
}

/// One metric's difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) metric: Metric,
    /// The median of A.
    pub(super) a: f64,
    /// The median of B.
    pub(super) b: f64,
    /// B over A, or B less A; by `Metric::scale`.
    pub(super) change: Estimate,
    /// By how much B may be worse: a share of A, or of requests.
    pub(super) bound: Option<f64>,
    /// What that says; `None` when nobody asked and there are too few rounds to say it.
    pub(super) verdict: Option<Verdict>,
}

/// How B does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Worse, beyond the bound if there is one.
    Worse,
    /// Better.
    Better,
    /// Perhaps worse, but by less than the bound.
    Within,
    /// What is true may lie on either side of the bound, or of no difference.
    Unclear,
}

impl Comparison {
    /// Compares B with A.
    ///
    /// # Errors
    /// `Usage` when there is nothing in A to compare with.
    pub(super) fn new(a: Side, b: Side, bounds: &Bounds) -> Result<Self, Error> {
        let method = Method::choose(a.rounds.len(), b.rounds.len());
        let changes = Metric::ALL.into_iter().map(|metric| {
            let bound = bounds.of(metric);
            Ok(Change::new(
                metric,
                a.base(metric)?,
                b.figures(metric),
                method,
                bound,
            ))
        });
        let changes = changes.collect::<Result<_, Error>>()?;
        Ok(Self {
            a,
            b,
            method,
            changes,
        })
    }
}

impl Method {
    /// Pairs where there are as many rounds on both sides and enough of them.
    fn choose(a: usize, b: usize) -> Self {
        if a == b && paired(&vec![0.0; a]).interval.is_some() {
            Self::Paired
        } else if independent(&vec![0.0; a], &vec![0.0; b]).interval.is_some() {
            Self::Independent
        } else {
            Self::TooFew
        }
    }
}

impl Change {
    fn new(metric: Metric, a: Vec<f64>, b: Vec<f64>, method: Method, bound: Option<f64>) -> Self {
        let scale = metric.scale();
        let [from, to] = [&a, &b].map(|side| {
            let figures = side.iter();
            figures
                .map(|figure| scale.additive(*figure))
                .collect::<Vec<_>>()
        });
        let found = match (method, from.len() == to.len()) {
            (Method::Independent, _) | (Method::TooFew, false) => independent(&from, &to),
            (Method::Paired, _) | (Method::TooFew, true) => {
                let pairs = to.iter().zip(&from);
                paired(&pairs.map(|(to, from)| to - from).collect::<Vec<_>>())
            }
        };
        let change = Estimate {
            center: scale.undo(found.center),
            interval: found
                .interval
                .map(|(low, high)| (scale.undo(low), scale.undo(high))),
        };
        Self {
            metric,
            a: median(a),
            b: median(b),
            change,
            bound,
            verdict: judge(scale, &change, bound),
        }
    }
}

/// Without an interval the estimate itself is held against the bound, for a check that cannot fail is
/// none; whoever prints it says so.
fn judge(scale: Scale, change: &Estimate, bound: Option<f64>) -> Option<Verdict> {
    let (low, high) = match (change.interval, bound) {
        (Some(interval), _) => interval,
        (None, Some(_)) => (change.center, change.center),
        (None, None) => return None,
    };
    // By how much it is worse at least and at most.
    let (least, most) = match scale {
        Scale::RatioUp => (low - 1.0, high - 1.0),
        Scale::RatioDown => (1.0 - high, 1.0 - low),
        Scale::Difference => (low, high),
    };
    Some(match bound {
        _ if least > bound.unwrap_or(0.0) => Verdict::Worse,
        _ if most < 0.0 => Verdict::Better,
        Some(bound) if most <= bound => Verdict::Within,
        _ => Verdict::Unclear,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::bound::Bound;
    use crate::report::saved::{Saved, Times};

    /// A side whose rounds have this rate, and latencies of a thousandth of it.
    fn side(rates: &[f64]) -> Side {
        let rounds = rates.iter().map(|&rate| {
            let times = Times {
                p50: rate / 1e3,
                p99: rate / 1e3,
                p999: rate / 1e3,
                ..Times::default()
            };
            let mut saved = Saved {
                good_per_s: rate,
                ..Saved::default()
            };
            saved.total.good = 1000;
            saved.total.latency_us = (rate > 0.0).then_some(times);
            saved
        });
        Side {
            files: vec!["a.json".to_owned()],
            rounds: rounds.collect(),
        }
    }

    fn compare(a: &[f64], b: &[f64], bound: &str) -> Comparison {
        let bounds: Vec<Bound> = bound
            .split_terminator(' ')
            .map(|bound| bound.parse().unwrap())
            .collect();
        Comparison::new(side(a), side(b), &Bounds::new(&bounds).unwrap()).unwrap()
    }

    fn verdicts(comparison: &Comparison) -> Vec<Option<Verdict>> {
        comparison
            .changes
            .iter()
            .map(|change| change.verdict)
            .collect()
    }

    const NOISY: [f64; 8] = [970.0, 1030.0, 1000.0, 990.0, 1020.0, 1010.0, 960.0, 1040.0];
    /// The same in another order: nothing has changed, and no pair is equal.
    const AGAIN: [f64; 8] = [1010.0, 990.0, 1030.0, 1040.0, 960.0, 970.0, 1020.0, 1000.0];

    fn scaled(rates: [f64; 8], factor: f64) -> [f64; 8] {
        rates.map(|rate| rate * factor)
    }

    #[test]
    fn a_side_is_like_itself() {
        let comparison = compare(&NOISY, &NOISY, "");
        assert_eq!(comparison.method, Method::Paired);
        for change in &comparison.changes {
            let same = if change.metric == Metric::Errors {
                0.0
            } else {
                1.0
            };
            assert_eq!(change.change.center, same, "{change:?}");
            assert_eq!(change.change.interval, Some((same, same)), "{change:?}");
            assert_eq!(change.verdict, Some(Verdict::Unclear), "{change:?}");
        }
        let bounded = compare(&NOISY, &NOISY, "0%");
        assert_eq!(verdicts(&bounded), [Some(Verdict::Within); 5]);
    }

    #[test]
    fn noise_is_no_difference() {
        let free = compare(&NOISY, &AGAIN, "");
        assert_eq!(verdicts(&free), [Some(Verdict::Unclear); 5]);
        let bounded = compare(&NOISY, &AGAIN, "10%");
        assert_eq!(verdicts(&bounded), [Some(Verdict::Within); 5]);
        let tight = compare(&NOISY, &AGAIN, "rate=1%");
        assert_eq!(verdicts(&tight)[0], Some(Verdict::Unclear));
    }

    #[test]
    fn a_shift_is_found_and_its_direction_judged() {
        // Half as much again: a better rate, worse latencies.
        let comparison = compare(&NOISY, &scaled(AGAIN, 1.5), "10%");
        use Verdict::{Better, Within, Worse};
        let expected = [Better, Worse, Worse, Worse, Within].map(Some);
        assert_eq!(verdicts(&comparison), expected);
        let rate = comparison.changes[0].change;
        assert!((rate.center - 1.5).abs() < 0.02, "{rate:?}");
        let (low, high) = rate.interval.unwrap();
        assert!(
            1.4 < low && low < 1.5 && 1.5 < high && high < 1.6,
            "{rate:?}"
        );
        let back = compare(&scaled(AGAIN, 1.5), &NOISY, "10%");
        let expected = [Worse, Better, Better, Better, Within].map(Some);
        assert_eq!(verdicts(&back), expected);
    }

    #[test]
    fn less_than_the_bound_is_within_it_and_about_it_is_unclear() {
        let slower = scaled(NOISY, 0.97);
        assert_eq!(
            verdicts(&compare(&NOISY, &slower, "rate=5%"))[0],
            Some(Verdict::Within)
        );
        assert_eq!(
            verdicts(&compare(&NOISY, &slower, "rate=2%"))[0],
            Some(Verdict::Worse)
        );
        let noisily = scaled(AGAIN, 0.97);
        assert_eq!(
            verdicts(&compare(&NOISY, &noisily, "rate=3%"))[0],
            Some(Verdict::Unclear)
        );
    }

    #[test]
    fn few_rounds_are_judged_by_their_estimate_and_only_when_asked() {
        let [a, b] = [&[100.0, 102.0][..], &[80.0, 81.0]];
        let comparison = compare(a, b, "");
        assert_eq!(comparison.method, Method::TooFew);
        assert_eq!(verdicts(&comparison), [None; 5]);
        let bounded = compare(a, b, "10%");
        assert_eq!(bounded.changes[0].verdict, Some(Verdict::Worse));
        assert_eq!(bounded.changes[0].change.interval, None);
        assert_eq!(bounded.changes[1].verdict, Some(Verdict::Better));
    }

    #[test]
    fn five_rounds_or_unequal_numbers_are_independent() {
        assert_eq!(
            compare(&NOISY[..5], &AGAIN[..5], "").method,
            Method::Independent
        );
        assert_eq!(compare(&NOISY, &AGAIN[..4], "").method, Method::Independent);
        assert_eq!(compare(&NOISY[..3], &AGAIN[..3], "").method, Method::TooFew);
    }

    #[test]
    fn a_side_without_a_good_reply_is_worse_as_b_and_useless_as_a() {
        let comparison = compare(&NOISY, &[0.0; 8], "5%");
        for change in &comparison.changes[..4] {
            assert_eq!(change.verdict, Some(Verdict::Worse), "{change:?}");
        }
        let error = Comparison::new(side(&[10.0, 0.0]), side(&NOISY), &Bounds::default());
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("a.json: round 2 has no good reply"),
            "{error}"
        );
    }
}
