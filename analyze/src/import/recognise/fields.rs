//! Finds the fields of each shape of lines. First the words beside each value decide. If several values are still possible, the
//! values themselves decide.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{CLEARLY, ENOUGH, Field, is_of_summary};
use super::sequence::Sequence;
use super::templates::{Slot, Template};
use super::tokens::Class;
use super::{optional, times};
use crate::import::kinds;
use crate::import::mapping::Kind;

/// The slot of each field in a shape. A slot is the position of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) time: Option<usize>,
    pub(super) clock: Option<usize>,
    pub(super) queue: Option<usize>,
    pub(super) stamp: Option<usize>,
    pub(super) machine: Option<usize>,
    pub(super) recipients: Option<usize>,
    pub(super) sender: Option<usize>,
}

impl Assignment {
    /// The names of the fields with their slots.
    pub(super) fn fields(&self) -> [(&'static str, Option<usize>); 7] {
        [
            ("system_time", self.time),
            ("logical_clock", self.clock),
            ("queue_length", self.queue),
            ("stamp", self.stamp),
            ("machine", self.machine),
            ("recipients", self.recipients),
            ("sender", self.sender),
        ]
    }

    /// The name of the field in a slot.
    pub(super) fn name(&self, slot: usize) -> Option<&'static str> {
        let mut fields = self.fields().into_iter();
        fields
            .find(|(_, other)| *other == Some(slot))
            .map(|(name, _)| name)
    }
}

