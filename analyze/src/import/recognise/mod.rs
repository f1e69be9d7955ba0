//! Recognises the format of logs that the mapping does not describe.
//!
//! Lines are split into tokens, and lines with the same shape are grouped. The field of each value is found from the words beside
//! the value, and from the way the value changes from row to row. The result is a [`Mapping`], which a user could also have
//! written. The logs are then read with this mapping and nothing else, so the report shows exactly how they are read.
//!
//! # Layout
//!
//! - [`tokens`]: splits a line into tokens
//! - [`templates`]: groups lines of the same shape
//! - [`labels`]: finds the words beside each value
//! - [`evidence`]: the table of words and the fields for which they are evidence
//! - [`fields`]: finds the field of each value
//! - [`times`]: finds the system time
//! - [`optional`]: finds the fields that a log may not have
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
const MOST_RECORDS: usize = 30_000;
/// Number of records that are examined in each file, even if the total is then greater than [`MOST_RECORDS`].
const LEAST_OF_FILE: usize = 200;

/// The first records of all files, with their files and lines.
struct Records<'t> {
    /// The index of each record's file, and its text.
    texts: Vec<(usize, String)>,
    /// The path and line of each record.
    sources: Vec<(&'t Path, u64)>,
    files: usize,
    /// For each file, whether it was found in a folder. Such a file may be something else than a log.
    from_folder: Vec<bool>,
    /// For each file, the machines of its run (from the names of the run's files) and its own machine.
    machines: Vec<(Machines, Option<u32>)>,
}

/// Completes the mapping `given`. If it does not say how lines are split into cells, this is recognised from titles or lines.
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
    if given.has_line_format() {
        return Ok(given.clone());
    }
    let files = || texts.iter().flat_map(|run| &run.files);
    let is_known_title = |path: &Path, text: &str| {
        let table = lines::table(path, lines::without_mark(text), given);
        table.is_ok_and(|table| {
            table
                .header
                .is_some_and(|header| header::names_all(&header, given))
        })
    };
    if files().any(|(path, text)| is_known_title(path, text)) {
        return Ok(given.clone());
    }
    if let Some(mapping) = tables::recognise(texts, given, report)? {
        return Ok(mapping);
    }
    let is_json = |text: &str| json::is_json(lines::without_mark(text));
    let bytes = |json: bool| {
        files()
            .filter(|(_, text)| is_json(text) == json)
            .map(|(_, text)| text.trim().len())
            .sum::<usize>()
    };
    if bytes(false) <= bytes(true) || has_only_titles(texts) {
        return Ok(given.clone());
    }
    recognise_text(texts, given, report)
}

/// Whether the first line of the first file is a header: it has several cells, and all of them are words.
fn has_only_titles(texts: &[RunTexts]) -> bool {
    let Some((_, text)) = texts.iter().flat_map(|run| &run.files).next() else {
        return true;
    };
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let separator = lines::most_frequent_separator(first);
    let cells: Vec<&str> = match separator {
        "blanks" => vec![],
        separator => first.split(separator).collect(),
    };
    let is_title = |cell: &&str| {
        !cell.trim().is_empty()
            && !cell.contains(|letter: char| letter.is_ascii_digit() || ":=".contains(letter))
    };
    cells.len() >= 3 && cells.iter().all(is_title)
}

/// Recognises the format of text. Returns a mapping with a pattern for each shape of events. A record is one line, or several
/// lines if single lines are not recognised.
fn recognise_text(
    texts: &[RunTexts],
    given: &Mapping,
    report: &mut Report,
) -> Result<Mapping, Error> {
    let mut first_refusal = None;
    let mut best: Option<Recognised> = None;
    let has_one_file = texts.iter().all(|run| run.files.len() == 1);
    for record in record_boundaries::possible_records(texts) {
        let mapping = Mapping {
            record,
            ..given.clone()
        };
        let records = records(texts, &mapping)?;
        let templates = group_records_of_logs(&records, given);
        let resolves = |file: usize, names: &str| {
            let (machines, own) = &records.machines[file];
            // If one file has all machines, its name is not the name of a machine.
            machines.0.len() < 2 || peers::name_other_machines(names, machines, *own)
        };
        match fields::assign(&templates, records.files, has_one_file, resolves) {
            Ok(found) => {
                let (events, cut) = ends(&templates, &found, &records);
                let is_line = mapping.record.is_none();
                let candidate = Recognised {
                    mapping,
                    templates,
                    found,
                    events,
                    cut,
                };
                if best.as_ref().is_none_or(|best| candidate.is_better(best)) {
                    best = Some(candidate);
                }
                if is_line {
                    break;
                }
            }
            Err(problem) => {
                let is_better = match &first_refusal {
                    None => true,
                    Some((first, _)) => *first == Problem::NoEvents && problem != Problem::NoEvents,
                };
                if is_better {
                    let refusal = refusal::error(&problem, &templates, &records.sources);
                    first_refusal = Some((problem, refusal));
                }
            }
        }
    }
    match (best, first_refusal) {
        (Some(best), _) => best.into_mapping(texts, report),
        (None, Some((_, refusal))) => Err(refusal),
        (None, None) => Ok(given.clone()),
    }
}

