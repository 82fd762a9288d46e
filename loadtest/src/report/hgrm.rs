//! The latency distribution as HdrHistogram's tools write and read it: the text that they call
//! `.hgrm`, for their plotter and for everything that reads its files. Entered by `main` with a
//! histogram in nanoseconds; the lines are those of `outputPercentileDistribution` in the Java
//! original, to the byte.

use std::fmt::Write;

use clap::ValueEnum;
use hdrhistogram::Histogram;

/// Steps to half of the distance that is left to 100 %, as in the tools.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// What a value of the file counts. The format does not say, so its reader must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    /// Milliseconds, as the tools assume.
    Ms,
    /// Microseconds.
    Us,
}

impl Unit {
    fn nanos(self) -> f64 {
        match self {
            Self::Ms => 1e6,
            Self::Us => 1e3,
        }
    }
}

/// Renders the distribution, a line for each step towards 100 % and three that sum it up.
pub(crate) fn render(latency: &Histogram<u64>, unit: Unit) -> String {
    let digits = usize::from(latency.sigfig());
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    for step in latency.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let value = scaled(step.value_iterated_to(), unit);
        let share = step.quantile_iterated_to();
        let inverse = inverse(share);
        let text = format_args!("{value:12.digits$} {share:.12} {total:10}{inverse}");
        line(&mut out, text);
    }
    let mean = latency.mean() / unit.nanos();
    let stdev = latency.stdev() / unit.nanos();
    let text = format_args!("#[Mean    = {mean:12.digits$}, StdDeviation   = {stdev:12.digits$}]");
    line(&mut out, text);
    let (max, count) = (scaled(latency.max(), unit), latency.len());
    let text = format_args!("#[Max     = {max:12.digits$}, Total count    = {count:12}]");
    line(&mut out, text);
    let (buckets, sub_buckets) = (latency.buckets(), sub_buckets(latency.sigfig()));
    let text = format_args!("#[Buckets = {buckets:12}, SubBuckets     = {sub_buckets:12}]");
    line(&mut out, text);
    out
}

/// The last column, which the line of 100 % is without.
fn inverse(share: f64) -> String {
    if share < 1.0 {
        format!(" {:14.2}", 1.0 / (1.0 - share))
    } else {
        String::new()
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a String takes whatever is written");
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an hour in nanoseconds is exact in f64"
)]
fn scaled(nanos: u64, unit: Unit) -> f64 {
    nanos as f64 / unit.nanos()
}

/// How many values one bucket tells apart: enough for two decades at this precision.
fn sub_buckets(significant_digits: u8) -> u64 {
    (2 * 10_u64.pow(u32::from(significant_digits))).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred thousand latencies that a few lines of any language can make again: the files that
    /// they are compared with were written by HdrHistogram 2.1.11 for Java from the same values.
    fn sample() -> Histogram<u64> {
        let mut latency = Histogram::new_with_bounds(100, 3_600_000_000_000, 3).unwrap();
        let mut state = 1_u64;
        for number in 0..100_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let spread = state >> 44;
            let stall = if number % 1000 == 0 {
                80_000_000 + 1000 * spread
            } else {
                0
            };
            latency
                .record(40_000 + spread * spread / 4_000_000 + stall)
                .unwrap();
        }
        latency
    }

    #[test]
    fn the_text_is_that_of_the_original() {
        for (unit, expected) in [
            (Unit::Ms, include_str!("../../tests/hgrm/sample-ms.hgrm")),
            (Unit::Us, include_str!("../../tests/hgrm/sample-us.hgrm")),
        ] {
            let text = render(&sample(), unit);
            for (line, wanted) in text.lines().zip(expected.lines()) {
                assert_eq!(line, wanted, "{unit:?}");
            }
            assert_eq!(text, expected, "{unit:?}");
        }
    }

    #[test]
    fn nothing_recorded_is_a_file_without_lines() {
        let mut latency = sample();
        latency.reset();
        let expected = include_str!("../../tests/hgrm/empty-ms.hgrm");
        assert_eq!(render(&latency, Unit::Ms), expected);
    }
}
