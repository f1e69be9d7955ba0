//! Calculates the positions of everything in a chart, in pixels.

use super::{Figure, Mark, Panel, Positions};
use crate::draw::scale::Scale;
use crate::draw::text::{self, Weight};

/// Size of most labels.
pub(super) const LABEL: f64 = 11.0;
/// Size of the title.
pub(super) const TITLE: f64 = 17.0;
/// Size of a panel's title.
pub(super) const PANEL_TITLE: f64 = 12.0;
/// Size of the values that are written at the ends of bars.
pub(super) const VALUE_FONT_SIZE: f64 = 9.5;
/// Distance between lines of text.
pub(super) const LEADING: f64 = 15.0;
/// Space around the picture.
pub(super) const MARGIN: f64 = 14.0;
/// Space between panels.
const GAP: f64 = 26.0;
/// Width of a sample in the key, with the space after the sample. The key says what the colours and marks mean: each entry has a sample (a
/// line, circle or other mark) and a name.
pub(super) const SAMPLE_WIDTH: f64 = 24.0;
/// The least width of a panel, if there are several beside each other.
const MIN_PANEL_WIDTH: f64 = 300.0;
/// The height that a number on the vertical axis gets, with the space around it.
pub(super) const TICK_HEIGHT: f64 = 34.0;
/// Height of a panel's [`Area`] (what is between its axes), if the vertical axis has numbers.
const AREA_HEIGHT: f64 = 230.0;
/// Used instead of [`AREA_HEIGHT`] if the chart has only one panel.
const SINGLE_AREA_HEIGHT: f64 = 380.0;
/// The names on one side of a panel take at most this share of its width.
const MAX_NAME_SHARE: f64 = 0.4;

/// Space below the area of a panel: for the numbers and the name of its horizontal axis.
const BELOW_AREA: f64 = 52.0;

/// The area of a panel: what is between its axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    /// The position of the vertical axis.
    pub(super) left: f64,
    /// The right end of the horizontal axis.
    pub(super) right: f64,
    /// The upper end of the vertical axis.
    pub(super) top: f64,
    /// The position of the horizontal axis.
    pub(super) bottom: f64,
    /// The left end of the whole panel, which includes the names or numbers to the left of the vertical axis.
    pub(super) outer_left: f64,
    /// The right end of the whole panel, which includes the names at the right ends of its lines.
    pub(super) outer_right: f64,
}

impl Area {
    /// The scales of both axes.
    pub(super) fn scales(&self, panel: &Panel) -> (Scale, Scale) {
        let x = panel.x.scale(self.left, self.right);
        // The first name is at the top, but the smallest number is at the bottom.
        let y = match panel.y.positions {
            Positions::Names(_) => panel.y.scale(self.top, self.bottom),
            Positions::Numbers { .. } => panel.y.scale(self.bottom, self.top),
        };
        (x, y)
    }
}

/// Positions of the parts of a chart.
#[derive(Debug)]
pub(super) struct Layout {
    /// The height of the picture.
    pub(super) height: f64,
    /// The lines of the title.
    pub(super) title: Vec<String>,
    /// The lines of the subtitle.
    pub(super) subtitle: Vec<String>,
    /// The lines of the notes.
    pub(super) notes: Vec<String>,
    /// The top of the key.
    pub(super) key_top: f64,
    /// The top of the notes.
    pub(super) notes_top: f64,
    /// The area of each panel.
    pub(super) areas: Vec<Area>,
}

