//! The report of a comparison of two datasets, A and B, as text: how many runs match, and whether their events are the same.

use super::{Comparison, Difference, Differing, Events, Side};
use crate::output::table::keep_together;
use crate::output::words::counted;

/// The largest number of differing runs that are listed.
const LISTED_RUNS: usize = 10;

/// The paragraphs of the report, with an empty line at the end.
pub fn words(comparison: &Comparison) -> Vec<String> {
    let mut words = vec![
        describe_side("A", &comparison.a),
        describe_side("B", &comparison.b),
        String::new(),
        describe_matches(comparison),
    ];
    match &comparison.events {
        Some(events) => words.extend(describe_events(comparison, events)),
        None => words.push(format!(
            "Events are not compared: the seeds differ, {} in A and {} in B, so the runs drew different numbers. Only measures are compared.",
            comparison.a.seed, comparison.b.seed
        )),
    }
    words.push(String::new());
    words
}

/// Checks this rule: a run that was as scheduled in both datasets must have the same events in both. If some runs break the rule, the
/// result says how many, such as `of 6 runs that were as scheduled in both, 1 differs`. `None` if no run breaks the rule, or if events were
/// not compared.
pub fn failed_check(comparison: &Comparison) -> Option<String> {
    let events = comparison.events.as_ref()?;
    let unexpected = events.count_unexpected();
    (unexpected > 0).then(|| {
        format!(
            "of {} that {} as scheduled in both, {unexpected} {}",
            counted(events.as_scheduled, "run"),
            if events.as_scheduled == 1 {
                "was"
            } else {
                "were"
            },
            if unexpected == 1 { "differs" } else { "differ" },
        )
    })
}

fn describe_side(letter: &str, side: &Side) -> String {
    let Side {
        label,
        engine,
        time_scale,
        seed,
        runs,
        punctual,
        as_scheduled,
        ..
    } = side;
    let runs = counted(*runs, "run");
    // In virtual time all runs are as scheduled and punctual, and a time scale has no meaning.
    if engine == "virtual" {
        format!("{letter} is {label}: {engine}, seed {seed}; {runs}.")
    } else {
        format!(
            "{letter} is {label}: {engine} at time scale {time_scale}, seed {seed}; {runs}, {as_scheduled} as scheduled, {punctual} punctual."
        )
    }
}

fn describe_matches(comparison: &Comparison) -> String {
    let Comparison {
        a,
        b,
        matched,
        left_out,
        ..
    } = comparison;
    // `left_out` counts the runs that are in both datasets, but punctual in only one of them. `--only punctual` leaves these runs out.
    let left_out = match left_out {
        0 => String::new(),
        left_out => format!(", {left_out} left out (not punctual in one of the datasets)"),
    };
    format!(
        "{} in both, {} only in A, {} only in B{left_out}.",
        counted(*matched, "run"),
        a.alone,
        b.alone
    )
}

fn describe_events(comparison: &Comparison, events: &Events) -> Vec<String> {
    let differing = events.differing.len();
    let mut words = vec![
        format!(
            "Events: {} of {} identical, {differing} different.",
            events.identical,
            counted(comparison.matched, "run"),
        ),
        describe_check(comparison, events),
    ];
    if differing > 0 {
        words.push(String::new());
        let runs = match differing {
            1 => "The run that differs, with its first difference".to_owned(),
            2..=LISTED_RUNS => {
                format!("The {differing} runs that differ, each with its first difference")
            }
            _ => format!(
                "The first {LISTED_RUNS} of {differing} runs that differ, each with its first difference"
            ),
        };
        // An event can have different times in A and in B. The first difference is the one with the earliest time in A.
        words.push(format!("{runs} (by the model time of A):"));
        words.extend(events.differing.iter().take(LISTED_RUNS).map(describe_run));
    }
    words
}

/// Describes the result of the check. The seed determines all events of a run that is as scheduled. So if both runs of a pair were as
/// scheduled, their events must be identical.
fn describe_check(comparison: &Comparison, events: &Events) -> String {
    if let Some(failed_check) = failed_check(comparison) {
        return format!(
            "CHECK FAILED: {failed_check}. In runs that are as scheduled, the seed determines every event, \
             so these runs should be identical. Either a log was changed, or the two datasets come from \
             different simulators, or the simulator is wrong."
        );
    }
    match events.as_scheduled {
        0 => "Nothing to check: no run was as scheduled in both datasets, so no pair has to be identical."
            .to_owned(),
        1 => "Check passed: the run that was as scheduled in both is identical.".to_owned(),
        as_scheduled => {
            format!(
                "Check passed: all {as_scheduled} runs that were as scheduled in both are identical."
            )
        }
    }
}

/// Describes a run that differs, by its first difference.
fn describe_run(run: &Differing) -> String {
    let as_scheduled = match (run.as_scheduled_a, run.as_scheduled_b) {
        (true, true) => "both",
        (true, false) => "A only",
        (false, true) => "B only",
        (false, false) => "neither",
    };
    let Difference {
        time_s,
        machine,
        tick,
        column,
        a,
        b,
    } = &run.first;
    // Each of these texts stays on one line.
    let position = [
        format!("{time_s:.3} s"),
        format!("machine {machine}"),
        format!("tick {tick}"),
    ];
    format!(
        "- {}, as scheduled in {as_scheduled}: at {}, {column} is {a} in A and {b} in B.",
        run.key,
        position.map(|words| keep_together(&words)).join(", ")
    )
}
