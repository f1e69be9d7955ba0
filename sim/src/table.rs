//! Tables for a terminal, in one style for both programs: no frame, a line below the headings, and each column as wide on the
//! screen as its widest cell. Widths are counted in columns of the screen: a Chinese character takes two, a combining accent
//! takes none.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, TableStyle,
    Width,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A character between words that must stay on one line. It is printed as a space.
pub const NO_BREAK: char = '\u{a0}';

/// The separator of lines within a cell.
const NEW_LINE: char = '\n';

/// The largest width of a line in a cell. A longer line is broken, even within a word. The reason: the widths of all columns
/// together must fit into 16 bits, because the table library has 16 bits for them.
const MAX_LINE_WIDTH: u16 = 1000;

/// The width of a table if neither the environment variable `COLUMNS` nor a terminal gives one.
const DEFAULT_WIDTH: u16 = 120;

/// The style: a line below the header, a space between columns.
const PLAIN: TableStyle = TableStyle::new()
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .header_lines(ContentLineStyle::none().junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// The same style with a thin line between rows, for rows of several lines.
const RULED: TableStyle = PLAIN.row_separator(LineStyle::none().fill('╌').junction('╌'));

/// The contents of a table.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// One heading for each column; empty for a table without headings.
    pub headings: &'a [String],
    /// For each column, whether its cells are numbers. Numbers are aligned to the right.
    pub numeric: &'a [bool],
    /// The rows, with one cell for each column.
    pub rows: &'a [Vec<String>],
}

impl Grid<'_> {
    /// Returns whether the table fits into `width` columns of the screen without breaking a cell. Headings may be broken between words.
    pub fn fits(&self, width: u16) -> bool {
        // `total_width` counts a separating space after the last column too. This space is not printed, so the total can be `width + 1`.
        total_width(&self.unbroken_widths(), 1) <= width.saturating_add(1)
    }

    /// For each column, the smallest width at which no cell has to be broken. Headings may be broken between words.
    fn unbroken_widths(&self) -> Vec<u16> {
        // A cell is measured by its longest line, but a heading by its longest word. So cells and headings are measured in two tables.
        let only_rows = Grid {
            headings: &[],
            ..*self
        };
        let only_headings = Grid { rows: &[], ..*self };
        let cell_widths = only_rows.widths(longest_line);
        let heading_widths = only_headings.widths(longest_word);
        std::iter::zip(cell_widths, heading_widths)
            .map(|(cell, heading)| cell.max(heading))
            .collect()
    }

    /// Returns the lines of the table. They are at most `width` columns of the screen wide. But words are not broken: if the longest words
    /// of the table's columns do not fit beside each other, the lines are wider.
    pub fn lines(&self, width: u16) -> Vec<String> {
        let fits = self.fits(width);
        let min_widths = if fits {
            self.unbroken_widths()
        } else {
            self.widths(longest_word)
        };
        // The style puts a space between columns. The padding of a column is one more space: on the right of text, on the left of numbers.
        // So two columns of text have two spaces between them. If `width` is too small for that, columns of text have no padding.
        // As in `fits`, the space after the last column is not printed.
        let has_space_for_padding = fits || total_width(&min_widths, 1) <= width.saturating_add(1);
        let text_padding = u16::from(has_space_for_padding);
        // If rows have several lines, thin lines between the rows show where a row begins. A table without headings needs no thin lines: it
        // has a column of names (see [`pairs`]), and each name shows where a row begins.
        let has_rows_of_several_lines = !fits || self.has_cells_of_several_lines();
        let mut table = self.filled();
        table.load_style(if has_rows_of_several_lines && !self.headings.is_empty() {
            RULED
        } else {
            PLAIN
        });
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
        for (index, column) in table.column_iter_mut().enumerate() {
            let (left, right) = if self.numeric[index] {
                (1, 0)
            } else {
                (0, text_padding)
            };
            column.set_padding((left, right));
            let min_width = min_widths[index].saturating_add(left + right);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(min_width)));
        }
        table.lines().map(|line| printed(&line)).collect()
    }

    /// Returns a table of the library with these headings, cells and alignments.
    fn filled(&self) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        // No colours are used.
        table.force_no_tty();
        if !self.headings.is_empty() {
            table.set_header(self.headings);
        }
        let rows = self.rows.iter();
        table.add_rows(rows.map(|row| row.iter().map(|cell| break_long_lines(cell))));
        for (column, is_numeric) in table.column_iter_mut().zip(self.numeric) {
            column.set_cell_alignment(if *is_numeric {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            });
        }
        table
    }

    /// Measures the heading and the cells of each column with `width_of`. Returns the largest width in each column.
    fn widths(&self, width_of: fn(&str) -> usize) -> Vec<u16> {
        let columns = 0..self.numeric.len();
        columns
            .map(|column| self.column_width(column, width_of))
            .collect()
    }

    fn column_width(&self, column: usize, width_of: fn(&str) -> usize) -> u16 {
        let cells = self.rows.iter().map(|row| &row[column]);
        let texts = cells.chain(self.headings.get(column));
        let width = texts.map(|cell| width_of(cell)).max().unwrap_or(0);
        u16::try_from(width).map_or(MAX_LINE_WIDTH, |width| width.min(MAX_LINE_WIDTH))
    }

    /// Returns whether any cell has several lines.
    fn has_cells_of_several_lines(&self) -> bool {
        self.rows
            .iter()
            .flatten()
            .any(|cell| cell.contains(NEW_LINE))
    }
}

