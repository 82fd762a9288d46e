//! When requests start, how many at once and for how long. The same options stand on the command line
//! and under `load:` in a scenario's file; those on the command line win.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Deserializer};

use super::Error;
use crate::scenario::yaml;
use crate::schedule::Profile;
use crate::units::{parse_duration, parse_rate};

/// Options of the load, all of which have defaults.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoadArgs {
    /// Which loop, if no other option says it. Only in a scenario's file.
    #[arg(skip)]
    #[serde(default)]
    pub(crate) mode: Option<Loop>,
    /// Requests per second, due whatever becomes of those before them (an open loop).
    #[arg(long, short, value_parser = parse_positive_rate, help_heading = "Open loop")]
    #[serde(default, deserialize_with = "rate")]
    pub(crate) rate: Option<f64>,
    /// Rates one after the other: RATE:DURATION,…, as in 1000/s:10s,2000/s:10s.
    #[arg(long, value_parser = Profile::parse, conflicts_with_all = ["rate", "ramp", "duration"], help_heading = "Open loop")]
    #[serde(default, deserialize_with = "profile")]
    pub(crate) steps: Option<Profile>,
    /// A rate that moves in a straight line: FROM..TO:DURATION, as in 100/s..5000/s:30s.
    #[arg(long, value_parser = Profile::parse, conflicts_with_all = ["rate", "duration"], help_heading = "Open loop")]
    #[serde(default, deserialize_with = "profile")]
    pub(crate) ramp: Option<Profile>,
    /// Random arrivals, each regardless of the others, instead of evenly spaced ones.
    #[arg(long, help_heading = "Open loop")]
    #[serde(default)]
    pub(crate) poisson: bool,
    /// Requests that may wait for a free connection; one more is not sent, which is an error
    /// (default: what falls due within --timeout).
    #[arg(long, value_parser = parse_queue, help_heading = "Open loop")]
    #[serde(default, deserialize_with = "queue")]
    pub(crate) queue: Option<u64>,
    /// Connections, spread over the workers (default 64). Without a rate each sends its next request
    /// as soon as the last reply has come (a closed loop).
    #[arg(long, short, value_parser = parse_connections)]
    #[serde(default, deserialize_with = "connections")]
    pub(crate) connections: Option<u32>,
    /// Stop after this time (default 10s, or 10m when --requests is given).
    #[arg(long, short, value_parser = parse_duration)]
    #[serde(default, deserialize_with = "duration")]
    pub(crate) duration: Option<Duration>,
    /// Stop after this many requests.
    #[arg(long, short = 'n', value_parser = parse_requests)]
    #[serde(default, deserialize_with = "requests")]
    pub(crate) requests: Option<u64>,
    /// A request that takes longer, counted from when it is sent, fails, and its connection is closed or
    /// its stream reset (default 10s).
    #[arg(long, value_parser = parse_duration)]
    #[serde(default, deserialize_with = "duration")]
    pub(crate) timeout: Option<Duration>,
    /// What random numbers depend on: arrivals, the mix of requests, variables (default 1).
    #[arg(long)]
    #[serde(default)]
    pub(crate) seed: Option<u64>,
}

/// The two ways in which requests start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Loop {
    /// By a schedule.
    Open,
    /// At the end of the one before.
    Closed,
}

impl LoadArgs {
    /// These options, with those of `other` where these say nothing. A rate of whatever form replaces
    /// the other's, and steps the other's duration, too.
    pub(crate) fn or(self, mut other: Self) -> Self {
        if self.has_shape() {
            (other.mode, other.rate, other.steps, other.ramp) = (None, None, None, None);
        }
        if self.steps().is_some() {
            other.duration = None;
        }
        Self {
            mode: self.mode.or(other.mode),
            rate: self.rate.or(other.rate),
            steps: self.steps.or(other.steps),
            ramp: self.ramp.or(other.ramp),
            poisson: self.poisson || other.poisson,
            queue: self.queue.or(other.queue),
            connections: self.connections.or(other.connections),
            duration: self.duration.or(other.duration),
            requests: self.requests.or(other.requests),
            timeout: self.timeout.or(other.timeout),
            seed: self.seed.or(other.seed),
        }
    }