/// A way to split lines into records, with the fields that were found in these records.
struct Recognised {
    mapping: Mapping,
    templates: Vec<Template>,
    found: Fields,
    /// Number of records that are events.
    events: usize,
    /// Number of files that begin, and number of files that end, with a record that is not an event.
    cut: (usize, usize),
}

impl Recognised {
    /// Whether this way is better: more records are events. If the number of events is equal, fewer files begin or end with a
    /// record that is not an event.
    fn is_better(&self, other: &Self) -> bool {
        let rank = |one: &Self| (one.events, std::cmp::Reverse(one.cut.0 + one.cut.1));
        rank(self) > rank(other)
    }

    /// The mapping with a pattern for every shape of events.
    fn into_mapping(self, texts: &[RunTexts], report: &mut Report) -> Result<Mapping, Error> {
        let Self {
            mut mapping,
            templates,
            found,
            cut,
            ..
        } = self;
        let files = || texts.iter().flat_map(|run| &run.files);
        if let Some(record) = mapping
            .record
            .as_deref()
            .filter(|it| *it != patterns::BLANK)
        {
            let is_cut = cut == (files().count(), files().count());
            if let Some((path, _)) = files().next().filter(|_| is_cut) {
                let problem = format!(
                    "an event has several lines, and its first line is not clear. If the first line is the \
                     one that matches `{record}`, lines are left over at the beginning and at the end of \
                     every file. Describe the first line of an event in a file for --mapping: record = \
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
            && let Some(unit) = unit(&templates, &found)
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
            .filter_map(|(template, found)| Some(pattern::from_template(template, found.as_ref()?)))
            .collect();
        Ok(mapping)
    }
}

/// The unit that is written after the times of events. None if no unit is written, and an error with all units if there are
/// several.
fn unit(templates: &[Template], found: &Fields) -> Option<Result<&'static str, Vec<&'static str>>> {
    let times = templates.iter().zip(&found.assignments);
    let times = times.filter_map(|(template, found)| Some(&template.slots[found.as_ref()?.time?]));
    let units: BTreeSet<&'static str> = times
        .map(|slot| match slot.unit.as_deref() {
            None => "none",
            Some("ms") => "ms",
            Some("us" | "µs") => "us",
            Some("ns") => "ns",
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

/// Counts the records that are events, the files that begin with a record that is not an event, and the files that end with one.
fn ends(templates: &[Template], found: &Fields, records: &Records<'_>) -> (usize, (usize, usize)) {
    let mut is_event = vec![false; records.texts.len()];
    let events = templates.iter().zip(&found.assignments);
    for (template, _) in events.filter(|(_, assignment)| assignment.is_some()) {
        template
            .rows
            .iter()
            .for_each(|row| is_event[row.index] = true);
    }
    let mut cut = (0, 0);
    for (index, (file, _)) in records
        .texts
        .iter()
        .enumerate()
        .filter(|(index, _)| !is_event[*index])
    {
        let is_other = |index: Option<usize>| {
            index
                .and_then(|index| records.texts.get(index))
                .is_none_or(|(other, _)| other != file)
        };
        cut.0 += usize::from(is_other(index.checked_sub(1)));
        cut.1 += usize::from(is_other(Some(index + 1)));
    }
    (is_event.iter().filter(|is_event| **is_event).count(), cut)
}

/// Groups the records of files that are logs by their shape. If some files have events with a time and a clock, the other files
/// are not logs.
fn group_records_of_logs(records: &Records<'_>, said: &Mapping) -> Vec<Template> {
    let templates = templates::group_records(&records.texts, said);
    let whole = templates
        .iter()
        .filter(|template| fields::is_whole(template));
    let logs: BTreeSet<usize> = whole
        .flat_map(|template| template.rows.iter().map(|row| row.file))
        .collect();
    let is_log = |file: usize| logs.contains(&file) || !records.from_folder[file];
    if logs.is_empty() || (0..records.files).all(is_log) {
        return templates;
    }
    let mut rows = templates;
    for template in &mut rows {
        template.rows.retain(|row| is_log(row.file));
    }
    rows.retain(|template| !template.rows.is_empty());
    rows
}

/// Reports where each field was found.
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
        let others = labels.len() - 1;
        let others = match others {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        Some((name.to_owned(), format!("{label}{others}")))
    });
    report.understood.found.extend(found);
    report
        .understood
        .found
        .insert("event".to_owned(), "words of the line".to_owned());
}

/// The first records of every file.
fn records<'t>(texts: &'t [RunTexts], mapping: &Mapping) -> Result<Records<'t>, Error> {
    let files: usize = texts.iter().map(|run| run.files.len()).sum();
    let most = (MOST_RECORDS / files.max(1)).max(LEAST_OF_FILE);
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
            for (line, record) in patterns::records(lines::without_mark(text), mapping)?
                .into_iter()
                .take(most)
            {
                records.texts.push((file, record));
                records.sources.push((path, line));
            }
        }
    }
    Ok(records)
}
