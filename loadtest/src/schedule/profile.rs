//! The rate of requests over time: pieces in which it stays or moves in a straight line. Entered with
//! what the command line or a scenario says, and by `offsets`, which asks when how many were due.

use std::fmt;
use std::time::Duration;

use crate::units::{parse_duration, parse_rate, show_duration};

/// The rate over the whole run, piece after piece; there is at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    pieces: Vec<Piece>,
}

/// A time in which the rate moves in a straight line, or stays. Rates are requests per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    /// The rate at its beginning.
    pub(crate) from: f64,
    /// The rate at its end.
    pub(crate) to: f64,
    /// How long it lasts.
    pub(crate) duration: Duration,
}

impl Profile {
    /// The same rate all the time.
    pub(crate) fn constant(rate: f64, duration: Duration) -> Self {
        Self {
            pieces: vec![Piece {
                from: rate,
                to: rate,
                duration,
            }],
        }
    }

    /// Reads pieces with commas between them, each `RATE:DURATION` or `RATE..RATE:DURATION`.
    ///
    /// # Errors
    /// A sentence for the user that names the piece.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let pieces: Vec<_> = text
            .split(',')
            .map(Piece::parse)
            .collect::<Result<_, _>>()?;
        if pieces.iter().all(|piece| piece.requests() == 0.0) {
            return Err("no request is due in it".to_owned());
        }
        Ok(Self { pieces })
    }

    /// The pieces in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How long it lasts.
    pub(crate) fn duration(&self) -> Duration {
        self.pieces.iter().map(|piece| piece.duration).sum()
    }

    /// The highest rate in it.
    pub(crate) fn peak(&self) -> f64 {
        let ends = self.pieces.iter().flat_map(|piece| [piece.from, piece.to]);
        ends.fold(0.0, f64::max)
    }
}

impl Piece {
    fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || format!("{text:?}: expected RATE:DURATION or RATE..RATE:DURATION, as in 1000/s:10s");
        let (rates, duration) = text.trim().split_once(':').ok_or_else(expected)?;
        let (from, to) = rates.split_once("..").unwrap_or((rates, rates));
        let named = |error: String| format!("{text:?}: {error}");
        Ok(Self {
            from: parse_rate(from).map_err(named)?,
            to: parse_rate(to).map_err(named)?,
            duration: parse_duration(duration).map_err(named)?,
        })
    }

    /// How many requests are due in it: the area under its line.
    pub(super) fn requests(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.duration.as_secs_f64()
    }

    /// How long after its beginning `requests` of them have been due; the caller makes sure that so
    /// many are.
    pub(super) fn time_of(&self, requests: f64) -> Duration {
        if requests <= 0.0 {
            return Duration::ZERO;
        }
        let seconds = self.duration.as_secs_f64();
        let slope = (self.to - self.from) / seconds;
        // The smaller root of slope/2 t² + from t = requests, in the form that does not cancel and
        // that holds for a slope of 0, too. Rounding may bring the square a little below 0.
        let square = (self.from * self.from + 2.0 * slope * requests).max(0.0);
        let time = 2.0 * requests / (self.from + square.sqrt());
        Duration::from_secs_f64(time.min(seconds))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, piece) in self.pieces.iter().enumerate() {
            if number > 0 {
                out.write_str(", then ")?;
            }
            write!(out, "{piece}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = show_duration(self.duration);
        if self.from.to_bits() == self.to.to_bits() {
            write!(out, "{}/s for {duration}", self.from)
        } else {
            write!(out, "{}/s to {}/s over {duration}", self.from, self.to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pieces_and_says_them() {
        let profile = Profile::parse("1000/s:10s, 0/s:500ms,1000/s..2500/s:2m").unwrap();
        assert_eq!(
            profile.to_string(),
            "1000/s for 10 s, then 0/s for 500 ms, then 1000/s to 2500/s over 120 s"
        );
        assert_eq!(profile.duration(), Duration::from_millis(130_500));
        assert_eq!(profile.peak(), 2500.0);
        let requests: f64 = profile.pieces().iter().map(Piece::requests).sum();
        assert_eq!(requests, 220_000.0);
    }

    #[test]
    fn refuses_what_is_no_profile_and_names_the_piece() {
        for (text, part) in [
            ("", "\"\""),
            ("1000/s", "\"1000/s\""),
            ("1000/s:10s,", "\"\""),
            ("1000/s:10s,5:1s", "\"5:1s\""),
            ("1000/s:0s", "longer than zero"),
            ("1/s..:1s", "\"1/s..:1s\""),
            ("0/s:10s,0/s:1s", "no request is due"),
        ] {
            let error = Profile::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_time_of_a_count_is_where_the_area_is_that_count() {
        for (from, to) in [(100.0, 100.0), (0.0, 50.0), (50.0, 0.0), (10.0, 5000.0)] {
            let piece = Piece {
                from,
                to,
                duration: Duration::from_secs(30),
            };
            assert_eq!(piece.time_of(0.0), Duration::ZERO);
            for share in [0.001, 0.1, 0.5, 0.9, 0.999, 1.0] {
                let wanted = piece.requests() * share;
                let until = piece.time_of(wanted).as_secs_f64();
                let rate_then = from + (to - from) * until / 30.0;
                let area = (from + rate_then) / 2.0 * until;
                let scale = piece.requests();
                assert!((area - wanted).abs() < scale * 1e-6, "{piece} {share}");
            }
        }
    }
}
