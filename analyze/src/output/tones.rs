//! Which words of tables and paragraphs have a colour on a terminal. Such a word has a tone (good, doubtful or bad), and marks of width 0 are
//! put around it. The marks are replaced by colours only after the table has been laid out, because the layout would count the escape
//! sequence of a colour as letters.

use sim::console::colour::{Tone, marked};
use sim::table::NO_BREAK;

use super::table::Table;

/// The index of a table's column in which words have colours, and a function that returns the tone of a word, or `None` if it has no tone.
pub type ColouredColumn = (usize, fn(&str) -> Option<Tone>);

/// The tone of a word. Three kinds of words have one: verdicts of claims (such as `confirmed`), verdicts of a claim's tests (such as
/// `holds`), and regimes (such as `stable`).
pub(crate) fn tone_of_verdict(word: &str) -> Option<Tone> {
    // Without punctuation, because the first word of a cell such as `undecided; n 400?` is `undecided;`.
    match word.trim_matches(|letter: char| !letter.is_alphanumeric()) {
        "confirmed" | "holds" | "stable" => Some(Tone::Good),
        "critical" | "depends" | "undecided" => Some(Tone::Doubtful),
        "fails" | "overloaded" | "refuted" => Some(Tone::Bad),
        _ => None,
    }
}

/// The tone of a number of failures: bad unless it is 0.
pub(crate) fn tone_of_failures(count: &str) -> Option<Tone> {
    (count != "0").then_some(Tone::Bad)
}

impl Table {
    /// The table with marks around the words that have a colour.
    pub fn with_marks(mut self) -> Self {
        if let Some((index, tone_of)) = self.coloured {
            for row in &mut self.rows {
                row[index] = cell_with_marks(&row[index], tone_of);
            }
        }
        self
    }
}

fn cell_with_marks(cell: &str, tone_of: fn(&str) -> Option<Tone>) -> String {
    // `word` includes the space after the word. `bare` does not, and only `bare` gets marks. If two spaces follow each other, the second
    // space is a `word` of its own, and its `bare` is empty.
    let with_mark = |word: &str| {
        let bare = word.trim_end();
        match tone_of(bare) {
            Some(tone) if !bare.is_empty() => marked(bare, tone) + &word[bare.len()..],
            _ => word.to_owned(),
        }
    };
    cell.split_inclusive([' ', NO_BREAK, '\n'])
        .map(with_mark)
        .collect()
}

/// Puts marks around the result of a check (such as `Check passed`) if the paragraph begins with such a result.
pub fn paragraph_with_marks(paragraph: &str) -> String {
    let results = [("Check passed", Tone::Good), ("CHECK FAILED", Tone::Bad)];
    let mut results = results.into_iter();
    // `None` if the paragraph does not begin with `words`.
    let with_mark = |(words, tone)| Some(marked(words, tone) + paragraph.strip_prefix(words)?);
    results
        .find_map(with_mark)
        .unwrap_or_else(|| paragraph.to_owned())
}
