//! One run: its journal row and its events. The events are ordered by machine and tick, and stored as columns.

use std::ops::Range;

use sim::log::{ALL_PEERS, Action, EventColumns, IMPORTED, JournalRow, UNKNOWN};
use sim::machine::MachineIndex;

/// This number stands for "no event" where the index of an event is expected.
pub(crate) const NO_EVENT: u32 = u32::MAX;

/// A run's events, ordered by machine and tick. Events of the same tick are in the order of the log. The index of
/// an event is its place in this order: the events of machine 0 come first, then those of machine 1, and so on.
#[derive(Clone, Debug)]
pub(crate) struct Run<'a> {
    row: &'a JournalRow,
    warm_up_s: f64,
    events: EventColumns,
    /// For each event, the time from the run's start, in model seconds.
    times_s: Vec<f64>,
    /// For each machine, the index of its first event. One more element at the end is the number of all events. The events of
    /// machine m are those from `bounds[m]` to `bounds[m + 1] - 1`.
    bounds: Vec<usize>,
    /// For each machine, the machines to which it may send.
    neighbours: Vec<Vec<MachineIndex>>,
}

impl<'a> Run<'a> {
    /// Makes a run from its journal row and all its events. Measures ignore the first `warm_up_s` model seconds.
    pub(crate) fn new(row: &'a JournalRow, mut events: EventColumns, warm_up_s: f64) -> Self {
        events.sort_by_machine_and_tick();
        // The number of events of all machines before `machine`. It is also the index of the first event of `machine`.
        let bound = |machine| events.machine.partition_point(|&other| other < machine);
        let machines = row.machines();
        let time_s = |&time_ns: &u64| model_s_between(row, row.started_at_ns, time_ns);
        let topology = row.configuration.topology;
        Self {
            warm_up_s,
            bounds: (0..=machines).map(bound).collect(),
            times_s: events.system_time_ns.iter().map(time_s).collect(),
            neighbours: (0..machines)
                .map(|machine| topology.neighbours(machine, machines))
                .collect(),
            row,
            events,
        }
    }

