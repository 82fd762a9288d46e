//! A comparison as a table for a person.

use super::metric::{Metric, Scale};
use super::side::Side;
use super::statistics::CONFIDENCE;
use super::verdict::{Change, Comparison, Method, Verdict};
use crate::units::{show_count, show_nanos};

/// Renders the comparison.
pub(super) fn render(comparison: &Comparison) -> String {
    let mut lines = vec![
        side("A", &comparison.a),
        side("B", &comparison.b),
        String::new(),
        row([
            "",
            "A median",
            "B median",
            "B/A",
            &interval_title(),
            "bound",
            "",
        ]),
    ];
    lines.extend(comparison.changes.iter().map(|change| {
        row([
            change.metric.name(),
            &figure(change.metric, change.a),
            &figure(change.metric, change.b),
            &difference(change.metric, change.change.center),
            &interval(change).unwrap_or_else(|| "-".to_owned()),
            &bound(change),
            verdict(change),
        ])
    }));
    lines.push(String::new());
    lines.push(method(comparison));
    lines.extend(remarks(comparison));
    lines.join("\n") + "\n"
}

fn verdict(change: &Change) -> &'static str {
    match (change.verdict, change.bound) {
        (Some(Verdict::Worse), _) => "worse",
        (Some(Verdict::Better), _) => "better",
        (Some(Verdict::Within), _) => "within the bound",
        (Some(Verdict::Unclear), Some(_)) => "unclear",
        (Some(Verdict::Unclear), None) => "no difference shown",
        (None, _) => "",
    }
}

/// Why a metric that is worse than its bound is held to be so.
pub(super) fn reason(change: &Change) -> String {
    let name = change.metric.name();
    let found = difference(change.metric, change.change.center);
    let sure = match interval(change) {
        Some(interval) => format!("{} % interval {interval}", CONFIDENCE * 100.0),
        None => "too few rounds for an interval".to_owned(),
    };
    let what = match change.metric.scale() {
        Scale::RatioDown | Scale::RatioUp => format!("{name} is {found} times that of A"),
        Scale::Difference => format!("{name} are {found} of requests from those of A"),
    };
    format!("{what} ({sure}; bound {})", bound(change))
}

/// What a reader must know before believing the figures.
pub(super) fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut remarks = Vec::new();
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let limited = side
            .rounds
            .iter()
            .filter(|round| round.generator.why.is_some());
        let limited = limited.count();
        if limited > 0 {
            let rounds = side.rounds.len();
            remarks.push(format!(
                "{name}: in {limited} of {rounds} rounds the generator was the limit, not the target"
            ));
        }
    }
    let loads = |side: &Side| {
        side.rounds
            .iter()
            .map(|round| round.load())
            .collect::<Vec<_>>()
    };
    let (mut of_a, of_b) = (loads(&comparison.a), loads(&comparison.b));
    of_a.extend(of_b);
    of_a.sort();
    of_a.dedup();
    if of_a.len() > 1 {
        remarks.push(format!(
            "the rounds had different loads: {}",
            of_a.join("; ")
        ));
    }
    remarks
}

fn method(comparison: &Comparison) -> String {
    let (a, b) = (comparison.a.rounds.len(), comparison.b.rounds.len());
    match comparison.method {
        Method::Paired => format!("{a} rounds, paired by their order."),
        Method::Independent => format!("{a} and {b} rounds, taken as independent of each other."),
        Method::TooFew => format!(
            "{a} and {b} rounds are too few for an interval, which takes 6 pairs, or 4 and 4: \
             noise may have made this difference."
        ),
    }
}

fn side(name: &str, side: &Side) -> String {
    let files = match side.files.as_slice() {
        [first, .., last] => format!("{first} … {last}"),
        files => files.concat(),
    };
    let first = &side.rounds[0];
    format!("{name}  {files}: {}, {}", first.url, first.load())
}

fn interval_title() -> String {
    format!("{} % interval", CONFIDENCE * 100.0)
}

fn row(cells: [&str; 7]) -> String {
    let [name, a, b, ratio, interval, bound, verdict] = cells;
    let line = format!("{name:8} {a:>11} {b:>11} {ratio:>9}  {interval:>22} {bound:>9}  {verdict}");
    line.trim_end().to_owned()
}

fn figure(metric: Metric, value: f64) -> String {
    match metric.scale() {
        _ if value.is_infinite() => "none".to_owned(),
        Scale::RatioDown => format!("{}/s", show_count(value)),
        Scale::RatioUp => show_nanos(value * 1e3),
        Scale::Difference => format!("{:.3} %", value * 100.0),
    }
}

fn difference(metric: Metric, value: f64) -> String {
    match metric.scale() {
        _ if value.is_infinite() => "endless".to_owned(),
        Scale::RatioDown | Scale::RatioUp => format!("{value:.3}"),
        Scale::Difference => format!("{:+.3} %", value * 100.0),
    }
}

fn interval(change: &Change) -> Option<String> {
    let (low, high) = change.change.interval?;
    let metric = change.metric;
    Some(format!(
        "{} to {}",
        difference(metric, low),
        difference(metric, high)
    ))
}

fn bound(change: &Change) -> String {
    let Some(bound) = change.bound else {
        return String::new();
    };
    match change.metric.scale() {
        Scale::RatioDown => format!("{:.3}", 1.0 - bound),
        Scale::RatioUp => format!("{:.3}", 1.0 + bound),
        Scale::Difference => format!("{:+.3} %", bound * 100.0),
    }
}
