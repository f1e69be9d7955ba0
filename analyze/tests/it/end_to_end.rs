//! Tests the whole way from a sweep (all runs of an experiment) over real TCP to tables and processed data.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use polars::prelude::*;
use sim::engine::Control;
use sim::experiment::{EngineKind, Experiment, Overrides};
use sim::sweep::{self, Options, Progress, Summary};

use crate::exported::read_parts;

/// Makes all runs of the project's quickstart experiment over real TCP, `time_scale` times faster than real time.
pub fn sweep_quickstart(root: &Path, time_scale: f64) -> Summary {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/quickstart.toml");
    let overrides = Overrides {
        time_scale: Some(time_scale),
        ..Overrides::default()
    };
    sweep(&Experiment::read(&file, overrides).unwrap(), root)
}

/// Makes all runs of the experiment and writes their dataset to the folder `root`.
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

    // The five sets of rates (1,3,6 is the first) have 10 + 9 + 9 + 11 + 4 = 43 ticks per second. Each set has 20 runs of 60 s: 10
    // repetitions with each of two values of `internal`.
    let ticks = 43 * 60 * 20;
    // Each tick is an event. Below, the summary must contain this number as `51,600 events`.
    assert_eq!(ticks, 51_600);
    let tables = analyze("summary");
    assert!(
        tables.starts_with("quickstart: 100 runs finished, 0 failed; ")
            && tables.contains(" of 100 punctual; 10 configurations, 51,600 events.")
    );
    assert!(tables.contains("\nMachines, measured: "), "{tables}");
    // All 10 configurations fit in the table, so no sentence says how many more there are.
    assert!(!tables.contains("more configuration"), "{tables}");

    analyze("export");
    let processed = |name: &str| {
        let file = fs::File::open(root.join("processed").join(name)).unwrap();
        ParquetReader::new(file).finish().unwrap()
    };
    assert_eq!(processed("runs.parquet").height(), 100);
    let events = read_parts(&root.join("processed/events"));
    assert_eq!(events.height(), ticks);
    let machines = processed("machines.parquet");
    assert_eq!(machines.height(), 300);
    let sum = |name: &str| {
        let column = machines.column(name).unwrap();
        column.i64().unwrap().sum().unwrap()
    };
    // The column `arrivals` counts all messages that were sent to a machine. After the machine's last tick, each of these messages has been
    // received, or waits in the queue (`backlog_final`), or has not arrived yet. Usually only messages that are sent shortly before the end
    // of a run arrive so late. The test allows 300 late messages in all, on average one for each machine of each run.
    let too_late = sum("arrivals") - sum("receive_events") - sum("backlog_final");
    assert!((0..=300).contains(&too_late), "{too_late}");
    assert_eq!(
        sum("ticks"),
        sum("internal_events") + sum("send_events") + sum("receive_events")
    );
}

/// Compares runs over real TCP with the runs of the same seed in virtual time. A run that was as scheduled (all its messages arrived
/// as in the schedule) must have the same events as the run in virtual time. On a busy computer it can happen that no run is as
/// scheduled. Then the runs are repeated at a lower speed.
#[test]
fn runs_over_real_tcp_that_were_as_scheduled_have_the_events_of_virtual_time() {
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
        // 4 configurations with 5 repetitions each.
        assert_eq!(sweep(&experiment, &folder.path().join(name)).ok, 20);
    };
    sweep_by(EngineKind::Virtual, None, "virtual");
    let some_were_as_scheduled = |time_scale: f64| {
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
        // The command has nothing to check if no run was as scheduled.
        let some_were_checked = out.contains("\nCheck passed: ");
        let none_was_checked = out.contains("\nNothing to check: ");
        assert!(some_were_checked || none_was_checked, "{out}");
        some_were_checked
    };
    assert!(
        [10.0, 4.0, 1.5, 0.5]
            .into_iter()
            .any(some_were_as_scheduled),
        "no run was as scheduled, even at the slowest speed"
    );
}
