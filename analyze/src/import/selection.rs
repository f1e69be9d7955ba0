//! Decides which files of a run are its logs. Copies, summaries and empty files are not logs.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::names;
use super::reading::RunTexts;
use super::report::Report;
use crate::error::Error;

/// Minimum number of words for events, and of times, in a log.
const LEAST_EVENTS: usize = 3;
/// Maximum number of lines per event in a log.
const MOST_LINES_PER_EVENT: usize = 10;
/// Number of lines of a file that are examined.
const MOST_LINES: usize = 2_000;
/// Files with fewer lines are not checked for lines that are written twice.
const LEAST_TWICE: usize = 10;

static EVENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:send|sent|receiv|recv|internal|broadcast)").expect("a pattern")
});
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d:\d{2}:\d{2}|\d{9,}").expect("a pattern"));

/// Counts the words for events, the times and the lines at the beginning of a text.
fn counts(text: &str) -> [usize; 3] {
    let mut counts = [0; 3];
    for line in text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(MOST_LINES)
    {
        let found = [EVENT.is_match(line), TIME.is_match(line), true];
        for (count, found) in counts.iter_mut().zip(found) {
            *count += usize::from(found);
        }
    }
    counts
}

/// Whether a text has words for events and times often enough for a log.
pub(super) fn looks_like_log(text: &str) -> bool {
    let [events, times, lines] = counts(text);
    let least = LEAST_EVENTS.max(lines / MOST_LINES_PER_EVENT);
    events >= least && times >= least
}

/// Whether a text has a word for an event and a time anywhere.
pub(super) fn may_be_log(text: &str) -> bool {
    let [events, times, _] = counts(text);
    events > 0 && times > 0
}

/// Removes copies of files in the same folder. A copy has the same content as another file, and the same name with words added,
/// such as `vm1 (2).log` or `vm1 - Copy.log`. Files of two machines may have the same content, because their names differ in
/// another way.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be read.
pub(super) fn without_copies(
    paths: Vec<PathBuf>,
    report: &mut Report,
) -> Result<Vec<PathBuf>, Error> {
    let mut originals = vec![];
    for path in &paths {
        let of = |other: &&PathBuf| *other != path && is_named_as_copy(path, other);
        let mut copied = None;
        for original in paths.iter().filter(of) {
            if have_same_content(path, original)? {
                copied = Some(original);
                break;
            }
        }
        match copied {
            Some(original) => report.understood.assume(format!(
                "{} is left out, because it is a copy of {}.",
                path.display(),
                original.display()
            )),
            None => originals.push(path.clone()),
        }
    }
    Ok(originals)
}

/// Whether a file's name is the name of another file in the same folder with words before or after it.
fn is_named_as_copy(path: &Path, original: &Path) -> bool {
    let (copy, name) = (names::stem(path), names::stem(original));
    let is_apart = |rest: &str, letter: Option<char>| {
        !rest.is_empty() && letter.is_some_and(|letter| !letter.is_alphanumeric())
    };
    let behind = copy.strip_prefix(&name);
    let before = copy.strip_suffix(&name);
    path.parent() == original.parent()
        && (behind.is_some_and(|rest| is_apart(rest, rest.chars().next()))
            || before.is_some_and(|rest| is_apart(rest, rest.chars().next_back())))
}

fn have_same_content(path: &Path, other: &Path) -> Result<bool, Error> {
    let bytes = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
    let read = |path: &Path| fs::read(path).map_err(Error::io(path));
    let own = bytes(path).map_err(Error::io(path))?;
    let is_as_long = own > 0 && own == bytes(other).map_err(Error::io(other))?;
    Ok(is_as_long && read(path)? == read(other)?)
}

