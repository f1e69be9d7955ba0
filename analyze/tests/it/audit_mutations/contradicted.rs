//! Tests of the audit with datasets whose files contradict each other: the journal (`runs.csv`, a row for each run), `dataset.json`
//! and the events.

use std::fs;
use std::sync::Arc;

use analyze::audit::{Check, CounterExample};
use sim::experiment::Configuration;
use sim::log::{EndedRun, seal_journal};

use super::damaged::{altered, expect_violation, write};
use super::setups::{RunKind, audit, failed};
use crate::fixture;

#[test]
fn a_journal_row_that_contradicts_itself_or_other_files_is_found() {
    type Change = fn(&mut EndedRun);
    let changes: [(Change, &str); 11] = [
        (
            |run| run.row.time_scale = 2.0,
            "time_scale is 2, but it is 1 in dataset.json",
        ),
        (
            |run| run.row.isolation = "process".to_owned(),
            "isolation is process, but it is shared in dataset.json",
        ),
        (
            |run| {
                configuration(run).internal = "0.6".parse().expect("a probability");
                // The key gets the new value, too. So the row does not contradict itself, but only `dataset.json`.
                run.row.key = run.row.key.replace("internal=0.7", "internal=0.6");
            },
            "`rates=1,3,6 internal=0.6 phase=spread stamp=after duration_s=20` is not in dataset.json",
        ),
        (
            |run| run.row.events += 1,
            "the row counts 201 events, but the log has 200",
        ),
        // The next two changes leave the key as it is. So the key contradicts the columns.
        (
            |run| configuration(run).internal = "0.6".parse().expect("a probability"),
            "its key is `rates=1,3,6 internal=0.7 ",
        ),
        (
            |run| configuration(run).rates = "1,3,5".parse().expect("rates"),
            "but according to its columns it should be `rates=1,3,5 ",
        ),
        (
            |run| run.row.engine = "tcp".to_owned(),
            "engine is tcp, but it is virtual in dataset.json",
        ),
        (
            |run| run.row.as_scheduled = false,
            "a run in virtual time must have started_at_ns = 0 and as_scheduled = true",
        ),
        (
            |run| run.row.lateness_max_us = 7.0,
            "lateness_max_us is 7, but the largest lateness of an event in the log is 0 µs",
        ),
        // The true margin is 1/18 s, about 55,555.55 µs.
        (
            |run| run.row.margin_us *= 2.0,
            "but first ticks, rates and topology give 55555.55",
        ),
        (
            |run| run.row.punctual = false,
            "punctual is false, but a run in virtual time is always punctual",
        ),
    ];
    for (change, says) in changes {
        let audit = altered(RunKind::Virtual, change);
        let CounterExample {
            file, line, words, ..
        } = expect_violation(&audit, Check::Journal);
        assert!(words.contains(says), "{words}");
        assert!(file.ends_with("runs.csv"));
        // The second run is changed. Its row comes after the header and the row of the first run.
        assert_eq!(*line, Some(3));
    }
}

/// An experiment for the next test. The margin of a run is the shortest time between two ticks whose order matters. (The order of two ticks
/// of different machines matters if one of the machines may send to the other, or if both may send to the same third machine.) The rule for
/// phases (times of first ticks) guarantees a lower limit of the margin. With `spread`, the limit is greater than 0; with the other rules
/// it is 0. With `spread` and the rates 1.1, 3.7, 2.3, the margin of most runs is greater than the limit.
const MARGINS: &str = "name = \"margins\"\nseed = 5\nrepetitions = 3\nduration_s = 20\nengine = \"virtual\"\n[parameters]\n\
    rates = [[1.1, 3.7, 2.3], [2, 3, 4, 1, 1, 2, 3]]\ninternal = [0.5, 1]\nphase = [\"spread\", \"uniform\", \"aligned\"]\n\
    topology = [\"mesh\", \"ring\", \"star\", \"time-keeper\"]";

