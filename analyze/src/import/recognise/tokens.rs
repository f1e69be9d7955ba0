//! Splits a record (one line of a log, or several) into tokens: words, numbers, names, times, signs and blanks.

use once_cell::sync::Lazy;
use regex::Regex;

use super::evidence::{self, Field};
use crate::import::mapping::Kind;
use crate::import::{formats, kinds, peers};

/// The class of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Blanks and tabs.
    Space,
    /// The end of a line within a record.
    End,
    /// A sign: a single character that belongs to no other class, such as a colon.
    Mark,
    /// Letters.
    Word,
    /// Letters and digits, such as `vm2`.
    Name,
    Number,
    /// Numbers in brackets, such as `[1, 2]`.
    List,
    /// The names of peers (the recipients of a send, or the sender of a received message) after a word such as `to` or `from`.
    Peers,
    /// A time, with the index of its format in [`formats::FORMATS`].
    Time(usize),
}

impl Class {
    /// Whether a token of this class is a value, which can differ from line to line. The place of such a value in a line is a slot.
    pub(super) fn is_slot(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Number | Self::List | Self::Peers | Self::Time(_)
        )
    }
}

/// A token and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) class: Class,
    pub(super) text: &'t str,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| unreachable!("{error}"))
}

// The next constants are regular expressions for tokens. The module `pattern` builds regular expressions for whole records from them.

/// A number, perhaps with a sign, decimals and an exponent.
pub(super) const NUMBER: &str = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?";
/// Letters, digits, underscores and apostrophes.
pub(super) const NAME: &str = r"[\p{L}\d_']+";
/// Letters, underscores and apostrophes.
pub(super) const WORD: &str = r"[\p{L}_']+";
/// One or more numbers in brackets.
pub(super) const LIST: &str = r"[\[(<{]\s*\d+(?:\s*[,;\s]\s*\d+)*\s*[\])>}]";
/// One or more names: in brackets (`[vm1, vm2]`), or joined by `and`, a comma or another sign (`node 1, 2 and 3`). A word such as `node` may
/// come before each name. [`AT_PEERS`] is stricter, because it has to recognise names in any text. `PEERS` is used only at places where names
/// were already recognised in similar records.
pub(super) const PEERS: &str = r"(?:[\[({][^\[\](){}]*[\])}]|(?:\p{L}[\p{L}_]*[ #-])?[\p{L}\d_':.]*[\p{L}\d_](?:(?:, ?and | and |[ ]?[;&+/][ ]?|, ?)(?:\p{L}[\p{L}_]*[ #-])?[\p{L}\d_':.]*[\p{L}\d_])*)";

// The next regular expressions match only at the beginning of a text.

static AT_NUMBER: Lazy<Regex> = Lazy::new(|| regex(&format!("^{NUMBER}")));
static AT_LIST: Lazy<Regex> = Lazy::new(|| regex(&format!("^{LIST}")));
static AT_NAME: Lazy<Regex> = Lazy::new(|| regex(r"^[\p{L}\d_][\p{L}\d_']*"));
/// One name, several names in brackets, or several names joined by `and` or by a sign such as `&`. A comma joins names only in brackets or
/// before `and`.
static AT_PEERS: Lazy<Regex> = Lazy::new(|| {
    // A word with a digit, or a single capital letter.
    let name = r"(?:\p{L}*_?\d[\p{L}\d_]*|\p{Lu}\b)";
    regex(&format!(
        r"^(?:[\[({{]\s*'?{name}'?(?:\s*[,;]\s*'?{name}'?)*\s*,?\s*[\])}}]|{name}(?:(?:, ?and | and |[ ]?[;&+/][ ]?)(?:\p{{L}}[\p{{L}}_]*[ #-])?{name})*)"
    ))
});
/// Several numbers joined by commas and blanks. They are names only after a plural (`machines 2, 3`) or a colon.
static AT_NUMBERED_PEERS: Lazy<Regex> = Lazy::new(|| regex(r"^\d+(?:, \d+)+\b"));
/// Several numbers joined by commas, with or without blanks, after `peer=`.
static AT_LABELLED_PEERS: Lazy<Regex> = Lazy::new(|| regex(r"^\d+(?:, ?\d+)+\b"));
/// A unit of time directly after a number.
static AT_UNIT: Lazy<Regex> =
    Lazy::new(|| regex(r"^(?:s|sec|secs|seconds|ms|us|µs|ns)(?:[^\p{L}\d_]|$)"));
