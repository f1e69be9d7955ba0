//! Finds the columns of a file by their titles or numbers.

use std::path::Path;

use csv::StringRecord;

use super::mapping::{COLUMNS, Mapping};
use crate::error::Error;

/// The index of each of [`COLUMNS`] in a record; none if the file does not have the column.
pub(super) type Places = [Option<usize>; COLUMNS.len()];

/// Columns that every log needs. The machine is not among them, for a file's name may give it.
const NEEDED: [&str; 3] = ["event", "system_time", "logical_clock"];

/// The value in a mapping for a column that is not to be read.
const NO_COLUMN: &str = "-";

/// Other usual titles of each column, in lower case and with words joined by `_`.
const USUAL: [(&str, &[&str]); 12] = [
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
) -> Result<Places, Error> {
    let mut places = Places::default();
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        *place = match mapping.columns.get(name) {
            Some(given) if given == NO_COLUMN => None,
            Some(given) => Some(find_given_column(given, name, header, path)?),
            None => header.and_then(|header| find_usual_column(name, header)),
        };
        if let (Some(place), Some(header)) = (*place, header) {
            let is_number = mapping
                .columns
                .get(name)
                .is_some_and(|given| is_given_by_number(given, place));
            if !is_number {
                refuse_duplicate_titles(place, name, header, path)?;
            }
        }
    }
    let missing = |name: &&str| places[index(name)].is_none();
    let missing: Vec<&str> = NEEDED.into_iter().filter(missing).collect();
    if missing.is_empty() {
        return Ok(places);
    }
    let has = header.map_or("it has no header".to_owned(), |header| {
        format!(
            "its columns are {}",
            header.iter().collect::<Vec<_>>().join(", ")
        )
    });
    let first = missing[0];
    let way_out = match mapping.line.is_empty() {
        false => format!("name a group of the pattern so, as in (?<{first}>...)"),
        true => format!(
            "name the columns, such as --columns {first}=NAME (or a number from 1, with --no-header)"
        ),
    };
    let problem = format!(
        "no column is known as {}: {has}; {way_out}",
        missing.join(", ")
    );
    Err(Error::import(path, Some(1), problem))
}

/// Whether the header has a usual title of the column `name`.
pub(super) fn is_usual(name: &str, header: &StringRecord) -> bool {
    find_usual_column(name, header).is_some()
}

/// Whether a line of cells names every column that an event needs.
pub(super) fn names_all(cells: &StringRecord, mapping: &Mapping) -> bool {
    let is_value = |cell: &str| cell.ends_with([':', '=', ',']) || cell.parse::<f64>().is_ok();
    known(cells, mapping) == NEEDED.len() && !cells.iter().any(is_value)
}

/// Number of needed columns that a line of cells names.
pub(super) fn known(cells: &StringRecord, mapping: &Mapping) -> usize {
    let is_known = |name: &&&str| match mapping.columns.get(**name) {
        Some(given) => {
            let is_number = given
                .parse()
                .is_ok_and(|number: usize| (1..=cells.len()).contains(&number));
            is_number || cells.iter().any(|title| title.eq_ignore_ascii_case(given))
        }
        None => find_usual_column(name, cells).is_some(),
    };
    NEEDED.iter().filter(is_known).count()
}

/// Whether the mapping gives a column by its number.
fn is_given_by_number(given: &str, place: usize) -> bool {
    given.parse() == Ok(place + 1)
}

/// Refuses a column found by its title if another column has the same title.
fn refuse_duplicate_titles(
    place: usize,
    name: &str,
    header: &StringRecord,
    path: &Path,
) -> Result<(), Error> {
    let title = &header[place];
    let is_twin = |other: &str| plain(other) == plain(title);
    let twins: Vec<usize> = (0..header.len())
        .filter(|&other| is_twin(&header[other]))
        .collect();
    if twins.len() < 2 {
        return Ok(());
    }
    let numbers: Vec<String> = twins.iter().map(|twin| (twin + 1).to_string()).collect();
    let problem = format!(
        "columns {} are all called `{title}`; give the number of the one that is {name}, as in --columns {name}={}",
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
    if let Some(place) = titles.position(|title| title.eq_ignore_ascii_case(given)) {
        return Ok(place);
    }
    match given.parse::<usize>() {
        Ok(number) if number > 0 && header.is_none_or(|header| number <= header.len()) => {
            Ok(number - 1)
        }
        _ => {
            let problem = format!("there is no column `{given}` to take as {name}");
            Err(Error::import(path, Some(1), problem))
        }
    }
}

fn find_usual_column(name: &str, header: &StringRecord) -> Option<usize> {
    let titles: Vec<String> = header.iter().map(plain).collect();
    let find = |wanted: &str| {
        titles
            .iter()
            .position(|title| has_title(title, wanted, name))
    };
    let others = USUAL.iter().find(|(column, _)| *column == name);
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

/// A title in lower case, its words joined by `_`.
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
        let places = find_columns(Some(&header), mapping, "vm.csv".as_ref());
        let places = places.map_err(|error| error.to_string())?;
        let pairs = COLUMNS.into_iter().zip(places);
        Ok(pairs
            .filter_map(|(name, place)| Some((name, place?)))
            .collect())
    }

    #[test]
    fn usual_names_are_known() {
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
    fn others_are_said_by_name_or_number() {
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
        insta::assert_snapshot!(found(&twins, &Mapping::default()).expect_err("two clocks"), @"vm.csv line 1: columns 3, 5 are all called `clock`; give the number of the one that is logical_clock, as in --columns logical_clock=3");
        let second = Mapping {
            columns: [("logical_clock".to_owned(), "5".to_owned())].into(),
            ..Mapping::default()
        };
        let clock = found(&twins, &second).expect("a number says which");
        assert!(clock.contains(&("logical_clock", 4)), "{clock:?}");
        insta::assert_snapshot!(found(&["a", "when", "clock"], &mapping).expect_err("no column"), @"vm.csv line 1: there is no column `what` to take as event");
        insta::assert_snapshot!(found(&["a", "time", "clock"], &Mapping::default()).expect_err("no column"), @"vm.csv line 1: no column is known as event: its columns are a, time, clock; name the columns, such as --columns event=NAME (or a number from 1, with --no-header)");
    }
}
