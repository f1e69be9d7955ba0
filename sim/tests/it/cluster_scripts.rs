//! Tests of `sim plan --slurm` and `sim plan --parallel`, which print scripts for clusters. A script divides the runs among shards,
//! one for each job. The tests check that a script has the limits of time and memory from the plan, and that its jobs make all runs.
//! Slurm and GNU parallel are not needed: the scripts run with the variables that Slurm sets, or with a small program in the place of
//! `parallel`.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use sim::experiment::{Experiment, Overrides, Run, Shard, ShardRule};
use sim::log::Dataset;

use crate::support::bash;

const EXPERIMENT: &str = "seed = 7\nduration_s = 2\nrepetitions = 4\n[parameters]\nrates = [[1, 3, 6], [2, 3]]\ninternal = 0.5\n";
/// Number of runs of the experiment: 4 repetitions of each of its two configurations.
const RUNS: usize = 8;
/// A replacement for `parallel`, which scripts call like this: `parallel --jobs 2 --timeout 300 COMMAND ::: 1 2 3`. The replacement writes
/// the options to the file `options`. Then it runs the command once for each word after `:::`, with this word in place of `{}`.
const PARALLEL: &str = r#"#!/usr/bin/env bash
options=() command=() 
while [[ $1 == --* ]]; do options+=("$1" "$2"); shift 2; done
echo "${options[*]}" > options
while [[ $1 != ::: ]]; do command+=("$1"); shift; done
shift
for job; do "${command[@]//\{\}/$job}"; done
"#;

/// Creates a temporary folder with the experiment.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("e.toml"), EXPERIMENT).expect("written");
    folder
}