/// A schema is a version of the format of datasets. In a dataset of schema 4, rows that an old `sim` wrote have the lower limit in
/// column `margin_us`, and rows that a newer `sim` added have the margin. In schema 5, all rows have the margin. So the audit accepts both
/// numbers in schema 4, but only the margin in schema 5.
#[test]
fn lower_limits_of_margins_are_accepted_in_schema_4_but_not_in_5() {
    for (schema, has_lower_limit, is_accepted) in [
        (5, false, true),
        (5, true, false),
        (4, false, true),
        (4, true, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fixture::altered(folder.path(), MARGINS, |runs| {
            if has_lower_limit {
                for run in runs {
                    let lower_limit_ns = run.row.configuration.guaranteed_margin_ns();
                    run.row.margin_us = lower_limit_ns as f64 / 1e3;
                }
            }
        });
        let path = folder.path().join("dataset.json");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("\"schema\": 5", &format!("\"schema\": {schema}"));
        fs::write(&path, text).unwrap();
        let audit = audit(folder.path());
        assert_eq!(
            failed(&audit).is_empty(),
            is_accepted,
            "{schema} {has_lower_limit}"
        );
        // 2 sets of rates, 2 probabilities, 3 rules for phases, 4 topologies, 3 repetitions.
        assert_eq!(audit.datasets[0].runs, 2 * 2 * 3 * 4 * 3);
    }
}

fn configuration(run: &mut EndedRun) -> &mut Configuration {
    Arc::make_mut(&mut run.row.configuration)
}

/// The changed row gets a new checksum, so only the cell itself is wrong.
#[test]
fn impossible_cells_of_the_journal_are_found() {
    for (cells, changed_cells, says) in [
        (
            "\"1,3,6\"",
            "fast",
            "column rates: `fast` is not rates such as 1,3,6",
        ),
        (
            ",3,\"1,3,6\"",
            ",4,\"1,3,6\"",
            "column machines: `4`, but by the row's other cells it must be 3",
        ),
        (
            "\"1,3,6\"",
            "\"1,3\"",
            "column machines: `3`, but by the row's other cells it must be 2",
        ),
        (
            ",0.7,",
            ",\"0.7,0.6\",",
            "column internal: 2 probabilities for 3 machines",
        ),
        (
            ",virtual,shared,1.0,",
            ",virtual,shared,NaN,",
            "column time_scale: `NaN` is not a finite number",
        ),
        (
            ",virtual,shared,1.0,",
            ",virtual,shared,0.0,",
            "column time_scale: 0 is not positive",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fixture::simulated(folder.path(), fixture::SMALL);
        let path = folder.path().join("runs.csv");
        let text = fs::read_to_string(&path).unwrap();
        let before = &text[..text.find(cells).expect(cells)];
        let changed_line = 1 + before.matches('\n').count() as u64;
        fs::write(
            &path,
            seal_journal(&text.replacen(cells, changed_cells, 1)).unwrap(),
        )
        .unwrap();
        let audit = audit(folder.path());
        let CounterExample { line, words, .. } = expect_violation(&audit, Check::Journal);
        assert!(words.contains(says), "{words}");
        assert_eq!(*line, Some(changed_line));
    }
}

/// A phase is the time of a machine's first tick. With the rule `spread`, no two machines may ever tick at the same time. Count all times
/// in steps of 1/18 s: machines with the rates 1, 3 and 6 tick every 18, 6 and 3 steps. All three are multiples of 3. So after division by
/// 3, the times of all ticks of a machine have the same remainder as its phase. Two machines with different remainders never tick at the
/// same time.
#[test]
fn phases_that_break_their_rule_are_found() {
    for (phases, says) in [
        (
            [1_000_000_000, 0, 0],
            "machine 0 at 1/s has a phase of 1000000000 ns: it must be shorter than the time between two ticks",
        ),
        // Phases are rounded down to nanoseconds: 55,555,555 ns is 1/18 s, but 55,555,556 ns is no multiple of 1/18 s.
        (
            [0, 55_555_556, 0],
            "machine 1 at 3/s has a phase of 55555556 ns: with phase = spread it must be a multiple of 1/18 s",
        ),
        (
            [0, 55_555_555, 0],
            "machine 2 at 6/s has a phase of 0 ns: counted in steps of 1/18 s, it has the same remainder after division by 3 as the phase of \
             machine 0; with phase = spread all remainders must be different",
        ),
    ] {
        let audit = altered(RunKind::Virtual, |run| run.row.phases_ns = phases.to_vec());
        assert_eq!(expect_violation(&audit, Check::Phases).words, says);
    }
    let folder = tempfile::tempdir().unwrap();
    let aligned = fixture::SMALL.to_owned() + "phase = \"aligned\"\n";
    fixture::altered(folder.path(), &aligned, |runs| {
        runs[0].row.phases_ns = vec![0, 1, 0];
    });
    let words = &expect_violation(&audit(folder.path()), Check::Phases)
        .words
        .clone();
    assert_eq!(
        words,
        "machine 1 at 3/s has a phase of 1 ns: with phase = aligned it must be 0"
    );
}

#[test]
fn changed_and_missing_files_of_events_are_found() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), RunKind::Virtual, |run| {
        run.row.checksum = "0123456789abcdef".to_owned();
    });
    let changed = audit(folder.path());
    assert_eq!(failed(&changed), ["files"]);
    assert!(
        expect_violation(&changed, Check::Files)
            .words
            .contains("checksum")
    );
    // The second of the six runs is not counted, because its checksum is wrong.
    assert_eq!(changed.datasets[0].runs, 5);
    // One file has the events of all six runs. If this file is missing, each run has a violation, and no run is counted.
    fs::remove_file(folder.path().join("events-0000.csv")).unwrap();
    let gone = audit(folder.path());
    assert_eq!(failed(&gone), ["files"]);
    let (_, violations) = gone.counts(Check::Files);
    assert_eq!((violations, gone.datasets[0].runs), (6, 0));
    assert_eq!(expect_violation(&gone, Check::Files).line, None);
}

