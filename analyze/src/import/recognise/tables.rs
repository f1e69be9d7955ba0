//! Recognises columns with unknown titles in tables and JSON, from the words of the titles and from the cells.
//!
//! The code that finds fields (time, clock, ...) in lines of text works on shapes. A shape (type [`Template`]) is the common form of
//! similar lines, such as `TIME sent to NAME`. Its slots are the positions of values, here TIME and NAME. To use the same code for
//! tables, this module turns tables into shapes. The slots of these shapes are the columns of the tables.

use std::collections::BTreeMap;
use std::path::Path;

use csv::StringRecord;

use super::evidence::direction;
use super::fields::{self, Assignment};
use super::templates::{Row, Slot, Template};
use super::tokens::Class;
use crate::import::lines::{self, Table};
use crate::import::mapping::{Kind, Mapping};
use crate::import::numbers::is_missing;
use crate::import::reading::RunTexts;
use crate::import::report::Report;
use crate::import::{formats, header, kinds, numbers, peers};

/// Nearly all cells of a column are of one kind (for example, numbers) if at least this share of the cells is of this kind.
const NEARLY_ALL: f64 = 0.95;
/// The columns that must be found.
const NEEDED: [&str; 3] = ["event", "system_time", "logical_clock"];

/// Recognises the columns of tables. `given` is the mapping: the user's description of the format. Returns a copy of the mapping in which
/// `columns` has the recognised columns, such as the column `lclock` for the field `logical_clock`. None if the files are not tables with
/// titles, or if a needed column is not recognised. Tables with equal titles form a group, and only the group with the most rows is used.
pub(super) fn recognise(
    texts: &[RunTexts],
    given: &Mapping,
    report: &mut Report,
) -> Option<Mapping> {
    let files = texts.iter().flat_map(|run| &run.files);
    let mut by_titles: BTreeMap<Vec<String>, Vec<Table>> = BTreeMap::new();
    for table in files.filter_map(|(path, text)| read_titled_table(path, text, given)) {
        let titles = table.header.iter().flatten().map(str::to_owned).collect();
        by_titles.entry(titles).or_default().push(table);
    }
    let rows = |tables: &Vec<Table>| tables.iter().map(|table| table.rows.len()).sum::<usize>();
    let (titles, tables) = by_titles
        .into_iter()
        .max_by_key(|(_, tables)| rows(tables))?;
    let event = event_column(&titles, &tables, given)?;
    let templates = templates(&titles, &tables, event, given);
    // With `one_file_per_run = true`, `assign` would also look for names of machines at the beginning of lines of text. A table has no
    // such names, so `one_file_per_run` is false. `resolves` accepts every cell with recipients or a sender. If a name in such a cell is
    // not a machine of the run, this is an error later, when the cell is read.
    let (one_file_per_run, resolves) = (false, |_: usize, _: &str| true);
    let found = fields::assign(&templates, tables.len(), one_file_per_run, resolves).ok()?;
    let mut columns: BTreeMap<String, String> = BTreeMap::new();
    for assignment in found.assignments.iter().flatten() {
        for (name, slot) in Assignment::fields(assignment) {
            let Some(slot) = slot else { continue };
            // All shapes have the same slots, so the first shape stands for each of them. The `part` of a slot is the index of its column.
            let column = column_name(&titles, templates[0].slots[slot].part);
            let earlier = columns.insert(name.to_owned(), column.clone());
            // A field must be in the same column for all kinds of events.
            if earlier.is_some_and(|earlier| earlier != column) {
                return None;
            }
        }
    }
    columns.insert("event".to_owned(), column_name(&titles, event));
    if !NEEDED.iter().all(|name| columns.contains_key(*name)) {
        return None;
    }
    // For the fields below, a column with a known title (such as `vm` for `machine`) is used rather than the recognised column. So if the
    // table has a known title for one of these fields, the field is removed from `columns`. The code that reads the table then finds the
    // column by its title.
    let header: StringRecord = titles.iter().map(String::as_str).collect();
    for name in [
        "machine",
        "peers",
        "recipients",
        "sender",
        "stamp",
        "queue_length",
    ] {
        if header::is_known_title(name, &header) {
            columns.remove(name);
        }
    }
    found
        .assumptions
        .into_iter()
        .for_each(|sentence| report.understood.assume(sentence));
    Some(Mapping {
        columns,
        ..given.clone()
    })
}

/// Reads a file as a table. None if it is not a table with titles: its header has fewer than three cells or does not consist of
/// words, it has no rows, or a row has more or fewer cells than the header.
fn read_titled_table(path: &Path, text: &str, given: &Mapping) -> Option<Table> {
    let table = lines::table(path, lines::without_byte_order_mark(text), given).ok()?;
    let header = table.header.as_ref()?;
    // A title has a letter, does not begin with a time, and is no word with a value such as `clock: 5`.
    let is_title = |title: &&str| {
        title.chars().any(char::is_alphabetic)
            && formats::at_beginning(title).is_none()
            && !title.contains([':', '='])
    };
    let titles = header.iter().filter(is_title).count();
    // One cell of a header may be a value, such as the start time of the log.
    let has_titles = header.len() >= 3 && titles + 1 >= header.len();
    let has_equal_rows = table.rows.iter().all(|row| row.cells.len() == header.len());
    (has_titles && has_equal_rows && !table.rows.is_empty()).then_some(table)
}