/// Why the fields were not found. Each problem has the index of its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// No line has a word for an event.
    NoEvents,
    /// No value is the field with this name.
    Missing(&'static str, usize),
    /// Several values may be the field with this name.
    Several(&'static str, usize, Vec<usize>),
    /// The clock has several numbers.
    Vector(usize),
    /// A line has a time and a clock, but no word that stands for an event.
    UnknownEvent(usize),
}

/// The fields that were found, and a sentence for each assumption.
#[derive(Debug)]
pub(super) struct Fields {
    /// One assignment for each shape; none for shapes that are not events.
    pub(super) assignments: Vec<Option<Assignment>>,
    pub(super) assumptions: Vec<String>,
}

/// Finds the fields of shapes. `has_one_file` says whether each run is one file; `resolves` decides whether the names in a cell
/// are machines of the run.
pub(super) fn assign(
    templates: &[Template],
    files: usize,
    has_one_file: bool,
    resolves: impl Fn(usize, &str) -> bool,
) -> Result<Fields, Problem> {
    let is_event = |template: &Template| template.kind.is_some_and(|kind| kind != Kind::Ignore);
    let mut events: Vec<usize> = (0..templates.len())
        .filter(|&index| is_event(&templates[index]))
        .collect();
    let rows = |indices: &[usize]| {
        indices
            .iter()
            .map(|&index| templates[index].rows.len())
            .sum::<usize>()
    };
    if rows(&events) == 0 {
        return Err(Problem::NoEvents);
    }
    let all = rows(&events);
    let is_rare = |index: usize| {
        let count = templates[index].rows.len();
        count <= 2 * files && count * 20 <= all
    };
    let mut found: Vec<Assignment> = vec![Assignment::default(); templates.len()];
    let mut machine = machine_slots(templates, &events);
    let by_prefix = prefix_slots(templates, &events).filter(|_| has_one_file);
    let is_prefixed = machine.iter().all(Option::is_none) && by_prefix.is_some();
    if let Some(prefix) = by_prefix.filter(|_| is_prefixed) {
        machine = prefix;
    }
    for &index in &events {
        found[index].machine = machine[index];
    }
    let times = times::find(templates, &events);
    let mut missing = vec![];
    for &index in &events {
        found[index].time = times[index];
        if times[index].is_none() {
            missing.push(index);
        }
    }
    refuse_unless_rare(&missing, is_rare, "system_time")?;
    events.retain(|index| !missing.contains(index));
    drop_damaged(&mut events, templates, is_rare);
    drop_summaries(&mut events, templates, is_rare);
    let candidates: Vec<Vec<usize>> = (0..templates.len())
        .map(|index| clock_candidates(&templates[index], &found[index]))
        .collect();
    if let Some(&index) = events
        .iter()
        .find(|&&index| is_vector(&templates[index], &found[index]))
    {
        return Err(Problem::Vector(index));
    }
    let missing: Vec<usize> = events
        .iter()
        .copied()
        .filter(|&index| candidates[index].is_empty())
        .collect();
    refuse_unless_rare(&missing, is_rare, "logical_clock")?;
    events.retain(|index| !missing.contains(index));
    let mut sequence = Sequence::new(templates, &events, &found);
    let clocks = sequence.clocks(&events, &candidates)?;
    for (&index, clock) in events.iter().zip(clocks) {
        found[index].clock = Some(clock);
    }
    sequence.set_clocks(&found);
    if let (true, Some(&first)) = (is_prefixed && !sequence.never_falls(), events.first()) {
        return Err(Problem::Missing("machine", first));
    }
    let spans = spans(templates, &events, files);
    let unknown = |index: &usize| {
        let template = &templates[*index];
        let has_time = template.slots.iter().any(is_time);
        let is_clock =
            |slot: &Slot| slot.class == Class::Number && slot.weigh(Field::Clock) >= ENOUGH;
        let is_amid = template.rows.iter().any(|row| {
            let (first, last) = spans[row.file];
            (first..last).contains(&row.index)
        });
        template.kind.is_none()
            && has_time
            && template.slots.iter().any(is_clock)
            && (is_amid || !is_rare(*index))
    };
    if let Some(index) = (0..templates.len()).find(unknown) {
        return Err(Problem::UnknownEvent(index));
    }
    let mut assumptions = vec![];
    // A value that internal events have too cannot be the name of a peer.
    let is_no_peer = |&index: &usize| {
        templates[index].kind == Some(Kind::Internal)
            && templates[index].slots.iter().any(optional::is_other_peer)
    };
    let others = !events.iter().any(is_no_peer);
    for &index in &events {
        found[index].queue = optional::queue(
            &templates[index],
            &found[index],
            index,
            &sequence,
            &mut assumptions,
        )?;
        found[index].stamp = optional::stamp(
            &templates[index],
            &found[index],
            index,
            &sequence,
            &mut assumptions,
        );
        optional::set_peers(&templates[index], &mut found[index], others);
    }
    optional::drop_unresolved(templates, &mut found, resolves, &mut assumptions);
    let assignment = |(index, found): (usize, Assignment)| events.contains(&index).then_some(found);
    Ok(Fields {
        assignments: found.into_iter().enumerate().map(assignment).collect(),
        assumptions,
    })
}

/// Leaves out rare shapes that have more numbers without labels than any frequent shape. In such a line a value was probably cut
/// in two, so a part of the value would be read as the whole.
fn drop_damaged(events: &mut Vec<usize>, templates: &[Template], is_rare: impl Fn(usize) -> bool) {
    let plain_numbers = |index: usize| {
        let slots = templates[index].slots.iter();
        slots.filter(|slot| is_plain(slot)).count()
    };
    let frequent = events.iter().filter(|&&index| !is_rare(index));
    if let Some(most) = frequent.map(|&index| plain_numbers(index)).max() {
        events.retain(|&index| !is_rare(index) || plain_numbers(index) <= most);
    }
}

/// Leaves out rare shapes with words of summary lines, if no frequent shape has such words. Summary lines are about many events,
/// so they are not events themselves.
fn drop_summaries(
    events: &mut Vec<usize>,
    templates: &[Template],
    is_rare: impl Fn(usize) -> bool,
) {
    let is_summary = |index: usize| {
        let parts = templates[index].parts.iter();
        let mut texts = parts
            .filter(|part| part.class == Class::Word)
            .flat_map(|part| &part.texts);
        texts.any(|text| kinds::words(text).iter().any(|word| is_of_summary(word)))
    };
    let is_known_title = |&index: &usize| !is_rare(index) && is_summary(index);
    if !events.iter().any(is_known_title) {
        events.retain(|&index| !is_rare(index) || !is_summary(index));
    }
}

/// For each file, the indices of the records of its first and its last event.
fn spans(templates: &[Template], events: &[usize], files: usize) -> Vec<(usize, usize)> {
    let mut spans = vec![(usize::MAX, 0); files];
    for row in events.iter().flat_map(|&index| &templates[index].rows) {
        let (first, last) = spans[row.file];
        spans[row.file] = (first.min(row.index), last.max(row.index));
    }
    spans
}

/// Returns an error if one of the shapes `missing`, which do not have a needed field, is not rare. The error shows the first such
/// shape.
fn refuse_unless_rare(
    missing: &[usize],
    is_rare: impl Fn(usize) -> bool,
    field: &'static str,
) -> Result<(), Problem> {
    match missing.iter().find(|&&index| !is_rare(index)) {
        Some(&index) => Err(Problem::Missing(field, index)),
        None => Ok(()),
    }
}

pub(super) fn is_time(slot: &Slot) -> bool {
    matches!(slot.class, Class::Time(_))
        || (slot.class == Class::Number && slot.weigh(Field::Time) >= ENOUGH)
}

/// Whether the words of a shape are enough to show an event with a time and a clock.
pub(super) fn is_whole(template: &Template) -> bool {
    let is_event = template.kind.is_some_and(|kind| kind != Kind::Ignore);
    let is_clock = |slot: &Slot| slot.class == Class::Number && slot.weigh(Field::Clock) >= ENOUGH;
    is_event && template.slots.iter().any(is_time) && template.slots.iter().any(is_clock)
}

/// Whether a slot is a number whose words are not evidence for any field.
pub(super) fn is_plain(slot: &Slot) -> bool {
    slot.class == Class::Number && Field::ALL.iter().all(|field| slot.weigh(*field) < ENOUGH)
}

/// The numbers that can be the clock: those with the strongest words for a clock. If no number has such words: those that cannot
/// be another field.
fn clock_candidates(template: &Template, found: &Assignment) -> Vec<usize> {
    let is_free = |number: &usize| {
        found.name(*number).is_none() && template.slots[*number].class == Class::Number
    };
    let free: Vec<usize> = (0..template.slots.len()).filter(is_free).collect();
    let weight = |number: &usize| template.slots[*number].weigh(Field::Clock);
    let best = free.iter().map(weight).max().unwrap_or(0);
    match best >= ENOUGH {
        true => {
            let mut near: Vec<usize> = free;
            near.retain(|number| weight(number) > best - CLEARLY);
            near.sort_by_key(|number| std::cmp::Reverse(weight(number)));
            // If two slots have equal values in every row, the first one is enough.
            let same =
                |a: usize, b: usize| template.rows.iter().all(|row| row.cells[a] == row.cells[b]);
            let is_new = |index: &usize| {
                !near[..*index]
                    .iter()
                    .any(|&other| same(other, near[*index]))
            };
            (0..near.len())
                .filter(is_new)
                .map(|index| near[index])
                .collect()
        }
        false => free
            .into_iter()
            .filter(|&number| is_plain(&template.slots[number]) && weight(&number) >= 0)
            .collect(),
    }
}

/// Whether the clock is a list of numbers, or several numbers separated by commas.
fn is_vector(template: &Template, found: &Assignment) -> bool {
    let labelled = |slot: &Slot| slot.weigh(Field::Clock) >= ENOUGH;
    let has_number = template
        .slots
        .iter()
        .any(|slot| slot.class == Class::Number && labelled(slot));
    let has_list = template.slots.iter().any(|slot| {
        slot.class == Class::List && (labelled(slot) || slot.before.contains(&"vector".to_owned()))
    });
    let is_tight = |pair: &[Slot]| {
        let is_number = |slot: &Slot| slot.class == Class::Number;
        let between = template.parts.get(pair[0].part + 1..pair[1].part);
        let has_comma = between.is_some_and(|parts| parts.len() == 1 && parts[0].texts == [","]);
        has_comma && pair.iter().all(is_number)
    };
    let others = template
        .parts
        .iter()
        .filter(|part| part.class == Class::Space || part.texts == ["|"])
        .count();
    let is_run = template.slots.windows(2).any(is_tight) && others > 0 && found.clock.is_none();
    !has_number && (has_list || is_run)
}

/// For each shape, the slot that is the name of the machine: the value after a word for machines.
fn machine_slots(templates: &[Template], events: &[usize]) -> Vec<Option<usize>> {
    let is_machine = |slot: &&Slot| {
        matches!(slot.class, Class::Number | Class::Name)
            && slot.weigh(Field::Machine) > ENOUGH
            && slot.weigh(Field::Clock) < ENOUGH
    };
    let slots: Vec<Option<usize>> = templates
        .iter()
        .map(|template| template.slots.iter().position(|slot| is_machine(&slot)))
        .collect();
    let mut by_file: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let (mut with, mut all) = (0, 0);
    for &index in events {
        for row in &templates[index].rows {
            all += 1;
            if let Some(slot) = slots[index] {
                with += 1;
                by_file
                    .entry(row.file)
                    .or_default()
                    .insert(&row.cells[slot]);
            }
        }
    }
    // If each machine has its own file, the machine is taken from the file's name.
    let is_needed = by_file.values().any(|names| names.len() > 1);
    match is_needed && with == all {
        true => slots,
        false => vec![None; templates.len()],
    }
}

/// Maximum number of machines in one file.
const MOST_MACHINES: usize = 20;

/// For each shape, the slot that is a name at the beginning of the line, such as `vm1: ` or `[A]`. None unless all events begin
/// with a name, and each file has few different names.
fn prefix_slots(templates: &[Template], events: &[usize]) -> Option<Vec<Option<usize>>> {
    let is_prefix = |template: &Template| {
        template.slots.first().is_some_and(|slot| {
            let before = template.parts[..slot.part].iter();
            slot.class == Class::Name
                && before
                    .map(|part| part.class)
                    .all(|class| matches!(class, Class::Space | Class::Mark))
        })
    };
    if !events.iter().all(|&index| is_prefix(&templates[index])) {
        return None;
    }
    let mut by_file: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
    for row in events.iter().flat_map(|&index| &templates[index].rows) {
        let names = by_file.entry(row.file).or_default();
        *names.entry(&row.cells[0]).or_default() += 1;
    }
    let are_machines = |names: &BTreeMap<&str, usize>| {
        (2..=MOST_MACHINES).contains(&names.len()) && names.values().all(|&rows| rows > 1)
    };
    by_file.values().all(are_machines).then(|| {
        templates
            .iter()
            .map(|one| is_prefix(one).then_some(0))
            .collect()
    })
}
