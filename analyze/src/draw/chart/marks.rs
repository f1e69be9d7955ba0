//! Draws the series of a panel: lines, bars, circles and other marks, with their values as data attributes.

use std::fmt::{Display, Write};

use super::layout::{Area, VALUE_FONT_SIZE, count_bar_series};
use super::{Mark, Panel, Point, Positions, Series, brief};
use crate::draw::scale::Scale;
use crate::draw::svg::{Label, Svg, px};

/// In a panel with more circles than this, the circles of each series become a single path, so that the file of a picture with many points
/// stays small.
const MAX_CIRCLES: usize = 400;

/// What all marks of a panel need.
struct Drawing<'p> {
    area: &'p Area,
    /// The scale of the horizontal axis.
    x: Scale,
    /// The scale of the vertical axis.
    y: Scale,
    /// Whether bars and intervals are horizontal. They are if the vertical axis has names.
    is_horizontal: bool,
    /// Number of series with bars.
    bar_series_count: usize,
    /// The largest value of a cell ([`Mark::Cells`]). The cell with this value is the least transparent.
    largest_value: f64,
    /// The names of the axis that has names. Empty if both axes have numbers.
    names: &'p [String],
    /// Whether the panel has so many circles that a series of circles becomes a single path.
    has_many_circles: bool,
}

pub(super) fn draw(panel: &Panel, area: &Area, svg: &mut Svg) {
    let (x, y) = area.scales(panel);
    let points = panel.series.iter().flat_map(|series| &series.points);
    let values = points.filter_map(|point| point.value);
    // The series that are drawn as circles.
    let circles = panel.series.iter();
    let circles = circles.filter(|series| matches!(series.mark, Mark::Dots | Mark::Hollow));
    let drawing = Drawing {
        area,
        x,
        y,
        is_horizontal: matches!(panel.y.positions, Positions::Names(_)),
        bar_series_count: count_bar_series(panel),
        largest_value: values.fold(0.0, f64::max),
        has_many_circles: circles.map(|series| series.points.len()).sum::<usize>() > MAX_CIRCLES,
        names: panel
            .y
            .names_of()
            .or(panel.x.names_of())
            .unwrap_or_default(),
    };
    let mut bar_index = 0;
    for series in &panel.series {
        svg.open(&[("class", &"series"), ("data-series", &series.name)]);
        match series.mark {
            Mark::Line => drawing.line(series, svg),
            Mark::Steps => drawing.steps(series, svg),
            Mark::Bars => {
                drawing.bars(series, bar_index, svg);
                bar_index += 1;
            }
            Mark::Stack => drawing.stack(series, svg),
            Mark::Dots | Mark::Hollow => drawing.circles(series, svg),
            Mark::Reference => drawing.reference(series, svg),
            Mark::Cells => drawing.cells(series, svg),
            Mark::Segments => drawing.segments(series, svg),
        }
        svg.close();
    }
}

pub(super) fn circle(class: &str, (x, y): (f64, f64), radius: f64, svg: &mut Svg) {
    let (x, y, radius) = (px(x), px(y), px(radius));
    let attributes: [(&str, &dyn Display); 4] =
        [("class", &class), ("cx", &x), ("cy", &y), ("r", &radius)];
    svg.element("circle", &attributes, "");
}

/// A rectangle with these two opposite corners.
pub(super) fn rectangle(
    attributes: &[(&str, &dyn Display)],
    (x1, y1): (f64, f64),
    (x2, y2): (f64, f64),
    title: &str,
    svg: &mut Svg,
) {
    let (x, y) = (px(x1.min(x2)), px(y1.min(y2)));
    let (width, height) = (px((x2 - x1).abs()), px((y2 - y1).abs()));
    let mut all = attributes.to_vec();
    all.extend([
        ("x", &x as &dyn Display),
        ("y", &y),
        ("width", &width),
        ("height", &height),
    ]);
    svg.element("rect", &all, title);
}

/// The opacity of a cell: 0 is transparent, and the cell with the largest value has 0.95. `share` is the cell's value divided by the
/// largest value of a cell.
pub(super) fn opacity(share: f64) -> String {
    let share = share.clamp(0.0, 1.0);
    // `px` is meant for lengths in pixels. It is used here because it writes at most two decimals, which are enough for an opacity.
    px(0.95 * share)
}

