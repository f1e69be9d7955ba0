//! The data dictionary names exactly the columns that exist.

use std::path::Path;

use analyze::Dataset;
use analyze::export::{aggregates, dictionary};
use analyze::measures;
use analyze::output::schema::Column;
use analyze::read::{events, runs};
use polars::prelude::*;
use sim::log::EVENT_COLUMNS;

use crate::command_line::analyze;
use crate::fixture;

fn names(columns: &[Column]) -> Vec<&'static str> {
    columns.iter().map(|column| column.name).collect()
}

#[test]
fn the_dictionary_has_the_columns_of_the_event_log() {
    assert_eq!(names(&events::EVENT_LOG), EVENT_COLUMNS);
}

#[test]
fn the_dictionary_has_the_columns_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let text = std::fs::read_to_string(folder.path().join("runs.csv")).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    assert_eq!(names(&runs::journal().collect::<Vec<_>>()), header);
}

#[test]
fn the_dictionary_has_the_columns_of_the_processed_files() {
    let folder = tempfile::tempdir().unwrap();
    fixture::write_by_hand(folder.path());
    let dataset = Dataset::open(folder.path()).unwrap();
    let is_as_told = |frame: &DataFrame, columns: &[Column]| {
        let found: Vec<(String, DataType)> = frame
            .schema()
            .iter()
            .map(|(name, kind)| (name.to_string(), kind.clone()))
            .collect();
        let told: Vec<_> = columns
            .iter()
            .map(|column| (column.name.to_owned(), column.kind.data_type()))
            .collect();
        assert_eq!(found, told);
    };
    is_as_told(
        &dataset.machines().unwrap(),
        &dictionary::machine_file_columns(),
    );
    let batch = dataset.batches().next().unwrap();
    is_as_told(&batch.events().unwrap(), &events::event_columns(false));
}

#[test]
fn every_column_has_a_meaning() {
    for column in runs::journal()
        .chain(events::event_columns(true))
        .chain(dictionary::machine_file_columns())
    {
        assert!(
            !column.meaning.is_empty() && !column.meaning.contains('|'),
            "{}",
            column.name
        );
    }
}

#[test]
fn the_dictionary_in_the_data_folder_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/README.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == dictionary::markdown(),
        "data/README.md is out of date: `cargo analyze dictionary > data/README.md`"
    );
}

/// Each column of the tables in CSV is a key, or the name of a measure with an end that the dictionary explains.
#[test]
fn every_end_of_the_columns_of_tables_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let of_all = aggregates::SUFFIXES.map(|(suffix, ..)| suffix);
    let of_theory = dictionary::THEORY_SUFFIXES.map(|(suffix, ..)| suffix);
    let keys: Vec<String> = aggregates::columns()
        .into_iter()
        .map(|(name, _)| name)
        .take_while(|name| name != "n")
        .collect();
    for verb in [
        "drift",
        "jumps",
        "backlog",
        "causality",
        "summary",
        "theory",
    ] {
        let (_, csv, _) = analyze(&[verb, "small", "--format", "csv"], folder.path());
        let header = csv.lines().next().unwrap();
        let (first, of_measures): (Vec<&str>, Vec<&str>) = header
            .split(',')
            .partition(|name| keys.iter().any(|key| key == name) || *name == "n");
        assert_eq!(
            first,
            [keys.iter().map(String::as_str).collect(), vec!["n"]].concat(),
            "{verb}"
        );
        for name in of_measures {
            let ends = |suffixes: &[&str]| {
                let measure = |suffix: &&str| name.strip_suffix(suffix)?.strip_suffix('_');
                suffixes
                    .iter()
                    .filter_map(measure)
                    .any(|start| measures::all().any(|measure| measure.name == start))
            };
            let of_machine = ["regime", "arrival_rate_predicted", "idle_rate_predicted"];
            let is_explained = ends(&of_all)
                || verb == "theory" && (ends(&of_theory) || of_machine.contains(&name));
            assert!(is_explained, "{verb}: {name}");
        }
    }
    let text = dictionary::markdown();
    for suffix in of_all.iter().chain(&of_theory) {
        assert!(text.contains(&format!("\n| _{suffix} | ")), "{suffix}");
    }
}
