//! The report as one JSON object on one line, from which every other report can be made again. Its
//! keys are stable: keys may be added, none changes its meaning. Times are in microseconds, as
//! fractions. docs/loadtest.md describes each key.

use std::iter;

use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::{PERCENTILES, rate, self_limit};
use crate::load::{Plan, RunResult};
use crate::scenario::Kind;
use crate::tally::{Count, ErrorKind, Errors, KindTally, Row, Times, curve};
use crate::wire::grpc::Code;

/// The version of this form: it grows when a key changes its meaning or goes away.
pub(super) const VERSION: u32 = 1;

/// The report.
pub(crate) fn report(plan: &Plan, result: &RunResult, facts: &Facts) -> Value {
    let mut report = Map::new();
    let parts = [
        head(plan),
        totals(plan, result),
        generator(result),
        circumstances(facts),
    ];
    for part in parts {
        report.extend(part);
    }
    Value::Object(report)
}

/// How it came about.
fn circumstances(facts: &Facts) -> Map<String, Value> {
    object([
        ("command", json!(facts.command)),
        ("began", json!(facts.began)),
        ("machine", json!(facts.machine)),
    ])
}

/// What was asked for.
fn head(plan: &Plan) -> Map<String, Value> {
    object([
        ("version", json!(VERSION)),
        (
            "tool",
            json!(concat!("corelane-loadtest ", env!("CARGO_PKG_VERSION"))),
        ),
        ("url", json!(plan.target.to_string())),
        ("scenario", json!(plan.scenario.name)),
        ("mode", json!(plan.mode.name())),
        ("schedule", json!(plan.mode.to_string())),
        ("protocol", json!(plan.protocol.name())),
        ("connections", json!(plan.connections)),
        ("streams", json!(plan.protocol.streams())),
        ("workers", json!(plan.worker_count())),
        ("driver", json!(plan.driver.name())),
    ])
}

/// What came of it.
fn totals(plan: &Plan, result: &RunResult) -> Map<String, Value> {
    let total = &result.total;
    let mut map = object([
        ("elapsed_s", json!(result.elapsed.as_secs_f64())),
        ("good_per_s", json!(rate(result))),
        ("connects", json!(result.tally.connections.opened)),
        ("tls", tls(plan, result)),
        ("lag_us", times(&result.tally.lag)),
        ("series", series(&result.series)),
    ]);
    map.extend(counts(total));
    let kinds = plan.scenario.kinds.iter().zip(&result.tally.kinds);
    let kinds = kinds.map(|(kind, tally)| {
        let mut map = object([("name", json!(kind.name)), ("checks", checks(kind, tally))]);
        map.extend(counts(tally));
        Value::Object(map)
    });
    map.insert("kinds".to_owned(), kinds.collect());
    map
}

/// The numbers of one kind, or of all.
fn counts(tally: &KindTally) -> Map<String, Value> {
    object([
        ("due", json!(tally.due)),
        ("replies", json!(tally.replies())),
        ("good", json!(tally.good)),
        ("errors", json!(tally.errors.total())),
        ("not_sent", json!(tally.errors.of(ErrorKind::NotSent).count)),
        ("unfinished", json!(tally.unfinished)),
        ("bytes", json!(tally.bytes)),
        ("latency_us", times(&tally.latency)),
        ("service_us", times(&tally.service)),
        ("percentiles", percentiles(&tally.latency)),
        ("service_percentiles", percentiles(&tally.service)),
        ("statuses", statuses(tally)),
        ("grpc_statuses", grpc_statuses(tally)),
        ("errors_by_kind", errors(&tally.errors)),
    ])
}

/// How many replies of a kind failed each of its checks.
fn checks(kind: &Kind, tally: &KindTally) -> Value {
    let passed = Count::default();
    let counts = tally.failed_checks.iter().chain(iter::repeat(&passed));
    let checks = kind.checks.iter().zip(counts);
    checks
        .map(|(check, failed)| {
            let (name, Count { count, first }) = (check.to_string(), failed);
            json!({ "check": name, "failed": count, "first": first })
        })
        .collect()
}

/// Null where TLS is not spoken.
fn tls(plan: &Plan, result: &RunResult) -> Value {
    let connections = result.tally.connections;
    match plan.tls {
        None => Value::Null,
        Some(_) => json!({
            "handshakes": connections.handshakes,
            "resumed": connections.resumed,
        }),
    }
}

/// How the generator itself did.
fn generator(result: &RunResult) -> Map<String, Value> {
    let why = self_limit(result);
    object([
        ("worker_busy", json!(result.busy)),
        ("self_limited", json!(why.is_some())),
        (
            "generator",
            json!({ "busy": result.busy, "self_limited": why.is_some(), "why": why }),
        ),
    ])
}

/// Null for an empty histogram: a percentile of nothing is not 0.
fn times(times: &Times) -> Value {
    if times.is_empty() {
        return Value::Null;
    }
    let mut map = object([
        ("min", micros(times.min())),
        ("mean", json!(times.mean() / 1e3)),
        ("stdev", json!(times.stdev() / 1e3)),
        ("max", micros(times.max())),
    ]);
    for (name, percentile) in PERCENTILES {
        let value = times.value_at_percentile(percentile);
        map.insert(name.to_owned(), micros(value));
    }
    Value::Object(map)
}

fn percentiles(times: &Times) -> Value {
    let points = curve(times).into_iter();
    points
        .map(|point| json!([point.percentile, micros(point.nanos), point.count]))
        .collect()
}

fn series(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "second": row.second,
            "due": row.due,
            "good": row.good,
            "errors": row.errors,
            "bytes": row.bytes,
            "p50_us": row.p50.map(micros),
            "p99_us": row.p99.map(micros),
            "max_us": row.max.map(micros),
        })
    };
    json!({ "interval_seconds": 1, "rows": rows.iter().map(row).collect::<Value>() })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an hour in nanoseconds is exact in f64"
)]
fn micros(nanos: u64) -> Value {
    json!(nanos as f64 / 1e3)
}

fn statuses(tally: &KindTally) -> Value {
    let numbered = tally.statuses.iter().enumerate();
    let counted = numbered.filter(|(_, count)| **count > 0);
    let named = counted.map(|(class, &count)| (format!("{class}xx"), json!(count)));
    Value::Object(named.collect())
}

fn grpc_statuses(tally: &KindTally) -> Value {
    let numbered = tally.grpc_statuses.iter().enumerate();
    let counted = numbered.filter(|(_, count)| **count > 0);
    let named = counted.map(|(index, &count)| (Code::name(index).to_owned(), json!(count)));
    Value::Object(named.collect())
}

fn errors(errors: &Errors) -> Value {
    let named = errors.iter().map(|(kind, errors)| {
        let value = json!({ "count": errors.count, "first": errors.first });
        (kind.name().to_owned(), value)
    });
    Value::Object(named.collect())
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    let owned = pairs.map(|(name, value)| (name.to_owned(), value));
    owned.into_iter().collect()
}
