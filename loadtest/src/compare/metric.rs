//! The figures that are compared: their names, which way is worse, and where a report has them.
//! Entered by the rooms beside it; it computes nothing but a share.

use crate::report::saved::{Saved, Times};

/// A figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    /// Good replies per second.
    Rate,
    /// The median latency in microseconds.
    P50,
    /// The latency of the 99th percentile.
    P99,
    /// The latency of the 99.9th percentile.
    P999,
    /// Failed requests over those that ended.
    Errors,
}

/// How a metric is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// By its ratio: a rate, where less is worse.
    RatioDown,
    /// By its ratio: a time, where more is worse.
    RatioUp,
    /// By its difference, for it is 0 as a rule: a share, where more is worse.
    Difference,
}

impl Scale {
    /// A figure such that differences are what is compared: ratios are those of logarithms, where
    /// twice as much and half as much are equally far.
    pub(super) fn additive(self, figure: f64) -> f64 {
        match self {
            Self::RatioDown | Self::RatioUp => figure.ln(),
            Self::Difference => figure,
        }
    }

    /// The ratio or difference that an additive one stands for.
    pub(super) fn undo(self, difference: f64) -> f64 {
        match self {
            Self::RatioDown | Self::RatioUp => difference.exp(),
            Self::Difference => difference,
        }
    }
}

impl Metric {
    /// Every metric, in the order of the reports.
    pub(super) const ALL: [Self; 5] = [Self::Rate, Self::P50, Self::P99, Self::P999, Self::Errors];

    /// The name in reports and options.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Errors => "errors",
        }
    }

    /// The metric of this name.
    ///
    /// # Errors
    /// A sentence that lists the names.
    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown metric {name:?}: one of {names}")
        })
    }

    /// How it is compared.
    pub(super) fn scale(self) -> Scale {
        match self {
            Self::Rate => Scale::RatioDown,
            Self::P50 | Self::P99 | Self::P999 => Scale::RatioUp,
            Self::Errors => Scale::Difference,
        }
    }

    /// The figure of a run; endless where nothing came back.
    pub(super) fn read(self, report: &Saved) -> f64 {
        let latency =
            |of: fn(&Times) -> f64| report.total.latency_us.as_ref().map_or(f64::INFINITY, of);
        match self {
            Self::Rate => report.good_per_s,
            Self::P50 => latency(|times| times.p50),
            Self::P99 => latency(|times| times.p99),
            Self::P999 => latency(|times| times.p999),
            Self::Errors => report.total.failed_share(),
        }
    }
}
