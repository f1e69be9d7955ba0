//! Tests of what `analyze precision` prints if intervals are wider than wanted: lines for the experiment file, and a command. When the user
//! has put the lines into the file, the command must make exactly the runs that are missing for the wanted width.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::chosen_runs_and_rows::records;
use crate::command_line::analyze;
use crate::fixture;
use crate::precision::{GRID, grid, indented, number, sim};

/// The number of finished runs of each configuration.
fn runs(root: &Path) -> BTreeMap<String, usize> {
    let dataset = sim::log::Dataset::open(root).unwrap();
    let mut runs = BTreeMap::new();
    for row in dataset.finished() {
        *runs.entry(row.configuration.to_string()).or_default() += 1;
    }
    runs
}

/// Runs `analyze precision`, puts the printed lines into the experiment file, and runs the printed command. Returns how many finished runs
/// each configuration then has.
fn extend(folder: &Path, arguments: &[&str]) -> BTreeMap<String, usize> {
    let (code, out, err) = analyze(
        &[&["precision", "grid", "--all"], arguments].concat(),
        folder,
    );
    assert_eq!((code, &*err), (0, ""), "{out}");
    let file = folder.join("grid.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    // `analyze` indents what the user should copy. The last block of indented lines is the command. The other blocks are lines for the file.
    let mut blocks = indented(&out);
    let command = blocks.pop().expect("a command");
    for block in blocks {
        if block.starts_with("repetitions") {
            text = text.replace("repetitions = 5", &block);
        } else {
            text += &format!("\n{block}\n");
        }
    }
    fs::write(&file, text).unwrap();
    sim(&command, folder);
    runs(&folder.join("grid"))
}

/// After the printed lines and the command, each configuration has exactly the number of runs that it needs.
#[test]
fn the_printed_lines_make_exactly_the_missing_runs() {
    let folder = grid();
    let before = runs(&folder.path().join("grid"));
    let arguments = [
        "--measure",
        "lag_final",
        "--half-width",
        "3",
        "--where",
        "role = 'slowest'",
    ];
    let needs = records(
        &[&["precision", "grid"], &arguments[..]].concat(),
        folder.path(),
    );
    let after = extend(folder.path(), &arguments);
    let mut new_runs = 0;
    for (configuration, count) in &after {
        let of_configuration = needs.iter().filter(|record| {
            // The text of a configuration begins with these words. The other parameters follow.
            let words = format!(
                "rates={} internal={} ",
                record["rates"].as_str().unwrap(),
                record["internal"]
            );
            configuration.starts_with(&words)
        });
        // With the rates 2,2,5, two machines are slowest, so each configuration has two records. The larger `needed` decides.
        let needed = of_configuration.map(|record| number(record, "needed") as usize);
        assert_eq!(Some(*count), needed.max(), "{configuration}");
        new_runs += count - before[configuration];
    }
    // With only a few missing runs, this test would show little.
    assert!(new_runs > 20, "{after:?}");
    let different_counts: std::collections::BTreeSet<_> = after.values().collect();
    assert!(
        different_counts.len() > 2,
        "some configurations should need more runs than others: {after:?}"
    );
}

/// In this test the experiment has only one configuration. So the new number of repetitions is printed as a line `repetitions = `, without
/// blocks `[[repeat]]` for single configurations.
#[test]
fn one_number_of_repetitions_is_printed_if_all_configurations_need_the_same() {
    let folder = grid();
    let one_configuration = GRID
        .replace("[[1, 3, 6], [2, 2, 5]]", "[[1, 3, 6]]")
        .replace("[0.4, 0.7]", "0.4");
    fs::write(folder.path().join("grid.toml"), one_configuration).unwrap();
    fs::remove_dir_all(folder.path().join("grid")).unwrap();
    sim("sim run grid.toml --quiet --data grid", folder.path());
    let arguments = [
        "--measure",
        "lag_final",
        "--half-width",
        "1%",
        "--where",
        "role = 'slowest'",
    ];
    let (_, out, _) = analyze(
        &[&["precision", "grid"], &arguments[..]].concat(),
        folder.path(),
    );
    let needs = records(
        &[&["precision", "grid"], &arguments[..]].concat(),
        folder.path(),
    );
    let needed = number(&needs[0], "needed");
    // The dataset has five repetitions.
    assert!(needed > 5.0);
    assert_eq!(indented(&out)[0], format!("repetitions = {needed}"));
    assert!(!out.contains("[[repeat]]"), "{out}");
    let after = extend(folder.path(), &arguments);
    assert_eq!(
        after.values().copied().collect::<Vec<_>>(),
        [needed as usize]
    );
}

/// The dataset was made by a command with the option `--repetitions`. The number in the experiment file has no effect then. So the printed
/// command has the new number, and the file does not change.
#[test]
fn a_command_with_repetitions_is_printed_with_the_new_number() {
    let folder = grid();
    fs::remove_dir_all(folder.path().join("grid")).unwrap();
    let command = "sim run grid.toml --quiet --data grid --repetitions 3 --set internal=0.4 --set 'rates=[[1,3,6]]'";
    sim(command, folder.path());
    let arguments = [
        "--measure",
        "jump_mean",
        "--half-width",
        "3%",
        "--where",
        "role = 'slowest'",
    ];
    let after = extend(folder.path(), &arguments);
    let file = fs::read_to_string(folder.path().join("grid.toml")).unwrap();
    assert_eq!(file, GRID);
    let [count] = after.values().copied().collect::<Vec<_>>()[..] else {
        panic!("{after:?}");
    };
    assert!(count > 3, "{count}");
}

/// Each of the four configurations has five planned repetitions: three are finished, one has failed, and one was not made. The number of
/// further runs that `analyze precision` prints includes the four planned runs that were not made. It does not include the four failed
/// runs, because `sim` does not make them again.
#[test]
fn planned_and_failed_runs_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("grid");
    let experiment = fixture::experiment(GRID);
    let mut made = vec![];
    for run in experiment.runs() {
        // Repetition 1 fails and repetition 4 is not made.
        if run.repetition != 4 {
            made.push(match run.repetition {
                1 => fixture::failed(&experiment, &run),
                _ => {
                    let log = sim::engine::virtual_time::run(&run, experiment.seed);
                    fixture::finished(&experiment, &run, &log.machines)
                }
            });
        }
    }
    fixture::write(&root, &experiment, made);
    let arguments = [
        "precision",
        "grid",
        "--measure",
        "lag_final",
        "--half-width",
        "20",
        "--where",
        "role = 'slowest'",
    ];
    let (code, out, _) = analyze(
        &[&arguments[..], &["--format", "json"]].concat(),
        folder.path(),
    );
    assert_eq!(code, 0);
    let needs: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert!(needs.iter().all(|record| number(record, "n") == 3.0));
    let mut runs = 0;
    for rates in ["1,3,6", "2,2,5"] {
        for internal in [0.4, 0.7] {
            let is_of_configuration =
                |record: &&Value| record["rates"] == rates && record["internal"] == internal;
            let records_of_machines = needs.iter().filter(is_of_configuration);
            let further = records_of_machines.map(|record| number(record, "further") as u64);
            // `max` over the machines: the one that needs most decides. `max(1)`: the run that was planned already is made even if the
            // configuration needs no more runs.
            runs += further.max().unwrap().max(1);
        }
    }
    // More runs must be needed than the 4 planned ones, so that the sentence below has two different numbers.
    assert!(runs > 4, "{needs:?}");
    let (_, out, _) = analyze(&arguments, folder.path());
    let sentence = format!("{runs} more runs (4 of them are planned already)");
    assert!(out.contains(&sentence), "{sentence}: {out}");
}