/// Lets `sim plan` with `options` write its script to the file `script`. Returns the script. In shell commands, `$SIM` is the program `sim`.
fn write_script(folder: &Path, options: &str) -> String {
    let output = bash(folder, &format!("$SIM plan e.toml {options} > script"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    fs::read_to_string(folder.join("script")).expect("a script")
}

/// Checks that all runs of the experiment have finished and no shard is missing.
fn check_complete(dataset: &Path) {
    let dataset = Dataset::open(dataset).expect("a dataset");
    assert_eq!(dataset.finished().count(), RUNS);
    assert_eq!(dataset.to_do(), 0);
    assert!(dataset.missing_shards().is_empty());
}

#[test]
fn a_slurm_script_has_the_limits_of_the_plan_and_makes_all_runs() {
    let folder = folder();
    let text = write_script(
        folder.path(),
        "--slurm 2 --at-once 1 --engine virtual --data 'my data'",
    );
    for line in [
        "#SBATCH --job-name=e",
        // Two tasks (one for each shard). `%1`: one at a time.
        "#SBATCH --array=1-2%1",
        // The runs take almost no time and little memory, so these are the smallest limits that a script has.
        "#SBATCH --time=00:05:00",
        "#SBATCH --mem=500M",
        // Slurm ignores lines with `##`. Users who need these options fill them in.
        "##SBATCH --account=ACCOUNT",
        "##SBATCH --partition=PARTITION",
        "set -- e.toml --engine virtual --data 'my data'",
    ] {
        assert!(
            text.lines().any(|text_line| text_line == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains("--exclusive"), "{text}");
    for task in [1, 2] {
        let variables = format!(
            "SLURM_ARRAY_TASK_ID={task} SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_JOB_ID=7"
        );
        let output = bash(folder.path(), &format!("{variables} bash script"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    check_complete(&folder.path().join("my data"));
}

#[test]
fn a_slurm_script_over_tcp_asks_for_whole_nodes_and_checks_the_limit_of_open_files() {
    let folder = folder();
    let text = write_script(folder.path(), "--slurm 2 --time-scale 0.01");
    // The 4 runs of a shard run at the same time, and each takes 200 s (2 s of model time at time scale 0.01). The limit of time is 1.5
    // times as long, plus 5 minutes.
    for line in [
        "#SBATCH --array=1-2",
        "#SBATCH --exclusive",
        "#SBATCH --time=00:10:00",
    ] {
        assert!(
            text.lines().any(|text_line| text_line == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(text.contains(" open files are allowed here, "), "{text}");
    // This script would take too long, so only its syntax is checked.
    let mut bash = Command::new("bash");
    let syntax = bash.arg("-n").arg(folder.path().join("script"));
    assert!(syntax.status().expect("bash").success());
}

#[test]
fn a_script_for_parallel_makes_all_runs() {
    let folder = folder();
    write_script(folder.path(), "--parallel 3 --at-once=2 --engine virtual");
    fs::write(folder.path().join("parallel"), PARALLEL).expect("written");
    // `HOSTS` names a file with the names of computers. The replacement for `parallel` does not read it, so there is no such file.
    let output = bash(
        folder.path(),
        "chmod +x parallel; PATH=.:$PATH HOSTS=hosts bash script",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let options = fs::read_to_string(folder.path().join("options")).expect("options");
    // `--jobs` is the value of `--at-once`. 500 MB and 300 s are the smallest limits that a script has.
    assert_eq!(
        options.trim(),
        "--sshloginfile hosts --workdir . --jobs 2 --memfree 500M --timeout 300"
    );
    check_complete(&folder.path().join("data/e"));
}

#[test]
fn wrong_combinations_of_options_are_refused() {
    let folder = folder();
    for (options, expected) in [
        ("--at-once 2", "add --slurm N or --parallel N"),
        ("--slurm 2 --parallel 2", "cannot be used with"),
        ("--slurm 2 --shard 1/2", "cannot be used with"),
        ("--slurm 0", "0 is not in 1..="),
    ] {
        let output = bash(folder.path(), &format!("$SIM plan e.toml {options}"));
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

/// Earlier versions of the program divided runs among shards by a hash of the run's key. Now the repetitions of each configuration are
/// dealt to the shards in turn. A dataset that was started with the earlier rule keeps it.
#[test]
fn a_dataset_whose_runs_were_divided_by_key_keeps_this_rule() {
    let folder = folder();
    let experiment = folder.path().join("e.toml");
    let experiment = Experiment::read(&experiment, Overrides::default()).expect("an experiment");
    // The program cannot start a dataset with the earlier rule. So the test makes one run with the present rule. Then it changes the
    // manifest (`dataset.json`) as if the dataset had been started with the earlier rule. The run's rows are not moved to another shard.
    // So the test takes a run that is in the same shard by both rules.
    let rules = [ShardRule::ByKey, ShardRule::InTurn];
    let shards = [1, 2].map(|number| Shard { number, of: 2 });
    let shard_by_both_rules = |run: &Run| {
        let has_run = |shard: &&Shard| rules.iter().all(|rule| shard.has(run, *rule));
        shards.iter().find(has_run).copied()
    };
    let (first_run, first_shard) = experiment
        .runs()
        .find_map(|run| Some((run.index, shard_by_both_rules(&run)?)))
        .expect("a run that is in the same shard by both rules");
    let sim = |options: &str| {
        let line = format!("$SIM run e.toml --engine virtual {options}");
        let output = bash(folder.path(), &line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    };
    sim(&format!("--shard {first_shard} --only {first_run}"));
    let first_folder = folder.path().join("data/e").join(first_shard.folder());
    let manifest = first_folder.join("dataset.json");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    // Manifests of the earlier rule do not have this key.
    let earlier = text.replace("  \"shards_in_turn\": true,\n", "");
    assert_ne!(text, earlier);
    fs::write(&manifest, earlier).expect("written");
    // One of the two shards has no manifest yet. It takes its rule from the manifest of the other shard.
    sim("--shard 1/2");
    sim("--shard 2/2");
    check_complete(&folder.path().join("data/e"));
    let shard_dataset = Dataset::open(&first_folder).expect("a shard");
    // The shard has exactly the runs that the earlier rule gives it.
    let is_in_shard = |run: &Run| first_shard.has(run, ShardRule::ByKey);
    assert_eq!(
        shard_dataset.finished().count(),
        experiment.runs().filter(is_in_shard).count()
    );
}
