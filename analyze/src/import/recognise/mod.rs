//! Recognises the format of logs, if the user has not described it.
//!
//! A [`Mapping`] says how the files of an import are read: which column or which part of a line has which field (time, clock, ...).
//! A user can write a mapping; otherwise this module makes one from the logs. Lines are split into tokens, and lines with the same shape
//! are grouped: a shape (or template) is the common form of similar lines, such as `TIME sent to NAME`. The field of each value is found
//! from the words beside the value, and from the way the value changes from line to line. Afterwards the logs are read only by the rules of
//! this mapping. So the report of the import, which shows the recognised fields, says exactly how the logs are read.
//!
//! # Layout
//!
//! - [`tokens`]: splits a line into tokens
//! - [`templates`]: groups lines of the same shape
//! - [`labels`]: finds the words beside each value
//! - [`evidence`]: the table of words and the fields for which they are evidence
//! - [`fields`]: finds the field of each value
//! - [`times`]: finds the system time
//! - [`optional`]: finds the optional fields, such as the queue's length, which not every log has
//! - [`sequence`]: checks which numbers follow the rules of clocks, queues and timestamps
//! - [`record_boundaries`]: finds possible ways to split lines into records
//! - [`candidate`]: a way to split lines into records that is tried
//! - [`pattern`]: turns shapes into regular expressions
//! - [`tables`]: recognises columns with unknown titles
//! - [`refusal`]: the error for logs that are not understood

mod candidate;
mod evidence;
mod fields;
mod labels;
mod optional;
mod pattern;
mod record_boundaries;
mod refusal;
mod sequence;
mod tables;
mod templates;
mod times;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candidate::{EventCounts, Recognised};
use fields::Problem;
use templates::Template;

use super::machines::Machines;
use super::mapping::Mapping;
use super::reading::RunTexts;
use super::report::Report;
use super::{header, json, lines, names, patterns, peers};
use crate::error::Error;

/// Maximum number of records that are examined.
const MAX_RECORDS: usize = 30_000;
/// At least this number of records is examined in each file, even if the total is then greater than [`MAX_RECORDS`].
const MIN_RECORDS_OF_FILE: usize = 200;

/// The first records of all files. A record is the text of one event: one line, or several.
struct Records<'t> {
    /// For each record, the index of its file, and its text.
    texts: Vec<(usize, String)>,
    /// For each record, the path of its file and the number of its first line.
    sources: Vec<(&'t Path, u64)>,
    /// Number of files.
    files: usize,
    /// For each file, whether it was found in a folder. If so, it may be something else than a log; a file that the user named is a log.
    from_folder: Vec<bool>,
    /// For each file, the machines of its run (one for each file of the run), and the index of the file's own machine among them.
    machines: Vec<(Machines, Option<u32>)>,
}

/// Completes the mapping `given`. If `given` does not say how lines are split into cells, recognises the format from the titles of columns
/// or from the lines.
///
/// # Errors
///
/// [`Error::Import`] if the format is not recognised. The error shows a line, its possible fields, and a mapping that the user
/// can complete.
pub(super) fn mapping(
    texts: &[RunTexts],
    given: &Mapping,
    report: &mut Report,
) -> Result<Mapping, Error> {
    let only_leaves_out = given
        .columns
        .values()
        .all(|title| title == header::NO_COLUMN);
    if given.columns.is_empty() || !only_leaves_out {
        return recognise_format(texts, given, report);
    }
    // The format is recognised as if no column were given. Then the given columns are left out.
    let without_columns = Mapping {
        columns: BTreeMap::new(),
        ..given.clone()
    };
    let mut mapping = recognise_format(texts, &without_columns, report)?;
    match mapping.line.is_empty() {
        true => mapping.columns.extend(given.columns.clone()),
        false => {
            for pattern in &mut mapping.line {
                for name in given.columns.keys() {
                    *pattern = pattern.replace(&format!("(?<{name}>"), "(?:");
                }
            }
        }
    }
    Ok(mapping)
}

