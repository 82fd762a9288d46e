//! A comparison as one JSON object on one line. A ratio or a limit of an interval that is endless,
//! because B had rounds without a good reply, is null.

use serde_json::{Value, json};

use super::metric::Scale;
use super::side::Side;
use super::statistics::CONFIDENCE;
use super::text::remarks;
use super::verdict::{Change, Comparison, Method, Verdict};

/// Renders the comparison with its line end.
pub(super) fn render(comparison: &Comparison) -> String {
    let method = match comparison.method {
        Method::Paired => "paired",
        Method::Independent => "independent",
        Method::TooFew => "too_few_rounds",
    };
    let object = json!({
        "tool": concat!("corelane-loadtest ", env!("CARGO_PKG_VERSION")),
        "a": side(&comparison.a),
        "b": side(&comparison.b),
        "method": method,
        "confidence": CONFIDENCE,
        "metrics": comparison.changes.iter().map(change).collect::<Value>(),
        "remarks": remarks(comparison),
    });
    format!("{object}\n")
}

fn side(side: &Side) -> Value {
    json!({ "files": side.files, "rounds": side.rounds.len() })
}

fn change(change: &Change) -> Value {
    let kind = match change.metric.scale() {
        Scale::RatioDown | Scale::RatioUp => "ratio",
        Scale::Difference => "difference",
    };
    json!({
        "name": change.metric.name(),
        "a_median": change.a,
        "b_median": change.b,
        (kind): change.change.center,
        "low": change.change.interval.map(|(low, _)| low),
        "high": change.change.interval.map(|(_, high)| high),
        "bound": change.bound,
        "verdict": change.verdict.map(word),
    })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "worse",
        Verdict::Better => "better",
        Verdict::Within => "within_bound",
        Verdict::Unclear => "unclear",
    }
}