/// A machine's name at the beginning of a record, if the name is one letter. The match includes the sign after the name: `A:` in `A: send`,
/// `A |` in `A | send`, or `A]` in `[A] send`. The letters `R`, `S` and `I` stand for events and are not names.
static AT_LETTER: Lazy<Regex> = Lazy::new(|| regex(r"^[A-HJ-QT-Z](?:\]|:| \|)"));

/// A single capital letter.
static AT_CAPITAL: Lazy<Regex> = Lazy::new(|| regex(r"^\p{Lu}\b"));

/// Splits a record of one or more lines into tokens.
pub(super) fn tokens(record: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = vec![];
    let mut at = 0;
    while at < record.len() {
        let rest = &record[at..];
        let (class, length) = next_token(rest, &tokens);
        tokens.push(Token {
            class,
            text: &rest[..length],
        });
        at += length;
    }
    tokens
}

/// The class and the length in bytes of the token at the beginning of `rest`. `before` has the record's tokens before `rest`.
fn next_token(rest: &str, before: &[Token<'_>]) -> (Class, usize) {
    let first = rest.chars().next().unwrap_or(' ');
    if first == '\n' {
        return (Class::End, 1);
    }
    if first.is_whitespace() {
        let end = rest.find(|letter: char| !letter.is_whitespace() || letter == '\n');
        return (Class::Space, end.unwrap_or(rest.len()));
    }
    if let Some((format, length)) = formats::at_beginning(rest) {
        return (Class::Time(format), length);
    }
    if let Some(length) = peers_at(rest, before) {
        return (Class::Peers, length);
    }
    if let Some(found) = AT_LIST.find(rest) {
        let inside = found.as_str()[1..found.len() - 1].trim();
        // A single number in brackets, such as `[1]` or `[ 1 ]`, is not a list.
        if !inside.bytes().all(|byte| byte.is_ascii_digit()) {
            return (Class::List, found.end());
        }
    }
    // In `machine-1`, the dash is not the sign of a number.
    let is_plus_or_minus = "-+".contains(first);
    let follows_word_or_number = before
        .last()
        .is_some_and(|token| matches!(token.class, Class::Word | Class::Name | Class::Number));
    if first.is_ascii_digit() || (is_plus_or_minus && !follows_word_or_number) {
        let number = AT_NUMBER.find(rest).map(|found| found.end());
        // If letters follow directly, this is a number only if the letters are a unit: `2ms` begins with a number, but `2nd` is a name.
        let has_unit = |end: usize| AT_UNIT.is_match(&rest[end..]);
        if let Some(end) = number.filter(|&end| is_word_end(rest, end) || has_unit(end)) {
            return (Class::Number, end);
        }
    }
    // Opening brackets before `rest` do not matter: in `[A] 7`, the name is at the beginning of the record.
    let begins_record = before.iter().all(|token| token.text == "[");
    if begins_record && AT_LETTER.is_match(rest) {
        return (Class::Name, 1);
    }
    if follows_machine_word(before) && AT_CAPITAL.is_match(rest) {
        return (Class::Name, 1);
    }
    match AT_NAME.find(rest) {
        Some(found)
            if found
                .as_str()
                .contains(|letter: char| letter.is_ascii_digit()) =>
        {
            (Class::Name, found.end())
        }
        Some(found) => (Class::Word, found.end()),
        None => (Class::Mark, first.len_utf8()),
    }
}

/// Whether a word for a machine is directly before, as in `Machine A`.
fn follows_machine_word(before: &[Token<'_>]) -> bool {
    let [.., word, blank] = before else {
        return false;
    };
    let is_machine_word = |word: &str| peers::MACHINE_WORDS.contains(&word.to_lowercase().as_str());
    word.class == Class::Word && blank.text == " " && is_machine_word(word.text)
}

/// The length in bytes of the names of peers at the beginning of `rest`. Names are names of peers if they follow one of these:
///
/// 1. a word such as `to` or `from`, perhaps with words for machines after it: `to machines 2, 3`
/// 2. a word for a send or a receive, and then an arrow: `send -> [0]`
/// 3. `peer=` or `peers:`
///
/// None if `rest` does not begin with such names.
fn peers_at(rest: &str, before: &[Token<'_>]) -> Option<usize> {
    // Whether several numbers in a row can be names: only after a colon or a plural, as in `machines 2, 3`.
    let mut allows_numbers = false;
    // Whether `<`, `>`, `→` or `←` was found before the names. The loop below goes backwards, so it finds the `>` of `->` before the `-`.
    let mut has_arrow = false;
    let mut has_colon_or_equals = false;
    // Whether the names follow `peer=` or `peers:`.
    let mut follows_peer_label = false;
    // Goes back from the beginning of `rest`, token by token, until a word such as `to` or `send` shows that `rest` begins with names of
    // peers.
    for (index, token) in before.iter().enumerate().rev() {
        let earlier = index.checked_sub(1).map(|index| before[index]);
        match token.class {
            Class::Space => {}
            Class::Mark if ":=#\"".contains(token.text) => {
                allows_numbers |= token.text == ":";
                has_colon_or_equals |= ":=".contains(token.text);
            }
            Class::Mark if "<>→←".contains(token.text) => has_arrow = true,
            // A dash is allowed only in `->`, in `<-`, and directly before the names, as in `machine-1`.
            Class::Mark if token.text == "-" => {
                let is_in_name = index + 1 == before.len()
                    && earlier.is_some_and(|word| {
                        peers::MACHINE_WORDS.contains(&word.text.to_lowercase().as_str())
                    });
                let is_in_arrow = has_arrow || earlier.is_some_and(|mark| mark.text == "<");
                if !is_in_arrow && !is_in_name {
                    return None;
                }
            }
            Class::Word => {
                // A token can have several words, such as `sent` and `to` in `sentTo`. The last of them is the nearest to the names.
                let words = kinds::words(token.text);
                let last = words.last().map_or("", String::as_str);
                // `by` counts only after a word for a send, as in `sent by vm2`.
                let is_allowed = last != evidence::BY || ends_with_send(&before[..index]);
                let is_direction = evidence::direction(last).is_some() && is_allowed;
                let is_event_before_arrow = has_arrow
                    && kinds::kind_of_word(last).is_some_and(|kind| kind != Kind::Internal);
                if is_direction || is_event_before_arrow {
                    let numbers = AT_NUMBERED_PEERS.find(rest).filter(|_| allows_numbers);
                    return names_length(rest, numbers);
                }
                // Whether the word may stand between a word such as `to` and the names, as in `to the machines 2, 3`.
                let can_be_between = peers::MACHINE_WORDS.contains(&last)
                    || ["the", "other", "id", "number"].contains(&last);
                // Before an arrow, a word such as `machines` ends the search too.
                if !can_be_between || has_arrow {
                    break;
                }
                // The words `peer` and `peers` get here too, because they are among the `MACHINE_WORDS`.
                follows_peer_label |= has_colon_or_equals && ["peer", "peers"].contains(&last);
                let is_plural = last.ends_with('s') && last != "process";
                allows_numbers |= is_plural;
            }
            _ => break,
        }
    }
    match follows_peer_label {
        true => names_length(rest, AT_LABELLED_PEERS.find(rest)),
        false => None,
    }
}

/// Whether the last word of `tokens` means a send.
fn ends_with_send(tokens: &[Token<'_>]) -> bool {
    let mut tokens = tokens.iter().rev();
    let last = tokens.find(|token| token.class != Class::Space);
    last.is_some_and(|token| kinds::kind_of_word(&token.text.to_lowercase()) == Some(Kind::Send))
}

/// The length in bytes of the names at the beginning of `rest`. If the caller has found a list of numbers there, the names are these
/// `numbers`. Otherwise, the names are what [`AT_PEERS`] finds. None if there are no names, or if letters or digits follow them directly.
fn names_length(rest: &str, numbers: Option<regex::Match<'_>>) -> Option<usize> {
    let found = numbers.or_else(|| AT_PEERS.find(rest));
    let end = found.map(|found| found.end());
    end.filter(|&end| is_word_end(rest, end))
}

/// Whether a word can end at byte `end` of `text`: no letter, digit or underscore follows there.
fn is_word_end(text: &str, end: usize) -> bool {
    !text[end..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

/// Whether a word, or a part of it such as `send` in `sendAll`, is evidence for an event or a field. Lines have the same shape only if they
/// agree in all such words. All other words are masked (replaced by a placeholder), so they may differ between lines of one shape.
pub(super) fn is_significant(word: &str) -> bool {
    kinds::words(word).iter().any(|word| {
        kinds::kind_of_word(word).is_some()
            || kinds::says_all(word)
            || kinds::negates(word)
            || evidence::is_summary_word(word)
            || evidence::direction(word).is_some()
            || peers::MACHINE_WORDS.contains(&word.as_str())
            || Field::ALL
                .iter()
                .any(|field| field.weight_of_word(word) != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a line that are values.
    fn slots(line: &str) -> Vec<(Class, &str)> {
        let tokens = tokens(line).into_iter();
        tokens
            .filter(|token| token.class.is_slot())
            .map(|token| (token.class, token.text))
            .collect()
    }

    #[test]
    fn splits_numbers_names_times_and_peers() {
        let found = slots("[vm1] 10:00:01.5 Sent 7 to machines 2 and 3, clock=4 [1, 2] -1");
        let classes = [
            Class::Name,
            // The index of the format of times of day.
            Class::Time(18),
            Class::Number,
            Class::Peers,
            Class::Number,
            Class::List,
            Class::Number,
        ];
        let texts = ["vm1", "10:00:01.5", "7", "2 and 3", "4", "[1, 2]", "-1"];
        assert_eq!(found, classes.into_iter().zip(texts).collect::<Vec<_>>());
        assert_eq!(slots("to VMs [1, 2] now"), [(Class::Peers, "[1, 2]")]);
        for word in ["machine", "process"] {
            assert_eq!(
                slots(&format!("sent to {word} 2, 17")),
                [(Class::Peers, "2"), (Class::Number, "17")],
                "{word}"
            );
        }
        // One number in brackets is a number. Several are a list.
        assert_eq!(
            slots("[ 1 ] ( 12) [1 2]"),
            [
                (Class::Number, "1"),
                (Class::Number, "12"),
                (Class::List, "[1 2]")
            ]
        );
        assert_eq!(slots("SEND TO C now"), [(Class::Peers, "C")]);
        assert_eq!(
            slots("TO: 2978, 3979, time: 3"),
            [(Class::Peers, "2978, 3979"), (Class::Number, "3")]
        );
        // After `to`, a list such as `2, 5, 7` needs blanks after its commas, and a colon or a plural such as `machines` before it. Here
        // both are missing, so these are three values.
        assert_eq!(slots("to 2,5,7").len(), 3);
        assert_eq!(slots("from queue, back to work"), []);
        assert_eq!(slots("SEND -> [0] now"), [(Class::Peers, "[0]")]);
        assert_eq!(slots("receive <- [2, 1]"), [(Class::Peers, "[2, 1]")]);
        assert_eq!(slots("sent to (0,)"), [(Class::Peers, "(0,)")]);
        assert_eq!(slots("received, sent by vm2"), [(Class::Peers, "vm2")]);
        assert_eq!(slots("ev=send peer=0,2"), [(Class::Peers, "0,2")]);
        // The first `machine` and the dash after it are tokens of their own. So the token with the names begins with `1`.
        assert_eq!(
            slots("to machine-1 and machine-2"),
            [(Class::Peers, "1 and machine-2")]
        );
        assert_eq!(slots("clock: 4 -> 5").len(), 2);
        assert_eq!(slots("raised by 2"), [(Class::Number, "2")]);
        assert_eq!(slots("3.402s"), [(Class::Number, "3.402")]);
        assert_eq!(slots("[A] 7"), [(Class::Name, "A"), (Class::Number, "7")]);
    }
}