    pub(crate) fn row(&self) -> &'a JournalRow {
        self.row
    }

    /// All events: those of machine 0 come first, then those of machine 1, and so on.
    pub(crate) fn events(&self) -> &EventColumns {
        &self.events
    }

    /// Gives the columns back, so that their memory can be used for the next run.
    pub(crate) fn into_events(self) -> EventColumns {
        self.events
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Number of machines. Machines without events count too.
    pub(crate) fn machines(&self) -> usize {
        self.bounds.len() - 1
    }

    /// For each machine, the index of its first event. One more element at the end is the number of all events. The events of
    /// machine m are those from `bounds[m]` to `bounds[m + 1] - 1`.
    pub(crate) fn bounds(&self) -> &[usize] {
        &self.bounds
    }

    /// For each machine, the range of its events' indices.
    pub(crate) fn logs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.bounds.windows(2).map(|bounds| bounds[0]..bounds[1])
    }

    /// For each machine, the machines to which it may send.
    pub(crate) fn neighbours(&self) -> &[Vec<MachineIndex>] {
        &self.neighbours
    }

    /// The recipients of the send at `index`. Empty if the log does not name the recipients.
    pub(crate) fn recipients(&self, index: usize) -> &[MachineIndex] {
        let sender = self.events.machine[index] as usize;
        self.events.recipients(index, &self.neighbours[sender])
    }

    /// Tells whether the event at `index` is a send to all neighbours of the sender.
    pub(crate) fn is_broadcast(&self, index: usize) -> bool {
        self.events.action[index] == Action::Send && self.events.peer[index] == ALL_PEERS
    }

    /// For each event, the time from the run's start, in model seconds.
    pub(crate) fn times_s(&self) -> &[f64] {
        &self.times_s
    }

    /// Model seconds from the send of a message to its receipt, so the time in the queue counts too. `receive` and `send` are the
    /// indices of the two events. In imported logs (those of other programs), a send can have a later time than the receive of its
    /// message. Then the result is 0.
    pub(crate) fn age_s(&self, receive: usize, send: usize) -> f64 {
        let times_ns = &self.events.system_time_ns;
        let age_s = model_s_between(self.row, times_ns[send], times_ns[receive]);
        match self.row.engine == IMPORTED {
            true => age_s.max(0.0),
            false => age_s,
        }
    }

    /// Start and end of the time over which measures are taken, in model seconds after the run's start.
    pub(crate) fn observed_s(&self) -> (f64, f64) {
        (self.warm_up_s, self.row.duration_s())
    }

    /// Tells whether a time (in model seconds after the run's start) is at the end of the warm-up or after it.
    pub(crate) fn is_after_warm_up(&self, time_s: f64) -> bool {
        time_s >= self.warm_up_s
    }

    /// How much of the observed time ([`Self::observed_s`]) lies after `time_s`, in model seconds: all of it if `time_s` lies in the
    /// warm-up, nothing if `time_s` lies after the end of the run.
    pub(crate) fn time_left_s(&self, time_s: f64) -> f64 {
        let (from_s, to_s) = self.observed_s();
        (to_s - time_s).max(0.0).min(to_s - from_s)
    }

    /// Tells whether the event at `index` is the last event of its tick. `end` is the index after the last event of the same machine.
    pub(crate) fn ends_tick(&self, index: usize, end: usize) -> bool {
        let ticks = &self.events.tick;
        index + 1 == end || ticks[index + 1] != ticks[index]
    }

    /// For each event, the index of the send whose message it receives. [`NO_EVENT`] for events that are not receives, and for
    /// receives whose send is not in the log.
    pub(crate) fn sends(&self) -> Vec<u32> {
        (0..self.len())
            .map(|index| match self.events.action[index] {
                Action::Receive => self.send(index).map_or(NO_EVENT, |send| send as u32),
                Action::Internal | Action::Send => NO_EVENT,
            })
            .collect()
    }

    /// The index of the send whose message is received at index `receive`. The row of a receive says at which tick of the sender the
    /// message was sent, and which timestamp the message carries. The result is the send at this tick with this timestamp. If no send at
    /// this tick has this timestamp, the result is the first send at this tick. `None` if the log has no send at this tick, or if the
    /// tick is unknown.
    fn send(&self, receive: usize) -> Option<usize> {
        let events = &self.events;
        let (message_stamp, sent_tick) = (events.stamp[receive], events.sent_tick[receive]);
        let sender = events.peer[receive] as usize;
        // The events of the sender are those from `first` to `end - 1`. There are no bounds if the log does not name the sender, or if the
        // run has no machine with the sender's number.
        let first = *self.bounds.get(sender)?;
        let end = *self.bounds.get(sender + 1)?;
        if sent_tick == UNKNOWN {
            return None;
        }
        let is_send =
            |index: usize| events.tick[index] == sent_tick && events.action[index] == Action::Send;
        // In imported logs, a tick can have several sends with different timestamps.
        let is_exact = |index: usize| is_send(index) && events.stamp[index] == message_stamp;
        // Usually every tick has one event. Then the event of tick k is the machine's event number k (from 0), and no search is needed.
        let index_if_one_event_per_tick = first.saturating_add(usize::try_from(sent_tick).ok()?);
        if index_if_one_event_per_tick < end && is_exact(index_if_one_event_per_tick) {
            return Some(index_if_one_event_per_tick);
        }
        let ticks = &events.tick[first..end];
        let start_of_tick = first + ticks.partition_point(|&tick| tick < sent_tick);
        let events_of_tick =
            || (start_of_tick..end).take_while(|&index| events.tick[index] == sent_tick);
        events_of_tick()
            .find(|&index| is_exact(index))
            .or_else(|| events_of_tick().find(|&index| is_send(index)))
    }
}

/// Time from `from_ns` to `to_ns`, which are system times, in model seconds. Negative if `to_ns` is earlier.
fn model_s_between(row: &JournalRow, from_ns: u64, to_ns: u64) -> f64 {
    let apart_ns = to_ns.abs_diff(from_ns) as f64;
    let elapsed_ns = if to_ns < from_ns { -apart_ns } else { apart_ns };
    elapsed_ns * row.time_scale / 1e9
}
