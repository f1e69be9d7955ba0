//! Other programs that read the CSV of `analyze` guess the type of a column from its cells. These tests check that the cells show the right
//! type: every number in a column of real numbers has a decimal point or an exponent, and no number in a column of integers has one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use analyze::Dataset;
use analyze::export::export;
use polars::prelude::DataType;

use crate::command_line::analyze;
use crate::exported::{read, read_parts};
use crate::fixture::{self, WITH_CSV};

/// Tells whether the number in a cell is written as a real number (with a decimal point or an exponent). `None` if the cell is not a
/// number.
fn is_real(cell: &str) -> Option<bool> {
    cell.parse::<f64>().ok()?;
    Some(cell.contains(['.', 'e', 'E']))
}

/// The cells of each column of a CSV text.
fn columns(csv: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_reader(csv);
    let headers = reader.headers().unwrap().clone();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in reader.records() {
        for (name, cell) in headers.iter().zip(&record.unwrap()) {
            let cells = columns.entry(name.to_owned()).or_default();
            cells.push(cell.to_owned());
        }
    }
    columns
}

/// An experiment whose rates, probabilities and duration are real numbers with whole values. Such a value could wrongly be written without
/// a decimal point (`2` instead of `2.0`).
const WHOLE: &str = "
name = \"whole\"
seed = 1
repetitions = 2
duration_s = 8
engine = \"virtual\"
[parameters]
rates = [[2, 2], [4, 4]]
internal = [0, 1]
";

#[test]
fn columns_of_real_numbers_have_a_decimal_point_in_every_cell() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), WHOLE);
    let commands: [&[&str]; 8] = [
        &["summary", "a"],
        &["drift", "a"],
        &["backlog", "a", "--by", "internal,rate"],
        &["jumps", "a"],
        &[
            "contrast", "a", "--of", "internal", "--from", "0", "--to", "1",
        ],
        &["theory", "a"],
        &["compare", "a", "a"],
        &["audit", "a"],
    ];
    for command in commands {
        let print_as = |format: &str| {
            let command = [command, &["--format", format]].concat();
            let (code, out, err) = analyze(&command, folder.path());
            assert_eq!(code, 0, "{command:?}: {err}");
            out
        };
        let rows: Vec<serde_json::Value> = serde_json::from_str(&print_as("json")).unwrap();
        assert!(!rows.is_empty(), "{command:?}");
        let mut numbers = 0;
        for (name, cells) in columns(print_as("csv").as_bytes()) {
            assert_eq!(cells.len(), rows.len(), "{command:?} {name}");
            // For each number of the column: whether JSON has it as a real number.
            let mut are_real = vec![];
            for (cell, row) in cells.iter().zip(&rows) {
                // JSON says which cells are numbers and which are texts.
                if row[&name].is_number() {
                    assert_eq!(
                        Some(row[&name].is_f64()),
                        is_real(cell),
                        "{command:?} {name}"
                    );
                    are_real.push(row[&name].is_f64());
                }
            }
            numbers += are_real.len();
            // All entries must be equal. Then `dedup` leaves one entry, or none if the column has no numbers.
            are_real.dedup();
            assert!(are_real.len() < 2, "{command:?} {name}: {cells:?}");
        }
        assert!(numbers > 0, "{command:?}");
    }
}

#[test]
fn exported_csv_has_the_types_of_the_parquet_files() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), WHOLE);
    export(&Dataset::open(folder.path()).unwrap(), WITH_CSV).unwrap();
    let processed = folder.path().join("processed");
    let frames = [
        ("runs", read(&processed.join("runs.parquet"))),
        ("machines", read(&processed.join("machines.parquet"))),
        ("events", read_parts(&processed.join("events"))),
    ];
    for (name, frame) in frames {
        let bytes = fs::read(processed.join(name).with_extension("csv")).unwrap();
        let columns = columns(&bytes);
        // Contains `true` if there is a column of real numbers, and `false` if there is a column of integers.
        let mut found_types = BTreeSet::new();
        for column in frame.columns() {
            let must_be_real = match column.dtype() {
                DataType::Float64 => true,
                DataType::Int64 => false,
                _ => continue,
            };
            found_types.insert(must_be_real);
            assert_eq!(columns[column.name().as_str()].len(), frame.height());
            for cell in &columns[column.name().as_str()] {
                // A cell without a number, such as an empty cell, is right in a column of either type.
                let is_real = is_real(cell).unwrap_or(must_be_real);
                assert_eq!(is_real, must_be_real, "{name} {}: {cell}", column.name());
            }
        }
        assert!(
            frame.height() > 0 && found_types.len() == 2,
            "{name} must have rows, a column of integers and a column of real numbers: {found_types:?}"
        );
    }
}
