//! The report as a few lines for a person at a terminal.

use super::{PERCENTILES, is_self_limited, per_second, rate};
use crate::load::{Plan, RunResult, Tally};
use crate::units::show_nanos;

/// Renders the report.
pub(crate) fn render(plan: &Plan, result: &RunResult) -> String {
    let tally = &result.tally;
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
            tally.latency.len(),
            result.elapsed.as_secs_f64(),
            rate(result),
            per_second(tally.bytes, result) / f64::from(1 << 20),
        ),
        format!("  latency      {}", latency(tally)),
        format!("  errors       {}", errors(tally)),
    ];
    if tally.unfinished > 0 {
        lines.push(format!("  unfinished   {} at the end", tally.unfinished));
    }
    lines.push(format!("  generator    {}", generator(result)));
    lines.join("\n") + "\n"
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn latency(tally: &Tally) -> String {
    let latency = &tally.latency;
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

fn errors(tally: &Tally) -> String {
    let counted = tally.errors().filter(|(_, errors)| errors.count > 0);
    let named: Vec<_> = counted
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
    match busy.as_slice() {
        [] => "CPU time not known on this kernel".to_owned(),
        busy if is_self_limited(result) => {
            format!("{} busy: it was the limit, not the target", busy.join(", "))
        }
        busy => format!("{} busy", busy.join(", ")),
    }
}
