//! The numbers of a plot as a table, which a report shows below the plot.

use crate::draw::chart::{Axis, Figure, Mark, Panel, Point, Positions, Series};

/// If a line has more than `LINE_STEP` points, only every `LINE_STEP`-th point is listed.
const LINE_STEP: usize = 20;
/// The largest number of rows of the table.
const MAX_ROWS: usize = 120;

/// The numbers of a plot.
pub(super) struct Numbers {
    /// The cells of each row: panel, series, position (the name or number to which the value belongs), value, lower and upper end of the
    /// interval.
    pub(super) rows: Vec<[String; 6]>,
    /// Number of rows that are left out because the table already has [`MAX_ROWS`] rows.
    pub(super) left_out: usize,
    /// Whether only every [`LINE_STEP`]-th point of a line is listed.
    pub(super) is_thinned: bool,
}

impl Numbers {
    /// Lists the points of `figure`.
    pub(super) fn new(figure: &Figure) -> Self {
        let mut rows = vec![];
        let (mut left_out, mut is_thinned) = (0, false);
        for panel in &figure.panels {
            for series in &panel.series {
                // Dashed lines (`Reference`) and predicted boundaries (`Segments`) are only for comparison.
                if matches!(series.mark, Mark::Reference | Mark::Segments) {
                    continue;
                }
                let is_line = matches!(series.mark, Mark::Line | Mark::Steps);
                let step = if is_line && series.points.len() > LINE_STEP {
                    LINE_STEP
                } else {
                    1
                };
                is_thinned |= step > 1;
                for point in series.points.iter().step_by(step) {
                    match rows.len() < MAX_ROWS {
                        true => rows.push(row(panel, series, point)),
                        false => left_out += 1,
                    }
                }
            }
        }
        Self {
            rows,
            left_out,
            is_thinned,
        }
    }
}

/// The row of a point.
fn row(panel: &Panel, series: &Series, point: &Point) -> [String; 6] {
    let (position, value) = match (&panel.x.positions, &panel.y.positions) {
        // A grid of cells: both axes have names. The picture shows the value by the shade of the cell, not by a position on an axis.
        (Positions::Names(_), Positions::Names(_)) => (
            format!(
                "{}, {}",
                position_text(&panel.y, point.y),
                position_text(&panel.x, point.x)
            ),
            point.value.map(four_digits).unwrap_or_default(),
        ),
        // Horizontal bars or dots beside the names of the vertical axis. Usually the value is `point.x`. But a stacked bar begins where
        // another bar ends. Then `point.x` is only the bar's end, and the value is the bar's length, `point.value`.
        (_, Positions::Names(_)) => (
            position_text(&panel.y, point.y),
            four_digits(point.value.unwrap_or(point.x)),
        ),
        // A line, or marks above the names of the horizontal axis.
        _ => (position_text(&panel.x, point.x), four_digits(point.y)),
    };
    let [low, high] = match point.interval {
        Some((low, high)) => [four_digits(low), four_digits(high)],
        None => [String::new(), String::new()],
    };
    [
        panel.title.clone(),
        series.name.clone(),
        position,
        value,
        low,
        high,
    ]
}

/// The name or the number at a position.
fn position_text(axis: &Axis, position: f64) -> String {
    match &axis.positions {
        Positions::Names(names) => names.get(position as usize).cloned().unwrap_or_default(),
        Positions::Numbers { .. } => four_digits(position),
    }
}

/// A number with four significant digits.
fn four_digits(value: f64) -> String {
    // One digit before the point and three after it, such as 1.235e2. Parsed and written again, this is 123.5.
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    rounded.to_string()
}
