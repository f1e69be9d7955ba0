//! Tests of `analyze compare`, which compares two datasets A and B: which of their runs match, and whether matching runs have the same
//! events.
//!
//! Runs match if they have the same key: all their parameters and the repetition. If both runs were as scheduled (their messages arrived
//! as the schedule says), they must have the same events.

use std::path::Path;

use analyze::compare::{self, Comparison};
use analyze::output;
use analyze::stats::estimate::IntervalKind;
use sim::log::EndedRun;

use crate::command_line::analyze;
use crate::fixture;

/// A folder with two datasets, `a` and `b`. Both have the same runs in virtual time, but the files of `a` say that its runs were made over
/// TCP. Before the datasets are written, `alter_a` changes the runs of `a`, and `alter_b` those of `b`.
pub fn twins(
    alter_a: impl FnOnce(&mut Vec<EndedRun>),
    alter_b: impl FnOnce(&mut Vec<EndedRun>),
) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(
        &folder.path().join("a"),
        &fixture::small_over_tcp(),
        alter_a,
    );
    fixture::altered(&folder.path().join("b"), fixture::SMALL, alter_b);
    folder
}

/// Runs `analyze compare`. Returns the exit code, the text above the table, and stderr.
fn compared(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let arguments = [&["compare", "a", "b"], arguments].concat();
    let (code, out, err) = analyze(&arguments, folder);
    let words = out.split("\nMeasures\n").next().unwrap().to_owned();
    (code, words, err)
}

/// The comparison of datasets `a` and `b` in `folder`.
pub fn open(folder: &Path) -> Comparison {
    let datasets = analyze::open(&["a", "b"].map(|name| folder.join(name))).unwrap();
    Comparison::new(&datasets[0], &datasets[1]).unwrap()
}

