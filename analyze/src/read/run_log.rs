//! One run's events in the orders in which they are looked at: machine by machine, and along the run's timeline.

use std::cmp::Reverse;

use sim::log::{EventRow, IMPORTED, JournalRow};
use sim::machine::{EventKind, MachineIndex, Message};

/// A run's events, ordered by machine and tick; those of the same tick as they stand in the log.
#[derive(Clone, Debug)]
pub(crate) struct Run<'a> {
    row: &'a JournalRow,
    warm_up_s: f64,
    events: Vec<EventRow>,
    /// Where each machine's events begin, and where the last machine's end.
    bounds: Vec<usize>,
}

impl<'a> Run<'a> {
    /// The run of `row` with all its events; its first `warm_up_s` model seconds do not
    /// count.
    pub(crate) fn new(row: &'a JournalRow, mut events: Vec<EventRow>, warm_up_s: f64) -> Self {
        let index = |event: &EventRow| (event.machine, event.logged.event.tick);
        if !events.is_sorted_by_key(index) {
            events.sort_by_key(index);
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

    /// To whom each machine may send.
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

    /// Every machine's events, one machine behind the other.
    pub(crate) fn events(&self) -> &[EventRow] {
        &self.events
    }

    /// How many machines it has, those without events too.
    pub(crate) fn machines(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Where each machine's events begin among all, and where the last machine's end.
    pub(crate) fn bounds(&self) -> &[usize] {
        &self.bounds
    }

    /// Each machine's events.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &[EventRow]> {
        let bounds = self.bounds.windows(2);
        bounds.map(|bounds| &self.events[bounds[0]..bounds[1]])
    }

    /// Time of an event after the run's start, in model seconds.
    pub(crate) fn time_s(&self, event: &EventRow) -> f64 {
        self.model_s(event.logged.system_time_ns, self.row.started_at_ns)
    }

    /// From one system time to another, in model seconds.
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

    /// From when to when it is observed, in model seconds.
    pub(crate) fn observed_s(&self) -> (f64, f64) {
        (self.warm_up_s, self.row.duration_s())
    }

    /// Whether what happens then is after the warm-up.
    pub(crate) fn counts(&self, time_s: f64) -> bool {
        time_s >= self.warm_up_s
    }

    /// How long what changes then lasts within the time observed.
    pub(crate) fn left_s(&self, time_s: f64) -> f64 {
        let (from_s, to_s) = self.observed_s();
        (to_s - time_s).max(0.0).min(to_s - from_s)
    }

    /// The places of the events in the order of their times. Of those at the same instant the highest clock comes first.
    pub(crate) fn timeline(&self) -> Vec<usize> {
        let mut timeline: Vec<(u64, Reverse<u64>, usize)> = (0..)
            .zip(&self.events)
            .map(|(index, event)| {
                let clock = event.logged.event.logical_clock;
                (event.logged.system_time_ns, Reverse(clock), index)
            })
            .collect();
        // Stable, for it knows to merge what is in order already: each machine's events.
        timeline.sort();
        timeline.into_iter().map(|(_, _, index)| index).collect()
    }

    /// For each event, the place of the send of the message that it receives. None for other events, and where there is no such
    /// send.
    pub(crate) fn sends(&self) -> Vec<Option<usize>> {
        let send = |event: &EventRow| match &event.logged.event.kind {
            EventKind::Receive(message) => self.send(message),
            EventKind::Internal | EventKind::Send { .. } => None,
        };
        self.events.iter().map(send).collect()
    }

    /// The place of the event that sent `message`.
    fn send(&self, message: &Message) -> Option<usize> {
        let sender = message.sender as usize;
        let first = *self.bounds.get(sender)?;
        let log = &self.events[first..*self.bounds.get(sender + 1)?];
        let is_of_tick = |event: &EventRow| event.logged.event.tick == message.sent_tick;
        let is_it = |event: &EventRow| {
            is_of_tick(event) && matches!(event.logged.event.kind, EventKind::Send { .. })
        };
        // In imported logs, a tick can have several sends with a stamp each.
        let has_stamp = |event: &EventRow| matches!(event.logged.event.kind, EventKind::Send { stamp, .. } if stamp == message.stamp);
        // Where every tick has one event, its place is its tick.
        let index = usize::try_from(message.sent_tick).ok()?;
        if log
            .get(index)
            .is_some_and(|event| is_it(event) && has_stamp(event))
        {
            return Some(first + index);
        }
        let index = log.partition_point(|event| event.logged.event.tick < message.sent_tick);
        let mut of_tick = log[index..].iter().take_while(|event| is_of_tick(event));
        let exact = of_tick
            .clone()
            .position(|event| is_it(event) && has_stamp(event));
        Some(first + index + exact.or_else(|| of_tick.position(is_it))?)
    }
}
