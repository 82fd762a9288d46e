//! The instants of a schedule, one after the other, as offsets from its start. Entered by a worker, for
//! its part of them.

use std::time::Duration;

use super::{Arrivals, Piece, Schedule};
use crate::random::Random;

/// Iterates over one part of a schedule's offsets.
#[derive(Clone, Debug)]
pub(crate) struct Offsets {
    pieces: std::vec::IntoIter<Piece>,
    /// The piece under way, when it began, and how many requests were due before it.
    piece: Piece,
    piece_start: Duration,
    due_before: f64,
    arrivals: Spread,
    /// The number of the next one among all parts'.
    number: u64,
    parts: u64,
    end: u64,
}

/// Where in the count of requests the next one stands. Evenly spread ones stand at whole numbers; in a
/// Poisson process the distances have the exponential distribution, whatever the rate is meanwhile.
#[derive(Clone, Debug)]
enum Spread {
    Even,
    Poisson { random: Random, at: f64, drawn: u64 },
}

impl Offsets {
    /// Part `part` of `parts` of the schedule.
    pub(super) fn new(schedule: &Schedule, part: u64, parts: u64) -> Self {
        let mut pieces = schedule.profile.pieces().to_vec().into_iter();
        Self {
            piece: pieces.next().expect("a profile has a piece"),
            pieces,
            piece_start: Duration::ZERO,
            due_before: 0.0,
            arrivals: match schedule.arrivals {
                Arrivals::Even => Spread::Even,
                Arrivals::Poisson { seed } => Spread::Poisson {
                    random: Random::new(seed),
                    at: 0.0,
                    drawn: 0,
                },
            },
            number: part,
            parts,
            end: schedule.requests.unwrap_or(u64::MAX),
        }
    }
}

impl Iterator for Offsets {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.number >= self.end {
            return None;
        }
        let due = self.arrivals.place_of(self.number);
        self.number += self.parts;
        while due >= self.due_before + self.piece.requests() {
            self.due_before += self.piece.requests();
            self.piece_start += self.piece.duration;
            self.piece = self.pieces.next()?;
        }
        Some(self.piece_start + self.piece.time_of(due - self.due_before))
    }
}

impl Spread {
    /// Where request `number` stands. Numbers rise from call to call; every part draws all random
    /// numbers up to its own, so that all parts see the same process.
    #[expect(
        clippy::cast_precision_loss,
        reason = "no run has 2^53 requests: at most 48 hours of at most a million a second"
    )]
    fn place_of(&mut self, number: u64) -> f64 {
        match self {
            Self::Even => number as f64,
            Self::Poisson { random, at, drawn } => {
                while *drawn <= number {
                    *at += random.exponential();
                    *drawn += 1;
                }
                *at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Profile;

    fn schedule(profile: &str, arrivals: Arrivals) -> Schedule {
        Schedule {
            profile: Profile::parse(profile).unwrap(),
            arrivals,
            requests: None,
        }
    }

    fn even(profile: &str) -> Vec<f64> {
        seconds(&schedule(profile, Arrivals::Even))
    }

    fn seconds(schedule: &Schedule) -> Vec<f64> {
        let offsets = schedule.offsets(0, 1);
        offsets.map(|offset| offset.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_equal_distances_from_zero_on() {
        let offsets = even("5000/s:10s");
        assert_eq!((offsets.len(), offsets[0]), (50_000, 0.0));
        for (number, offset) in (0u32..).zip(&offsets) {
            let exact = f64::from(number) / 5000.0;
            assert!((offset - exact).abs() < 2e-9, "{number}: {offset}");
        }
    }

    #[test]
    fn a_slow_rate_keeps_its_distances() {
        assert_eq!(even("0.5/s:7s"), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(even("3/m:61s"), [0.0, 20.0, 40.0, 60.0]);
    }

    #[test]
    fn steps_have_the_count_and_distance_of_each() {
        let offsets = even("1000/s:10s,0/s:5s,2000/s:10s");
        assert_eq!(offsets.len(), 30_000);
        assert!((offsets[9_999] - 9.999).abs() < 1e-6);
        assert!((offsets[10_000] - 15.0).abs() < 1e-6);
        assert!((offsets[10_001] - 15.0005).abs() < 1e-6);
        assert!((offsets[29_999] - 24.9995).abs() < 1e-6);
    }

    #[test]
    fn a_ramp_has_the_area_under_its_line() {
        let offsets = even("100/s..5000/s:30s");
        assert_eq!(offsets.len(), 76_500);
        // Until t there are 100 t + 4900/60 t² requests.
        for second in [1.0, 10.0, 29.0] {
            let wanted = 100.0 * second + 4900.0 / 60.0 * second * second;
            let count = offsets.iter().filter(|&&offset| offset < second).count();
            assert!((count as f64 - wanted).abs() <= 1.0, "{second}: {count}");
        }
        assert!(offsets.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn poisson_distances_have_the_exponential_mean_and_variance() {
        let poisson = schedule("1000/s:100s", Arrivals::Poisson { seed: 5 });
        let offsets = seconds(&poisson);
        // A Poisson count of mean 100,000 has a standard deviation of 316.
        assert!((offsets.len() as f64 - 100_000.0).abs() < 1_300.0);
        let gaps: Vec<f64> = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        assert!((mean * 1e3 - 1.0).abs() < 0.015, "{mean}");
        assert!((variance * 1e6 - 1.0).abs() < 0.04, "{variance}");
        let below_mean = gaps.iter().filter(|&&gap| gap < 1e-3).count() as f64 / count;
        assert!((below_mean - 0.632).abs() < 0.01, "{below_mean}");
    }

    #[test]
    fn poisson_follows_steps_and_its_seed() {
        let of = |seed| {
            seconds(&schedule(
                "100/s:50s,1000/s:50s",
                Arrivals::Poisson { seed },
            ))
        };
        let offsets = of(1);
        let early = offsets.iter().filter(|&&offset| offset < 50.0).count();
        assert!((early as f64 - 5_000.0).abs() < 350.0, "{early}");
        let late = offsets.len() - early;
        assert!((late as f64 - 50_000.0).abs() < 1_100.0, "{late}");
        assert_eq!(offsets, of(1));
        assert_ne!(offsets, of(2));
    }

    #[test]
    fn the_parts_of_all_workers_are_the_schedule() {
        for arrivals in [Arrivals::Even, Arrivals::Poisson { seed: 9 }] {
            let mut whole = schedule("500/s:1s,0/s:1s,100/s..3000/s:2s", arrivals);
            for requests in [None, Some(1_000)] {
                whole.requests = requests;
                let one: Vec<_> = whole.offsets(0, 1).collect();
                assert!(requests.is_none_or(|count| one.len() as u64 == count));
                for parts in [2, 3, 7] {
                    let mut union: Vec<_> = (0..parts)
                        .flat_map(|part| whole.offsets(part, parts))
                        .collect();
                    union.sort_unstable();
                    assert_eq!(union, one, "{parts} parts");
                }
            }
        }
    }
}
