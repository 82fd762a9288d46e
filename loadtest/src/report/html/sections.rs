//! The parts of the page, from the headline to the facts. Entered once each by the page, with every
//! run; what there is nothing to say about is left out.

use super::curve::{self, Curve};
use super::element::{Element, element};
use super::plot::swatch;
use super::tables::{Column, cell, run_name, table, times, words};
use super::timeline::{self, Track};
use crate::report::runs::Run;
use crate::report::saved::Saved;
use crate::units::{show_bytes, show_count};
use Column::{Number, Text};

/// The title and what was run.
pub(super) fn heading(runs: &[Run]) -> Element {
    let header = element("header");
    match runs {
        [run] => header
            .child(element("h1").text("Load test"))
            .child(element("p").class("address").text(&run.report.url))
            .child(note(run.report.how())),
        runs => header
            .child(element("h1").text(format_args!("{} load tests compared", runs.len())))
            .child(note("Each run has its colour; ratios are to the first.")),
    }
}

/// What must be known before any figure is believed, first of all.
pub(super) fn warnings(runs: &[Run]) -> Vec<Element> {
    let limited = runs
        .iter()
        .filter_map(|run| Some((run, run.report.generator.why.as_ref()?)));
    limited
        .map(|(run, why)| {
            let whose = if runs.len() > 1 {
                format!("{}: ", run.name)
            } else {
                String::new()
            };
            element("p")
                .class("warning")
                .with("role", "alert")
                .text(format_args!(
                    "{whose}The generator itself was the limit, not what it measured: {why}."
                ))
        })
        .collect()
}

/// Latency by percentile.
pub(super) fn curve(runs: &[Run]) -> Option<Element> {
    let curves: Vec<_> = runs
        .iter()
        .enumerate()
        .map(|(color, run)| Curve {
            name: &run.name,
            color,
            latency: &run.report.total.percentiles,
            service: &run.report.total.service_percentiles,
        })
        .collect();
    let Some(figure) = curve::draw("curve", &curves) else {
        return Some(section("Latency by percentile").child(note("There was no good reply.")));
    };
    let open = runs.iter().any(|run| run.report.mode == "open");
    let text = match open {
        true => {
            "Latency counts from when a request was due, service time from when it was sent: \
                 what lies between is the time that requests waited because earlier ones took long."
        }
        false => {
            "A closed loop waits for each reply before it asks again, so that a target that stalls \
                  is asked less: this curve leaves out whoever would have waited."
        }
    };
    Some(
        section("Latency by percentile")
            .child(note(text))
            .child(figure),
    )
}

/// What happened when.
pub(super) fn over_time(runs: &[Run]) -> Option<Element> {
    let tracks = runs.iter().enumerate();
    let tracks: Vec<_> = tracks
        .map(|(color, run)| Track::new(&run.name, color, &run.report))
        .collect();
    let figures = [timeline::throughput(&tracks), timeline::latency(&tracks)];
    let figures: Vec<_> = figures.into_iter().flatten().collect();
    (!figures.is_empty()).then(|| section("Over time").children(figures))
}

/// How the generator itself did.
pub(super) fn generator(runs: &[Run]) -> Element {
    let several = runs.len() > 1;
    let rows = runs.iter().enumerate().map(|(color, run)| {
        let report = &run.report;
        let busy = element("td")
            .class("left")
            .children(report.generator.busy.iter().map(bar));
        let lag = report.lag_us.as_ref();
        let limit = report.generator.why.as_deref().unwrap_or("no");
        let mut cells = vec![run_name(&run.name, several.then_some(color)), busy];
        cells.extend(times(
            lag,
            &[|times| times.p50, |times| times.p99, |times| times.max],
        ));
        cells.push(cell(show_count(float(report.connects))));
        cells.push(words(limit));
        cells
    });
    let columns = [
        Text("run"),
        Text("busy, by worker"),
        Number("lag p50"),
        Number("p99"),
        Number("max"),
        Number("connects"),
        Text("was it the limit?"),
    ];
    section("The generator itself")
        .child(note(
            "A worker that is busy all the time measures itself. Lag is how late the generator looked \
             at requests that were due, apart from waiting for a connection.",
        ))
        .child(table(&columns, rows))
}

fn bar(share: &f64) -> Element {
    let percent = (share * 100.0).clamp(0.0, 100.0);
    let full = element("span").with("style", format_args!("width:{percent:.0}%"));
    element("div")
        .child(element("span").class("bar").child(full))
        .text(format_args!("{percent:.0} %"))
}

/// The command and the machine.
pub(super) fn facts(runs: &[Run]) -> Element {
    let parts = runs.iter().enumerate().flat_map(|(color, run)| {
        let name = (runs.len() > 1).then(|| {
            let heading = element("h3").class(format_args!("c{color}"));
            heading.child(swatch()).text(&run.name)
        });
        let words = &run.report.facts.command;
        let command = (!words.is_empty()).then(|| element("pre").text(shell(words)));
        let told = circumstances(&run.report)
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .flat_map(|(name, value)| [element("dt").text(name), element("dd").text(value)]);
        let list = element("dl").children(told);
        name.into_iter().chain(command).chain([list])
    });
    section("How it was made").children(parts)
}

/// What is known of a run's circumstances; what is not is empty.
fn circumstances(run: &Saved) -> [(&'static str, String); 7] {
    let machine = &run.facts.machine;
    let memory = machine.memory_mib.map(|mib| float(mib) * 1024.0 * 1024.0);
    let load = machine.load_average.map(|load| format!("{load:.2}"));
    let cpus = machine.cpus.map(|cpus| cpus.to_string());
    [
        ("began", run.facts.began.clone()),
        ("processor", machine.processor.clone().unwrap_or_default()),
        ("CPUs", cpus.unwrap_or_default()),
        ("memory", memory.map(show_bytes).unwrap_or_default()),
        ("kernel", machine.kernel.clone().unwrap_or_default()),
        ("load average before", load.unwrap_or_default()),
        ("input and output", run.driver.clone()),
    ]
}

/// The words as a shell would take them.
fn shell(words: &[String]) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=,@%+".contains(char);
    let quoted = words
        .iter()
        .map(|word| match !word.is_empty() && word.chars().all(plain) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        });
    quoted.collect::<Vec<_>>().join(" ")
}

/// A part with its title.
pub(super) fn section(title: &'static str) -> Element {
    element("section").child(element("h2").text(title))
}

fn note(text: impl std::fmt::Display) -> Element {
    element("p").class("note").text(text)
}

/// A count as a figure to show.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are shown to seven digits at most"
)]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
