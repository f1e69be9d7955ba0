//! Sweeps on many machines: as a Slurm job array, with the very script that users submit to a real Slurm, and under GNU parallel
//! with the very line of the page. Where Slurm or parallel is missing, or may not run, a test says so and passes.
#![cfg(target_os = "linux")]

mod cluster;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sim::log::{Dataset, parse_rows};

use cluster::{Cluster, outside_of_jobs};

const SIM: &str = env!("CARGO_BIN_EXE_sim");
const EXPERIMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../experiments");
/// Two seconds of 1 + 3 + 6 ticks per second in every run.
const EXPERIMENT: &str =
    "seed = 7\nduration_s = 2\n[parameters]\nrates = [1, 3, 6]\ninternal = 0.5\n";
const TICKS: usize = 20;

/// An experiment of `runs` runs, written to `folder`.
fn write_experiment(folder: &Path, name: &str, runs: u64, engine: &str) {
    let text = format!("repetitions = {runs}\n{engine}\n{EXPERIMENT}");
    fs::write(folder.join(name), text).expect("written");
}

/// Every run is there once, with all its events, in these folders of shards and no others.
fn is_whole(dataset: &Path, runs: u64, shards: u32) {
    let wanted = (1..=shards).map(|shard| format!("shard-{shard}-of-{shards}"));
    assert_eq!(folders(dataset), wanted.collect());
    let dataset = Dataset::open(dataset).expect("a dataset");
    let finished: BTreeSet<u64> = dataset.finished().map(|row| row.run).collect();
    assert_eq!(dataset.attempted().len() as u64, runs);
    assert_eq!(finished, (0..runs).collect());
    for row in dataset.finished() {
        let events = dataset.read_events(row).expect("events");
        let rows: Result<Vec<_>, _> = parse_rows(&events).collect();
        assert_eq!(rows.expect("rows").len(), TICKS);
    }
}

