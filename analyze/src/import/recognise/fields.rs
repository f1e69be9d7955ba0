//! Finds the fields of each shape of lines. A shape (or template) is the common form of similar lines, such as
//! `TIME sent to NAME, clock: NUMBER`. Its slots are the positions of values: here TIME, NAME and NUMBER. A field is what a value
//! means, such as the system time or the logical clock. A record is the text of one event (a line, or several), and a row has the values
//! of a record.
//!
//! First the words beside each value (its label) decide which field the value is. If several values are still possible for a field, the
//! values themselves decide.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{CLEAR_DIFFERENCE, ENOUGH_WEIGHT, Field, is_summary_word};
use super::sequence::Sequence;
use super::templates::{Slot, Template};
use super::tokens::Class;
use super::{optional, times};
use crate::import::kinds;
use crate::import::mapping::Kind;

/// The slot of each field in a shape: an index of [`Template::slots`]. None if the shape does not have the field.
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

/// Why the fields were not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// No line has a word for an event.
    NoEvents,
    /// No value in a shape is the needed field. Contains the field's name and the index of the shape.
    Missing(&'static str, usize),
    /// Several values could be the field. Contains the field's name, the index of the shape, and the slots of these values.
    Several(&'static str, usize, Vec<usize>),
    /// The clock has several numbers: it is a vector clock. Contains the index of the shape.
    Vector(usize),
    /// A line has a time and a clock, but no word that stands for an event. Contains the index of the shape.
    UnknownEvent(usize),
}

/// The fields that were found, and a sentence for each assumption.
#[derive(Debug)]
pub(super) struct Fields {
    /// For each shape, the slots of its fields. None for shapes that are not events.
    pub(super) assignments: Vec<Option<Assignment>>,
    pub(super) assumptions: Vec<String>,
}

/// Finds the fields of the shapes `templates`. `files` is the number of files, and `one_file_per_run` says whether each run has a
/// single file. `resolves` gets the index of a file and a text with names, and says whether these are names of other machines of the
/// file's run.
///
/// A shape of events with only few records is called rare: its lines are perhaps damaged, or are summaries. A rare shape without the
/// needed fields (the system time and the clock) is left out. A frequent shape without the needed fields is an error.
pub(super) fn assign(
    templates: &[Template],
    files: usize,
    one_file_per_run: bool,
    resolves: impl Fn(usize, &str) -> bool,
) -> Result<Fields, Problem> {
    let is_event = |template: &Template| template.kind.is_some_and(|kind| kind != Kind::Ignore);
    let mut events: Vec<usize> = (0..templates.len())
        .filter(|&index| is_event(&templates[index]))
        .collect();
    let records_of_events: usize = events
        .iter()
        .map(|&index| templates[index].rows.len())
        .sum();
    if records_of_events == 0 {
        return Err(Problem::NoEvents);
    }
    // A rare shape has at most twice as many records as there are files, and at most 5 % of all records of events.
    let is_rare = |index: usize| {
        let count = templates[index].rows.len();
        count <= 2 * files && count * 20 <= records_of_events
    };
    // The machine: a value with a label such as `vm`, or else a name at the beginning of each line. Such names are looked for only if all
    // machines of a run share a file. If each machine has its own file, the name of the file is the machine's name.
    let mut found: Vec<Assignment> = vec![Assignment::default(); templates.len()];
    let mut machine = machine_slots(templates, &events);
    let by_prefix = match one_file_per_run {
        true => prefix_slots(templates, &events),
        false => None,
    };
    // Whether the names at the beginning of lines are taken as machines, because no value has a label for machines.
    let is_prefixed = machine.iter().all(Option::is_none) && by_prefix.is_some();
    if let Some(prefix) = by_prefix.filter(|_| is_prefixed) {
        machine = prefix;
    }
    for &index in &events {
        found[index].machine = machine[index];
    }
    // The system time.
    let times = times::find(templates, &events);
    let mut without_time = vec![];
    for &index in &events {
        found[index].time = times[index];
        if times[index].is_none() {
            without_time.push(index);
        }
    }
    refuse_unless_rare(&without_time, is_rare, "system_time")?;
    events.retain(|index| !without_time.contains(index));
    drop_damaged(&mut events, templates, is_rare);
    drop_summaries(&mut events, templates, is_rare);
    // The clock: candidates are the numbers of a shape that can be the clock. If there are several, the values from row to row decide
    // between them.
    let candidates: Vec<Vec<usize>> = (0..templates.len())
        .map(|index| clock_candidates(&templates[index], &found[index]))
        .collect();
    // Logs of vector clocks are refused.
    if let Some(&index) = events.iter().find(|&&index| is_vector(&templates[index])) {
        return Err(Problem::Vector(index));
    }
    let without_clock: Vec<usize> = events
        .iter()
        .copied()
        .filter(|&index| candidates[index].is_empty())
        .collect();
    refuse_unless_rare(&without_clock, is_rare, "logical_clock")?;
    events.retain(|index| !without_clock.contains(index));
    let mut sequence = Sequence::new(templates, &events, &found);
    let clocks = sequence.choose_clocks(&events, &candidates)?;
    for (&index, clock) in events.iter().zip(clocks) {
        found[index].clock = Some(clock);
    }
    sequence.set_clocks(&found);
    // A machine's clock never falls within a run. So if the clock falls from one line to the next line with the same name, although no new
    // run begins there, the names are not names of machines.
    if is_prefixed
        && !sequence.falls_only_between_runs()
        && let Some(&first) = events.first()
    {
        return Err(Problem::Missing("machine", first));
    }
    // If the lines of a shape have a time and a clock but no known word for an event, they are probably events all the same. Such a shape is
    // an error, unless it is rare and all its lines are before the first or after the last event of their file.
    let spans = event_spans(templates, &events, files);
    let is_unknown_event = |index: &usize| {
        let template = &templates[*index];
        let has_time = template.slots.iter().any(is_time) || begins_with_unix_time(template);
        let is_between_events = template.rows.iter().any(|row| {
            let (first, last) = spans[row.file];
            (first..last).contains(&row.index)
        });
        template.kind.is_none()
            && has_time
            && template.slots.iter().any(is_clock)
            && (is_between_events || !is_rare(*index))
    };
    if let Some(index) = (0..templates.len()).find(is_unknown_event) {
        return Err(Problem::UnknownEvent(index));
    }
    // The optional fields, which some logs do not have: the queue length, the message's timestamp (`stamp`) and the peers (a message's
    // recipients or its sender).
    let mut assumptions = vec![];
    // Names without a word such as `to` before them may be peers. But an internal event has no peer. So if an internal event has such names
    // too, the names mean something else. Then none of these names are used as peers.
    let is_internal_with_names = |&index: &usize| {
        templates[index].kind == Some(Kind::Internal)
            && templates[index]
                .slots
                .iter()
                .any(optional::is_peer_without_direction)
    };
    let uses_peers_without_direction = !events.iter().any(is_internal_with_names);
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
        optional::set_peers(
            &templates[index],
            &mut found[index],
            uses_peers_without_direction,
        );
    }
    // Peers that are not names of other machines are removed again.
    optional::drop_unresolved(templates, &mut found, resolves, &mut assumptions);
    let assignment = |(index, found): (usize, Assignment)| events.contains(&index).then_some(found);
    Ok(Fields {
        assignments: found.into_iter().enumerate().map(assignment).collect(),
        assumptions,
    })
}