/// Writes numbers, separated by spaces.
fn join_numbers(values: impl Iterator<Item = f64>) -> String {
    values.map(brief).collect::<Vec<_>>().join(" ")
}

impl Drawing<'_> {
    /// The position, in pixels, of the point with these values on the two axes.
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }

    /// A line through the points, written as the attribute `d` of an SVG path. In this attribute, `M` moves to a point, `L` draws a line to
    /// a point, `H` draws a horizontal line to an x, `V` draws a vertical line to a y, and `Z` returns to the start.
    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (x, y) in points {
            let (x, y) = self.at(x, y);
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{} {}", px(x), px(y));
        }
        path
    }

    /// Writes the path of a series, with the values of its points as data attributes.
    fn curve(&self, series: &Series, path: &str, svg: &mut Svg) {
        let class = format!("curve {}", series.ink.class());
        let points = || series.points.iter();
        let (x, y) = (
            join_numbers(points().map(|point| point.x)),
            join_numbers(points().map(|point| point.y)),
        );
        let mut attributes: Vec<(&str, &dyn Display)> = vec![
            ("class", &class),
            ("d", &path),
            ("data-x", &x),
            ("data-y", &y),
        ];
        // A point without an interval has its own value as both ends.
        let ends = |point: &Point| point.interval.unwrap_or((point.y, point.y));
        let low = join_numbers(points().map(|point| ends(point).0));
        let high = join_numbers(points().map(|point| ends(point).1));
        if points().any(|point| point.interval.is_some()) {
            attributes.extend([("data-low", &low as &dyn Display), ("data-high", &high)]);
        }
        svg.element("path", &attributes, &series.name);
    }

    /// Draws a line through the points, over a band that covers their intervals.
    fn line(&self, series: &Series, svg: &mut Svg) {
        let points = series.points.as_slice();
        if points.iter().any(|point| point.interval.is_some()) {
            let ends = |point: &Point| point.interval.unwrap_or((point.y, point.y));
            let (smallest, largest) = (self.y.from.min(self.y.to), self.y.from.max(self.y.to));
            let inside_axis = |value: f64| value.clamp(smallest, largest);
            // The outline of the band: along the low ends to the right, and back along the high ends.
            let low_ends = points
                .iter()
                .map(|point| (point.x, inside_axis(ends(point).0)));
            let high_ends = points
                .iter()
                .rev()
                .map(|point| (point.x, inside_axis(ends(point).1)));
            let class = format!("band {}", series.ink.class());
            let path = self.path(low_ends.chain(high_ends)) + "Z";
            svg.element("path", &[("class", &class), ("d", &path)], "");
        }
        let path = self.path(points.iter().map(|point| (point.x, point.y)));
        self.curve(series, &path, svg);
    }

    /// Draws steps: each value holds until the next point, and the last one until the end of the axis.
    fn steps(&self, series: &Series, svg: &mut Svg) {
        let mut path = String::new();
        for point in &series.points {
            let (x, y) = self.at(point.x, point.y);
            let _ = match path.is_empty() {
                true => write!(path, "M{} {}", px(x), px(y)),
                false => write!(path, "H{}V{}", px(x), px(y)),
            };
        }
        if !path.is_empty() {
            let _ = write!(path, "H{}", px(self.area.right));
        }
        self.curve(series, &path, svg);
    }

    /// Draws an interval as a line along the axis with numbers. At each end of the line is a cap: a short line at right angles to it.
    /// `middle` is the line's position on the other axis in pixels. A cap extends `half_cap` pixels to each side of the line.
    fn whisker(&self, class: &str, ends: (f64, f64), middle: f64, half_cap: f64, svg: &mut Svg) {
        // Each cap goes from `from` to `to`.
        let (from, to) = (px(middle - half_cap), px(middle + half_cap));
        let middle = px(middle);
        let path = if self.is_horizontal {
            let (low, high) = (px(self.x.at(ends.0)), px(self.x.at(ends.1)));
            format!("M{low} {middle}H{high}M{low} {from}V{to}M{high} {from}V{to}")
        } else {
            let (low, high) = (px(self.y.at(ends.0)), px(self.y.at(ends.1)));
            format!("M{middle} {low}V{high}M{from} {low}H{to}M{from} {high}H{to}")
        };
        svg.element("path", &[("class", &class), ("d", &path)], "");
    }

    /// At each name on the axis there is a group of bars, one for each series that is drawn as bars. The group is centred on the name.
    /// Returns the width of a bar with the free space beside it, and the distance from the name's position to the middle of the bar, both
    /// in pixels. `index` is the index of the bar's series among the series with bars.
    fn bar_width_and_offset(&self, index: usize) -> (f64, f64) {
        let scale = if self.is_horizontal { &self.y } else { &self.x };
        // All bars of a name together take 84 % of the distance between two names.
        let all_bars_width = (scale.at(1.0) - scale.at(0.0)).abs() * 0.84;
        let width = all_bars_width / self.bar_series_count.max(1) as f64;
        let offset = (index as f64 + 0.5) * width - all_bars_width / 2.0;
        (width, offset)
    }

    /// The name of the series, followed by the point's name on the axis. On an axis with names, the position of a point is the index of its
    /// name.
    fn name_of(&self, series: &Series, point: &Point) -> String {
        let index = if self.is_horizontal { point.y } else { point.x };
        match self.names.get(index as usize) {
            Some(name) => format!("{}, {name}", series.name),
            None => series.name.clone(),
        }
    }

    fn bars(&self, series: &Series, index: usize, svg: &mut Svg) {
        let (width, offset) = self.bar_width_and_offset(index);
        for point in &series.points {
            let (x, y) = self.at(point.x, point.y);
            let class = format!("bar {}", series.ink.class());
            let (data, title) = attributes_and_title(&class, point, &self.name_of(series, point));
            // `half` is half the thickness of the bar. The bar is at least 0.6 pixels thick. A thicker bar has half a pixel of free space
            // on each side.
            let half = (width / 2.0 - 0.5).max(0.3);
            let name_position = if self.is_horizontal { y } else { x };
            let middle = name_position + offset;
            let (corner, opposite_corner) = match self.is_horizontal {
                true => ((self.x.at(0.0), middle - half), (x, middle + half)),
                false => ((middle - half, self.y.at(0.0)), (middle + half, y)),
            };
            rectangle(&borrowed(&data), corner, opposite_corner, &title, svg);
            // The words of a horizontal bar are written to the right of the bar and its whisker. `right_end` is the larger of their right
            // ends, as a value on the axis. A negative bar goes from 0 to the left, so its right end is 0.
            let mut right_end = point.x.max(0.0);
            if let Some(ends) = point.interval {
                self.whisker("whisker", ends, middle, half.min(3.0), svg);
                right_end = right_end.max(ends.1);
            }
            let has_room_for_words = width >= VALUE_FONT_SIZE - 1.0;
            if self.is_horizontal && has_room_for_words {
                svg.label(&Label {
                    text: &point.words,
                    x: self.x.at(right_end) + 5.0,
                    // The baseline of the text is below the middle, so that the digits are in the middle.
                    y: middle + VALUE_FONT_SIZE * 0.35,
                    size: VALUE_FONT_SIZE,
                    ..super::frame::label("muted")
                });
            }
        }
    }

    fn stack(&self, series: &Series, svg: &mut Svg) {
        // A bar is as high as 80 % of the distance between two names.
        let half = (self.y.at(1.0) - self.y.at(0.0)).abs() * 0.4;
        for point in &series.points {
            let (x, y) = self.at(point.x, point.y);
            let class = format!("bar {}", series.ink.class());
            let (mut data, title) =
                attributes_and_title(&class, point, &self.name_of(series, point));
            data.push(("data-base", brief(point.base)));
            let start = self.x.at(point.base);
            rectangle(
                &borrowed(&data),
                (start, y - half),
                (x, y + half),
                &title,
                svg,
            );
        }
    }

    fn circles(&self, series: &Series, svg: &mut Svg) {
        if self.has_many_circles {
            return self.many_circles(series, svg);
        }
        let ink = series.ink.class();
        for point in &series.points {
            let (x, y) = self.at(point.x, point.y);
            if let Some(ends) = point.interval {
                let middle = if self.is_horizontal { y } else { x };
                self.whisker(&format!("interval {ink}"), ends, middle, 2.0, svg);
            }
            let class = format!("{} {ink}", super::frame::circle_class(series.mark));
            let (mut data, title) = attributes_and_title(&class, point, &series.name);
            data.extend([("cx", px(x)), ("cy", px(y)), ("r", "3.4".to_owned())]);
            svg.element("circle", &borrowed(&data), &title);
        }
    }

    /// Draws the circles of a series as one path. Points at the same pixel are drawn once.
    fn many_circles(&self, series: &Series, svg: &mut Svg) {
        let position = |point: &Point| {
            let (x, y) = self.at(point.x, point.y);
            (x.round() as i64, y.round() as i64)
        };
        let positions: std::collections::BTreeSet<_> = series.points.iter().map(position).collect();
        let mut path = String::new();
        for (x, y) in positions {
            // `h0` draws a line without length: the style sheet gives it a round end, so it looks like a dot. Hollow circles become dots
            // too, but smaller and more transparent ones (class `rings`).
            let _ = write!(path, "M{x} {y}h0");
        }
        let class = if series.mark == Mark::Hollow {
            "rings"
        } else {
            "dots"
        };
        let class = format!("{class} {}", series.ink.class());
        let count = series.points.len();
        svg.element(
            "path",
            &[("class", &class), ("d", &path), ("data-points", &count)],
            &series.name,
        );
    }

    fn reference(&self, series: &Series, svg: &mut Svg) {
        let points = || series.points.iter();
        let path = self.path(points().map(|point| (point.x, point.y)));
        let (x, y) = (
            join_numbers(points().map(|point| point.x)),
            join_numbers(points().map(|point| point.y)),
        );
        let attributes: [(&str, &dyn Display); 4] = [
            ("class", &"reference"),
            ("d", &path),
            ("data-x", &x),
            ("data-y", &y),
        ];
        svg.element("path", &attributes, &series.name);
    }

    fn cells(&self, series: &Series, svg: &mut Svg) {
        for point in &series.points {
            let Some(value) = point.value else {
                continue;
            };
            let class = format!("cell {}", series.ink.class());
            let (mut data, title) = attributes_and_title(&class, point, "");
            let share = if self.largest_value > 0.0 {
                value / self.largest_value
            } else {
                0.0
            };
            data.push(("fill-opacity", opacity(share)));
            let corner = self.at(point.x - 0.5, point.y - 0.5);
            let opposite_corner = self.at(point.x + 0.5, point.y + 0.5);
            rectangle(&borrowed(&data), corner, opposite_corner, &title, svg);
        }
    }

    /// Draws a line from the first point to the second, from the third to the fourth, and so on. Together these lines are the boundary
    /// between two regions of cells.
    fn segments(&self, series: &Series, svg: &mut Svg) {
        let mut path = String::new();
        for ends in series.points.chunks_exact(2) {
            path += &self.path(ends.iter().map(|point| (point.x, point.y)));
        }
        svg.element(
            "path",
            &[("class", &"boundary"), ("d", &path)],
            &series.name,
        );
    }
}

/// The attributes of a point's mark (its class and its values), and the title of the mark. The title is `name: words`, with the words of
/// the point. If `name` is empty, the title is only the words.
fn attributes_and_title(
    class: &str,
    point: &Point,
    name: &str,
) -> (Vec<(&'static str, String)>, String) {
    let mut data = vec![
        ("class", class.to_owned()),
        ("data-x", brief(point.x)),
        ("data-y", brief(point.y)),
    ];
    if let Some((low, high)) = point.interval {
        data.extend([("data-low", brief(low)), ("data-high", brief(high))]);
    }
    data.extend(point.value.map(|value| ("data-value", brief(value))));
    let title = match (name, point.words.as_str()) {
        ("", words) => words.to_owned(),
        (name, words) => format!("{name}: {words}"),
    };
    (data, title)
}

/// Attributes in the form that [`Svg::element`] takes.
fn borrowed<'a>(data: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a dyn Display)> {
    data.iter()
        .map(|(name, value)| (*name, value as &dyn Display))
        .collect()
}
