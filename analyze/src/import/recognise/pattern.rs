//! Turns shapes of records into regular expressions. A shape (or template) is the common form of similar records of a log. Its parts are
//! tokens: words, values, signs and blanks.

use regex::escape;

use super::fields::Assignment;
use super::templates::{Part, Template};
use super::tokens::{Class, LIST, NAME, NUMBER, PEERS, WORD};
use crate::import::formats::FORMATS;

/// Maximum number of different words that a pattern lists for one token. If a token has more, the pattern matches any word there.
const MAX_LISTED: usize = 4;

/// The regular expression that matches the records of a shape. `assignment` says which values of the shape belong to a field. Each of
/// these values is in a group with the name of its field, such as `(?<logical_clock>...)`. The words that name the kind of event, such as
/// `Sent message`, are in the group `event`.
pub(super) fn from_template(template: &Template, assignment: &Assignment) -> String {
    let mut pattern = r"^\s*".to_owned();
    for (index, part) in template.parts.iter().enumerate() {
        // The words for the event can be several parts: those from index `from` to index `to`.
        let (begins_event, ends_event) = match template.event {
            Some((from, to)) => (from == index, to == index),
            None => (false, false),
        };
        if begins_event {
            pattern.push_str("(?<event>");
        }
        // If this part is a value (a slot) and the value belongs to a field, `name` is the name of the field.
        let slot_index = template.slots.iter().position(|slot| slot.part == index);
        let name = slot_index.and_then(|slot_index| assignment.name(slot_index));
        match name {
            Some(name) => pattern.push_str(&format!("(?<{name}>{})", part_pattern(part))),
            None => pattern.push_str(&part_pattern(part)),
        }
        if ends_event {
            pattern.push(')');
        }
    }
    pattern + r"\s*$"
}

/// The regular expression that matches one token of a shape.
fn part_pattern(part: &Part) -> String {
    match part.class {
        Class::Space => r"\s+".to_owned(),
        // A line break in a record of several lines.
        Class::End => r"\s*\n\s*".to_owned(),
        Class::Mark | Class::Word => match &part.texts[..] {
            [text] => escape(text),
            texts if texts.len() <= MAX_LISTED => {
                let texts: Vec<String> = texts.iter().map(|text| escape(text)).collect();
                format!("(?:{})", texts.join("|"))
            }
            // A word with more than `MAX_LISTED` different texts. (A sign, `Class::Mark`, is the same in all records of a shape, so it has a
            // single text.)
            _ => WORD.to_owned(),
        },
        Class::Name => NAME.to_owned(),
        Class::Number => NUMBER.to_owned(),
        Class::List => LIST.to_owned(),
        Class::Peers => PEERS.to_owned(),
        Class::Time(format) => format!("(?:{})", FORMATS[format].pattern),
    }
}
