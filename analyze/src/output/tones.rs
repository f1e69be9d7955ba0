//! Which words of tables and paragraphs have a colour on a terminal. Such a word has a tone (good, doubtful or bad), and marks of width 0 are
//! put around it. The console replaces the marks by colours when the table has been laid out, because the characters of a colour would count
//! as letters in the layout.

use sim::console::colour::{Tone, marked};
use sim::table::NO_BREAK;

use super::table::Table;

/// The index of a table's column in which words have colours, and a function that returns the tone of a word, or `None` if it has no tone.
pub type ColouredColumn = (usize, fn(&str) -> Option<Tone>);

/// The tone of a word of a claim's verdict (such as `confirmed`), of the verdict of one of its tests (such as `holds`) or of a regime (such as
/// `stable`).
pub(crate) fn tone_of_verdict(word: &str) -> Option<Tone> {
    // Without punctuation: for example, `undecided; n 400?` contains the word `undecided;`.
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
    // `word` ends with the space after it, which stays outside the marks. Of two spaces, the second is a `word` without letters.
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

/// The paragraph with marks around the result of a check, if it begins with one.
pub fn paragraph_with_marks(paragraph: &str) -> String {
    let results = [("Check passed", Tone::Good), ("CHECK FAILED", Tone::Bad)];
    let mut results = results.into_iter();
    // `None` if the paragraph does not begin with `words`.
    let with_mark = |(words, tone)| Some(marked(words, tone) + paragraph.strip_prefix(words)?);
    results
        .find_map(with_mark)
        .unwrap_or_else(|| paragraph.to_owned())
}
