//! Latency by percentile, on an axis that gives each further nine as much room as the last. Entered
//! with one curve for each line; in an open loop the service time is a line of its own below, so that
//! what requests waited before they were sent is the area between.

use super::element::Element;
use super::plot::{Area, Line, Place, Plot};
use super::scale::{Scale, nines, percentile};
use crate::report::saved::Point;
use crate::units::show_nanos;

/// Fewer nines make no plot, more are nobody's.
const NINES_MIN: f64 = 2.0;
const NINES_MAX: f64 = 7.0;
/// Places to point at for each nine.
const PLACES_PER_NINE: u32 = 20;

/// One distribution, by name and colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) color: usize,
    /// From when a request was due.
    pub(super) latency: &'a [Point],
    /// From when it was sent; empty where that is the same.
    pub(super) service: &'a [Point],
}

/// The figure; `None` when there is nothing to draw.
pub(super) fn draw(id: &'static str, curves: &[Curve<'_>]) -> Option<Element> {
    let lines: Vec<_> = curves
        .iter()
        .flat_map(|curve| lines(curve, curves.len() == 1))
        .collect();
    let points = || lines.iter().flat_map(|line| &line.points);
    let end = points()
        .map(|point| point.0)
        .fold(NINES_MIN, f64::max)
        .min(NINES_MAX);
    points().next()?;
    let plot = Plot {
        id,
        heading: "",
        title: "Latency by percentile: what so many of the requests did not exceed",
        x_name: "percentile",
        x: Scale::Nines { max: end },
        y: Scale::times(points().map(|point| point.1)),
        areas: match lines.as_slice() {
            [latency, service] if curves.len() == 1 => vec![between(latency, service)],
            _ => Vec::new(),
        },
        places: places(&lines, end),
        lines,
    };
    Some(plot.draw())
}

/// The line of the latency, and that of the service time where it was measured.
fn lines(curve: &Curve<'_>, alone: bool) -> Vec<Line> {
    let (run, color) = (curve.name, curve.color);
    let both = !curve.service.is_empty();
    let names = match (alone, both) {
        (true, true) => [
            ("latency, from when a request was due", "latency"),
            ("service time, from when it was sent", "service time"),
        ],
        (true, false) => [("latency", "latency"); 2],
        (false, _) => [
            (run, run),
            (&format!("{run}, service time"), &format!("{run}, service")),
        ],
    };
    let line = |(name, short): (&str, &str), class: String, points| Line {
        name: name.to_owned(),
        short: short.to_owned(),
        class,
        points: positions(points),
    };
    let drawn = [
        line(names[0], format!("c{color}"), curve.latency),
        line(names[1], format!("c{color} dashed"), curve.service),
    ];
    let drawn = drawn.into_iter();
    drawn.filter(|line| !line.points.is_empty()).collect()
}

/// The last point, of all replies, is put where it is one of so many: at infinity nobody sees it.
#[expect(clippy::cast_precision_loss, reason = "a place on a logarithmic axis")]
fn positions(points: &[Point]) -> Vec<(f64, f64)> {
    let last = points.last().map_or(1, |point| point.2.max(1));
    let end = (last as f64).log10();
    let place = |point: &Point| {
        let x = nines(point.0.clamp(0.0, 100.0)).min(end);
        (x, point.1)
    };
    points.iter().map(place).collect()
}

fn between(latency: &Line, service: &Line) -> Area {
    let back = service.points.iter().rev();
    Area {
        class: "c0".to_owned(),
        points: latency.points.iter().chain(back).copied().collect(),
    }
}

fn places(lines: &[Line], end: f64) -> Vec<Place> {
    let show = |micros: f64| show_nanos(micros * 1e3);
    let steps = (0..).map(|step| f64::from(step) / f64::from(PLACES_PER_NINE));
    let place = |x: f64| Place {
        x,
        heading: format!("{} %", show_percentile(x)),
        readings: lines
            .iter()
            .filter_map(|line| line.reading(x, show))
            .collect(),
    };
    steps.take_while(|x| *x <= end).map(place).collect()
}

/// A percentile with the digits that tell it from its neighbours.
fn show_percentile(x: f64) -> String {
    let decimals = match x {
        x if x < 1.0 => 0,
        x if x < 2.0 => 1,
        x if x < 3.0 => 2,
        x if x < 4.0 => 3,
        x if x < 5.0 => 4,
        _ => 6,
    };
    format!("{:.decimals$}", percentile(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(points: &[(f64, f64)]) -> Vec<Point> {
        let all = points.iter();
        all.map(|&(percentile, micros)| Point(percentile, micros, 1000))
            .collect()
    }

    fn draw_one(latency: &[(f64, f64)], service: &[(f64, f64)]) -> Option<String> {
        let (latency, service) = (points(latency), points(service));
        let curve = Curve {
            name: "a",
            color: 0,
            latency: &latency,
            service: &service,
        };
        draw("curve", &[curve]).map(|figure| figure.to_string())
    }

    #[test]
    fn nothing_has_no_figure() {
        assert!(draw_one(&[], &[]).is_none());
    }

    #[test]
    fn the_time_before_a_request_was_sent_is_an_area() {
        let drawn = draw_one(
            &[(0.0, 10.0), (90.0, 100.0), (100.0, 1000.0)],
            &[(0.0, 10.0), (100.0, 20.0)],
        )
        .unwrap();
        assert!(drawn.contains("class=\"area c0\""), "{drawn}");
        assert!(
            drawn.contains("latency, from when a request was due"),
            "{drawn}"
        );
        assert!(
            drawn.contains("service time, from when it was sent"),
            "{drawn}"
        );
        let closed = draw_one(&[(0.0, 10.0), (100.0, 1000.0)], &[]).unwrap();
        assert!(
            !closed.contains("area") && !closed.contains("service"),
            "{closed}"
        );
    }

    #[test]
    fn the_slowest_of_a_thousand_is_at_three_nines() {
        let points = positions(&points(&[(0.0, 10.0), (99.0, 100.0), (100.0, 1000.0)]));
        assert!(
            (points[1].0 - 2.0).abs() < 1e-9 && (points[2].0 - 3.0).abs() < 1e-9,
            "{points:?}"
        );
    }

    #[test]
    fn several_runs_are_told_apart_by_name() {
        let latency = points(&[(0.0, 10.0), (100.0, 1000.0)]);
        let curves = ["before", "after"].map(|name| Curve {
            name,
            color: 0,
            latency: &latency,
            service: &[],
        });
        let drawn = draw("curve", &curves).unwrap().to_string();
        assert!(
            drawn.contains("</svg>before</li>") && drawn.contains("</svg>after</li>"),
            "{drawn}"
        );
    }

    #[test]
    fn percentiles_have_the_digits_that_matter() {
        let shown = [0.0, 1.0, 1.5, 2.0, 3.05].map(show_percentile);
        assert_eq!(shown, ["0", "90.0", "96.8", "99.00", "99.911"]);
    }
}
