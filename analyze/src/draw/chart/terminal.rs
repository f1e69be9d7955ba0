//! Draws a chart with characters: bars and shades as block characters. If both axes of a panel have numbers, [`canvas`] draws the panel.

use super::{Figure, Ink, Mark, Panel, Point, Positions, canvas};
use crate::draw::characters::{Line, Span, Tone};
use crate::output::prose;

/// The largest width of the column with the names of rows.
const MAX_NAME_WIDTH: usize = 30;
/// Shades of cells, from the value 0 to the largest value.
const SHADES: [&str; 5] = ["·", "░", "▒", "▓", "█"];
/// The characters of stacked bars. Neighbouring bars of a row have different characters, so that they can be told apart without colours.
const STACK_CHARACTERS: [&str; 3] = ["█", "▒", "░"];
/// The element with index `n` fills `n` eighths of a character, from the left.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn lines(figure: &Figure, width: usize) -> Vec<Line> {
    let wrap = |text: &str, tone: Tone| -> Vec<Line> {
        let wrapped = prose(&[text.to_owned()], width.min(u16::MAX.into()) as u16);
        let lines = wrapped.lines().map(|line| vec![Span::new(line, tone)]);
        lines.collect()
    };
    let mut lines = wrap(&figure.title, Tone::Plain);
    lines.extend(wrap(&figure.subtitle, Tone::Muted));
    if !figure.key.is_empty() {
        lines.extend(key(figure, width));
    }
    for panel in &figure.panels {
        lines.push(vec![]);
        let titles = [&panel.title, &panel.y.name];
        let titles: Vec<&str> = titles
            .into_iter()
            .map(String::as_str)
            .filter(|title| !title.is_empty())
            .collect();
        lines.extend(wrap(&titles.join(" | "), Tone::Plain));
        lines.extend(panel_lines(panel, width));
    }
    if !figure.notes.is_empty() {
        lines.push(vec![]);
    }
    lines.extend(figure.notes.iter().flat_map(|note| wrap(note, Tone::Muted)));
    for line in &mut lines {
        cut(line, width);
    }
    lines
}

/// Cuts off what is beyond `width` columns.
fn cut(line: &mut Line, width: usize) {
    let mut remaining = width;
    for span in line {
        span.text = span.text.chars().take(remaining).collect();
        remaining -= span.text.chars().count();
    }
}

/// The colour of characters for this ink.
pub(super) fn tone(ink: Ink) -> Tone {
    match ink {
        Ink::Machine(index) => Tone::Machine(index),
        Ink::Text => Tone::Plain,
        Ink::Muted => Tone::Muted,
    }
}

/// The lines of the key, which says what colours and marks mean: a sample and a name for each entry.
fn key(figure: &Figure, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![vec![]];
    let mut used = 0;
    for (index, entry) in figure.key.iter().enumerate() {
        let sample = match entry.mark {
            Mark::Line | Mark::Steps | Mark::Reference => "──",
            Mark::Segments => "││",
            Mark::Dots => "●",
            Mark::Hollow => "○",
            Mark::Bars => "██",
            // The entries of the key are in the order of the series, so entry 1 has the character of series 1.
            Mark::Stack => STACK_CHARACTERS[index % STACK_CHARACTERS.len()],
            Mark::Cells => "·░▒▓█",
        };
        // One space after the sample, and two after the name.
        let entry_width = sample.chars().count() + entry.name.chars().count() + 3;
        if used > 0 && used + entry_width > width {
            lines.push(vec![]);
            used = 0;
        }
        used += entry_width;
        if let Some(line) = lines.last_mut() {
            line.push(Span::new(sample, tone(entry.ink)));
            line.push(Span::new(format!(" {}  ", entry.name), Tone::Plain));
        }
    }
    lines
}

/// The lines of a panel without its titles.
fn panel_lines(panel: &Panel, width: usize) -> Vec<Line> {
    let has = |mark: Mark| panel.series.iter().any(|series| series.mark == mark);
    if has(Mark::Cells) {
        return cells(panel, width);
    }
    if has(Mark::Stack) {
        return stacks(panel, width);
    }
    match (&panel.x.positions, &panel.y.positions) {
        (Positions::Numbers { .. }, Positions::Numbers { .. }) => canvas::lines(panel, width),
        (Positions::Names(names), _) => bars(panel, names, &panel.x.name, width, |point| {
            (point.x, point.y)
        }),
        (_, Positions::Names(names)) => bars(panel, names, &panel.x.name, width, |point| {
            (point.y, point.x)
        }),
    }
}

/// A name, cut off or filled with spaces to this width.
fn fit_to_width(name: &str, width: usize) -> String {
    let short: String = match name.chars().count() > width {
        true => name.chars().take(width - 1).chain(['…']).collect(),
        false => name.to_owned(),
    };
    format!("{short:<width$}")
}

/// The width of a column for these names, at most [`MAX_NAME_WIDTH`].
pub(super) fn widest(names: &[String]) -> usize {
    let widths = names.iter().map(|name| name.chars().count());
    widths.max().unwrap_or_default().clamp(1, MAX_NAME_WIDTH)
}

