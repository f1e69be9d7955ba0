//! The events of one run, ordered by machine or by time.

use std::cmp::Reverse;

use sim::log::{EventRow, IMPORTED, JournalRow};
use sim::machine::{EventKind, MachineIndex, Message};

/// A run's events, ordered by machine and tick. Events of the same tick are in the order of the log.
#[derive(Clone, Debug)]
pub(crate) struct Run<'a> {
    row: &'a JournalRow,
    warm_up_s: f64,
    events: Vec<EventRow>,
    /// For each machine, the index of its first event; then the number of all events.
    bounds: Vec<usize>,
}

impl<'a> Run<'a> {
    /// Makes a run from its journal row and all its events. Measures ignore the first `warm_up_s` model seconds.
    pub(crate) fn new(row: &'a JournalRow, mut events: Vec<EventRow>, warm_up_s: f64) -> Self {
        let machine_and_tick = |event: &EventRow| (event.machine, event.logged.event.tick);
        if !events.is_sorted_by_key(machine_and_tick) {
            events.sort_by_key(machine_and_tick);
        }
        let bound = |machine| events.partition_point(|event| event.machine < machine);
        Self {
            row,
            warm_up_s,
            bounds: (0..=row.machines()).map(bound).collect(),
            events,
        }
    }

    pub(crate) fn row(&self) -> &'a JournalRow {
        self.row
    }

    /// For each machine, the machines to which it may send.
    pub(crate) fn neighbours(&self) -> Vec<Vec<MachineIndex>> {
        let machines = self.row.machines();
        let neighbours = |machine| {
            self.row
                .configuration
                .topology
                .neighbours(machine, machines)
        };
        (0..machines).map(neighbours).collect()
    }

    /// All events: those of machine 0 come first, then those of machine 1, and so on.
    pub(crate) fn events(&self) -> &[EventRow] {
        &self.events
    }

    /// Number of machines. Machines without events count too.
    pub(crate) fn machines(&self) -> usize {
        self.bounds.len() - 1
    }

    /// For each machine, the index of its first event; then the number of all events.
    pub(crate) fn bounds(&self) -> &[usize] {
        &self.bounds
    }

    /// The events of each machine, in one slice per machine.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &[EventRow]> {
        let bounds = self.bounds.windows(2);
        bounds.map(|bounds| &self.events[bounds[0]..bounds[1]])
    }

    /// Time from the run's start to the event, in model seconds.
    pub(crate) fn time_s(&self, event: &EventRow) -> f64 {
        self.model_s(event.logged.system_time_ns, self.row.started_at_ns)
    }

    /// Time between two system times, in model seconds; negative if `to_ns` is earlier.
    pub(crate) fn model_s(&self, to_ns: u64, from_ns: u64) -> f64 {
        let apart_ns = to_ns.abs_diff(from_ns) as f64;
        let elapsed_ns = if to_ns < from_ns { -apart_ns } else { apart_ns };
        elapsed_ns * self.row.time_scale / 1e9
    }

    /// How long the message that `receive` receives was under way and waited, if it was sent at `sent_ns`, in model seconds. Other
    /// programs may log a send after the message is gone: then it was received at once.
    pub(crate) fn age_s(&self, receive: &EventRow, sent_ns: u64) -> f64 {
        let age_s = self.model_s(receive.logged.system_time_ns, sent_ns);
        match self.row.engine == IMPORTED {
            true => age_s.max(0.0),
            false => age_s,
        }
    }

    /// Start and end of the time over which measures are taken, in model seconds after the run's start.
    pub(crate) fn observed_s(&self) -> (f64, f64) {
        (self.warm_up_s, self.row.duration_s())
    }

    /// Tells whether a time (in model seconds after the run's start) is after the warm-up.
    pub(crate) fn is_after_warm_up(&self, time_s: f64) -> bool {
        time_s >= self.warm_up_s
    }

    /// Time from `time_s` to the end of the run, in model seconds. The warm-up does not count.
    pub(crate) fn time_left_s(&self, time_s: f64) -> f64 {
        let (from_s, to_s) = self.observed_s();
        (to_s - time_s).max(0.0).min(to_s - from_s)
    }

    /// The indices of the events in the order of their times. Of events at the same time, the one with the highest clock comes
    /// first.
    pub(crate) fn timeline(&self) -> Vec<usize> {
        let mut timeline: Vec<(u64, Reverse<u64>, usize)> = (0..)
            .zip(&self.events)
            .map(|(index, event)| {
                let clock = event.logged.event.logical_clock;
                (event.logged.system_time_ns, Reverse(clock), index)
            })
            .collect();
        // A stable sort is fast here, because each machine's events are already in order.
        timeline.sort();
        timeline.into_iter().map(|(_, _, index)| index).collect()
    }

    /// For each event, the index of the send whose message it receives. `None` for events that are not receives, and for receives
    /// whose send is not in the log.
    pub(crate) fn sends(&self) -> Vec<Option<usize>> {
        let send = |event: &EventRow| match &event.logged.event.kind {
            EventKind::Receive(message) => self.send(message),
            EventKind::Internal | EventKind::Send { .. } => None,
        };
        self.events.iter().map(send).collect()
    }

    /// The index of the event that sent `message`.
    fn send(&self, message: &Message) -> Option<usize> {
        let sender = message.sender as usize;
        let first = *self.bounds.get(sender)?;
        let log = &self.events[first..*self.bounds.get(sender + 1)?];
        let is_of_tick = |event: &EventRow| event.logged.event.tick == message.sent_tick;
        let is_send_of_tick = |event: &EventRow| {
            is_of_tick(event) && matches!(event.logged.event.kind, EventKind::Send { .. })
        };
        // In imported logs, a tick can have several sends with different timestamps.
        let has_stamp = |event: &EventRow| matches!(event.logged.event.kind, EventKind::Send { stamp, .. } if stamp == message.stamp);
        // If every tick has one event, the event's index among the machine's events is its tick.
        let index = usize::try_from(message.sent_tick).ok()?;
        if log
            .get(index)
            .is_some_and(|event| is_send_of_tick(event) && has_stamp(event))
        {
            return Some(first + index);
        }
        let index = log.partition_point(|event| event.logged.event.tick < message.sent_tick);
        let mut of_tick = log[index..].iter().take_while(|event| is_of_tick(event));
        let exact = of_tick
            .clone()
            .position(|event| is_send_of_tick(event) && has_stamp(event));
        Some(first + index + exact.or_else(|| of_tick.position(is_send_of_tick))?)
    }
}
