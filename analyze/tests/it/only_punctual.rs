//! Tests of `--only punctual`: runs that were not punctual are left out, and a message says so. A run is punctual if its largest lateness
//! plus its largest latency is less than its margin.

use std::fs;
use std::path::Path;

use crate::command_line::analyze;
use crate::exported::{read, read_parts};
use crate::fixture;

/// A folder with a dataset `small` over TCP. Its second and its fifth run were not punctual.
fn with_two_unpunctual_runs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("small"), &[1, 4]);
    folder
}

/// Writes a dataset over TCP to the folder `root`. The runs with the numbers in `unpunctual` were not punctual.
fn write(root: &Path, unpunctual: &[usize]) {
    fixture::altered(root, &fixture::small_over_tcp(), |runs| {
        for &run in unpunctual {
            runs[run].row.punctual = false;
        }
    });
}

#[test]
fn a_summary_says_how_many_runs_were_punctual() {
    let folder = with_two_unpunctual_runs();
    let (code, out, err) = analyze(&["summary", "small"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.starts_with(
            "small: 6 runs finished, 0 failed; 4 of 6 punctual; 2 configurations, 1,200 events.\n"
        ),
        "{out}"
    );
    let (code, out, err) = analyze(&["summary", "small", "--only", "punctual"], folder.path());
    assert_eq!(code, 0);
    assert_eq!(err, "small: 2 unpunctual runs of 6 finished are left out\n");
    assert!(
        out.starts_with(
            "small: 6 runs finished, 0 failed; 4 of 6 punctual, the others left out; 2 configurations, 800 events.\n"
        ),
        "{out}"
    );
}

#[test]
fn every_table_leaves_unpunctual_runs_out() {
    let folder = with_two_unpunctual_runs();
    // Each of the two configurations has 3 runs, one of them unpunctual. So each row must say that it summarises 2 runs (n = 2).
    for verb in ["drift", "jumps", "backlog", "summary"] {
        let arguments = [verb, "small", "--only", "punctual", "--format", "json"];
        let (code, out, err) = analyze(&arguments, folder.path());
        assert_eq!(code, 0, "{verb}: {err}");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        assert!(
            !rows.is_empty() && rows.iter().all(|row| row["n"] == 2),
            "{out}"
        );
    }
}

#[test]
fn export_leaves_unpunctual_runs_out_of_every_file() {
    let folder = with_two_unpunctual_runs();
    let (code, _, err) = analyze(&["export", "small", "--only", "punctual"], folder.path());
    assert_eq!(code, 0, "{err}");
    let processed = folder.path().join("small/processed");
    // 4 of the 6 runs are punctual. Each run has 3 machines and (1 + 3 + 6) ticks per second * 20 seconds = 200 events.
    for (name, rows) in [("runs", 4), ("machines", 12)] {
        let path = processed.join(name).with_extension("parquet");
        assert_eq!(read(&path).height(), rows, "{name}");
    }
    assert_eq!(read_parts(&processed.join("events")).height(), 800);
}

#[test]
fn the_error_names_a_dataset_without_a_punctual_run() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("late"), &[0, 1, 2, 3, 4, 5]);
    let (code, out, err) = analyze(&["drift", "late", "--only", "punctual"], folder.path());
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        err,
        "error: late has no punctual run (6 finished); with a smaller time scale or fewer --jobs, some runs may be punctual\n"
    );
}

/// If ticks of two machines are due at the same time, the margin is 0. Then the run cannot be punctual, not even with a smaller time
/// scale, and the error says what helps instead.
#[test]
fn the_error_for_runs_without_a_margin_gives_advice() {
    let folder = tempfile::tempdir().unwrap();
    // Writes a dataset to the folder `name`. `phases` is a value of the parameter `phase`, or a list of values. A run of the dataset is
    // punctual if its margin is not 0.
    let write_with = |name: &str, phases: &str| {
        let text = format!("{}phase = {phases}\n", fixture::small_over_tcp());
        fixture::altered(&folder.path().join(name), &text, |runs| {
            for run in runs {
                let has_margin = run.row.margin_us != 0.0;
                run.row.punctual = has_margin;
            }
        });
    };
    write_with("aligned", "\"aligned\"");
    let (code, _, err) = analyze(&["drift", "aligned", "--only", "punctual"], folder.path());
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: aligned has no punctual run (6 finished); in all runs some ticks are due at the same time (margin_us is 0): use phase = \"spread\"\n"
    );
    // If only some of the runs have a margin of 0, there is no error: a message counts these runs.
    write_with("mixed", "[\"aligned\", \"uniform\"]");
    let (code, _, err) = analyze(&["drift", "mixed", "--only", "punctual"], folder.path());
    assert_eq!(code, 0);
    assert_eq!(
        err,
        "mixed: 6 unpunctual runs of 12 finished are left out; 6 of them have a margin of 0, so they can never be punctual\n"
    );
    // In datasets of schema 4 (an earlier format), every run with uniform phases has 0 in `margin_us`, because its margin was not
    // calculated. The true margin can be larger, so the error gives other advice.
    let root = folder.path().join("earlier");
    let text = format!("{}phase = \"uniform\"\n", fixture::small_over_tcp());
    fixture::altered(&root, &text, |runs| {
        for run in runs {
            (run.row.margin_us, run.row.punctual) = (0.0, false);
        }
    });
    let manifest = fs::read_to_string(root.join("dataset.json")).unwrap();
    let manifest = manifest.replace("\"schema\": 5", "\"schema\": 4");
    fs::write(root.join("dataset.json"), manifest).unwrap();
    let (code, _, err) = analyze(&["drift", "earlier", "--only", "punctual"], folder.path());
    let says = "did not calculate the margin of runs with phase=uniform; \
                run the experiment again into a new folder\n";
    assert!(code == 2 && err.ends_with(says), "{err}");
}

/// An imported log does not tell how late its events were. So an imported run never counts as punctual, and the usual advice (a smaller
/// time scale) would not help.
#[test]
fn the_error_for_an_imported_dataset_gives_other_advice() {
    let folder = tempfile::tempdir().unwrap();
    let log = "machine,time,event,clock,queue\na,0,internal,1,0\nb,0,internal,1,0\na,1,internal,2,0\nb,1,internal,2,0\n";
    fs::write(folder.path().join("log.csv"), log).unwrap();
    let (code, _, err) = analyze(&["import", "log.csv", "--into", "mine"], folder.path());
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = analyze(&["drift", "mine", "--only", "punctual"], folder.path());
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        err,
        "error: mine has no punctual run (1 finished); imported logs do not tell how late events were, so leave out --only punctual\n"
    );
}
