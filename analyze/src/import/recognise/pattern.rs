//! Turns shapes of records into regular expressions.

use regex::escape;

use super::fields::Assignment;
use super::templates::{Part, Template};
use super::tokens::{Class, LIST, NAME, NUMBER, PEERS, WORD};
use crate::import::formats::FORMATS;

/// Maximum number of words that a pattern lists for one token. If there are more, the pattern matches any word.
const MOST_LISTED: usize = 4;

/// The regular expression that matches the records of a shape. It has a group for each field of `assignment` and for the event.
pub(super) fn from_template(template: &Template, assignment: &Assignment) -> String {
    let mut pattern = r"^\s*".to_owned();
    for (index, part) in template.parts.iter().enumerate() {
        let (begins, ends) = match template.event {
            Some((from, to)) => (from == index, to == index),
            None => (false, false),
        };
        if begins {
            pattern.push_str("(?<event>");
        }
        let slot = template.slots.iter().position(|slot| slot.part == index);
        let name = slot.and_then(|slot| assignment.name(slot));
        match name {
            Some(name) => pattern.push_str(&format!("(?<{name}>{})", text(part))),
            None => pattern.push_str(&text(part)),
        }
        if ends {
            pattern.push(')');
        }
    }
    pattern + r"\s*$"
}

fn text(part: &Part) -> String {
    match part.class {
        Class::Space => r"\s+".to_owned(),
        Class::End => r"\s*\n\s*".to_owned(),
        Class::Mark | Class::Word => match &part.texts[..] {
            [text] => escape(text),
            texts if texts.len() <= MOST_LISTED => {
                let texts: Vec<String> = texts.iter().map(|text| escape(text)).collect();
                format!("(?:{})", texts.join("|"))
            }
            _ => WORD.to_owned(),
        },
        Class::Name => NAME.to_owned(),
        Class::Number => NUMBER.to_owned(),
        Class::List => LIST.to_owned(),
        Class::Peers => PEERS.to_owned(),
        Class::Time(format) => format!("(?:{})", FORMATS[format].pattern),
    }
}