/// The name of a column in a mapping: its title, or its number (1 for the first column). The number is used if several columns have the
/// title, or if the title is itself a number.
fn column_name(titles: &[String], column: usize) -> String {
    let title = &titles[column];
    let is_unique = titles
        .iter()
        .filter(|other| header::plain(other) == header::plain(title))
        .count()
        == 1;
    match is_unique && title.parse::<usize>().is_err() {
        true => title.clone(),
        false => (column + 1).to_string(),
    }
}

/// The column of events: nearly all its cells are words for kinds of events, and at least two kinds (for example, send and receive)
/// occur. None if there is no such column, or more than one.
fn event_column(titles: &[String], tables: &[Table], given: &Mapping) -> Option<usize> {
    let is_event = |&column: &usize| {
        let (mut all, mut known) = (0_u32, 0_u32);
        let mut kinds: Vec<Kind> = vec![];
        for cell in tables
            .iter()
            .flat_map(|table| table.rows.iter().filter_map(|row| row.cells.get(column)))
        {
            all += 1;
            if let Some(kind) = given.kind(cell) {
                known += 1;
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        kinds.len() > 1 && f64::from(known) >= NEARLY_ALL * f64::from(all)
    };
    let mut events = (0..titles.len()).filter(is_event);
    let first = events.next()?;
    events.next().is_none().then_some(first)
}

/// Turns the tables into shapes, one for each kind of event. Rows whose kind of event is not known have a shape of their own. `event` is
/// the index of the column of events. All other columns are slots of every shape. The words of a column's title take the place of the
/// words that a line of text has before the value.
fn templates(titles: &[String], tables: &[Table], event: usize, given: &Mapping) -> Vec<Template> {
    let columns: Vec<usize> = (0..titles.len())
        .filter(|&column| column != event)
        .collect();
    let slot = |&column: &usize| {
        let words = kinds::words(&titles[column]);
        Slot {
            // For a line, this is the index of the value among the words and signs of the line. For a table, it is the index of the column.
            part: column,
            class: class(column, &words, tables),
            before: words,
            after: vec![],
            unit: None,
        }
    };
    let slots: Vec<Slot> = columns.iter().map(slot).collect();
    let mut rows: BTreeMap<Option<Kind>, Vec<Row>> = BTreeMap::new();
    let all = tables
        .iter()
        .enumerate()
        .flat_map(|(file, table)| table.rows.iter().map(move |row| (file, row)));
    for (index, (file, row)) in all.enumerate() {
        let kind = given.kind(&row.cells[event]);
        let cells = columns
            .iter()
            .map(|&column| row.cells[column].to_owned())
            .collect();
        rows.entry(kind).or_default().push(Row {
            file,
            index,
            kind,
            cells,
        });
    }
    let template = |(kind, rows)| Template {
        parts: vec![],
        kind,
        event: None,
        slots: slots.clone(),
        rows,
        example: titles.join(", "),
    };
    rows.into_iter().map(template).collect()
}

/// The class of the column with the index `column`. `words` are the words of its title. If the last word is one such as `to` or `sender`,
/// the column has peers: recipients or a sender. Otherwise the cells decide, if nearly all of them are times, or numbers, or lists. In all
/// other cases the title decides: with a word such as `vm`, the class is `Name` (names of machines), and otherwise it is `Word`.
fn class(column: usize, words: &[String], tables: &[Table]) -> Class {
    let cells: Vec<&str> = tables
        .iter()
        .flat_map(|table| table.rows.iter().filter_map(|row| row.cells.get(column)))
        .filter(|cell| !is_missing(cell))
        .collect();
    let nearly_all = |is: &dyn Fn(&str) -> bool| {
        let count = cells.iter().filter(|cell| is(cell)).count();
        !cells.is_empty() && count as f64 >= NEARLY_ALL * cells.len() as f64
    };
    let mark = tables
        .first()
        .map_or(numbers::DecimalMark::Point, |table| table.decimal_mark);
    if words.last().is_some_and(|word| direction(word).is_some()) {
        Class::Peers
    } else if nearly_all(&|cell| {
        formats::at_beginning(cell).is_some_and(|(_, end)| end == cell.len())
    }) {
        // 0 is an arbitrary index of a time format. For tables, the index is not used.
        Class::Time(0)
    } else if nearly_all(&|cell| numbers::parse_times_ten_to(cell, 0, mark).is_ok()) {
        // The condition only checks that the cells are numbers. Its 0 is the power of ten, so the numbers are not scaled.
        Class::Number
    } else if nearly_all(&numbers::is_vector) {
        Class::List
    } else if peers::MACHINE_WORDS
        .iter()
        .any(|word| words.iter().any(|other| other == word))
    {
        Class::Name
    } else {
        Class::Word
    }
}
