//! Tests the whole way from a sweep over real TCP to tables and processed data.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use polars::prelude::*;
use sim::engine::Control;
use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::sweep::{self, Options, Progress, Summary};

use crate::exported::read_parts;

/// Runs the project's own quickstart experiment over real TCP, at full size and `time_scale` times faster than real time.
pub fn sweep_quickstart(root: &Path, time_scale: f64) -> Summary {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/quickstart.toml");
    let overrides = Overrides {
        time_scale: Some(time_scale),
        ..Overrides::default()
    };
    sweep(&Experiment::read(&file, overrides).unwrap(), root)
}

pub fn sweep(experiment: &Experiment, root: &Path) -> Summary {
    let (control, mut progress) = (Control::default(), Progress::quiet());
    sweep::run(
        experiment,
        root,
        &Options::default(),
        &control,
        &mut progress,
    )
    .unwrap()
}

#[test]
fn from_real_tcp_to_tables_and_processed_data() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("quickstart");
    let summary = sweep_quickstart(&root, 60.0);
    assert_eq!((summary.ok, summary.failed, summary.left), (100, 0, 0));
    let analyze = |verb: &str| {
        let command = Command::cargo_bin("analyze")
            .unwrap()
            .args([verb, "quickstart"])
            .current_dir(folder.path())
            .assert()
            .success();
        String::from_utf8(command.get_output().stdout.clone()).unwrap()
    };

    let tables = analyze("summary");
    assert!(
        tables.starts_with("quickstart: 100 runs finished, 0 failed; ")
            && tables.contains(" of 100 punctual; 10 configurations, 51,600 ticks.")
    );
    assert!(tables.contains("\nMachines, measured: "), "{tables}");
    assert!(!tables.contains("more configuration"), "{tables}");

    analyze("export");
    let processed = |name: &str| {
        let file = fs::File::open(root.join("processed").join(name)).unwrap();
        ParquetReader::new(file).finish().unwrap()
    };
    assert_eq!(processed("runs.parquet").height(), 100);
    let events = read_parts(&root.join("processed/events"));
    assert_eq!(events.height(), 51_600);
    let machines = processed("machines.parquet");
    assert_eq!(machines.height(), 300);
    let sum = |name: &str| {
        let column = machines.column(name).unwrap();
        column.i64().unwrap().sum().unwrap()
    };
    // Each message was received, waited in the queue after its receiver's last tick, or arrived later.
    let late = sum("arrivals") - sum("receive_events") - sum("backlog_final");
    assert!((0..=300).contains(&late), "{late}");
    assert_eq!(
        sum("ticks"),
        sum("internal_events") + sum("send_events") + sum("receive_events")
    );
}

/// Compares a sweep over real TCP with the same sweep in virtual time. Runs that were as scheduled must have the same events. On
/// a busy computer it can happen that no run is as scheduled. Then the sweep is repeated at a lower speed.
#[test]
fn punctual_runs_over_real_tcp_are_those_of_virtual_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = "seed = 262\nrepetitions = 5\nduration_s = 20\n\
                [parameters]\nrates = [[1, 3, 6], [2, 3, 4]]\ninternal = [0.7, 0.4]";
    let sweep_by = |engine, time_scale, name: &str| {
        let overrides = Overrides {
            engine: Some(engine),
            time_scale,
            ..Overrides::default()
        };
        let experiment = Experiment::parse(text, "twins.toml".as_ref(), overrides).unwrap();
        assert_eq!(sweep(&experiment, &folder.path().join(name)).ok, 20);
    };
    sweep_by(EngineKind::Virtual, None, "virtual");
    let some_were_in_order = |time_scale: f64| {
        let name = format!("tcp-{time_scale}");
        sweep_by(EngineKind::Tcp, Some(time_scale), &name);
        let command = Command::cargo_bin("analyze")
            .unwrap()
            .args(["compare", &name, "virtual"])
            .current_dir(folder.path())
            .assert()
            .success();
        let out = String::from_utf8(command.get_output().stdout.clone()).unwrap();
        assert!(
            out.contains("\n20 runs in both, 0 only in A, 0 only in B.\n"),
            "{out}"
        );
        let passed = out.contains("\nCheck passed: ");
        assert!(passed || out.contains("\nNothing to check: "), "{out}");
        passed
    };
    assert!(
        [10.0, 4.0, 1.5, 0.5].into_iter().any(some_were_in_order),
        "no run was as scheduled, even at the slowest speed"
    );
}
