//! Finds the optional fields, which not every log has: the queue's length, the message's timestamp, and the names of peers (the recipients
//! or the sender of a message). Each shape is searched separately. A shape is the common form of similar lines (a [`Template`]), and the
//! positions of values in a shape are its slots.

use super::evidence::{Direction, ENOUGH_WEIGHT, Field};
use super::fields::{Assignment, Problem, is_unlabelled_number};
use super::sequence::Sequence;
use super::templates::{Slot, Template};
use super::tokens::Class;
use crate::import::mapping::Kind;

/// Finds the slot of the queue's length by the words beside it. In a receive it can also be a number without such words, if this number
/// behaves like a queue's length: while messages wait, the machine's next event is a receive (see [`Sequence::is_queue`]).
/// `found` has the fields found so far, and `index` is the shape's index.
///
/// # Errors
///
/// [`Problem::Several`] if the words beside several numbers show the queue's length equally clearly.
pub(super) fn queue(
    template: &Template,
    found: &Assignment,
    index: usize,
    sequence: &Sequence<'_>,
    assumptions: &mut Vec<String>,
) -> Result<Option<usize>, Problem> {
    let is_free = |slot_index: &usize| {
        found.name(*slot_index).is_none() && template.slots[*slot_index].class == Class::Number
    };
    // How strongly the words beside a value show that it is the queue's length.
    let weight = |slot_index: &usize| template.slots[*slot_index].weigh(Field::Queue);
    let free: Vec<usize> = (0..template.slots.len()).filter(is_free).collect();
    let max_weight = free.iter().map(weight).max().unwrap_or(0);
    if max_weight >= ENOUGH_WEIGHT {
        let best: Vec<usize> = free
            .into_iter()
            .filter(|slot_index| weight(slot_index) == max_weight)
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
        .filter(|&slot_index| {
            is_unlabelled_number(&template.slots[slot_index])
                && sequence.is_queue(index, slot_index)
        })
        .collect();
    match fitting[..] {
        [one] => {
            assumptions.push(format!(
                "The number {} in lines such as `{}` is taken as the queue's length, \
                because it agrees with the receives: if messages still wait, the next event is a receive.",
                template.slots[one].label(),
                template.example
            ));
            Ok(Some(one))
        }
        _ => Ok(None),
    }
}

/// Finds the slot of a message's timestamp by the words before it. In a receive it can also be a number without such words, if the clock
/// after nearly every receive is max(clock before, number) + 1.
pub(super) fn stamp(
    template: &Template,
    found: &Assignment,
    index: usize,
    sequence: &Sequence<'_>,
    assumptions: &mut Vec<String>,
) -> Option<usize> {
    let is_free = |slot_index: &usize| {
        found.name(*slot_index).is_none() && template.slots[*slot_index].class == Class::Number
    };
    let free: Vec<usize> = (0..template.slots.len()).filter(is_free).collect();
    let has_words = |slot_index: &usize, words: &[&str]| {
        words.iter().all(|word| {
            template.slots[*slot_index]
                .before
                .iter()
                .any(|other| other == word)
        })
    };
    let is_labelled = |slot_index: &usize| {
        let is_clear = has_words(slot_index, &["stamp"])
            || has_words(slot_index, &["timestamp"])
            || has_words(slot_index, &["sender", "clock"])
            || has_words(slot_index, &["message", "clock"])
            || has_words(slot_index, &["msg", "clock"]);
        // Other words can be evidence against a timestamp: `system timestamp` has a negative weight.
        is_clear && template.slots[*slot_index].weigh(Field::Stamp) >= ENOUGH_WEIGHT
    };
    let labelled: Vec<usize> = free.iter().copied().filter(is_labelled).collect();
    if template.kind != Some(Kind::Internal)
        && let [one] = labelled[..]
    {
        return Some(one);
    }
    if template.kind != Some(Kind::Receive) {
        return None;
    }
    let fitting: Vec<usize> = free
        .into_iter()
        .filter(|&slot_index| sequence.is_stamp(index, slot_index))
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

/// In a send, finds the recipients by a word such as `to` before them. In a receive, finds the sender by a word such as `from` before it.
/// If there is no such word and `uses_peers_without_direction` is true, uses the first slot with names that has no word such as `to` or
/// `from` before it.
pub(super) fn set_peers(
    template: &Template,
    found: &mut Assignment,
    uses_peers_without_direction: bool,
) {
    let without_direction = template.slots.iter().position(is_peer_without_direction);
    let without_direction = without_direction.filter(|_| uses_peers_without_direction);
    let to = template
        .slots
        .iter()
        .position(|slot| slot.direction() == Some(Direction::To));
    let from = template
        .slots
        .iter()
        .position(|slot| slot.direction() == Some(Direction::From));
    match template.kind {
        Some(Kind::Send | Kind::SendAll) => found.recipients = to.or(without_direction),
        Some(Kind::Receive) => found.sender = from.or(without_direction),
        _ => {}
    }
}

/// Whether a slot has names of peers without a word that says whether they are recipients or a sender.
pub(super) fn is_peer_without_direction(slot: &Slot) -> bool {
    slot.class == Class::Peers && slot.direction().is_none()
}

/// Removes the recipients from all shapes if even one cell with recipients is wrong. Does the same with the senders. In a right cell,
/// all names are machines of the run, and at least one of them is not the machine that logged the event. `resolves` gets the index of a
/// cell's file and the cell's text, and says whether the cell is right.
pub(super) fn drop_unresolved(
    templates: &[Template],
    found: &mut [Assignment],
    resolves: impl Fn(usize, &str) -> bool,
    assumptions: &mut Vec<String>,
) {
    type SlotOfField = fn(&mut Assignment) -> &mut Option<usize>;
    let fields: [(&str, SlotOfField); 2] = [
        ("recipients", |one| &mut one.recipients),
        ("senders", |one| &mut one.sender),
    ];
    for (name, slot_of) in fields {
        let mut wrong_cell = None;
        for (template, found) in templates.iter().zip(found.iter_mut()) {
            let Some(slot) = *slot_of(found) else {
                continue;
            };
            wrong_cell = wrong_cell.or_else(|| {
                template
                    .rows
                    .iter()
                    .find(|row| !resolves(row.file, &row.cells[slot]))
                    .map(|row| row.cells[slot].clone())
            });
        }
        if let Some(wrong_cell) = wrong_cell {
            found.iter_mut().for_each(|found| *slot_of(found) = None);
            assumptions.push(format!(
                "The names of {name} are not used, because `{wrong_cell}` does not name other machines of the run."
            ));
        }
    }
}
