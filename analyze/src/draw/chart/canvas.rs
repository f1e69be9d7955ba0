//! Draws a chart's panel with characters: lines as dots of Braille characters, points as circles. Both axes of the panel must have numbers
//! and not names. A Braille character has dots in two columns and four rows, so a line of dots is smoother than a line of whole characters.

use super::terminal::{tone, widest};
use super::{Mark, Panel, Series};
use crate::draw::characters::{Line, Span, Tone};
use crate::draw::scale::Scale;

/// The height of a panel, in rows of characters.
const ROWS: usize = 14;

/// The area between the axes, as characters row by row. Positions are counted in dots, from the upper left corner.
struct Canvas {
    /// Number of characters in a row.
    columns: usize,
    /// For each character, the bits of its dots.
    dots: Vec<u8>,
    /// For each character, the circle that is shown in place of its dots. `None` if no point is there.
    circles: Vec<Option<char>>,
    /// For each character, its colour.
    tones: Vec<Tone>,
}

/// The bits of the dots of a Braille character, by row and column. In Unicode, the number of a Braille character is [`NO_DOTS`] plus the bits
/// of its dots.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// The number of the Braille character without dots.
const NO_DOTS: u32 = 0x2800;

impl Canvas {
    fn new(columns: usize) -> Self {
        Self {
            columns,
            dots: vec![0; columns * ROWS],
            circles: vec![None; columns * ROWS],
            tones: vec![Tone::Plain; columns * ROWS],
        }
    }

    /// The index of the character at a position, and the row and the column of the dot in this character. `None` outside the canvas.
    fn position(&self, x: f64, y: f64) -> Option<(usize, usize, usize)> {
        let (x, y) = (x.round(), y.round());
        let is_in =
            (0.0..(self.columns * 2) as f64).contains(&x) && (0.0..(ROWS * 4) as f64).contains(&y);
        let (x, y) = (x as usize, y as usize);
        is_in.then(|| (y / 4 * self.columns + x / 2, y % 4, x % 2))
    }

    /// Sets the dot at a position.
    fn set_dot(&mut self, x: f64, y: f64, tone: Tone) {
        if let Some((index, row, column)) = self.position(x, y) {
            self.dots[index] |= BITS[row][column];
            self.tones[index] = tone;
        }
    }

    /// Shows a circle in place of the dots at a position.
    fn put_circle(&mut self, x: f64, y: f64, circle: char, tone: Tone) {
        if let Some((index, _, _)) = self.position(x, y) {
            self.circles[index] = Some(circle);
            self.tones[index] = tone;
        }
    }

    /// Sets the dots of a line.
    fn draw_line(&mut self, from: (f64, f64), to: (f64, f64), tone: Tone) {
        // One step for each dot. The limit is for lines that go far beyond the canvas.
        let steps = (to.0 - from.0)
            .abs()
            .max((to.1 - from.1).abs())
            .ceil()
            .clamp(1.0, 4e3);
        for step in 0..=steps as usize {
            let share = step as f64 / steps;
            // The value after this share of the way from `a` to `b`.
            let at = |a: f64, b: f64| a + (b - a) * share;
            self.set_dot(at(from.0, to.0), at(from.1, to.1), tone);
        }
    }

    /// A row as characters in their colours.
    fn row(&self, row: usize) -> Line {
        let first = row * self.columns;
        let cells = first..first + self.columns;
        let spans = cells.map(|cell| {
            let braille = char::from_u32(NO_DOTS + u32::from(self.dots[cell]));
            let text = match (self.circles[cell], self.dots[cell]) {
                (Some(circle), _) => circle,
                (None, 0) => ' ',
                (None, _) => braille.unwrap_or(' '),
            };
            Span::new(text, self.tones[cell])
        });
        spans.collect()
    }
}

