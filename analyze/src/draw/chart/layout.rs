//! Where everything in a chart is, in pixels.

use super::{Figure, Mark, Panel, Positions};
use crate::draw::scale::Scale;
use crate::draw::text::{self, Weight};

/// Size of most labels.
pub(super) const LABEL: f64 = 11.0;
/// Size of the title.
pub(super) const TITLE: f64 = 17.0;
/// Size of a panel's title.
pub(super) const PANEL_TITLE: f64 = 12.0;
/// Size of the values at bars.
pub(super) const VALUE: f64 = 9.5;
/// Distance between lines of text.
pub(super) const LEADING: f64 = 15.0;
/// Space around the picture.
pub(super) const MARGIN: f64 = 14.0;
/// Space between panels.
const GAP: f64 = 26.0;
/// Room for the sample of an entry of the key.
pub(super) const SAMPLE: f64 = 24.0;
/// The narrowest panel.
const NARROWEST: f64 = 300.0;
/// Height of a panel whose vertical axis has numbers.
const HEIGHT: f64 = 230.0;
/// Height of a single such panel.
const TALL: f64 = 380.0;
/// A name on the vertical axis takes at most this share of a panel.
const MOST_NAME: f64 = 0.4;

/// The area of a panel between its axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Where the panel begins, with its names.
    pub(super) outer_left: f64,
    /// Where the panel ends, with the names of its lines.
    pub(super) outer_right: f64,
}

impl Area {
    /// The scales of both axes.
    pub(super) fn scales(&self, panel: &Panel) -> (Scale, Scale) {
        let x = panel.x.scale(self.left, self.right);
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
    pub(super) height: f64,
    pub(super) title: Vec<String>,
    pub(super) subtitle: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) key_top: f64,
    pub(super) notes_top: f64,
    pub(super) areas: Vec<Area>,
}

impl Layout {
    pub(super) fn new(figure: &Figure) -> Self {
        let inner = figure.width - 2.0 * MARGIN;
        let wrap = |text: &str| text::wrap(text, inner, LABEL, Weight::Regular);
        let title = text::wrap(&figure.title, inner, TITLE, Weight::Bold);
        let subtitle = wrap(&figure.subtitle);
        let notes: Vec<String> = figure.notes.iter().flat_map(|note| wrap(note)).collect();
        let lines = |lines: &[String]| lines.len() as f64 * LEADING;
        let key_top = MARGIN + (TITLE + 5.0) * title.len() as f64 + lines(&subtitle) + 4.0;
        let key_lines = key_positions(figure).last().map_or(0, |(_, line)| line + 1);
        let mut top = key_top + key_lines as f64 * (LEADING + 3.0) + 8.0;
        let columns = columns(figure, inner);
        let width = (inner - GAP * (columns - 1) as f64) / columns as f64;
        let mut areas = vec![];
        for row in figure.panels.chunks(columns) {
            let head = heads(row);
            let before = row.iter().map(|panel| names_width(panel, width));
            let before = before.fold(0.0, f64::max);
            let after = row.iter().map(|panel| labels_width(panel, width));
            let after = after.fold(8.0, f64::max);
            let height = row.iter().map(|panel| height(panel, figure.panels.len()));
            let height = height.fold(0.0, f64::max);
            for (column, panel) in row.iter().enumerate() {
                let left = MARGIN + (width + GAP) * column as f64;
                areas.push(Area {
                    left: left + before,
                    right: left + width - after,
                    top: top + head,
                    bottom: top + head + height,
                    outer_left: left,
                    outer_right: left + width,
                });
                debug_assert!(before + after < width, "{}", panel.title);
            }
            top += head + height + 52.0;
        }
        Self {
            height: top + lines(&notes) + MARGIN - 6.0,
            title,
            subtitle,
            notes,
            key_top,
            notes_top: top,
            areas,
        }
    }
}

fn columns(figure: &Figure, inner: f64) -> usize {
    let fitting = ((inner + GAP) / (NARROWEST + GAP)).floor().max(1.0) as usize;
    let most = figure.columns.min(fitting).max(1);
    figure.panels.len().clamp(1, most)
}

/// Height of the titles above the panels of a row.
fn heads(row: &[Panel]) -> f64 {
    let has_title = row.iter().any(|panel| !panel.title.is_empty());
    let has_name = row.iter().any(|panel| !panel.y.name.is_empty());
    let height = |is_there: bool| if is_there { LEADING + 2.0 } else { 0.0 };
    height(has_title) + height(has_name) + 8.0
}

fn width_of(text: &str) -> f64 {
    text::width(text, LABEL, Weight::Regular)
}

/// Room for the names or numbers of the vertical axis.
fn names_width(panel: &Panel, width: f64) -> f64 {
    let widest = match &panel.y.positions {
        Positions::Names(names) => names.iter().map(|name| width_of(name)).fold(0.0, f64::max),
        Positions::Numbers { .. } => {
            let (ticks, decimals) = panel.y.scale(HEIGHT, 0.0).ticks(-34.0);
            let widths = ticks
                .iter()
                .map(|tick| width_of(&format!("{tick:.decimals$}")));
            widths.fold(0.0, f64::max)
        }
    };
    widest.min(width * MOST_NAME) + 8.0
}

/// Room for what is written to the right of the horizontal axis's end.
fn labels_width(panel: &Panel, width: f64) -> f64 {
    let of_series = panel.series.iter().map(|series| match series.mark {
        Mark::Line | Mark::Steps => width_of(&series.name) + 14.0,
        Mark::Bars if panel.y.names_of().is_some() => {
            let words = series.points.iter().map(|point| &point.words);
            let widths = words.map(|words| text::width(words, VALUE, Weight::Regular));
            widths.fold(0.0, f64::max) + 8.0
        }
        _ => 0.0,
    });
    of_series.fold(0.0, f64::max).min(width * MOST_NAME)
}

/// The number of series whose bars are beside each other.
pub(super) fn bars(panel: &Panel) -> usize {
    let bars = panel
        .series
        .iter()
        .filter(|series| series.mark == Mark::Bars);
    bars.count()
}

fn height(panel: &Panel, panels: usize) -> f64 {
    let Some(names) = panel.y.names_of() else {
        return if panels == 1 { TALL } else { HEIGHT };
    };
    let has_cells = panel.series.iter().any(|series| series.mark == Mark::Cells);
    let slot = match (has_cells, bars(panel)) {
        (true, _) => (560.0 / names.len().max(1) as f64).clamp(5.0, 34.0),
        (false, 0) => 20.0,
        (false, bars) => bars as f64 * 11.0 + 7.0,
    };
    slot * names.len() as f64
}

/// For each entry of the key, its left end and its line.
pub(super) fn key_positions(figure: &Figure) -> Vec<(f64, usize)> {
    let (mut x, mut line) = (MARGIN, 0);
    let mut positions = vec![];
    for entry in &figure.key {
        let wide = SAMPLE + width_of(&entry.name) + 18.0;
        if x > MARGIN && x + wide > figure.width - MARGIN {
            (x, line) = (MARGIN, line + 1);
        }
        positions.push((x, line));
        x += wide;
    }
    positions
}
