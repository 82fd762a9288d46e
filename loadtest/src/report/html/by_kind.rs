//! What is told kind by kind: of requests, and of errors. Entered by the page; where there are several
//! runs, the rows of a kind stand together.

use std::collections::BTreeMap;

use super::RUNS_MAX;
use super::curve::{self, Curve};
use super::element::Element;
use super::sections::{float, section};
use super::tables::Column::{self, Number, Text};
use super::tables::{LATENCIES, LATENCY_COLUMNS, bad, cell, name, run_name, table, times, words};
use crate::report::runs::Run;
use crate::report::saved::{Counts, Saved};
use crate::units::show_count;

/// A row: the kind, the run's number, what there is to tell.
type Row<'a, T> = (&'a str, usize, T);

/// Each kind of request by itself.
pub(super) fn requests(runs: &[Run]) -> Option<Element> {
    let rows = together(runs, |run| {
        let kinds = run.report.kinds.iter();
        kinds
            .map(|kind| (kind.name.as_str(), &kind.counts))
            .collect()
    });
    let cells = rows.iter().map(|(kind, number, counts)| {
        let start = [name(kind)].into_iter().chain(run_cell(runs, *number));
        start.chain(request_cells(counts)).collect()
    });
    let columns = [
        &[Text("kind")],
        run_column(runs),
        &[Number("good"), Number("errors")],
        &LATENCY_COLUMNS,
        &[Text("statuses")],
    ]
    .concat();
    let figure = match runs {
        [run] if run.report.kinds.len() > 1 => curves(&run.report),
        _ => None,
    };
    let section = || section("By kind of request").child(table(&columns, cells));
    (!rows.is_empty()).then(|| section().children(figure))
}

/// What went wrong, with what the first of each kind said.
pub(super) fn errors(runs: &[Run]) -> Option<Element> {
    let rows = together(runs, |run| {
        let errors = run.report.total.errors_by_kind.iter();
        errors
            .map(|(kind, errors)| (kind.as_str(), errors))
            .collect()
    });
    let cells = rows.iter().map(|(kind, number, errors)| {
        let start = [name(kind)].into_iter().chain(run_cell(runs, *number));
        let count = bad(show_count(float(errors.count)), errors.count);
        let first = words(errors.first.as_deref().unwrap_or_default());
        start.chain([count, first]).collect()
    });
    let columns = [
        &[Text("error")],
        run_column(runs),
        &[Number("count"), Text("first of them")],
    ]
    .concat();
    (!rows.is_empty()).then(|| section("Errors").child(table(&columns, cells)))
}

/// The rows of all runs, those of a kind together, kinds in the order in which they first come.
fn together<'a, T>(runs: &'a [Run], of: impl Fn(&'a Run) -> Vec<(&'a str, T)>) -> Vec<Row<'a, T>> {
    let mut rows: Vec<Row<'a, T>> = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        rows.extend(of(run).into_iter().map(|(kind, told)| (kind, number, told)));
    }
    let mut order = BTreeMap::new();
    for (kind, ..) in &rows {
        let next = order.len();
        order.entry(*kind).or_insert(next);
    }
    rows.sort_by_key(|(kind, ..)| order[kind]);
    rows
}

fn request_cells(counts: &Counts) -> Vec<Element> {
    let statuses = counts.statuses.iter().chain(&counts.grpc_statuses);
    let statuses: Vec<_> = statuses
        .map(|(class, count)| format!("{class} {}", show_count(float(*count))))
        .collect();
    let mut cells = vec![
        cell(show_count(float(counts.good))),
        bad(show_count(float(counts.errors)), counts.errors),
    ];
    cells.extend(times(counts.latency_us.as_ref(), &LATENCIES));
    cells.push(words(statuses.join(", ")));
    cells
}

/// The kinds' curves over each other, as many as there are colours.
fn curves(run: &Saved) -> Option<Element> {
    let kinds = run.kinds.iter().take(RUNS_MAX).enumerate();
    let curves: Vec<_> = kinds
        .map(|(color, kind)| Curve {
            name: &kind.name,
            color,
            latency: &kind.counts.percentiles,
            service: &[],
        })
        .collect();
    curve::draw("curves-by-kind", &curves)
}

/// The column that tells runs apart, where there are several.
fn run_column(runs: &[Run]) -> &'static [Column] {
    match runs {
        [_] => &[],
        _ => &[Text("run")],
    }
}

fn run_cell(runs: &[Run], number: usize) -> Option<Element> {
    (runs.len() > 1).then(|| run_name(&runs[number].name, Some(number)))
}