/// Leaves out rare shapes that have more numbers without a label than every frequent shape. In a line of such a shape, a value was
/// probably cut in two (`4 2` instead of `42`), and one part would be read as the whole value.
fn drop_damaged(events: &mut Vec<usize>, templates: &[Template], is_rare: impl Fn(usize) -> bool) {
    let unlabelled_numbers = |index: usize| {
        let slots = templates[index].slots.iter();
        slots.filter(|slot| is_unlabelled_number(slot)).count()
    };
    let frequent = events.iter().filter(|&&index| !is_rare(index));
    if let Some(max) = frequent.map(|&index| unlabelled_numbers(index)).max() {
        events.retain(|&index| !is_rare(index) || unlabelled_numbers(index) <= max);
    }
}

/// Leaves out rare shapes with words of summary lines, such as `total`, because summary lines are not events. If a frequent shape has such
/// words too, the log uses them for events, and no shape is left out.
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
        texts.any(|text| kinds::words(text).iter().any(|word| is_summary_word(word)))
    };
    let is_frequent_summary = |&index: &usize| !is_rare(index) && is_summary(index);
    if !events.iter().any(is_frequent_summary) {
        // No frequent shape is a summary, so this removes only rare shapes.
        events.retain(|&index| !is_summary(index));
    }
}

/// For each file, the index of the record that is its first event, and of the record that is its last event. If a file has no event, its
/// first index is greater than its last, so that no record is between them.
fn event_spans(templates: &[Template], events: &[usize], files: usize) -> Vec<(usize, usize)> {
    let mut spans = vec![(usize::MAX, 0); files];
    for row in events.iter().flat_map(|&index| &templates[index].rows) {
        let (first, last) = spans[row.file];
        spans[row.file] = (first.min(row.index), last.max(row.index));
    }
    spans
}

/// `missing` has the shapes without the needed field `field`. Returns an error about the first of these shapes that is not rare.
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

