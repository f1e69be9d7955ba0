//! Tests of datasets that are not complete or not in one folder: datasets in shards (parts of one experiment, made by `sim run --shard
//! K/N` on several computers) and datasets that are still being written. Which runs are read, and which are reported as missing?

use std::fs;
use std::path::Path;

use analyze::Dataset;
use sim::engine::virtual_time;
use sim::experiment::Shard;
use sim::log::DatasetWriter;

use crate::command_line::analyze;
use crate::fixture;

/// Makes the runs of shard `number`/`of` (such as 1/3) of the experiment `SMALL` in virtual time, and writes them into the dataset in
/// `root`. The experiment has six runs, which the shards share equally.
fn write_shard(root: &Path, number: u32, of: u32) {
    let mut experiment = fixture::experiment(fixture::SMALL);
    experiment.keep_shard(Shard { number, of });
    let runs = experiment.runs().map(|run| {
        let log = virtual_time::run(&run, experiment.seed);
        fixture::finished(&experiment, &run, &log.machines)
    });
    let runs = runs.collect();
    fixture::write(root, &experiment, runs);
}

#[test]
fn shards_are_read_as_one_dataset() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("whole"), fixture::SMALL);
    for number in [1, 2] {
        write_shard(&folder.path().join("small"), number, 2);
    }
    for verb in ["drift", "jumps", "backlog"] {
        let table = |dataset: &str| analyze(&[verb, dataset, "--format", "csv"], folder.path());
        let (code, of_shards, err) = table("small");
        assert_eq!((code, err.as_str()), (0, ""), "{verb}");
        // Only the name of the dataset differs: tables name a dataset after its folder.
        assert_eq!(
            of_shards.replace("small,", "whole,"),
            table("whole").1,
            "{verb}"
        );
    }
    let (code, _, err) = analyze(&["export", "small"], folder.path());
    assert_eq!(code, 0, "{err}");
    assert!(
        folder
            .path()
            .join("small/processed/machines.parquet")
            .exists()
    );
}

#[test]
fn missing_shards_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write_shard(&folder.path().join("small"), 2, 3);
    let (code, _, err) = analyze(&["summary", "small"], folder.path());
    assert_eq!(code, 0);
    // Each of the two missing shards has two runs.
    assert_eq!(
        err,
        "small: 2 shards are missing: 1/3 3/3\nsmall: 4 planned runs are not done yet\n"
    );
}

#[test]
fn every_command_says_that_runs_and_shards_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    write_shard(&root, 2, 2);
    // Shard 1 is missing, with three runs. One of the three runs of shard 2 is removed from the shard's journal (`runs.csv`, one row for
    // each ended run): the header and two rows stay. So four runs are missing.
    let journal = root.join("shard-2-of-2/runs.csv");
    let rows = fs::read_to_string(&journal).unwrap();
    let rows: Vec<&str> = rows.lines().take(3).collect();
    fs::write(&journal, rows.join("\n") + "\n").unwrap();
    fs::write(
        folder.path().join("claims.toml"),
        "
[[claim]]
id = \"clocks-run\"
says = \"Clocks run\"
source = \"a notebook\"
experiment = \"small\"
expected = \"always\"
depends_on = \"nothing\"

[[claim.test]]
machine = 0
measure = \"logical_rate\"
expect = { above = 0 }",
    )
    .unwrap();
    let commands: [&[&str]; 8] = [
        &["audit", "small"],
        &["audit", "small", "--format", "csv"],
        &["drift", "small"],
        &["theory", "small"],
        &["compare", "small", "small"],
        &["export", "small"],
        &["jumps", "small", "--by", "rate"],
        &["claims", "claims.toml", "--data", "."],
    ];
    for command in commands {
        let (code, out, err) = analyze(command, folder.path());
        assert_eq!(code, 0, "{command:?}: {err}");
        // Long lines of the message are wrapped, so a line may break within the words that are expected.
        let said = format!("{out}\n{err}").replace('\n', " ");
        for missing in ["4 planned runs are not done yet", "1 shard is missing: 1/2"] {
            assert!(said.contains(missing), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_run_that_is_in_two_shards_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    for number in [1, 2] {
        write_shard(&root, number, 2);
    }
    // The rows of the first shard's journal are added to the journal of the second shard.
    let first = fs::read_to_string(root.join("shard-1-of-2/runs.csv")).unwrap();
    let second = root.join("shard-2-of-2/runs.csv");
    let rows = fs::read_to_string(&second).unwrap();
    let (_, added) = first.split_once('\n').unwrap();
    fs::write(&second, rows + added).unwrap();
    let (code, _, err) = analyze(&["summary", "small"], folder.path());
    assert_eq!(code, 2);
    assert!(
        err.contains("small/shard-1-of-2/runs.csv: run ")
            && err.contains(" is finished in small/shard-2-of-2/runs.csv too; delete one"),
        "{err}"
    );
}

/// A run counts only after `sync` has forced it to the disk. The dataset can be read while it is being written.
#[test]
fn only_finished_runs_are_seen_while_a_dataset_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("small");
    let experiment = fixture::experiment(fixture::SMALL);
    let mut writer = DatasetWriter::open(&root, &experiment).unwrap();
    let (code, _, err) = analyze(&["summary", "small"], folder.path());
    assert_eq!(code, 2);
    assert!(err.contains("small has no finished run"), "{err}");
    for (runs_before, run) in experiment.runs().enumerate() {
        let log = virtual_time::run(&run, experiment.seed);
        writer
            .append(fixture::finished(&experiment, &run, &log.machines))
            .unwrap();
        // A dataset without any finished run cannot be opened.
        if runs_before > 0 {
            let dataset = Dataset::open(&root).unwrap();
            assert_eq!(dataset.finished().len(), runs_before);
        }
        writer.sync().unwrap();
        let dataset = Dataset::open(&root).unwrap();
        assert_eq!(dataset.finished().len(), runs_before + 1);
        // Each of the `runs_before + 1` finished runs has at least one row in the table of machines.
        assert!(dataset.machines().unwrap().height() > runs_before);
    }
}
