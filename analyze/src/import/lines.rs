//! Splits a log file into rows, and rows into cells. The cells are parsed as events later. A mapping says how the file is split and what its
//! columns are called. The user can give the mapping, or parts of it. The rest is recognised from the logs, or has a default value.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};

use super::header::{self, ColumnIndices, index};
use super::mapping::{Kind, Mapping};
use super::numbers::{self, DecimalMark, is_missing};
use super::report::Report;
use super::{json, patterns};
use crate::error::Error;

/// Number of lines at the beginning of a file that are searched for its header. The lines before the header are the preamble.
const MAX_PREAMBLE_LINES: usize = 100;

/// The rows of a file, or of one run in a file that has several runs. The cells are not parsed yet.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) path: PathBuf,
    /// Where each column is in a row.
    pub(super) indices: ColumnIndices,
    /// The character before the decimals in the file's numbers.
    pub(super) decimal_mark: DecimalMark,
    /// The title of the column of system times. Empty if the column has no title.
    pub(super) time_title: String,
    /// The machine that the file's name gives, if the mapping has a pattern for file names.
    pub(super) machine: Option<String>,
    /// For each of [`super::mapping::COLUMNS`], where in the file it was found, in words such as ``column `clock` ``. `None` if the file does
    /// not have it.
    pub(super) found: Vec<Option<String>>,
    pub(super) rows: Vec<RawRow>,
}

/// The cells of a row, not parsed yet.
#[derive(Clone, Debug)]
pub(super) struct RawRow {
    /// The number of the row's line in the file, from 1.
    pub(super) line: u64,
    pub(super) cells: StringRecord,
}

/// The cells of a file: its header, if it has one, and its other rows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) header: Option<StringRecord>,
    pub(super) rows: Vec<RawRow>,
    /// The character before the decimals in the file's numbers.
    pub(super) decimal_mark: DecimalMark,
    /// Lines that are left out, each with its number: lines before the header, repeated headers, and a last line that is incomplete.
    pub(super) left_out: Vec<(u64, String)>,
}

impl Raw {
    /// The rows of the file at `path`. `indices` has the index of each column, and `found(index)` is the text for [`Raw::found`].
    pub(super) fn new(
        path: &Path,
        indices: ColumnIndices,
        decimal_mark: DecimalMark,
        rows: Vec<RawRow>,
        found: impl Fn(usize) -> String,
    ) -> Self {
        Self {
            path: path.to_owned(),
            indices,
            decimal_mark,
            time_title: String::new(),
            machine: None,
            found: indices.iter().map(|index| index.map(&found)).collect(),
            rows,
        }
    }

    /// Adds a `run` column to a file that has several runs one after the other. `run` returns the run of a row, given the row's index.
    pub(super) fn with_runs(mut self, run: impl Fn(usize) -> String) -> Self {
        for (row_index, row) in self.rows.iter_mut().enumerate() {
            row.cells.push_field(&run(row_index));
        }
        // The new cell is the last cell of each row.
        let cell_count = self.rows.first().map_or(0, |row| row.cells.len());
        self.indices[index("run")] = cell_count.checked_sub(1);
        // The file itself has no such column: a new run was recognised wherever the clock starts again from a small value.
        self.found[index("run")] = Some("where the clock starts again".to_owned());
        self
    }

    /// Whether the file has the column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.indices[index(column)].is_some()
    }

    /// The cell of a row in `column`. `None` if the cell has no value or the file has no such column. In the column `event`, words
    /// for missing values, such as `none`, count as values: a mapping can say that they stand for an event.
    pub(super) fn cell<'r>(&self, row: &'r RawRow, column: &str) -> Option<&'r str> {
        let cell = row.cells.get(self.indices[index(column)]?)?;
        let is_missing = match column {
            "event" => cell.is_empty(),
            _ => is_missing(cell),
        };
        (!is_missing).then_some(cell)
    }

    /// Splits the rows by the value of their `run` column. Rows stay in the order of the file.
    pub(super) fn by_run(self) -> Vec<(String, Self)> {
        let mut runs: BTreeMap<String, Vec<RawRow>> = BTreeMap::new();
        for row in &self.rows {
            let run = self.cell(row, "run").unwrap_or_default().to_owned();
            runs.entry(run).or_default().push(row.clone());
        }
        let part = |rows| Self {
            rows,
            path: self.path.clone(),
            time_title: self.time_title.clone(),
            machine: self.machine.clone(),
            found: self.found.clone(),
            indices: self.indices,
            decimal_mark: self.decimal_mark,
        };
        runs.into_iter()
            .map(|(run, rows)| (run, part(rows)))
            .collect()
    }
}

