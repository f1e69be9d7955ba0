//! Finds the columns of a log file that is imported: by well-known titles in its header, or by the titles or numbers that the user gives.

use std::path::Path;

use csv::StringRecord;

use super::mapping::{COLUMNS, Mapping};
use crate::error::Error;

/// For each of [`COLUMNS`], its index in a row of the file. `None` if the file does not have the column.
pub(super) type ColumnIndices = [Option<usize>; COLUMNS.len()];

/// Columns that every log needs. The machine is not in this list, because it can also be given by a file's name.
pub(super) const NEEDED: [&str; 3] = ["event", "system_time", "logical_clock"];

/// If a mapping (the user's description of the file's format) has this value in place of a column's title, the column is not read.
/// Example: `--columns queue_length=-`.
pub(super) const NO_COLUMN: &str = "-";

/// For each column, other titles that programs give to this column, in lower case and with words joined by `_`.
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
            "message_stamp",
        ],
    ),
    ("sent_tick", &[]),
];

/// Finds each column: by its title in the file's header, or by the number that the user gives.
///
/// # Errors
///
/// [`Error::Import`] if a column in [`NEEDED`] is not found, if a column that the user gives does not exist, or if a column is found by its
/// title and another column has the same title.
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
            // If the user gives the number of a column, it does not matter that another column has the same title.
            let is_found_by_number = mapping
                .columns
                .get(name)
                .is_some_and(|given| is_number_of(given, index));
            if !is_found_by_number {
                refuse_duplicate_titles(index, name, header, path)?;
            }
        }
    }
    let is_missing = |name: &&str| indices[index(name)].is_none();
    let missing: Vec<&str> = NEEDED.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(indices);
    }
    let existing = header.map_or("the file has no header".to_owned(), |header| {
        format!(
            "the columns of the file are {}",
            header.iter().collect::<Vec<_>>().join(", ")
        )
    });
    let first = missing[0];
    // If the mapping has regular expressions for lines (`line`), the columns are the named groups of these expressions.
    let way_out = match mapping.line.is_empty() {
        false => format!("the pattern needs a group with the name {first}, as in (?<{first}>...)"),
        true => format!(
            "say which column it is, such as --columns {first}=TITLE (with --no-header, a number from 1 instead of the title)"
        ),
    };
    let problem = format!(
        "no column was recognised as {}: {existing}; {way_out}",
        missing.join(", ")
    );
    Err(Error::import(path, Some(1), problem))
}

/// Whether the header has a known title of the column `name`.
pub(super) fn is_known_title(name: &str, header: &StringRecord) -> bool {
    find_column_by_title(name, header).is_some()
}

/// Whether a line is a header: its cells are titles, and the titles of all columns in [`NEEDED`] are among them.
pub(super) fn is_header(cells: &StringRecord, mapping: &Mapping) -> bool {
    // If a program writes a word before each value, the line of an event can look like a header: `clock: 5, queue: 0`. Split at blanks,
    // this line has the cells `clock:`, `5,`, `queue:` and `0`. `is_no_title` is true for each of these cells, so the line is no header.
    let is_no_title = |cell: &str| cell.ends_with([':', '=', ',']) || cell.parse::<f64>().is_ok();
    count_known(cells, mapping) == NEEDED.len() && !cells.iter().any(is_no_title)
}

/// Counts the needed columns whose titles are among the cells of a line. If the mapping gives a column by its number, for
/// example 3, the column counts if the line has at least 3 cells.
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

/// Whether the text `given` is the number, counted from 1, of the column at `index`.
fn is_number_of(given: &str, index: usize) -> bool {
    given.parse() == Ok(index + 1)
}

/// Fails if another column of the file has the same title as the column at `index`, because then either of them could be the column `name`.
fn refuse_duplicate_titles(
    index: usize,
    name: &str,
    header: &StringRecord,
    path: &Path,
) -> Result<(), Error> {
    let title = &header[index];
    let has_same_title = |other: &str| plain(other) == plain(title);
    let same_title: Vec<usize> = (0..header.len())
        .filter(|&other| has_same_title(&header[other]))
        .collect();
    if same_title.len() < 2 {
        return Ok(());
    }
    let numbers: Vec<String> = same_title
        .iter()
        .map(|index| (index + 1).to_string())
        .collect();
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

/// The index of the column that the user gave for `name`. `given` is its title, or its number from 1.
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
            let problem = format!("you gave {name}={given}, but there is no column `{given}`");
            Err(Error::import(path, Some(1), problem))
        }
    }
}

/// The index of the column `name` in the header. The title `name` itself is looked for first, then each of the other titles in
/// [`KNOWN_TITLES`]. If a title fits several columns of the header, the first of these columns counts.
fn find_column_by_title(name: &str, header: &StringRecord) -> Option<usize> {
    let titles: Vec<String> = header.iter().map(plain).collect();
    let find = |wanted: &str| {
        titles
            .iter()
            .position(|title| title_fits(title, wanted, name))
    };
    let known = KNOWN_TITLES.iter().find(|(column, _)| *column == name);
    let others = known.map_or(&[][..], |(_, others)| others);
    std::iter::once(name)
        .chain(others.iter().copied())
        .find_map(find)
}

/// Whether `title` fits `wanted`, which is one of the known titles of the column `name`. Usually the two must be equal. For the column
/// `system_time`, `title` can also end with a unit: `time_ms` fits `time`.
fn title_fits(title: &str, wanted: &str, name: &str) -> bool {
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

    /// The columns that are found in a header with these titles, each with its index; or the error.
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
        // Two columns have the title `clock`. So the user must give the number of the column with the clock.
        let two_clocks = ["event", "time", "clock", "queue", "Clock"];
        insta::assert_snapshot!(found(&two_clocks, &Mapping::default()).expect_err("two clocks"), @"vm.csv line 1: columns 3, 5 have the same title `clock`; give the number of the column that is logical_clock, as in --columns logical_clock=3");
        let fifth_column = Mapping {
            columns: [("logical_clock".to_owned(), "5".to_owned())].into(),
            ..Mapping::default()
        };
        let clock = found(&two_clocks, &fifth_column).expect("a number says which");
        assert!(clock.contains(&("logical_clock", 4)), "{clock:?}");
        insta::assert_snapshot!(found(&["a", "when", "clock"], &mapping).expect_err("no column"), @"vm.csv line 1: you gave event=what, but there is no column `what`");
        insta::assert_snapshot!(found(&["a", "time", "clock"], &Mapping::default()).expect_err("no column"), @"vm.csv line 1: no column was recognised as event: the columns of the file are a, time, clock; say which column it is, such as --columns event=TITLE (with --no-header, a number from 1 instead of the title)");
    }
}
