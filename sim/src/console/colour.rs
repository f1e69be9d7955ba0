//! Colours of words on stdout.
//!
//! The escape sequences that colour a word on a terminal would count as letters when a table is laid out. So [`marked`] only puts marks
//! (characters of width 0) around the word. Then the table is laid out. In the end [`coloured`] replaces the marks by escape sequences.

use std::env;

use console::{Color, Style};

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Green, for words such as `confirmed` (a verdict) or `stable` (a regime).
    Good,
    /// Yellow, for words such as `undecided` or `critical`.
    Doubtful,
    /// Red, for words such as `refuted` or `overloaded`, and for the number of failures.
    Bad,
}

/// Each tone, the character that begins a marked word, and the colour.
const TONES: [(Tone, char, Color); 3] = [
    (Tone::Good, '\u{2061}', Color::Green),
    (Tone::Doubtful, '\u{2062}', Color::Yellow),
    (Tone::Bad, '\u{2063}', Color::Red),
];

/// The character that ends a marked word.
const END: char = '\u{2064}';

/// Returns whether text on stdout has colours. By default it has colours if stdout is a terminal that can show them. The environment
/// variables `CLICOLOR=0` and `NO_COLOR` (with any text that is not empty) switch colours off. `CLICOLOR_FORCE=1` switches them on, even if
/// stdout is no terminal, unless `NO_COLOR` switches them off.
pub fn stdout_has_colours() -> bool {
    let is_no_color_set = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_no_color_set && console::colors_enabled()
}

/// Puts marks around `word`. The marks have no width on the screen. Later, [`coloured`] replaces the marks by a colour.
pub fn marked(word: &str, tone: Tone) -> String {
    // Exactly one entry of `TONES` has this tone, so `start` is a single character.
    let of_tone = TONES.into_iter().filter(|(other, ..)| *other == tone);
    let start: String = of_tone.map(|(_, start, _)| start).collect();
    format!("{start}{word}{END}")
}

/// Replaces the marks of [`marked`] by escape sequences. If a line ends within a marked word, the colour ends there
/// too, so the next line has none.
pub fn coloured(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((mark_index, color)) = first_mark(rest) {
        shown.push_str(&rest[..mark_index]);
        // The mark at the start of a word has as many bytes as `END`.
        let from_word = &rest[mark_index + END.len_utf8()..];
        let word_bytes = from_word.find([END, '\n']).unwrap_or(from_word.len());
        let (word, after_word) = from_word.split_at(word_bytes);
        let style = Style::new().fg(color).force_styling(true);
        shown.push_str(&style.apply_to(word).to_string());
        rest = after_word;
    }
    shown.push_str(rest);
    // The end marks of coloured words are still there.
    shown.retain(|letter| letter != END);
    shown
}

/// The index of the first character that begins a marked word, and the word's colour. `None` if no word is marked.
fn first_mark(text: &str) -> Option<(usize, Color)> {
    let index = text.find(TONES.map(|(_, start, _)| start))?;
    let is_here = |(_, start, _): &(Tone, char, Color)| text[index..].starts_with(*start);
    let (.., color) = TONES.into_iter().find(is_here)?;
    Some((index, color))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::display_width;

    #[test]
    fn marks_have_no_width_and_become_colours() {
        let tones = [Tone::Good, Tone::Doubtful, Tone::Bad];
        let text = tones.map(|tone| marked("word", tone)).join(" ");
        assert_eq!(display_width(&text), "word word word".len());
        assert_eq!(
            coloured(&format!("a {text} b")),
            "a \x1b[32mword\x1b[0m \x1b[33mword\x1b[0m \x1b[31mword\x1b[0m b"
        );
        assert_eq!(coloured("no colour"), "no colour");
    }

    #[test]
    fn a_colour_ends_with_the_line() {
        let text = marked("broken\nword", Tone::Bad);
        let shown = coloured(&text);
        assert_eq!(shown, "\x1b[31mbroken\x1b[0m\nword");
    }
}