#[test]
fn runs_that_are_finished_twice_are_found() {
    let folder = tempfile::tempdir().unwrap();
    fixture::altered(folder.path(), fixture::SMALL, |runs| {
        let same_number = runs[1].clone();
        runs.push(same_number);
        // The copy of the third run gets another run number, but it keeps its key (the parameters and the repetition).
        let mut same_key = runs[2].clone();
        same_key.row.run = 99;
        // This row needs no events: the audit does not read the events of a run whose key it has already seen.
        (same_key.row.events, same_key.events) = (0, vec![]);
        runs.push(same_key);
    });
    let audit = audit(folder.path());
    assert_eq!(failed(&audit), ["journal"]);
    // The check was made on 8 rows and failed on 2 of them.
    assert_eq!(
        (audit.counts(Check::Journal), audit.datasets[0].runs),
        ((8, 2), 6)
    );
    // Line 8 is the first of the added rows: the header and six rows stand before it.
    let CounterExample { line, words, .. } = expect_violation(&audit, Check::Journal);
    assert_eq!(
        (words.as_str(), *line),
        ("the run is finished twice", Some(8))
    );
}

#[test]
fn a_journal_that_cannot_be_read_is_a_violation() {
    let folder = tempfile::tempdir().unwrap();
    fixture::simulated(folder.path(), fixture::SMALL);
    let path = folder.path().join("runs.csv");
    let text = fs::read_to_string(&path).unwrap();
    // The first run gets the outcome `fine`, but an outcome must be `ok` or `failed`.
    fs::write(&path, text.replacen(",ok,", ",fine,", 1)).unwrap();
    let audit = audit(folder.path());
    assert_eq!(failed(&audit), ["journal"]);
    let CounterExample {
        line, run, words, ..
    } = expect_violation(&audit, Check::Journal);
    assert_eq!((*line, *run), (Some(2), None));
    assert!(words.contains("fine"), "{words}");
}
