//! The names at the right ends of lines.

use super::layout::{Area, LABEL};
use super::{Mark, Panel, Series};
use crate::draw::svg::{Label, Svg, px};

/// The least distance between the baselines of two names.
const APART: f64 = LABEL + 1.5;

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
    let wanted: Vec<f64> = named.iter().map(|(y, _)| *y).collect();
    for ((end, series), at) in named.into_iter().zip(spread(&wanted, area.bottom)) {
        let class = format!("curve {}", series.ink.class());
        let path = format!(
            "M{} {}L{} {}",
            px(area.right + 1.0),
            px(end),
            px(area.right + 9.0),
            px(at)
        );
        svg.element("path", &[("class", &class), ("d", &path)], "");
        svg.label(&Label {
            text: &series.name,
            x: area.right + 12.0,
            y: at + LABEL * 0.35,
            ..super::frame::label("ink")
        });
    }
}

/// Moves ascending positions apart, and none below `bottom` unless there is no room.
fn spread(wanted: &[f64], bottom: f64) -> Vec<f64> {
    let mut positions: Vec<f64> = wanted.to_vec();
    for index in 1..positions.len() {
        positions[index] = positions[index].max(positions[index - 1] + APART);
    }
    let mut limit = bottom;
    for position in positions.iter_mut().rev() {
        *position = position.min(limit);
        limit = *position - APART;
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_overlap() {
        let positions = spread(&[10.0, 11.0, 98.0, 99.0, 99.0], 100.0);
        for pair in positions.windows(2) {
            assert!(pair[1] - pair[0] >= APART - 1e-9, "{positions:?}");
        }
        assert!(positions[4] <= 100.0);
        assert_eq!(spread(&[10.0, 50.0], 100.0), [10.0, 50.0]);
    }
}
