//! A table as text, and the format of its numbers.

/// Starts a new line within a cell.
pub(crate) const LINE: &str = "\n";

/// A table to be read by people.
#[derive(Clone, Debug)]
pub struct Table {
    /// The title above the table.
    pub title: &'static str,
    /// The heading of each column.
    pub headings: Vec<String>,
    /// For each column, whether it contains numbers.
    pub numeric: Vec<bool>,
    /// The rows, each with one cell per column. A cell may have several lines. No-break spaces join words that must stay on one
    /// line.
    pub rows: Vec<Vec<String>>,
    /// The paragraphs below the table, which explain its numbers.
    pub caption: Vec<String>,
}

/// Rounds to `decimals` decimal places. Zero never has a minus sign.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|digit| "0.".contains(digit)) => digits.to_owned(),
        _ => text,
    }
}

/// Replaces spaces by no-break spaces, so that the words stay on one line.
pub(crate) fn keep_together(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}
