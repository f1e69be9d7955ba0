//! The files that `analyze` writes for programs are read back with the right types.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use analyze::Dataset;
use analyze::export::export;
use polars::prelude::DataType;

use crate::command_line::analyze;
use crate::exported::{read, read_parts};
use crate::fixture::{self, WITH_CSV};

/// Tells whether a cell is a real number (it has a decimal point) or an integer. `None` if it is not a number.
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

/// A rate, a probability and a duration that are real numbers, but happen to be whole.
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
        let format = |format: &str| {
            let command = [command, &["--format", format]].concat();
            let (code, out, err) = analyze(&command, folder.path());
            assert_eq!(code, 0, "{command:?}: {err}");
            out
        };
        let rows: Vec<serde_json::Value> = serde_json::from_str(&format("json")).unwrap();
        assert!(!rows.is_empty(), "{command:?}");
        let mut numbers = 0;
        for (name, cells) in columns(format("csv").as_bytes()) {
            assert_eq!(cells.len(), rows.len(), "{command:?} {name}");
            let mut kinds = vec![];
            for (cell, row) in cells.iter().zip(&rows) {
                // JSON distinguishes numbers and texts.
                if row[&name].is_number() {
                    assert_eq!(
                        Some(row[&name].is_f64()),
                        is_real(cell),
                        "{command:?} {name}"
                    );
                    kinds.push(row[&name].is_f64());
                }
            }
            numbers += kinds.len();
            kinds.dedup();
            assert!(kinds.len() < 2, "{command:?} {name}: {cells:?}");
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
        let mut kinds = BTreeSet::new();
        for column in frame.columns() {
            let expected = match column.dtype() {
                DataType::Float64 => true,
                DataType::Int64 => false,
                _ => continue,
            };
            kinds.insert(expected);
            assert_eq!(columns[column.name().as_str()].len(), frame.height());
            for cell in &columns[column.name().as_str()] {
                let is_real = is_real(cell).unwrap_or(expected);
                assert_eq!(is_real, expected, "{name} {}: {cell}", column.name());
            }
        }
        assert!(
            frame.height() > 0 && kinds.contains(&false),
            "{name}: {kinds:?}"
        );
    }
}
