//! A chart as characters: bars and shades as blocks, lines and points as dots of Braille.

use super::{Figure, Ink, Mark, Panel, Point, Positions, canvas};
use crate::draw::characters::{Line, Span, Tone};
use crate::output::prose;

/// The widest name of a row.
const MOST_NAME: usize = 30;
/// Shades of cells, from none to the darkest.
const SHADES: [&str; 5] = ["·", "░", "▒", "▓", "█"];
/// What parts of a row are made of, so that they differ without colours.
const PARTS: [&str; 3] = ["█", "▒", "░"];
/// Eighths of a block.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn lines(figure: &Figure, width: usize) -> Vec<Line> {
    let text = |text: &str, tone: Tone| -> Vec<Line> {
        let wrapped = prose(&[text.to_owned()], width.min(u16::MAX.into()) as u16);
        let lines = wrapped.lines().map(|line| vec![Span::new(line, tone)]);
        lines.collect()
    };
    let mut lines = text(&figure.title, Tone::Plain);
    lines.extend(text(&figure.subtitle, Tone::Muted));
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
        lines.extend(text(&titles.join(" | "), Tone::Plain));
        lines.extend(panel_lines(panel, width));
    }
    if !figure.notes.is_empty() {
        lines.push(vec![]);
    }
    lines.extend(figure.notes.iter().flat_map(|note| text(note, Tone::Muted)));
    for line in &mut lines {
        cut(line, width);
    }
    lines
}

/// Cuts off what is beyond `width` columns.
fn cut(line: &mut Line, width: usize) {
    let mut left = width;
    for span in line {
        span.text = span.text.chars().take(left).collect();
        left -= span.text.chars().count();
    }
}

pub(super) fn tone(ink: Ink) -> Tone {
    match ink {
        Ink::Machine(index) => Tone::Machine(index),
        Ink::Text => Tone::Plain,
        Ink::Muted => Tone::Muted,
    }
}

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
            Mark::Stack => PARTS[index % PARTS.len()],
            Mark::Cells => "·░▒▓█",
        };
        let wide = sample.chars().count() + entry.name.chars().count() + 3;
        if used > 0 && used + wide > width {
            lines.push(vec![]);
            used = 0;
        }
        used += wide;
        if let Some(line) = lines.last_mut() {
            line.push(Span::new(sample, tone(entry.ink)));
            line.push(Span::new(format!(" {}  ", entry.name), Tone::Plain));
        }
    }
    lines
}

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

/// The beginning of a name, in a column of this width.
fn column(name: &str, width: usize) -> String {
    let short: String = match name.chars().count() > width {
        true => name.chars().take(width - 1).chain(['…']).collect(),
        false => name.to_owned(),
    };
    format!("{short:<width$}")
}

pub(super) fn widest(names: &[String]) -> usize {
    let widths = names.iter().map(|name| name.chars().count());
    widths.max().unwrap_or_default().clamp(1, MOST_NAME)
}

/// A bar of `cells` columns, in eighths.
fn bar(cells: f64) -> String {
    let eighths = (cells.max(0.0) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A row for each name and series, with its bar and its value. `read` has the index of the name and the value of a point.
fn bars(
    panel: &Panel,
    names: &[String],
    axis: &str,
    width: usize,
    read: impl Fn(&Point) -> (f64, f64),
) -> Vec<Line> {
    let name_width = widest(names);
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let most = points().map(|point| read(point).1).fold(0.0, f64::max);
    let words = points().map(|point| point.words.chars().count()).max();
    let room = width
        .saturating_sub(name_width + 3 + words.unwrap_or_default())
        .max(8);
    let mut lines: Vec<Line> = vec![];
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
            let share = if most > 0.0 {
                read(point).1 / most
            } else {
                0.0
            };
            lines.push(vec![
                Span::new(column(name, name_width) + " ", Tone::Plain),
                Span::new(bar(share * room as f64), tone(series.ink)),
                Span::new(format!(" {}", point.words), Tone::Plain),
            ]);
            name = "";
        }
    }
    lines
}

/// A row for each name, with all its parts.
fn stacks(panel: &Panel, width: usize) -> Vec<Line> {
    let Some(names) = panel.y.names_of() else {
        return vec![];
    };
    let name_width = widest(names);
    let room = width.saturating_sub(name_width + 1).max(8) as f64;
    let scale = panel.x.scale(0.0, room);
    let mut lines = vec![];
    for (index, name) in names.iter().enumerate() {
        let mut line = vec![Span::new(column(name, name_width) + " ", Tone::Plain)];
        for (part, series) in panel.series.iter().enumerate() {
            for point in series.points.iter().filter(|point| point.y == index as f64) {
                let columns = scale.at(point.x).round() - scale.at(point.base).round();
                line.push(Span::new(
                    PARTS[part % PARTS.len()].repeat(columns.max(0.0) as usize),
                    tone(series.ink),
                ));
            }
        }
        lines.push(line);
    }
    lines.push(vec![Span::new(panel.x.name.clone(), Tone::Muted)]);
    lines
}

/// A row for each name of the vertical axis, and two columns for each of the horizontal axis.
fn cells(panel: &Panel, width: usize) -> Vec<Line> {
    let (Some(columns), Some(rows)) = (panel.x.names_of(), panel.y.names_of()) else {
        return vec![];
    };
    let name_width = widest(rows);
    let values = || panel.series.iter().flat_map(|series| &series.points);
    let most = values().filter_map(|point| point.value).fold(0.0, f64::max);
    // A line of the boundary is in the gap between two columns.
    let has_gaps = name_width + 1 + 2 * columns.len() <= width;
    let mut lines = vec![];
    for (row, name) in rows.iter().enumerate() {
        let mut text = column(name, name_width) + " ";
        for index in 0..columns.len() {
            let is_here = |point: &&Point| (point.x, point.y) == (index as f64, row as f64);
            let here = values().filter(|point| point.value.is_some()).find(is_here);
            let share = here
                .and_then(|point| point.value)
                .map(|value| match most > 0.0 {
                    true => (value / most).clamp(0.0, 1.0),
                    false => 0.0,
                });
            text += match share {
                Some(share) => SHADES[(share * (SHADES.len() - 1) as f64).round() as usize],
                None => " ",
            };
            if has_gaps {
                text.push(if crosses(panel, index, row) {
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

/// Whether a segment is between this column and the next.
fn crosses(panel: &Panel, column: usize, row: usize) -> bool {
    let segments = panel
        .series
        .iter()
        .filter(|series| series.mark == Mark::Segments);
    let mut ends = segments.flat_map(|series| series.points.chunks_exact(2));
    let x = column as f64 + 0.5;
    ends.any(|ends| {
        let is_there = |end: &Point| end.x == x;
        ends.iter().all(is_there) && (ends[0].y + ends[1].y) / 2.0 == row as f64
    })
}
