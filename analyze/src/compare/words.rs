//! What a comparison found, in words: which runs match, and whether their events are the same.

use super::{Comparison, Difference, Differing, Events, Side};
use crate::output::table::keep_together;
use crate::output::words::counted;

/// Differing runs that are named.
const NAMED: usize = 10;

/// Paragraphs, and a blank line at the end.
pub fn words(comparison: &Comparison) -> Vec<String> {
    let mut words = vec![
        about("A", &comparison.a),
        about("B", &comparison.b),
        String::new(),
        matched(comparison),
    ];
    match &comparison.events {
        Some(events) => words.extend(about_events(comparison, events)),
        None => words.push(format!(
            "Events are not compared: the seeds differ, {} in A and {} in B, so the runs drew different numbers. Only measures are.",
            comparison.a.seed, comparison.b.seed
        )),
    }
    words.push(String::new());
    words
}

/// What is wrong if runs differ that were in order in both; nothing if none does.
pub fn exception(comparison: &Comparison) -> Option<String> {
    let events = comparison.events.as_ref()?;
    let exceptions = events.exceptions();
    (exceptions > 0).then(|| {
        format!(
            "{exceptions} of {} as scheduled in both {}",
            counted(events.as_scheduled, "run"),
            if exceptions == 1 { "differs" } else { "differ" },
        )
    })
}

fn about(letter: &str, side: &Side) -> String {
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
    if engine == "virtual" {
        format!("{letter} is {label}: {engine}, seed {seed}; {runs}.")
    } else {
        format!(
            "{letter} is {label}: {engine} at time scale {time_scale}, seed {seed}; {runs}, {as_scheduled} as scheduled, {punctual} punctual."
        )
    }
}

fn matched(comparison: &Comparison) -> String {
    let Comparison {
        a,
        b,
        matched,
        left_out,
        ..
    } = comparison;
    let left_out = match left_out {
        0 => String::new(),
        left_out => format!(", {left_out} left out because unpunctual in one of them"),
    };
    format!(
        "{} in both, {} only in A, {} only in B{left_out}.",
        counted(*matched, "run"),
        a.alone,
        b.alone
    )
}

fn about_events(comparison: &Comparison, events: &Events) -> Vec<String> {
    let differing = events.differing.len();
    let mut words = vec![
        format!(
            "Events: {} of {} identical, {differing} not.",
            events.identical,
            counted(comparison.matched, "run"),
        ),
        check(comparison, events),
    ];
    if differing > 0 {
        words.push(String::new());
        let runs = match differing {
            1 => "The run that differs, with its first difference".to_owned(),
            2..=NAMED => {
                format!("The {differing} runs that differ, each with its first difference")
            }
            _ => format!(
                "The first {NAMED} of {differing} runs that differ, each with its first difference"
            ),
        };
        words.push(format!("{runs} in the model time of A:"));
        words.extend(events.differing.iter().take(NAMED).map(item));
    }
    words
}

/// The seed settles every event of a run in order, so two of the same key must be the same.
fn check(comparison: &Comparison, events: &Events) -> String {
    if let Some(exception) = exception(comparison) {
        return format!(
            "CHECK FAILED: {exception}. Where every message is queued when the schedule says, the seed settles every event, so these must be identical: either a log \
             was changed, or the two datasets come from different simulators, or the simulator is wrong."
        );
    }
    match events.as_scheduled {
        0 => "Nothing to check: no run was as scheduled in both, so none had to be identical."
            .to_owned(),
        1 => "Check passed: the run that was as scheduled in both is identical.".to_owned(),
        as_scheduled => {
            format!(
                "Check passed: all {as_scheduled} runs that were as scheduled in both are identical."
            )
        }
    }
}

fn item(run: &Differing) -> String {
    let as_scheduled = match (run.in_order_a, run.in_order_b) {
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
    let place = [
        format!("{time_s:.3} s"),
        format!("machine {machine}"),
        format!("tick {tick}"),
    ];
    format!(
        "- {}, as scheduled in {as_scheduled}: at {}, {column} is {a} in A and {b} in B.",
        run.key,
        place.map(|words| keep_together(&words)).join(", ")
    )
}
