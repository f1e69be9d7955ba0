//! Tests that no parameter is forgotten anywhere: every parameter of experiments is read from experiment files, and appears in the keys
//! of runs (texts such as `rates=2,4 internal=0.5 ... repetition=0`), the journal (`runs.csv`), filters (`--where`), tables
//! and the data dictionary.

use std::fs;

use analyze::export::dictionary;
use analyze::read::{filter, runs};
use sim::experiment::{Experiment, Overrides, PARAMETERS, Parameter};
use sim::log::journal_columns;

use crate::command_line::analyze;
use crate::fixture;

/// For each parameter that may have several values in an experiment file: its name, two values as in the file, and the second value as
/// in keys and tables.
const VALUES: [(&str, &str, &str); 10] = [
    ("rates", "[[1, 3], [2, 4]]", "2,4"),
    ("internal", "[0.5, 0.25]", "0.25"),
    ("phase", "[\"spread\", \"uniform\"]", "uniform"),
    ("stamp", "[\"after\", \"before\"]", "before"),
    ("delay_s", "[0, 0.25]", "0.25"),
    ("receive", "[\"one\", \"all\"]", "all"),
    ("topology", "[\"mesh\", \"star\"]", "star"),
    ("sends", "[\"mix\", \"unicast\"]", "unicast"),
    (
        "connection",
        "[\"persistent\", \"per-message\"]",
        "per-message",
    ),
    ("clock", "[\"lamport\", \"vector\"]", "vector"),
];

/// The text of an experiment in which the parameter `name` has these values.
fn experiment_text(name: &str, values: &str) -> String {
    // Every experiment needs `rates` and `internal`. If `name` is one of them, its value here is replaced by `values`.
    let mut parameters = vec![("rates", "[[1, 3]]"), ("internal", "0.5")];
    parameters.retain(|(other, _)| *other != name);
    parameters.push((name, values));
    let lines = parameters
        .iter()
        .map(|(name, values)| format!("{name} = {values}\n"));
    format!(
        "name = \"small\"\nseed = 1\nrepetitions = 2\nduration_s = 4\nengine = \"virtual\"\n[parameters]\n{}",
        lines.collect::<String>()
    )
}

#[test]
fn every_parameter_that_may_have_several_values_is_tested_here() {
    let dimensions = PARAMETERS
        .iter()
        .filter(|parameter| parameter.is_dimension());
    let names: Vec<&str> = dimensions.map(|parameter| parameter.name).collect();
    assert_eq!(names, VALUES.map(|(name, ..)| name));
}

#[test]
fn every_parameter_is_read_and_appears_in_keys_and_tables() {
    for (name, values, second) in VALUES {
        let text = experiment_text(name, values);
        let experiment = Experiment::parse(&text, "e.toml".as_ref(), Overrides::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let keys: Vec<String> = experiment.runs().map(|run| run.key()).collect();
        // Two values with two repetitions each.
        assert_eq!(keys.len(), 4, "{name}");
        // In a key such as `rates=2,4 internal=0.5 ... repetition=0`, each parameter is followed by a space.
        let with_second = format!("{name}={second} ");
        assert_eq!(
            keys.iter().filter(|key| key.contains(&with_second)).count(),
            2,
            "{name}: {keys:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        fixture::simulated(&folder.path().join("small"), &text);
        let (code, table, err) = analyze(&["drift", "small"], folder.path());
        assert_eq!(code, 0, "{name}: {err}");
        // In a narrow table, a heading may be broken at a space. So only its first word is looked for.
        let heading = Parameter::named(name).unwrap().heading.split(' ').next();
        assert!(table.contains(heading.unwrap()), "{name}: {table}");
        assert!(table.contains(second), "{name}: {table}");
        let condition = format!("{name}={second}");
        let options = ["drift", "small", "--where", &condition, "--format", "csv"];
        let (code, rows, err) = analyze(&options, folder.path());
        assert_eq!(code, 0, "{name}: {err}");
        // The header, and a row for each of the two machines. (The table has only the configuration with the second value.)
        assert_eq!(rows.lines().count(), 1 + 2, "{name}: {rows}");
    }
}

#[test]
fn every_parameter_is_a_column_a_filter_and_a_dictionary_entry() {
    let dictionary = dictionary::markdown();
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("small"), fixture::SMALL);
    let journal = fs::read_to_string(folder.path().join("small/runs.csv")).unwrap();
    let header: Vec<&str> = journal.lines().next().unwrap().split(',').collect();
    for Parameter { name, .. } in &PARAMETERS {
        assert!(header.contains(name), "{name}");
        assert!(journal_columns().iter().any(|column| column.name == *name));
        assert!(filter::names().any(|known| known == *name), "{name}");
        // `runs::parameters` has the columns that define a configuration.
        assert!(runs::parameters().contains(name), "{name}");
        assert!(dictionary.contains(&format!("| {name} |")), "{name}");
    }
}
