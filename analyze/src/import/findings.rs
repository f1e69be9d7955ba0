//! Sentences that say what an import derived from the logs: rates, rules (whether clocks were logged before or after an event), sends that
//! were logged as several rows, queue lengths, and quantities that cannot be measured.

use sim::log::{Unmeasured, UnmeasuredPart};

use super::mapping::When;
use super::rates::MeasuredRate;
use super::report::Report;
use super::rules::{FitCounts, Rule};
use crate::output::words::counted;

/// All findings, as sentences.
pub(super) fn words(report: &Report) -> Vec<String> {
    let mut words: Vec<String> = rates(&report.rates).into_iter().collect();
    if let Some(first_run) = report.rates.first() {
        // Only the rates of the first run are listed, so only its irregular ticks are described.
        words.extend(irregular_ticks(first_run));
    }
    words.extend(rules(report));
    words.extend(joined(report));
    words.extend(queues(report));
    words.extend(report.unmeasured.iter().map(unmeasured));
    words
}

/// The findings in a few words each, for a table.
pub(super) fn brief(report: &Report) -> Vec<String> {
    let mut brief = vec![];
    // Adds words if they are true of this import.
    let mut add = |is_true: bool, words: &str| brief.extend(is_true.then(|| words.to_owned()));
    // `assumed.rates` is true if the rates were not given, but measured in the logs. `assumed.internal` says the same about the probability
    // of internal events.
    add(report.assumed.rates, "rates");
    add(report.assumed.internal, "internal");
    if let Some(rules) = report.rules {
        let is_before = |rule: Rule| rule.when == When::Before;
        add(is_before(rules.clock), "clock before");
        add(is_before(rules.stamp), "stamp before");
        add(is_before(rules.queue), "queue before");
    }
    // Some sends were logged as several rows. `same_clock` counts the sends whose rows have the same clock, `own_clocks` counts the sends
    // whose rows have different clocks.
    add(
        report.joined.same_clock + report.joined.own_clocks > 0,
        "several rows per send",
    );
    // `idle_queues` counts missing queue lengths after internal events and sends. They were set to 0. `recounted_queues` counts missing
    // queue lengths after receives. They were calculated from sends and receives.
    add(report.idle_queues > 0, "queue 0 when idle");
    add(report.recounted_queues > 0, "queue counted");
    for unmeasured in &report.unmeasured {
        add(true, &format!("no {}", part(unmeasured.about)));
    }
    brief
}

/// What cannot be measured, in a few words.
fn part(part: UnmeasuredPart) -> &'static str {
    match part {
        UnmeasuredPart::QueueLengths => "queue lengths",
        UnmeasuredPart::Arrivals => "arrivals",
        UnmeasuredPart::Messages => "message ages",
        // Times that can be compared between machines.
        UnmeasuredPart::SharedTime => "comparable times",
    }
}

/// The sentence about something that cannot be measured in some runs.
fn unmeasured(unmeasured: &Unmeasured) -> String {
    let what = match unmeasured.about {
        UnmeasuredPart::QueueLengths => "Queue lengths",
        UnmeasuredPart::Arrivals => "Arrivals and the time-weighted backlog",
        UnmeasuredPart::Messages => "Ages of messages",
        UnmeasuredPart::SharedTime => {
            "Lag and spread over time, ages of messages and the time-weighted backlog"
        }
    };
    let runs = match unmeasured.runs[..] {
        [run] => format!("run {run}"),
        [first, ..] => format!(
            "{} (the first is run {first})",
            counted(unmeasured.runs.len(), "run")
        ),
        [] => String::new(),
    };
    format!("{what} are not measured in {runs}: {}.", unmeasured.reason)
}

/// Rates, separated by commas.
fn listed(rates: impl Iterator<Item = String>) -> String {
    rates.collect::<Vec<_>>().join(", ")
}

/// The sentence about the rates of the machines in `runs`. `None` if no rates were measured.
fn rates(runs: &[Vec<MeasuredRate>]) -> Option<String> {
    let first = runs.first()?;
    // `taken` is the rate `measured` after rounding.
    let rounding = |rate: &MeasuredRate| (rate.taken / rate.measured - 1.0).abs();
    let max_rounding = runs.iter().flatten().map(rounding).fold(0.0, f64::max);
    let of_run = match runs.len() {
        1 => "",
        _ => " in the first run",
    };
    let rounded = match max_rounding * 100.0 {
        // Such a percentage would be printed as 0.0.
        percent if percent < 0.05 => String::new(),
        percent => format!(" (rounded by at most {percent:.1} %)"),
    };
    Some(format!(
        "The rates were measured from the logs{of_run}: {} per second, taken as {}{rounded}; set them with --rates.",
        listed(first.iter().map(|rate| format!("{:.3}", rate.measured))),
        listed(first.iter().map(|rate| rate.taken.to_string())),
    ))
}

