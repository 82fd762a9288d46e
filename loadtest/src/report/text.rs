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
            "{}: {} connections, {} worker(s), {}, closed loop",
            plan.target,
            plan.connections,
            plan.worker_count(),
            plan.driver.name()
        ),
        format!(
            "  good replies {} in {:.2} s: {:.0}/s, {:.1} MiB/s",
            total.good,
            result.elapsed.as_secs_f64(),
            rate(result),
            per_second(total.bytes, result) / f64::from(1 << 20),
        ),
        format!("  latency      {}", latency(&total.latency)),
        format!("  errors       {}", errors(&total.errors)),
    ];
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

fn generator(result: &RunResult) -> String {
    let busy: Vec<_> = result
        .busy
        .iter()
        .map(|busy| format!("{:.0} %", busy * 100.0))
        .collect();
    match (busy.as_slice(), self_limit(result)) {
        ([], _) => "CPU time not known on this kernel".to_owned(),
        (busy, None) => format!("{} busy", busy.join(", ")),
        (busy, Some(why)) => format!(
            "{} busy: it was the limit, not the target: {why}",
            busy.join(", ")
        ),
    }
}
