//! What happened when: requests per second, and latency over time. Entered with every run's series.

use super::element::Element;
use super::plot::{Area, Line, Place, Plot};
use super::scale::Scale;
use super::steps::{Step, steps};
use crate::report::saved::Saved;
use crate::units::{show_count, show_nanos};

/// A line along the upper edge would not be seen.
const HEADROOM: f64 = 1.03;

/// What one of the two figures shows.
struct Figure {
    id: &'static str,
    heading: &'static str,
    title: &'static str,
    /// How a value is written.
    show: fn(f64) -> String,
}

const THROUGHPUT: Figure = Figure {
    id: "throughput",
    heading: "Requests per second",
    title: "Requests per second over time",
    show: |rate| format!("{}/s", show_count(rate)),
};

const LATENCY: Figure = Figure {
    id: "latency-over-time",
    heading: "Latency",
    title: "Latency over time",
    show: |micros| show_nanos(micros * 1e3),
};

/// A latency that is drawn: its name, its stroke, where it is in a step, and whether it is left out
/// where several runs share the figure.
struct Latency {
    name: &'static str,
    stroke: &'static str,
    of: fn(&Step) -> Option<f64>,
    alone: bool,
}

const LATENCIES: [Latency; 3] = [
    Latency {
        name: "max",
        stroke: " dotted",
        of: |step| step.max,
        alone: true,
    },
    Latency {
        name: "p99",
        stroke: "",
        of: |step| step.p99,
        alone: false,
    },
    Latency {
        name: "p50",
        stroke: " dashed",
        of: |step| step.p50,
        alone: false,
    },
];

/// One run, by name and colour.
#[derive(Clone, Debug)]
pub(super) struct Track<'a> {
    name: &'a str,
    color: usize,
    steps: Vec<Step>,
    open: bool,
}

impl<'a> Track<'a> {
    /// The run's series, in as many steps as can be drawn.
    pub(super) fn new(name: &'a str, color: usize, run: &Saved) -> Self {
        Self {
            name,
            color,
            steps: steps(run),
            open: run.mode == "open",
        }
    }

    fn line(&self, name: String, class: String, of: impl Fn(&Step) -> Option<f64>) -> Line {
        let steps = self.steps.iter();
        let points = steps.filter_map(|step| Some((step.middle(), of(step)?)));
        Line {
            short: name.clone(),
            name,
            class,
            points: points.collect(),
        }
    }

    fn rate(&self, name: String, class: String, of: fn(&Step) -> f64) -> Line {
        self.line(name, class, |step| Some(step.rate(of(step))))
    }
}

