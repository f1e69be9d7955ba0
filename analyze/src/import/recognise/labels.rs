//! Finds the values of a record, and the words beside each value (its label).

use super::templates::Slot;
use super::tokens::{Class, Token};
use crate::import::kinds;

/// Finds the values of a record. The words of a value reach back to the previous value or separator, and forward to the next
/// value or separator.
pub(super) fn find_slots(tokens: &[Token<'_>]) -> Vec<Slot> {
    let are = |range: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
        range
            .take_while(|&index| !tokens[index].class.is_slot() && !ends_label(tokens, index))
            .collect()
    };
    let words = |indices: Vec<usize>| -> Vec<String> {
        let words = indices
            .into_iter()
            .filter(|&index| tokens[index].class == Class::Word);
        words
            .flat_map(|index| kinds::words(tokens[index].text))
            .collect()
    };
    // // Words that are the label of the next value do not belong to this value. Times need no label.
    let behind = |part: usize| -> Vec<String> {
        let found = are(&mut (part + 1..tokens.len()));
        let next = tokens.get(found.last().map_or(part + 1, |last| last + 1));
        let is_label = next.is_some_and(|token| match token.class {
            Class::Mark => ":=".contains(token.text),
            Class::Time(_) => false,
            class => class.is_slot(),
        });
        if is_label { vec![] } else { words(found) }
    };
    let slot = |part: usize| {
        // A token directly before the value, such as a colon, does not end its label.
        let near = (0..part)
            .rev()
            .take_while(|&index| {
                let is_arrow = tokens[part].class == Class::Peers && tokens[index].text == "<";
                is_introduction(tokens[index]) || is_arrow
            })
            .count();
        let mut before = are(&mut (0..part - near).rev());
        before.reverse();
        Slot {
            part,
            class: tokens[part].class,
            before: words(before),
            behind: behind(part),
            unit: is_unit(tokens, part + 1).then(|| tokens[part + 1].text.to_owned()),
        }
    };
    let slots = (0..tokens.len()).filter(|&part| tokens[part].class.is_slot());
    let mut slots: Vec<Slot> = slots.map(slot).collect();
    label_changes(tokens, &mut slots);
    slots
}

/// In `clock: 3 -> 4`, both numbers get the label `clock`. The first number is the old value.
fn label_changes(tokens: &[Token<'_>], slots: &mut [Slot]) {
    for index in 1..slots.len() {
        let (old, new) = (&slots[index - 1], &slots[index]);
        let are_numbers = old.class == Class::Number && new.class == Class::Number;
        if !are_numbers || old.before.is_empty() || old.part + 1 >= new.part {
            continue;
        }
        let between = super::templates::joined(tokens, old.part + 1, new.part - 1);
        if ["->", "=>", "-->", "→"].contains(&between.trim()) {
            let label = old.before.clone();
            slots[index].before = [&label[..], &["new".to_owned()]].concat();
            slots[index - 1].before.push("old".to_owned());
            slots[index - 1].behind.clear();
        }
    }
}

/// Whether the token is a unit: a word directly behind a number.
pub(super) fn is_unit(tokens: &[Token<'_>], index: usize) -> bool {
    let is = |index: usize, class: Class| tokens.get(index).is_some_and(|it| it.class == class);
    is(index, Class::Word) && index > 0 && is(index - 1, Class::Number)
}

/// Whether a token can be between a label and its value, such as a colon.
pub(super) fn is_introduction(token: Token<'_>) -> bool {
    matches!(token.class, Class::Space)
        || (token.class == Class::Mark && ":=->#'\"[(".contains(token.text))
}

/// Whether a label ends at a token. This is so at a separator, and at a full stop or dash before a blank.
fn ends_label(tokens: &[Token<'_>], index: usize) -> bool {
    let token = tokens[index];
    let has_space = |index: Option<usize>| {
        index
            .and_then(|index| tokens.get(index))
            .is_none_or(|token| token.class == Class::Space)
    };
    match token.class {
        Class::End => true,
        Class::Space => token.text.contains('\t'),
        Class::Mark => {
            "|,;()[]{}<>:!".contains(token.text)
                || (".-/&".contains(token.text) && has_space(Some(index + 1)))
        }
        _ => false,
    }
}
