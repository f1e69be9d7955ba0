//! The report of a class: a table with a row for each submission.

use sim::sweep::words::grouped;

use super::{Class, Marked, Submission};
use crate::audit::counter_example;
use crate::output::table::{Table, number};
use crate::output::value::{Record, Value};
use crate::output::words::counted;

/// The summary of a class, as paragraphs.
pub fn words(class: &Class) -> Vec<String> {
    let mut words = vec![format!(
        "{}: {}.",
        counted(class.submissions.len(), "submission"),
        outcomes(class).join(", ")
    )];
    if !class.left_out.is_empty() {
        let left_out = class.left_out.iter().map(|path| path.display().to_string());
        words.push(format!(
            "In no submission's folder, and left out: {}.",
            left_out.collect::<Vec<_>>().join(", ")
        ));
    }
    words.push(String::new());
    words
}

/// The numbers of submissions that passed, failed and were not imported, without numbers that are 0.
fn outcomes(class: &Class) -> Vec<String> {
    let verdicts = class.submissions.iter().map(Submission::verdict);
    let count = |wanted: &str| {
        verdicts
            .clone()
            .filter(|verdict| *verdict == wanted)
            .count()
    };
    [
        (PASSED, "passed the audit"),
        (FAILED, "failed it"),
        (ERROR, "not imported"),
    ]
    .into_iter()
    .map(|(verdict, words)| (count(verdict), words))
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect()
}

/// A line on the submissions that did not pass; none if all passed.
pub fn exception(class: &Class) -> Option<String> {
    let has_passed = |submission: &Submission| submission.verdict() == PASSED;
    (!class.submissions.iter().all(has_passed)).then(|| {
        format!(
            "of {}, {}",
            counted(class.submissions.len(), "submission"),
            outcomes(class).join(", ")
        )
    })
}

/// A problem is cut after so many letters in the table.
const MOST_LETTERS: usize = 64;
/// Longer words are broken in the table, so that it fits narrow terminals.
const MOST_IN_WORD: usize = 14;

const PASSED: &str = "passed";
const FAILED: &str = "FAILED";
const ERROR: &str = "error";