/// Reads the rows of the file at `path` from its `text`. Rows that are not events are left out.
pub(super) fn read(
    path: &Path,
    text: &str,
    mapping: &Mapping,
    report: &mut Report,
) -> Result<Raw, Error> {
    let text = without_byte_order_mark(text);
    // `line` has the mapping's patterns for lines. If there are none, the file is a table.
    let mut raw = match mapping.line.is_empty() {
        false => patterns::read(path, text, mapping, report)?,
        true => {
            let table = table(path, text, mapping)?;
            for (line, text) in &table.left_out {
                report.left_out.add(path, *line, text);
            }
            rows_of_table(path, table, mapping)?
        }
    };
    let is_event = |row: &RawRow| {
        let cell = raw.cell(row, "event").unwrap_or_default();
        let is_ignored = mapping.kind(cell) == Some(Kind::Ignore);
        if is_ignored {
            report.ignored.add(path, row.line, cell);
        }
        !is_ignored
    };
    // All rows are checked before any is removed: `is_event` borrows `raw`, so it cannot be called while `retain` changes `raw.rows`.
    let are_events: Vec<bool> = raw.rows.iter().map(is_event).collect();
    let mut are_events = are_events.into_iter();
    raw.rows.retain(|_| are_events.next() == Some(true));
    if raw.rows.is_empty() {
        return Err(Error::import(
            path,
            None,
            "the file has no event".to_owned(),
        ));
    }
    Ok(raw)
}

/// Whether a file is unknown: it does not look like a log. What a log must have depends on the mapping:
///
/// - If the mapping has patterns for lines: a line that matches one of the patterns.
/// - If the mapping says that there is no header: a row that looks like an event ([`has_row_of_event`]).
/// - Otherwise: a header with the title of at least one column that an event needs.
///
/// An empty file is unknown. A table that cannot be split into cells counts as a log, so that [`read`] reads it and returns the error.
pub(super) fn is_unknown(path: &Path, text: &str, mapping: &Mapping) -> bool {
    let text = without_byte_order_mark(text);
    if text.trim().is_empty() {
        return true;
    }
    match mapping.line.is_empty() {
        false => !patterns::matches_any(text, mapping),
        true => match table(path, text, mapping) {
            Ok(table) => match &table.header {
                Some(header) => header::count_known(header, mapping) == 0,
                // If the mapping says that there is no header (`Some(false)`), the rows decide. Otherwise the header is missing because the
                // table has no rows, so the file is unknown.
                None => mapping.header != Some(false) || !has_row_of_event(path, &table, mapping),
            },
            Err(_) => false,
        },
    }
}

/// Whether a table without a header has a row that looks like an event: each column that an event needs has a value, and the clock is a
/// whole number. Without a header, the mapping must give the position of each needed column, such as 3. If it does not, the result is
/// true, so that the user sees the error when the table is read.
fn has_row_of_event(path: &Path, table: &Table, mapping: &Mapping) -> bool {
    let Ok(indices) = header::find_columns(None, mapping, path) else {
        return true;
    };
    let is_event = |row: &RawRow| {
        let cell = |name: &str| {
            indices[index(name)]
                .and_then(|index| row.cells.get(index))
                .unwrap_or_default()
        };
        header::NEEDED.iter().all(|name| !cell(name).is_empty())
            && numbers::parse_whole(cell("logical_clock"), table.decimal_mark).is_ok()
    };
    table.rows.iter().any(is_event)
}