/// Requests per second over time: `None` when nobody counted.
pub(super) fn throughput(tracks: &[Track<'_>]) -> Option<Element> {
    let alone = tracks.len() == 1;
    let mut lines = Vec::new();
    for track in tracks {
        let prefix = prefix(tracks, track);
        let color = format!("c{}", track.color);
        if track.open && alone {
            lines.push(track.rate("due".to_owned(), "due".to_owned(), |step| step.due));
        }
        let good = track.rate(format!("{prefix}good replies"), color.clone(), |step| {
            step.good
        });
        lines.push(good);
        if track.steps.iter().any(|step| step.errors > 0.0) {
            let class = if alone {
                "bad".to_owned()
            } else {
                color + " dashed"
            };
            let errors = track.rate(format!("{prefix}errors"), class, |step| step.errors);
            lines.push(errors);
        }
    }
    let points = lines.iter().flat_map(|line| &line.points);
    let most = points.map(|point| point.1).fold(0.0, f64::max);
    let filled = lines.iter().filter(|line| alone && line.class != "due");
    let areas = filled.map(below).collect();
    THROUGHPUT.draw(Scale::count(most * HEADROOM), tracks, lines, areas)
}

/// Percentiles of latency over time: `None` when there were no replies.
pub(super) fn latency(tracks: &[Track<'_>]) -> Option<Element> {
    let mut lines = Vec::new();
    for track in tracks {
        let prefix = prefix(tracks, track);
        let drawn = LATENCIES
            .iter()
            .filter(|latency| tracks.len() == 1 || !latency.alone);
        lines.extend(drawn.map(|latency| {
            let class = format!("c{}{}", track.color, latency.stroke);
            track.line(format!("{prefix}{}", latency.name), class, latency.of)
        }));
    }
    lines.retain(|line| !line.points.is_empty());
    let points = lines.iter().flat_map(|line| &line.points);
    let scale = Scale::times(points.map(|point| point.1));
    LATENCY.draw(scale, tracks, lines, Vec::new())
}

impl Figure {
    fn draw(
        &self,
        y: Scale,
        tracks: &[Track<'_>],
        lines: Vec<Line>,
        areas: Vec<Area>,
    ) -> Option<Element> {
        let steps = || tracks.iter().flat_map(|track| &track.steps);
        let end = steps().map(|step| step.to).fold(0.0, f64::max);
        if lines.is_empty() || end <= 0.0 {
            return None;
        }
        let longest = tracks
            .iter()
            .map(|track| &track.steps)
            .max_by_key(|steps| steps.len())?;
        let places = longest.iter().map(|step| Place {
            x: step.middle(),
            heading: format!("{} s to {} s", round(step.from), round(step.to)),
            readings: lines
                .iter()
                .filter_map(|line| line.reading(step.middle(), self.show))
                .collect(),
        });
        let plot = Plot {
            id: self.id,
            heading: self.heading,
            title: self.title,
            x_name: "since the start of the run",
            x: Scale::Clock { max: end },
            y,
            areas,
            places: places.collect(),
            lines,
        };
        Some(plot.draw())
    }
}

/// The area from a line down to nothing.
fn below(line: &Line) -> Area {
    let mut points = line.points.clone();
    let [first, last] =
        [line.points.first(), line.points.last()].map(|point| point.map_or(0.0, |point| point.0));
    points.extend([(last, 0.0), (first, 0.0)]);
    Area {
        class: line.class.clone(),
        points,
    }
}

/// What stands before a line's name when there are several runs.
fn prefix(tracks: &[Track<'_>], track: &Track<'_>) -> String {
    match tracks.len() {
        1 => String::new(),
        _ => format!("{}: ", track.name),
    }
}

fn round(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::saved::{Row, Series};

    fn run(rows: &[(u64, u64)]) -> Saved {
        let rows = rows
            .iter()
            .zip([0.0, 1.0])
            .map(|(&(good, errors), second)| Row {
                second,
                due: good + errors,
                good,
                errors,
                p50_us: Some(1.0),
                p99_us: Some(2.0),
                max_us: Some(3.0),
            });
        Saved {
            mode: "open".to_owned(),
            elapsed_s: 2.0,
            series: Series {
                interval_seconds: 1.0,
                rows: rows.collect(),
            },
            ..Saved::default()
        }
    }

    #[test]
    fn nothing_counted_is_no_figure() {
        for run in [Saved::default(), run(&[])] {
            let track = Track::new("a", 0, &run);
            assert!(throughput(std::slice::from_ref(&track)).is_none());
            assert!(latency(&[track]).is_none());
        }
    }

    #[test]
    fn one_run_shows_what_was_due_and_what_failed() {
        let with_errors = run(&[(10, 0), (8, 2)]);
        let drawn = throughput(&[Track::new("a", 0, &with_errors)])
            .unwrap()
            .to_string();
        for part in [
            "</svg>due<",
            "</svg>good replies<",
            "</svg>errors<",
            "line bad",
            "area bad",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        let without = run(&[(10, 0), (10, 0)]);
        let drawn = throughput(&[Track::new("a", 0, &without)])
            .unwrap()
            .to_string();
        assert!(!drawn.contains("errors"), "{drawn}");
    }

    #[test]
    fn several_runs_keep_their_names_and_colours() {
        let (one, other) = (run(&[(10, 0), (10, 0)]), run(&[(20, 1)]));
        let tracks = [
            Track::new("before", 0, &one),
            Track::new("after", 1, &other),
        ];
        let drawn = throughput(&tracks).unwrap().to_string();
        for part in ["before: good replies", "line c1\"", "after: errors"] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        let drawn = latency(&tracks).unwrap().to_string();
        assert!(
            drawn.contains("after: p99") && !drawn.contains("after: max"),
            "{drawn}"
        );
    }
}