/// A sentence for each machine of a run whose ticks are irregular.
fn irregular_ticks(run: &[MeasuredRate]) -> Vec<String> {
    let sentences = run.iter().enumerate().filter_map(|(machine, rate)| {
        // A machine with regular ticks has no `usual` rate.
        let (usual, measured) = (rate.usual?, rate.measured);
        Some(format!(
            "The ticks of machine {machine} are irregular: it ticks {measured:.2} times per second on \
             average, but the median time between its rows fits {usual:.2} ticks per second."
        ))
    });
    sentences.collect()
}

/// A sentence for each rule: how many rows fit the rule, and how many fit the opposite rule. The last sentences are about timestamps that
/// were calculated by the rules, and about clocks that could not be calculated.
fn rules(report: &Report) -> Vec<String> {
    let Some(rules) = report.rules else {
        return vec![];
    };
    let mut words = vec![
        rule(
            "Logical clocks are logged",
            "the event",
            "rows",
            (rules.clock, "--clock"),
        ),
        rule(
            "Queue lengths are logged",
            "the event",
            "receives",
            (rules.queue, "--queue"),
        ),
        rule(
            "Messages carry the sender's clock",
            "1 is added for the send",
            "messages",
            (rules.stamp, "--stamp"),
        ),
    ];
    words.retain(|sentence| !sentence.is_empty());
    if report.assumed.send_stamps {
        words.push(
            "The timestamps of sent messages were calculated from the senders' clocks; set the rule with --stamp."
                .to_owned(),
        );
    }
    // If clocks are logged before events, the clock after an event is in the next row. A machine's last event has no next row.
    if rules.unknown_clocks > 0 {
        words.push(format!(
            "In the logs of {}, the last receive is left out, because the clock after this receive is not in a row \
             and cannot be calculated from a timestamp.",
            counted(rules.unknown_clocks, "machine")
        ));
    }
    words
}

/// The sentence about one rule, such as "Queue lengths are logged after the event: 9 of 9 receives fit this, and 1 fit `before`. To choose this
/// yourself, use --queue." (A receive can fit both choices.) The sentence is made from `fact` ("Queue lengths are logged"), `moment` ("the event"), the
/// noun `rows` ("receives"), the rule, and the option that sets it. The sentence is empty if no row was checked.
fn rule(fact: &str, moment: &str, rows: &str, (rule, option): (Rule, &str)) -> String {
    let FitCounts {
        after,
        before,
        checked,
    } = rule.fits;
    // Each choice with the number of rows that fit this choice.
    let (taken, other) = match rule.when {
        When::After => (("after", after), ("before", before)),
        When::Before => (("before", before), ("after", after)),
    };
    match checked {
        0 => String::new(),
        _ => format!(
            "{fact} {} {moment}: {} of {checked} {rows} fit this, and {} fit `{}`. To choose this yourself, use {option}.",
            taken.0, taken.1, other.1, other.0
        ),
    }
}

/// Sentences about sends that were logged as several rows. If the rows have the same clock, they are counted as one event. If each row has
/// its own clock, they are counted as several events in one tick.
fn joined(report: &Report) -> Vec<String> {
    let joined = report.joined;
    let apart_ms = joined.apart_ns as f64 / 1e6;
    let in_places = |count: usize| match count {
        1 => "In 1 place".to_owned(),
        _ => format!("In {count} places"),
    };
    let mut words = vec![];
    if joined.same_clock > 0 {
        words.push(format!(
            "{}, several rows of sends with the same clock, at most {apart_ms:.1} ms apart, are counted as one event.",
            in_places(joined.same_clock)
        ));
    }
    if joined.own_clocks > 0 {
        words.push(format!(
            "{}, several rows of sends with different clocks, at most {apart_ms:.1} ms apart, are counted as \
             one tick that sent to all.",
            in_places(joined.own_clocks)
        ));
    }
    words
}

/// Sentences about queue lengths that were filled in.
fn queues(report: &Report) -> Vec<String> {
    let mut words = vec![];
    if report.idle_queues > 0 {
        words.push(format!(
            "{} after internal events and sends are missing in the logs. They are taken as 0, because a \
             machine has such events only when its queue is empty.",
            counted(report.idle_queues, "queue length")
        ));
    }
    if report.recounted_queues > 0 {
        words.push(format!(
            "{} after receives are missing in the logs. They are recounted from sends and receives; a \
             message is assumed to arrive when it is sent.",
            counted(report.recounted_queues, "queue length")
        ));
    }
    words
}
