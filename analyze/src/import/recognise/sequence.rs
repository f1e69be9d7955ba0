//! Checks which numbers of the rows of a machine follow the rules of clocks, of queue lengths or of timestamps.

use super::fields::{Assignment, Problem};
use super::templates::Template;
use crate::import::mapping::Kind;

/// Number of choices that are kept after each step of the search (this is a beam search).
const BEAM: usize = 16;
/// Numbers without words can be the clock only if at least this share of their steps from row to row is possible for a clock.
const ENOUGH_FIT: f64 = 0.85;
/// Minimum difference between the shares of the best and the second best choice.
const CLEARLY_BETTER: f64 = 0.05;
/// Minimum share of the rows that must fit a rule.
const NEARLY_ALL: f64 = 0.95;

/// The rows of all events, by file and machine, in the order of the log.
#[derive(Debug)]
pub(super) struct Sequence<'t> {
    templates: &'t [Template],
    rows: Vec<RowPosition>,
    /// The clock of each row; empty before [`Self::set_clocks`].
    clocks: Vec<Option<u64>>,
}

/// A row: the number of its machine, the index of its shape, and its index among the rows of the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RowPosition {
    machine: usize,
    template: usize,
    row: usize,
}

impl<'t> Sequence<'t> {
    pub(super) fn new(templates: &'t [Template], events: &[usize], found: &[Assignment]) -> Self {
        let mut rows = vec![];
        for &template in events {
            for (index, row) in templates[template].rows.iter().enumerate() {
                let machine = found[template]
                    .machine
                    .map_or("", |slot| row.cells[slot].as_str());
                rows.push(((row.file, machine), row.index, (template, index)));
            }
        }
        rows.sort_unstable();
        let mut positions: Vec<RowPosition> = vec![];
        let mut before = None;
        let mut number = 0;
        for (machine, _, (template, row)) in rows {
            number += usize::from(before.is_some_and(|before| before != machine));
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

    fn value(&self, position: RowPosition, slot: usize) -> Option<u64> {
        self.templates[position.template].rows[position.row].cells[slot]
            .parse()
            .ok()
    }

    fn kind(&self, position: RowPosition) -> Option<Kind> {
        self.templates[position.template].rows[position.row].kind
    }

    /// Chooses the clock of each shape of `events` among its candidates. The choice is best if the greatest share of steps is
    /// possible for a clock.
    pub(super) fn clocks(
        &self,
        events: &[usize],
        candidates: &[Vec<usize>],
    ) -> Result<Vec<usize>, Problem> {
        let is_certain = events.iter().all(|&event| candidates[event].len() == 1);
        if is_certain
            && self
                .templates
                .iter()
                .zip(candidates)
                .all(|(template, slots)| {
                    slots
                        .iter()
                        .all(|&slot| !super::fields::is_plain(&template.slots[slot]))
                })
        {
            return Ok(events.iter().map(|&event| candidates[event][0]).collect());
        }
        let mut choices: Vec<(Vec<usize>, f64)> = vec![(vec![], 0.0)];
        for (done, &event) in events.iter().enumerate() {
            let longer = choices.iter().flat_map(|(choice, _)| {
                candidates[event]
                    .iter()
                    .map(move |&slot| [&choice[..], &[slot]].concat())
            });
            let mut longer: Vec<(Vec<usize>, f64)> = longer
                .map(|choice| {
                    let fit = self.fit(&events[..=done], &choice);
                    (choice, fit)
                })
                .collect();
            longer.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            longer.truncate(BEAM);
            choices = longer;
        }
        let Some((best, fit)) = choices.first().cloned() else {
            return Err(Problem::NoEvents);
        };
        let next = choices.get(1).map_or(0.0, |(_, fit)| *fit);
        if fit < ENOUGH_FIT || fit - next < CLEARLY_BETTER * fit {
            let differs = |&&number: &&usize| {
                choices
                    .get(1)
                    .is_none_or(|(other, _)| other[number] != best[number])
            };
            let numbers: Vec<usize> = (0..events.len()).collect();
            let number = numbers.iter().find(differs).copied().unwrap_or(0);
            let slots = candidates[events[number]].clone();
            return Err(Problem::Several("logical_clock", events[number], slots));
        }
        Ok(best)
    }

    /// The share of steps from row to row that are possible for a clock: exactly 1, or more at a receive.
    fn fit(&self, events: &[usize], choice: &[usize]) -> f64 {
        let slot = |position: RowPosition| {
            events
                .iter()
                .position(|&event| event == position.template)
                .map(|number| choice[number])
        };
        let (mut sum, mut steps) = (0.0, 0_u32);
        let mut before: Option<(usize, Option<u64>)> = None;
        for &position in &self.rows {
            let Some(slot) = slot(position) else { continue };
            let now = self.value(position, slot);
            if let Some((_, clock)) = before.filter(|(machine, _)| *machine == position.machine) {
                steps += 1;
                sum += match (clock, now) {
                    (Some(before), Some(now)) if now == before + 1 => 1.0,
                    (Some(before), Some(now))
                        if now > before && self.kind(position) == Some(Kind::Receive) =>
                    {
                        1.0
                    }
                    (Some(before), Some(now)) if now > before => 0.6,
                    (Some(before), Some(now)) if now == before => 0.4,
                    _ => 0.0,
                };
            }
            before = Some((position.machine, now));
        }
        sum / f64::from(steps.max(1))
    }

    pub(super) fn set_clocks(&mut self, found: &[Assignment]) {
        let clock = |position: &RowPosition| self.value(*position, found[position.template].clock?);
        self.clocks = self.rows.iter().map(clock).collect();
    }

    /// Whether no machine's clock falls.
    pub(super) fn never_falls(&self) -> bool {
        (1..self.rows.len()).all(|index| {
            self.rows[index - 1].machine != self.rows[index].machine
                || self.clocks[index - 1] <= self.clocks[index]
        })
    }

    /// Whether a number in a shape of receives is the queue's length. Then, if it is above 0, the next event is a receive; if it
    /// was logged before the event, the limit is 1 and not 0. The number must sometimes be above the limit and sometimes not, or
    /// always be 0.
    pub(super) fn is_queue(&self, template: usize, slot: usize) -> bool {
        let (mut rows, mut fit, mut fit_before, mut least) = (0_u32, 0_u32, 0_u32, u64::MAX);
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
            fit += u32::from(is_receive || length == 0);
            fit_before += u32::from(is_receive || length <= 1);
        }
        let is_rule = |fit: u32| rows > 0 && f64::from(fit) >= NEARLY_ALL * f64::from(rows);
        (least == 0 && is_rule(fit)) || (least == 1 && is_rule(fit_before))
    }

    /// Whether a number in a shape of receives is the message's timestamp: clocks follow the rule max(clock, stamp) + 1, and some
    /// clocks advance by more than 1.
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
