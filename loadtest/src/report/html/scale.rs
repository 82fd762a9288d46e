//! Scales of a plot: where a value lies between the ends of an axis, and where its marks are. Pure.

use crate::units::show_count;

/// An axis from end to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// From 0, in equal steps: counts and rates.
    Count { max: f64 },
    /// From 0, in steps of clocks: seconds since the start.
    Clock { max: f64 },
    /// Microseconds, by powers of ten.
    Times { min: f64, max: f64 },
    /// Percentiles by the number of their nines, so that 90, 99 and 99.9 % are equally far apart.
    Nines { max: f64 },
}

/// A mark of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    /// From 0 to 1.
    pub(super) at: f64,
    /// What is written there; empty for a line alone.
    pub(super) label: String,
}

/// The nines of a percentile: 1 for 90, 2 for 99.
pub(super) fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

/// The percentile of so many nines.
pub(super) fn percentile(nines: f64) -> f64 {
    100.0 - 100.0 / 10_f64.powf(nines)
}

impl Scale {
    /// A scale for counts up to `most`, its end a round number.
    pub(super) fn count(most: f64) -> Self {
        let step = round_step(most.max(1.0) / 4.0, &[1.0, 2.0, 2.5, 5.0, 10.0]);
        Self::Count {
            max: (most.max(1.0) / step - 1e-9).ceil() * step,
        }
    }

    /// A scale for times in microseconds, its ends 1, 2 or 5 times a power of ten.
    pub(super) fn times(values: impl Iterator<Item = f64>) -> Self {
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        let ends = positive.fold(None, |ends: Option<(f64, f64)>, value| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        let (low, high) = ends.unwrap_or((1.0, 10.0));
        let up = |value: f64| round_step(value * (1.0 - 1e-9), &[1.0, 2.0, 5.0, 10.0]);
        let down =
            |value: f64| 1.0 / round_step(1.0 / value * (1.0 - 1e-9), &[1.0, 2.0, 5.0, 10.0]);
        Self::Times {
            min: down(low),
            max: up(high.max(low * 2.0)),
        }
    }

    /// Where a value lies, 0 to 1; what is beyond an end is put there.
    pub(super) fn at(self, value: f64) -> f64 {
        let share = match self {
            Self::Count { max } | Self::Clock { max } | Self::Nines { max } => value / max,
            Self::Times { min, max } => (value.max(min) / min).log10() / (max / min).log10(),
        };
        if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The marks; `room` is how many labels there is room for.
    pub(super) fn marks(self, room: u32) -> Vec<Mark> {
        match self {
            Self::Count { max } => self.even(
                max,
                round_step(max / f64::from(room), &[1.0, 2.0, 2.5, 5.0, 10.0]),
                show_short,
            ),
            Self::Clock { max } => self.even(max, clock_step(max / f64::from(room)), show_clock),
            Self::Times { min, max } => self.decades(min, max, room),
            Self::Nines { max } => self.nines(max),
        }
    }

    fn even(self, max: f64, step: f64, label: fn(f64) -> String) -> Vec<Mark> {
        let values = (0..).map(|number| f64::from(number) * step);
        let values = values
            .take_while(|value| *value <= max * (1.0 + 1e-9))
            .take(100);
        let mark = |value| Mark {
            at: self.at(value),
            label: label(value),
        };
        values.map(mark).collect()
    }

    /// Powers of ten, and 2 and 5 times them where there is room.
    fn decades(self, min: f64, max: f64, room: u32) -> Vec<Mark> {
        let crowded = 1.5 * (max / min).log10() > f64::from(room);
        let mut marks = Vec::new();
        let mut power = 10_f64.powf(min.log10().floor());
        while power <= max * (1.0 + 1e-9) && marks.len() < 100 {
            for factor in [1.0, 2.0, 5.0] {
                let value = power * factor;
                if value < min * (1.0 - 1e-9) || value > max * (1.0 + 1e-9) {
                    continue;
                }
                let label = match crowded && factor > 1.0 {
                    true => String::new(),
                    false => show_micros(value),
                };
                marks.push(Mark {
                    at: self.at(value),
                    label,
                });
            }
            power *= 10.0;
        }
        marks
    }

    fn nines(self, max: f64) -> Vec<Mark> {
        let labels = [
            "0", "90", "99", "99.9", "99.99", "99.999", "99.9999", "99.99999",
        ];
        let whole = labels
            .into_iter()
            .enumerate()
            .map(|(nines, label)| (index(nines), label));
        let half = (nines(50.0), "50");
        let all = whole
            .chain([half])
            .filter(|(nines, _)| *nines <= max + 1e-9);
        let mark = |(nines, label): (f64, &str)| Mark {
            at: self.at(nines),
            label: label.to_owned(),
        };
        all.map(mark).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "an index into a short list")]
fn index(number: usize) -> f64 {
    number as f64
}

/// The first of these multiples of a power of ten that is no smaller.
fn round_step(least: f64, multiples: &[f64]) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let fits = multiples
        .iter()
        .map(|multiple| multiple * power)
        .find(|step| *step >= least);
    fits.unwrap_or(10.0 * power)
}

/// The first step of a clock, in seconds, that is no smaller.
fn clock_step(least: f64) -> f64 {
    const STEPS: [f64; 15] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
    ];
    let fits = STEPS.into_iter().find(|step| *step >= least);
    fits.unwrap_or_else(|| round_step(least / 3600.0, &[1.0, 2.0, 5.0, 10.0]) * 3600.0)
}

