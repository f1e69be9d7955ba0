//! Finds possible ways to split the lines of logs into records.

use std::collections::BTreeMap;

use super::LEAST_OF_FILE;
use crate::import::reading::RunTexts;
use crate::import::{formats, patterns};

/// Possible ways to split lines into records, as values of `record` in a mapping: each line is a record; blank lines separate
/// records; or each record begins with a line that matches a pattern.
pub(super) fn possible_records(texts: &[RunTexts]) -> Vec<Option<String>> {
    let files = || {
        texts
            .iter()
            .flat_map(|run| &run.files)
            .map(|(_, text)| text.as_str())
    };
    let mut possible = vec![None];
    let blank = files().any(|text| text.trim().lines().any(|line| line.trim().is_empty()));
    if blank {
        possible.push(Some(patterns::BLANK.to_owned()));
    }
    // // How often lines begin with the same word or sign, among the first lines of the files.
    let mut begins: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = 0;
    for line in files()
        .flat_map(|text| text.lines().take(LEAST_OF_FILE))
        .filter(|line| !line.trim().is_empty())
    {
        all += 1;
        let end = line.find(|letter: char| {
            letter.is_whitespace() || letter.is_ascii_digit() || ":=".contains(letter)
        });
        *begins
            .entry(line[..end.unwrap_or(line.len())].to_owned())
            .or_default() += 1;
    }
    let events =
        r"(?i)^\W*(?:event\W+)?(?:\w+\W+)?(?:sen[dt]|receive|internal|broadcast|local)".to_owned();
    possible.extend(first_lines(files()).into_iter().map(Some));
    possible.push(Some(events));
    let is_often = |(begin, count): &(&String, &usize)| {
        !begin.is_empty() && **count * 12 >= all && **count * 2 <= all
    };
    possible.extend(
        begins
            .iter()
            .filter(is_often)
            .map(|(begin, _)| Some(format!("^{}", regex::escape(begin)))),
    );
    possible
}

/// Other patterns that the first line of a record is likely to match, if the first line of each file matches: it begins with a
/// time or a digit, or it is not indented while other lines are.
fn first_lines<'t>(mut files: impl Iterator<Item = &'t str>) -> Vec<String> {
    let Some(text) = files.next() else {
        return vec![];
    };
    let lines = || {
        let lines = text.lines().take(LEAST_OF_FILE);
        lines.filter(|line| !line.trim().is_empty())
    };
    let first = lines().next().unwrap_or_default();
    let begin = first.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let time = formats::at_beginning(begin)
        .map(|(format, _)| format!(r"^\W*(?:{})", formats::FORMATS[format].pattern));
    let is_indented = |line: &str| line.starts_with([' ', '\t']);
    let plain = [
        (first.starts_with(|letter: char| letter.is_ascii_digit())
            && lines().any(|line| !line.starts_with(|letter: char| letter.is_ascii_digit())))
        .then(|| r"^\d".to_owned()),
        (!is_indented(first) && lines().any(is_indented)).then(|| r"^\S".to_owned()),
    ];
    time.into_iter()
        .chain(plain.into_iter().flatten())
        .collect()
}
