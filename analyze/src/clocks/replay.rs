//! Replays a run with one kind of clock, such as vector clocks, to find the timestamps that these clocks would have given to the events.

use sim::clock::{Clock, Timestamp};
use sim::log::Action;
use sim::machine::MachineIndex;

use super::history::History;
use super::sample::Sample;
use crate::measures::line::Line;
use crate::read::run_log::NO_EVENT;

/// What a replay finds out about a clock in a run. Events in the warm-up (the first seconds of a run) are replayed, but not counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Replayed {
    /// Number of sends.
    pub(super) sends: u64,
    /// How many bytes the timestamps of all sends have together.
    pub(super) bytes: u64,
    /// The largest number of bytes that the timestamp of a send has.
    pub(super) bytes_max: Option<u64>,
    /// The least-squares line of the size of timestamps against time. Each send gives a point: its time in model seconds (x) and the number
    /// of bytes of its timestamp (y).
    pub(super) growth: Line,
    /// How many numbers the timestamps of all sends have together. (A vector timestamp has one for each machine.)
    pub(super) numbers: u64,
    /// A sum over all sends: how many 64-bit words of the send's timestamp a comparison with another timestamp reads.
    pub(super) words: u64,
    /// Number of events (including those in the warm-up) before the first send whose timestamp is over the limit. The limit is 4 bytes for
    /// each machine of the run, such as 12 bytes for 3 machines. `None` if there is no such send.
    pub(super) events_to_limit: Option<u64>,
    /// How far the clock was ahead of its machine's physical clock, at most. The unit is a step of the physical clock. `None` for clocks
    /// that contain no time, and for the clock `physical`, which is never ahead.
    pub(super) ahead_max: Option<i64>,
    /// The length of a step of the physical clocks, in nanoseconds.
    pub(super) resolution_ns: u64,
    /// The largest counter in a timestamp. Hybrid clocks have this counter beside the time, to order events with the same time. `None` if
    /// the clock has no such counter.
    pub(super) counter_max: Option<u64>,
    /// For each pair `[a, b]` of the sample: whether the timestamps tell that a happened before b, and whether they tell that b happened
    /// before a.
    pub(super) orders: Vec<[bool; 2]>,
    /// For each event of the run, its timestamp as a number. `None` if the timestamps of the clock are not ordered as numbers are.
    pub(super) scalars: Option<Vec<u128>>,
}

impl History<'_> {
    /// Replays the run with one kind of clock. `new` makes the clock of a machine, from the machine's index and the number of machines.
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
            stored: vec![None; sample.stored_events],
            // 32 bits for each machine: the size of a vector clock of 32-bit numbers.
            limit_bytes: 4 * u64::from(machines),
            seen: Replayed {
                resolution_ns: self.resolution_ns,
                ..Replayed::default()
            },
        };
        // The timestamps of all machines are of the same type. So the first clock tells whether they are numbers.
        let first_clock = replay.clocks.first();
        if first_clock.is_some_and(|clock| clock.scalar().is_some()) {
            replay.seen.scalars = Some(vec![0; self.run.len()]);
        }
        // In `self.order`, each receive comes after its send.
        for (events_before, &event) in (0..).zip(&*self.order) {
            replay.replay_event(event as usize, events_before, sample);
        }
        let timestamp_of = |event: u32| {
            // Where the replay has stored the timestamp of this event.
            let index = sample.storage_index[event as usize];
            let timestamp = replay.stored[index as usize].as_ref();
            timestamp.unwrap_or_else(|| unreachable!("every event is replayed"))
        };
        let orders = |&[a, b]: &[u32; 2]| {
            let (a, b) = (timestamp_of(a), timestamp_of(b));
            [a.is_before(b), b.is_before(a)]
        };
        Replayed {
            orders: sample.pairs.iter().map(orders).collect(),
            ..replay.seen
        }
    }
}

/// The state of a replay.
struct Replay<'h, C: Clock> {
    history: &'h History<'h>,
    clocks: Vec<C>,
    messages: Messages<C::Timestamp>,
    /// The timestamps of the events in the sample, at their [`Sample::storage_index`]; `None` until the event is replayed.
    stored: Vec<Option<C::Timestamp>>,
    /// A timestamp with more bytes than this is over the limit of [`Replayed::events_to_limit`].
    limit_bytes: u64,
    /// What has been found out so far.
    seen: Replayed,
}

impl<C: Clock> Replay<'_, C> {
    /// Replays an event. `events_before` is how many events of the run were replayed before it.
    fn replay_event(&mut self, event: usize, events_before: u64, sample: &Sample) {
        let events = self.history.run.events();
        let clock = &mut self.clocks[events.machine[event] as usize];
        // What the machine's physical clock shows at the event.
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
        if self.history.is_after_warm_up(event) {
            self.seen.ahead_max = self.seen.ahead_max.max(clock.ahead(now));
            self.seen.counter_max = self.seen.counter_max.max(clock.counter());
        }
        let storage_index = sample.storage_index[event];
        if storage_index != NO_EVENT {
            self.stored[storage_index as usize] = Some(clock.timestamp());
        }
        if action == Action::Send {
            let timestamp = clock.timestamp();
            self.measure_send(event, events_before, &timestamp);
            self.messages.send(event, timestamp);
        }
    }

    fn measure_send(&mut self, event: usize, events_before: u64, timestamp: &C::Timestamp) {
        let bytes = timestamp.bytes();
        let seen = &mut self.seen;
        if bytes > self.limit_bytes && seen.events_to_limit.is_none() {
            seen.events_to_limit = Some(events_before);
        }
        if self.history.is_after_warm_up(event) {
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

/// The timestamps of messages. Each is kept until its message has been received by all its recipients.
struct Messages<T> {
    /// For each event, the number of receives of its message that are still to come.
    receives_to_come: Vec<u32>,
    /// For each event, the timestamp of its message while receives of the message are still to come.
    timestamps: Vec<Option<T>>,
}

impl<T> Messages<T> {
    fn new(history: &History<'_>) -> Self {
        let mut receives_to_come = vec![0; history.run.len()];
        for &send in history.sends.iter().filter(|&&send| send != NO_EVENT) {
            receives_to_come[send as usize] += 1;
        }
        Self {
            timestamps: receives_to_come.iter().map(|_| None).collect(),
            receives_to_come,
        }
    }

    /// Keeps the timestamp of a send's message, if any machine receives the message.
    fn send(&mut self, event: usize, timestamp: T) {
        if self.receives_to_come[event] > 0 {
            self.timestamps[event] = Some(timestamp);
        }
    }

    /// Calls `receive` with the timestamp of the message sent at `send`.
    fn receive(&mut self, send: usize, receive: impl FnOnce(&T)) {
        self.receives_to_come[send] -= 1;
        match &self.timestamps[send] {
            Some(timestamp) => receive(timestamp),
            None => unreachable!("each receive comes after its send"),
        }
        if self.receives_to_come[send] == 0 {
            self.timestamps[send] = None;
        }
    }
}
