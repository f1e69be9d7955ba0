//! Tests of the runs that a test of a claim counts: failed runs, and runs in both groups of a difference.

use std::fs;

use crate::claims::{CLAIMS, SWEEP, with_sweep};
use crate::command_line::analyze;
use crate::fixture;

/// The text of a claim with one test: a difference of `measure`. `sides` are the lines `from` and `to`.
fn claim_about_a_difference(measure: &str, sides: &str) -> String {
    format!(
        r#"
[[claim]]
id = "difference"
says = "Two groups of runs differ"
source = "nobody"
experiment = "sweep"
expected = "yes"

[[claim.test]]
measure = "{measure}"
{sides}
expect = {{ above = 0 }}
"#
    )
}

/// A failed run counts only in tests with `measure = "finished"`.
#[test]
fn runs_that_failed_count_as_not_finished() {
    let folder = with_sweep(CLAIMS);
    let root = folder.path().join("data/sweep");
    // The dataset is replaced by one in which the first run failed.
    fs::remove_dir_all(&root).unwrap();
    fixture::altered(&root, SWEEP, |runs| {
        let experiment = fixture::experiment(SWEEP);
        let run = experiment.runs().next().unwrap();
        runs[0] = fixture::failed(&experiment, &run);
    });
    let arguments = ["claims", "--claim", "all-in-order", "--format", "json"];
    let (code, out, err) = analyze(&arguments, folder.path());
    assert_eq!(
        (code, err.as_str()),
        (0, "sweep: 1 failed run is left out\n")
    );
    let records: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let values_and_counts: Vec<_> = records
        .iter()
        .map(|record| (&record["value"], &record["n"]))
        .collect();
    // Record 0 is the audit. Record 1 says that of all 24 runs, 23 finished. Record 2 is about `as_scheduled`, for which only the 23
    // finished runs count.
    assert_eq!(values_and_counts[1], (&(23.0 / 24.0).into(), &24.into()));
    assert_eq!(values_and_counts[2], (&1.0.into(), &23.into()));
}

/// Of the 12 runs with `internal=0.4`, 6 fail; of the 12 with `internal=0.7`, 1 fails. A failed run has the same configuration as the
/// finished runs with its parameters, so the difference of the means is 11/12 - 6/12.
#[test]
fn failed_runs_count_in_differences_too() {
    let difference = claim_about_a_difference(
        "finished",
        "from = { where = [\"internal=0.4\"] }\nto = { where = [\"internal=0.7\"] }",
    );
    let folder = with_sweep(&difference);
    let root = folder.path().join("data/sweep");
    fs::remove_dir_all(&root).unwrap();
    fixture::altered(&root, SWEEP, |ended| {
        let experiment = fixture::experiment(SWEEP);
        let runs: Vec<_> = experiment.runs().collect();
        let with_internal = |internal: &str| {
            let numbers = (0..runs.len()).filter(|&number| runs[number].key().contains(internal));
            numbers.collect::<Vec<_>>()
        };
        let (few, many) = (with_internal("internal=0.7"), with_internal("internal=0.4"));
        assert_eq!((few.len(), many.len()), (12, 12));
        for number in many.into_iter().take(6).chain([few[0]]) {
            ended[number] = fixture::failed(&experiment, &runs[number]);
        }
    });
    let (_, out, err) = analyze(&["claims", "--format", "json"], folder.path());
    let records: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let value = records[0]["value"].as_f64().unwrap();
    assert!((value - 5.0 / 12.0).abs() < 1e-12, "{value} {err}");
}

/// A test of a claim can compare two groups of runs, `from` and `to`. The groups must consist of the same runs (then the test
/// compares different machines), or they must not have any run in common. Here each group has 12 runs, and 6 runs are in both groups:
/// those with `rates=1,3,6` and `internal=0.4`.
#[test]
fn groups_that_share_only_some_of_their_runs_are_refused() {
    let overlapping = claim_about_a_difference(
        "jump_mean",
        "from = { where = [\"internal=0.4\"] }\nto = { where = [\"rates=1,3,6\"] }",
    );
    let folder = with_sweep(&overlapping);
    let (code, _, err) = analyze(&["claims"], folder.path());
    assert!(
        code == 2
            && err
                .contains("6 runs are both in `from` and in `to`, which have different conditions"),
        "{err}"
    );
}