/// Whether a value is a time by its format or its label.
pub(super) fn is_time(slot: &Slot) -> bool {
    matches!(slot.class, Class::Time(_))
        || (slot.class == Class::Number && slot.weigh(Field::Time) >= ENOUGH_WEIGHT)
}

/// Whether a value is a number with a label for a clock.
pub(super) fn is_clock(slot: &Slot) -> bool {
    slot.class == Class::Number && slot.weigh(Field::Clock) >= ENOUGH_WEIGHT
}

/// Whether the first value of a shape is a Unix time in seconds or a smaller unit.
fn begins_with_unix_time(template: &Template) -> bool {
    let first = template.rows.first().and_then(|row| row.cells.first());
    let number = first.and_then(|cell| cell.parse::<f64>().ok());
    number.is_some_and(|number| number >= times::MIN_UNIX_TIME)
}

/// Whether the words of a shape show that it is an event with a time and a clock.
pub(super) fn has_event_time_and_clock(template: &Template) -> bool {
    let is_event = template.kind.is_some_and(|kind| kind != Kind::Ignore);
    is_event && template.slots.iter().any(is_time) && template.slots.iter().any(is_clock)
}

/// Whether a slot is a number whose words are not evidence for any field.
pub(super) fn is_unlabelled_number(slot: &Slot) -> bool {
    slot.class == Class::Number
        && Field::ALL
            .iter()
            .all(|field| slot.weigh(*field) < ENOUGH_WEIGHT)
}

/// The slots of the numbers that can be the clock. The words of a number's label give the number a weight for the clock
/// ([`super::evidence`]). A negative weight is evidence against the clock.
///
/// - If any number has at least the weight [`ENOUGH_WEIGHT`], the result has the number with the greatest weight and those with almost
///   the same weight (see [`CLEAR_DIFFERENCE`]). The greatest weight comes first.
/// - Otherwise the words for the event, such as `received` in `received clock=3`, are taken out of the labels. If the shape then has numbers
///   with the weight [`ENOUGH_WEIGHT`], the result has these numbers.
/// - Otherwise the result has the numbers whose label is not evidence for any field, except those with a negative weight for the clock.
fn clock_candidates(template: &Template, found: &Assignment) -> Vec<usize> {
    let is_free = |slot_index: &usize| {
        found.name(*slot_index).is_none() && template.slots[*slot_index].class == Class::Number
    };
    let free: Vec<usize> = (0..template.slots.len()).filter(is_free).collect();
    let weight = |slot_index: &usize| template.slots[*slot_index].weigh(Field::Clock);
    let best = free.iter().map(weight).max().unwrap_or(0);
    match best >= ENOUGH_WEIGHT {
        true => {
            let mut likely: Vec<usize> = free;
            likely.retain(|slot_index| weight(slot_index) > best - CLEAR_DIFFERENCE);
            likely.sort_by_key(|slot_index| std::cmp::Reverse(weight(slot_index)));
            // If two slots have equal values in every row, the first one is enough.
            let are_equal =
                |a: usize, b: usize| template.rows.iter().all(|row| row.cells[a] == row.cells[b]);
            let is_new = |index: &usize| {
                !likely[..*index]
                    .iter()
                    .any(|&other| are_equal(other, likely[*index]))
            };
            (0..likely.len())
                .filter(is_new)
                .map(|index| likely[index])
                .collect()
        }
        false => {
            let without_event = |slot_index: &usize| {
                let mut slot = template.slots[*slot_index].clone();
                slot.before
                    .retain(|word| kinds::kind_of_word(word).is_none());
                slot.weigh(Field::Clock) >= ENOUGH_WEIGHT
            };
            let is_possible = |slot_index: &usize| {
                is_unlabelled_number(&template.slots[*slot_index]) && weight(slot_index) >= 0
            };
            let labelled: Vec<usize> = free.iter().copied().filter(without_event).collect();
            match labelled.is_empty() {
                true => free.into_iter().filter(is_possible).collect(),
                false => labelled,
            }
        }
    }
}

