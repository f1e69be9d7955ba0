//! Finds the fields that a log may not have: the queue's length, the message's timestamp, and the names of peers.

use super::evidence::{Direction, ENOUGH, Field};
use super::fields::{Assignment, Problem, is_plain};
use super::sequence::Sequence;
use super::templates::{Slot, Template};
use super::tokens::Class;
use crate::import::mapping::Kind;

/// Finds the queue's length by its words. In a receive it can also be a number without words, if this number is 0 whenever the
/// next event is not a receive.
pub(super) fn queue(
    template: &Template,
    found: &Assignment,
    index: usize,
    sequence: &Sequence<'_>,
    assumptions: &mut Vec<String>,
) -> Result<Option<usize>, Problem> {
    let is_free = |number: &usize| {
        found.name(*number).is_none() && template.slots[*number].class == Class::Number
    };
    let weight = |number: &usize| template.slots[*number].weigh(Field::Queue);
    let free: Vec<usize> = (0..template.slots.len()).filter(is_free).collect();
    let best = free.iter().map(weight).max().unwrap_or(0);
    if best >= ENOUGH {
        let best: Vec<usize> = free
            .into_iter()
            .filter(|number| weight(number) == best)
            .collect();
        return match best[..] {
            [one] => Ok(Some(one)),
            _ => Err(Problem::Several("queue_length", index, best)),
        };
    }
    if template.kind != Some(Kind::Receive) {
        return Ok(None);
    }
    let fitting: Vec<usize> = free
        .into_iter()
        .filter(|&number| is_plain(&template.slots[number]) && sequence.is_queue(index, number))
        .collect();
    match fitting[..] {
        [one] => {
            assumptions.push(format!(
                "The number {} in lines such as `{}` is taken as the queue's length, \
                because it is 0 whenever the next event is not a receive.",
                template.slots[one].label(),
                template.example
            ));
            Ok(Some(one))
        }
        _ => Ok(None),
    }
}

/// Finds the timestamp of a message by its words. In a receive it can also be a number without words, if the clocks are
/// max(clock, number) + 1.
pub(super) fn stamp(
    template: &Template,
    found: &Assignment,
    index: usize,
    sequence: &Sequence<'_>,
    assumptions: &mut Vec<String>,
) -> Option<usize> {
    let is_free = |number: &usize| {
        found.name(*number).is_none() && template.slots[*number].class == Class::Number
    };
    let free: Vec<usize> = (0..template.slots.len()).filter(is_free).collect();
    let says = |number: &usize, words: &[&str]| {
        words.iter().all(|word| {
            template.slots[*number]
                .before
                .iter()
                .any(|other| other == word)
        })
    };
    let is_labelled = |number: &usize| {
        let strong = says(number, &["stamp"])
            || says(number, &["timestamp"])
            || says(number, &["sender", "clock"])
            || says(number, &["message", "clock"])
            || says(number, &["msg", "clock"]);
        strong && template.slots[*number].weigh(Field::Stamp) >= ENOUGH
    };
    let labelled: Vec<usize> = free.iter().copied().filter(is_labelled).collect();
    if let ([one], true) = (&labelled[..], template.kind != Some(Kind::Internal)) {
        return Some(*one);
    }
    if template.kind != Some(Kind::Receive) {
        return None;
    }
    let fitting: Vec<usize> = free
        .into_iter()
        .filter(|&number| sequence.is_stamp(index, number))
        .collect();
    let [one] = fitting[..] else {
        return None;
    };
    assumptions.push(format!(
        "The number {} in lines such as `{}` is taken as the message's timestamp, \
        because the clocks are max(clock, timestamp) + 1.",
        template.slots[one].label(),
        template.example
    ));
    Some(one)
}

/// Finds the names of peers by a word such as `to` before them. If `others` is true, names without such a word are used too: in a
/// send they are recipients, and in a receive the sender.
pub(super) fn set_peers(template: &Template, found: &mut Assignment, others: bool) {
    let other = template.slots.iter().position(is_other_peer);
    let other = other.filter(|_| others);
    let to = template
        .slots
        .iter()
        .position(|slot| slot.direction() == Some(Direction::To));
    let from = template
        .slots
        .iter()
        .position(|slot| slot.direction() == Some(Direction::From));
    match template.kind {
        Some(Kind::Send | Kind::SendAll) => found.recipients = to.or(other),
        Some(Kind::Receive) => found.sender = from.or(other),
        _ => {}
    }
}

/// Whether a slot has names of peers without a word that says whether they are recipients or a sender.
pub(super) fn is_other_peer(slot: &Slot) -> bool {
    slot.class == Class::Peers && slot.direction().is_none()
}

/// Uses no recipients if one of them is not a machine of the run; the same for senders.
pub(super) fn drop_unresolved(
    templates: &[Template],
    found: &mut [Assignment],
    resolves: impl Fn(usize, &str) -> bool,
    assumptions: &mut Vec<String>,
) {
    type Get = fn(&mut Assignment) -> &mut Option<usize>;
    let fields: [(&str, Get); 2] = [
        ("recipients", |one| &mut one.recipients),
        ("senders", |one| &mut one.sender),
    ];
    for (name, get) in fields {
        let mut unknown = None;
        for (template, found) in templates.iter().zip(found.iter_mut()) {
            let Some(slot) = *get(found) else { continue };
            unknown = unknown.or_else(|| {
                template
                    .rows
                    .iter()
                    .find(|row| !resolves(row.file, &row.cells[slot]))
                    .map(|row| row.cells[slot].clone())
            });
        }
        if let Some(unknown) = unknown {
            found.iter_mut().for_each(|found| *get(found) = None);
            assumptions.push(format!(
                "The names of {name} are not used, because `{unknown}` is not a machine of the run."
            ));
        }
    }
}
