//! Tests of `sim run` on many computers: as a Slurm job array with the script `sweep.sbatch`, and with the command for GNU parallel in
//! `experiments/many-machines.md`. Each task of an array, and each job of parallel, starts `sim run` for one shard of the experiment: a
//! part of the runs, in a folder of its own. Tests that need Slurm or parallel only run on request.
#![cfg(target_os = "linux")]

mod cluster;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sim::log::{Dataset, parse_rows};

use cluster::{Cluster, Job, without_slurm_variables};

const SIM: &str = env!("CARGO_BIN_EXE_sim");
const EXPERIMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../experiments");
/// The part of the experiment that all tests share. Every run has two seconds with 1 + 3 + 6 ticks per second.
const EXPERIMENT: &str =
    "seed = 7\nduration_s = 2\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";
/// Number of events of a run: one for each tick.
const TICKS: usize = 20;
const RUNS: u64 = 120;

/// Writes an experiment of [`RUNS`] runs to `folder`. `keys` are further lines of TOML.
fn write_experiment(folder: &Path, name: &str, keys: &str) {
    let text = format!("repetitions = {RUNS}\n{keys}\n{EXPERIMENT}");
    fs::write(folder.join(name), text).expect("written");
}

/// Checks that every run exists once with all its events, and that the dataset has exactly `shards` folders of shards.
fn check_complete(dataset: &Path, shards: u32) {
    let wanted = (1..=shards).map(|shard| format!("shard-{shard}-of-{shards}"));
    assert_eq!(folders(dataset), wanted.collect());
    let dataset = Dataset::open(dataset).expect("a dataset");
    let finished: BTreeSet<u64> = dataset.finished().map(|row| row.run).collect();
    assert_eq!(dataset.attempted().len() as u64, RUNS);
    assert_eq!(finished, (0..RUNS).collect());
    for row in dataset.finished() {
        let events = dataset.read_events(row).expect("events");
        let rows: Result<Vec<_>, _> = parse_rows(&events).collect();
        assert_eq!(rows.expect("rows").len(), TICKS);
    }
}

