//! The numbers of a plot as a table.

use crate::draw::chart::{Axis, Figure, Mark, Panel, Point, Positions, Series};

/// Of a line, each of so many points is listed.
const EVERY: usize = 20;
/// The most rows.
const MOST_ROWS: usize = 120;

/// The numbers of a plot.
pub(super) struct Numbers {
    /// Panel, series, position, value, low and high end of the interval.
    pub(super) rows: Vec<[String; 6]>,
    /// Number of rows that are left out.
    pub(super) left_out: usize,
    /// Whether not all points of lines are listed.
    pub(super) is_thinned: bool,
}

impl Numbers {
    pub(super) fn new(figure: &Figure) -> Self {
        let mut rows = vec![];
        let (mut left_out, mut is_thinned) = (0, false);
        for panel in &figure.panels {
            for series in &panel.series {
                if matches!(series.mark, Mark::Reference | Mark::Segments) {
                    continue;
                }
                let is_line = matches!(series.mark, Mark::Line | Mark::Steps);
                let every = if is_line && series.points.len() > EVERY {
                    EVERY
                } else {
                    1
                };
                is_thinned |= every > 1;
                for point in series.points.iter().step_by(every) {
                    match rows.len() < MOST_ROWS {
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

fn row(panel: &Panel, series: &Series, point: &Point) -> [String; 6] {
    let (position, value) = match (&panel.x.positions, &panel.y.positions) {
        (Positions::Names(_), Positions::Names(_)) => (
            format!("{}, {}", at(&panel.y, point.y), at(&panel.x, point.x)),
            point.value.map(digits).unwrap_or_default(),
        ),
        (_, Positions::Names(_)) => (
            at(&panel.y, point.y),
            digits(point.value.unwrap_or(point.x)),
        ),
        _ => (at(&panel.x, point.x), digits(point.y)),
    };
    let [low, high] = match point.interval {
        Some((low, high)) => [digits(low), digits(high)],
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
fn at(axis: &Axis, position: f64) -> String {
    match &axis.positions {
        Positions::Names(names) => names.get(position as usize).cloned().unwrap_or_default(),
        Positions::Numbers { .. } => digits(position),
    }
}

/// A number with four significant digits.
fn digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    rounded.to_string()
}
