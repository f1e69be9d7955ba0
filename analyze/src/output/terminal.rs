//! Tables and paragraphs for the terminal, or as Markdown.

use std::borrow::Cow;
use std::fmt::Write;

use sim::table::{Grid, display_width, printed};

use crate::output::table::Table;

/// The separator of lines within a cell, as in [`table::LINE_BREAK`](crate::output::table::LINE_BREAK).
const LINE_BREAK: char = '\n';
/// To make a table narrower, cells of prose (such as a claim in words) are broken into lines. If these lines would have to be narrower than
/// this many characters, columns are left out instead.
const NARROWEST_PROSE: usize = 16;

/// The title, the table and its caption as text. If the table is wider than `width` characters, columns get their shorter forms (for
/// example, means without intervals). If the table is still wider, optional columns are left out, and a sentence names them. A line is
/// longer than `width` only if its words are too long. Words are kept whole, except in a cell with a line of more than 1,000 characters.
pub fn terminal(table: &Table, width: u16) -> String {
    let (table, left_out) = narrowed(table, width);
    let mut text = format!("{}\n\n", table.title);
    let lines = grid(&table).lines(width);
    lines.iter().for_each(|line| push_line(&mut text, line));
    text.push('\n');
    if !left_out.is_empty() {
        let sentence = format!(
            "Not shown in {width} columns: {} (--format csv has all).",
            left_out.join(", ")
        );
        text.push_str(&prose(&[sentence], width));
    }
    text.push_str(&prose(&table.caption, width));
    text
}

fn grid(table: &Table) -> Grid<'_> {
    Grid {
        headings: &table.headings,
        numeric: &table.numeric,
        rows: &table.rows,
    }
}

/// The table, made narrow enough for `width` characters if that is possible; and the headings of the columns that were left out. First
/// the shorter forms of columns are used, then optional columns are left out one by one, the least useful first.
fn narrowed(table: &Table, width: u16) -> (Cow<'_, Table>, Vec<String>) {
    let mut narrowed = Cow::Borrowed(table);
    let mut left_out = vec![];
    if !table.short.is_empty() && !fits(table, width) {
        narrowed = Cow::Owned(table.with_short_columns());
    }
    while !fits(&narrowed, width)
        && let Some(&index) = narrowed.optional.first()
    {
        left_out.push(narrowed.headings[index].replace(LINE_BREAK, " "));
        narrowed = Cow::Owned(narrowed.without_column(index));
    }
    // The columns that were left out last are the most useful ones, so they come first in the list of headings.
    left_out.reverse();
    (narrowed, left_out)
}

/// Tells whether the table fits into `width` characters if cells of prose are broken into lines of [`NARROWEST_PROSE`] characters. Lines of
/// other cells are not broken.
fn fits(table: &Table, width: u16) -> bool {
    if table.prose.is_empty() {
        return grid(table).fits(width);
    }
    // Each cell of prose is replaced by a single word that is as wide as the narrowest form of the cell.
    let mut broken = table.clone();
    for row in &mut broken.rows {
        for &index in &table.prose {
            // Splits the cell at the separators, and returns the width of the widest part.
            let widest = |separators: &[char]| {
                let parts = row[index].split(separators);
                parts.map(display_width).max().unwrap_or(0)
            };
            let (widest_line, widest_word) = (widest(&[LINE_BREAK]), widest(&[LINE_BREAK, ' ']));
            // Words are not broken here, so a cell is at least as wide as its widest word.
            row[index] = "x".repeat(widest_line.min(NARROWEST_PROSE).max(widest_word));
        }
    }
    grid(&broken).fits(width)
}

/// A text as one cell of a Markdown table: pipes and line breaks in it are escaped.
pub(crate) fn markdown_cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace("\r\n", "<br>")
        .replace([LINE_BREAK, '\r'], "<br>")
}

/// The table as Markdown, under a heading.
pub fn markdown(table: &Table) -> String {
    let mut text = format!("## {}\n\n", table.title);
    let row = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let escaped = |cells: &[String]| -> Vec<String> {
        cells.iter().map(|cell| markdown_cell(cell)).collect()
    };
    push_line(&mut text, &row(&escaped(&table.headings)));
    let rule = table
        .numeric
        .iter()
        .map(|numeric| if *numeric { "---:" } else { "---" }.to_owned());
    push_line(&mut text, &row(&rule.collect::<Vec<_>>()));
    table
        .rows
        .iter()
        .for_each(|cells| push_line(&mut text, &row(&escaped(cells))));
    text.push('\n');
    text.push_str(&prose_markdown(&table.caption));
    text
}

/// Paragraphs in lines of at most `width` characters. A paragraph that begins with "- " is a list item. An empty paragraph is an empty
/// line.
pub fn prose(paragraphs: &[String], width: u16) -> String {
    let mut text = String::new();
    paragraphs
        .iter()
        .for_each(|paragraph| fill(&mut text, paragraph, width.into()));
    text
}

/// Paragraphs as Markdown, each in one line. An empty line comes before the first item of a list.
pub fn prose_markdown(paragraphs: &[String]) -> String {
    let mut text = String::new();
    let mut in_list = false;
    for paragraph in paragraphs {
        let is_item = paragraph.starts_with("- ");
        if is_item && !in_list {
            text.push('\n');
        }
        in_list = is_item;
        push_line(&mut text, paragraph);
    }
    text
}

/// Appends a line as it is printed: its no-break spaces become spaces.
fn push_line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{}", printed(line));
}

/// Appends `paragraph` in lines of at most `width` characters. The second and later lines of a list item are indented.
fn fill(text: &mut String, paragraph: &str, width: usize) {
    let indent = if paragraph.starts_with("- ") {
        "  "
    } else {
        ""
    };
    // A line that is empty, or has only the indent, takes the next word even if the word is too wide.
    let has_words = |line: &str| !line.trim().is_empty();
    let mut line = String::new();
    for word in paragraph.split(' ') {
        if has_words(&line) && display_width(&line) + 1 + display_width(word) > width {
            push_line(text, &line);
            line = indent.to_owned();
        }
        if has_words(&line) {
            line.push(' ');
        }
        line.push_str(word);
    }
    push_line(text, &line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cell: &str) -> Table {
        Table {
            title: "Title",
            headings: vec!["a".to_owned(), "b|c".to_owned()],
            numeric: vec![false, true],
            rows: vec![vec![cell.to_owned(), cell.to_owned()]],
            ..Table::default()
        }
    }

    #[test]
    fn pipes_and_line_breaks_do_not_end_a_markdown_cell() {
        let text = markdown(&table("x|y\nz\r\n|"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], r"| a | b\|c |");
        let cell = r"x\|y<br>z<br>\|";
        assert_eq!(lines[4], format!("| {cell} | {cell} |"));
    }

    /// The label of a run contains the rates of all its machines. So the label of a run with tens of thousands of machines is wider than a
    /// terminal.
    #[test]
    fn a_cell_that_is_wider_than_the_terminal_is_printed_in_full() {
        let text = terminal(&table(&"1,".repeat(40_000)), 80);
        // The row has two cells, and both contain the label.
        assert_eq!(text.matches('1').count(), 2 * 40_000);
    }
}