/// Returns the names of the folders in `folder`.
fn folders(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Returns how many runs of this shard have ended: the rows of its journal (`runs.csv`) without the header.
fn journal_rows(shard: &Path) -> usize {
    let journal = fs::read_to_string(shard.join("runs.csv")).unwrap_or_default();
    journal.lines().count().saturating_sub(1)
}

fn script() -> PathBuf {
    Path::new(EXPERIMENTS).join("slurm/sweep.sbatch")
}

fn cluster() -> Cluster {
    Cluster::start().unwrap_or_else(|why| panic!("no cluster: {why}"))
}

/// Submits the script as a job array: `sbatch OPTIONS SCRIPT ARGUMENTS`. Returns the array's job number.
fn submit(cluster: &Cluster, options: &[&str], arguments: &[&str]) -> String {
    let mut sbatch = cluster.command("sbatch");
    sbatch.env("SIM", SIM).arg("--parsable").args(options);
    let said = cluster.run(sbatch.arg(script()).args(arguments));
    said.trim().to_owned()
}

/// Starts an array of two tasks. Each makes one shard: about 60 of the 120 runs, one run after the other. A run takes 0.1 s: 2 s of model
/// time at the time scale 20. Waits until some runs of both shards have ended. Returns the array's job number.
fn start_and_wait_for_some_runs(cluster: &Cluster) -> String {
    let keys = "engine = \"tcp\"\ntime_scale = 20";
    write_experiment(cluster.folder(), "e.toml", keys);
    let array = submit(cluster, &["--array=1-2"], &["e.toml", "--jobs", "1"]);
    let has_failed = |job: &Job| job.state == "FAILED";
    cluster.wait_until("some runs of both shards", || {
        let jobs = cluster.jobs(&array);
        assert!(!jobs.iter().any(has_failed), "{}", cluster.logs());
        both_shards(cluster)
            .iter()
            .all(|shard| journal_rows(shard) >= 2)
    });
    array
}

/// Returns the folders of the two shards.
fn both_shards(cluster: &Cluster) -> [PathBuf; 2] {
    [1, 2].map(|shard| cluster.folder().join(format!("data/e/shard-{shard}-of-2")))
}

/// Returns whether no sweep writes to this shard. A sweep that writes to a shard locks the shard's file `.lock`.
fn is_free(shard: &Path) -> bool {
    let lock = fs::File::open(shard.join(".lock")).expect("a lock");
    lock.try_lock_shared().is_ok()
}

#[test]
#[ignore = "needs Slurm"]
fn an_array_makes_every_run_once() {
    let cluster = cluster();
    write_experiment(cluster.folder(), "e.toml", "engine = \"virtual\"");
    // The tasks have the numbers 4, 6 and 8.
    let array = submit(&cluster, &["--array=4-8:2"], &["e.toml", "--quiet"]);
    // Three tasks, of which none was requeued.
    cluster.wait_for_success(&array, 3, 0);
    check_complete(&cluster.folder().join("data/e"), 3);
}

#[test]
#[ignore = "needs Slurm"]
fn requeued_tasks_are_resumed() {
    let cluster = cluster();
    let array = start_and_wait_for_some_runs(&cluster);
    let [first, last] = [1, 2].map(|task| format!("{array}_{task}"));
    // When the time limit of a task is near, Slurm sends the signal USR1 to the script, but not to `sim`. The test does the same.
    cluster.run(
        cluster
            .command("scancel")
            .args(["--batch", "--signal=USR1", &last]),
    );
    cluster.wait_for_requeue(&last);
    // The other task is requeued by a command. Then Slurm sends SIGTERM to the script and to `sim`.
    cluster.run(cluster.command("scontrol").args(["requeue", &first]));
    cluster.wait_for_requeue(&first);
    // The output file of a task has the output of both starts. At the first start, `sim` ended with a text such as
    // `interrupted with 50 runs to do`.
    for task in [1, 2] {
        let said = cluster.read(&format!("slurm-{array}_{task}.out"));
        assert_eq!(said.matches("interrupted with").count(), 1, "{said}");
    }
    // Two tasks, each of which was requeued once.
    cluster.wait_for_success(&array, 2, 1);
    check_complete(&cluster.folder().join("data/e"), 2);
}

#[test]
#[ignore = "needs Slurm"]
fn a_task_is_resumed_after_its_node_failed() {
    let cluster = cluster();
    let array = start_and_wait_for_some_runs(&cluster);
    let set_state = |name: &str, state: &str| {
        let node = format!("NodeName={name}");
        cluster.run(
            cluster
                .command("scontrol")
                .args(["update", &node, state, "Reason=test"]),
        );
    };
    // These are all nodes of the cluster.
    for name in ["one", "two"] {
        set_state(name, "State=DOWN");
    }
    // The tasks must not start again before their programs `sim run` have ended: a running `sim run` locks its shard, and a second
    // one for this shard would be refused.
    cluster.wait_until("the end of both sweeps", || {
        both_shards(&cluster).iter().all(|shard| is_free(shard))
    });
    for task in [1, 2] {
        cluster.wait_for_requeue(&format!("{array}_{task}"));
    }
    for name in ["one", "two"] {
        set_state(name, "State=RESUME");
    }
    // Two tasks, each of which was requeued once.
    cluster.wait_for_success(&array, 2, 1);
    check_complete(&cluster.folder().join("data/e"), 2);
}

/// Runs the script without Slurm, but with the environment variables of a Slurm task, and with `program` in place of `sim`. Returns its
/// exit code and its output.
fn run_as_task(program: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut script_alone = without_slurm_variables(Command::new("bash"));
    script_alone.arg(script()).args(["e.toml", "--quiet"]);
    script_alone
        .env("SIM", program)
        .env("SLURM_ARRAY_JOB_ID", "12");
    let output = script_alone.envs(variables.iter().copied()).output();
    let output = output.expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Returns the environment variables that Slurm sets for task `number` of an array of `count` tasks, numbered from `first` to `last`.
fn task(
    number: &'static str,
    first: &'static str,
    last: &'static str,
    count: &'static str,
) -> [(&'static str, &'static str); 4] {
    [
        ("SLURM_ARRAY_TASK_ID", number),
        ("SLURM_ARRAY_TASK_MIN", first),
        ("SLURM_ARRAY_TASK_MAX", last),
        ("SLURM_ARRAY_TASK_COUNT", count),
    ]
}

#[test]
fn the_script_passes_on_arguments_and_exit_codes() {
    // `echo` prints the arguments that `sim` would get. The tasks have the numbers 0 to 3, so task 0 makes shard 1.
    let (code, said) = run_as_task("echo", &task("0", "0", "3", "4"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.ends_with("\nrun e.toml --quiet --shard 1/4\n"),
        "{said}"
    );
    // The array makes only the shards 1 and 3 of four, so it has two tasks. The variable `SHARDS` says that there are four shards. With
    // `SHARDS`, the number of the task is the number of the shard.
    let some_shards = [&task("3", "1", "3", "2")[..], &[("SHARDS", "4")]].concat();
    let (code, said) = run_as_task("echo", &some_shards);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("--shard 3/4\n"), "{said}");
    // The program `false` does nothing but end with exit code 1.
    assert_eq!(run_as_task("false", &task("1", "1", "1", "1")).0, Some(1));
}

#[test]
fn the_script_gives_advice() {
    for (program, variables, advice) in [
        // The script was not started as a task of an array.
        ("echo", &[][..], "sbatch --array=1-4"),
        (
            "no/such/sim",
            &task("1", "1", "4", "4"),
            "cargo build --release -p sim",
        ),
        // The array has a gap, as with `--array=1,3`: its two tasks have the numbers 1 and 3. The advice shows an example with four shards.
        ("echo", &task("1", "1", "3", "2"), "SHARDS=4"),
    ] {
        let (code, said) = run_as_task(program, variables);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn the_script_requeues_its_task_after_the_sweep_has_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{text}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        path.display().to_string()
    };
    // This program takes the place of `sim`. It sends the script the signal that Slurm sends when the time limit is near. The script
    // then stops the program with SIGTERM. To make the script wait, the program counts to 300,000 before it prints `stopped`. The program
    // ends with the exit code of an interrupted sweep (130).
    let sim = program(
        "sim",
        "trap stop=yes TERM; kill -s USR1 $PPID; until [[ $stop ]]; do :; done; for i in {1..300000}; do :; done; echo stopped; exit 130",
    );
    // This program takes the place of Slurm's `scontrol`. It only prints its arguments.
    program("scontrol", "echo \"scontrol $*\"");
    let path = std::env::var("PATH").expect("a search path");
    let path = format!("{}:{path}", folder.path().display());
    // The tasks have the numbers 2 to 5, so task 3 makes shard 2.
    let variables = [&task("3", "2", "5", "4")[..], &[("PATH", &path)]].concat();
    let (code, said) = run_as_task(&sim, &variables);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("--shard 2/4\nstopped\n"), "{said}");
    // 12_3 is task 3 of array 12. `run_as_task` sets the number of the array.
    assert!(said.ends_with("\nscontrol requeue 12_3\n"), "{said}");
}

#[test]
#[ignore = "needs GNU parallel"]
fn the_command_for_parallel_makes_every_run_once() {
    let version = Command::new("parallel").arg("--version").output();
    let version = version.expect("GNU parallel");
    assert!(version.stdout.starts_with(b"GNU parallel"), "{version:?}");
    let page = fs::read_to_string(Path::new(EXPERIMENTS).join("many-machines.md")).expect("a page");
    let mut lines = page.lines().filter(|line| line.starts_with("parallel "));
    let line = lines.next().expect("a command");
    // The command is meant for the project's folder. The test runs it in a folder of its own and puts there what the command needs: the
    // program, the list of computers (`hosts`) and the experiment. In the list, `:` means this computer.
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("target/release")).expect("a folder");
    fs::create_dir(path("experiments")).expect("a folder");
    symlink(SIM, path("target/release/sim")).expect("a link");
    fs::write(path("hosts"), ":\n").expect("written");
    write_experiment(
        &path("experiments"),
        "overnight.toml",
        "engine = \"virtual\"",
    );
    // GNU parallel keeps files in the home folder.
    let mut parallel = Command::new("bash");
    parallel
        .args(["-c", line])
        .current_dir(folder.path())
        .env("HOME", folder.path());
    let output = parallel.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // The command makes four shards.
    check_complete(&path("data/overnight"), 4);
}
