//! The report as lines for a person at a terminal: what must be known before the figures are believed
//! first, then the figures, then what went wrong.

use super::saved::{Counts, Errors, Saved, Times};
use super::visible::visible;
use crate::units::{show_bytes, show_count, show_nanos, show_share};

/// What a column takes of a distribution.
type Of = fn(&Times) -> f64;

/// The columns of latencies.
const COLUMNS: [(&str, Of); 6] = [
    ("p50", |times| times.p50),
    ("p90", |times| times.p90),
    ("p95", |times| times.p95),
    ("p99", |times| times.p99),
    ("p99.9", |times| times.p999),
    ("max", |times| times.max),
];
/// The width of the words that a line begins with, and of a column.
const NAME: usize = 12;
const COLUMN: usize = 10;
/// A kind's name is cut to this.
const KIND_CHARS_MAX: usize = 24;

/// Renders the report.
pub(crate) fn render(run: &Saved) -> String {
    let mut lines = Vec::new();
    if let Some(why) = &run.generator.why {
        let why = visible(why);
        lines.push(format!(
            "! The generator itself was the limit, not the target: {why}."
        ));
    }
    lines.push(format!(
        "{} ({} loop)",
        visible(&run.url),
        visible(&run.mode)
    ));
    lines.push(format!("  {}", visible(&run.how())));
    lines.push(String::new());
    lines.extend(requests(run));
    lines.push(String::new());
    lines.extend(latencies(run));
    lines.extend(kinds(run));
    lines.extend(errors(&run.total));
    lines.push(String::new());
    lines.push(generator(run));
    lines.join("\n") + "\n"
}

/// What was due and what became of it, and the rate.
fn requests(run: &Saved) -> [String; 2] {
    let total = &run.total;
    let [due, good, errors, not_sent, unfinished] = [
        total.due,
        total.good,
        total.errors,
        total.not_sent,
        total.unfinished,
    ]
    .map(|count| show_count(float(count)));
    let share = match total.errors {
        0 => String::new(),
        _ => format!(" ({})", show_share(total.failed_share())),
    };
    let not_sent = match total.not_sent {
        0 => String::new(),
        _ => format!(", {not_sent} of them not sent"),
    };
    let what = format!(
        "{due} due: {good} good, {errors} errors{share}{not_sent}, {unfinished} unfinished"
    );
    let rate = format!(
        "{} good/s over {:.2} s, {}/s",
        show_count(run.good_per_s),
        run.elapsed_s,
        show_bytes(run.bytes_per_s())
    );
    [line("requests", &what), line("rate", &rate)]
}

/// The table of latencies; in an open loop with what they are made of.
fn latencies(run: &Saved) -> Vec<String> {
    let Some(latency) = &run.total.latency_us else {
        return vec![line("latency", "none: there was no good reply")];
    };
    let names = COLUMNS.map(|(name, _)| name.to_owned());
    let mut lines = vec![row("", names), row("latency", figures(Some(latency)))];
    if let Some(service) = &run.total.service_us {
        lines[1] += "   from when requests were due";
        let text = row("service", figures(Some(service)));
        lines.push(text + "   from when they were sent");
    }
    if let Some(lag) = &run.lag_us {
        let text = row("lag", figures(Some(lag)));
        lines.push(text + "   of the generator itself");
    }
    lines
}

/// A row for each kind of request, where there are several.
fn kinds(run: &Saved) -> Vec<String> {
    if run.kinds.len() < 2 {
        return Vec::new();
    }
    let cut = |name: &str| {
        visible(name)
            .chars()
            .take(KIND_CHARS_MAX)
            .collect::<String>()
    };
    let names = run.kinds.iter().map(|kind| cut(&kind.name));
    let width = names
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        .max(NAME);
    let header = ["good", "errors"]
        .into_iter()
        .chain(COLUMNS.map(|(name, _)| name));
    let cells = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: String = cells.map(|cell| format!("{cell:>COLUMN$}")).collect();
        format!("  {name:width$}{cells}")
    };
    let mut lines = vec![
        String::new(),
        cells("by kind", &mut header.map(str::to_owned)),
    ];
    lines.extend(run.kinds.iter().map(|kind| {
        let counts = [kind.counts.good, kind.counts.errors].map(|count| show_count(float(count)));
        let figures = figures(kind.counts.latency_us.as_ref());
        cells(&cut(&kind.name), &mut counts.into_iter().chain(figures))
    }));
    lines
}

/// Errors by kind, with what the first of each said.
fn errors(total: &Counts) -> Vec<String> {
    let shown = total.errors_by_kind.iter().map(|(kind, errors)| {
        let count = show_count(float(errors.count));
        let codes = if kind == "grpc" {
            by_code(total)
        } else {
            String::new()
        };
        let text = format!("{count:>COLUMN$}{codes}{}", first(errors));
        line(&visible(kind), &text)
    });
    let shown: Vec<_> = shown.collect();
    match shown.is_empty() {
        true => Vec::new(),
        false => [String::new(), "  errors".to_owned()]
            .into_iter()
            .chain(shown)
            .collect(),
    }
}

/// Calls of gRPC that failed, by the name of their status.
fn by_code(total: &Counts) -> String {
    let failed = total.grpc_statuses.iter().filter(|(name, _)| *name != "OK");
    let failed: Vec<_> = failed
        .map(|(name, count)| format!("{} {}", visible(name), show_count(float(*count))))
        .collect();
    match failed.is_empty() {
        true => String::new(),
        false => format!("   {}", failed.join(", ")),
    }
}

fn first(errors: &Errors) -> String {
    match errors.first.as_deref() {
        None | Some("") => String::new(),
        Some(first) => format!("   first: {}", visible(first)),
    }
}

fn generator(run: &Saved) -> String {
    let busy = run.generator.busy.iter();
    let busy: Vec<_> = busy.map(|busy| format!("{:.0} %", busy * 100.0)).collect();
    let connects = show_count(float(run.connects));
    let busy = match busy.as_slice() {
        [] => "CPU time not known on this kernel".to_owned(),
        busy => format!("{} busy", busy.join(", ")),
    };
    let text = format!("{busy}; connections opened: {connects}");
    line("generator", &text)
}

fn figures(times: Option<&Times>) -> [String; COLUMNS.len()] {
    COLUMNS.map(|(_, of)| match times {
        Some(times) => show_nanos(of(times) * 1e3),
        None => "-".to_owned(),
    })
}

fn row(name: &str, cells: [String; COLUMNS.len()]) -> String {
    let cells: String = cells
        .iter()
        .map(|cell| format!("{cell:>COLUMN$}"))
        .collect();
    format!("  {name:NAME$}{cells}")
}

fn line(name: &str, text: &str) -> String {
    format!("  {name:NAME$}  {text}")
}

#[expect(clippy::cast_precision_loss, reason = "counts are shown in few digits")]
fn float(count: u64) -> f64 {
    count as f64
}