/// Whether the clock is a vector clock. That is so if both of these are true:
///
/// - No number outside a list has a label for a clock. A list has several numbers in brackets, such as `[3, 1, 4]`.
/// - The line has a list with a label for a clock (or with the word `vector`). Or it has numbers with only a comma between them, and
///   spaces or `|` elsewhere, such as `vm1 | 3,1,4`.
fn is_vector(template: &Template) -> bool {
    let is_labelled = |slot: &Slot| slot.weigh(Field::Clock) >= ENOUGH_WEIGHT;
    let has_clock_number = template
        .slots
        .iter()
        .any(|slot| slot.class == Class::Number && is_labelled(slot));
    let has_clock_list = template.slots.iter().any(|slot| {
        slot.class == Class::List
            && (is_labelled(slot) || slot.before.contains(&"vector".to_owned()))
    });
    let are_joined_by_comma = |pair: &[Slot]| {
        let is_number = |slot: &Slot| slot.class == Class::Number;
        let between = template.parts.get(pair[0].part + 1..pair[1].part);
        let has_comma = between.is_some_and(|parts| parts.len() == 1 && parts[0].texts == [","]);
        has_comma && pair.iter().all(is_number)
    };
    // In a line such as `7,2,3`, where commas are the only separators, the numbers are the values of different fields, not a vector.
    let has_other_separators = template
        .parts
        .iter()
        .any(|part| part.class == Class::Space || part.texts == ["|"]);
    let has_joined_numbers =
        template.slots.windows(2).any(are_joined_by_comma) && has_other_separators;
    !has_clock_number && (has_clock_list || has_joined_numbers)
}

/// For each shape, the slot of the machine's name: the value with a label for machines. None for all shapes if a record of an event
/// has no such value, or if no file has the names of several machines.
fn machine_slots(templates: &[Template], events: &[usize]) -> Vec<Option<usize>> {
    // The weight must be above `ENOUGH_WEIGHT`: the words `port` and `host`, which have exactly this weight, do not suffice by themselves.
    let is_machine = |slot: &&Slot| {
        matches!(slot.class, Class::Number | Class::Name)
            && slot.weigh(Field::Machine) > ENOUGH_WEIGHT
            && slot.weigh(Field::Clock) < ENOUGH_WEIGHT
    };
    let slots: Vec<Option<usize>> = templates
        .iter()
        .map(|template| template.slots.iter().position(|slot| is_machine(&slot)))
        .collect();
    let mut names_by_file: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    let (mut with_name, mut all) = (0, 0);
    for &index in events {
        for row in &templates[index].rows {
            all += 1;
            if let Some(slot) = slots[index] {
                with_name += 1;
                names_by_file
                    .entry(row.file)
                    .or_default()
                    .insert(&row.cells[slot]);
            }
        }
    }
    // If each machine has its own file, the names in the rows are not needed: the name of the file is the machine's name.
    let is_needed = names_by_file.values().any(|names| names.len() > 1);
    match is_needed && with_name == all {
        true => slots,
        false => vec![None; templates.len()],
    }
}

/// Maximum number of machines in a file whose lines begin with the names of machines.
const MAX_MACHINES: usize = 20;

/// For each shape, the slot that is a name at the beginning of the line, such as `vm1: ` or `[A]`. A time and the level of a log message
/// (such as `INFO`) may come before the name. The whole result is `None` if an event does not begin with a name. It is also `None` if the
/// names in a file are probably not those of machines. That is so if the file has only one name, if it has more than [`MAX_MACHINES`]
/// names, or if one of its names occurs only once.
fn prefix_slots(templates: &[Template], events: &[usize]) -> Option<Vec<Option<usize>>> {
    let prefix = |template: &Template| {
        let mut slots = template.slots.iter();
        let index = slots.position(|slot| !is_time_at_beginning(slot))?;
        let slot = &template.slots[index];
        let mut before = template.parts[..slot.part].iter();
        let is_first = before.all(|part| match part.class {
            Class::Space | Class::Mark => true,
            // Loggers write the level of a message before the message.
            Class::Word => part.texts.iter().all(|text| kinds::is_log_level(text)),
            class => class.is_slot(),
        });
        (slot.class == Class::Name && is_first).then_some(index)
    };
    let prefixes: Vec<Option<usize>> = templates.iter().map(prefix).collect();
    if events.iter().any(|&index| prefixes[index].is_none()) {
        return None;
    }
    // For each file, its names and the number of rows with each name.
    let mut names_by_file: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
    for &index in events {
        for row in &templates[index].rows {
            let name = prefixes[index].map_or("", |slot| row.cells[slot].as_str());
            let names = names_by_file.entry(row.file).or_default();
            *names.entry(name).or_default() += 1;
        }
    }
    let are_machines = |names: &BTreeMap<&str, usize>| {
        (2..=MAX_MACHINES).contains(&names.len()) && names.values().all(|&rows| rows > 1)
    };
    names_by_file.values().all(are_machines).then_some(prefixes)
}

/// Whether a value is a time that may come before the name of the machine: a time by its format, or a number without words before it, such
/// as a Unix time.
fn is_time_at_beginning(slot: &Slot) -> bool {
    matches!(slot.class, Class::Time(_)) || (slot.class == Class::Number && slot.before.is_empty())
}
