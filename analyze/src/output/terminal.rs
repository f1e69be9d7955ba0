//! Tables and words for people: on the terminal, or as Markdown.

use std::borrow::Cow;
use std::fmt::Write;

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, TableStyle,
    Width,
};

use crate::stats::tables::Table;

/// Begins a new line within a cell.
const LINE: char = '\n';

/// Joins what must stay on one line; a plain space when printed.
const NO_BREAK: char = '\u{a0}';

/// A longer line is broken, wherever that is: the widths of all columns together must fit 16 bits.
const WIDEST: u16 = 1000;

/// A line below the header, a space between columns.
const PLAIN: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .header_lines(ContentLineStyle::none().junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// The same with a fainter line between rows, for rows of several lines.
const RULED: TableStyle = PLAIN.row_separator(LineStyle::none().fill('╌').junction('╌'));

/// The table with its title above and its caption below, at most `width` columns wide where that breaks no word.
pub fn terminal(table: &Table, width: u16) -> String {
    let widths = |width_of: fn(&str) -> usize| -> Vec<u16> {
        (0..table.headings.len())
            .map(|column| content_width(table, column, width_of))
            .collect()
    };
    let (narrowest, widest) = (widths(longest_word), widths(whole));
    let total = |widths: &[u16], padding: u16| -> u16 {
        let columns = widths.iter();
        columns.fold(0, |sum: u16, width| {
            sum.saturating_add(width.saturating_add(padding + 1))
        })
    };
    // Where room is scarce, one space must do between the columns that are not numbers.
    let padding = u16::from(total(&narrowest, 1) <= width);
    let mut grid = grid(table);
    grid.load_style(if total(&widest, 1) <= width && !has_lines(table) {
        PLAIN
    } else {
        RULED
    });
    grid.set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    for (index, column) in grid.column_iter_mut().enumerate() {
        let padding = if table.numeric[index] {
            (1, 0)
        } else {
            (0, padding)
        };
        column.set_padding(padding);
        let narrowest = narrowest[index].saturating_add(padding.0 + padding.1);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(narrowest)));
    }
    let mut text = format!("{}\n\n", table.title);
    grid.lines().for_each(|line| push_line(&mut text, &line));
    text.push('\n');
    text.push_str(&prose(&table.caption, width));
    text
}

/// A text as a cell of a Markdown table: a pipe in it ends no cell, and a new line no row.
pub(crate) fn markdown_cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace("\r\n", "<br>")
        .replace([LINE, '\r'], "<br>")
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

/// Paragraphs in lines of at most `width`. One that begins with "- " is an item of a list; an empty one is a blank line.
pub fn prose(paragraphs: &[String], width: u16) -> String {
    let mut text = String::new();
    paragraphs
        .iter()
        .for_each(|paragraph| fill(&mut text, paragraph, width.into()));
    text
}

/// The same as Markdown, a line a paragraph.
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

fn grid(table: &Table) -> comfy_table::Table {
    let mut grid = comfy_table::Table::new();
    // No colours, whatever the terminal.
    grid.force_no_tty();
    grid.set_header(&table.headings);
    let rows = table.rows.iter();
    grid.add_rows(rows.map(|row| row.iter().map(|cell| broken(cell))));
    for (column, numeric) in grid.column_iter_mut().zip(&table.numeric) {
        column.set_cell_alignment(if *numeric {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        });
    }
    grid
}

/// The cell, its lines at most [`WIDEST`] characters long.
fn broken(cell: &str) -> Cow<'_, str> {
    if whole(cell) <= WIDEST.into() {
        return Cow::Borrowed(cell);
    }
    let mut lines = String::with_capacity(cell.len());
    let mut length = 0;
    for letter in cell.chars() {
        if length == WIDEST && letter != LINE {
            lines.push(LINE);
            length = 0;
        }
        lines.push(letter);
        length = if letter == LINE { 0 } else { length + 1 };
    }
    Cow::Owned(lines)
}

fn content_width(table: &Table, column: usize, width_of: fn(&str) -> usize) -> u16 {
    let cells = table
        .rows
        .iter()
        .map(|row| &row[column])
        .chain([&table.headings[column]]);
    let width = cells.map(|cell| width_of(cell)).max().unwrap_or(0);
    u16::try_from(width).map_or(WIDEST, |width| width.min(WIDEST))
}

/// The width at which no word is broken.
fn longest_word(cell: &str) -> usize {
    cell.split([' ', LINE]).map(whole).max().unwrap_or(0)
}

/// The width at which every line stands on one.
fn whole(cell: &str) -> usize {
    let widths = cell.split(LINE).map(|line| line.chars().count());
    widths.max().unwrap_or(0)
}

/// Whether any cell has several lines.
fn has_lines(table: &Table) -> bool {
    table.rows.iter().flatten().any(|cell| cell.contains(LINE))
}

fn push_line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{}", line.replace(NO_BREAK, " ").trim_end());
}

/// Appends `paragraph` in lines of at most `width`; an item's further lines are indented.
fn fill(text: &mut String, paragraph: &str, width: usize) {
    let indent = if paragraph.starts_with("- ") {
        "  "
    } else {
        ""
    };
    let mut line = String::new();
    for word in paragraph.split(' ') {
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            push_line(text, &line);
            line = indent.to_owned();
        }
        if !line.trim().is_empty() {
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
            caption: vec![],
        }
    }

    #[test]
    fn no_cell_ends_a_markdown_row_or_cell() {
        let text = markdown(&table("x|y\nz\r\n|"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], r"| a | b\|c |");
        let cell = r"x\|y<br>z<br>\|";
        assert_eq!(lines[4], format!("| {cell} | {cell} |"));
    }

    /// A label of tens of thousands of rates, for instance.
    #[test]
    fn a_cell_may_be_wider_than_any_terminal() {
        let text = terminal(&table(&"1,".repeat(40_000)), 80);
        assert_eq!(text.matches('1').count(), 2 * 40_000);
    }
}