/// The width of a table on the screen: the sum of the columns' `widths`, and for each column `padding` spaces and one space that separates
/// it from the next column.
fn total_width(widths: &[u16], padding: u16) -> u16 {
    widths.iter().fold(0, |sum: u16, width| {
        sum.saturating_add(width.saturating_add(padding + 1))
    })
}

/// Returns a text with a line for each pair of a name and a value, such as `disk  1 MB`, at most `width` columns wide. A longer value
/// continues below its first line.
pub fn pairs(pairs: Vec<(&str, String)>, width: u16) -> String {
    let row = |(name, value): (&str, String)| {
        // A name stays on one line.
        vec![name.replace(' ', &NO_BREAK.to_string()), value]
    };
    let rows: Vec<Vec<String>> = pairs.into_iter().map(row).collect();
    let grid = Grid {
        headings: &[],
        numeric: &[false, false],
        rows: &rows,
    };
    grid.lines(width).join("\n")
}

/// Returns the width for tables, in columns of the screen. It is the value of the environment variable `COLUMNS`, if this is a number
/// above 0. Otherwise it is the width of the terminal. Without a terminal, it is [`DEFAULT_WIDTH`].
pub fn terminal_width() -> u16 {
    let from_environment = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .filter(|&columns| columns > 0);
    // `Table::new().width()` is the width of the terminal, because no width was set for the new table.
    let from_terminal = || {
        io::stdout()
            .is_terminal()
            .then(|| comfy_table::Table::new().width())
            .flatten()
            .filter(|&columns| columns > 0)
    };
    from_environment
        .or_else(from_terminal)
        .unwrap_or(DEFAULT_WIDTH)
}

/// Returns how many columns of the screen a text of one line takes.
pub fn display_width(text: &str) -> usize {
    text.width()
}

/// Returns a line as it is printed: with spaces in place of [`NO_BREAK`], and without spaces at its end.
pub fn printed(line: &str) -> String {
    line.replace(NO_BREAK, " ").trim_end().to_owned()
}

/// Returns the text of a cell with lines of at most [`MAX_LINE_WIDTH`] columns.
fn break_long_lines(cell: &str) -> Cow<'_, str> {
    if longest_line(cell) <= MAX_LINE_WIDTH.into() {
        return Cow::Borrowed(cell);
    }
    let mut lines = String::with_capacity(cell.len());
    let mut line_width = 0;
    for letter in cell.chars() {
        let width = letter.width().unwrap_or(0);
        if line_width + width > MAX_LINE_WIDTH.into() && letter != NEW_LINE {
            lines.push(NEW_LINE);
            line_width = 0;
        }
        lines.push(letter);
        line_width = if letter == NEW_LINE {
            0
        } else {
            line_width + width
        };
    }
    Cow::Owned(lines)
}

/// Returns the width of the widest word of a cell.
fn longest_word(cell: &str) -> usize {
    let widths = cell.split([' ', NEW_LINE]).map(display_width);
    widths.max().unwrap_or(0)
}

/// Returns the width of the widest line of a cell.
fn longest_line(cell: &str) -> usize {
    cell.split(NEW_LINE).map(display_width).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rows: &[[&str; 2]], width: u16) -> Vec<String> {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.map(str::to_owned).to_vec())
            .collect();
        let grid = Grid {
            headings: &["name".to_owned(), "n".to_owned()],
            numeric: &[false, true],
            rows: &rows,
        };
        grid.lines(width)
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        assert_eq!(
            lines(&[["ab", "1"], ["c", "20"]], 80),
            ["name    n", "─────────", "ab      1", "c      20"]
        );
    }

    /// Wide characters take two columns and combining accents none, so that columns are aligned on the screen.
    #[test]
    fn columns_are_aligned_on_the_screen_for_all_letters() {
        let lines = lines(
            &[["北京实验室", "1"], ["cafe\u{301}", "2"], ["plain", "3"]],
            80,
        );
        let widths: Vec<usize> = lines.iter().map(|line| display_width(line)).collect();
        // The headings, the line below them and the three rows are equally wide.
        assert_eq!(widths, vec![widths[0]; 5], "{lines:#?}");
        assert!(lines[2].starts_with("北京实验室 "), "{lines:#?}");
    }

    /// The text has 8 wide letters and 3 spaces: 11 characters, but 2 * 8 + 3 = 19 columns. So it does not fit into the table of 16
    /// columns, and is broken between words.
    #[test]
    fn wide_letters_count_twice_when_a_table_is_broken() {
        let lines = lines(&[["北京 北京 北京 北京", "1"]], 16);
        assert!(
            lines.iter().all(|line| display_width(line) <= 16),
            "{lines:#?}"
        );
        // A row that is not broken would give three lines: the heading, the line below the heading, and the row.
        assert!(lines.len() > 3, "{lines:#?}");
    }

    #[test]
    fn names_and_values_have_no_frame_and_no_headings() {
        let text = pairs(
            vec![
                ("runs at once", "4".to_owned()),
                ("disk", "1 MB".to_owned()),
            ],
            80,
        );
        assert_eq!(text, "runs at once  4\ndisk          1 MB");
    }

    /// The name shows where a row begins. So no thin lines are drawn between rows, even if a value has several lines.
    #[test]
    fn a_broken_value_continues_below_its_first_line() {
        let rows = vec![("name", "one two three".to_owned()), ("n", "1".to_owned())];
        assert_eq!(
            pairs(rows, 16)
                .lines()
                .map(str::trim_end)
                .collect::<Vec<_>>(),
            ["name  one two", "      three", "n     1"]
        );
    }
}
