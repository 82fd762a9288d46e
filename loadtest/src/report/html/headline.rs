//! The figures that matter most: cards for one run, a table for several. Entered by the page.

use super::element::{Element, element};
use super::sections::{float, section};
use super::tables::Column::{Number, Text};
use super::tables::{LATENCIES, LATENCY_COLUMNS, bad, cell, run_name, table, words};
use crate::report::runs::Run;
use crate::report::saved::{Saved, Times};
use crate::units::{show_bytes, show_count, show_nanos, show_share};

/// The figures that matter most: cards for one run, a table for several.
pub(super) fn headline(runs: &[Run]) -> Element {
    match runs {
        [run] => cards(&run.report),
        runs => comparison(runs),
    }
}

fn cards(run: &Saved) -> Element {
    let total = &run.total;
    let (good, errors) = (float(total.good), float(total.errors));
    let rate = format!(
        "{} in {:.2} s, {}/s",
        show_count(good),
        run.elapsed_s,
        show_bytes(run.bytes_per_s())
    );
    let failed = format!("{} of {}", show_count(errors), show_count(good + errors));
    let class = if total.errors > 0 {
        "card bad-figure"
    } else {
        "card"
    };
    let shares = card(class, "errors", &show_share(total.failed_share()), &failed);
    let due = (run.mode == "open").then(|| {
        let [not_sent, unfinished] = [total.not_sent, total.unfinished]
            .map(float)
            .map(show_count);
        let rest = format!("{not_sent} not sent, {unfinished} unfinished");
        card(
            "card",
            "due by the schedule",
            &show_count(float(total.due)),
            &rest,
        )
    });
    element("div")
        .class("cards")
        .child(card(
            "card",
            "good replies / s",
            &show_count(run.good_per_s),
            &rate,
        ))
        .child(latency_card(run, "p50", |times| times.p50))
        .child(latency_card(run, "p99", |times| times.p99))
        .child(latency_card(run, "p99.9", |times| times.p999))
        .child(latency_card(run, "longest", |times| times.max))
        .child(shares)
        .children(due)
}

fn latency_card(run: &Saved, what: &str, of: fn(&Times) -> f64) -> Element {
    let shown = |times: Option<&Times>| times.map(|times| show_nanos(of(times) * 1e3));
    let service = shown(run.total.service_us.as_ref());
    let service = service.map(|service| format!("service time {service}"));
    let figure = shown(run.total.latency_us.as_ref()).unwrap_or_else(|| "–".to_owned());
    card("card", what, &figure, &service.unwrap_or_default())
}

fn card(class: &'static str, what: &str, figure: &str, sub: &str) -> Element {
    let card = element("div")
        .class(class)
        .child(element("div").class("what").text(what))
        .child(element("div").class("figure").text(figure));
    card.children((!sub.is_empty()).then(|| element("div").class("sub").text(sub)))
}

fn comparison(runs: &[Run]) -> Element {
    let first = &runs[0].report;
    let rows = runs.iter().enumerate().map(|(color, run)| {
        let report = &run.report;
        let mut cells = vec![
            run_name(&run.name, Some(color)),
            with_ratio(
                format!("{}/s", show_count(report.good_per_s)),
                report.good_per_s,
                first.good_per_s,
                color,
            ),
        ];
        cells.extend(LATENCIES.iter().map(|of| {
            let [mine, base] = [report, first].map(|run| run.total.latency_us.as_ref().map(of));
            match mine {
                Some(mine) => with_ratio(show_nanos(mine * 1e3), mine, base.unwrap_or(0.0), color),
                None => cell("–"),
            }
        }));
        cells.push(bad(
            show_share(report.total.failed_share()),
            report.total.errors,
        ));
        cells
    });
    let columns = [
        &[Text("run"), Number("good replies")],
        &LATENCY_COLUMNS[..],
        &[Number("errors")],
    ]
    .concat();
    let loads = runs.iter().enumerate().map(|(color, run)| {
        vec![
            run_name(&run.name, Some(color)),
            words(&run.report.url),
            words(run.report.how()),
        ]
    });
    section("The runs")
        .child(table(&columns, rows))
        .child(table(&[Text("run"), Text("target"), Text("load")], loads))
}

fn with_ratio(text: String, value: f64, base: f64, number: usize) -> Element {
    let ratio = (number > 0 && base > 0.0).then(|| {
        element("span")
            .class("ratio")
            .text(show_ratio(value / base))
    });
    cell(text).children(ratio)
}

fn show_ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 0.1 => format!("× {ratio:.3}"),
        ratio if ratio < 100.0 => format!("× {ratio:.2}"),
        ratio => format!("× {ratio:.0}"),
    }
}
