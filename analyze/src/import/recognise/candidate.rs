//! A way to split the lines of logs into records, with the fields that were found in these records. [`super`] tries several ways, and uses
//! the best one.

use std::collections::{BTreeMap, BTreeSet};

use super::Records;
use super::fields::{Assignment, Fields};
use super::pattern;
use super::templates::Template;
use crate::error::Error;
use crate::import::mapping::Mapping;
use crate::import::patterns;
use crate::import::reading::RunTexts;
use crate::import::report::Report;

/// A way to split lines into records, with the fields that were found in these records.
pub(super) struct Recognised {
    pub(super) mapping: Mapping,
    pub(super) templates: Vec<Template>,
    pub(super) found: Fields,
    pub(super) counts: EventCounts,
}

/// How many records are events, and how many files begin or end with a record that is not an event.
#[derive(Default)]
pub(super) struct EventCounts {
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
    pub(super) fn is_better(&self, other: &Self) -> bool {
        let rank = |one: &Self| {
            let counts = &one.counts;
            let others = counts.other_first + counts.other_last;
            (counts.events, std::cmp::Reverse(others))
        };
        rank(self) > rank(other)
    }

    /// Turns this way into a mapping. Each template whose records are events becomes a pattern of lines.
    pub(super) fn into_mapping(
        self,
        texts: &[RunTexts],
        report: &mut Report,
    ) -> Result<Mapping, Error> {
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
    pub(super) fn count(templates: &[Template], found: &Fields, records: &Records<'_>) -> Self {
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
