//! Counts the lines that an import left out, by their shape: lines that are equal except for numbers have the same shape. Each shape is shown
//! with an example.

use std::path::Path;

use crate::output::words::counted;

/// Maximum number of shapes that are shown.
const MAX_SHAPES: usize = 12;
/// Number of characters after which an example is cut.
const MAX_CHARACTERS: usize = 120;

/// Lines that were left out.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftOut(Vec<Shape>);

/// Lines that are equal except for numbers.
#[derive(Clone, Debug)]
struct Shape {
    /// The line with each number replaced by `0`.
    text: String,
    /// Number of lines with this shape.
    lines: usize,
    /// The first of these lines, with its file.
    example: String,
}

impl LeftOut {
    /// Counts one line that was left out: the line with the number `line` of the file at `path`.
    pub(super) fn add(&mut self, path: &Path, line: u64, text: &str) {
        let shape = shape(text);
        match self.0.iter_mut().find(|known| known.text == shape) {
            Some(known) => known.lines += 1,
            None => self.0.push(Shape {
                text: shape,
                lines: 1,
                example: format!("`{}` ({} line {line})", shortened(text), path.display()),
            }),
        }
    }

    /// A sentence about the lines that were left out. `None` if no line was left out. `noun` is the word for a line: `line` or `row`.
    /// `reason` says why the lines were left out, for example `no event was recognised`.
    pub(super) fn words(&self, noun: &str, reason: &str) -> Option<String> {
        let total: usize = self.0.iter().map(|shape| shape.lines).sum();
        let shown = self.0.iter().take(MAX_SHAPES);
        let mut shapes: Vec<String> = shown
            .map(|shape| format!("{} like {}", shape.lines, shape.example))
            .collect();
        let more = self.0.len().saturating_sub(MAX_SHAPES);
        if more > 0 {
            shapes.push(format!("and {}", counted(more, "other kind")));
        }
        let lines = counted(total, noun);
        (total > 0).then(|| format!("Left out: {lines}, because {reason}: {}", shapes.join("; ")))
    }
}

/// The shape of a line: the line with each number replaced by `0`.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for letter in text.trim().chars() {
        match letter.is_ascii_digit() {
            // This digit continues a number. The number's first digit has already added the `0` that stands for the whole number.
            true if shape.ends_with('0') => {}
            true => shape.push('0'),
            false => shape.push(letter),
        }
    }
    shape
}

/// The first [`MAX_CHARACTERS`] characters of a text, with `...` if there are more. The text may have several lines, which are then joined
/// by ` / `.
pub(super) fn shortened(text: &str) -> String {
    let text = text.trim().replace('\n', " / ");
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_shape() {
        let reason = "no event was recognised";
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.words("line", reason), None);
        for (line, text) in (1..).zip(["ticks: 12", "ticks: 3", "bye"]) {
            left_out.add("vm.log".as_ref(), line, text);
        }
        insta::assert_snapshot!(left_out.words("line", reason).unwrap_or_default(), @"Left out: 3 lines, because no event was recognised: 2 like `ticks: 12` (vm.log line 1); 1 like `bye` (vm.log line 3)");
    }
}
