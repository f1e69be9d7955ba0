//! Checks which numbers of a log follow the rules of clocks, of queue lengths or of timestamps. A row has the values of one event. Events
//! whose texts have the same form have the same shape: `clock: 5` and `clock: 12` have the shape `clock: <Number>`. In the code, a shape is
//! a [`Template`]. A slot is the position of a value in a shape.

use std::collections::BTreeMap;

use super::evidence::{ENOUGH_WEIGHT, Field};
use super::fields::{Assignment, Problem};
use super::templates::Template;
use crate::import::mapping::Kind;
use crate::import::trials::MAX_FIRST_CLOCK;

/// The search for clocks chooses a slot for each shape, one shape at each step. After a step, only this number of best choices is kept (a
/// beam search). Keeping all choices would take too long: each shape with three possible slots makes their number three times as large.
const BEAM_WIDTH: usize = 16;
/// If labels (the words beside the values) do not decide which slots are the clock, the best choice must have at least this fit
/// (see [`Sequence::fit`]).
const ENOUGH_FIT: f64 = 0.85;
/// The best choice must also be clearly better than the second best: their fits must differ by at least this share of the best fit. For
/// example, if the best fit is 0.9, the second best fit must be at most 0.855.
const CLEARLY_BETTER: f64 = 0.05;
/// Minimum share of the rows that must fit the rule of queue lengths, or of timestamps.
const NEARLY_ALL: f64 = 0.95;

/// The rows of all events, sorted by file, then by machine, then by position in the file.
#[derive(Debug)]
pub(super) struct Sequence<'t> {
    templates: &'t [Template],
    rows: Vec<RowPosition>,
    /// The clock of each row. `None` if the value is not a number. The list is empty before [`Self::set_clocks`].
    clocks: Vec<Option<u64>>,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RowPosition {
    /// The number of the row's machine. Equal machine names in different files are different machines.
    machine: usize,
    /// The index of the row's shape.
    template: usize,
    /// The index of the row among the rows of the shape.
    row: usize,
}

impl<'t> Sequence<'t> {
    /// The rows of the shapes that are events: `events` has the indices of these shapes in `templates`. `found` has the slot of the
    /// machine's name for each shape. If a shape has no such slot, all its rows in a file belong to one machine.
    pub(super) fn new(templates: &'t [Template], events: &[usize], found: &[Assignment]) -> Self {
        let mut rows = vec![];
        for &template in events {
            for (index_in_shape, row) in templates[template].rows.iter().enumerate() {
                let machine = found[template]
                    .machine
                    .map_or("", |slot| row.cells[slot].as_str());
                rows.push(((row.file, machine), row.index, (template, index_in_shape)));
            }
        }
        // Sorted by file, then by the machine's name, then by the position in the file.
        rows.sort_unstable();
        // The sorted rows of a machine are neighbours, so a new machine begins where the file or the name changes.
        let mut positions: Vec<RowPosition> = vec![];
        let mut before = None;
        let mut number = 0;
        for (machine, _, (template, row)) in rows {
            if before.is_some_and(|before| before != machine) {
                number += 1;
            }
            before = Some(machine);
            positions.push(RowPosition {
                machine: number,
                template,
                row,
            });
        }
        Self {
            templates,
            rows: positions,
            clocks: vec![],
        }
    }

    /// The value of a row in the slot with the index `slot`. `None` if the value is not a whole number.
    fn value(&self, position: RowPosition, slot: usize) -> Option<u64> {
        self.templates[position.template].rows[position.row].cells[slot]
            .parse()
            .ok()
    }

    fn kind(&self, position: RowPosition) -> Option<Kind> {
        self.templates[position.template].rows[position.row].kind
    }

