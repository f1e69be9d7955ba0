//! Splits a line into tokens.

use once_cell::sync::Lazy;
use regex::Regex;

use super::evidence::{self, Field};
use crate::import::mapping::Kind;
use crate::import::{formats, kinds, peers};

/// The class of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    Space,
    /// The end of a line within a record.
    End,
    /// Any other single character.
    Mark,
    /// Letters.
    Word,
    /// Letters and digits, such as `vm2`.
    Name,
    Number,
    /// Numbers in brackets.
    List,
    /// A name or a list of names after a word such as `to` or `from`.
    Peers,
    /// A time, with the index of its format.
    Time(usize),
}

impl Class {
    /// Whether a token of this class is a value, which can differ from line to line.
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

/// Patterns of tokens, which are also used in the patterns of whole lines.
pub(super) const NUMBER: &str = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?";
pub(super) const NAME: &str = r"[\p{L}\d_']+";
pub(super) const WORD: &str = r"[\p{L}_']+";
pub(super) const LIST: &str = r"[\[(<{]\s*\d+(?:\s*[,;\s]\s*\d+)*\s*[\])>}]";
/// A list of names: in brackets, or with `and` or similar words between them. Words for machines may come before names.
pub(super) const PEERS: &str = r"(?:[\[({][^\[\](){}]*[\])}]|(?:\p{L}[\p{L}_]*[ #-])?[\p{L}\d_':.]*[\p{L}\d_](?:(?:, ?and | and |[ ]?[;&+/][ ]?|, ?)(?:\p{L}[\p{L}_]*[ #-])?[\p{L}\d_':.]*[\p{L}\d_])*)";

static AT_NUMBER: Lazy<Regex> = Lazy::new(|| regex(&format!("^{NUMBER}")));
static AT_LIST: Lazy<Regex> = Lazy::new(|| regex(&format!("^{LIST}")));
static AT_NAME: Lazy<Regex> = Lazy::new(|| regex(r"^[\p{L}\d_][\p{L}\d_']*"));
/// One name, or several names joined by a word or sign other than a comma.
static AT_PEERS: Lazy<Regex> = Lazy::new(|| {
    let name = r"(?:\p{L}*_?\d[\p{L}\d_]*|\p{Lu}\b)";
    regex(&format!(
        r"^(?:[\[({{]\s*'?{name}'?(?:\s*[,;]\s*'?{name}'?)*\s*,?\s*[\])}}]|{name}(?:(?:, ?and | and |[ ]?[;&+/][ ]?)(?:\p{{L}}[\p{{L}}_]*[ #-])?{name})*)"
    ))
});
/// Several numbers joined by commas. They are names only after a plural (`machines 2, 3`) or a colon.
static AT_MORE_PEERS: Lazy<Regex> = Lazy::new(|| regex(r"^\d+(?:, \d+)+\b"));

/// Several numbers joined by commas, after `peer=`.
static AT_TIGHT_PEERS: Lazy<Regex> = Lazy::new(|| regex(r"^\d+(?:, ?\d+)+\b"));
/// A unit of time directly after a number.
static AT_UNIT: Lazy<Regex> =
    Lazy::new(|| regex(r"^(?:s|sec|secs|seconds|ms|us|µs|ns)(?:[^\p{L}\d_]|$)"));
/// A machine's name of one letter at the beginning of a line. `R`, `S` and `I` are events and not names.
static AT_LETTER: Lazy<Regex> = Lazy::new(|| regex(r"^[A-HJ-QT-Z](?:\]|:| \|)"));

/// Splits a record of one or more lines into tokens.
pub(super) fn tokens(record: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = vec![];
    let mut at = 0;
    while at < record.len() {
        let rest = &record[at..];
        let (class, length) = next(rest, &tokens);
        tokens.push(Token {
            class,
            text: &rest[..length],
        });
        at += length;
    }
    tokens
}

fn next(rest: &str, before: &[Token<'_>]) -> (Class, usize) {
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
    if let Some(found) = AT_LIST
        .find(rest)
        .filter(|found| found.as_str().contains([',', ';', ' ']))
    {
        return (Class::List, found.end());
    }
    let is_sign = "-+".contains(first);
    let is_glued = before
        .last()
        .is_some_and(|token| matches!(token.class, Class::Word | Class::Name | Class::Number));
    if first.is_ascii_digit() || (is_sign && !is_glued) {
        let number = AT_NUMBER.find(rest).map(|found| found.end());
        let is_whole = |end: &usize| {
            !rest[*end..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
        };
        let has_unit = |end: &usize| AT_UNIT.is_match(&rest[*end..]);
        if let Some(end) = number.filter(|end| is_whole(end) || has_unit(end)) {
            return (Class::Number, end);
        }
    }
    let begins_line = before.iter().all(|token| token.text == "[");
    if begins_line && AT_LETTER.is_match(rest) {
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

/// The length of the names at the beginning of `rest`. None unless they follow a word such as `to` or `from` (with or without
/// words for machines between), the word of an event and an arrow, or `peer=`.
fn peers_at(rest: &str, before: &[Token<'_>]) -> Option<usize> {
    let (mut is_many, mut is_arrow, mut is_labelled, mut has_sign) = (false, false, false, false);
    for (index, token) in before.iter().enumerate().rev() {
        let earlier = index.checked_sub(1).map(|index| before[index]);
        match token.class {
            Class::Space => {}
            Class::Mark if ":=#".contains(token.text) => {
                is_many |= token.text == ":";
                has_sign |= token.text != "#";
            }
            Class::Mark if "<>→←".contains(token.text) => is_arrow = true,
            // These signs are in `->`, `<-` and `machine-1`.
            Class::Mark if token.text == "-" => {
                let is_of_name = index + 1 == before.len()
                    && earlier.is_some_and(|word| {
                        peers::MACHINE_WORDS.contains(&word.text.to_lowercase().as_str())
                    });
                if !is_arrow && !is_of_name && earlier.is_none_or(|mark| mark.text != "<") {
                    return None;
                }
            }
            Class::Word => {
                let words = kinds::words(token.text);
                let last = words.last().map_or("", String::as_str);
                let is_by = last != evidence::BY || says_send(&before[..index]);
                let is_direction = evidence::direction(last).is_some() && is_by;
                let is_event = is_arrow
                    && kinds::kind_of_word(last).is_some_and(|kind| kind != Kind::Internal);
                if is_direction || is_event {
                    let more = AT_MORE_PEERS.find(rest).filter(|_| is_many);
                    return whole_names(rest, more);
                }
                let is_between = peers::MACHINE_WORDS.contains(&last)
                    || ["the", "other", "id", "number"].contains(&last);
                if !is_between || is_arrow {
                    break;
                }
                is_labelled |= has_sign && ["peer", "peers"].contains(&last);
                is_many |= last.len() > 1 && last.ends_with('s');
            }
            _ => break,
        }
    }
    match is_labelled {
        true => whole_names(rest, AT_TIGHT_PEERS.find(rest)),
        false => None,
    }
}

/// Whether the last word means a send.
fn says_send(tokens: &[Token<'_>]) -> bool {
    let mut tokens = tokens.iter().rev();
    let last = tokens.find(|token| token.class != Class::Space);
    last.is_some_and(|token| kinds::kind_of_word(&token.text.to_lowercase()) == Some(Kind::Send))
}

/// The length of the names at the beginning of `rest`, unless letters or digits follow directly.
fn whole_names(rest: &str, more: Option<regex::Match<'_>>) -> Option<usize> {
    let found = more.or_else(|| AT_PEERS.find(rest));
    found.map(|found| found.end()).filter(|&end| {
        !rest[end..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    })
}

/// Whether a word is evidence for an event or a field. Such a word is not masked.
pub(super) fn is_significant(word: &str) -> bool {
    kinds::words(word).iter().any(|word| {
        kinds::kind_of_word(word).is_some()
            || kinds::says_all(word)
            || kinds::negates(word)
            || evidence::is_of_summary(word)
            || evidence::direction(word).is_some()
            || peers::MACHINE_WORDS.contains(&word.as_str())
            || Field::ALL.iter().any(|field| field.weight(word) != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(slots("SEND TO C now"), [(Class::Peers, "C")]);
        assert_eq!(
            slots("TO: 2978, 3979, time: 3"),
            [(Class::Peers, "2978, 3979"), (Class::Number, "3")]
        );
        assert_eq!(slots("to 2,5,7").len(), 3);
        assert_eq!(slots("from queue, back to work"), []);
        assert_eq!(slots("SEND -> [0] now"), [(Class::Peers, "[0]")]);
        assert_eq!(slots("receive <- [2, 1]"), [(Class::Peers, "[2, 1]")]);
        assert_eq!(slots("sent to (0,)"), [(Class::Peers, "(0,)")]);
        assert_eq!(slots("received, sent by vm2"), [(Class::Peers, "vm2")]);
        assert_eq!(slots("ev=send peer=0,2"), [(Class::Peers, "0,2")]);
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
