//! A plot: axes, lines, areas, and what shows when a pointer is over it, all as SVG and without a
//! script. Entered by the rooms that know what the lines mean. Every plot is drawn twice, for wide
//! screens and for narrow ones, and the style sheet shows the one that fits.

use super::element::{Element, element};
use super::scale::{Mark, Scale};

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// What it is called in the document.
    pub(super) id: &'static str,
    /// What stands above it; nothing where the section's title says it.
    pub(super) heading: &'static str,
    /// What it shows, in a sentence.
    pub(super) title: &'static str,
    /// What the horizontal axis counts.
    pub(super) x_name: &'static str,
    pub(super) x: Scale,
    pub(super) y: Scale,
    /// Drawn below all lines.
    pub(super) areas: Vec<Area>,
    pub(super) lines: Vec<Line>,
    /// What shows above a place, from left to right.
    pub(super) places: Vec<Place>,
}

/// A line.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its name, for the legend.
    pub(super) name: String,
    /// Its name where there is little room.
    pub(super) short: String,
    /// The classes that give it colour and stroke.
    pub(super) class: String,
    /// Its points from left to right, in the units of the axes.
    pub(super) points: Vec<(f64, f64)>,
}

/// A filled area between two edges.
#[derive(Clone, Debug)]
pub(super) struct Area {
    pub(super) class: String,
    /// The points of its edge, all the way round.
    pub(super) points: Vec<(f64, f64)>,
}

/// A place of the horizontal axis and what there is to read about it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) heading: String,
    pub(super) readings: Vec<Reading>,
}

/// What a line comes to at a place.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) value: String,
    /// Where the line is there.
    pub(super) y: f64,
}

/// A size to draw in, in units of the drawing; text is 12 units high in all of them.
#[derive(Clone, Copy, Debug)]
struct Size {
    class: &'static str,
    width: f64,
    height: f64,
    x_labels: u32,
    y_labels: u32,
    /// Of a plot's places, every how manieth is kept.
    places: usize,
}

const SIZES: [Size; 2] = [
    Size {
        class: "wide",
        width: 920.0,
        height: 340.0,
        x_labels: 10,
        y_labels: 5,
        places: 120,
    },
    Size {
        class: "narrow",
        width: 400.0,
        height: 300.0,
        x_labels: 5,
        y_labels: 5,
        places: 40,
    },
];

const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// The height of a line of text above a place.
const READING: f64 = 17.0;
/// About the width of a character of it.
const CHARACTER: f64 = 6.7;

impl Line {
    /// The height of the line at `x`; `None` beside it.
    pub(super) fn at(&self, x: f64) -> Option<f64> {
        let after = self.points.iter().position(|point| point.0 >= x)?;
        let (x1, y1) = self.points[after];
        if after == 0 || x1 <= x {
            return (x1 <= x).then_some(y1);
        }
        let (x0, y0) = self.points[after - 1];
        Some(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    }

    /// What there is to read of it at `x`; nothing beside it.
    pub(super) fn reading(&self, x: f64, show: fn(f64) -> String) -> Option<Reading> {
        let value = self.at(x)?;
        Some(Reading {
            class: self.class.clone(),
            name: self.short.clone(),
            value: show(value),
            y: value,
        })
    }
}

impl Plot {
    /// The plot in all its sizes, with a legend.
    pub(super) fn draw(&self) -> Element {
        let legend = self.lines.iter().map(|line| {
            element("li")
                .class(&line.class)
                .child(swatch())
                .text(&line.name)
        });
        let heading = (!self.heading.is_empty()).then(|| element("h3").text(self.heading));
        element("figure")
            .with("id", self.id)
            .children(heading)
            .children(SIZES.map(|size| self.draw_in(size)))
            .child(element("figcaption").child(element("ul").class("legend").children(legend)))
    }

