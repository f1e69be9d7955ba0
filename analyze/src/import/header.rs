//! Finds the columns of a file by their titles or numbers.

use std::path::Path;

use csv::StringRecord;

use super::mapping::{COLUMNS, Mapping};
use crate::error::Error;

/// For each of [`COLUMNS`], its index in a record; none if the file does not have the column.
pub(super) type ColumnIndices = [Option<usize>; COLUMNS.len()];

/// Columns that every log needs. The machine is not in this list, because it can also be given by a file's name.
const NEEDED: [&str; 3] = ["event", "system_time", "logical_clock"];

/// In a mapping, this value means that a column is not read.
const NO_COLUMN: &str = "-";

/// Other titles that programs give to each column, in lower case and with words joined by `_`.
const KNOWN_TITLES: [(&str, &[&str]); 12] = [
    ("run", &["trial", "run_id"]),
    (
        "machine",
        &[
            "machine_id",
            "vm",
            "vm_id",
            "process",
            "process_id",
            "node",
            "node_id",
        ],
    ),
    ("tick", &["step", "cycle"]),
    ("event", &["event_type", "type", "kind", "action"]),
    (
        "system_time",
        &[
            "time",
            "timestamp",
            "wall_time",
            "real_time",
            "global_time",
            "system_clock",
        ],
    ),
    (
        "logical_clock",
        &[
            "clock",
            "lamport_clock",
            "lamport",
            "logical_time",
            "logical_clock_time",
            "logical_clock_value",
        ],
    ),
    (
        "queue_length",
        &[
            "queue",
            "queue_size",
            "queue_len",
            "message_queue_length",
            "backlog",
        ],
    ),
    ("peers", &["peer", "partner"]),
    (
        "recipients",
        &["recipient", "receiver", "to", "destination"],
    ),
    ("sender", &["from", "source", "sender_id"]),
    (
        "stamp",
        &[
            "message_clock",
            "msg_clock",
            "received_clock",
            "message_timestamp",
        ],
    ),
    ("sent_tick", &[]),
];

/// Finds the columns in a file's header, or by their numbers if the file has no header.
pub(super) fn find_columns(
    header: Option<&StringRecord>,
    mapping: &Mapping,
    path: &Path,
) -> Result<ColumnIndices, Error> {
    let mut indices = ColumnIndices::default();
    for (index, name) in indices.iter_mut().zip(COLUMNS) {
        *index = match mapping.columns.get(name) {
            Some(given) if given == NO_COLUMN => None,
            Some(given) => Some(find_given_column(given, name, header, path)?),
            None => header.and_then(|header| find_column_by_title(name, header)),
        };
        if let (Some(index), Some(header)) = (*index, header) {
            let is_number = mapping
                .columns
                .get(name)
                .is_some_and(|given| is_given_by_number(given, index));
            if !is_number {
                refuse_duplicate_titles(index, name, header, path)?;
            }
        }
    }
    let missing = |name: &&str| indices[index(name)].is_none();
    let missing: Vec<&str> = NEEDED.into_iter().filter(missing).collect();
    if missing.is_empty() {
        return Ok(indices);
    }
    let has = header.map_or("the file has no header".to_owned(), |header| {
        format!(
            "the columns of the file are {}",
            header.iter().collect::<Vec<_>>().join(", ")
        )
    });
    let first = missing[0];
    let way_out = match mapping.line.is_empty() {
        false => format!("name a group of the pattern {first}, as in (?<{first}>...)"),
        true => format!(
            "say which column it is, such as --columns {first}=TITLE (with --no-header, a number from 1 instead of the title)"
        ),
    };
    let problem = format!(
        "no column was recognised as {}: {has}; {way_out}",
        missing.join(", ")
    );
    Err(Error::import(path, Some(1), problem))
}

/// Whether the header has a known title of the column `name`.
pub(super) fn is_known_title(name: &str, header: &StringRecord) -> bool {
    find_column_by_title(name, header).is_some()
}

/// Whether the cells of a line are titles, and include all columns that an event needs.
pub(super) fn names_all(cells: &StringRecord, mapping: &Mapping) -> bool {
    let is_value = |cell: &str| cell.ends_with([':', '=', ',']) || cell.parse::<f64>().is_ok();
    count_known(cells, mapping) == NEEDED.len() && !cells.iter().any(is_value)
}

/// Counts the needed columns whose titles are among the cells of a line.
pub(super) fn count_known(cells: &StringRecord, mapping: &Mapping) -> usize {
    let is_known = |name: &&&str| match mapping.columns.get(**name) {
        Some(given) => {
            let is_number = given
                .parse()
                .is_ok_and(|number: usize| (1..=cells.len()).contains(&number));
            is_number || cells.iter().any(|title| title.eq_ignore_ascii_case(given))
        }
        None => find_column_by_title(name, cells).is_some(),
    };
    NEEDED.iter().filter(is_known).count()
}

/// Whether the mapping gives a column by its number.
fn is_given_by_number(given: &str, index: usize) -> bool {
    given.parse() == Ok(index + 1)
}

