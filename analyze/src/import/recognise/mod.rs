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
//! - [`pattern`]: turns shapes into regular expressions
//! - [`tables`]: recognises columns with unknown titles
//! - [`refusal`]: the error for logs that are not understood

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

use fields::{Assignment, Fields, Problem};
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

/// A way to split lines into records, with the fields that were found in these records.
struct Recognised {
    mapping: Mapping,
    templates: Vec<Template>,
    found: Fields,
    counts: EventCounts,
}

/// How many records are events, and how many files begin or end with a record that is not an event.
#[derive(Default)]
struct EventCounts {
    /// Number of records that are events.
    events: usize,
    /// Number of files whose first record is not an event.
    other_first: usize,
    /// Number of files whose last record is not an event.
    other_last: usize,
}

impl Recognised {
    /// Whether this way is better than `other`: more records are events. If both ways have equally many events, the way with the smaller
    /// `other_first + other_last` is better.
    fn is_better(&self, other: &Self) -> bool {
        let rank = |one: &Self| {
            let counts = &one.counts;
            let others = counts.other_first + counts.other_last;
            (counts.events, std::cmp::Reverse(others))
        };
        rank(self) > rank(other)
    }

    /// The mapping with a pattern for every shape of events.
    fn into_mapping(self, texts: &[RunTexts], report: &mut Report) -> Result<Mapping, Error> {
        let Self {
            mut mapping,
            templates,
            found,
            counts,
        } = self;
        let files = || texts.iter().flat_map(|run| &run.files);
        if let Some(record) = mapping
            .record
            .as_deref()
            .filter(|record| *record != patterns::BLANK)
        {
            // Perhaps the wrong line was taken for the first line of an event. Then each record is the end of one event and the start of the
            // next. Such a record still has all fields. But at the start and at the end of every file, a part of an event is left over.
            let is_shifted =
                counts.other_first == files().count() && counts.other_last == files().count();
            if is_shifted && let Some((path, _)) = files().next() {
                let problem = format!(
                    "an event has several lines, and its first line is not clear. If the first line is the \
                     one that matches `{record}`, lines are left over at the beginning and at the end of \
                     every file. In a file for --mapping, describe the first line of an event: record = \
                     'PATTERN'"
                );
                return Err(Error::import(path, Some(1), problem));
            }
        }
        match mapping.record.as_deref() {
            None => {}
            Some(patterns::BLANK) => report
                .understood
                .assume("An event has several lines, and ends at a blank line.".to_owned()),
            Some(record) => report.understood.assume(format!(
                "An event has several lines, and its first line matches `{record}`."
            )),
        }
        report_fields(&templates, &found, report);
        if mapping.time.is_none()
            && let Some(unit) = find_written_unit(&templates, &found)
        {
            let unit = unit.map_err(|units| {
                let path = files()
                    .next()
                    .map_or("the logs".as_ref(), |(path, _)| path.as_path());
                let problem = format!(
                    "times have several units, {}, but all times must have the same unit; convert them",
                    units.join(" and ")
                );
                Error::import(path, None, problem)
            })?;
            report.understood.assume(format!(
                "The unit of times is `{unit}`, which is written after them; set it with --time."
            ));
            mapping.time = Some(unit.to_owned());
        }
        let patterns = templates.iter().zip(&found.assignments);
        mapping.line = patterns
            .filter_map(|(template, assignment)| {
                Some(pattern::from_template(template, assignment.as_ref()?))
            })
            .collect();
        Ok(mapping)
    }
}

/// Finds the unit that is written after the times of events. None if no unit is written. `Some(Err(units))` if there are several
/// units; times without a unit count as the unit `none`.
fn find_written_unit(
    templates: &[Template],
    found: &Fields,
) -> Option<Result<&'static str, Vec<&'static str>>> {
    let times = templates.iter().zip(&found.assignments);
    let times = times
        .filter_map(|(template, assignment)| Some(&template.slots[assignment.as_ref()?.time?]));
    let units: BTreeSet<&'static str> = times
        .map(|slot| match slot.unit.as_deref() {
            None => "none",
            Some("ms") => "ms",
            Some("us" | "µs") => "us",
            Some("ns") => "ns",
            // `s`, `sec`, `secs` or `seconds`: the splitting into tokens accepts no other unit.
            Some(_) => "s",
        })
        .collect();
    let units: Vec<&'static str> = units.into_iter().collect();
    match units[..] {
        [] | ["none"] => None,
        [one] => Some(Ok(one)),
        _ => Some(Err(units)),
    }
}

impl EventCounts {
    /// Counts the records that belong to the shapes of events in `found`, and the files that begin or end with a record that is not an
    /// event.
    fn count(templates: &[Template], found: &Fields, records: &Records<'_>) -> Self {
        let mut is_event = vec![false; records.texts.len()];
        let events = templates.iter().zip(&found.assignments);
        for (template, _) in events.filter(|(_, assignment)| assignment.is_some()) {
            template
                .rows
                .iter()
                .for_each(|row| is_event[row.index] = true);
        }
        let mut counts = Self::default();
        for (index, (file, _)) in records.texts.iter().enumerate() {
            if is_event[index] {
                counts.events += 1;
                continue;
            }
            let is_in_same_file = |neighbour: Option<usize>| {
                neighbour
                    .and_then(|neighbour| records.texts.get(neighbour))
                    .is_some_and(|(other, _)| other == file)
            };
            let is_first_of_file = !is_in_same_file(index.checked_sub(1));
            let is_last_of_file = !is_in_same_file(Some(index + 1));
            if is_first_of_file {
                counts.other_first += 1;
            }
            if is_last_of_file {
                counts.other_last += 1;
            }
        }
        counts
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

/// Reports the label of each field's values. A label says beside which words a value was found, such as "behind `queue length`". If a field
/// has several labels, the report has the label with the most records, and the number of the other labels.
fn report_fields(templates: &[Template], found: &Fields, report: &mut Report) {
    for sentence in &found.assumptions {
        report.understood.assume(sentence.clone());
    }
    let mut labels: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for (template, assignment) in templates.iter().zip(&found.assignments) {
        let fields = assignment.iter().flat_map(Assignment::fields);
        for (name, slot) in fields {
            let Some(slot) = slot else { continue };
            let label = template.slots[slot].label();
            *labels.entry(name).or_default().entry(label).or_default() += template.rows.len();
        }
    }
    let found = labels.into_iter().filter_map(|(name, labels)| {
        let (label, _) = labels.iter().max_by_key(|(_, rows)| **rows)?;
        let others = match labels.len() - 1 {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        Some((name.to_owned(), format!("{label}{others}")))
    });
    report.understood.found.extend(found);
    // The kind of event (internal, send or receive) has no label: words of the line, such as `sent`, say which kind it is.
    report
        .understood
        .found
        .insert("event".to_owned(), "words of the line".to_owned());
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