    /// Chooses the slot of the clock for each shape of `events` (indices of shapes). `candidates` has the possible slots of each shape. The
    /// best choice is the one with the greatest fit (see [`Self::fit`]).
    ///
    /// # Errors
    ///
    /// - [`Problem::Several`] if the best choice does not fit well enough, or fits hardly better than the second best
    /// - [`Problem::NoEvents`] if a shape has no candidate. (The caller leaves out such shapes, so this does not happen.)
    pub(super) fn choose_clocks(
        &self,
        events: &[usize],
        candidates: &[Vec<usize>],
    ) -> Result<Vec<usize>, Problem> {
        // If each shape has a single candidate, and all candidates have labels, no choice is needed.
        let has_one_candidate = events.iter().all(|&event| candidates[event].len() == 1);
        let are_all_labelled = events.iter().all(|&event| {
            let slots = &self.templates[event].slots;
            let mut candidates = candidates[event].iter().map(|&slot| &slots[slot]);
            candidates.all(|slot| slot.weigh(Field::Clock) >= ENOUGH_WEIGHT)
        });
        if has_one_candidate && are_all_labelled {
            return Ok(events.iter().map(|&event| candidates[event][0]).collect());
        }
        // Each step adds a shape. A choice is the list of the slots for the shapes so far; the number beside it is its fit.
        let mut choices: Vec<(Vec<usize>, f64)> = vec![(vec![], 0.0)];
        for (index, &event) in events.iter().enumerate() {
            let longer = choices.iter().flat_map(|(choice, _)| {
                candidates[event]
                    .iter()
                    .map(move |&slot| [&choice[..], &[slot]].concat())
            });
            let mut longer: Vec<(Vec<usize>, f64)> = longer
                .map(|choice| {
                    let fit = self.fit(&events[..=index], &choice);
                    (choice, fit)
                })
                .collect();
            longer.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            longer.truncate(BEAM_WIDTH);
            choices = longer;
        }
        let Some((best, fit)) = choices.first().cloned() else {
            return Err(Problem::NoEvents);
        };
        let second_fit = choices.get(1).map_or(0.0, |(_, fit)| *fit);
        if fit < ENOUGH_FIT || fit - second_fit < CLEARLY_BETTER * fit {
            // The error is about the first shape for which the two best choices have different slots. If there is only one choice, the error
            // is about the first of all shapes.
            let differs = |&index: &usize| {
                choices
                    .get(1)
                    .is_none_or(|(second, _)| second[index] != best[index])
            };
            let index = (0..events.len()).find(differs).unwrap_or(0);
            let slots = candidates[events[index]].clone();
            return Err(Problem::Several("logical_clock", events[index], slots));
        }
        Ok(best)
    }

    /// How well the slots `choice` of the shapes `events` fit a clock, from 0 to 1. The value in each row is compared with the value in the
    /// machine's previous row, and each comparison gets points. The fit is the mean of these points:
    ///
    /// - 1 if the value grows by 1, or if the row is a receive and the value grows by more than 1: a clock does this
    /// - 0.6 if the row is not a receive, but the value grows by more than 1
    /// - 0.4 if the value stays the same
    /// - 0 if the value falls, or if one of the two values is not a number
    fn fit(&self, events: &[usize], choice: &[usize]) -> f64 {
        let slot = |position: RowPosition| {
            events
                .iter()
                .position(|&event| event == position.template)
                .map(|index| choice[index])
        };
        let (mut sum, mut steps) = (0.0, 0_u32);
        let mut before: Option<(usize, Option<u64>)> = None;
        for &position in &self.rows {
            let Some(slot) = slot(position) else { continue };
            let now = self.value(position, slot);
            if let Some((_, clock)) = before.filter(|(machine, _)| *machine == position.machine) {
                steps += 1;
                sum += match (clock, now) {
                    (Some(earlier), Some(now)) if earlier.checked_add(1) == Some(now) => 1.0,
                    (Some(earlier), Some(now))
                        if now > earlier && self.kind(position) == Some(Kind::Receive) =>
                    {
                        1.0
                    }
                    (Some(earlier), Some(now)) if now > earlier => 0.6,
                    (Some(earlier), Some(now)) if now == earlier => 0.4,
                    _ => 0.0,
                };
            }
            before = Some((position.machine, now));
        }
        sum / f64::from(steps.max(1))
    }

    /// Reads the clock of each row. `found` has the slot of the clock in each shape.
    pub(super) fn set_clocks(&mut self, found: &[Assignment]) {
        let clock = |position: &RowPosition| self.value(*position, found[position.template].clock?);
        self.clocks = self.rows.iter().map(clock).collect();
    }