/// The text without its byte order mark, a special character that some programs write at the beginning of a file.
pub(super) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Finds the columns of a table. Fails if its rows do not all have the same number of cells.
fn rows_of_table(path: &Path, table: Table, mapping: &Mapping) -> Result<Raw, Error> {
    let indices = header::find_columns(table.header.as_ref(), mapping, path)?;
    let time_title =
        indices[index("system_time")].and_then(|index| table.header.as_ref()?.get(index));
    let time_title = time_title.unwrap_or_default().to_owned();
    let first = table
        .header
        .as_ref()
        .or(table.rows.first().map(|row| &row.cells));
    let cell_count = first.map_or(0, StringRecord::len);
    if let Some(other) = table.rows.iter().find(|row| row.cells.len() != cell_count) {
        let problem = format!(
            "the line has {} cells, but the {} has {cell_count}",
            other.cells.len(),
            if table.header.is_some() {
                "header"
            } else {
                "first row"
            },
        );
        return Err(Error::import(path, Some(other.line), problem));
    }
    let found = |index: usize| match table.header.as_ref().and_then(|header| header.get(index)) {
        Some(title) => format!("column `{title}`"),
        None => format!("column {}", index + 1),
    };
    Ok(Raw {
        time_title,
        ..Raw::new(path, indices, table.decimal_mark, table.rows, found)
    })
}

/// Minimum number of cells in the rows of a table with aligned columns.
const MIN_ALIGNED_CELLS: usize = 3;

/// Splits a file into a table. The file is JSON, or its cells are separated by a character such as a comma, or by blanks.
pub(super) fn table(path: &Path, text: &str, mapping: &Mapping) -> Result<Table, Error> {
    // A mapping that gives a separator, or says whether there is a header, is not meant for JSON.
    let is_json = mapping.separator.is_none() && mapping.header.is_none() && json::is_json(text);
    if is_json {
        return json::table(path, text);
    }
    let preamble_lines = match mapping.header {
        Some(false) => 0,
        _ => lines_before_header(text, mapping),
    };
    let preamble_bytes = text
        .split_inclusive('\n')
        .take(preamble_lines)
        .map(str::len)
        .sum();
    let (preamble, text) = text.split_at(preamble_bytes);
    let preamble = preamble
        .lines()
        .zip(1..)
        .map(|(text, line)| (line, text.to_owned()));
    let separator = mapping
        .separator
        .as_deref()
        .unwrap_or_else(|| most_frequent_separator(first_line(text)));
    let mut rows = match separator {
        "blanks" => by_blanks(text),
        // All other separators are one ASCII character, so they are one byte.
        separator => by_character(path, text, separator.as_bytes()[0])?,
    };
    rows.iter_mut()
        .for_each(|row| row.line += preamble_lines as u64);
    rows.retain(|row| row.cells.iter().any(|cell| !cell.is_empty()) && !is_drawn_line(&row.cells));
    let has_header = mapping.header != Some(false) && !rows.is_empty();
    let header = has_header.then(|| rows.remove(0).cells);
    let mut left_out: Vec<(u64, String)> = vec![];
    if let Some(header) = &header {
        // A program that appends to its log writes the header at each start.
        rows.retain(|row| {
            let is_header_again = row.cells == *header;
            if is_header_again {
                left_out.push((row.line, joined(&row.cells)));
            }
            !is_header_again
        });
    }
    let first_row = header.as_ref().or(rows.first().map(|row| &row.cells));
    let cell_count = first_row.map_or(0, StringRecord::len);
    // If the last line has too few cells, the program that wrote the log was stopped before it completed this line. So the line is left
    // out. But if this line is the table's only row, it is kept. Then `rows_of_table` fails, and its error tells the user how many cells
    // the row has.
    if rows.len() > 1
        && let Some(incomplete) = rows.pop_if(|row| row.cells.len() < cell_count)
    {
        left_out.push((incomplete.line, joined(&incomplete.cells)));
    }
    Ok(Table {
        header,
        rows,
        // If commas separate the cells, a number cannot have a decimal comma.
        decimal_mark: match separator {
            "," => DecimalMark::Point,
            _ => DecimalMark::PointOrComma,
        },
        left_out: preamble
            .filter(|(_, text)| !text.trim().is_empty())
            .chain(left_out)
            .collect(),
    })
}

/// Whether a row only draws a line, such as `--- | ---`.
fn is_drawn_line(cells: &StringRecord) -> bool {
    let mut letters = cells.iter().flat_map(str::chars);
    letters.all(|letter| "-=:+|_".contains(letter))
}

/// The cells of a row, joined by blanks.
fn joined(cells: &StringRecord) -> String {
    cells.iter().collect::<Vec<&str>>().join(" ")
}

