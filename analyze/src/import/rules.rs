//! Finds out what the numbers in the rows of the logs mean. There are three rules, and for each rule the choice is `After` or `Before`:
//!
//! - clock: a row has the machine's clock after the event, or before it
//! - queue: a row has the length of the queue after the event, or before it
//! - stamp: a message carries the sender's clock after the send, or before it
//!
//! If the user does not make the choice, it is `Before` only if `Before` fits nearly all rows, and more rows than `After`. When the
//! choices are known, clocks and queue lengths from before the events are replaced by those after the events.

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

/// How many rows fit each choice of a rule. A row can fit both choices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FitCounts {
    /// Number of rows that fit `After`.
    pub(super) after: usize,
    /// Number of rows that fit `Before`.
    pub(super) before: usize,
    /// Number of rows that were checked.
    pub(super) checked: usize,
}

impl FitCounts {
    /// Counts a row. The flags say whether it fits `After`, and whether it fits `Before`.
    fn count(&mut self, fits_after: bool, fits_before: bool) {
        self.after += usize::from(fits_after);
        self.before += usize::from(fits_before);
        self.checked += 1;
    }

    /// The choice that fits best. It is `After` if the rows do not clearly show `Before`.
    fn best(self) -> When {
        let before_fits_nearly_all = self.before as f64 >= NEARLY_ALL * self.checked as f64;
        match self.before > self.after && before_fits_nearly_all {
            true => When::Before,
            false => When::After,
        }
    }
}

/// The choice for a rule, and how many rows fit each choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// The choice that is used.
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
    /// Whether logical clocks are logged after or before the event.
    pub(super) clock: Rule,
    /// Whether messages carry the sender's clock after or before the send.
    pub(super) stamp: Rule,
    /// Whether queue lengths are logged after or before the event.
    pub(super) queue: Rule,
    /// Number of machines whose last row is left out because the clock after its event is unknown. This happens if clocks are logged
    /// before the event and the last event is a receive without timestamp.
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

/// Finds the rules of `runs` and converts the rows. Afterwards all clocks and queue lengths are those after the event, and every
/// send has a timestamp.
///
/// # Errors
///
/// [`Error::Import`] if the rule says that queue lengths were logged before the event, but a receive has the length 0.
pub(super) fn find_and_apply(
    runs: &mut [Run],
    files: &[ImportedFile],
    mapping: &Mapping,
) -> Result<Rules, Error> {
    let clock = Rule::new(sum(runs, clock_fits), mapping.clock);
    let mut unknown_clocks = 0;
    if clock.when == When::Before {
        let logs = runs.iter_mut().flat_map(|run| &mut run.machines);
        for rows in logs {
            let is_last_known = replace_clocks_by_those_after(rows);
            if !is_last_known {
                unknown_clocks += 1;
            }
        }
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
            replace_length_by_that_after(row, files)?;
        }
    }
    Ok(Rules {
        clock,
        stamp,
        queue,
        unknown_clocks,
    })
}

/// Counts the rows of all runs that fit each choice. `fits` adds the counts of one run.
fn sum(runs: &[Run], fits: fn(&[Vec<Row>], &mut FitCounts)) -> FitCounts {
    let mut sum = FitCounts::default();
    runs.iter().for_each(|run| fits(&run.machines, &mut sum));
    sum
}

/// Computes the clock after the event of `row` from the clock before the event, by Lamport's rules. None for a receive without
/// timestamp.
fn clock_after(clock_before: u64, row: &Row) -> Option<u64> {
    let reached = match &row.event.kind {
        EventKind::Receive(message) if message.stamp == UNKNOWN => return None,
        EventKind::Receive(message) => clock_before.max(message.stamp),
        EventKind::Internal | EventKind::Send { .. } => clock_before,
    };
    reached.checked_add(1)
}

/// Counts how many rows fit each choice of the rule for clocks:
///
/// - Row `this` fits `After` if its own clock is `clock_after(clock of the previous row, this)`.
/// - Row `this` fits `Before` if the clock of the next row is `clock_after(clock of this, this)`.
fn clock_fits(machines: &[Vec<Row>], fits: &mut FitCounts) {
    for three in machines.iter().flat_map(|rows| rows.windows(3)) {
        let [previous, this, next] = three else {
            continue;
        };
        let own_clock_if_after = clock_after(previous.event.logical_clock, this);
        let next_clock_if_before = clock_after(this.event.logical_clock, this);
        if let Some((own_clock, next_clock)) = own_clock_if_after.zip(next_clock_if_before) {
            fits.count(
                own_clock == this.event.logical_clock,
                next_clock == next.event.logical_clock,
            );
        }
    }
}