fn folders(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn journal_rows(shard: &Path) -> usize {
    let journal = fs::read_to_string(shard.join("runs.csv")).unwrap_or_default();
    journal.lines().count().saturating_sub(1)
}

fn script() -> PathBuf {
    Path::new(EXPERIMENTS).join("slurm/sweep.sbatch")
}

/// A cluster, or `None` after saying why there is none.
fn cluster() -> Option<Cluster> {
    Cluster::start()
        .inspect_err(|why| println!("skipped: {why}"))
        .ok()
}

/// Submits the script with these words before and after its name; returns the number of the array.
fn submit(cluster: &Cluster, options: &[&str], arguments: &[&str]) -> String {
    let mut sbatch = cluster.command("sbatch");
    sbatch.env("SIM", SIM).arg("--parsable").args(options);
    let said = cluster.does(sbatch.arg(script()).args(arguments));
    said.trim().to_owned()
}

/// An array that is in the middle of two shards of forty runs each or so, one run after the other, both running.
fn in_the_middle(cluster: &Cluster) -> String {
    let engine = "engine = \"tcp\"\ntime_scale = 20";
    write_experiment(cluster.folder(), "e.toml", 80, engine);
    let array = submit(cluster, &["--array=1-2"], &["e.toml", "--jobs", "1"]);
    cluster.wait_until("some runs of both shards", || {
        shards_of_two(cluster)
            .iter()
            .all(|shard| journal_rows(shard) >= 2)
    });
    array
}

fn shards_of_two(cluster: &Cluster) -> [PathBuf; 2] {
    [1, 2].map(|shard| cluster.folder().join(format!("data/e/shard-{shard}-of-2")))
}

#[test]
fn an_array_sweeps_every_run_once() {
    let Some(cluster) = cluster() else { return };
    write_experiment(cluster.folder(), "e.toml", 60, "engine = \"virtual\"");
    let array = submit(&cluster, &["--array=4-8:2"], &["e.toml", "--quiet"]);
    cluster.ends_well(&array, 3, 0);
    is_whole(&cluster.folder().join("data/e"), 60, 3);
}

#[test]
fn requeued_tasks_go_on() {
    let Some(cluster) = cluster() else { return };
    let array = in_the_middle(&cluster);
    let [first, second] = [1, 2].map(|task| format!("{array}_{task}"));
    cluster.does(cluster.command("scontrol").args(["requeue", &first]));
    // What Slurm sends the script, and only the script, when the time limit is near.
    cluster.does(
        cluster
            .command("scancel")
            .args(["--batch", "--signal=USR1", &second]),
    );
    for task in [&first, &second] {
        cluster.hurry(task);
    }
    cluster.ends_well(&array, 2, 1);
    is_whole(&cluster.folder().join("data/e"), 80, 2);
}

#[test]
fn a_task_goes_on_where_its_node_failed() {
    let Some(cluster) = cluster() else { return };
    let array = in_the_middle(&cluster);
    let node = |name: &str, state: &str| {
        let node = format!("NodeName={name}");
        cluster.does(
            cluster
                .command("scontrol")
                .args(["update", &node, state, "Reason=test"]),
        );
    };
    for name in ["one", "two"] {
        node(name, "State=DOWN");
    }
    for task in [1, 2] {
        cluster.hurry(&format!("{array}_{task}"));
    }
    for name in ["one", "two"] {
        node(name, "State=RESUME");
    }
    cluster.ends_well(&array, 2, 1);
    is_whole(&cluster.folder().join("data/e"), 80, 2);
}

/// The script as a task that Slurm tells `variables`, with `program` in the place of `sim`: its exit code and what it said.
fn as_task(program: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut script_alone = outside_of_jobs(Command::new("bash"));
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
fn the_script_hands_on_arguments_and_exit_codes() {
    let (code, said) = as_task("echo", &task("0", "0", "3", "4"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.ends_with("\nrun e.toml --quiet --shard 1/4\n"),
        "{said}"
    );
    // Only some of the shards.
    let some = [&task("3", "1", "3", "2")[..], &[("SHARDS", "4")]].concat();
    let (code, said) = as_task("echo", &some);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("--shard 3/4\n"), "{said}");
    assert_eq!(as_task("false", &task("1", "1", "1", "1")).0, Some(1));
}

#[test]
fn the_script_says_the_way_out() {
    for (program, variables, way_out) in [
        ("echo", &[][..], "sbatch --array=1-4"),
        (
            "no/such/sim",
            &task("1", "1", "4", "4"),
            "cargo build --release -p sim",
        ),
        ("echo", &task("1", "1", "3", "2"), "SHARDS=4"),
    ] {
        let (code, said) = as_task(program, variables);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(way_out), "{said}");
    }
}

#[test]
fn the_line_for_parallel_sweeps_every_run_once() {
    let version = Command::new("parallel").arg("--version").output();
    if !version.is_ok_and(|version| version.stdout.starts_with(b"GNU parallel")) {
        println!("skipped: there is no GNU parallel here");
        return;
    }
    let page = fs::read_to_string(Path::new(EXPERIMENTS).join("many-machines.md")).expect("a page");
    let mut lines = page.lines().filter(|line| line.starts_with("parallel "));
    let line = lines.next().expect("the line");
    // A project's folder such as the line wants, and this machine as the only host.
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    fs::create_dir_all(place("target/release")).expect("a folder");
    fs::create_dir(place("experiments")).expect("a folder");
    symlink(SIM, place("target/release/sim")).expect("a link");
    fs::write(place("hosts"), ":\n").expect("written");
    write_experiment(
        &place("experiments"),
        "overnight.toml",
        60,
        "engine = \"virtual\"",
    );
    let mut parallel = Command::new("bash");
    parallel
        .args(["-c", line])
        .current_dir(folder.path())
        .env("HOME", folder.path());
    let output = parallel.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    is_whole(&place("data/overnight"), 60, 4);
}