/// The lines of a panel: its area with the vertical axis, then the horizontal axis.
pub(super) fn lines(panel: &Panel, width: usize) -> Vec<Line> {
    let y = panel.y.scale((ROWS * 4 - 1) as f64, 0.0);
    // The values at which the axis shows a number. Neighbouring numbers are at least 12 dots (three rows) apart. The argument is negative
    // because values grow upwards, but dots are counted downwards.
    let (ticks, decimals) = y.ticks(-12.0);
    let shown: Vec<String> = ticks
        .iter()
        .map(|tick| format!("{tick:.decimals$}"))
        .collect();
    // To the left of the vertical axis: the widest number and a blank. The axis itself is one more character.
    let margin = widest(&shown) + 1;
    let columns = width.saturating_sub(margin + 1).max(10);
    let x = panel.x.scale(0.0, (columns * 2 - 1) as f64);
    let mut canvas = Canvas::new(columns);
    for series in &panel.series {
        draw(series, &x, &y, &mut canvas);
    }
    let mut lines = vec![];
    for row in 0..ROWS {
        // A row of characters has four rows of dots.
        let is_in_row = |tick: &&f64| (y.at(**tick).round() / 4.0) as usize == row;
        let tick_in_row = ticks.iter().zip(&shown).find(|(tick, _)| is_in_row(tick));
        let number = tick_in_row.map_or("", |(_, shown)| shown.as_str());
        let mut line = vec![Span::new(
            format!("{number:>width$} │", width = margin - 1),
            Tone::Muted,
        )];
        line.extend(canvas.row(row));
        lines.push(line);
    }
    lines.extend(horizontal_axis(panel, &x, margin, columns));
    lines
}

fn draw(series: &Series, x: &Scale, y: &Scale, canvas: &mut Canvas) {
    let tone = tone(series.ink);
    let points: Vec<(f64, f64)> = series
        .points
        .iter()
        .map(|point| (x.at(point.x), y.at(point.y)))
        .collect();
    match series.mark {
        Mark::Dots | Mark::Hollow => {
            // `Mark::Dots` are filled circles, not dots of Braille characters.
            let circle = if series.mark == Mark::Dots {
                '●'
            } else {
                '○'
            };
            for &(x, y) in &points {
                canvas.put_circle(x, y, circle, tone);
            }
        }
        Mark::Steps => {
            for pair in points.windows(2) {
                let corner = (pair[1].0, pair[0].1);
                canvas.draw_line(pair[0], corner, tone);
                canvas.draw_line(corner, pair[1], tone);
            }
        }
        // Lines. Marks that need an axis with names (bars, cells) are not in this panel.
        _ => {
            for pair in points.windows(2) {
                canvas.draw_line(pair[0], pair[1], tone);
            }
        }
    }
}

/// The lines of the horizontal axis: the axis itself, its numbers and its name. `margin` is the width to the left of the vertical axis.
fn horizontal_axis(panel: &Panel, x: &Scale, margin: usize, columns: usize) -> [Line; 3] {
    // The middles of neighbouring numbers are at least 18 dots (nine characters) apart.
    let (ticks, decimals) = x.ticks(18.0);
    let mut numbers = vec![' '; margin + 1 + columns];
    // Where the next number may start, so that a space is left between two numbers.
    let mut next_free = 0;
    for tick in ticks {
        let text: Vec<char> = format!("{tick:.decimals$}").chars().collect();
        // The area begins after the margin and the vertical axis, which is one character wide.
        let middle = margin + 1 + (x.at(tick) / 2.0).round() as usize;
        // A number must not go beyond the end of the line.
        let last_start = numbers.len().saturating_sub(text.len());
        let start = middle.saturating_sub(text.len() / 2).min(last_start);
        if start < next_free {
            continue;
        }
        next_free = start + text.len() + 1;
        for (cell, letter) in numbers[start..].iter_mut().zip(text) {
            *cell = letter;
        }
    }
    let numbers: String = numbers.into_iter().collect();
    let axis = format!("{}└{}", " ".repeat(margin), "─".repeat(columns));
    let name = panel.x.name.as_str();
    let centred = margin + 1 + columns.saturating_sub(name.chars().count()) / 2;
    let indent = if name.is_empty() { 0 } else { centred };
    [
        vec![Span::new(axis, Tone::Muted)],
        vec![Span::new(numbers.trim_end(), Tone::Muted)],
        vec![Span::new(" ".repeat(indent) + name, Tone::Muted)],
    ]
}
