//! The report as one JSON object on one line. Its keys are stable: fields may be added, none changes
//! its meaning. Latencies are in microseconds, as fractions.

use serde_json::{Map, Value, json};

use super::{PERCENTILES, is_self_limited, rate};
use crate::load::{Plan, RunResult, Tally};

/// Renders the report with its line end.
pub(crate) fn render(plan: &Plan, result: &RunResult) -> String {
    let tally = &result.tally;
    let report = json!({
        "tool": concat!("corelane-loadtest ", env!("CARGO_PKG_VERSION")),
        "loop": "closed",
        "url": plan.target.to_string(),
        "connections": plan.connections,
        "workers": plan.worker_count(),
        "driver": plan.driver.name(),
        "elapsed_s": result.elapsed.as_secs_f64(),
        "replies": tally.statuses.iter().sum::<u64>(),
        "good": tally.latency.len(),
        "good_per_s": rate(result),
        "bytes": tally.bytes,
        "connects": tally.connects,
        "unfinished": tally.unfinished,
        "latency_us": latency(tally),
        "statuses": statuses(tally),
        "errors": tally.error_count(),
        "errors_by_kind": errors(tally),
        "worker_busy": result.busy,
        "self_limited": is_self_limited(result),
    });
    format!("{report}\n")
}

/// Null without a single good reply: a percentile of nothing is not 0.
fn latency(tally: &Tally) -> Value {
    let latency = &tally.latency;
    if latency.is_empty() {
        return Value::Null;
    }
    let mut map = Map::new();
    map.insert("min".to_owned(), micros(latency.min()));
    map.insert("mean".to_owned(), json!(latency.mean() / 1e3));
    map.insert("stdev".to_owned(), json!(latency.stdev() / 1e3));
    map.insert("max".to_owned(), micros(latency.max()));
    for (name, percentile) in PERCENTILES {
        let value = latency.value_at_percentile(percentile);
        map.insert(name.to_owned(), micros(value));
    }
    Value::Object(map)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an hour in nanoseconds is exact in f64"
)]
fn micros(nanos: u64) -> Value {
    json!(nanos as f64 / 1e3)
}

fn statuses(tally: &Tally) -> Value {
    let counted = tally
        .statuses
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    let named = counted.map(|(class, &count)| (format!("{class}xx"), json!(count)));
    Value::Object(named.collect())
}

fn errors(tally: &Tally) -> Value {
    let counted = tally.errors().filter(|(_, errors)| errors.count > 0);
    let named = counted.map(|(kind, errors)| {
        let value = json!({ "count": errors.count, "first": errors.first });
        (kind.name().to_owned(), value)
    });
    Value::Object(named.collect())
}