impl Submission {
    fn verdict(&self) -> &'static str {
        match &self.marked {
            Ok(marked) if marked.failed.is_empty() => PASSED,
            Ok(_) => FAILED,
            Err(_) => ERROR,
        }
    }

    /// The file within the submission, and the line, of the first violation.
    fn first_place(&self, marked: &Marked) -> Option<(String, u64)> {
        let (file, line) = marked.first.as_ref()?.source.clone()?;
        let folder = format!("{}/", self.folder.display());
        Some((file.strip_prefix(&folder).unwrap_or(&file).to_owned(), line))
    }

    /// Where and why it could not be imported, in short: the file within the submission and the line, and the first words of the problem.
    fn error_in_short(&self, error: &str) -> String {
        let folder = self.folder.display().to_string();
        let first_line = error.lines().next().unwrap_or_default();
        let within = match first_line.strip_prefix(&folder) {
            Some(rest) => rest.trim_start_matches(['/', '\\', ':', ' ']),
            None => first_line,
        };
        let end = within.find("; ").unwrap_or(within.len());
        first_words(&within[..end], MOST_LETTERS)
    }

    /// The check that failed first and the position of its violation, or the error of the import in short.
    fn first_in_short(&self) -> String {
        match &self.marked {
            Err(error) => self.error_in_short(error),
            Ok(marked) => {
                // Blanks instead of `_` let a narrow terminal break the name.
                let check = marked.failed.first();
                let check = check.map(|check| check.name().replace('_', " "));
                let place = self
                    .first_place(marked)
                    .map(|(file, line)| format!("{file} line {line}"));
                check
                    .into_iter()
                    .chain(place)
                    .collect::<Vec<_>>()
                    .join(", ")
            }
        }
    }

    /// What is wrong first, and what was assumed, in short.
    fn problem_and_assumed(&self) -> String {
        let assumed = match &self.marked {
            Ok(marked) if !marked.assumed.is_empty() => {
                format!("assumed {}", marked.assumed.join(", "))
            }
            _ => String::new(),
        };
        let parts = [self.first_in_short(), assumed];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("; ")
    }

    fn row(&self) -> Vec<String> {
        let marked = self.marked.as_ref().ok();
        let cell = |text: Option<String>| text.unwrap_or_default();
        let measure = |value: fn(&Marked) -> Option<f64>, decimals: usize| {
            cell(marked.map(|marked| {
                value(marked).map_or("none".to_owned(), |value| number(value, decimals))
            }))
        };
        vec![
            with_broken_words(&self.name),
            self.verdict().to_owned(),
            cell(marked.map(|marked| format!("{} × {}", marked.runs, machines(marked)))),
            cell(marked.map(|marked| grouped(marked.events as u64))),
            measure(|marked| marked.jump_mean, 2),
            measure(|marked| marked.lag_final, 1),
            measure(|marked| marked.backlog_growth, 2),
            with_broken_words(&self.problem_and_assumed()),
        ]
    }

    /// The full error or the failed checks of a submission, as an item of a list.
    fn detail(&self) -> Option<String> {
        match &self.marked {
            Err(error) => Some(format!("- {}: {error}", self.name)),
            Ok(marked) => {
                let (check, first) = marked.failed.first().zip(marked.first.as_ref())?;
                Some(format!(
                    "- {}: {} in {} of {} checks, the first {}: {}",
                    self.name,
                    counted(marked.violations as usize, "violation"),
                    marked.failed.len(),
                    marked.checks,
                    check.name(),
                    counter_example(first)
                ))
            }
        }
    }

    fn record(&self) -> Record {
        let marked = self.marked.as_ref().ok();
        let integer = |value: Option<u64>| {
            value.map_or(Value::Missing, |value| {
                Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
            })
        };
        let text = |value: Option<String>| value.map_or(Value::Missing, Value::Text);
        let place = marked.and_then(|marked| self.first_place(marked));
        let first = marked.and_then(|marked| marked.first.as_ref());
        let check = marked.and_then(|marked| marked.failed.first());
        let of = |value: fn(&Marked) -> u64| integer(marked.map(value));
        let values = [
            ("submission", Value::Text(self.name.clone())),
            ("verdict", Value::Text(self.verdict().to_lowercase())),
            (
                "dataset",
                text(marked.map(|marked| marked.dataset.display().to_string())),
            ),
            ("runs", of(|marked| marked.runs as u64)),
            ("machines", of(|marked| (*marked.machines.end()).into())),
            ("events", of(|marked| marked.events as u64)),
            (
                "assumed",
                text(marked.map(|marked| marked.assumed.join("; "))),
            ),
            ("checks", of(|marked| marked.checks as u64)),
            ("checks_failed", of(|marked| marked.failed.len() as u64)),
            ("violations", of(|marked| marked.violations)),
            ("check", text(check.map(|check| check.name().to_owned()))),
            ("file", text(place.as_ref().map(|(file, _)| file.clone()))),
            ("line", integer(place.map(|(_, line)| line))),
            ("first", text(first.map(|first| first.words.clone()))),
            (
                "jump_mean",
                marked.and_then(|marked| marked.jump_mean).into(),
            ),
            (
                "lag_final",
                marked.and_then(|marked| marked.lag_final).into(),
            ),
            (
                "backlog_growth",
                marked.and_then(|marked| marked.backlog_growth).into(),
            ),
            ("error", text(self.marked.as_ref().err().cloned())),
        ];
        values
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }
}

/// As many whole words as have at most so many letters.
fn first_words(text: &str, most: usize) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() && short.chars().count() + 1 + word.chars().count() > most {
            return short + " …";
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short += word;
    }
    short
}

/// A text whose words of more than [`MOST_IN_WORD`] letters go on in a new line, if possible behind a sign such as `_`.
fn with_broken_words(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let (mut lines, mut line) = (vec![], String::new());
        for part in word.split_inclusive(|letter: char| !letter.is_alphanumeric()) {
            let length = line.chars().count();
            if length > 0 && length + part.chars().count() > MOST_IN_WORD {
                lines.push(std::mem::take(&mut line));
            }
            for letter in part.chars() {
                if line.chars().count() == MOST_IN_WORD {
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

/// How many machines its runs have.
fn machines(marked: &Marked) -> String {
    let (least, most) = (marked.machines.start(), marked.machines.end());
    match least == most {
        true => most.to_string(),
        false => format!("{least} to {most}"),
    }
}

/// A table with a row for each submission. The caption lists all errors and failed checks in full.
pub fn table(class: &Class) -> Table {
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
        "jump, lag, growth: of the slowest machine, the mean jump of its clock, its lag behind the largest clock at the end, and the growth \
         of its backlog in messages/s; means over all runs, none if it is not known in one."
            .to_owned(),
        "assumed: what the logs do not say and was taken from them; `analyze import` of one submission tells more."
            .to_owned(),
    ];
    caption.extend(class.submissions.iter().filter_map(Submission::detail));
    Table {
        title: "Class",
        headings: headings.map(str::to_owned).to_vec(),
        numeric: vec![false, false, true, true, true, true, true, false],
        rows: class.submissions.iter().map(Submission::row).collect(),
        caption,
    }
}

/// A record for each submission.
pub fn records(class: &Class) -> Vec<Record> {
    class.submissions.iter().map(Submission::record).collect()
}
