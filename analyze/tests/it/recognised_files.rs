//! Tests that runs and machines are found in the names of files and folders, and in trials within a file.

use std::fs;
use std::path::Path;

use analyze::import::Mapping;

use crate::foreign_logs::{self as logs, Row, TITLES, both, lines};

/// Imports the folder with both runs. `name` gives the names of its files, and `alter` changes the folder before the import.
fn imported(
    name: impl Fn(usize, u32) -> String,
    alter: impl Fn(&Path),
) -> (logs::Imported, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    both(&root, name);
    alter(&root);
    logs::import(&[root], &Mapping::default()).unwrap()
}

#[test]
fn runs_flat_in_a_folder_and_in_folders_within() {
    let wanted = logs::plain(logs::runs());
    for (what, name) in [
        (
            "flat",
            (|run, machine| format!("run{run}_vm{machine}.csv")) as fn(usize, u32) -> String,
        ),
        ("the machine first", |run, machine| {
            format!("vm{machine}-trial-{run}.log")
        }),
        ("no word for runs", |run, machine| {
            format!("low{run}_{machine}.txt")
        }),
        ("folders", |run, machine| {
            format!("run{run}/vm{machine}.csv")
        }),
        ("folders within folders", |run, machine| {
            format!("all/trial {run}/logs/machine_{machine}.log")
        }),
        ("no extension", |run, machine| {
            format!("run{run}/vm{machine}")
        }),
        ("another number behind", |run, machine| {
            format!("trial{run}_node_{machine}_log.csv")
        }),
        ("a rate in the name", |run, machine| {
            format!("run{run}/vm{machine}_rate{}.csv", machine * machine)
        }),
    ] {
        assert_eq!(imported(name, |_| {}).0, wanted, "{what}");
    }
}

#[test]
fn other_files_beside_the_logs_are_named_and_left_out() {
    let (found, words) = imported(
        |run, machine| format!("run{run}/vm{machine}.csv"),
        |root| {
            fs::write(
                root.join("run1/averages.csv"),
                "node,average queue\n1,0.4\n",
            )
            .unwrap();
            fs::write(root.join("run2/plot.png"), [0x89, 0]).unwrap();
        },
    );
    assert_eq!(found, logs::plain(logs::runs()));
    assert!(
        words.contains("run1/averages.csv") && words.contains("run2/plot.png"),
        "{words}"
    );
}

/// A log with a broken header is an error and is not left out.
#[test]
fn a_log_with_a_broken_header_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    both(&root, |run, machine| format!("run{run}/vm{machine}.csv"));
    let broken = root.join("run1/vm2.csv");
    let text = fs::read_to_string(&broken).unwrap();
    fs::write(&broken, text.replace("clock", "clok")).unwrap();
    let error = logs::import(&[root], &Mapping::default()).unwrap_err();
    assert!(
        error.contains("vm2.csv line 1: no column is known as logical_clock"),
        "{error}"
    );
}

#[test]
fn trials_in_the_same_files_are_runs() {
    let runs = logs::runs();
    let folder = tempfile::tempdir().unwrap();
    let files = (1..=logs::MACHINES).map(|machine| {
        let path = folder.path().join(format!("vm{machine}.csv"));
        // The second trial starts half a minute later.
        let rows = runs.iter().enumerate().flat_map(|(run, rows)| {
            let own = rows
                .iter()
                .filter(move |row| row.machine == machine)
                .cloned();
            own.map(move |row| Row {
                us: row.us + run as u64 * 30_000_000,
                ..row
            })
        });
        let rows: Vec<Row> = rows.collect();
        fs::write(&path, format!("{TITLES}\n{}", lines(&rows, Row::csv))).unwrap();
        path
    });
    let files: Vec<_> = files.collect();
    let (found, words) = logs::import(&files, &Mapping::default()).unwrap();
    assert_eq!(found, logs::plain(runs));
    assert!(words.contains("they are taken as 2 runs"), "{words}");
}

#[test]
fn a_pattern_of_names_says_which_part_is_which() {
    let folder = tempfile::tempdir().unwrap();
    let files = both(folder.path(), |run, machine| format!("{machine}x{run}.csv"));
    let mapping = Mapping::parse(
        r"files = '(?<machine>\d)x(?<run>\d)\.csv$'",
        "m.toml".as_ref(),
    )
    .unwrap();
    assert_eq!(
        logs::import(&files, &mapping).unwrap().0,
        logs::plain(logs::runs())
    );
    let wrong = Mapping::parse("files = 'vm(?<machine>[0-9])'", "m.toml".as_ref()).unwrap();
    let error = logs::import(&files, &wrong).unwrap_err();
    assert!(error.contains("does not match its path"), "{error}");
}
