//! By how much B may be worse, as the command line says it. Entered by `cli` and the verdict.

use std::str::FromStr;

use super::metric::{Metric, Scale};
use crate::cli::Error;

/// What errors may rise by when only a bound for all ratios is given: a share of requests.
const ERRORS: f64 = 0.001;
/// A bound above this is a slip of the pen.
const PERCENT_MAX: f64 = 1000.0;

/// One bound: `5%` or `p99=5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    metric: Option<Metric>,
    share: f64,
}

/// The bound of each metric, where there is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bounds([Option<f64>; Metric::ALL.len()]);

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (metric, percent) = match text.split_once('=') {
            Some((name, percent)) => (Some(Metric::from_name(name)?), percent),
            None => (None, text),
        };
        let number = percent
            .strip_suffix('%')
            .and_then(|number| number.trim_end().parse::<f64>().ok())
            .filter(|number| (0.0..=PERCENT_MAX).contains(number));
        let number = number.ok_or_else(|| {
            format!("{percent:?}: write per cent from 0 to {PERCENT_MAX}, as in 5%")
        })?;
        Ok(Self {
            metric,
            share: number / 100.0,
        })
    }
}

impl Bounds {
    /// Puts the bounds together; what is said of one metric goes before what is said of all.
    ///
    /// # Errors
    /// `Usage` when a metric is named twice.
    pub(super) fn new(bounds: &[Bound]) -> Result<Self, Error> {
        let mut found = Self::default();
        for metric in Metric::ALL {
            let said: Vec<_> = bounds
                .iter()
                .filter(|bound| bound.metric == Some(metric))
                .collect();
            let all: Vec<_> = bounds
                .iter()
                .filter(|bound| bound.metric.is_none())
                .collect();
            found.0[metric as usize] = match (said.as_slice(), all.as_slice()) {
                ([one], _) => Some(one.share),
                ([], [one]) if metric.scale() == Scale::Difference => Some(ERRORS.min(one.share)),
                ([], [one]) => Some(one.share),
                ([], []) => None,
                _ => {
                    let why = "--worse-than: two bounds for the same metric";
                    return Err(Error::Usage(why.to_owned()));
                }
            };
        }
        Ok(found)
    }

    /// The bound of a metric.
    pub(super) fn of(&self, metric: Metric) -> Option<f64> {
        self.0[metric as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(words: &[&str]) -> Result<Bounds, Error> {
        let parsed: Vec<_> = words.iter().map(|word| word.parse().unwrap()).collect();
        Bounds::new(&parsed)
    }

    #[test]
    fn one_bound_is_for_all_and_errors_have_their_own() {
        let found = bounds(&["5%"]).unwrap();
        assert_eq!(found.of(Metric::Rate), Some(0.05));
        assert_eq!(found.of(Metric::P999), Some(0.05));
        assert_eq!(found.of(Metric::Errors), Some(0.001));
        assert_eq!(bounds(&["0%"]).unwrap().of(Metric::Errors), Some(0.0));
    }

    #[test]
    fn a_metric_that_is_named_goes_first_and_others_are_free() {
        let found = bounds(&["p99=10%", "errors=1%"]).unwrap();
        assert_eq!(found.of(Metric::P99), Some(0.1));
        assert_eq!(found.of(Metric::Errors), Some(0.01));
        assert_eq!(found.of(Metric::Rate), None);
        let found = bounds(&["p99=10%", "5 %"]).unwrap();
        assert_eq!(
            (found.of(Metric::P99), found.of(Metric::P50)),
            (Some(0.1), Some(0.05))
        );
    }

    #[test]
    fn slips_are_named() {
        for (text, part) in [
            ("5", "\"5\": write per cent"),
            ("p98=5%", "unknown metric \"p98\""),
            ("p99=-5%", "from 0 to 1000"),
            ("p99=NaN%", "from 0 to 1000"),
            ("", "per cent"),
        ] {
            let error = text.parse::<Bound>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(bounds(&["p99=5%", "p99=6%"]).is_err());
        assert!(bounds(&["5%", "6%"]).is_err());
    }
}