    fn draw_in(&self, size: Size) -> Element {
        let draw_places = |places: &[Place]| {
            let every = places.len().div_ceil(size.places).max(1);
            let shown: Vec<_> = places.iter().step_by(every).collect();
            let parts = (0..shown.len()).map(|at| self.place(size, &shown, at));
            element("g").class("places").children(parts)
        };
        element("svg")
            .class(size.class)
            .with(
                "viewBox",
                format_args!("0 0 {} {}", size.width, size.height),
            )
            .with("role", "img")
            .with("aria-label", self.title)
            .child(self.grid(size))
            .children(self.areas.iter().map(|area| {
                let path = self.path(size, &area.points) + "Z";
                element("path")
                    .class(format_args!("area {}", area.class))
                    .with("d", path)
            }))
            .children(self.lines.iter().map(|line| {
                let path = self.path(size, &line.points);
                element("path")
                    .class(format_args!("line {}", line.class))
                    .with("d", path)
            }))
            .child(draw_places(&self.places))
    }

    fn grid(&self, size: Size) -> Element {
        let (left, right) = (LEFT, size.width - RIGHT);
        let (top, bottom) = (TOP, size.height - BOTTOM);
        let upright = |mark: &Mark| {
            let x = left + mark.at * (right - left);
            mark_at(mark, [x, x, top, bottom], (x, bottom + 18.0), "x")
        };
        let level = |mark: &Mark| {
            let y = bottom - mark.at * (bottom - top);
            mark_at(mark, [left, right, y, y], (left - 8.0, y + 4.0), "y")
        };
        let name = element("text")
            .class("name")
            .with("x", px(f64::midpoint(left, right)))
            .with("y", px(size.height - 6.0))
            .text(self.x_name);
        element("g")
            .class("grid")
            .children(self.x.marks(size.x_labels).iter().map(upright))
            .children(self.y.marks(size.y_labels).iter().map(level))
            .child(name)
    }

    fn path(&self, size: Size, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (number, point) in points.iter().enumerate() {
            let (x, y) = self.position(size, *point);
            let verb = if number == 0 { 'M' } else { 'L' };
            path += &format!("{verb}{} {}", px(x), px(y));
        }
        path
    }

    fn position(&self, size: Size, (x, y): (f64, f64)) -> (f64, f64) {
        (
            LEFT + self.x.at(x) * (size.width - LEFT - RIGHT),
            size.height - BOTTOM - self.y.at(y) * (size.height - TOP - BOTTOM),
        )
    }

