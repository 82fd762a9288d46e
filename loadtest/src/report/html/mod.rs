//! Reports as one page that a browser shows by itself: no script, and nothing that is loaded from
//! elsewhere, which the page also forbids its reader's browser. Entered by `main` with one run or with
//! several to lay over each other.
//!
//! `headline`, `by_kind` and `sections` are the parts of the page, `tables` what is told in rows, `curve`
//! and `timeline` (in `steps`) the figures; `plot` draws with the axes of `scale`, and `element` lets no text out of its place.

mod by_kind;
mod curve;
mod element;
mod headline;
mod plot;
mod scale;
mod sections;
mod steps;
mod tables;
mod timeline;

use super::runs::Run;
use crate::cli::Error;
use element::{Element, element};

/// The most runs on a page: colours that can be told apart.
const RUNS_MAX: usize = 8;

/// Renders the page.
///
/// # Errors
/// `Usage` for more runs than a page can show, and for none.
pub(crate) fn page(runs: &[Run]) -> Result<String, Error> {
    match runs.len() {
        1..=RUNS_MAX => Ok(render(runs)),
        number => Err(Error::Usage(format!(
            "{number} runs; a page shows at most {RUNS_MAX}"
        ))),
    }
}

fn render(runs: &[Run]) -> String {
    let title = match runs {
        [run] => format!("Load test of {}", run.report.url),
        runs => format!("{} load tests compared", runs.len()),
    };
    let main = element("main")
        .child(sections::heading(runs))
        .children(sections::warnings(runs))
        .child(headline::headline(runs))
        .children(sections::curve(runs))
        .children(sections::over_time(runs))
        .children(by_kind::requests(runs))
        .children(by_kind::errors(runs))
        .child(sections::generator(runs))
        .child(sections::facts(runs))
        .child(element("footer").text(&runs[0].report.tool));
    let page = element("html")
        .with("lang", "en")
        .child(head(&title))
        .child(element("body").child(main));
    format!("<!doctype html>\n{page}\n")
}

fn head(title: &str) -> Element {
    let meta = |name: &'static str, content: &'static str| {
        element("meta").with("name", name).with("content", content)
    };
    // What an error text could smuggle in would still not run, nor fetch anything.
    let policy = element("meta")
        .with("http-equiv", "Content-Security-Policy")
        .with(
            "content",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
        );
    element("head")
        .child(element("meta").with("charset", "utf-8"))
        .child(policy)
        .child(meta("viewport", "width=device-width, initial-scale=1"))
        .child(meta("color-scheme", "light dark"))
        .child(element("link").with("rel", "icon").with("href", "data:,"))
        .child(element("title").text(title))
        .child(element("style").fixed(include_str!("page.css")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::saved::Saved;
    use serde_json::{Value, json};

    /// A report in which every text would break out if it could.
    fn hostile() -> Value {
        const TEXT: &str = "\"'></title></style><script src=//x.example>alert(1)</script>";
        let times = json!({
            "min": 10.0, "mean": 20.0, "stdev": 1.0, "max": 90.0,
            "p50": 20.0, "p90": 30.0, "p95": 40.0, "p99": 50.0, "p99.9": 60.0,
        });
        let counts = json!({
            "due": 100, "good": 90, "errors": 10, "bytes": 1000, "latency_us": times,
            "service_us": times, "percentiles": [[0.0, 10.0, 1], [100.0, 90.0, 90]],
            "service_percentiles": [[0.0, 10.0, 1], [100.0, 80.0, 90]],
            "statuses": { TEXT: 90 }, "grpc_statuses": { TEXT: 90 }, "errors_by_kind": { TEXT: { "count": 10, "first": TEXT } },
        });
        let mut report = counts.clone();
        let rest = json!({
            "tool": TEXT, "url": TEXT, "mode": "open", "schedule": TEXT, "protocol": TEXT,
            "connections": 1, "streams": 2, "workers": 1, "driver": TEXT, "elapsed_s": 2.0,
            "good_per_s": 45.0, "lag_us": times, "kinds": [counts, counts],
            "series": { "interval_seconds": 1, "rows": [
                { "second": 0, "due": 50, "good": 45, "errors": 5, "p50_us": 20.0, "p99_us": 50.0, "max_us": 90.0 },
                { "second": 1, "due": 50, "good": 45, "errors": 5, "p50_us": 20.0, "p99_us": 50.0, "max_us": 90.0 },
            ] },
            "generator": { "busy": [0.5], "why": TEXT }, "command": [TEXT], "began": TEXT,
            "machine": { "processor": TEXT, "kernel": TEXT },
        });
        let (report_map, rest) = (report.as_object_mut().unwrap(), rest.as_object().unwrap());
        report_map.extend(rest.clone());
        for kind in report["kinds"].as_array_mut().unwrap() {
            kind["name"] = json!(TEXT);
        }
        report
    }

    fn run(name: &str, report: Value) -> Run {
        Run {
            name: name.to_owned(),
            report: Saved::from_value(report).unwrap(),
        }
    }

    #[test]
    fn nothing_that_a_report_says_gets_out_of_its_place() {
        let name = "<script>1</script>";
        for runs in [
            vec![run(name, hostile())],
            vec![run(name, hostile()), run(name, hostile())],
        ] {
            let page = render(&runs);
            assert!(!page.contains("<script"), "{page}");
            assert_eq!(page.matches("</style>").count(), 1);
            assert_eq!(page.matches("</title>").count(), 1);
            assert!(page.matches("&lt;script src=//x.example&gt;").count() > 10);
        }
    }

    #[test]
    fn a_page_has_its_parts() {
        let page = render(&[run("one", hostile())]);
        for id in ["curve", "throughput", "latency-over-time", "curves-by-kind"] {
            assert!(page.contains(&format!("<figure id=\"{id}\">")), "{id}");
        }
        for heading in [
            "Errors",
            "By kind of request",
            "The generator itself",
            "How it was made",
        ] {
            assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
        }
        let warning = page.find("role=\"alert\"").unwrap();
        assert!(
            warning < page.find("class=\"cards\"").unwrap(),
            "it comes first"
        );
    }

    #[test]
    fn a_run_without_a_good_reply_is_a_page_too() {
        let report = json!({
            "url": "http://127.0.0.1:1/", "connections": 1, "workers": 1, "elapsed_s": 0.0,
            "good": 0, "good_per_s": 0.0, "errors": 3, "latency_us": null,
            "errors_by_kind": { "connect": { "count": 3, "first": "refused" } },
        });
        let page = render(&[run("one", report)]);
        assert!(
            page.contains("There was no good reply.") && page.contains("refused"),
            "{page}"
        );
        assert!(
            page.contains("100.0 %") && !page.contains("NaN") && !page.contains("inf"),
            "{page}"
        );
    }

    #[test]
    fn numbers_that_no_run_has_are_drawn_inside_the_plot() {
        let mut report = hostile();
        report["percentiles"] = json!([[-5.0, -1.0, 0], [100.0, 1e300, 1], [500.0, 0.0, 2]]);
        report["elapsed_s"] = json!(-1.0);
        report["series"]["interval_seconds"] = json!(-3.0);
        report["series"]["rows"][1]["second"] = json!(1e300);
        report["generator"]["busy"] = json!([-1.0, 1e9]);
        let page = render(&[run("one", report)]);
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
}