/// A bar that is `characters` characters long, rounded to eighths of a character.
fn bar(characters: f64) -> String {
    let eighths = (characters.max(0.0) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A row for each name and series, with its bar and its value. Above the rows is `axis`, the name of the panel's horizontal axis. (The name
/// of the vertical axis is already beside the panel's title.) `read` returns the index of the name that a point belongs to, and the value
/// of the point.
fn bars(
    panel: &Panel,
    names: &[String],
    axis: &str,
    width: usize,
    read: impl Fn(&Point) -> (f64, f64),
) -> Vec<Line> {
    let name_width = widest(names);
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let largest = points().map(|point| read(point).1).fold(0.0, f64::max);
    let words_width = points().map(|point| point.words.chars().count()).max();
    // 3: the space before the bar, the space after it, and one column that stays free.
    let max_bar_width = width
        .saturating_sub(name_width + 3 + words_width.unwrap_or_default())
        .max(8);
    let mut lines: Vec<Line> = vec![];
    // The name of the axis is left out if it is also the panel's title, because the title is already above the bars.
    if axis != panel.title {
        lines.push(vec![Span::new(axis, Tone::Muted)]);
    }
    for (index, name) in names.iter().enumerate() {
        let mut name = name.as_str();
        for series in &panel.series {
            let is_here = |point: &&Point| read(point).0 == index as f64;
            let Some(point) = series.points.iter().find(is_here) else {
                continue;
            };
            let share = if largest > 0.0 {
                read(point).1 / largest
            } else {
                0.0
            };
            lines.push(vec![
                Span::new(fit_to_width(name, name_width) + " ", Tone::Plain),
                Span::new(bar(share * max_bar_width as f64), tone(series.ink)),
                Span::new(format!(" {}", point.words), Tone::Plain),
            ]);
            // Only the first row of a name shows the name.
            name = "";
        }
    }
    lines
}

/// The lines of a panel with stacked bars: a row for each name, with the bars of all series one after the other.
fn stacks(panel: &Panel, width: usize) -> Vec<Line> {
    let Some(names) = panel.y.names_of() else {
        return vec![];
    };
    let name_width = widest(names);
    let bars_width = width.saturating_sub(name_width + 1).max(8) as f64;
    let scale = panel.x.scale(0.0, bars_width);
    let mut lines = vec![];
    for (index, name) in names.iter().enumerate() {
        let mut line = vec![Span::new(fit_to_width(name, name_width) + " ", Tone::Plain)];
        for (series_index, series) in panel.series.iter().enumerate() {
            for point in series.points.iter().filter(|point| point.y == index as f64) {
                // Both ends are rounded, so that the next bar begins exactly where this one ends.
                let columns = scale.at(point.x).round() - scale.at(point.base).round();
                line.push(Span::new(
                    STACK_CHARACTERS[series_index % STACK_CHARACTERS.len()]
                        .repeat(columns.max(0.0) as usize),
                    tone(series.ink),
                ));
            }
        }
        lines.push(line);
    }
    lines.push(vec![Span::new(panel.x.name.clone(), Tone::Muted)]);
    lines
}

/// The lines of a panel with cells: a row for each name of the vertical axis. In a row, each cell is one character. If `width` is large
/// enough, each cell is followed by a gap of one character. A boundary between two cells of a row (a line of
/// [`Mark::Segments`]) is drawn in the gap between these cells. Without gaps, no boundaries are drawn. Boundaries between rows are never
/// drawn.
fn cells(panel: &Panel, width: usize) -> Vec<Line> {
    let (Some(columns), Some(rows)) = (panel.x.names_of(), panel.y.names_of()) else {
        return vec![];
    };
    let name_width = widest(rows);
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let largest = points().filter_map(|point| point.value).fold(0.0, f64::max);
    let has_gaps = name_width + 1 + 2 * columns.len() <= width;
    let mut lines = vec![];
    for (row, name) in rows.iter().enumerate() {
        let mut text = fit_to_width(name, name_width) + " ";
        for index in 0..columns.len() {
            let is_here = |point: &&Point| (point.x, point.y) == (index as f64, row as f64);
            let cell = points().filter(|point| point.value.is_some()).find(is_here);
            let share = cell
                .and_then(|point| point.value)
                .map(|value| match largest > 0.0 {
                    true => (value / largest).clamp(0.0, 1.0),
                    false => 0.0,
                });
            text += match share {
                Some(share) => SHADES[(share * (SHADES.len() - 1) as f64).round() as usize],
                None => " ",
            };
            if has_gaps {
                text.push(if has_boundary_after(panel, index, row) {
                    '│'
                } else {
                    ' '
                });
            }
        }
        lines.push(vec![Span::new(text.trim_end(), Tone::Plain)]);
    }
    let (first, last) = (columns.first(), columns.last());
    let ends = [first, last].into_iter().flatten().map(String::as_str);
    let ends = ends.collect::<Vec<_>>().join(" to ");
    let axis = prose(
        &[format!("from left to right: {}, {ends}", panel.x.name)],
        width.min(u16::MAX.into()) as u16,
    );
    lines.extend(axis.lines().map(|line| vec![Span::new(line, Tone::Muted)]));
    lines
}

/// Whether the cell in this column and row has a boundary on its right side. Such a boundary is a vertical line of [`Mark::Segments`] from
/// `y = row - 0.5` to `y = row + 0.5`, at `x = column + 0.5`.
fn has_boundary_after(panel: &Panel, column: usize, row: usize) -> bool {
    let segments = panel
        .series
        .iter()
        .filter(|series| series.mark == Mark::Segments);
    // Points 0 and 1 of a series are the ends of the first line, points 2 and 3 the ends of the second line, and so on.
    let mut pairs = segments.flat_map(|series| series.points.chunks_exact(2));
    let x = column as f64 + 0.5;
    pairs.any(|ends| {
        let is_between_columns = |end: &Point| end.x == x;
        ends.iter().all(is_between_columns) && (ends[0].y + ends[1].y) / 2.0 == row as f64
    })
}
