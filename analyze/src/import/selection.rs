//! Decides which files of a run are its logs, by their names and texts. Copies, summaries and empty files are not logs.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::mapping::Mapping;
use super::names;
use super::reading::RunTexts;
use super::report::Report;
use crate::error::Error;

/// A log has at least this number of lines with a word for an event, and at least this number of lines with a time.
const MIN_EVENTS: usize = 3;
/// Of `n` lines of a log, at least `n` divided by this number have a word for an event, and at least `n` divided by this number
/// have a time. For example, at least 5 of 50 lines.
const MAX_LINES_PER_EVENT: usize = 10;
/// At most this many lines of a file are examined: the first ones that are not blank.
const MAX_EXAMINED_LINES: usize = 2_000;
/// Files with fewer lines than this are not checked for lines that are written twice.
const MIN_DOUBLED_LINES: usize = 10;

/// The most usual words for events.
static EVENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:send|sent|receiv|recv|internal|broadcast)").expect("a pattern")
});
/// A time of day such as `12:05:30`, or a number of at least nine digits, such as a Unix time.
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d:\d{2}:\d{2}|\d{9,}").expect("a pattern"));

/// Three numbers of lines, counted in the first lines of a text (see [`MAX_EXAMINED_LINES`]).
#[derive(Default)]
struct LineCounts {
    /// Lines with a word for an event.
    events: usize,
    /// Lines with a time.
    times: usize,
    /// All examined lines.
    all: usize,
}

impl LineCounts {
    fn count(text: &str, has_event_word: impl Fn(&str) -> bool) -> Self {
        let mut counts = Self::default();
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        for line in lines.take(MAX_EXAMINED_LINES) {
            counts.events += usize::from(has_event_word(line));
            counts.times += usize::from(TIME.is_match(line));
            counts.all += 1;
        }
        counts
    }
}

/// Whether a text has enough lines with a word for an event, and enough lines with a time, to be a log.
pub(super) fn looks_like_log(text: &str) -> bool {
    let LineCounts { events, times, all } = LineCounts::count(text, |line| EVENT.is_match(line));
    let min = MIN_EVENTS.max(all / MAX_LINES_PER_EVENT);
    events >= min && times >= min
}

/// Whether a text has at least one word for an event and at least one time, among the lines that are examined.
pub(super) fn may_be_log(text: &str) -> bool {
    has_event_and_time(text, |line| EVENT.is_match(line))
}

/// Whether `has_event_word` is true for at least one of the examined lines, and at least one of them has a time.
fn has_event_and_time(text: &str, has_event_word: impl Fn(&str) -> bool) -> bool {
    let LineCounts { events, times, .. } = LineCounts::count(text, has_event_word);
    events > 0 && times > 0
}