impl Layout {
    pub(super) fn new(figure: &Figure) -> Self {
        let inner_width = figure.width - 2.0 * MARGIN;
        let wrap = |text: &str| text::wrap(text, inner_width, LABEL, Weight::Regular);
        let title = text::wrap(&figure.title, inner_width, TITLE, Weight::Bold);
        let subtitle = wrap(&figure.subtitle);
        let notes: Vec<String> = figure.notes.iter().flat_map(|note| wrap(note)).collect();
        let text_height = |lines: &[String]| lines.len() as f64 * LEADING;
        let key_top = MARGIN + (TITLE + 5.0) * title.len() as f64 + text_height(&subtitle) + 4.0;
        let key_lines = key_positions(figure).last().map_or(0, |(_, line)| line + 1);
        let mut top = key_top + key_lines as f64 * (LEADING + 3.0) + 8.0;
        let columns = column_count(figure, inner_width);
        let width = (inner_width - GAP * (columns - 1) as f64) / columns as f64;
        let mut areas = vec![];
        for row in figure.panels.chunks(columns) {
            let panel_title_height = titles_height(row);
            // All areas of a row get the same `height`, the same `left_width` and the same `right_width`, so that their axes are aligned.
            let heights = row
                .iter()
                .map(|panel| area_height(panel, figure.panels.len()));
            let height = heights.fold(0.0, f64::max);
            let left_widths = row.iter().map(|panel| names_width(panel, (width, height)));
            let left_width = left_widths.fold(0.0, f64::max);
            let right_widths = row.iter().map(|panel| labels_width(panel, width));
            // Even without names, 8 pixels to the right of the areas stay free.
            let right_width = right_widths.fold(8.0, f64::max);
            for (column, panel) in row.iter().enumerate() {
                let left = MARGIN + (width + GAP) * column as f64;
                areas.push(Area {
                    left: left + left_width,
                    right: left + width - right_width,
                    top: top + panel_title_height,
                    bottom: top + panel_title_height + height,
                    outer_left: left,
                    outer_right: left + width,
                });
                debug_assert!(left_width + right_width < width, "{}", panel.title);
            }
            top += panel_title_height + height + BELOW_AREA;
        }
        Self {
            height: top + text_height(&notes) + MARGIN - 6.0,
            title,
            subtitle,
            notes,
            key_top,
            notes_top: top,
            areas,
        }
    }
}

/// Number of panels beside each other.
fn column_count(figure: &Figure, inner_width: f64) -> usize {
    // n panels beside each other need n * MIN_PANEL_WIDTH + (n - 1) * GAP pixels, which is n * (MIN_PANEL_WIDTH + GAP) - GAP.
    let fitting = ((inner_width + GAP) / (MIN_PANEL_WIDTH + GAP))
        .floor()
        .max(1.0) as usize;
    let max_columns = figure.columns.min(fitting).max(1);
    figure.panels.len().clamp(1, max_columns)
}

/// Height of the space above the areas of a row of panels. Two lines of text stand there: the title of the panel, and the
/// name of the panel's vertical axis.
fn titles_height(row: &[Panel]) -> f64 {
    let has_title = row.iter().any(|panel| !panel.title.is_empty());
    let has_axis_name = row.iter().any(|panel| !panel.y.name.is_empty());
    let height_if = |is_present: bool| if is_present { LEADING + 2.0 } else { 0.0 };
    height_if(has_title) + height_if(has_axis_name) + 8.0
}

/// The width of a label.
fn width_of(text: &str) -> f64 {
    text::width(text, LABEL, Weight::Regular)
}

/// Width for the names or numbers to the left of the vertical axis, in a panel that is `width` wide and whose area is `height` high.
fn names_width(panel: &Panel, (width, height): (f64, f64)) -> f64 {
    let widest = match &panel.y.positions {
        Positions::Names(names) => names.iter().map(|name| width_of(name)).fold(0.0, f64::max),
        Positions::Numbers { .. } => {
            // Each number gets at least `TICK_HEIGHT` pixels. The minus sign tells `ticks` that the axis goes from a larger position
            // (`height`, at the bottom) to a smaller position (0, at the top).
            let (ticks, decimals) = panel.y.scale(height, 0.0).ticks(-TICK_HEIGHT);
            let widths = ticks
                .iter()
                .map(|tick| width_of(&format!("{tick:.decimals$}")));
            widths.fold(0.0, f64::max)
        }
    };
    widest.min(width * MAX_NAME_SHARE) + 8.0
}

