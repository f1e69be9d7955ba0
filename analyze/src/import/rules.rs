//! Finds the rules that the rows of the logs follow. Clocks and queue lengths are logged after or before the event, and messages
//! carry the sender's clock after or before 1 is added for the send. The rule that fits the rows is used, unless the user gives another.

use std::collections::HashSet;

use sim::experiment::StampRule;
use sim::log::{ImportedFile, UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, Recipients};

use super::mapping::{Mapping, When};
use super::rows::Row;
use super::run::Run;
use crate::error::Error;

/// `Before` is used if it fits at least this share of the rows, and more rows than `After` fits.
const NEARLY_ALL: f64 = 0.95;

/// How many rows fit each rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FitCounts {
    pub(super) after: usize,
    pub(super) before: usize,
    /// Number of rows that were checked.
    pub(super) of: usize,
}

impl FitCounts {
    fn count(&mut self, after: bool, before: bool) {
        self.after += usize::from(after);
        self.before += usize::from(before);
        self.of += 1;
    }

    /// The rule that fits best.
    fn best(self) -> When {
        let is_nearly_all = self.before as f64 >= NEARLY_ALL * self.of as f64;
        match self.before > self.after && is_nearly_all {
            true => When::Before,
            false => When::After,
        }
    }
}

/// A rule, and how many rows fit each choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) when: When,
    pub(super) fits: FitCounts,
}

impl Rule {
    fn new(fits: FitCounts, given: Option<When>) -> Self {
        let when = given.unwrap_or_else(|| fits.best());
        Self { when, fits }
    }
}

/// The rules of all runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) clock: Rule,
    pub(super) stamp: Rule,
    pub(super) queue: Rule,
    /// Number of machines whose last receive is left out, because the clock after this receive is unknown.
    pub(super) unknown_clocks: usize,
}

impl Rules {
    /// The stamp rule as a parameter of an experiment.
    pub(super) fn stamp_rule(&self) -> StampRule {
        match self.stamp.when {
            When::After => StampRule::After,
            When::Before => StampRule::Before,
        }
    }
}

/// Finds the rules of `runs` and applies them. Afterwards all clocks and queue lengths are those after the event, and every send
/// has its timestamp.
///
/// # Errors
///
/// [`Error::Import`] if queue lengths were logged before the event by the rule, but a receive has the length 0.
pub(super) fn find_and_apply(
    runs: &mut [Run],
    files: &[ImportedFile],
    mapping: &Mapping,
) -> Result<Rules, Error> {
    let clock = Rule::new(sum(runs, clock_fits), mapping.clock);
    let mut unknown_clocks = 0;
    if clock.when == When::Before {
        let logs = runs.iter_mut().flat_map(|run| &mut run.machines);
        unknown_clocks = logs.map(clocks_after).filter(|known| !known).count();
    }
    let given = mapping.stamp_rule().map(|rule| match rule {
        StampRule::After => When::After,
        StampRule::Before => When::Before,
    });
    let stamp = Rule::new(sum(runs, stamp_fits), given);
    let rows = runs.iter_mut().flat_map(|run| &mut run.machines).flatten();
    rows.for_each(|row| fill_stamp(row, stamp.when));
    let queue = Rule::new(sum(runs, queue_fits), mapping.queue);
    if queue.when == When::Before {
        for row in runs.iter_mut().flat_map(|run| &mut run.machines).flatten() {
            length_after(row, files)?;
        }
    }
    Ok(Rules {
        clock,
        stamp,
        queue,
        unknown_clocks,
    })
}

/// The sum of the fits of all runs.
fn sum(runs: &[Run], fits: fn(&[Vec<Row>], &mut FitCounts)) -> FitCounts {
    let mut sum = FitCounts::default();
    runs.iter().for_each(|run| fits(&run.machines, &mut sum));
    sum
}

/// Computes the clock after the event of `row` from the clock before the event. None for a receive without timestamp.
fn next_clock(before: u64, row: &Row) -> Option<u64> {
    let reached = match &row.event.kind {
        EventKind::Receive(message) if message.stamp == UNKNOWN => return None,
        EventKind::Receive(message) => before.max(message.stamp),
        EventKind::Internal | EventKind::Send { .. } => before,
    };
    reached.checked_add(1)
}

