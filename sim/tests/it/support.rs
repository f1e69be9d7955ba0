//! Helpers that several test files share: they parse experiments, make runs with either engine, read datasets, and run shell commands.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crossbeam_channel::unbounded;
use sim::engine::tcp::{self, PortRange, Settings};
use sim::engine::{Control, RawLog, RunOutcome, virtual_time};
use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::log::Dataset;

/// Returns an experiment with the name `test` and seed 262. `rest` is the rest of its file: other keys such as `repetitions`, then the table
/// `[parameters]`.
pub fn experiment(rest: &str) -> Experiment {
    let text = format!("name = \"test\"\nseed = 262\n{rest}");
    Experiment::parse(&text, Path::new("test.toml"), Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Makes every run of `experiment`: over TCP on one event loop (a thread that serves the sockets of many runs), or in virtual time one run
/// after the other. Returns the outcomes in the order of the runs' numbers.
pub fn run_all(experiment: &Experiment, engine: EngineKind) -> Vec<RunOutcome> {
    let mut outcomes: Vec<RunOutcome> = match engine {
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
    outcomes.sort_by_key(|outcome| outcome.run.index);
    outcomes
}

/// Makes every run of `experiment` over TCP on one event loop. Returns the outcomes in the order in which the runs ended.
pub fn run_tcp(experiment: &Experiment, settings: &Settings) -> Vec<RunOutcome> {
    let (sender, runs) = unbounded();
    for run in experiment.runs() {
        sender.send(run).expect("the receiver exists");
    }
    // Closes the channel of runs. Otherwise the event loop would wait for more runs.
    drop(sender);
    let mut outcomes = vec![];
    let control = Control::default();
    // The event loop calls `deliver` at the end of each run. The run's raw log can be in pieces. `finalize` joins the pieces and calculates
    // how punctual the run was.
    let deliver = |outcome: RunOutcome<RawLog>| {
        outcomes.push(outcome.finalize(experiment.seed, experiment.time_scale));
    };
    tcp::serve(settings, &runs, &control, deliver).expect("an event loop");
    outcomes
}

/// Returns the settings of an event loop that makes up to 200 runs at once and keeps all events in memory. It starts new runs even if many
/// ticks are late.
pub fn settings(experiment: &Experiment) -> Settings {
    Settings {
        seed: experiment.seed,
        time_scale: experiment.time_scale,
        width: 200,
        ports: PortRange::default(),
        max_events_in_memory: usize::MAX,
        spill_folder: std::env::temp_dir(),
        hold_back: false,
    }
}

/// Returns the number of each finished run and its events as bytes, ordered by number. If a run has finished twice, the list has it
/// twice. (The map of [`finished`] has it only once.)
pub fn rows(root: &Path) -> Vec<(u64, Vec<u8>)> {
    let dataset = Dataset::open(root).expect("a dataset");
    let mut rows: Vec<_> = dataset
        .finished()
        .map(|row| (row.run, dataset.read_events(row).expect("its events")))
        .collect();
    rows.sort();
    rows
}

/// Returns the bytes of a dataset's journal (`runs.csv`, a row for each ended run) and of its first event file. A small dataset has no
/// other event file.
pub fn files(root: &Path) -> [Vec<u8>; 2] {
    ["runs.csv", "events-0000.csv"].map(|name| fs::read(root.join(name)).expect("a file"))
}

/// Returns a map from the number of each finished run to its events as bytes. Panics if the events of a run do not have the checksum that
/// the journal gives. The map is empty if `root` is not a dataset yet.
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

/// Sends the signal `name`, such as KILL, to a process. Uses the shell's own command `kill`, because the program `kill` may be missing.
#[cfg(unix)]
pub fn signal(name: &str, process: u32) {
    let kill = std::process::Command::new("sh")
        .args(["-c", &format!("kill -s {name} {process}")])
        .status();
    assert!(kill.expect("a shell").success());
}

/// Runs a line of bash in `folder`. In the line, `$SIM` is the program `sim`. The variable `CARGO` is removed, so that the program's messages
/// name commands as `sim ...`, not as `cargo sim ...`.
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
