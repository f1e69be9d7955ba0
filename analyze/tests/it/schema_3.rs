//! Datasets of the previous schema can still be read, with the same results: one over TCP, one in virtual time, one imported.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command_line::analyze;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/tests/schema-3")
}

fn copy(sample: &str, folder: &Path) {
    let to = folder.join(sample);
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(samples().join(sample)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A number, or else a text.
type Value = Result<f64, String>;
/// The name of a column and the value of a cell of it.
type Cell = (String, Value);

/// The cells of each line of a CSV file.
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

/// Two cells are the same. Numbers may differ in their last digits, because sums can be added in another order.
fn assert_same(now: Option<&Value>, then: &Value, name: &str) {
    match (now, then) {
        (Some(Ok(now)), Ok(then)) => {
            let apart = (now - then).abs();
            assert!(
                apart <= 1e-12 * then.abs().max(1.0),
                "{name}: {now} and {then}"
            );
        }
        // The name of a dataset was that of its experiment, and is that of its folder.
        _ if name == "dataset" => {}
        (now, then) => assert_eq!(now, Some(then), "{name}"),
    }
}

/// Requires that every cell of `then` has the same value in `now`. The only exception: earlier, equal values had an interval with
/// a width of 0, and now they have none.
fn agrees(now: &[Cell], then: &[Cell]) {
    let value = |name: &str| {
        let found = now.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    for (name, before) in then {
        let measure = name.strip_suffix("_low").or(name.strip_suffix("_high"));
        let kind = measure.and_then(|measure| value(&format!("{measure}_interval")));
        if kind == Some(Err("all equal".to_owned())) {
            let mean = value(&format!("{}_mean", measure.unwrap()));
            assert_same(mean.as_ref(), before, name);
            assert_eq!(value(name), Some(Err(String::new())), "{name}");
        } else {
            assert_same(value(name).as_ref(), before, name);
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
            agrees(&now, &then);
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
        assert!(header.contains(",message_stamp,"), "{header}");
    }
    // The imported logs are those of `data/foreign`, which also pass the audit.
    for sample in ["swept", "virtual"] {
        let folder = tempfile::tempdir().unwrap();
        copy(sample, folder.path());
        let (code, out, err) = analyze(&["audit", sample], folder.path());
        assert_eq!(code, 0, "{sample}: {out}{err}");
    }
}

#[test]
fn a_changed_manifest_is_noticed() {
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