#[test]
fn matching_runs_are_identical() {
    let folder = twins(|_| {}, |_| {});
    let (code, words, err) = compared(folder.path(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(words, @"
    A is a: tcp at time scale 1, seed 262; 6 runs, 6 as scheduled, 6 punctual.
    B is b: virtual, seed 262; 6 runs.

    6 runs in both, 0 only in A, 0 only in B.
    Events: 6 of 6 runs identical, 0 different.
    Check passed: all 6 runs that were as scheduled in both are identical.
    ");
    // `pooled` has a comparison of A and B for each measure. In each comparison, the difference B - A is 0 in all 6 runs. `equal` is the
    // share of the machines' values that are the same in A and B: here 1, so all values are the same.
    let comparison = open(folder.path());
    assert!(!comparison.pooled.is_empty());
    for paired in &comparison.pooled {
        let difference = paired.difference.unwrap();
        assert_eq!(
            (
                difference.n,
                difference.mean,
                difference.interval_kind,
                paired.equal
            ),
            (6, 0.0, IntervalKind::AllEqual, Some(1.0)),
            "{}",
            paired.measure.name
        );
    }
}

/// In a run that was as scheduled in both datasets, three cells are changed in `b`. The report names the difference with the earliest time:
/// tick 40 of machine 2 (6 ticks/s), at 6.7 s. In the log, the changed row of machine 0 (1 tick/s) is above the rows of machine 2, but
/// its time is later: between 19 s and 20 s. The exit code is 4.
#[test]
fn a_changed_event_fails_the_check_if_its_run_was_as_scheduled() {
    let folder = twins(
        |_| {},
        |runs| {
            fixture::set(&mut runs[3], 0, 19, "queue_length", "99");
            fixture::set(&mut runs[3], 2, 40, "logical_clock", "77");
            fixture::set(&mut runs[3], 2, 41, "logical_clock", "78");
        },
    );
    let (code, words, err) = compared(folder.path(), &[]);
    assert_eq!(code, 4);
    assert_eq!(
        err,
        "check failed: of 6 runs that were as scheduled in both, 1 differs\n"
    );
    insta::assert_snapshot!(words, @"
    A is a: tcp at time scale 1, seed 262; 6 runs, 6 as scheduled, 6 punctual.
    B is b: virtual, seed 262; 6 runs.

    6 runs in both, 0 only in A, 0 only in B.
    Events: 5 of 6 runs identical, 1 different.
    CHECK FAILED: of 6 runs that were as scheduled in both, 1 differs. In runs that are as scheduled, the seed determines
    every event, so these runs should be identical. Either a log was changed, or the two datasets come from different
    simulators, or the simulator is wrong.

    The run that differs, with its first difference (by the model time of A):
    - rates=1,3,6 internal=0.7 phase=spread stamp=after duration_s=20 repetition=1, as scheduled in both: at 6.722 s,
      machine 2, tick 40, logical_clock is 41 in A and 77 in B.
    ");
}

#[test]
fn runs_that_are_not_as_scheduled_may_differ() {
    let change = |runs: &mut Vec<EndedRun>| {
        runs[1].row.as_scheduled = false;
        fixture::set(&mut runs[1], 1, 30, "queue_length", "99");
    };
    let folder = twins(change, |_| {});
    let (code, words, err) = compared(folder.path(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(words, @"
    A is a: tcp at time scale 1, seed 262; 6 runs, 5 as scheduled, 6 punctual.
    B is b: virtual, seed 262; 6 runs.

    6 runs in both, 0 only in A, 0 only in B.
    Events: 5 of 6 runs identical, 1 different.
    Check passed: all 5 runs that were as scheduled in both are identical.

    The run that differs, with its first difference (by the model time of A):
    - rates=1,3,6 internal=0.7 phase=spread stamp=after duration_s=20 repetition=0, as scheduled in B only: at 10.278 s,
      machine 1, tick 30, queue_length is 99 in A and 0 in B.
    ");
}

/// All 14 runs differ: seven repetitions of two configurations (`internal` 0.4 and 0.7). But only the last run, repetition 6 with 0.7, was
/// as scheduled in both datasets. So only the last run fails the check, and the report lists this run first.
#[test]
fn differing_runs_that_were_as_scheduled_are_listed_first() {
    let text = |engine| {
        let many = fixture::SMALL.replace("repetitions = 3", "repetitions = 7");
        many.replace("virtual", engine)
    };
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(&folder.path().join("a"), &text("tcp"), |runs| {
        runs[..13]
            .iter_mut()
            .for_each(|run| run.row.as_scheduled = false);
    });
    fixture::altered(&folder.path().join("b"), &text("virtual"), |runs| {
        runs.iter_mut()
            .for_each(|run| fixture::set(run, 0, 0, "queue_length", "9"));
    });
    let (code, words, err) = compared(folder.path(), &[]);
    assert_eq!(
        (code, err.as_str()),
        (
            4,
            "check failed: of 1 run that was as scheduled in both, 1 differs\n"
        )
    );
    assert!(
        words.contains("The first 10 of 14 runs that differ, "),
        "{words}"
    );
    let items: Vec<&str> = words
        .lines()
        .filter(|line| line.starts_with("- "))
        .collect();
    assert_eq!(items.len(), 10);
    assert!(
        items[0].contains("internal=0.7") && items[0].contains("repetition=6"),
        "{words}"
    );
    assert!(
        items[1].contains("internal=0.4") && items[1].contains("repetition=0"),
        "{words}"
    );
}

#[test]
fn runs_in_only_one_dataset_are_counted() {
    // Of six runs, `a` does not have the first, and `b` does not have the last two.
    let folder = twins(
        |runs| drop(runs.remove(0)),
        |runs| {
            runs.pop();
            runs.pop();
        },
    );
    let (code, words, err) = compared(folder.path(), &[]);
    let messages = "a: 1 planned run is not done yet\nb: 2 planned runs are not done yet\n";
    assert_eq!((code, err.as_str()), (0, messages));
    insta::assert_snapshot!(words, @"
    A is a: tcp at time scale 1, seed 262; 5 runs, 5 as scheduled, 5 punctual.
    B is b: virtual, seed 262; 4 runs.

    3 runs in both, 2 only in A, 1 only in B.
    Events: 3 of 3 runs identical, 0 different.
    Check passed: all 3 runs that were as scheduled in both are identical.
    ");
    // In the three runs that are in both datasets, each measure has the same values in A and B.
    let pooled = open(folder.path()).pooled;
    assert!(!pooled.is_empty() && pooled.iter().all(|paired| paired.equal == Some(1.0)));
}

/// The configurations have another order in `b` than in `a`, so matching runs have different numbers. The three runs with `internal` 0.1
/// are only in `b`.
#[test]
fn runs_match_by_key_and_not_by_number() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), fixture::SMALL);
    let other_order = fixture::SMALL.replace("[0.4, 0.7]", "[0.7, 0.1, 0.4]");
    fixture::simulated(&folder.path().join("b"), &other_order);
    let comparison = open(folder.path());
    assert_eq!(
        (comparison.matched, comparison.a.alone, comparison.b.alone),
        (6, 0, 3)
    );
    assert_eq!(comparison.events.unwrap().identical, 6);
    assert!(!comparison.pooled.is_empty());
    assert!(
        comparison
            .pooled
            .iter()
            .all(|paired| paired.equal == Some(1.0))
    );
}

#[test]
fn with_other_seeds_only_measures_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), fixture::SMALL);
    let other = fixture::SMALL.replace("seed = 262", "seed = 263");
    fixture::simulated(&folder.path().join("b"), &other);
    let (code, words, err) = compared(folder.path(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(words, @"
    A is a: virtual, seed 262; 6 runs.
    B is b: virtual, seed 263; 6 runs.

    6 runs in both, 0 only in A, 0 only in B.
    Events are not compared: the seeds differ, 262 in A and 263 in B, so the runs drew different numbers. Only measures are
    compared.
    ");
}

#[test]
fn datasets_without_a_common_run_are_an_error_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(&folder.path().join("a"), fixture::SMALL);
    fixture::write_by_hand(&folder.path().join("b"));
    let (code, out, err) = compared(folder.path(), &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        err,
        "error: A (a) and B (b) have no finished run in common: duration_s is 20 in A and 4 in B, internal \
         is 0.4 or 0.7 in A and 0.5 in B, rates is 1,3,6 in A and 1,2 in B; runs match if all their \
         parameters and the repetition are the same, for example in a dataset and its copy in virtual time, \
         made by `sim run EXPERIMENT --engine virtual --data DIR`\n"
    );
}

/// `--only punctual` leaves a run out of `a`. So the run's events are not compared, although they differ.
#[test]
fn a_run_left_out_of_one_dataset_is_not_compared() {
    let folder = twins(
        |runs| runs[1].row.punctual = false,
        |runs| fixture::set(&mut runs[1], 0, 0, "queue_length", "9"),
    );
    let (code, words, err) = compared(folder.path(), &["--only", "punctual"]);
    assert_eq!(code, 0);
    assert_eq!(err, "a: 1 unpunctual run of 6 finished is left out\n");
    insta::assert_snapshot!(words, @"
    A is a: tcp at time scale 1, seed 262; 5 runs, 5 as scheduled, 5 punctual.
    B is b: virtual, seed 262; 6 runs.

    5 runs in both, 0 only in A, 0 only in B, 1 left out (not punctual in one of the datasets).
    Events: 5 of 5 runs identical, 0 different.
    Check passed: all 5 runs that were as scheduled in both are identical.
    ");
}

#[test]
fn with_only_punctual_it_is_an_error_if_no_run_is_punctual_in_both_datasets() {
    // In `a` only the first run is punctual, and `b` does not have this run.
    let folder = twins(
        |runs| {
            runs[1..]
                .iter_mut()
                .for_each(|run| run.row.punctual = false);
        },
        |runs| drop(runs.remove(0)),
    );
    let (code, _, err) = compared(folder.path(), &["--only", "punctual"]);
    assert_eq!(code, 2);
    assert!(
        err.contains(
            "have no finished run in common: each run that is in both datasets was left out of A or of B by --only; "
        ),
        "{err}"
    );
}

#[test]
fn two_runs_with_the_same_key_are_an_error() {
    let folder = twins(|_| {}, |runs| runs[4].row.key = runs[2].row.key.clone());
    let (code, _, err) = compared(folder.path(), &[]);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: b/runs.csv: run 4: has the same key as run 2; delete the row of one of them\n"
    );
}

/// Every run has a changed clock in `b`, so the text above the table lists all six runs. Run 0 is listed as `as scheduled in B only`, and
/// the other runs as `as scheduled in both`.
#[test]
fn words_and_table_fit_eighty_columns() {
    let folder = twins(
        |runs| runs[0].row.as_scheduled = false,
        |runs| {
            runs.iter_mut()
                .for_each(|run| fixture::set(run, 0, 0, "logical_clock", "99"));
        },
    );
    let comparison = open(folder.path());
    let text = output::prose(&compare::words(&comparison), 80)
        + &output::terminal(&compare::table(&comparison), 80);
    assert!(text.lines().count() > 1, "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

/// Columns that do not fit are left out, and a line below the table names them. Every run has a changed clock in `b`, so some measures
/// differ. If a measure differs, its row is wider, because the difference has an interval.
#[test]
fn narrow_terminals_show_fewer_columns() {
    let folder = twins(
        |_| {},
        |runs| {
            runs.iter_mut()
                .for_each(|run| fixture::set(run, 0, 0, "logical_clock", "99"));
        },
    );
    let table = compare::table(&open(folder.path()));
    for width in [60, 80, 120, 200] {
        let text = output::terminal(&table, width);
        assert!(
            text.lines()
                .all(|line| line.chars().count() <= width.into()),
            "{text}"
        );
        insta::assert_snapshot!(format!("compare_{width}"), text);
    }
}

#[test]
fn markdown_has_the_words_and_the_table() {
    let folder = twins(
        |_| {},
        |runs| fixture::set(&mut runs[0], 0, 19, "logical_clock", "99"),
    );
    let (_, out, _) = analyze(
        &["compare", "a", "b", "--format", "markdown"],
        folder.path(),
    );
    insta::assert_snapshot!(out.lines().take(18).collect::<Vec<_>>().join("\n"), @"
    A is a: tcp at time scale 1, seed 262; 6 runs, 6 as scheduled, 6 punctual.
    B is b: virtual, seed 262; 6 runs.

    6 runs in both, 0 only in A, 0 only in B.
    Events: 5 of 6 runs identical, 1 different.
    CHECK FAILED: of 6 runs that were as scheduled in both, 1 differs. In runs that are as scheduled, the seed determines every event, so these runs should be identical. Either a log was changed, or the two datasets come from different simulators, or the simulator is wrong.

    The run that differs, with its first difference (by the model time of A):

    - rates=1,3,6 internal=0.4 phase=spread stamp=after duration_s=20 repetition=0, as scheduled in both: at 19.944 s, machine 0, tick 19, logical_clock is 46 in A and 99 in B.

    ## Measures

    | measure | mean A | mean B | B - A | equal | n |
    | --- | ---: | ---: | ---: | ---: | ---: |
    | ticks | 66.7 | 66.7 | 0 | 100 % | 6 |
    | internal_events | 27.8 | 27.8 | 0 | 100 % | 6 |
    | send_events | 20.2 | 20.2 | 0 | 100 % | 6 |
    ");
}
