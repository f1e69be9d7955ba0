//! A file cut into cells, line by line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, Trim};
use regex::Regex;

use super::header::{self, Places, index};
use super::mapping::{COLUMNS, Mapping};
use super::numbers::{DecimalMark, is_missing};
use super::report::Report;
use crate::error::Error;

/// A file's rows, or those of one run.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) path: PathBuf,
    places: Places,
    /// How its numbers are written.
    pub(super) mark: DecimalMark,
    /// What the column of system times is called.
    pub(super) time_title: String,
    pub(super) rows: Vec<RawRow>,
}

/// A row, uninterpreted.
#[derive(Clone, Debug)]
pub(super) struct RawRow {
    /// Its line in the file, from 1.
    pub(super) line: u64,
    cells: StringRecord,
}

impl Raw {
    /// The cell of a row in `column`; none if it has no value, or the file has no such column. Any word may be an event's.
    pub(super) fn cell<'r>(&self, row: &'r RawRow, column: &str) -> Option<&'r str> {
        let cell = row.cells.get(self.places[index(column)]?)?;
        let is_missing = match column {
            "event" => cell.is_empty(),
            _ => is_missing(cell),
        };
        (!is_missing).then_some(cell)
    }

    /// The rows by what stands in their `run` column, in the order of the file.
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
            places: self.places,
            mark: self.mark,
        };
        runs.into_iter()
            .map(|(run, rows)| (run, part(rows)))
            .collect()
    }
}

/// Reads the file at `path`, which has this `text`.
pub(super) fn read(
    path: &Path,
    text: &str,
    mapping: &Mapping,
    report: &mut Report,
) -> Result<Raw, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw = match &mapping.line {
        Some(pattern) => matched(path, text, (pattern, mapping), report)?,
        None => separated(path, text, mapping)?,
    };
    if raw.rows.is_empty() {
        return Err(Error::import(path, None, "no event in it".to_owned()));
    }
    Ok(raw)
}

/// The lines that `pattern` finds the cells of.
fn matched(
    path: &Path,
    text: &str,
    (pattern, mapping): (&str, &Mapping),
    report: &mut Report,
) -> Result<Raw, Error> {
    let wrong = |problem: String| Error::import(Path::new("the pattern of lines"), None, problem);
    let pattern = Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
    let groups: Vec<&str> = pattern.capture_names().flatten().collect();
    if let Some(group) = groups.iter().find(|group| !COLUMNS.contains(group)) {
        return Err(wrong(format!(
            "a group is called {group}; there are {}",
            COLUMNS.join(", ")
        )));
    }
    let title: StringRecord = groups.iter().copied().collect();
    let places = header::places(Some(&title), mapping, path)?;
    let mut rows = vec![];
    for (number, line) in text.lines().enumerate() {
        match pattern.captures(line) {
            Some(found) => {
                let cell = |group: &&str| found.name(group).map_or("", |cell| cell.as_str().trim());
                rows.push(RawRow {
                    line: number as u64 + 1,
                    cells: groups.iter().map(cell).collect(),
                });
            }
            None if line.trim().is_empty() => {}
            None => report.leave_out(path, number as u64 + 1, line),
        }
    }
    Ok(Raw {
        path: path.to_owned(),
        places,
        mark: DecimalMark::PointOrComma,
        time_title: "system_time".to_owned(),
        rows,
    })
}

fn separated(path: &Path, text: &str, mapping: &Mapping) -> Result<Raw, Error> {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let separator = mapping
        .separator
        .as_deref()
        .unwrap_or_else(|| usual_separator(first));
    let mut rows = match separator {
        "blanks" => by_blanks(text),
        separator => by_character(path, text, separator.as_bytes()[0])?,
    };
    rows.retain(|row| row.cells.iter().any(|cell| !cell.is_empty()));
    let has_header = mapping.header != Some(false) && !rows.is_empty();
    let header = has_header.then(|| rows.remove(0).cells);
    let places = header::places(header.as_ref(), mapping, path)?;
    let time_title = places[index("system_time")].and_then(|place| header.as_ref()?.get(place));
    let first = header.as_ref().or(rows.first().map(|row| &row.cells));
    let cells = first.map_or(0, StringRecord::len);
    if let Some(other) = rows.iter().find(|row| row.cells.len() != cells) {
        let problem = format!(
            "{} cells, where the first line has {cells}",
            other.cells.len()
        );
        return Err(Error::import(path, Some(other.line), problem));
    }
    Ok(Raw {
        path: path.to_owned(),
        places,
        mark: match separator {
            "," => DecimalMark::Point,
            _ => DecimalMark::PointOrComma,
        },
        time_title: time_title.unwrap_or_default().to_owned(),
        rows,
    })
}

/// What the first line is most often separated by.
fn usual_separator(line: &str) -> &'static str {
    [",", ";", "\t", "|"]
        .into_iter()
        .max_by_key(|separator| (line.matches(separator).count(), *separator == ","))
        .filter(|separator| line.contains(separator))
        .unwrap_or("blanks")
}

fn by_blanks(text: &str) -> Vec<RawRow> {
    let lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| !line.trim().is_empty());
    lines
        .map(|(cells, line)| RawRow {
            line,
            cells: cells.split_whitespace().collect(),
        })
        .collect()
}

fn by_character(path: &Path, text: &str, separator: u8) -> Result<Vec<RawRow>, Error> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut lines = Lines {
        text: text.as_bytes(),
        byte: 0,
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

/// Counts lines as editors do, whatever ends them. The reader of records does not: a record begins for it before the line feed that
/// ends the line above, if that ends with carriage return and line feed.
struct Lines<'t> {
    text: &'t [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line in which the record at `position` begins, which is not before the one that was asked for last.
    fn line(&mut self, position: &csv::Position) -> u64 {
        let start = usize::try_from(position.byte()).unwrap_or(self.text.len());
        while let Some(byte) = self.text.get(self.byte)
            && (self.byte < start || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.byte += 1;
        }
        self.line
    }
}
