//! Groups records of the same shape. A record is the text of one event of a log: one line, or several.
//!
//! The method is similar to Drain (P. He, J. Zhu, Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth
//! Tree", ICWS 2017). First, each value is replaced by its class, such as a number. Then records with the same text are one group;
//! their common text is the *shape* (or template) of the group. For example, `clock: 5` and `clock: 12` have the shape
//! `clock: <Number>`. Drain accepts a certain number of different words within a group. Here, words that are evidence for an event or
//! a field must be equal, and all other words are masked (each is replaced by the letter `w`). So a group never mixes kinds of events
//! or values of different fields.

use std::collections::HashMap;

use super::evidence::{Direction, ENOUGH_WEIGHT, Field, direction};
use super::labels::{find_slots, is_introduction, is_unit};
use super::tokens::{Class, Token, is_significant, tokens};
use crate::import::kinds;
use crate::import::mapping::{Kind, Mapping};

/// At the place of a masked word, the records of a shape can have different texts, such as `alice` and `bob`. If there are at most this many
/// texts, the shape's regular expression lists them: `(?:alice|bob)`. If there are more, the regular expression
/// matches any word at this place.
const MAX_TEXTS: usize = 4;

/// Records of one shape.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// The tokens of the shape: values, words, signs and blanks.
    pub(super) parts: Vec<Part>,
    /// The kind of event. None if no word stands for an event.
    pub(super) kind: Option<Kind>,
    /// The words that say which kind of event a record is, such as `Sent message to both`: the indices of their first and last part. If no
    /// words with a known meaning are found, `event` is the first phrase (words with one blank between them) that is neither the label of a
    /// value (such as `clock` in `clock: 5`) nor a single letter. None if there is no such phrase.
    pub(super) event: Option<(usize, usize)>,
    /// The positions of values.
    pub(super) slots: Vec<Slot>,
    /// The values of each record.
    pub(super) rows: Vec<Row>,
    /// The text of the first record.
    pub(super) example: String,
}

/// A token of a shape.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) class: Class,
    /// The different texts of the token. At most `MAX_TEXTS + 1` texts are stored: the last one only shows that there are more than
    /// [`MAX_TEXTS`]. Empty for values, because their texts are in the rows.
    pub(super) texts: Vec<String>,
}

/// The position of a value in a shape.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The index of the value among the parts.
    pub(super) part: usize,
    pub(super) class: Class,
    /// The words before the value, in lower case.
    pub(super) before: Vec<String>,
    /// The words after the value, in lower case.
    pub(super) after: Vec<String>,
    /// The unit that is written directly after the value.
    pub(super) unit: Option<String>,
}

/// The values of a record.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The index of the record's file.
    pub(super) file: usize,
    /// The index of the record among all records.
    pub(super) index: usize,
    pub(super) kind: Option<Kind>,
    /// The text of each value, in the order of the slots.
    pub(super) cells: Vec<String>,
}

impl Slot {
    /// The weight of the evidence that the value is `field`. Normally only the words before the value count. If those words
    /// are not enough evidence for any field, but the words after the value are, then only the words after the value count.
    pub(super) fn weigh(&self, field: Field) -> i32 {
        let show_a_field = |words: &[String]| {
            Field::ALL
                .iter()
                .any(|field| field.weight_of_label(words) >= ENOUGH_WEIGHT)
        };
        match !show_a_field(&self.before) && show_a_field(&self.after) {
            true => field.weight_of_label(&self.after),
            false => field.weight_of_label(&self.before),
        }
    }

    /// Whether the value names the recipients of a message or its sender. None if the value does not name other machines, or if no
    /// word such as `to` or `from` is before it.
    pub(super) fn direction(&self) -> Option<Direction> {
        let mut words = self.before.iter().rev();
        words
            .find_map(|word| direction(word))
            .filter(|_| self.class == Class::Peers)
    }

    /// Says where the value is, for messages to the user. The value 5 in `queue length 5` is "behind `queue length`". If no words are
    /// before the value, the words after it are used: the value 7 in `7 ticks` is "before `ticks`".
    pub(super) fn label(&self) -> String {
        match (self.before.is_empty(), self.after.is_empty()) {
            (false, _) => format!("behind `{}`", self.before.join(" ")),
            (true, false) => format!("before `{}`", self.after.join(" ")),
            (true, true) => "without words".to_owned(),
        }
    }
}