/// Refuses a column found by its title if another column has the same title.
fn refuse_duplicate_titles(
    index: usize,
    name: &str,
    header: &StringRecord,
    path: &Path,
) -> Result<(), Error> {
    let title = &header[index];
    let is_twin = |other: &str| plain(other) == plain(title);
    let twins: Vec<usize> = (0..header.len())
        .filter(|&other| is_twin(&header[other]))
        .collect();
    if twins.len() < 2 {
        return Ok(());
    }
    let numbers: Vec<String> = twins.iter().map(|twin| (twin + 1).to_string()).collect();
    let problem = format!(
        "columns {} have the same title `{title}`; give the number of the column that is {name}, as in --columns {name}={}",
        numbers.join(", "),
        numbers[0]
    );
    Err(Error::import(path, Some(1), problem))
}

/// The index of `name` in [`COLUMNS`].
pub(super) fn index(name: &str) -> usize {
    COLUMNS
        .iter()
        .position(|column| *column == name)
        .unwrap_or_else(|| unreachable!("no column {name}"))
}

fn find_given_column(
    given: &str,
    name: &str,
    header: Option<&StringRecord>,
    path: &Path,
) -> Result<usize, Error> {
    let mut titles = header.into_iter().flatten();
    if let Some(index) = titles.position(|title| title.eq_ignore_ascii_case(given)) {
        return Ok(index);
    }
    match given.parse::<usize>() {
        Ok(number) if number > 0 && header.is_none_or(|header| number <= header.len()) => {
            Ok(number - 1)
        }
        _ => {
            let problem = format!("there is no column `{given}`, which is given as {name}");
            Err(Error::import(path, Some(1), problem))
        }
    }
}

fn find_column_by_title(name: &str, header: &StringRecord) -> Option<usize> {
    let titles: Vec<String> = header.iter().map(plain).collect();
    let find = |wanted: &str| {
        titles
            .iter()
            .position(|title| has_title(title, wanted, name))
    };
    let others = KNOWN_TITLES.iter().find(|(column, _)| *column == name);
    let others = others.map_or(&[][..], |(_, others)| others);
    std::iter::once(name)
        .chain(others.iter().copied())
        .find_map(find)
}

fn has_title(title: &str, wanted: &str, name: &str) -> bool {
    title == wanted || (name == "system_time" && without_unit(title) == wanted)
}

fn without_unit(title: &str) -> &str {
    ["_s", "_ms", "_us", "_ns"]
        .iter()
        .find_map(|unit| title.strip_suffix(unit))
        .unwrap_or(title)
}

/// A title in lower case, with its words joined by `_`.
pub(super) fn plain(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(titles: &[&str], mapping: &Mapping) -> Result<Vec<(&'static str, usize)>, String> {
        let header = StringRecord::from(titles.to_vec());
        let indices = find_columns(Some(&header), mapping, "vm.csv".as_ref());
        let indices = indices.map_err(|error| error.to_string())?;
        let pairs = COLUMNS.into_iter().zip(indices);
        Ok(pairs
            .filter_map(|(name, index)| Some((name, index?)))
            .collect())
    }

    #[test]
    fn finds_columns_by_known_titles() {
        let titles = [
            "Event Type",
            "Timestamp_ms",
            "Logical Clock",
            "queue-size",
            "From",
        ];
        let expected = [
            ("event", 0),
            ("system_time", 1),
            ("logical_clock", 2),
            ("queue_length", 3),
            ("sender", 4),
        ];
        assert_eq!(found(&titles, &Mapping::default()), Ok(expected.to_vec()));
    }

    #[test]
    fn finds_columns_by_given_titles_or_numbers() {
        let columns = [("event", "what"), ("system_time", "2")];
        let mapping = Mapping {
            columns: columns
                .map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()))
                .into(),
            ..Mapping::default()
        };
        let titles = ["What", "when", "clock", "queue"];
        let expected = [
            ("event", 0),
            ("system_time", 1),
            ("logical_clock", 2),
            ("queue_length", 3),
        ];
        assert_eq!(found(&titles, &mapping), Ok(expected.to_vec()));
        let twins = ["event", "time", "clock", "queue", "Clock"];
        insta::assert_snapshot!(found(&twins, &Mapping::default()).expect_err("two clocks"), @"vm.csv line 1: columns 3, 5 have the same title `clock`; give the number of the column that is logical_clock, as in --columns logical_clock=3");
        let second = Mapping {
            columns: [("logical_clock".to_owned(), "5".to_owned())].into(),
            ..Mapping::default()
        };
        let clock = found(&twins, &second).expect("a number says which");
        assert!(clock.contains(&("logical_clock", 4)), "{clock:?}");
        insta::assert_snapshot!(found(&["a", "when", "clock"], &mapping).expect_err("no column"), @"vm.csv line 1: there is no column `what`, which is given as event");
        insta::assert_snapshot!(found(&["a", "time", "clock"], &Mapping::default()).expect_err("no column"), @"vm.csv line 1: no column was recognised as event: the columns of the file are a, time, clock; say which column it is, such as --columns event=TITLE (with --no-header, a number from 1 instead of the title)");
    }
}