/// Counts how many clocks fit each rule. If clocks are logged after the event, each clock follows from the clock of the previous
/// row and this row's event. If they are logged before the event, the next row's clock follows from this row's clock and event.
fn clock_fits(machines: &[Vec<Row>], fits: &mut FitCounts) {
    for three in machines.iter().flat_map(|rows| rows.windows(3)) {
        let clock = |index: usize| three[index].event.logical_clock;
        let leads_to = |from: usize| next_clock(clock(from), &three[1]);
        if let Some((after, before)) = leads_to(0).zip(leads_to(1)) {
            fits.count(after == clock(1), before == clock(2));
        }
    }
}

/// Replaces clocks logged before the events by the clocks after them. The last clock is computed from the last event. If this is
/// not possible, the row is left out and `false` is returned.
fn clocks_after(rows: &mut Vec<Row>) -> bool {
    let next: Vec<u64> = rows.iter().map(|row| row.event.logical_clock).collect();
    for (row, next) in std::iter::zip(rows.iter_mut(), next.iter().skip(1)) {
        row.event.logical_clock = *next;
    }
    let Some(last) = rows.last_mut() else {
        return true;
    };
    match next_clock(last.event.logical_clock, last) {
        Some(clock) => last.event.logical_clock = clock,
        None => drop(rows.pop()),
    }
    rows.len() == next.len()
}

/// Counts how many timestamps fit each rule. If sends have timestamps in the log, these are compared with the clocks of the
/// sends. Otherwise the timestamps of receives are compared with the clocks of sends that may belong to them.
fn stamp_fits(machines: &[Vec<Row>], fits: &mut FitCounts) {
    let (mut own, mut matched) = (FitCounts::default(), FitCounts::default());
    let mut sent: HashSet<(u32, u32, u64)> = HashSet::new();
    let everybody: Vec<u32> = (0..machines.len() as u32).collect();
    for row in machines.iter().flatten() {
        let clock = row.event.logical_clock;
        if let EventKind::Send { recipients, stamp } = &row.event.kind {
            if *stamp != UNKNOWN {
                own.count(*stamp == clock, stamp.checked_add(1) == Some(clock));
            }
            let to = match recipients {
                Recipients::One(UNKNOWN_MACHINE) => &everybody[..],
                known => known.among(&everybody),
            };
            sent.extend(to.iter().map(|&to| (row.machine, to, clock)));
        }
    }
    for row in machines.iter().flatten() {
        if let EventKind::Receive(message) = &row.event.kind
            && message.stamp != UNKNOWN
        {
            let senders = match message.sender {
                UNKNOWN_MACHINE => &everybody[..],
                ref sender => std::slice::from_ref(sender),
            };
            let was_sent = |clock: Option<u64>| {
                let sender = |&from: &u32| {
                    from != row.machine
                        && clock.is_some_and(|clock| sent.contains(&(from, row.machine, clock)))
                };
                senders.iter().any(sender)
            };
            matched.count(
                was_sent(Some(message.stamp)),
                was_sent(message.stamp.checked_add(1)),
            );
        }
    }
    let of_run = if own.of > 0 { own } else { matched };
    fits.after += of_run.after;
    fits.before += of_run.before;
    fits.of += of_run.of;
}

fn fill_stamp(row: &mut Row, when: When) {
    let clock = row.event.logical_clock;
    if let EventKind::Send { stamp, .. } = &mut row.event.kind
        && *stamp == UNKNOWN
    {
        *stamp = match when {
            When::After => clock,
            When::Before => clock.saturating_sub(1),
        };
    }
}

/// Counts how many queue lengths of receives fit each rule. After a receive that leaves messages in the queue, the next event
/// must be a receive. A length logged before the receive is greater by 1.
fn queue_fits(machines: &[Vec<Row>], fits: &mut FitCounts) {
    for pair in machines.iter().flat_map(|rows| rows.windows(2)) {
        let length = pair[0].event.queue_length;
        if !is_receive(&pair[0]) || length == UNKNOWN {
            continue;
        }
        let fits_left = |left: u64| left == 0 || is_receive(&pair[1]);
        fits.count(
            fits_left(length),
            length.checked_sub(1).is_some_and(fits_left),
        );
    }
}

fn length_after(row: &mut Row, files: &[ImportedFile]) -> Result<(), Error> {
    if !is_receive(row) || row.event.queue_length == UNKNOWN {
        return Ok(());
    }
    row.event.queue_length = row.event.queue_length.checked_sub(1).ok_or_else(|| {
        let path = &files[row.source.file as usize].path;
        let problem = "a receive has queue length 0 before the event, which is impossible; leave out --queue \
            before, or use --queue after";
        Error::import(path.as_ref(), Some(row.source.line), problem.to_owned())
    })?;
    Ok(())
}

pub(super) fn is_receive(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Receive(_))
}
