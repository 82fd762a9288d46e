//! A histogram as the curve of latency by percentile. Entered by the reports.

use super::Times;

/// Points for each halving of the distance to 100 %: 90 %, 99 % and 99.9 % are then met closely, and a
/// plot over many nines is smooth.
const STEPS_PER_HALVING: u32 = 10;

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// The percentile, 0 to 100.
    pub(crate) percentile: f64,
    /// This share of all was not longer, in nanoseconds.
    pub(crate) nanos: u64,
    /// How many were not longer.
    pub(crate) count: u64,
}

/// The curve up to its last point, where all are counted; empty for an empty histogram.
pub(crate) fn curve(times: &Times) -> Vec<Point> {
    let mut count = 0;
    let steps = times.iter_quantiles(STEPS_PER_HALVING);
    steps
        .map(|step| {
            count += step.count_since_last_iteration();
            Point {
                percentile: tidy(step.quantile_iterated_to() * 100.0),
                nanos: step.value_iterated_to(),
                count,
            }
        })
        .collect()
}

/// Without the dust that sums of fractions leave behind: 15 and not 15.000000000000002.
fn tidy(percentile: f64) -> f64 {
    (percentile * 1e10).round() / 1e10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::times;

    #[test]
    fn the_curve_rises_to_the_maximum() {
        let mut all = times();
        for micros in 1..=100_000 {
            all.record(micros * 1_000).unwrap();
        }
        let points = curve(&all);
        assert!(points.len() > 100, "{} points", points.len());
        for pair in points.windows(2) {
            assert!(pair[0].percentile < pair[1].percentile, "{pair:?}");
            assert!(pair[0].nanos <= pair[1].nanos && pair[0].count <= pair[1].count);
        }
        let last = points.last().unwrap();
        assert_eq!((last.percentile, last.count), (100.0, 100_000));
        assert_eq!(last.nanos, all.max());
        let near = |percentile: f64| {
            let past = points.iter().find(|point| point.percentile >= percentile);
            past.unwrap().nanos
        };
        for percentile in [50.0, 90.0, 99.0, 99.9, 99.99] {
            let exact = all.value_at_percentile(percentile);
            let ratio = near(percentile) as f64 / exact as f64;
            assert!((0.999..1.06).contains(&ratio), "{percentile}: {ratio}");
        }
    }

    #[test]
    fn nothing_has_no_curve() {
        assert_eq!(curve(&times()), []);
    }
}