/// Recognises the format of the logs, unless `given` says how lines are split into cells.
fn recognise_format(
    texts: &[RunTexts],
    given: &Mapping,
    report: &mut Report,
) -> Result<Mapping, Error> {
    if given.has_line_format() {
        return Ok(given.clone());
    }
    let files = || texts.iter().flat_map(|run| &run.files);
    let has_known_titles = |path: &Path, text: &str| {
        let table = lines::table(path, lines::without_byte_order_mark(text), given);
        table.is_ok_and(|table| {
            table
                .header
                .is_some_and(|header| header::is_header(&header, given))
        })
    };
    if files().any(|(path, text)| has_known_titles(path, text)) {
        return Ok(given.clone());
    }
    if let Some(mapping) = tables::recognise(texts, given, report) {
        return Ok(mapping);
    }
    let is_json = |text: &str| json::is_json(lines::without_byte_order_mark(text));
    let count_bytes = |of_json: bool| {
        files()
            .filter(|(_, text)| is_json(text) == of_json)
            .map(|(_, text)| text.trim().len())
            .sum::<usize>()
    };
    let (json_bytes, other_bytes) = (count_bytes(true), count_bytes(false));
    // JSON needs nothing more in the mapping, because its keys are the titles. For a table with a header, nothing can be added to the
    // mapping, because its columns were not recognised above. In both cases `given` is returned as it is, and `lines::read` later reports
    // fields that it does not find.
    let is_mostly_json = json_bytes >= other_bytes;
    if is_mostly_json && files().all(|(_, text)| has_an_object_in_each_line(text)) {
        // Perhaps a text in the objects has the values, as in `{"message": "Receive event. Clock: 3"}`. Then the lines are read as text.
        let mut new_report = report.clone();
        if let Ok(mapping) = recognise_text(texts, given, &mut new_report) {
            *report = new_report;
            return Ok(mapping);
        }
    }
    if is_mostly_json || has_header(texts) {
        return Ok(given.clone());
    }
    recognise_text(texts, given, report)
}

/// Whether each line of a text begins an object of JSON and ends it.
fn has_an_object_in_each_line(text: &str) -> bool {
    let mut lines = lines::without_byte_order_mark(text).lines().map(str::trim);
    lines.all(|line| line.is_empty() || (line.starts_with('{') && line.ends_with('}')))
}

/// Whether the first line of the first file is a header: it has at least three cells, and no cell is empty or has a digit, a colon or
/// an equals sign. Also true if there is no file, because then there is no text to recognise.
fn has_header(texts: &[RunTexts]) -> bool {
    let Some((_, text)) = texts.iter().flat_map(|run| &run.files).next() else {
        return true;
    };
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let separator = lines::most_frequent_separator(first);
    let cells: Vec<&str> = match separator {
        // Words with blanks between them can be an ordinary sentence.
        "blanks" => vec![],
        separator => first.split(separator).collect(),
    };
    let is_title = |cell: &&str| {
        !cell.trim().is_empty()
            && !cell.contains(|letter: char| letter.is_ascii_digit() || ":=".contains(letter))
    };
    cells.len() >= 3 && cells.iter().all(is_title)
}