/// Removes copies of files in the same folder. A copy has the same content as another file, and the same name with words added,
/// such as `vm1 (2).log` or `vm1 - Copy.log`. Other files with equal content stay: they can be the logs of two machines.
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
        let may_be_original = |other: &&PathBuf| *other != path && is_named_as_copy(path, other);
        let mut original_of_copy = None;
        for original in paths.iter().filter(may_be_original) {
            if have_same_content(path, original)? {
                original_of_copy = Some(original);
                break;
            }
        }
        match original_of_copy {
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

/// Whether the name of the file `path` is the name of `original` with text before or after it, and both are in the same folder. A
/// character that is neither a letter nor a digit must separate the text from the name.
fn is_named_as_copy(path: &Path, original: &Path) -> bool {
    let (copy, name) = (names::stem(path), names::stem(original));
    let is_separator =
        |letter: Option<char>| letter.is_some_and(|letter| !letter.is_alphanumeric());
    let text_after = copy.strip_prefix(&name);
    let text_before = copy.strip_suffix(&name);
    path.parent() == original.parent()
        && (text_after.is_some_and(|text| is_separator(text.chars().next()))
            || text_before.is_some_and(|text| is_separator(text.chars().next_back())))
}

/// Whether two files have the same content. False for empty files, which [`select`] reports or leaves out.
fn have_same_content(path: &Path, other: &Path) -> Result<bool, Error> {
    let byte_count = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
    let read = |path: &Path| fs::read(path).map_err(Error::io(path));
    let length = byte_count(path).map_err(Error::io(path))?;
    let have_same_length = length > 0 && length == byte_count(other).map_err(Error::io(other))?;
    Ok(have_same_length && read(path)? == read(other)?)
}

/// Leaves out the files of each run that are not logs:
///
/// - a combined file: each of its lines is in another file of the run, and these lines come from at least two files
/// - empty files, if the user named the folder and not the files
/// - files with no word for an event or with no time, if the user named the folder, and another file of the run looks like a log. The words
///   are all known words and those of the mapping `given`. So the log of a machine that never sends or receives is kept
///
/// If a file is kept, and nearly all its lines are written twice in a row, each line is read only once.
///
/// # Errors
///
/// [`Error::Import`] if a file that the user named is empty, or if all files of a folder are empty.
pub(super) fn select(
    texts: &mut [RunTexts],
    given: &Mapping,
    report: &mut Report,
) -> Result<(), Error> {
    // A file with only a byte order mark (U+FEFF, which some editors write at the start) is empty too.
    let is_empty = |text: &str| text.trim_start_matches('\u{feff}').trim().is_empty();
    for run in texts.iter() {
        let empty = || run.files.iter().filter(|(_, text)| is_empty(text));
        let are_all_empty = empty().count() == run.files.len();
        if let Some((path, _)) = empty().next()
            && (!run.from_folder || are_all_empty)
        {
            return Err(Error::import(path, None, "the file is empty".to_owned()));
        }
    }
    for run in texts {
        let combined = find_combined_file(run);
        let from_folder = run.from_folder;
        let files = std::mem::take(&mut run.files);
        let has_logs = files.iter().any(|(_, text)| looks_like_log(text));
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
            } else if from_folder
                && has_logs
                && !has_event_and_time(&text, |line| given.has_event_word(line))
            {
                // 0, because `find_runs` has already added the hidden files to the report.
                let hidden_files = 0;
                report.leave_out_files([name].into_iter(), hidden_files);
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

/// Finds a combined file: each of its lines is in another file of the run, and these lines come from at least two other files. A line of
/// the combined file may begin with further words, such as the name of the machine. Returns the index of the combined file. None if
/// there is no such file, or if the run has fewer than three files.
fn find_combined_file(run: &RunTexts) -> Option<usize> {
    let all_bytes: usize = run.files.iter().map(|(_, text)| text.len()).sum();
    let is_combined = |index: &usize| {
        let own_text = &run.files[*index].1;
        // A combined file is about as long as all other files together: here, at least 90 % of their length.
        let is_too_short = own_text.len() * 10 < (all_bytes - own_text.len()) * 9;
        if run.files.len() < 3 || is_too_short {
            return false;
        }
        let others = run.files.iter().enumerate();
        // The lines of the other files, each with the index of its file.
        let file_of_line: HashMap<&str, usize> = others
            .filter(|(other, _)| other != index)
            .flat_map(|(other, (_, text))| text.lines().map(move |line| (line.trim(), other)))
            .filter(|(line, _)| !line.is_empty())
            .collect();
        let mut found_files: BTreeSet<usize> = BTreeSet::new();
        let own_lines = own_text.lines().map(str::trim);
        let mut own_lines = own_lines.filter(|line| !line.is_empty());
        let are_all_found = own_lines.all(|line| {
            let file = endings(line).find_map(|ending| file_of_line.get(ending));
            found_files.extend(file);
            file.is_some()
        });
        are_all_found && found_files.len() > 1
    };
    (0..run.files.len()).find(is_combined)
}

/// Returns the whole line and, for each character that is neither a letter nor a digit, the text after this character. For example, the
/// endings of `vm1: SEND 5` are the line itself, `SEND 5` (twice: after the colon and after the first blank) and `5`.
fn endings(line: &str) -> impl Iterator<Item = &str> {
    let signs = line
        .char_indices()
        .filter(|(_, letter)| !letter.is_alphanumeric());
    let endings = signs.map(|(index, sign)| line[index + sign.len_utf8()..].trim_start());
    std::iter::once(line).chain(endings)
}

/// If nearly each line of a text is written twice in a row, replaces each repetition by a blank line, so that the line numbers of
/// the other lines stay the same. Returns None if more than two lines are written only once, or if the text is short.
fn undouble_lines(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_like_previous =
        |index: usize, line: &str| index > 0 && !line.trim().is_empty() && lines[index - 1] == line;
    let nonblank_lines = lines.iter().filter(|line| !line.trim().is_empty()).count();
    let mut once = String::with_capacity(text.len());
    let (mut repetitions, mut is_repetition) = (0, false);
    for (index, line) in lines.iter().enumerate() {
        // The line after a repetition is the first of the next pair, even if it is the same line again.
        let was_repetition = is_repetition;
        is_repetition = !was_repetition && is_like_previous(index, line);
        repetitions += usize::from(is_repetition);
        if !is_repetition {
            once.push_str(line);
        }
        once.push('\n');
    }
    // Each repetition stands for a pair of lines. At most two lines may be outside the pairs.
    let are_doubled = repetitions * 2 + 2 >= nonblank_lines;
    (nonblank_lines >= MIN_DOUBLED_LINES && are_doubled).then_some(once)
}

/// The error for a file that looks like a log, but whose format is not understood. The error names `known_log`, a file whose format is
/// understood, for comparison.
pub(super) fn other_format(path: &Path, known_log: &Path) -> Error {
    let problem = format!(
        "this file looks like a log in another format than {}. All files of a run must have the same format: \
         convert one of the files, or read both with a --mapping. If this file is not a log, move it out of \
         the folder",
        known_log.display()
    );
    Error::import(path, None, problem)
}
