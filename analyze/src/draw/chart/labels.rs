//! Writes the names of a chart's series at the right ends of their lines.

use super::layout::{Area, LABEL};
use super::{Mark, Panel, Series};
use crate::draw::svg::{Label, Svg, px};

/// The least vertical distance between two names, in pixels: a little more than the size of their font.
const MIN_DISTANCE: f64 = LABEL + 1.5;

pub(super) fn draw(panel: &Panel, area: &Area, svg: &mut Svg) {
    let (_, y) = area.scales(panel);
    let is_line = |series: &&Series| matches!(series.mark, Mark::Line | Mark::Steps);
    let mut named: Vec<(f64, &Series)> = vec![];
    for series in panel.series.iter().filter(is_line) {
        if let Some(last) = series.points.last() {
            named.push((y.at(last.y), series));
        }
    }
    named.sort_by(|a, b| a.0.total_cmp(&b.0));
    let line_ends: Vec<f64> = named.iter().map(|(y, _)| *y).collect();
    let name_positions = move_apart(&line_ends, area.bottom);
    for ((line_end, series), name_y) in named.into_iter().zip(name_positions) {
        let class = format!("curve {}", series.ink.class());
        // A short line from the end of the series to its name.
        let path = format!(
            "M{} {}L{} {}",
            px(area.right + 1.0),
            px(line_end),
            px(area.right + 9.0),
            px(name_y)
        );
        svg.element("path", &[("class", &class), ("d", &path)], "");
        // The `y` of a label is its baseline, on which the letters stand. A baseline a little below `name_y` puts their middle at `name_y`.
        svg.label(&Label {
            text: &series.name,
            x: area.right + 12.0,
            y: name_y + LABEL * 0.35,
            ..super::frame::label("ink")
        });
    }
}

/// Moves vertical positions so that any two are at least [`MIN_DISTANCE`] apart. A larger position is lower in the picture. `wanted` has the
/// positions from top to bottom. First, each position that is too close to the one above it is moved down. If the last one is then below
/// `bottom`, it is moved up to `bottom`, and positions above it that are now too close are moved up too.
fn move_apart(wanted: &[f64], bottom: f64) -> Vec<f64> {
    let mut positions: Vec<f64> = wanted.to_vec();
    for index in 1..positions.len() {
        positions[index] = positions[index].max(positions[index - 1] + MIN_DISTANCE);
    }
    let mut limit = bottom;
    for position in positions.iter_mut().rev() {
        *position = position.min(limit);
        limit = *position - MIN_DISTANCE;
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_moved_apart_and_stay_above_the_bottom() {
        let positions = move_apart(&[10.0, 11.0, 98.0, 99.0, 99.0], 100.0);
        for pair in positions.windows(2) {
            assert!(pair[1] - pair[0] >= MIN_DISTANCE - 1e-9, "{positions:?}");
        }
        assert!(positions[4] <= 100.0);
        assert_eq!(move_apart(&[10.0, 50.0], 100.0), [10.0, 50.0]);
    }
}
