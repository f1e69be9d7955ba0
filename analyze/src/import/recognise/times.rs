//! Finds the system time of each shape.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Field;
use super::fields::{is_plain, is_time};
use super::templates::{Slot, Template};
use super::tokens::Class;

/// What a value means: whether it is a time, and the words before it. Values of different shapes can have the same role.
type Role = (bool, String);
/// A value with the indices of its file and record.
type Cell<'t> = (usize, usize, &'t str);

/// Finds the slot of the system time in each shape. Candidates are values in a format of times, numbers with words for a time,
/// and numbers as large as Unix times. If there are several candidates, the one that never falls and has the most different
/// values is used.
pub(super) fn find(templates: &[Template], events: &[usize]) -> Vec<Option<usize>> {
    let mut values: BTreeMap<Role, Vec<Cell<'_>>> = BTreeMap::new();
    for template in events.iter().map(|&index| &templates[index]) {
        for (number, slot) in candidates(template) {
            let rows = template.rows.iter();
            let cells = rows.map(|row| (row.file, row.index, row.cells[number].as_str()));
            values.entry(role(slot)).or_default().extend(cells);
        }
    }
    let course: BTreeMap<Role, f64> = values
        .into_iter()
        .map(|(role, rows)| (role, likeness_to_times(rows)))
        .collect();
    let score = |slot: &Slot| {
        let is_format = f64::from(u8::from(matches!(slot.class, Class::Time(_))));
        course[&role(slot)] + 4.0 * is_format + f64::from(slot.weigh(Field::Time).max(0))
    };
    let time = |template: &Template| match course.is_empty() {
        true => plain_time(template),
        false => {
            let best = candidates(template)
                .max_by(|(a, one), (b, other)| score(one).total_cmp(&score(other)).then(b.cmp(a)));
            best.map(|(number, _)| number)
        }
    };
    let mut times = vec![None; templates.len()];
    for &index in events {
        times[index] = time(&templates[index]);
    }
    times
}

/// A number of at least this size is taken as a Unix time: in seconds, this is a time in the year 2001. Clocks, queue lengths and
/// names are smaller.
const UNIX_TIME: f64 = 1e9;

/// The values of a shape that can be times, by their format, their words or their size.
fn candidates(template: &Template) -> impl Iterator<Item = (usize, &Slot)> {
    let is_unix_time = |number: usize| {
        let mut cells = template.rows.iter().map(|row| row.cells[number].parse());
        cells.all(|cell: Result<f64, _>| cell.is_ok_and(|value| value >= UNIX_TIME))
    };
    let slots = template.slots.iter().enumerate();
    slots.filter(move |(number, slot)| {
        is_time(slot)
            || (slot.unit.is_some() && grows(template, *number))
            || (slot.class == Class::Number && is_unix_time(*number))
    })
}

/// Whether a number behaves like a time: it differs from row to row of a file, and never falls.
fn grows(template: &Template, number: usize) -> bool {
    let value = |index: usize| template.rows[index].cells[number].parse::<f64>().ok();
    let (mut steps, mut larger) = (0, 0);
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
        larger += usize::from(now > before);
    }
    larger * 2 > steps
}

/// How much the values of rows behave like times: from 0 to 10, the more different values the more. If a value falls, 10 is
/// subtracted. Each value comes with its file and the index of its record.
fn likeness_to_times(mut rows: Vec<Cell<'_>>) -> f64 {
    rows.sort_unstable();
    let different: BTreeSet<&str> = rows.iter().map(|(_, _, text)| *text).collect();
    let falls = |pair: &[Cell<'_>]| {
        let ((file, _, before), (other, _, now)) = (pair[0], pair[1]);
        file == other
            && match (before.parse::<f64>(), now.parse::<f64>()) {
                (Ok(before), Ok(now)) => now < before,
                _ => now.len() == before.len() && now < before,
            }
    };
    let fall = f64::from(u8::from(rows.windows(2).any(falls)));
    10.0 * different.len() as f64 / rows.len().max(1) as f64 - 10.0 * fall
}

/// The role of a slot. Slots of different shapes with the same role are compared together.
fn role(slot: &Slot) -> Role {
    (matches!(slot.class, Class::Time(_)), slot.before.join(" "))
}

/// The time among numbers without words: the only number with a fraction. If this does not decide, the number with the greatest
/// last value.
fn plain_time(template: &Template) -> Option<usize> {
    let last = |number: usize| -> Option<f64> { template.rows.last()?.cells[number].parse().ok() };
    let has_fraction = |number: usize| {
        template
            .rows
            .iter()
            .any(|row| row.cells[number].contains('.'))
    };
    let plain: Vec<usize> = (0..template.slots.len())
        .filter(|&number| is_plain(&template.slots[number]))
        .collect();
    let fractions: Vec<usize> = plain
        .iter()
        .copied()
        .filter(|&number| has_fraction(number))
        .collect();
    match fractions[..] {
        [one] => Some(one),
        [] if plain.len() > 1 => plain.into_iter().max_by(|&a, &b| {
            last(a)
                .partial_cmp(&last(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        }),
        _ => None,
    }
}
