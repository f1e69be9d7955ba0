//! Finds possible ways to split the lines of logs into records. A record is the text of one event: one line, or several.

use std::collections::BTreeMap;

use crate::import::reading::RunTexts;
use crate::import::{formats, patterns};

/// The search for lines that begin a record examines only the first lines of each file, at most this number.
const MAX_LINES_OF_FILE: usize = 200;

/// Possible ways to split lines into records. Each way is a value of `record` in a mapping (a TOML file that says how logs are read):
///
/// - `None`: each line is a record.
/// - [`patterns::BLANK`]: blank lines separate records. Possible only if a file has a blank line between other lines.
/// - A regular expression: each record begins with a line that matches it.
pub(super) fn possible_records(texts: &[RunTexts]) -> Vec<Option<String>> {
    let files = || {
        texts
            .iter()
            .flat_map(|run| &run.files)
            .map(|(_, text)| text.as_str())
    };
    let mut possible = vec![None];
    let has_blank_lines =
        files().any(|text| text.trim().lines().any(|line| line.trim().is_empty()));
    if has_blank_lines {
        possible.push(Some(patterns::BLANK.to_owned()));
    }
    possible.extend(patterns_like_first_line(files()).into_iter().map(Some));
    // A line that begins with a word for an event, such as `Send`. At most two words can be before it: `event`, and then any word or number,
    // as in `Event 7: send`.
    let event_word =
        r"(?i)^\W*(?:event\W+)?(?:\w+\W+)?(?:sen[dt]|receive|internal|broadcast|local)".to_owned();
    possible.push(Some(event_word));
    // For each beginning, the number of lines with this beginning. The beginning of a line is the text before its first blank, digit, `:` or
    // `=`.
    let mut beginnings: BTreeMap<String, usize> = BTreeMap::new();
    let mut examined = 0;
    for line in files()
        .flat_map(|text| text.lines().take(MAX_LINES_OF_FILE))
        .filter(|line| !line.trim().is_empty())
    {
        examined += 1;
        let end = line.find(|letter: char| {
            letter.is_whitespace() || letter.is_ascii_digit() || ":=".contains(letter)
        });
        *beginnings
            .entry(line[..end.unwrap_or(line.len())].to_owned())
            .or_default() += 1;
    }
    // Records of several lines are expected to have 2 to 12 lines on average. So the beginning of their first lines must occur in at most
    // half of all examined lines, and in at least a twelfth.
    let can_begin_records = |(beginning, count): &(&String, &usize)| {
        !beginning.is_empty() && **count * 12 >= examined && **count * 2 <= examined
    };
    possible.extend(
        beginnings
            .iter()
            .filter(can_begin_records)
            .map(|(beginning, _)| Some(format!("^{}", regex::escape(beginning)))),
    );
    possible
}

/// Patterns that may match the first line of every record. The first line of the first file is the first line of a record. There is a
/// pattern for each of these properties that this line has:
///
/// - It begins with a time.
/// - It begins with a digit, while some other lines do not.
/// - It is not indented, while some other lines are.
fn patterns_like_first_line<'t>(mut files: impl Iterator<Item = &'t str>) -> Vec<String> {
    let Some(text) = files.next() else {
        return vec![];
    };
    let lines = || {
        let lines = text.lines().take(MAX_LINES_OF_FILE);
        lines.filter(|line| !line.trim().is_empty())
    };
    let first = lines().next().unwrap_or_default();
    // Signs before a time, such as `[`, are skipped here, and by `^\W*` in the pattern.
    let begin = first.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let time = formats::at_beginning(begin)
        .map(|(format, _)| format!(r"^\W*(?:{})", formats::FORMATS[format].pattern));
    let begins_with_digit = |line: &str| line.starts_with(|letter: char| letter.is_ascii_digit());
    let is_indented = |line: &str| line.starts_with([' ', '\t']);
    let digit_differs = begins_with_digit(first) && lines().any(|line| !begins_with_digit(line));
    let indent_differs = !is_indented(first) && lines().any(is_indented);
    let digit = digit_differs.then(|| r"^\d".to_owned());
    let no_indent = indent_differs.then(|| r"^\S".to_owned());
    [time, digit, no_indent].into_iter().flatten().collect()
}