    /// Whether the clocks of the machines fall only where a new run (trial) begins: all machines of a file fall equally often, and each time
    /// to a small value. For Rust, `None` (a clock that is not a number) is less than every number, so after a number it counts as a fall.
    pub(super) fn falls_only_between_runs(&self) -> bool {
        // For each file, how often the clock of each machine falls.
        let mut falls_by_file: BTreeMap<usize, BTreeMap<usize, usize>> = BTreeMap::new();
        let mut are_to_small_values = true;
        for (index, &position) in self.rows.iter().enumerate() {
            let file = self.templates[position.template].rows[position.row].file;
            let falls = falls_by_file.entry(file).or_default();
            let falls = falls.entry(position.machine).or_default();
            let has_previous = index > 0 && self.rows[index - 1].machine == position.machine;
            if has_previous && self.clocks[index] < self.clocks[index - 1] {
                *falls += 1;
                are_to_small_values &=
                    self.clocks[index].is_some_and(|clock| clock <= MAX_FIRST_CLOCK);
            }
        }
        let are_equal = |falls: &BTreeMap<usize, usize>| {
            let mut counts = falls.values();
            let first = counts.next();
            counts.all(|count| Some(count) == first)
        };
        are_to_small_values && falls_by_file.values().all(are_equal)
    }

    /// Whether the numbers in `slot` of the shape `template` are lengths of the queue. The caller makes sure that all rows of the shape are
    /// receives. One of these two cases must fit nearly all rows:
    ///
    /// - The program logs the length after it took the message. Then the least number is 0. If a row has a number above 0, a message
    ///   still waits, so the machine's next event is a receive.
    /// - The program logs the length before it takes the message. Then the least number is 1. If a row has a number above 1, a message
    ///   still waits after the receive, so the machine's next event is a receive.
    pub(super) fn is_queue(&self, template: usize, slot: usize) -> bool {
        // `fit_after` counts the rows that fit the first case (the length after the receive), `fit_before` those that fit the second case.
        let (mut rows, mut fit_after, mut fit_before) = (0_u32, 0_u32, 0_u32);
        let mut least = u64::MAX;
        for (index, &position) in self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, position)| position.template == template)
        {
            let Some(length) = self.value(position, slot) else {
                return false;
            };
            least = least.min(length);
            let next = self
                .rows
                .get(index + 1)
                .filter(|next| next.machine == position.machine);
            let Some(&next) = next else { continue };
            let is_receive = self.kind(next) == Some(Kind::Receive);
            rows += 1;
            fit_after += u32::from(is_receive || length == 0);
            fit_before += u32::from(is_receive || length <= 1);
        }
        let fit_nearly_all = |fit: u32| rows > 0 && f64::from(fit) >= NEARLY_ALL * f64::from(rows);
        (least == 0 && fit_nearly_all(fit_after)) || (least == 1 && fit_nearly_all(fit_before))
    }

    /// Whether the numbers in `slot` of the shape `template` are the timestamps of messages. The caller makes sure that all rows of the
    /// shape are receives. In nearly all rows, the clock must be max(previous clock, number) + 1. In at least three rows, the number must
    /// also be greater than the previous clock, so that the clock jumps to number + 1. Without such rows, any small number would fit,
    /// because the maximum would always be the previous clock.
    pub(super) fn is_stamp(&self, template: usize, slot: usize) -> bool {
        let (mut rows, mut fit, mut jumps) = (0_u32, 0_u32, 0_u32);
        for (index, &position) in self
            .rows
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, position)| position.template == template)
        {
            let before = self.rows[index - 1];
            if before.machine != position.machine {
                continue;
            }
            let (Some(stamp), Some(clock), Some(earlier)) = (
                self.value(position, slot),
                self.clocks[index],
                self.clocks[index - 1],
            ) else {
                return false;
            };
            rows += 1;
            fit += u32::from(clock == earlier.max(stamp).saturating_add(1));
            jumps += u32::from(stamp > earlier && clock == stamp.saturating_add(1));
        }
        jumps >= 3 && f64::from(fit) >= NEARLY_ALL * f64::from(rows)
    }
}