/// Width for what is written to the right of the area, in a panel that is `width` wide: the names of lines, and the values of horizontal
/// bars.
fn labels_width(panel: &Panel, width: f64) -> f64 {
    let label_widths = panel.series.iter().map(|series| match series.mark {
        Mark::Line | Mark::Steps => width_of(&series.name) + 14.0,
        // Bars are horizontal if the vertical axis has names.
        Mark::Bars if panel.y.names_of().is_some() => {
            let words = series.points.iter().map(|point| &point.words);
            let widths = words.map(|words| text::width(words, VALUE_FONT_SIZE, Weight::Regular));
            widths.fold(0.0, f64::max) + 8.0
        }
        _ => 0.0,
    });
    label_widths.fold(0.0, f64::max).min(width * MAX_NAME_SHARE)
}

/// Number of series that are drawn as bars.
pub(super) fn count_bar_series(panel: &Panel) -> usize {
    let series = panel.series.iter();
    series.filter(|series| series.mark == Mark::Bars).count()
}

/// The height of a panel's area, in a chart that has `panel_count` panels. If the vertical axis has names, each name gets a row of the
/// area.
fn area_height(panel: &Panel, panel_count: usize) -> f64 {
    let Some(names) = panel.y.names_of() else {
        return if panel_count == 1 {
            SINGLE_AREA_HEIGHT
        } else {
            AREA_HEIGHT
        };
    };
    let has_cells = panel.series.iter().any(|series| series.mark == Mark::Cells);
    let row_height = match (has_cells, count_bar_series(panel)) {
        // All rows of cells together are 560 pixels high, except if a row would then be too thin to see, or much higher than its name.
        (true, _) => (560.0 / names.len().max(1) as f64).clamp(5.0, 34.0),
        (false, 0) => 20.0,
        // A row has a bar of each series, so the row's height grows with the number of series.
        (false, bars) => bars as f64 * 11.0 + 7.0,
    };
    row_height * names.len() as f64
}

/// For each entry of the key, the position of its left end in pixels, and the number of its line, from 0.
pub(super) fn key_positions(figure: &Figure) -> Vec<(f64, usize)> {
    let (mut x, mut line) = (MARGIN, 0);
    let mut positions = vec![];
    for entry in &figure.key {
        let width = SAMPLE_WIDTH + width_of(&entry.name) + 18.0;
        if x > MARGIN && x + width > figure.width - MARGIN {
            (x, line) = (MARGIN, line + 1);
        }
        positions.push((x, line));
        x += width;
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::*;
    use crate::draw::palette::Theme;

    /// A figure with a single panel, whose vertical axis goes from 0 to 5.
    fn figure(panel_title: &str) -> Figure {
        Figure {
            title: String::new(),
            subtitle: String::new(),
            description: String::new(),
            panels: vec![Panel {
                title: panel_title.to_owned(),
                x: Axis::from_zero("", [1.0].into_iter()),
                y: Axis::from_zero("", [5.0].into_iter()),
                series: vec![],
            }],
            key: vec![],
            notes: vec![],
            width: 400.0,
            columns: 1,
        }
    }

    /// The area of a single panel is so high that its vertical axis has the numbers 0.0, 0.5, 1.0 and so on. If the chart had several
    /// panels, the area would be less high, and the axis would have the narrower numbers 0, 1, 2 and so on. The layout must leave space
    /// for the wider numbers.
    #[test]
    fn the_numbers_of_a_single_panel_fit_beside_its_axis() {
        let figure = figure("");
        let area = Layout::new(&figure).areas[0];
        let (_, scale) = area.scales(&figure.panels[0]);
        let (ticks, decimals) = scale.ticks(-TICK_HEIGHT);
        assert_eq!((ticks.len(), decimals), (11, 1));
        // The numbers end 6 pixels to the left of the axis.
        assert!(width_of("0.5") + 6.0 <= area.left - area.outer_left);
    }

    #[test]
    fn a_panel_title_that_is_wider_than_its_panel_is_cut_off() {
        let title = "wide ".repeat(100);
        let svg = figure(&title).svg(Theme::Light);
        let cut_off = svg.split(['<', '>']).find(|text| text.ends_with('…'));
        let cut_off = cut_off.expect("a cut-off title");
        let width = text::width(cut_off, PANEL_TITLE, Weight::Bold);
        assert!(width <= 400.0 - 2.0 * MARGIN, "{width}");
    }
}