    /// Which loop the options ask for: a rate of whatever form asks for the open one, connections
    /// alone for the closed one, and nothing at all for the open one.
    ///
    /// # Errors
    /// `Usage` for options that contradict each other, which clap has seen to on the command line.
    pub(crate) fn choose_loop(&self) -> Result<Loop, Error> {
        let usage = |text: &str| Err(Error::Usage(text.to_owned()));
        let forms = [
            self.rate.is_some(),
            self.steps.is_some(),
            self.ramp.is_some(),
        ];
        if forms.into_iter().filter(|&is_there| is_there).count() > 1 {
            return usage("load: only one of rate, steps and ramp can be the rate");
        }
        if self.steps().is_some() && self.duration.is_some() {
            return usage("load: steps and ramps have durations of their own, beside `duration`");
        }
        let is_open = self.has_shape() || self.poisson;
        match self.mode {
            Some(Loop::Closed) if is_open => usage("load: a closed loop has no rate"),
            Some(mode) => Ok(mode),
            None if is_open || self.connections.is_none() => Ok(Loop::Open),
            None => Ok(Loop::Closed),
        }
    }

    /// Rates with durations of their own.
    pub(crate) fn steps(&self) -> Option<&Profile> {
        self.steps.as_ref().or(self.ramp.as_ref())
    }

    fn has_shape(&self) -> bool {
        self.rate.is_some() || self.steps().is_some()
    }
}

fn parse_positive_rate(text: &str) -> Result<f64, String> {
    match parse_rate(text)? {
        rate if rate > 0.0 => Ok(rate),
        _ => Err("must be more than zero".to_owned()),
    }
}

fn parse_connections(text: &str) -> Result<u32, String> {
    parse_count(text, 1..=65_536)
}

fn parse_queue(text: &str) -> Result<u64, String> {
    parse_count(text, 1..=1 << 24)
}

fn parse_requests(text: &str) -> Result<u64, String> {
    parse_count(text, 1..=u64::MAX)
}

fn parse_count<T: FromStr + PartialOrd + Display>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (first, last) = (range.start(), range.end());
        format!("{text:?}: expected a whole number from {first} to {last}")
    })
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    yaml::text(deserializer, parse_positive_rate).map(Some)
}

fn profile<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Profile>, D::Error> {
    yaml::text(deserializer, Profile::parse).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    yaml::text(deserializer, parse_duration).map(Some)
}

fn queue<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    yaml::text(deserializer, parse_queue).map(Some)
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    yaml::text(deserializer, parse_connections).map(Some)
}

fn requests<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    yaml::text(deserializer, parse_requests).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> LoadArgs {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn a_mistake_is_told_with_its_key_and_place() {
        for (text, part) in [
            ("rate: 5000", "rate: \"5000\": expected a rate"),
            ("connections: 0", "connections: "),
            ("poisson: true\nduration: 10", "duration: "),
            ("steps: 1/s:1s,2", "steps: \"2\""),
            ("mode: both", "mode: unknown variant `both`"),
            ("rates: 1/s", "unknown field `rates`"),
        ] {
            let error = serde_yaml::from_str::<LoadArgs>(text)
                .unwrap_err()
                .to_string();
            let place = if text.contains('\n') {
                "line 2"
            } else {
                "line 1"
            };
            assert!(error.contains(part), "{text}: {error}");
            assert!(
                error.contains(place) || error.contains("rates"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_command_line_wins_and_its_rate_replaces_steps() {
        let file = read("{steps: '1/s:1s', connections: 3, timeout: 1s}");
        let own = read("{rate: 5/s, duration: 2s, seed: 9}");
        let both = read("{rate: 5/s, duration: 2s, seed: 9, connections: 3, timeout: 1s}");
        assert_eq!(own.or(file), both);
        let own = read("{ramp: '1/s..2/s:1s'}");
        let file = read("{mode: closed, duration: 5s, connections: 3}");
        assert_eq!(own.or(file), read("{ramp: '1/s..2/s:1s', connections: 3}"));
    }

    #[test]
    fn options_choose_their_loop() {
        for (text, chosen) in [
            ("{}", Some(Loop::Open)),
            ("{connections: 1}", Some(Loop::Closed)),
            ("{connections: 1, poisson: true}", Some(Loop::Open)),
            ("{connections: 1, mode: open}", Some(Loop::Open)),
            ("{mode: closed}", Some(Loop::Closed)),
            ("{mode: closed, rate: 1/s}", None),
            ("{rate: 1/s, ramp: '1/s..2/s:1s'}", None),
            ("{steps: '1/s:1s', duration: 1s}", None),
        ] {
            assert_eq!(read(text).choose_loop().ok(), chosen, "{text}");
        }
    }
}
