//! The report of a class of students: a table with a row for each submission. A submission is the folder with the logs of one student or
//! team.

use sim::sweep::words::grouped;

use super::{Submission, SubmissionResults, Submissions};
use crate::audit::counter_example;
use crate::output::table::{Table, number};
use crate::output::value::{Record, Value};
use crate::output::words::counted;

/// The lines above the table: how many submissions passed, and which files were not read.
pub fn words(submissions: &Submissions) -> Vec<String> {
    let mut words = vec![format!(
        "{}: {}.",
        counted(submissions.evaluated.len(), "submission"),
        outcomes(submissions).join(", ")
    )];
    if !submissions.left_out.is_empty() {
        let left_out = submissions
            .left_out
            .iter()
            .map(|path| path.display().to_string());
        words.push(format!(
            "Left out, because they are not in the folder of a submission: {}.",
            left_out.collect::<Vec<_>>().join(", ")
        ));
    }
    words.push(String::new());
    words
}

/// The numbers of submissions that passed, failed and were not imported, without numbers that are 0.
fn outcomes(submissions: &Submissions) -> Vec<String> {
    let verdicts = submissions.evaluated.iter().map(Submission::verdict);
    let count = |wanted: &str| {
        verdicts
            .clone()
            .filter(|verdict| *verdict == wanted)
            .count()
    };
    [
        (PASSED, "passed the audit"),
        (FAILED, "failed the audit"),
        (ERROR, "not imported"),
    ]
    .into_iter()
    .map(|(verdict, words)| (count(verdict), words))
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect()
}

/// The message with which the program fails if not all submissions passed: how many passed, failed and were not imported. None if all
/// passed.
pub fn failed_check(submissions: &Submissions) -> Option<String> {
    let has_passed = |submission: &Submission| submission.verdict() == PASSED;
    (!submissions.evaluated.iter().all(has_passed)).then(|| {
        format!(
            "of {}, {}",
            counted(submissions.evaluated.len(), "submission"),
            outcomes(submissions).join(", ")
        )
    })
}

/// The table shows the first words of an import's error, at most this many letters in all.
const MAX_PROBLEM_LETTERS: usize = 64;
/// Words with more letters than this are broken into several lines, so that the table fits narrow terminals.
const MAX_WORD_LETTERS: usize = 14;

// The verdicts: all checks of the audit passed, a check failed, or the logs could not be imported. (Records have all verdicts in small
// letters.)
const PASSED: &str = "passed";
const FAILED: &str = "FAILED";
const ERROR: &str = "error";