/// Leaves out the files of each run that are not logs. In a folder with files that look like logs, these are the empty files, and
/// the files without an event that has a time. A file whose lines are all in at least two other files of the run is left out too.
/// If all lines of a file are written twice, each is read once.
///
/// # Errors
///
/// [`Error::Import`] if a file that the user named is empty, or if all files of a folder are empty.
pub(super) fn select(texts: &mut [RunTexts], report: &mut Report) -> Result<(), Error> {
    let is_empty = |text: &str| text.trim_start_matches('\u{feff}').trim().is_empty();
    for run in texts.iter() {
        let mut empty = run.files.iter().filter(|(_, text)| is_empty(text));
        if let Some((path, _)) = empty.next()
            && (!run.from_folder || empty.count() + 1 == run.files.len())
        {
            return Err(Error::import(path, None, "the file is empty".to_owned()));
        }
    }
    let has_logs = texts
        .iter()
        .any(|run| run.files.iter().any(|(_, text)| looks_like_log(text)));
    for run in texts {
        let combined = find_combined_file(run);
        let from_folder = run.from_folder;
        let files = std::mem::take(&mut run.files);
        let has_own_logs = files.iter().any(|(_, text)| looks_like_log(text));
        for (index, (path, text)) in files.into_iter().enumerate() {
            let name = path.display().to_string();
            if combined == Some(index) {
                report.understood.assume(format!(
                    "{name} is left out, because all its lines are in the other files."
                ));
            } else if from_folder && is_empty(&text) {
                report
                    .understood
                    .assume(format!("{name} is left out, because the file is empty."));
            } else if from_folder && has_logs && has_own_logs && !may_be_log(&text) {
                report.leave_out_files([name].into_iter(), 0);
            } else {
                run.files.push((path, text));
            }
        }
        for (path, text) in &mut run.files {
            if let Some(once) = undouble_lines(text) {
                report.understood.assume(format!(
                    "{}: every line is written twice, and is read once.",
                    path.display()
                ));
                *text = once;
            }
        }
    }
    Ok(())
}

/// Finds a combined file: one whose lines are all in at least two other files of the run, perhaps with words before them. None if
/// the run has fewer than three files.
fn find_combined_file(run: &RunTexts) -> Option<usize> {
    let all: usize = run.files.iter().map(|(_, text)| text.len()).sum();
    let is_combined = |index: &usize| {
        let own = &run.files[*index].1;
        if run.files.len() < 3 || own.len() * 10 < (all - own.len()) * 9 {
            return false;
        }
        let others = run.files.iter().enumerate();
        let lines: HashMap<&str, usize> = others
            .filter(|(other, _)| other != index)
            .flat_map(|(other, (_, text))| text.lines().map(move |line| (line.trim(), other)))
            .filter(|(line, _)| !line.is_empty())
            .collect();
        let mut files = BTreeSet::new();
        let own_lines = own.lines().map(str::trim);
        let mut own_lines = own_lines.filter(|line| !line.is_empty());
        let is_known = own_lines.all(|line| {
            let file = ends(line).find_map(|end| lines.get(end));
            file.is_some_and(|file| {
                files.insert(*file);
                true
            })
        });
        is_known && files.len() > 1
    };
    (0..run.files.len()).find(is_combined)
}

/// A line, and each of its endings after a sign or blank.
fn ends(line: &str) -> impl Iterator<Item = &str> {
    let signs = line
        .char_indices()
        .filter(|(_, letter)| !letter.is_alphanumeric());
    let behind = signs.map(|(at, letter)| line[at + letter.len_utf8()..].trim_start());
    std::iter::once(line).chain(behind)
}

/// If each line of a text is written twice in a row, replaces each second one by a blank line. None if this is not so.
fn undouble_lines(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_second =
        |index: usize, line: &str| index > 0 && !line.trim().is_empty() && lines[index - 1] == line;
    let filled = lines.iter().filter(|line| !line.trim().is_empty()).count();
    let mut once = String::with_capacity(text.len());
    let (mut seconds, mut was_second) = (0, false);
    for (index, line) in lines.iter().enumerate() {
        was_second = !was_second && is_second(index, line);
        seconds += usize::from(was_second);
        if !was_second {
            once.push_str(line);
        }
        once.push('\n');
    }
    (filled >= LEAST_TWICE && seconds * 2 + 2 >= filled).then_some(once)
}

/// The error for a file that would be left out although it looks like a log, in another format than the file `read`.
pub(super) fn other_format(path: &Path, read: &Path) -> Error {
    let problem = format!(
        "this file looks like a log in another format than {}. All files of a run must have the same format: \
         convert one of the files, or read both with a --mapping. If this file is not a log, move it out of \
         the folder",
        read.display()
    );
    Error::import(path, None, problem)
}
