//! The report as a few lines for a person at a terminal.

use super::{PERCENTILES, per_second, rate, self_limit};
use crate::load::{Plan, RunResult};
use crate::tally::{Errors, Times};
use crate::units::show_nanos;

/// Renders the report.
pub(crate) fn render(plan: &Plan, result: &RunResult) -> String {
    let total = &result.total;
    let mut lines = vec![
        format!(
            "{}: {} connections, {} worker(s), {}, {} loop",
            plan.target,
            plan.connections,
            plan.worker_count(),
            plan.driver.name(),
            plan.mode.name(),
        ),
        format!("  schedule     {}", plan.mode),
        format!(
            "  good replies {} of {} in {:.2} s: {:.0}/s, {:.1} MiB/s",
            total.good,
            total.due,
            result.elapsed.as_secs_f64(),
            rate(result),
            per_second(total.bytes, result) / f64::from(1 << 20),
        ),
        format!("  latency      {}", latency(&total.latency)),
    ];
    if !total.service.is_empty() {
        lines.push(format!("  once sent    {}", latency(&total.service)));
    }
    lines.push(format!("  errors       {}", errors(&total.errors)));
    if total.unfinished > 0 {
        lines.push(format!("  unfinished   {} at the end", total.unfinished));
    }
    lines.push(format!("  generator    {}", generator(result)));
    lines.join("\n") + "\n"
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn latency(latency: &Times) -> String {
    if latency.is_empty() {
        return "none".to_owned();
    }
    let mut parts: Vec<_> = PERCENTILES
        .iter()
        .map(|(name, percentile)| (*name, latency.value_at_percentile(*percentile)))
        .collect();
    parts.push(("max", latency.max()));
    let shown = |(name, nanos)| format!("{name} {}", show_nanos(nanos as f64));
    parts.into_iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn errors(errors: &Errors) -> String {
    let named: Vec<_> = errors
        .iter()
        .map(|(kind, errors)| match errors.first.as_deref() {
            None | Some("") => format!("{} {}", kind.name(), errors.count),
            Some(first) => format!("{} {} (first: {first})", kind.name(), errors.count),
        })
        .collect();
    if named.is_empty() {
        "none".to_owned()
    } else {
        named.join(", ")
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn generator(result: &RunResult) -> String {
    let busy = result.busy.iter();
    let busy: Vec<_> = busy.map(|busy| format!("{:.0} %", busy * 100.0)).collect();
    let mut parts = vec![match busy.as_slice() {
        [] => "CPU time not known on this kernel".to_owned(),
        busy => format!("{} busy", busy.join(", ")),
    }];
    let lag = &result.tally.lag;
    if !lag.is_empty() {
        let at = |quantile| show_nanos(lag.value_at_quantile(quantile) as f64);
        parts.push(format!("late by p50 {}, p99 {}", at(0.5), at(0.99)));
    }
    if let Some(why) = self_limit(result) {
        parts.push(format!("it was the limit, not the target: {why}"));
    }
    parts.join("; ")
}
