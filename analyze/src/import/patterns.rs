//! Splits lines (or records of several lines) into cells, by the regular expressions of a mapping. A mapping says how log files
//! are read; the user gives it, or it is recognised from the files.

use std::ops::Range;
use std::path::Path;

use csv::StringRecord;
use regex::Regex;

use super::header;
use super::left_out::shortened;
use super::lines::{Raw, RawRow};
use super::mapping::{COLUMNS, Mapping};
use super::numbers::DecimalMark;
use super::report::Report;
use crate::error::Error;

/// The field `record` of a mapping says where each record of a file begins. With this value, blank lines separate the records.
pub(super) const BLANK: &str = "blank";

/// The rows that the patterns of `mapping` find in the `text` of the file at `path`.
///
/// # Errors
///
/// [`Error::Import`] if a pattern is not a regular expression, if the name of a group is not a column, if a needed column has no
/// group, or if no line matches. If no line matches, the error shows how far the first line agrees with a pattern.
pub(super) fn read(
    path: &Path,
    text: &str,
    mapping: &Mapping,
    report: &mut Report,
) -> Result<Raw, Error> {
    let patterns = compile_patterns(mapping)?;
    // The names of all groups of all patterns, each once. They are the titles of the columns.
    let mut groups: Vec<&str> = vec![];
    for name in patterns.iter().flat_map(Regex::capture_names).flatten() {
        if !groups.contains(&name) {
            groups.push(name);
        }
    }
    let titles: StringRecord = groups.iter().copied().collect();
    let indices = header::find_columns(Some(&titles), mapping, path)?;
    let mut rows = vec![];
    let mut left_out = vec![];
    for (line, record) in records(text, mapping)? {
        match patterns
            .iter()
            .find_map(|pattern| pattern.captures(&record))
        {
            Some(found) => {
                let cell = |group: &&str| found.name(group).map_or("", |cell| cell.as_str().trim());
                let cells = groups.iter().map(cell).collect();
                rows.push(RawRow { line, cells });
            }
            None => left_out.push((line, record)),
        }
    }
    if rows.is_empty()
        && let Some((line, first)) = left_out.first()
    {
        let problem = format!(
            "the pattern of lines matches none of {} lines. {}",
            left_out.len(),
            describe_partial_match(&mapping.line, first)
        );
        return Err(Error::import(path, Some(*line), problem));
    }
    for (line, text) in &left_out {
        report.left_out.add(path, *line, text);
    }
    let where_found = |index: usize| format!("group `{}` of the pattern", &titles[index]);
    Ok(Raw {
        // The title of a column can give the unit of its times, as `time_ms` does. Here the title is the name of the group, `system_time`,
        // which gives no unit.
        time_title: "system_time".to_owned(),
        ..Raw::new(path, indices, DecimalMark::PointOrComma, rows, where_found)
    })
}

/// Whether a pattern of `mapping` matches any record of a file's `text`. If not, the file is left out. If a pattern is not a regular
/// expression, the result is true, so that the file is read and [`read`] reports the error.
pub(super) fn matches_any(text: &str, mapping: &Mapping) -> bool {
    let (Ok(patterns), Ok(records)) = (compile_patterns(mapping), records(text, mapping)) else {
        return true;
    };
    let mut records = records.iter();
    records.any(|(_, record)| patterns.iter().any(|pattern| pattern.is_match(record)))
}

/// Compiles the patterns of `mapping`, and checks that the names of their groups are names of columns.
fn compile_patterns(mapping: &Mapping) -> Result<Vec<Regex>, Error> {
    let compile = |pattern: &String| {
        let wrong = |problem| Error::import("the pattern of lines".as_ref(), None, problem);
        let regex = Regex::new(pattern).map_err(|error| wrong(error.to_string()))?;
        let mut groups = regex.capture_names().flatten();
        if let Some(group) = groups.find(|group| !COLUMNS.contains(group)) {
            return Err(wrong(format!(
                "a group has the name {group}, but it must be one of {}",
                COLUMNS.join(", ")
            )));
        }
        Ok(regex)
    };
    mapping.line.iter().map(compile).collect()
}

/// Splits a text into records. Returns each record with the number of its first line. Blank lines are never a part of a record. What a
/// record is depends on `record` in the mapping:
///
/// - none: each line is a record;
/// - [`BLANK`]: the lines between two blank lines are a record;
/// - a regular expression: each line that it matches begins a record. Lines before the first such line are a record too.
///
/// The lines of a record are joined by line feeds.
pub(super) fn records(text: &str, mapping: &Mapping) -> Result<Vec<(u64, String)>, Error> {
    let lines = text.lines().zip(1..).map(|(line, number)| (number, line));
    let Some(record) = mapping.record.as_deref() else {
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        return Ok(lines
            .map(|(number, line)| (number, line.to_owned()))
            .collect());
    };
    let first_line_pattern = (record != BLANK)
        .then(|| Regex::new(record))
        .transpose()
        .map_err(|error| {
            Error::import("the pattern of records".as_ref(), None, error.to_string())
        })?;
    let mut records: Vec<(u64, String)> = vec![];
    // The first line begins a record, as if it came after a blank line.
    let mut follows_blank = true;
    for (number, line) in lines {
        let is_blank = line.trim().is_empty();
        let begins_record = match &first_line_pattern {
            Some(pattern) => pattern.is_match(line),
            None => follows_blank,
        };
        follows_blank = is_blank;
        if is_blank {
            continue;
        }
        match records.last_mut() {
            Some((_, record)) if !begins_record => {
                record.push('\n');
                record.push_str(line);
            }
            _ => records.push((number, line.to_owned())),
        }
    }
    Ok(records)
}

/// A sentence that says up to which character a line matches a pattern. If there are several patterns, the sentence is about the pattern
/// whose match ends last in the line.
fn describe_partial_match(patterns: &[String], line: &str) -> String {
    let farthest = patterns
        .iter()
        .filter_map(|pattern| Some((matched_beginning(pattern, line)?, pattern)))
        .max_by_key(|((_, matched), _)| matched.end);
    let shown = shortened(line);
    let Some(((beginning_length, matched), pattern)) = farthest else {
        return format!("Not even the beginning of the pattern matches the first line: {shown}");
    };
    format!(
        "In the first line, {shown}, the pattern matches `{}`. After that the pattern has `{}`, but the line has `{}`",
        &line[matched.clone()],
        &pattern[beginning_length..],
        &line[matched.end..]
    )
}

/// Finds the longest beginning of a pattern that matches a part of the line. The caller knows that the whole pattern does not match, so
/// only shorter beginnings are tried. Returns the length of this beginning in bytes, and the matched part of the line as a range of bytes.
/// `None` if no beginning matches at least one character.
fn matched_beginning(pattern: &str, line: &str) -> Option<(usize, Range<usize>)> {
    // The index of a character is the length of the beginning that ends just before this character. The first index is skipped: it is 0,
    // the length of an empty beginning.
    let lengths: Vec<usize> = pattern
        .char_indices()
        .map(|(index, _)| index)
        .skip(1)
        .collect();
    lengths.into_iter().rev().find_map(|length| {
        let beginning = &pattern[..length];
        // A closing parenthesis is added for each group that the beginning does not close. If the result is not a valid regular
        // expression, a shorter beginning is tried.
        let unclosed = beginning
            .matches('(')
            .count()
            .saturating_sub(beginning.matches(')').count());
        let regex = Regex::new(&format!("{beginning}{}", ")".repeat(unclosed))).ok()?;
        let found = regex.find(line).filter(|found| !found.is_empty())?;
        Some((length, found.range()))
    })
}
