//! Tests that datasets with schema 3 can still be read, and that their tables still have the same values. (The schema is the version of
//! the dataset format; a newer program reads older schemas.) There are three datasets: `swept` over TCP, `virtual` in virtual time, and
//! `imported`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command_line::analyze;

/// The folder with the three datasets. An earlier version of this project made them. The folder of each dataset also has the file
/// `summary.csv`: what `analyze summary` of that version printed for the dataset.
fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/tests/schema-3")
}

/// Copies a dataset into `folder`.
fn copy(sample: &str, folder: &Path) {
    let to = folder.join(sample);
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(samples().join(sample)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The value of a cell: `Ok` if it is a number, otherwise `Err` with the cell's text.
type Value = Result<f64, String>;
/// A cell of a row: the name of its column, and its value.
type Cell = (String, Value);

/// The cells of each row of a CSV text.
fn cells(text: &str) -> Vec<Vec<Cell>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let cells = std::iter::zip(&names, &record);
        let value = |cell: &str| cell.parse().map_err(|_| cell.to_owned());
        cells
            .map(|(name, cell)| (name.to_owned(), value(cell)))
            .collect()
    };
    reader
        .records()
        .map(|record| row(record.unwrap()))
        .collect()
}

/// Requires that the value `now` in the column `name` equals the earlier value `then`. Numbers may differ in their last digits, because
/// the terms of a sum can be added in another order.
fn assert_same(now: Option<&Value>, then: &Value, name: &str) {
    match (now, then) {
        (Some(Ok(now)), Ok(then)) => {
            let difference = (now - then).abs();
            assert!(
                difference <= 1e-12 * then.abs().max(1.0),
                "{name}: {now} and {then}"
            );
        }
        // Tables of the earlier version named a dataset after its experiment; now they name it after its folder.
        _ if name == "dataset" => {}
        (now, then) => assert_eq!(now, Some(then), "{name}"),
    }
}

/// Requires that every cell of the earlier row `then` has the same value in the row `now`. There is one exception: a measure that
/// has the same value in all repetitions. The earlier version wrote the mean into both cells for the ends of the interval. Now
/// such a measure has no interval, and these two cells are empty.
fn require_same_cells(now: &[Cell], then: &[Cell]) {
    let value = |name: &str| {
        let found = now.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    for (name, value_then) in then {
        // `jump_max_low` and `jump_max_high` are the ends of the interval of `jump_max`; `jump_max_interval` says how it was computed.
        let measure = name.strip_suffix("_low").or(name.strip_suffix("_high"));
        let interval = measure.and_then(|measure| value(&format!("{measure}_interval")));
        if interval == Some(Err("all equal".to_owned())) {
            let mean = value(&format!("{}_mean", measure.unwrap()));
            assert_same(mean.as_ref(), value_then, name);
            let empty: Option<Value> = Some(Err(String::new()));
            assert_eq!(value(name), empty, "{name}");
        } else {
            assert_same(value(name).as_ref(), value_then, name);
        }
    }
}

#[test]
fn tables_are_those_of_the_earlier_program() {
    for sample in ["swept", "virtual", "imported"] {
        let folder = tempfile::tempdir().unwrap();
        copy(sample, folder.path());
        let (code, out, err) = analyze(&["summary", sample, "--format", "csv"], folder.path());
        assert_eq!(code, 0, "{sample}: {err}");
        let then = fs::read_to_string(samples().join(sample).join("summary.csv")).unwrap();
        let (now, then) = (cells(&out), cells(&then));
        assert!(!then.is_empty());
        assert_eq!(now.len(), then.len(), "{sample}");
        for (now, then) in std::iter::zip(now, then) {
            require_same_cells(&now, &then);
        }
    }
}

#[test]
fn datasets_of_the_earlier_schema_pass_the_audit_and_can_be_exported() {
    for sample in ["swept", "virtual", "imported"] {
        let folder = tempfile::tempdir().unwrap();
        copy(sample, folder.path());
        let (code, _, err) = analyze(&["export", sample, "--csv"], folder.path());
        assert_eq!(code, 0, "{sample}: {err}");
        let events = fs::read_to_string(folder.path().join(sample).join("processed/events.csv"));
        let header = events.unwrap().lines().next().unwrap().to_owned();
        // Logs of schema 3 call this column `stamp`. The exported file has the present name `message_stamp`.
        assert!(header.contains(",message_stamp,"), "{header}");
        let (code, out, err) = analyze(&["audit", sample], folder.path());
        assert_eq!(code, 0, "{sample}: {out}{err}");
    }
}

#[test]
fn a_change_of_the_dataset_json_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    copy("virtual", folder.path());
    let path = folder.path().join("virtual/dataset.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"seed\": 7", "\"seed\": 8")).unwrap();
    let (code, _, err) = analyze(&["summary", "virtual"], folder.path());
    assert!(
        code == 2 && err.contains("changed since it was written"),
        "{err}"
    );
}
