//! Which column of a file is which.

use std::path::Path;

use csv::StringRecord;

use super::mapping::{COLUMNS, Mapping};
use crate::error::Error;

/// Where each of [`COLUMNS`] stands in a record.
pub(super) type Places = [Option<usize>; COLUMNS.len()];

/// What a log cannot be without; machines may also be told apart by their files.
const NEEDED: [&str; 3] = ["event", "system_time", "logical_clock"];

/// What is said of a column that the log does not have, whatever its titles are.
const NO_COLUMN: &str = "-";

/// What else columns are usually called, in lower case, their words joined by `_`.
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

/// Finds the columns in a file's header, or by their numbers where it has none.
pub(super) fn places(
    header: Option<&StringRecord>,
    mapping: &Mapping,
    path: &Path,
) -> Result<Places, Error> {
    let mut places = Places::default();
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        *place = match mapping.columns.get(name) {
            Some(said) if said == NO_COLUMN => None,
            Some(said) => Some(said_place(said, name, header, path)?),
            None => header.and_then(|header| usual_place(name, header)),
        };
        if let (Some(place), Some(header)) = (*place, header) {
            let is_number = mapping
                .columns
                .get(name)
                .is_some_and(|said| is_number_of(said, place));
            if !is_number {
                refuse_twins(place, name, header, path)?;
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

/// Whether a column is found by its usual names.
pub(super) fn is_usual(name: &str, header: &StringRecord) -> bool {
    usual_place(name, header).is_some()
}

/// Whether a line of cells names every column that an event needs.
pub(super) fn names_all(cells: &StringRecord, mapping: &Mapping) -> bool {
    let is_value = |cell: &str| cell.ends_with([':', '=', ',']) || cell.parse::<f64>().is_ok();
    known(cells, mapping) == NEEDED.len() && !cells.iter().any(is_value)
}

/// How many of the columns that an event needs a line of cells names.
pub(super) fn known(cells: &StringRecord, mapping: &Mapping) -> usize {
    let is_known = |name: &&&str| match mapping.columns.get(**name) {
        Some(said) => {
            let is_number = said
                .parse()
                .is_ok_and(|number: usize| (1..=cells.len()).contains(&number));
            is_number || cells.iter().any(|title| title.eq_ignore_ascii_case(said))
        }
        None => usual_place(name, cells).is_some(),
    };
    NEEDED.iter().filter(is_known).count()
}

/// Whether a column was said by its number.
fn is_number_of(said: &str, place: usize) -> bool {
    said.parse() == Ok(place + 1)
}

/// Of two columns of the same title nobody can tell which is meant.
fn refuse_twins(place: usize, name: &str, header: &StringRecord, path: &Path) -> Result<(), Error> {
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

/// Where `name` stands among [`COLUMNS`].
pub(super) fn index(name: &str) -> usize {
    COLUMNS
        .iter()
        .position(|column| *column == name)
        .unwrap_or_else(|| unreachable!("no column {name}"))
}

fn said_place(
    said: &str,
    name: &str,
    header: Option<&StringRecord>,
    path: &Path,
) -> Result<usize, Error> {
    let mut titles = header.into_iter().flatten();
    if let Some(place) = titles.position(|title| title.eq_ignore_ascii_case(said)) {
        return Ok(place);
    }
    match said.parse::<usize>() {
        Ok(number) if number > 0 && header.is_none_or(|header| number <= header.len()) => {
            Ok(number - 1)
        }
        _ => {
            let problem = format!("there is no column `{said}` to take as {name}");
            Err(Error::import(path, Some(1), problem))
        }
    }
}

fn usual_place(name: &str, header: &StringRecord) -> Option<usize> {
    let titles: Vec<String> = header.iter().map(plain).collect();
    let find = |wanted: &str| titles.iter().position(|title| is(title, wanted, name));
    let others = USUAL.iter().find(|(column, _)| *column == name);
    let others = others.map_or(&[][..], |(_, others)| others);
    std::iter::once(name)
        .chain(others.iter().copied())
        .find_map(find)
}

fn is(title: &str, wanted: &str, name: &str) -> bool {
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
        let places = places(Some(&header), mapping, "vm.csv".as_ref());
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