/// Groups records by their shape. Returns the shapes, the most frequent first. Each element of `records` is the index
/// of a file and the text of a record in this file.
pub(super) fn group_records(records: &[(usize, String)], mapping: &Mapping) -> Vec<Template> {
    // The words that the mapping declares as words for events.
    let declared: Vec<String> = mapping
        .events
        .values()
        .flatten()
        .flat_map(|word| kinds::words(word))
        .collect();
    let mut template_by_key: HashMap<String, usize> = HashMap::new();
    let mut templates: Vec<Template> = vec![];
    for (index, (file, text)) in records.iter().enumerate() {
        let tokens = tokens(text.trim());
        let key = shape_key(&tokens, &declared);
        let template = *template_by_key.entry(key).or_insert_with(|| {
            templates.push(Template::from_tokens(&tokens, text.trim(), mapping));
            templates.len() - 1
        });
        templates[template].add(&tokens, (*file, index));
    }
    templates.sort_by_key(|template| std::cmp::Reverse(template.rows.len()));
    templates
}

/// The text that all records of one shape share: values are replaced by their class, and masked words by `w`.
fn shape_key(tokens: &[Token<'_>], declared: &[String]) -> String {
    let mut key = String::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.class {
            // Units are not masked, so `5ms` and `5s` have different shapes.
            Class::Word if is_unit(tokens, index) => key.push_str(token.text),
            Class::Space => key.push(' '),
            Class::End => key.push('\n'),
            Class::Mark => key.push_str(token.text),
            Class::Word => {
                let is_declared = kinds::words(token.text)
                    .iter()
                    .any(|word| declared.contains(word));
                match is_declared || is_significant(token.text) {
                    true => key.push_str(token.text),
                    false => key.push('w'),
                }
            }
            class => key.push_str(&format!("<{class:?}>")),
        }
    }
    key
}

impl Template {
    fn from_tokens(tokens: &[Token<'_>], example: &str, mapping: &Mapping) -> Self {
        let part = |token: &Token<'_>| Part {
            class: token.class,
            texts: vec![],
        };
        let (kind, event) = find_kind(tokens, mapping);
        Self {
            parts: tokens.iter().map(part).collect(),
            kind,
            event,
            slots: find_slots(tokens),
            rows: vec![],
            example: example.to_owned(),
        }
    }

