//! Helpers for tests: experiments, engines, datasets and shell commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crossbeam_channel::unbounded;
use sim::engine::tcp::{self, PortRange, Settings};
use sim::engine::{Control, RawLog, RunOutcome, virtual_time};
use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::log::Dataset;

/// Reads an experiment from the parameters part of a file.
pub fn experiment(parameters: &str) -> Experiment {
    let text = format!("name = \"test\"\nseed = 262\n{parameters}");
    Experiment::parse(&text, Path::new("test.toml"), Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Makes every run of `experiment` on one event loop or thread. Returns the outcomes in the order of the plan.
pub fn run_all(experiment: &Experiment, engine: EngineKind) -> Vec<RunOutcome> {
    let mut ended: Vec<RunOutcome> = match engine {
        EngineKind::Virtual => experiment
            .runs()
            .map(|run| {
                let log = virtual_time::run(&run, experiment.seed);
                RunOutcome {
                    run,
                    result: Ok(log),
                    rejected_connections: 0,
                }
            })
            .collect(),
        EngineKind::Tcp => run_tcp(experiment, &settings(experiment)),
    };
    ended.sort_by_key(|ended| ended.run.index);
    ended
}

/// Makes every run of `experiment` on one event loop. Returns the outcomes in the order in which they ended.
pub fn run_tcp(experiment: &Experiment, settings: &Settings) -> Vec<RunOutcome> {
    let (sender, runs) = unbounded();
    for run in experiment.runs() {
        sender.send(run).expect("the receiver is held");
    }
    drop(sender);
    let mut ended = vec![];
    let control = Control::default();
    let finalize = |run: RunOutcome<RawLog>| {
        ended.push(run.finalize(experiment.seed, experiment.time_scale));
    };
    tcp::serve(settings, &runs, &control, finalize).expect("an event loop");
    ended
}

pub fn settings(experiment: &Experiment) -> Settings {
    Settings {
        seed: experiment.seed,
        time_scale: experiment.time_scale,
        width: 200,
        ports: PortRange::default(),
        events_in_memory: usize::MAX,
        spill_folder: std::env::temp_dir(),
        hold_back: false,
    }
}

/// Returns the rows of every run, ordered by run.
pub fn rows(root: &Path) -> Vec<(u64, Vec<u8>)> {
    let dataset = Dataset::open(root).expect("a dataset");
    let mut rows: Vec<_> = dataset
        .finished()
        .map(|run| (run.run, dataset.read_events(run).expect("its events")))
        .collect();
    rows.sort();
    rows
}

/// Returns a dataset's journal and its events, if these fit into one file.
pub fn files(root: &Path) -> [Vec<u8>; 2] {
    ["runs.csv", "events-0000.csv"].map(|name| fs::read(root.join(name)).expect("a file"))
}

/// Returns the events of the runs that count. Each is checked against its checksum.
pub fn finished(root: &Path) -> BTreeMap<u64, Vec<u8>> {
    let Ok(dataset) = Dataset::open(root) else {
        return BTreeMap::new();
    };
    let events = |row| dataset.read_events(row).expect("its events");
    dataset
        .finished()
        .map(|row| (row.run, events(row)))
        .collect()
}

/// Sends a signal to a process, with the `kill` of the shell, because the program `kill` may be missing.
#[cfg(unix)]
pub fn signal(name: &str, process: u32) {
    let kill = std::process::Command::new("sh")
        .args(["-c", &format!("kill -s {name} {process}")])
        .status();
    assert!(kill.expect("a shell").success());
}

/// Runs a line of bash in `folder`. In it, `$SIM` is the program.
#[cfg(unix)]
pub fn bash(folder: &Path, line: &str) -> std::process::Output {
    std::process::Command::new("bash")
        .args(["-c", line])
        .current_dir(folder)
        .env_remove("CARGO")
        .env("SIM", env!("CARGO_BIN_EXE_sim"))
        .output()
        .expect("bash runs")
}
