//! Finds the values of a record (one line of a log, or several), and the words beside each value (its label). A slot is the position of a
//! value, together with its label.

use super::evidence::{ENOUGH_WEIGHT, Field};
use super::templates::Slot;
use super::tokens::{Class, Token};
use crate::import::kinds;

/// Finds the values of a record. The words before a value begin after the previous value or separator. The words after a value end
/// before the next value or separator. In `queue length 3 left, clock: 7`, the words `queue length` stand before the value 3, and
/// `left` after it. The word `clock` stands before the value 7.
pub(super) fn find_slots(tokens: &[Token<'_>]) -> Vec<Slot> {
    // Collects the indices in `range`, until it comes to a token that is a value or ends a label.
    let label_tokens = |range: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
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
    // The words after a value belong to it only if they are not the label of the next value. They are the label of the next value if a
    // colon, an equals sign or a value follows them. A time that follows does not make them a label, because times need no label. `part` is
    // the index of the value's token.
    let words_after = |part: usize| -> Vec<String> {
        let found = label_tokens(&mut (part + 1..tokens.len()));
        // The token directly after these words.
        let next = tokens.get(found.last().map_or(part + 1, |last| last + 1));
        let is_label_of_next = next.is_some_and(|token| match token.class {
            // A mark is a single character, so this is true only for `:` and `=`.
            Class::Mark => ":=".contains(token.text),
            Class::Time(_) => false,
            class => class.is_slot(),
        });
        if is_label_of_next {
            vec![]
        } else {
            words(found)
        }
    };
    let slot = |part: usize| {
        // Signs and blanks directly before the value, such as `: ` in `clock: 7`, do not end its label. They are skipped.
        let skipped = (0..part)
            .rev()
            .take_while(|&index| {
                // The sign `<` is skipped only as a part of the arrow `<-` before the name of a sender, as in `receive <- [0]`. Elsewhere
                // it ends a label.
                let is_arrow = tokens[part].class == Class::Peers && tokens[index].text == "<";
                is_introduction(tokens[index]) || is_arrow
            })
            .count();
        let mut before = label_tokens(&mut (0..part - skipped).rev());
        before.reverse();
        Slot {
            part,
            class: tokens[part].class,
            before: words(before),
            after: words_after(part),
            unit: is_unit(tokens, part + 1).then(|| tokens[part + 1].text.to_owned()),
        }
    };
    let slots = (0..tokens.len()).filter(|&part| tokens[part].class.is_slot());
    let mut slots: Vec<Slot> = slots.map(slot).collect();
    label_changes(tokens, &mut slots);
    slots
}

/// Changes the labels of numbers with an arrow between them. In `clock: 3 -> 4`, the first number gets the label `clock old`, and
/// the second `clock new`.
fn label_changes(tokens: &[Token<'_>], slots: &mut [Slot]) {
    for index in 1..slots.len() {
        let (old, new) = (&slots[index - 1], &slots[index]);
        let are_numbers = old.class == Class::Number && new.class == Class::Number;
        let is_nothing_between = old.part + 1 >= new.part;
        if !are_numbers || old.before.is_empty() || is_nothing_between {
            continue;
        }
        let between = super::templates::joined(tokens, old.part + 1, new.part - 1);
        if ["->", "=>", "-->", "→"].contains(&between.trim()) {
            let label = old.before.clone();
            slots[index].before = [&label[..], &["new".to_owned()]].concat();
            slots[index - 1].before.push("old".to_owned());
            slots[index - 1].after.clear();
        }
    }
}

/// Whether the token at `index` is a unit, such as `ms` in `5ms`. A number and the letters directly after it become two tokens only if
/// the letters are a unit: `5ms` becomes two tokens, but `2nd` stays one. So a word directly after a number is always a unit.
pub(super) fn is_unit(tokens: &[Token<'_>], index: usize) -> bool {
    let has_class =
        |index: usize, class: Class| tokens.get(index).is_some_and(|token| token.class == class);
    has_class(index, Class::Word) && index > 0 && has_class(index - 1, Class::Number)
}

/// Whether a token can be between a label and its value: a blank, or a sign such as a colon.
pub(super) fn is_introduction(token: Token<'_>) -> bool {
    // A mark is a single character, so the text in quotes is a list of such signs.
    matches!(token.class, Class::Space)
        || (token.class == Class::Mark && ":=->#'\"[(".contains(token.text))
}

/// Whether a label ends at the token at `index`. It ends at the end of a line, or at a separator such as a comma or a tab. A full stop,
/// dash, slash or `&` is a separator only before a blank or at the end of the record.
fn ends_label(tokens: &[Token<'_>], index: usize) -> bool {
    let token = tokens[index];
    let is_before_blank = tokens
        .get(index + 1)
        .is_none_or(|next| next.class == Class::Space);
    match token.class {
        Class::End => true,
        Class::Space => token.text.contains('\t'),
        // A quote that ends a value, as in `msg="message sent" clock=5`. In `"clock" : 5`, the quote belongs to the label.
        Class::Mark if token.text == "\"" => {
            let next = tokens[index + 1..]
                .iter()
                .find(|next| next.class != Class::Space);
            is_before_blank && !next.is_some_and(|next| ":=".contains(next.text))
        }
        // In `machine{id=1}`, the label of the number is `machine id`. In `Message{clock=5}`, it is `clock`.
        Class::Mark if token.text == "{" => {
            let before = index
                .checked_sub(1)
                .map_or("", |before| tokens[before].text);
            Field::Machine.weight_of_word(&before.to_lowercase()) <= ENOUGH_WEIGHT
        }
        Class::Mark => {
            "|,;()[]}<>:!".contains(token.text) || (".-/&".contains(token.text) && is_before_blank)
        }
        _ => false,
    }
}