    /// Adds a record of this shape. `file` is the index of its file, and `index` its index among all records.
    fn add(&mut self, tokens: &[Token<'_>], (file, index): (usize, usize)) {
        for (part, token) in self.parts.iter_mut().zip(tokens) {
            let is_new = !part.texts.iter().any(|text| text == token.text);
            if is_new && !part.class.is_slot() && part.texts.len() <= MAX_TEXTS {
                part.texts.push(token.text.to_owned());
            }
        }
        let cells = self
            .slots
            .iter()
            .map(|slot| tokens[slot.part].text.to_owned());
        self.rows.push(Row {
            file,
            index,
            kind: self.kind,
            cells: cells.collect(),
        });
    }
}

/// Finds the words of a record that stand for an event. Returns the kind of this event, and the indices of the first and last token of the
/// words.
///
/// Some phrases are labels of values (such as `Sent` in `Sent: 4`), and some are single letters. All other phrases are tried first, then
/// the labels, then the single letters. The first phrase that stands for an event is shortened by [`shortest_phrase`] and returned. If
/// there is none, the first phrase that stands for a line without an event is returned, such as `Connected to machine`. Its kind is
/// [`Kind::Ignore`]. If there is no such phrase either, the kind is `None`, and the first phrase that is neither a label nor a single
/// letter is returned.
fn find_kind(tokens: &[Token<'_>], mapping: &Mapping) -> (Option<Kind>, Option<(usize, usize)>) {
    let phrases = phrases(tokens);
    let is_label = |(_, end): &(usize, usize)| is_label(tokens, *end);
    let (labels, others): (Vec<_>, Vec<_>) = phrases.into_iter().partition(is_label);
    let kind_of = |(from, to): (usize, usize)| mapping.kind(&joined(tokens, from, to));
    let is_letter =
        |(from, to): &&(usize, usize)| from == to && tokens[*from].text.chars().count() == 1;
    let (letters, words): (Vec<_>, Vec<_>) = others.iter().partition(|phrase| is_letter(phrase));
    let mut ignored = None;
    for phrase in words.iter().chain(&labels).chain(&letters) {
        match kind_of(*phrase) {
            None => {}
            Some(Kind::Ignore) => ignored = ignored.or(Some(*phrase)),
            Some(kind) => return (Some(kind), Some(shortest_phrase(*phrase, kind, kind_of))),
        }
    }
    match ignored {
        Some(phrase) => (Some(Kind::Ignore), Some(phrase)),
        None => (None, words.first().copied()),
    }
}

/// The shortest piece of a phrase that stands for `kind` on its own: `Sent message to both` for the phrase `Sent message to both machines`.
/// The phrase and its pieces are given as the indices of their first and last token.
fn shortest_phrase(
    (from, to): (usize, usize),
    kind: Kind,
    kind_of: impl Fn((usize, usize)) -> Option<Kind>,
) -> (usize, usize) {
    // `distance` is the distance from the first token of a piece to its last token. It begins with 0, so shorter pieces come first.
    let pieces = (0..=to - from)
        .flat_map(|distance| (from..=to - distance).map(move |start| (start, start + distance)));
    let mut fitting = pieces.filter(|&piece| kind_of(piece) == Some(kind));
    fitting.next().unwrap_or((from, to))
}

/// Finds all phrases. A phrase is a sequence of words with one blank between two words. It is returned as the indices of its first and
/// its last token.
fn phrases(tokens: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut phrases: Vec<(usize, usize)> = vec![];
    for (index, token) in tokens.iter().enumerate() {
        if token.class != Class::Word || is_unit(tokens, index) {
            continue;
        }
        match phrases.last_mut() {
            Some((_, end)) if *end + 2 == index && tokens[*end + 1].text == " " => *end = index,
            _ => phrases.push((index, index)),
        }
    }
    phrases
}

/// Whether the phrase that ends with the token at `end` is the label of a value: a colon or equals sign and a value follow.
fn is_label(tokens: &[Token<'_>], end: usize) -> bool {
    let following = &tokens[end + 1..];
    // Number of signs and blanks between the phrase and the value.
    let between = following
        .iter()
        .take_while(|token| is_introduction(**token))
        .count();
    // Each token in between is a single sign or a run of blanks, so `contains` is true only for `:` and `=`.
    let has_sign = following[..between]
        .iter()
        .any(|token| ":=".contains(token.text));
    has_sign
        && following
            .get(between)
            .is_some_and(|token| token.class.is_slot())
}

/// The text of the tokens from the one at `from` to the one at `to`.
pub(super) fn joined(tokens: &[Token<'_>], from: usize, to: usize) -> String {
    tokens[from..=to].iter().map(|token| token.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(line: &str) -> Template {
        group_records(&[(0, line.to_owned())], &Mapping::default()).remove(0)
    }

    #[test]
    fn finds_the_kind_of_event_and_its_words() {
        for (line, kind, words) in [
            (
                "VM 1 Sent message to both machines at 10:00:01",
                Some(Kind::SendAll),
                "Sent message to both",
            ),
            (
                "[MESSAGE RECEIVED] | clock: 5",
                Some(Kind::Receive),
                "RECEIVED",
            ),
            ("Sent: 4 | Logical Clock Time: 4", Some(Kind::Send), "Sent"),
            ("[RECEIVE] SenderClock=6", Some(Kind::Receive), "RECEIVE"),
            (
                "1> Event: Connected to machine 2",
                Some(Kind::Ignore),
                "Connected to machine",
            ),
            ("TICK 5 at 10:00:01", None, "TICK"),
        ] {
            let template = shape_of(line);
            assert_eq!(template.kind, kind, "{line}");
            let (from, to) = template.event.expect("words");
            assert_eq!(joined(&tokens(line), from, to), words, "{line}");
        }
    }

    #[test]
    fn finds_the_labels_of_values() {
        let template =
            shape_of("Event: Send to VM 2 | Queue Length - 1. Logical clock time: 7 ticks");
        let labels: Vec<String> = template.slots.iter().map(Slot::label).collect();
        assert_eq!(
            labels,
            [
                "behind `send to vm`",
                "behind `queue length`",
                "behind `logical clock time`"
            ]
        );
    }

    #[test]
    fn records_that_differ_only_in_values_and_unknown_words_have_the_same_shape() {
        // `sent` and `received` are known words. The third line has `received` instead of `sent`, so it has a shape of its own.
        let lines = [
            "a sent 1 clock: 5",
            "b sent 12 clock: 6",
            "a received 1 clock: 7",
        ];
        let lines: Vec<(usize, String)> =
            lines.iter().map(|line| (0, (*line).to_owned())).collect();
        let rows: Vec<usize> = group_records(&lines, &Mapping::default())
            .iter()
            .map(|template| template.rows.len())
            .collect();
        assert_eq!(rows, [2, 1]);
    }
}
