//! Tests of the data dictionary (`analyze dictionary`, printed to `data/README.md`): it has exactly the columns that the files have.

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
    // A dataset with one run, whose events are written down in the tests (not simulated).
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
    let require_columns = |frame: &DataFrame, columns: &[Column]| {
        let found: Vec<(String, DataType)> = frame
            .schema()
            .iter()
            .map(|(name, kind)| (name.to_string(), kind.clone()))
            .collect();
        let in_dictionary: Vec<_> = columns
            .iter()
            .map(|column| (column.name.to_owned(), column.kind.data_type()))
            .collect();
        assert_eq!(found, in_dictionary);
    };
    require_columns(
        &dataset.machines().unwrap(),
        &dictionary::machine_file_columns(),
    );
    let batch = dataset.batches().next().unwrap();
    // A dataset has the column `timestamp` only if one of its runs uses a clock other than Lamport's, such as a vector clock. The run of
    // this dataset uses Lamport clocks.
    let has_timestamps = false;
    require_columns(
        &batch.events().unwrap(),
        &events::event_columns(has_timestamps),
    );
}

#[test]
fn every_column_has_a_meaning_that_fits_into_a_markdown_table() {
    let has_timestamps = true;
    for column in runs::journal()
        .chain(events::event_columns(has_timestamps))
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
    // If the file is missing, it counts as out of date.
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == dictionary::markdown(),
        "data/README.md is out of date: `cargo analyze dictionary > data/README.md`"
    );
}

/// A table in CSV has three kinds of columns. First come the keys: they say which runs and which machine a row is about, such as `rates`
/// and `machine`. Then comes the number of runs, `n`. The others are named after a measure, with a suffix: `jump_mean_sd` is the
/// measure `jump_mean` with the suffix `sd`. The dictionary must explain each suffix.
#[test]
fn every_suffix_of_columns_in_tables_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let common_suffixes = aggregates::SUFFIXES.map(|(suffix, ..)| suffix);
    let theory_suffixes = dictionary::THEORY_SUFFIXES.map(|(suffix, ..)| suffix);
    // The tables must have the same keys as the exported file of aggregates. In that file, the keys are the columns before `n`.
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
        let (keys_and_n, other_columns): (Vec<&str>, Vec<&str>) = header
            .split(',')
            .partition(|name| keys.iter().any(|key| key == name) || *name == "n");
        assert_eq!(
            keys_and_n,
            [keys.iter().map(String::as_str).collect(), vec!["n"]].concat(),
            "{verb}"
        );
        for name in other_columns {
            // Tells whether `name` is the name of a measure, followed by `_` and one of `suffixes`.
            let is_measure_with = |suffixes: &[&str]| {
                let without = |suffix: &&str| name.strip_suffix(suffix)?.strip_suffix('_');
                suffixes
                    .iter()
                    .filter_map(without)
                    .any(|start| measures::all().any(|measure| measure.name == start))
            };
            // These columns of `analyze theory` are not named after a measure.
            let other_predictions = ["regime", "arrival_rate_predicted", "idle_rate_predicted"];
            let is_explained = is_measure_with(&common_suffixes)
                || verb == "theory"
                    && (is_measure_with(&theory_suffixes) || other_predictions.contains(&name));
            assert!(is_explained, "{verb}: {name}");
        }
    }
    let text = dictionary::markdown();
    for suffix in common_suffixes.iter().chain(&theory_suffixes) {
        assert!(text.contains(&format!("\n| _{suffix} | ")), "{suffix}");
    }
}