/// Recognises the format of text. Returns a mapping with a pattern for each shape of events. First each line is taken as a record. If the
/// fields are not found in these records, ways to join several lines to a record are tried, and the best one is used.
fn recognise_text(
    texts: &[RunTexts],
    given: &Mapping,
    report: &mut Report,
) -> Result<Mapping, Error> {
    let mut refusal_to_report = None;
    let mut best: Option<Recognised> = None;
    let one_file_per_run = texts.iter().all(|run| run.files.len() == 1);
    // `record` is the mapping's key that says where a record begins. None if each line is a record.
    for record in record_boundaries::possible_records(texts) {
        let mapping = Mapping {
            record,
            ..given.clone()
        };
        let records = first_records(texts, &mapping)?;
        let templates = group_records_of_logs(&records, given);
        // Whether `cell`, such as `1 and 2`, can be a list of machines that a message goes to or comes from. A list of only
        // the file's own machine does not count. `file` is the index of the file that has this cell.
        let are_machine_names = |file: usize, cell: &str| {
            let (machines, own) = &records.machines[file];
            // `machines.0` has a name for each file of the run. If the run is one file with all machines, the names of the machines are
            // not known yet, so any name is accepted.
            machines.0.len() < 2 || peers::names_other_machines(cell, machines, *own)
        };
        match fields::assign(
            &templates,
            records.files,
            one_file_per_run,
            are_machine_names,
        ) {
            Ok(found) => {
                let counts = EventCounts::count(&templates, &found, &records);
                let each_line_is_a_record = mapping.record.is_none();
                let candidate = Recognised {
                    mapping,
                    templates,
                    found,
                    counts,
                };
                if best.as_ref().is_none_or(|best| candidate.is_better(best)) {
                    best = Some(candidate);
                }
                // The first way that is tried takes each line as a record. If this works, ways to join lines are not tried.
                if each_line_is_a_record {
                    break;
                }
            }
            Err(problem) => {
                // The first problem is reported. But if it only says that there are no events, the first other problem is
                // reported instead.
                let is_reported = match &refusal_to_report {
                    None => true,
                    Some((first, _)) => *first == Problem::NoEvents && problem != Problem::NoEvents,
                };
                if is_reported {
                    let refusal = refusal::error(&problem, &templates, &records.sources);
                    refusal_to_report = Some((problem, refusal));
                }
            }
        }
    }
    match (best, refusal_to_report) {
        (Some(best), _) => best.into_mapping(texts, report),
        (None, Some((_, refusal))) => Err(refusal),
        // Does not happen: there is at least one possible way, and each leads to fields or to a refusal.
        (None, None) => Ok(given.clone()),
    }
}

/// Groups the records of logs by their shape. Files that are not logs are left out: files that were found in a folder and have no events
/// with a time and a clock. But if no file at all has such events, all files count as logs.
fn group_records_of_logs(records: &Records<'_>, given: &Mapping) -> Vec<Template> {
    let mut templates = templates::group_records(&records.texts, given);
    let events = templates
        .iter()
        .filter(|template| fields::has_event_time_and_clock(template));
    let logs: BTreeSet<usize> = events
        .flat_map(|template| template.rows.iter().map(|row| row.file))
        .collect();
    let is_log = |file: usize| logs.contains(&file) || !records.from_folder[file];
    if logs.is_empty() || (0..records.files).all(is_log) {
        return templates;
    }
    for template in &mut templates {
        template.rows.retain(|row| is_log(row.file));
    }
    templates.retain(|template| !template.rows.is_empty());
    templates
}

/// Splits the text of every file into records, up to a limit for each file.
fn first_records<'t>(texts: &'t [RunTexts], mapping: &Mapping) -> Result<Records<'t>, Error> {
    let files: usize = texts.iter().map(|run| run.files.len()).sum();
    let max_records_of_file = (MAX_RECORDS / files.max(1)).max(MIN_RECORDS_OF_FILE);
    let mut records = Records {
        texts: vec![],
        sources: vec![],
        files,
        machines: vec![],
        from_folder: vec![],
    };
    for run in texts {
        let stems: Vec<String> = run
            .files
            .iter()
            .map(|(path, _)| names::stem(path))
            .collect();
        for (path, text) in &run.files {
            let file = records.machines.len();
            records.from_folder.push(run.from_folder);
            let machines = Machines::new(stems.iter().map(String::as_str));
            let own = machines.number(&names::stem(path));
            records.machines.push((machines, own));
            for (line, record) in patterns::records(lines::without_byte_order_mark(text), mapping)?
                .into_iter()
                .take(max_records_of_file)
            {
                records.texts.push((file, record));
                records.sources.push((path, line));
            }
        }
    }
    Ok(records)
}
