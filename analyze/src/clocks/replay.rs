//! Replays one clock over a run.

use sim::clock::{Clock, Timestamp};
use sim::log::Action;
use sim::machine::MachineIndex;

use super::history::History;
use super::sample::Sample;
use crate::measures::line::Line;
use crate::read::run_log::NO_EVENT;

/// What is seen of a clock in a run. Events in the warm-up are replayed, but not counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Replayed {
    /// Number of sends.
    pub(super) sends: u64,
    /// Sum over all sends of the timestamp's bytes.
    pub(super) bytes: u64,
    /// The largest number of bytes of a timestamp.
    pub(super) bytes_max: Option<u64>,
    /// The bytes of each send against its time in model seconds.
    pub(super) growth: Line,
    /// Sum over all sends of the timestamp's numbers.
    pub(super) numbers: u64,
    /// Sum over all sends of the words that a comparison reads of the timestamp.
    pub(super) words: u64,
    /// Number of events of the run (also in the warm-up) before a timestamp takes more than 4 bytes for each machine; none if no
    /// timestamp does.
    pub(super) events_to_limit: Option<u64>,
    /// The largest time by which the clock was ahead of its machine's physical clock, in steps of the physical clocks.
    pub(super) ahead_max: Option<i64>,
    /// Nanoseconds in such a step.
    pub(super) resolution_ns: u64,
    /// The largest counter.
    pub(super) counter_max: Option<u64>,
    /// For each pair of the sample: whether the clock orders the first event before the second, and the second before the first.
    pub(super) orders: Vec<[bool; 2]>,
    /// For each event of the run, its timestamp as a number, if all timestamps of the clock are numbers.
    pub(super) scalars: Option<Vec<u128>>,
}

impl History<'_> {
    /// Replays the clock that `new` makes for each machine.
    pub(super) fn replay<C: Clock>(
        &self,
        sample: &Sample,
        new: impl Fn(MachineIndex, u32) -> C,
    ) -> Replayed {
        let machines = self.run.machines() as u32;
        let mut replay = Replay {
            history: self,
            clocks: (0..machines)
                .map(|machine| new(machine, machines))
                .collect(),
            messages: Messages::new(self),
            stored: vec![None; sample.events],
            limit_bytes: 4 * u64::from(machines),
            seen: Replayed {
                resolution_ns: self.resolution_ns,
                ..Replayed::default()
            },
        };
        if replay
            .clocks
            .first()
            .is_some_and(|clock| clock.scalar().is_some())
        {
            replay.seen.scalars = Some(vec![0; self.run.len()]);
        }
        for (number, &event) in (0..).zip(&*self.order) {
            replay.replay_event(event as usize, number, sample);
        }
        let stored = |event: u32| {
            let number = sample.stored[event as usize];
            let timestamp = replay.stored[number as usize].as_ref();
            timestamp.unwrap_or_else(|| unreachable!("every event is replayed"))
        };
        let orders = |&[a, b]: &[u32; 2]| {
            let (a, b) = (stored(a), stored(b));
            [a.is_before(b), b.is_before(a)]
        };
        Replayed {
            orders: sample.pairs.iter().map(orders).collect(),
            ..replay.seen
        }
    }
}

struct Replay<'h, C: Clock> {
    history: &'h History<'h>,
    clocks: Vec<C>,
    messages: Messages<C::Timestamp>,
    /// The timestamps of the events in the sample.
    stored: Vec<Option<C::Timestamp>>,
    limit_bytes: u64,
    seen: Replayed,
}

impl<C: Clock> Replay<'_, C> {
    /// Replays an event, before which `number` events were replayed.
    fn replay_event(&mut self, event: usize, number: u64, sample: &Sample) {
        let events = self.history.run.events();
        let clock = &mut self.clocks[events.machine[event] as usize];
        let now = self.history.reading(event);
        let action = events.action[event];
        match action {
            Action::Receive => {
                let send = self.history.sends[event] as usize;
                self.messages.receive(send, |sent| clock.receive(sent, now));
            }
            Action::Internal | Action::Send => clock.advance(now),
        }
        if let Some(scalars) = &mut self.seen.scalars {
            scalars[event] = clock.scalar().unwrap_or_default();
        }
        if self.history.counts(event) {
            self.seen.ahead_max = self.seen.ahead_max.max(clock.ahead(now));
            self.seen.counter_max = self.seen.counter_max.max(clock.counter());
        }
        if sample.stored[event] != NO_EVENT {
            self.stored[sample.stored[event] as usize] = Some(clock.timestamp());
        }
        if action == Action::Send {
            let timestamp = clock.timestamp();
            self.see_send(event, number, &timestamp);
            self.messages.send(event, timestamp);
        }
    }

    fn see_send(&mut self, event: usize, number: u64, timestamp: &C::Timestamp) {
        let bytes = timestamp.bytes();
        let seen = &mut self.seen;
        if bytes > self.limit_bytes && seen.events_to_limit.is_none() {
            seen.events_to_limit = Some(number);
        }
        if self.history.counts(event) {
            seen.sends += 1;
            seen.bytes += bytes;
            seen.bytes_max = seen.bytes_max.max(Some(bytes));
            seen.numbers += timestamp.numbers();
            seen.words += timestamp.words();
            let time_s = self.history.times_ns[event] as f64 / 1e9;
            seen.growth.add(time_s, bytes as f64);
        }
    }
}

/// The timestamps of the messages that are still to be received.
struct Messages<T> {
    /// For each event, the number of receives of its message that are still to come.
    to_receive: Vec<u32>,
    timestamps: Vec<Option<T>>,
}

impl<T> Messages<T> {
    fn new(history: &History<'_>) -> Self {
        let mut to_receive = vec![0; history.run.len()];
        for &send in history.sends.iter().filter(|&&send| send != NO_EVENT) {
            to_receive[send as usize] += 1;
        }
        Self {
            timestamps: to_receive.iter().map(|_| None).collect(),
            to_receive,
        }
    }

    fn send(&mut self, event: usize, timestamp: T) {
        if self.to_receive[event] > 0 {
            self.timestamps[event] = Some(timestamp);
        }
    }

    fn receive(&mut self, send: usize, receive: impl FnOnce(&T)) {
        self.to_receive[send] -= 1;
        match &self.timestamps[send] {
            Some(timestamp) => receive(timestamp),
            None => unreachable!("each receive comes after its send"),
        }
        if self.to_receive[send] == 0 {
            self.timestamps[send] = None;
        }
    }
}