/// Counts the lines before the header. The header is the first line with the titles of all columns that an event needs. 0 if no line has
/// them.
fn lines_before_header(text: &str, mapping: &Mapping) -> usize {
    let is_header = |line: &str| {
        let separator = mapping.separator.as_deref();
        let separator = separator.unwrap_or_else(|| most_frequent_separator(line));
        let cells: StringRecord = match separator {
            "blanks" => line.split_whitespace().collect(),
            separator => line
                .split(separator)
                .map(|cell| cell.trim().trim_matches('"'))
                .collect(),
        };
        header::is_header(&cells, mapping)
    };
    let lines = text.lines().take(MAX_PREAMBLE_LINES);
    lines
        .enumerate()
        .find_map(|(index, line)| is_header(line).then_some(index))
        .unwrap_or(0)
}

/// The first line that is not blank.
fn first_line(text: &str) -> &str {
    let mut lines = text.lines();
    lines
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
}

/// The separator that occurs most often in a line; `blanks` if none occurs. If two occur equally often, a comma is preferred.
pub(super) fn most_frequent_separator(line: &str) -> &'static str {
    [",", ";", "\t", "|"]
        .into_iter()
        .max_by_key(|separator| (line.matches(separator).count(), *separator == ","))
        .filter(|separator| line.contains(separator))
        .unwrap_or("blanks")
}

/// Splits each line at blanks. If the lines then have different numbers of cells, but the columns are aligned with at least two blanks
/// between all cells, a single blank is a part of a cell, as in `Send to both`.
fn by_blanks(text: &str) -> Vec<RawRow> {
    let lines = || {
        let lines = text.lines().zip(1..);
        lines.filter(|(line, _)| !line.trim().is_empty())
    };
    let by_two_blanks = || lines().map(|(line, number)| (cells_between_two_blanks(line), number));
    let cell_count = by_two_blanks().next().map_or(0, |(cells, _)| cells.len());
    let same_count = by_two_blanks()
        .filter(|(cells, _)| cells.len() == cell_count)
        .count();
    // A line with a single cell, such as `=====`, is no row.
    let counts = lines().map(|(line, _)| line.split_whitespace().count());
    let counts: BTreeSet<usize> = counts.filter(|&count| count > 1).collect();
    let is_aligned = counts.len() > 1
        && cell_count >= MIN_ALIGNED_CELLS
        && same_count * 10 >= lines().count() * 9;
    let cells = |line| match is_aligned {
        true => cells_between_two_blanks(line).into_iter().collect(),
        false => line.split_whitespace().collect(),
    };
    lines()
        .map(|(text, line)| RawRow {
            line,
            cells: cells(text),
        })
        .collect()
}

/// The parts of a line with two or more blanks, or a tab, between them.
fn cells_between_two_blanks(line: &str) -> Vec<&str> {
    let cells = line.split("  ").flat_map(|part| part.split('\t'));
    cells
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

/// Splits a text as CSV with this separator. A cell in quotes may have several lines.
fn by_character(path: &Path, text: &str, separator: u8) -> Result<Vec<RawRow>, Error> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut lines = LineFinder {
        text: text.as_bytes(),
        offset: 0,
        line: 1,
    };
    let row = |record: csv::Result<StringRecord>| {
        let cells = record.map_err(|error| {
            let line = error.position().map(|position| lines.line(position));
            Error::import(path, line, error.to_string())
        })?;
        let line = cells.position().map_or(0, |position| lines.line(position));
        Ok(RawRow { line, cells })
    };
    reader.records().map(row).collect()
}

/// Finds the number of the line in which a record begins, as editors count lines. The CSV reader does not give the right number: if lines
/// end with carriage return and line feed, the reader takes the line feed for the beginning of the next record.
struct LineFinder<'t> {
    text: &'t [u8],
    /// An index in `text`. All line feeds before this index have been counted.
    offset: usize,
    /// The number of the line of `text[offset]`, from 1.
    line: u64,
}

impl LineFinder<'_> {
    /// The line in which the record at `position` begins. Positions must not decrease from call to call.
    fn line(&mut self, position: &csv::Position) -> u64 {
        let start = usize::try_from(position.byte()).unwrap_or(self.text.len());
        // If there are line feeds or carriage returns directly at `start`, they belong to the lines before the record.
        while let Some(byte) = self.text.get(self.offset)
            && (self.offset < start || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.offset += 1;
        }
        self.line
    }
}
