//! Turns the results of an audit into text, a table, and records (for CSV and JSON).

use sim::sweep::words::grouped;

use super::{Audit, Audited, Check, CounterExample};
use crate::output::table::{Table, keep_together};
use crate::output::tones::tone_of_failures;
use crate::output::value::{Record, Value};
use crate::output::words::counted;

/// The report as paragraphs: what was audited, whether the checks passed, and the first violation of each failed check. An empty
/// paragraph is printed as an empty line. The last paragraph is always empty, because a table follows.
pub fn words(audit: &Audit) -> Vec<String> {
    let mut words: Vec<String> = audit.datasets.iter().map(describe_dataset).collect();
    words.extend(audit.datasets.iter().filter_map(describe_checks_not_made));
    // If violations in an imported dataset cannot be traced to lines of the imported logs, the report says why.
    let datasets = audit.datasets.iter();
    words.extend(datasets.filter_map(|dataset| dataset.sources_problem.clone()));
    words.push(String::new());
    words.push(verdict(audit));
    let failed = failed_checks(audit);
    if !failed.is_empty() {
        words.push(String::new());
        words.push(
            "The first violation of each failed check, and the command that draws it:".to_owned(),
        );
        for &check in &failed {
            let Some(first) = audit.first(check) else {
                continue;
            };
            words.push(format!("- {}: {}", check.name(), counter_example(first)));
            if let Some(command) = &first.diagram {
                // The command stays on one line, so that it can be copied into a shell.
                words.push(keep_together(&format!("  {command}")));
            }
        }
    }
    words.push(String::new());
    words
}

/// Describes the failed checks in one line, or `None` if all checks passed.
pub fn describe_failures(audit: &Audit) -> Option<String> {
    let failed = failed_checks(audit);
    let violations: u64 = failed.iter().map(|&check| violations(audit, check)).sum();
    let violations = counted(violations as usize, "violation");
    match failed[..] {
        [] => None,
        [Check::ClockConditionBefore] => Some(format!(
            "{violations} of the Clock Condition, all in runs with stamp = before, which breaks it by design"
        )),
        [only] => Some(format!("{violations} of {}", only.name())),
        _ => Some(format!(
            "{violations} in {} of {} checks",
            failed.len(),
            count_checks_made(audit)
        )),
    }
}

fn failed_checks(audit: &Audit) -> Vec<Check> {
    let has_failed = |check: &Check| violations(audit, *check) > 0;
    Check::ALL.into_iter().filter(has_failed).collect()
}

/// Returns how often `check` failed.
fn violations(audit: &Audit, check: Check) -> u64 {
    let (_, violations) = audit.counts(check);
    violations
}

/// Tells whether `check` was made at least once.
fn was_made(audit: &Audit, check: Check) -> bool {
    let (checked, _) = audit.counts(check);
    checked > 0
}

/// Counts the checks that were made at least once.
fn count_checks_made(audit: &Audit) -> usize {
    let checks = Check::ALL.into_iter();
    checks.filter(|&check| was_made(audit, check)).count()
}

/// Describes what was audited: the numbers of runs, events and messages.
fn describe_dataset(dataset: &Audited) -> String {
    let Audited {
        label,
        runs,
        events,
        messages,
        ..
    } = dataset;
    format!(
        "{label}: {}, {}, {}.{}",
        counted(*runs as usize, "run"),
        counted(*events as usize, "event"),
        counted(*messages as usize, "message"),
        not_audited(dataset)
    )
}

/// One sentence for each of three kinds of runs that were not audited: failed runs, planned runs that are not done yet, and runs of
/// missing shards (parts of the experiment that were run on other computers). If there are no runs of a kind, its sentence is left out. Each
/// sentence begins with a space.
pub fn not_audited(dataset: &Audited) -> String {
    let is_or_are = |count: usize| if count == 1 { "is" } else { "are" };
    let mut words = String::new();
    if dataset.failed > 0 {
        let failed = counted(dataset.failed as usize, "failed run");
        words.push_str(&format!(" {failed} not audited."));
    }
    if dataset.to_do > 0 {
        let to_do = dataset.to_do as usize;
        let runs = counted(to_do, "planned run");
        words.push_str(&format!(" {runs} {} not done yet.", is_or_are(to_do)));
    }
    let missing = &dataset.missing_shards;
    if !missing.is_empty() {
        let shards: Vec<String> = missing.iter().map(ToString::to_string).collect();
        words.push_str(&format!(
            " {} {} missing: {}.",
            counted(missing.len(), "shard"),
            is_or_are(missing.len()),
            shards.join(" ")
        ));
    }
    words
}

