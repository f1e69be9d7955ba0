//! Finds which of the values in a line is the system time. Lines of a log that differ only in their values have the same *shape* (or
//! template), such as `TIME sent to NAME, clock: NUMBER`. The position of a value in a shape is a *slot*. So the question is: which slot of
//! each shape has the system time?

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Field;
use super::fields::{is_time, is_unlabelled_number};
use super::templates::{Slot, Template};
use super::tokens::Class;

/// What a slot means: whether its values are in a format of times (such as `09:30:00`), and the words before its values. For `elapsed: 12`,
/// the role is `(false, "elapsed")`. Slots of different shapes can have the same role.
type Role = (bool, String);
/// The index of a value's file, the index of its record (the text of one event) among all records, and the text of the value.
type Cell<'t> = (usize, usize, &'t str);

/// Finds the slot of the system time in each shape that stands for an event. `templates` has all shapes of the log, and `events` has the
/// indices of the shapes that stand for events. The result has an entry for each shape in `templates`. The entry is
/// `None` if the shape does not stand for an event, or if no slot is found.
///
/// A slot is a candidate if it has values in a format of times (`09:30:00`), numbers beside words for a time (`elapsed: 12`), growing
/// numbers with a unit (`350ms`), or numbers as large as Unix times. Of several candidates in a shape, the one with the greatest score is
/// used. If no shape has candidates, [`find_unlabelled_time`] looks for a number that is probably the time.
///
/// The score is the sum of three parts:
///
/// - how much the values behave like times ([`likeness_to_times`]);
/// - the sum of the weights of the words beside the value, such as 5 for `systime` and -9 for `queue` (0 if the sum is negative);
/// - 4 if the values are in a format of times.
pub(super) fn find(templates: &[Template], events: &[usize]) -> Vec<Option<usize>> {
    let mut values: BTreeMap<Role, Vec<Cell<'_>>> = BTreeMap::new();
    for template in events.iter().map(|&index| &templates[index]) {
        for (slot_index, slot) in candidates(template) {
            let rows = template.rows.iter();
            let cells = rows.map(|row| (row.file, row.index, row.cells[slot_index].as_str()));
            values.entry(role(slot)).or_default().extend(cells);
        }
    }
    let likeness: BTreeMap<Role, f64> = values
        .into_iter()
        .map(|(role, cells)| (role, likeness_to_times(cells)))
        .collect();
    let score = |slot: &Slot| {
        let has_format = matches!(slot.class, Class::Time(_));
        let format_score = if has_format { 4.0 } else { 0.0 };
        likeness[&role(slot)] + format_score + f64::from(slot.weigh(Field::Time).max(0))
    };
    let time = |template: &Template| match likeness.is_empty() {
        true => find_unlabelled_time(template),
        false => {
            // Of candidates with equal scores, the first one is used.
            let best = candidates(template).max_by(|(index, slot), (other_index, other)| {
                score(slot)
                    .total_cmp(&score(other))
                    .then(other_index.cmp(index))
            });
            best.map(|(slot_index, _)| slot_index)
        }
    };
    let mut times = vec![None; templates.len()];
    for &index in events {
        times[index] = time(&templates[index]);
    }
    times
}

/// Numbers from this size on are taken as Unix times: 1e9 seconds after the Unix epoch, it was the year 2001. Clock values, queue lengths
/// and machine numbers are smaller.
pub(super) const MIN_UNIX_TIME: f64 = 1e9;

/// The slots of a shape that can be times, by their format, their words, their unit or their size.
fn candidates(template: &Template) -> impl Iterator<Item = (usize, &Slot)> {
    let is_unix_time = |slot_index: usize| {
        let mut cells = template
            .rows
            .iter()
            .map(|row| row.cells[slot_index].parse());
        cells.all(|cell: Result<f64, _>| cell.is_ok_and(|value| value >= MIN_UNIX_TIME))
    };
    let slots = template.slots.iter().enumerate();
    slots.filter(move |(slot_index, slot)| {
        is_time(slot)
            || (slot.unit.is_some() && grows(template, *slot_index))
            || (slot.class == Class::Number && is_unix_time(*slot_index))
    })
}

/// Whether the number in a slot behaves like a time: from row to row of a file, it never falls, and it grows at more than half of
/// the steps.
fn grows(template: &Template, slot_index: usize) -> bool {
    let value = |index: usize| template.rows[index].cells[slot_index].parse::<f64>().ok();
    let (mut steps, mut growing) = (0, 0);
    for index in 1..template.rows.len() {
        if template.rows[index].file != template.rows[index - 1].file {
            continue;
        }
        let (Some(before), Some(now)) = (value(index - 1), value(index)) else {
            return false;
        };
        if now < before {
            return false;
        }
        steps += 1;
        growing += usize::from(now > before);
    }
    growing * 2 > steps
}

/// How much values behave like times: `10 * (number of different values) / (number of values)`, minus 10 if any value is less than the
/// previous value of its file.
fn likeness_to_times(mut cells: Vec<Cell<'_>>) -> f64 {
    // Sorted by file, and in each file by record.
    cells.sort_unstable();
    let different: BTreeSet<&str> = cells.iter().map(|(_, _, text)| *text).collect();
    let falls = |pair: &[Cell<'_>]| {
        let ((file, _, before), (other, _, now)) = (pair[0], pair[1]);
        file == other
            && match (before.parse::<f64>(), now.parse::<f64>()) {
                (Ok(before), Ok(now)) => now < before,
                // Texts such as `09:30:00` are compared letter by letter, but only if they have the same length. Otherwise `9:59` would
                // come after `10:00`.
                _ => now.len() == before.len() && now < before,
            }
    };
    let penalty = if cells.windows(2).any(falls) {
        10.0
    } else {
        0.0
    };
    10.0 * different.len() as f64 / cells.len().max(1) as f64 - penalty
}

/// The role of a slot. The values of all slots with the same role are judged together, also those of different shapes.
fn role(slot: &Slot) -> Role {
    (matches!(slot.class, Class::Time(_)), slot.before.join(" "))
}

/// Finds the slot of the time among the slots with unlabelled numbers. (An unlabelled number has no words beside it that say what it
/// means.)
///
/// - If exactly one slot has values with a fraction (such as 12.5), the result is this slot.
/// - If several slots have values with a fraction, the result is `None`.
/// - If there are at least two slots, and all values are whole numbers, the result is the slot with the greatest number in the last row.
/// - If there is only one slot, and its values are whole numbers, they are probably the clock's values. So the result is `None`.
fn find_unlabelled_time(template: &Template) -> Option<usize> {
    let last =
        |slot_index: usize| -> Option<f64> { template.rows.last()?.cells[slot_index].parse().ok() };
    let has_fraction = |slot_index: usize| {
        template
            .rows
            .iter()
            .any(|row| row.cells[slot_index].contains('.'))
    };
    let unlabelled: Vec<usize> = (0..template.slots.len())
        .filter(|&slot_index| is_unlabelled_number(&template.slots[slot_index]))
        .collect();
    let fractions: Vec<usize> = unlabelled
        .iter()
        .copied()
        .filter(|&slot_index| has_fraction(slot_index))
        .collect();
    match fractions[..] {
        [one] => Some(one),
        [] if unlabelled.len() > 1 => unlabelled.into_iter().max_by(|&a, &b| {
            last(a)
                .partial_cmp(&last(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        }),
        _ => None,
    }
}