/// Replaces the clocks of a machine, which were logged before the events, by the clocks after the events. The clock after an event is
/// the clock that was logged in the next row. The last row has no next row, so the clock after the last event is computed. If this is not
/// possible, the last row is removed and `false` is returned.
fn replace_clocks_by_those_after(rows: &mut Vec<Row>) -> bool {
    let clocks_before: Vec<u64> = rows.iter().map(|row| row.event.logical_clock).collect();
    for (row, next) in std::iter::zip(rows.iter_mut(), clocks_before.iter().skip(1)) {
        row.event.logical_clock = *next;
    }
    let Some(last) = rows.last_mut() else {
        return true;
    };
    // The last row still has the clock before its event.
    match clock_after(last.event.logical_clock, last) {
        Some(clock) => last.event.logical_clock = clock,
        None => drop(rows.pop()),
    }
    // Whether no row was removed.
    rows.len() == clocks_before.len()
}

/// Counts how many timestamps fit each choice. If sends have timestamps in the log, the timestamps are compared with the clocks of the
/// sends. Otherwise the timestamp of each receive is compared with the clocks of the sends that its message can come from. The clocks
/// are already those after the event, so a timestamp from before the send is smaller by 1 than the sender's clock.
fn stamp_fits(machines: &[Vec<Row>], fits: &mut FitCounts) {
    let (mut of_sends, mut of_receives) = (FitCounts::default(), FitCounts::default());
    // The sender of each message, its recipient, and the sender's clock after the send.
    let mut sent: HashSet<(u32, u32, u64)> = HashSet::new();
    let everybody: Vec<u32> = (0..machines.len() as u32).collect();
    for row in machines.iter().flatten() {
        let clock = row.event.logical_clock;
        if let EventKind::Send { recipients, stamp } = &row.event.kind {
            if *stamp != UNKNOWN {
                of_sends.count(*stamp == clock, stamp.checked_add(1) == Some(clock));
            }
            // `everybody` includes the sender, so `sent` can get messages from a machine to itself. The loop below never looks for such
            // messages.
            let to = match recipients {
                // The recipient is unknown: it can be any machine.
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
            // The possible senders: the known one, or all machines.
            let senders = match message.sender {
                UNKNOWN_MACHINE => &everybody[..],
                ref sender => std::slice::from_ref(sender),
            };
            // Whether one of `senders` sent a message to this machine and had the clock `clock` after that send.
            let was_sent = |clock: Option<u64>| {
                let has_sent = |&sender: &u32| {
                    sender != row.machine
                        && clock.is_some_and(|clock| sent.contains(&(sender, row.machine, clock)))
                };
                senders.iter().any(has_sent)
            };
            of_receives.count(
                was_sent(Some(message.stamp)),
                was_sent(message.stamp.checked_add(1)),
            );
        }
    }
    let of_run = if of_sends.checked > 0 {
        of_sends
    } else {
        of_receives
    };
    fits.after += of_run.after;
    fits.before += of_run.before;
    fits.checked += of_run.checked;
}

/// If a send has no timestamp, computes the timestamp from the clock after the send.
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

/// Counts how many queue lengths of receives fit each choice. A length that is logged before the receive is greater by 1 than the length
/// after it. If messages still wait after a receive, the machine's next event is a receive. So each choice gives a length after the receive,
/// and the logged length fits the choice if the length after is 0 or the next event is a receive.
fn queue_fits(machines: &[Vec<Row>], fits: &mut FitCounts) {
    for pair in machines.iter().flat_map(|rows| rows.windows(2)) {
        let length = pair[0].event.queue_length;
        if !is_receive(&pair[0]) || length == UNKNOWN {
            continue;
        }
        let is_possible = |length_after: u64| length_after == 0 || is_receive(&pair[1]);
        fits.count(
            is_possible(length),
            length.checked_sub(1).is_some_and(is_possible),
        );
    }
}

/// Replaces the queue length of a receive, which was logged before the event, by the length after it. The length of other events
/// is the same before and after.
fn replace_length_by_that_after(row: &mut Row, files: &[ImportedFile]) -> Result<(), Error> {
    if !is_receive(row) || row.event.queue_length == UNKNOWN {
        return Ok(());
    }
    row.event.queue_length = row.event.queue_length.checked_sub(1).ok_or_else(|| {
        let path = &files[row.source.file as usize].path;
        let problem = "before this receive the queue length is 0, which is impossible; if the log has the lengths after the \
            events, use --queue after";
        Error::import(path.as_ref(), Some(row.source.line), problem.to_owned())
    })?;
    Ok(())
}

/// Whether the event of a row is a receive.
pub(super) fn is_receive(row: &Row) -> bool {
    matches!(row.event.kind, EventKind::Receive(_))
}
