//! How long the origin waits before it replies. Entered with a text from the command line or a path,
//! and then once for each reply; the chance is the caller's.

use std::str::FromStr;
use std::time::Duration;

use crate::random::Random;
use crate::units::parse_duration;

/// The longest delay, drawn or asked for: a longer one is cut to it, or refused.
const LONGEST: Duration = Duration::from_secs(600);
/// How many standard deviations of a normal distribution lie between its median and its 99th
/// percentile.
const P99_SIGMAS: f64 = 2.326_347_874_040_841;

/// A distribution of delays. Its numbers are seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delay {
    /// Always the same: `5ms`.
    Fixed(Duration),
    /// Anything between the two, as likely as the rest: `uniform:1ms..20ms`.
    Uniform { from: f64, to: f64 },
    /// Short ones often and long ones seldom: `exponential:5ms` has this mean.
    Exponential { mean: f64 },
    /// Around a mean with a standard deviation: `normal:5ms±1ms`; what would be negative is 0.
    Normal { mean: f64, deviation: f64 },
    /// With a long tail: `lognormal:5ms..50ms` has this median and this 99th percentile.
    LogNormal { median: f64, sigma: f64 },
}

impl Delay {
    /// The next delay.
    pub(super) fn draw(&self, random: &mut Random) -> Duration {
        let seconds = match *self {
            Self::Fixed(delay) => return delay,
            Self::Uniform { from, to } => from + (to - from) * random.unit(),
            Self::Exponential { mean } => mean * random.exponential(),
            Self::Normal { mean, deviation } => deviation.mul_add(normal(random), mean),
            Self::LogNormal { median, sigma } => median * (sigma * normal(random)).exp(),
        };
        Duration::from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64()))
    }
}

/// A number of the standard normal distribution (Box and Muller).
fn normal(random: &mut Random) -> f64 {
    let radius = (2.0 * random.exponential()).sqrt();
    radius * (std::f64::consts::TAU * random.unit()).cos()
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((kind, values)) = text.split_once(':') else {
            return duration(text).map(Self::Fixed);
        };
        let pair = |between: &[&str]| {
            let parts = between.iter().find_map(|mark| values.split_once(mark));
            let (first, second) = parts
                .ok_or_else(|| format!("expected two durations with {} between", between[0]))?;
            Ok::<_, String>((
                duration(first)?.as_secs_f64(),
                duration(second)?.as_secs_f64(),
            ))
        };
        match kind {
            "uniform" => match pair(&[".."])? {
                (from, to) if from <= to => Ok(Self::Uniform { from, to }),
                _ => Err("the first duration is the shorter one".to_owned()),
            },
            "exponential" => Ok(Self::Exponential {
                mean: duration(values)?.as_secs_f64(),
            }),
            "normal" => {
                let (mean, deviation) = pair(&["±", "+-"])?;
                Ok(Self::Normal { mean, deviation })
            }
            "lognormal" => match pair(&[".."])? {
                (median, p99) if median < p99 => Ok(Self::LogNormal {
                    median,
                    sigma: (p99 / median).ln() / P99_SIGMAS,
                }),
                _ => Err("the 99th percentile lies above the median".to_owned()),
            },
            _ => Err(format!(
                "unknown distribution {kind:?}: uniform, exponential, normal or lognormal"
            )),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        delay if delay > LONGEST => Err(format!("at most {} minutes", LONGEST.as_secs() / 60)),
        delay => Ok(delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many delays in milliseconds, sorted.
    fn drawn(text: &str) -> Vec<f64> {
        let delay: Delay = text.parse().unwrap();
        let mut random = Random::new(11);
        let draw = |_| delay.draw(&mut random).as_secs_f64() * 1e3;
        let mut delays: Vec<f64> = (0..100_000).map(draw).collect();
        delays.sort_by(f64::total_cmp);
        delays
    }

    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    fn moments(delays: &[f64]) -> (f64, f64) {
        let count = delays.len() as f64;
        let mean = delays.iter().sum::<f64>() / count;
        let squares = delays.iter().map(|delay| (delay - mean).powi(2));
        (mean, (squares.sum::<f64>() / count).sqrt())
    }

    fn is_near(value: f64, expected: f64) -> bool {
        (value / expected - 1.0).abs() < 0.02
    }

    #[test]
    fn distributions_have_the_moments_that_were_asked_for() {
        let fixed = drawn("7ms");
        assert!(fixed.iter().all(|delay| is_near(*delay, 7.0)));

        let uniform = drawn("uniform:1ms..21ms");
        let (mean, deviation) = moments(&uniform);
        assert!(is_near(mean, 11.0) && is_near(deviation, 20.0 / 12f64.sqrt()));
        assert!(uniform[0] >= 1.0 && uniform[99_999] <= 21.0);

        let (mean, deviation) = moments(&drawn("exponential:5ms"));
        assert!(
            is_near(mean, 5.0) && is_near(deviation, 5.0),
            "{mean} {deviation}"
        );

        for text in ["normal:50ms±10ms", "normal:50ms+-10ms"] {
            let normal = drawn(text);
            let (mean, deviation) = moments(&normal);
            assert!(is_near(mean, 50.0) && is_near(deviation, 10.0));
            assert!(is_near(normal[99_000], 50.0 + 10.0 * P99_SIGMAS));
        }

        let lognormal = drawn("lognormal:5ms..50ms");
        assert!(is_near(lognormal[50_000], 5.0));
        assert!(
            (lognormal[99_000] / 50.0 - 1.0).abs() < 0.05,
            "{}",
            lognormal[99_000]
        );
    }

    #[test]
    fn no_delay_is_negative_or_endless() {
        assert_eq!(drawn("normal:1ms±100ms")[0], 0.0);
        let longest = drawn("lognormal:1s..600s")[99_999];
        assert!((longest - 600_000.0).abs() < 1e-6, "{longest}");
    }

    #[test]
    fn refusals_say_what_was_expected() {
        for (text, part) in [
            ("5", "unit"),
            ("", "number"),
            ("gamma:5ms", "unknown distribution \"gamma\""),
            ("uniform:5ms", ".."),
            ("uniform:5ms..1ms", "shorter"),
            ("normal:5ms", "±"),
            ("lognormal:5ms..5ms", "above the median"),
            ("11m", "at most 10 minutes"),
        ] {
            let error = text.parse::<Delay>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