/// A count in few characters: 2,500, 40k, 1M.
fn show_short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", v / 1e6),
        v if v >= 1e4 => format!("{}k", v / 1e3),
        v if v >= 1e3 => show_count(v),
        v => format!("{v}"),
    }
}

fn show_clock(seconds: f64) -> String {
    match seconds {
        0.0 => "0".to_owned(),
        s if s < 120.0 => format!("{} s", round_tenth(s)),
        s if s < 7200.0 => format!("{} min", round_tenth(s / 60.0)),
        s => format!("{} h", round_tenth(s / 3600.0)),
    }
}

fn round_tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A round number of microseconds in the unit that fits.
fn show_micros(micros: f64) -> String {
    let (value, unit) = match micros {
        m if m < 0.999 => (m * 1e3, "ns"),
        m if m < 999.0 => (m, "µs"),
        m if m < 999_000.0 => (m / 1e3, "ms"),
        m => (m / 1e6, "s"),
    };
    format!("{} {unit}", round_tenth(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, room: u32) -> Vec<String> {
        let marks = scale.marks(room).into_iter();
        marks
            .map(|mark| mark.label)
            .filter(|label| !label.is_empty())
            .collect()
    }

    #[test]
    fn counts_end_at_a_round_number() {
        let scale = Scale::count(38_613.0);
        assert_eq!(scale, Scale::Count { max: 40_000.0 });
        assert_eq!(labels(scale, 5), ["0", "10k", "20k", "30k", "40k"]);
        assert_eq!(Scale::count(100.0), Scale::Count { max: 100.0 });
        assert_eq!(
            labels(Scale::count(0.0), 4),
            ["0", "0.25", "0.5", "0.75", "1"]
        );
        assert_eq!(scale.at(10_000.0), 0.25);
        assert_eq!(scale.at(1e9), 1.0);
        assert_eq!(scale.at(f64::NAN), 0.0);
    }

    #[test]
    fn clocks_step_like_clocks() {
        assert_eq!(
            labels(Scale::Clock { max: 10.0 }, 6),
            ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]
        );
        assert_eq!(
            labels(Scale::Clock { max: 600.0 }, 5),
            ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]
        );
        assert_eq!(
            labels(Scale::Clock { max: 1e6 }, 5),
            ["0", "100 h", "200 h"]
        );
    }

    #[test]
    fn times_go_by_powers_of_ten() {
        let scale = Scale::times([30.0, 70.0, 4_000.0].into_iter());
        assert_eq!(
            scale,
            Scale::Times {
                min: 20.0,
                max: 5_000.0
            }
        );
        assert_eq!(labels(scale, 2), ["100 µs", "1 ms"]);
        assert_eq!(
            labels(scale, 5),
            [
                "20 µs", "50 µs", "100 µs", "200 µs", "500 µs", "1 ms", "2 ms", "5 ms"
            ]
        );
        assert!((scale.at(20.0), scale.at(5_000.0)) == (0.0, 1.0));
        assert!((scale.at(200.0) * 2.4 - 1.0).abs() < 0.01);
    }

    #[test]
    fn times_of_nothing_or_of_one_value_have_two_ends() {
        for values in [vec![], vec![0.0, -1.0, f64::INFINITY], vec![7.0]] {
            let Scale::Times { min, max } = Scale::times(values.into_iter()) else {
                panic!("times are times");
            };
            assert!(min > 0.0 && max >= 2.0 * min, "{min} {max}");
        }
    }

    #[test]
    fn nines_are_equally_far_apart() {
        let scale = Scale::Nines { max: 4.0 };
        assert_eq!(labels(scale, 9), ["0", "90", "99", "99.9", "99.99", "50"]);
        assert_eq!(scale.at(nines(0.0)), 0.0);
        assert!((scale.at(nines(99.0)) - 0.5).abs() < 1e-9);
        assert_eq!(
            scale.at(nines(100.0)),
            0.0,
            "an infinite number is no place: use the count"
        );
        assert!((percentile(nines(99.73)) - 99.73).abs() < 1e-9);
    }
}
