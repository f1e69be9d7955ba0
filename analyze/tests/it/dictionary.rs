//! The data dictionary names exactly the columns that exist.

use std::path::Path;

use analyze::Dataset;
use analyze::export::dictionary;
use analyze::output::schema::Column;
use analyze::read::{events, runs};
use polars::prelude::*;
use sim::log::EVENT_COLUMNS;

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
