//! Tables of a page: columns by name, rows of cells. Entered by the sections.

use super::element::{Element, element};
use super::plot::swatch;
use crate::report::saved::Times;
use crate::units::show_nanos;

/// A column's name and on which side its cells stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Numbers, on the right.
    Number(&'static str),
    /// Words, on the left.
    Text(&'static str),
}

/// A table whose first column names its rows.
pub(super) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<Element>>) -> Element {
    let head = columns.iter().map(|column| {
        let head = element("th").with("scope", "col");
        match column {
            Column::Number(name) => head.text(name),
            Column::Text(name) => head.class("left").text(name),
        }
    });
    let rows = rows.into_iter().map(|cells| element("tr").children(cells));
    let table = element("table")
        .child(element("thead").child(element("tr").children(head)))
        .child(element("tbody").children(rows));
    element("div").class("scroll").child(table)
}

/// The cell that names a row.
pub(super) fn name(text: &str) -> Element {
    element("th")
        .with("scope", "row")
        .class("name-cell")
        .text(text)
}

/// The cell that names a run, with its colour where there are others.
pub(super) fn run_name(text: &str, color: Option<usize>) -> Element {
    let cell = element("th").with("scope", "row");
    match color {
        Some(color) => cell
            .class(format_args!("run-cell c{color}"))
            .child(swatch())
            .text(text),
        None => cell.class("name-cell").text(text),
    }
}

/// A cell.
pub(super) fn cell(text: impl std::fmt::Display) -> Element {
    element("td").text(text)
}

/// A cell of words, which may be many.
pub(super) fn words(text: impl std::fmt::Display) -> Element {
    element("td").class("text").text(text)
}

/// A cell for a number that had better be 0.
pub(super) fn bad(text: impl std::fmt::Display, count: u64) -> Element {
    match count {
        0 => cell(text),
        _ => cell(text).class("bad-cell"),
    }
}

/// Cells with a distribution's figures; dashes for none.
pub(super) fn times(times: Option<&Times>, of: &[fn(&Times) -> f64]) -> Vec<Element> {
    let shown = of.iter().map(|of| match times {
        Some(times) => cell(show_nanos(of(times) * 1e3)),
        None => cell("–"),
    });
    shown.collect()
}

/// What stands in a table of latencies.
pub(super) const LATENCIES: [fn(&Times) -> f64; 5] = [
    |times| times.p50,
    |times| times.p90,
    |times| times.p99,
    |times| times.p999,
    |times| times.max,
];
/// Its columns.
pub(super) const LATENCY_COLUMNS: [Column; 5] = [
    Column::Number("p50"),
    Column::Number("p90"),
    Column::Number("p99"),
    Column::Number("p99.9"),
    Column::Number("max"),
];