/// Lists the checks that could not be made on an imported log, with the reasons. `None` if the dataset was not imported.
fn describe_checks_not_made(dataset: &Audited) -> Option<String> {
    if !dataset.imported {
        return None;
    }
    // Each reason, with the names of the checks that were not made for this reason.
    let mut reasons: Vec<(&str, Vec<&str>)> = vec![];
    for result in dataset.results.iter().filter(|result| result.checked == 0) {
        let Some(reason) = result.check.why_impossible() else {
            continue;
        };
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, checks)) => checks.push(result.check.name()),
            None => reasons.push((reason, vec![result.check.name()])),
        }
    }
    // The list is never empty: no imported log has the planned times of ticks, so the check of these times is never made.
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, checks)| format!("{} ({reason})", checks.join(", ")))
        .collect();
    Some(format!(
        "{}: not checked: {}.",
        dataset.label,
        reasons.join("; ")
    ))
}

/// One sentence that says whether all checks passed.
fn verdict(audit: &Audit) -> String {
    match describe_failures(audit) {
        None => format!(
            "Check passed: in all {} checks, these logs follow the rules of machines with Lamport clocks.",
            count_checks_made(audit)
        ),
        Some(failures) => format!("CHECK FAILED: {failures}."),
    }
}

/// Describes a violation in one sentence: file, line and run, then what is wrong. If the dataset was imported, file and line of the
/// imported log come first: `vm2.csv line 11 (data/mine/events-0000.csv line 31, run 0): machine 1 received ...`.
pub fn counter_example(first: &CounterExample) -> String {
    let line = first
        .line
        .map_or(String::new(), |line| format!(" line {line}"));
    let run = first
        .run
        .map_or(String::new(), |run| format!(", run {run}"));
    let location = format!(
        "{}{}{}",
        first.file.display(),
        keep_together(&line),
        keep_together(&run)
    );
    match &first.source {
        Some((file, line)) => format!(
            "{file}{} ({location}): {}.",
            keep_together(&format!(" line {line}")),
            first.words
        ),
        None => format!("{location}: {}.", first.words),
    }
}

/// A table with one row per check, over all datasets.
pub fn table(audit: &Audit) -> Table {
    let headings = ["check", "rule", "checked", "violations"];
    let rows = Check::ALL.iter().filter_map(|&check| {
        let (checked, violations) = audit.counts(check);
        // This check is made only on runs with `stamp = "before"`. Without such runs, the table has no row for it.
        let is_shown = check != Check::ClockConditionBefore || checked > 0;
        is_shown.then(|| {
            vec![
                check.name().to_owned(),
                check.rule().to_owned(),
                grouped(checked),
                grouped(violations),
            ]
        })
    });
    Table {
        title: "Audit",
        headings: headings.map(keep_together).to_vec(),
        numeric: vec![false, false, true, true],
        rows: rows.collect(),
        // The column with index 1 is `rule`.
        prose: vec![1],
        // The column with index 3 is `violations`.
        coloured: Some((3, tone_of_failures)),
        caption: caption(audit),
        ..Table::default()
    }
}

fn caption(audit: &Audit) -> Vec<String> {
    let mut caption = vec![
        "checked: how often the check was made (on events, receives, machines, runs or shares); violations: how often it failed."
            .to_owned(),
        "IR1, IR2, C1 and C2 are the names in Lamport's paper (1978). C1 is the Clock Condition within a machine, C2 between two machines.".to_owned(),
        "A share says how often random draws had one outcome, such as an internal event. It is computed over \
         all runs of a configuration. A correct dataset of any size fails a check of shares with a probability \
         below 1 in 10^9.".to_owned(),
    ];
    if was_made(audit, Check::ClockConditionBefore) {
        caption.push(
            "With stamp = before, a message carries the clock before the send. So the clock of its receive \
             can be equal to the clock of the send. This breaks the Clock Condition by design."
                .to_owned(),
        );
    }
    caption
}

/// One record for each dataset and check.
pub fn records(audit: &Audit) -> Vec<Record> {
    audit.datasets.iter().flat_map(records_of).collect()
}

fn records_of(dataset: &Audited) -> impl Iterator<Item = Record> {
    dataset.results.iter().map(|result| {
        let first = result.first.as_ref();
        let source = first.and_then(|first| first.source.as_ref());
        let integer = |value: Option<u64>| {
            value.map_or(Value::Missing, |value| {
                Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
            })
        };
        let text = |text: Option<String>| text.map_or(Value::Missing, Value::Text);
        let values = [
            ("dataset", Value::Text(dataset.label.clone())),
            ("check", Value::Text(result.check.name().to_owned())),
            ("checked", integer(Some(result.checked))),
            ("violations", integer(Some(result.violations))),
            (
                "file",
                text(first.map(|first| first.file.display().to_string())),
            ),
            ("line", integer(first.and_then(|first| first.line))),
            ("run", integer(first.and_then(|first| first.run))),
            ("first", text(first.map(|first| first.words.clone()))),
            ("source_file", text(source.map(|(file, _)| file.clone()))),
            ("source_line", integer(source.map(|(_, line)| *line))),
            (
                "diagram",
                text(first.and_then(|first| first.diagram.clone())),
            ),
        ];
        values
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    })
}
