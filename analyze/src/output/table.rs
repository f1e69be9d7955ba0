//! A table for people, and how its cells are written.

/// Begins a new line within a cell.
pub(crate) const LINE: &str = "\n";

/// A table for people.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it is called.
    pub title: &'static str,
    /// What stands above each column.
    pub headings: Vec<String>,
    /// Whether the column holds numbers.
    pub numeric: Vec<bool>,
    /// The cells. Words that belong on one line are joined by no-break spaces; a cell may have several lines.
    pub rows: Vec<Vec<String>>,
    /// What the numbers are: paragraphs, each to be filled to the table's width.
    pub caption: Vec<String>,
}

/// Rounded, and never a negative zero.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|digit| "0.".contains(digit)) => digits.to_owned(),
        _ => text,
    }
}

/// Words that are not to be broken over lines.
pub(crate) fn keep_together(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}
