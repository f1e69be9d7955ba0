//! Widths and outlines of labels, from the DejaVu fonts.
//!
//! SVG leaves the choice of the font to the reader's system. The widths here are for DejaVu Sans, which is wider than the usual sans-serif
//! fonts, so labels that fit by these widths fit in other fonts too. PNG and PDF get the outlines, so they need no font at all.

use std::fmt::Write;
use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// The fonts that an SVG asks for, the preferred font first. The last name stands for any font without serifs.
pub const FAMILY: &str = "'Helvetica Neue',Arial,'Liberation Sans','DejaVu Sans',sans-serif";

/// The weight of a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The usual weight.
    #[default]
    Regular,
    /// Bold.
    Bold,
}

/// Which point of a label is at the label's x-coordinate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

impl Anchor {
    /// The value of the SVG attribute `text-anchor`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }

    /// Where the left end of a label is, if the label's anchor is at `x` and the label is `width` wide.
    pub fn left(self, x: f64, width: f64) -> f64 {
        match self {
            Self::Start => x,
            Self::Middle => x - width / 2.0,
            Self::End => x - width,
        }
    }
}

/// The font of a weight.
fn face(weight: Weight) -> &'static Face<'static> {
    static REGULAR: LazyLock<Face<'_>> = LazyLock::new(|| parse(dejavu::sans::regular()));
    static BOLD: LazyLock<Face<'_>> = LazyLock::new(|| parse(dejavu::sans::bold()));
    match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    }
}

fn parse(font: &'static [u8]) -> Face<'static> {
    Face::parse(font, 0).expect("the font is part of the program")
}

/// The glyph (the drawn shape) of a character. A character that is not in the font gets the font's first glyph, an empty box.
fn glyph(face: &Face<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).unwrap_or_default()
}

/// The distance from the start of a glyph to the start of the next one, as a multiple of the font's size.
fn advance(face: &Face<'_>, glyph: GlyphId) -> f64 {
    // Lengths in a font are whole numbers of a small unit. The font's size is `units_per_em` of these units.
    let units = face.glyph_hor_advance(glyph).unwrap_or_default();
    f64::from(units) / f64::from(face.units_per_em())
}

/// The width of `text` in pixels, if the font has a size of `size` pixels.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let face = face(weight);
    let widths = text
        .chars()
        .map(|letter| advance(face, glyph(face, letter)));
    widths.sum::<f64>() * size
}

/// The outline of `text` as the attribute `d` of an SVG path. The baseline of the text starts at `x` and `y`.
pub fn outline(text: &str, x: f64, y: f64, size: f64, weight: Weight) -> String {
    let face = face(weight);
    let mut outline = Outline {
        path: String::new(),
        x,
        y,
        scale: size / f64::from(face.units_per_em()),
    };
    for letter in text.chars() {
        let glyph = glyph(face, letter);
        // The result is `None` for a glyph without an outline, such as a space.
        let _ = face.outline_glyph(glyph, &mut outline);
        outline.x += advance(face, glyph) * size;
    }
    outline.path
}

/// Writes the outlines of glyphs as an SVG path.
struct Outline {
    /// The path so far.
    path: String,
    /// Where the next glyph starts, in pixels from the left.
    x: f64,
    /// Position of the baseline, in pixels from the top.
    y: f64,
    /// Pixels per unit of the font.
    scale: f64,
}

impl Outline {
    /// Adds a command of an SVG path and its points, which are in units of the font. In a font, y grows upwards; in SVG, downwards.
    fn push(&mut self, command: char, points: &[(f32, f32)]) {
        self.path.push(command);
        for (index, (x, y)) in points.iter().enumerate() {
            let separator = if index > 0 { " " } else { "" };
            let x = self.x + f64::from(*x) * self.scale;
            let y = self.y - f64::from(*y) * self.scale;
            let _ = write!(self.path, "{separator}{x:.2} {y:.2}");
        }
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.push('M', &[(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.push('L', &[(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.push('Q', &[(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.push('C', &[(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.path.push('Z');
    }
}

/// Breaks `text` at spaces into lines of at most `max_px` pixels. A line with a single word can be wider.
pub fn wrap(text: &str, max_px: f64, size: f64, weight: Weight) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size, weight) <= max_px => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_bold_letters_are_wider_and_blanks_have_no_outline() {
        let narrow = width("il", 10.0, Weight::Regular);
        let wide = width("MW", 10.0, Weight::Regular);
        assert!(narrow < wide && wide < width("MW", 10.0, Weight::Bold));
        assert_eq!(width("", 10.0, Weight::Regular), 0.0);
        let path = outline("1 →", 5.0, 20.0, 10.0, Weight::Regular);
        assert!(path.starts_with('M') && path.ends_with('Z'), "{path}");
        assert_eq!(outline("  ", 0.0, 0.0, 10.0, Weight::Regular), "");
    }

    #[test]
    fn lines_are_no_wider_than_asked() {
        let text = "rates=1,3,6 internal=0.4 phase=spread stamp=after duration_s=60 repetition=0";
        let lines = wrap(text, 200.0, 12.0, Weight::Regular);
        assert!(lines.len() > 1);
        for line in &lines {
            assert!(width(line, 12.0, Weight::Regular) <= 200.0, "{line}");
        }
        assert_eq!(lines.join(" "), text);
    }
}