    /// A strip that reaches half way to the places beside it, and what shows when it is pointed at.
    fn place(&self, size: Size, places: &[&Place], at: usize) -> Element {
        let across = |place: &Place| self.position(size, (place.x, 0.0)).0;
        let place = places[at];
        let x = across(place);
        let before = at.checked_sub(1).map(|before| across(places[before]));
        let after = places.get(at + 1).map(|after| across(after));
        let from = before.map_or(LEFT, |before| f64::midpoint(before, x));
        let to = after.map_or(size.width - RIGHT, |after| f64::midpoint(x, after));
        let dots = place.readings.iter().map(|reading| {
            let (x, y) = self.position(size, (place.x, reading.y));
            let dot = element("circle").class(&reading.class);
            dot.with("cx", px(x)).with("cy", px(y)).with("r", 3.5)
        });
        let shown = element("g")
            .class("shown")
            .child(rule([x, x, TOP, size.height - BOTTOM]))
            .children(dots)
            .child(label(size, x, place));
        let strip = rectangle(from, TOP, to - from, size.height - TOP - BOTTOM).class("strip");
        element("g").class("place").child(strip).child(shown)
    }
}

/// The box with what there is to read, on the side of `x` where there is more room.
fn label(size: Size, x: f64, place: &Place) -> Element {
    let chars = |text: &str| text.chars().count();
    let lengths = place
        .readings
        .iter()
        .map(|reading| 4 + chars(&reading.name) + chars(&reading.value));
    let longest = lengths.chain([chars(&place.heading)]).max().unwrap_or(0);
    let longest = u32::try_from(longest.min(200)).unwrap_or(200);
    let width = f64::from(longest) * CHARACTER + 20.0;
    let lines = u32::try_from(place.readings.len().min(40)).unwrap_or(40);
    let height = f64::from(lines + 1) * READING + 12.0;
    let left = if x > size.width / 2.0 {
        x - width - 10.0
    } else {
        x + 10.0
    };
    let left = left.clamp(2.0, (size.width - width - 2.0).max(2.0));
    let mut out = element("g")
        .class("label")
        .child(rectangle(left, TOP + 2.0, width, height).with("rx", 5))
        .child(word(left + 10.0, TOP + 19.0, "heading").text(&place.heading));
    let mut y = TOP + 19.0;
    for reading in &place.readings {
        y += READING;
        let dot = element("circle").class(&reading.class);
        out = out
            .child(
                dot.with("cx", px(left + 14.0))
                    .with("cy", px(y - 4.0))
                    .with("r", 4),
            )
            .child(word(left + 24.0, y, "of").text(&reading.name))
            .child(word(left + width - 10.0, y, "value").text(&reading.value));
    }
    out
}

/// The sample of a line's stroke in a legend.
pub(super) fn swatch() -> Element {
    let stroke = element("path").class("line").with("d", "M0 5H22");
    let svg = element("svg").class("swatch").with("viewBox", "0 0 22 10");
    svg.with("aria-hidden", "true").child(stroke)
}

fn mark_at(mark: &Mark, line: [f64; 4], label: (f64, f64), class: &'static str) -> Element {
    let text = word(label.0, label.1, class).text(&mark.label);
    let text = (!mark.label.is_empty()).then_some(text);
    element("g").child(rule(line)).children(text)
}

fn rule([x1, x2, y1, y2]: [f64; 4]) -> Element {
    let line = element("line").with("x1", px(x1)).with("x2", px(x2));
    line.with("y1", px(y1)).with("y2", px(y2))
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Element {
    let at = element("rect").with("x", px(x)).with("y", px(y));
    at.with("width", px(width.max(0.0)))
        .with("height", px(height.max(0.0)))
}

fn word(x: f64, y: f64, class: &'static str) -> Element {
    element("text")
        .class(class)
        .with("x", px(x))
        .with("y", px(y))
}

/// A tenth of a unit is finer than any screen.
fn px(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(f64, f64)]) -> Line {
        Line {
            name: "a <line>".to_owned(),
            short: "a".to_owned(),
            class: "c0".to_owned(),
            points: points.to_vec(),
        }
    }

    fn plot() -> Plot {
        Plot {
            id: "plot",
            heading: "",
            title: "Something over time",
            x_name: "time",
            x: Scale::Clock { max: 10.0 },
            y: Scale::Count { max: 100.0 },
            areas: Vec::new(),
            lines: vec![line(&[(0.0, 0.0), (10.0, 100.0)])],
            places: vec![
                Place {
                    x: 5.0,
                    heading: "5 s".to_owned(),
                    readings: vec![Reading {
                        class: "c0".to_owned(),
                        name: "a".to_owned(),
                        value: "50".to_owned(),
                        y: 50.0,
                    }],
                };
                300
            ],
        }
    }

    #[test]
    fn a_line_goes_from_corner_to_corner() {
        let drawn = plot().draw().to_string();
        assert!(drawn.contains("d=\"M58 296L906 12\""), "wide: {drawn}");
        assert!(drawn.contains("d=\"M58 256L386 12\""), "narrow: {drawn}");
        assert!(drawn.contains("a &lt;line&gt;"), "the legend: {drawn}");
    }

    #[test]
    fn places_are_thinned_to_what_a_size_can_show() {
        let drawn = plot().draw().to_string();
        assert_eq!(drawn.matches("class=\"place\"").count(), 100 + 38);
    }

    #[test]
    fn between_two_points_a_line_is_straight_and_beside_them_it_is_not() {
        let line = line(&[(1.0, 10.0), (2.0, 20.0), (2.0, 30.0), (4.0, 50.0)]);
        assert_eq!(line.at(0.9), None);
        assert_eq!(line.at(1.0), Some(10.0));
        assert_eq!(line.at(1.5), Some(15.0));
        assert_eq!(line.at(3.0), Some(40.0));
        assert_eq!(line.at(4.0), Some(50.0));
        assert_eq!(line.at(4.1), None);
    }
}