impl Submission {
    fn verdict(&self) -> &'static str {
        match &self.results {
            Ok(results) if results.failed.is_empty() => PASSED,
            Ok(_) => FAILED,
            Err(_) => ERROR,
        }
    }

    /// The file and the line of the first violation. The file's path is relative to the submission.
    fn first_violation_place(&self, results: &SubmissionResults) -> Option<(String, u64)> {
        let (file, line) = results.first_violation.as_ref()?.source.clone()?;
        let folder = format!("{}/", self.folder.display());
        Some((file.strip_prefix(&folder).unwrap_or(&file).to_owned(), line))
    }

    /// Says in a few words why the submission could not be imported: file, line, and the first words of the problem.
    fn error_in_short(&self, error: &str) -> String {
        let folder = self.folder.display().to_string();
        let first_line = error.lines().next().unwrap_or_default();
        // Most errors begin with a path. In the table, the path is relative to the submission.
        let without_folder = match first_line.strip_prefix(&folder) {
            Some(after_folder) => after_folder.trim_start_matches(['/', '\\', ':', ' ']),
            None => first_line,
        };
        // After a semicolon, errors explain more, or give advice.
        let end = without_folder.find("; ").unwrap_or(without_folder.len());
        first_words(&without_folder[..end], MAX_PROBLEM_LETTERS)
    }

    /// The name of the first failed check, with the file and the line of its first violation. Empty if no check failed. If the submission
    /// could not be imported: the error in a few words.
    fn first_problem(&self) -> String {
        match &self.results {
            Err(error) => self.error_in_short(error),
            Ok(results) => {
                // Blanks instead of `_` let a narrow terminal break the name.
                let check = results.failed.first();
                let check = check.map(|check| check.name().replace('_', " "));
                let place = self
                    .first_violation_place(results)
                    .map(|(file, line)| format!("{file} line {line}"));
                check
                    .into_iter()
                    .chain(place)
                    .collect::<Vec<_>>()
                    .join(", ")
            }
        }
    }

    /// The text of the last column: the first problem, and what the import assumed because the logs do not say it directly.
    fn problem_and_assumed(&self) -> String {
        let assumed = match &self.results {
            Ok(results) if !results.assumed.is_empty() => {
                format!("assumed {}", results.assumed.join(", "))
            }
            _ => String::new(),
        };
        let parts = [self.first_problem(), assumed];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("; ")
    }

    fn row(&self) -> Vec<String> {
        let results = self.results.as_ref().ok();
        let cell = |text: Option<String>| text.unwrap_or_default();
        // The mean of a measure. Empty if the submission was not imported, `none` if at least one of its runs has no value.
        let measure = |value: fn(&SubmissionResults) -> Option<f64>, decimals: usize| {
            cell(results.map(|results| {
                value(results).map_or("none".to_owned(), |value| number(value, decimals))
            }))
        };
        vec![
            with_broken_words(&self.name),
            self.verdict().to_owned(),
            cell(results.map(|results| format!("{} × {}", results.runs, machines(results)))),
            cell(results.map(|results| grouped(results.events as u64))),
            measure(|results| results.jump_mean, 2),
            measure(|results| results.lag_final, 1),
            measure(|results| results.backlog_growth, 2),
            with_broken_words(&self.problem_and_assumed()),
        ]
    }

    /// An item of the list below the table: the full error of the import, or the number of violations and the first of them, such as
    /// `- bob: 2 violations in 1 of 15 checks, the first in receive_clock: vm2.csv line 11 (...): ...`. None if all checks passed.
    fn detail(&self) -> Option<String> {
        match &self.results {
            Err(error) => Some(format!("- {}: {error}", self.name)),
            Ok(results) => {
                let (check, first) = results
                    .failed
                    .first()
                    .zip(results.first_violation.as_ref())?;
                Some(format!(
                    "- {}: {} in {} of {} checks, the first in {}: {}",
                    self.name,
                    counted(results.violations as usize, "violation"),
                    results.failed.len(),
                    results.checks,
                    check.name(),
                    counter_example(first)
                ))
            }
        }
    }

    fn record(&self) -> Record {
        let results = self.results.as_ref().ok();
        let integer = |value: Option<u64>| {
            value.map_or(Value::Missing, |value| {
                Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
            })
        };
        let text = |value: Option<String>| value.map_or(Value::Missing, Value::Text);
        let place = results.and_then(|results| self.first_violation_place(results));
        let first = results.and_then(|results| results.first_violation.as_ref());
        let check = results.and_then(|results| results.failed.first());
        let count = |value: fn(&SubmissionResults) -> u64| integer(results.map(value));
        let values = [
            ("submission", Value::Text(self.name.clone())),
            ("verdict", Value::Text(self.verdict().to_lowercase())),
            (
                "dataset",
                text(results.map(|results| results.dataset.display().to_string())),
            ),
            ("runs", count(|results| results.runs as u64)),
            (
                "machines",
                // If the runs have different numbers of machines, the largest number.
                count(|results| (*results.machines.end()).into()),
            ),
            ("events", count(|results| results.events as u64)),
            (
                "assumed",
                text(results.map(|results| results.assumed.join("; "))),
            ),
            ("checks", count(|results| results.checks as u64)),
            (
                "checks_failed",
                count(|results| results.failed.len() as u64),
            ),
            ("violations", count(|results| results.violations)),
            ("check", text(check.map(|check| check.name().to_owned()))),
            ("file", text(place.as_ref().map(|(file, _)| file.clone()))),
            ("line", integer(place.map(|(_, line)| line))),
            ("first", text(first.map(|first| first.words.clone()))),
            (
                "jump_mean",
                results.and_then(|results| results.jump_mean).into(),
            ),
            (
                "lag_final",
                results.and_then(|results| results.lag_final).into(),
            ),
            (
                "backlog_growth",
                results.and_then(|results| results.backlog_growth).into(),
            ),
            ("error", text(self.results.as_ref().err().cloned())),
        ];
        values
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }
}

/// The first words of a text, at most `max_letters` letters in all. If the first word is longer, it is not cut.
fn first_words(text: &str, max_letters: usize) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() && short.chars().count() + 1 + word.chars().count() > max_letters {
            return short + " …";
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short += word;
    }
    short
}

/// Breaks each word of more than [`MAX_WORD_LETTERS`] letters into several lines, if possible after a sign such as `_`:
/// `submission_of_team_7` becomes `submission_of_` and `team_7`. If a part without a sign is too long for a
/// line, it is broken between two letters.
fn with_broken_words(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let (mut lines, mut line) = (vec![], String::new());
        for part in word.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
            let length = line.chars().count();
            if length > 0 && length + part.chars().count() > MAX_WORD_LETTERS {
                lines.push(std::mem::take(&mut line));
            }
            for letter in part.chars() {
                if line.chars().count() == MAX_WORD_LETTERS {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(letter);
            }
        }
        lines.push(line);
        lines.join("\n")
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The number of machines in the runs, such as `3` or `2 to 4`.
fn machines(results: &SubmissionResults) -> String {
    let (min, max) = (results.machines.start(), results.machines.end());
    match min == max {
        true => max.to_string(),
        false => format!("{min} to {max}"),
    }
}

/// A table with a row for each submission. The caption has all errors in full and, for each failed submission, the first violation.
pub fn table(submissions: &Submissions) -> Table {
    let headings = [
        "submission",
        "verdict",
        "runs × machines",
        "events",
        "jump",
        "lag",
        "growth",
        "first problem, assumed",
    ];
    let mut caption = vec![
        "jump, lag, growth: for the slowest machine, the mean jump of its clock, its lag behind the largest \
         clock at the end, and the growth of its backlog in messages/s. These are means over all runs; \
         `none` if one of the runs has no value."
            .to_owned(),
        "assumed: what the logs do not say directly, so it was derived from them; `analyze import` of a \
         single submission says more."
            .to_owned(),
    ];
    caption.extend(submissions.evaluated.iter().filter_map(Submission::detail));
    Table {
        title: "Class",
        headings: headings.map(str::to_owned).to_vec(),
        numeric: vec![false, false, true, true, true, true, true, false],
        rows: submissions.evaluated.iter().map(Submission::row).collect(),
        caption,
        ..Table::default()
    }
}

/// A record for each submission.
pub fn records(submissions: &Submissions) -> Vec<Record> {
    submissions
        .evaluated
        .iter()
        .map(Submission::record)
        .collect()
}
