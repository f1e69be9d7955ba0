//! Two measures of the concurrency of a run. Both count only pairs of events of different machines:
//!
//! - `concurrency`: of all these pairs, the share that is concurrent.
//! - `false_order`: of the pairs with different timestamps (values of the logical clock), the share that is concurrent.
//!
//! A pair is *ordered* if one event happened before the other (Lamport 1978). Otherwise the pair is concurrent. This is decided by
//! vector clocks: V_e[j] is the number of machine j's events that happened before event e. The vector clocks are recomputed from
//! the log, which names the send of each receive. The number of ordered pairs is the sum of V_e[j] over all e and all j other than
//! e's machine: this sum counts each ordered pair once, at the later event e. So the pairs are counted without looking at each of
//! them. The share of concurrent pairs is the measure of concurrency of Charron-Bost (1989) and Raynal (1992).

use std::collections::HashMap;

use sim::log::Action;

use super::Value::Number;
use super::{Measure, ratio};
use crate::read::run_log::{NO_EVENT, Run};

// In each `value` below, `of` is what was observed of one machine in one run.
pub(super) const MEASURES: [Measure; 2] = [
    Measure {
        name: "concurrency",
        label: "concurrency",
        unit: "",
        decimals: 2,
        brief: "share of concurrent pairs (neither event happened before the other) among all pairs of events of different machines",
        remark: "Let P be the number of all such pairs, and O the number of those in which one event happened before the other. Then the value is 1 - O / P. If machine i has n_i events, P is the sum of n_i n_j over all machines i < j. O is calculated with vector clocks: the entry V_e[j] of an event e says how many events of machine j happened before e. So O is the sum of V_e[j] over all events e and all machines j other than e's own. The value is the same for all machines of a run. It is missing if a receive in the log has no send.",
        value: Number(|of| {
            let pairs = of.pairs?;
            Some(1.0 - ratio(pairs.ordered as f64, pairs.cross as f64)?)
        }),
    },
    Measure {
        name: "false_order",
        label: "false order",
        unit: "",
        decimals: 2,
        brief: "share of concurrent pairs among the pairs of events that are on different machines and have different timestamps",
        remark: "The timestamps of these concurrent pairs suggest an order that does not exist. The value is the same for all machines of a run.",
        value: Number(|of| {
            let pairs = of.pairs?;
            let different = (pairs.cross - pairs.equal) as f64;
            // How many of the pairs with different timestamps are ordered.
            let ordered = (pairs.ordered - pairs.ordered_equal) as f64;
            ratio(different - ordered, different)
        }),
    },
];

/// Numbers of pairs of events of different machines in one run. Events in the warm-up (the first part of the run, which measures ignore) do
/// not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Number of all pairs of events of different machines.
    pub(crate) cross: u64,
    /// Number of pairs in which one event happened before the other event.
    pub(crate) ordered: u64,
    /// Number of pairs with equal timestamps.
    pub(crate) equal: u64,
    /// Number of pairs with equal timestamps although one event happened before the other. Only logs that break the Clock Condition have such
    /// pairs. (The Clock Condition: if a happened before b, the clock of a is smaller than the clock of b.)
    pub(crate) ordered_equal: u64,
}

impl Pairs {
    /// Counts the pairs. `sends` has an entry for each event: for a receive, the index of its send (see [`Run::sends`]). `timeline` has the
    /// indices of the events in the order of their times. `None` if a receive has no send, or if the log contradicts itself: no order of its
    /// events has every receive after its send.
    ///
    /// The vector clocks need an order in which each receive comes after its send. The order of times usually is such an order, and is
    /// known already. If a receive comes before its send in the order of times (for example because the system times of two computers
    /// differ), a causal order is computed.
    pub(crate) fn of_run(run: &Run<'_>, sends: &[u32], timeline: &[u32]) -> Option<Self> {
        Self::replay(run, sends, timeline)
            .or_else(|| Self::replay(run, sends, &causal_order(run, sends)?))
    }

    /// Counts the pairs by a replay of the events in the given `order`. `None` if a receive does not come after its send.
    fn replay(run: &Run<'_>, sends: &[u32], order: &[u32]) -> Option<Self> {
        let skipped = skipped(run);
        let mut replay = Replay {
            equal_clocks: EqualClocks::new(run, sends),
            vectors: Vectors::new(run, sends),
            events_before: vec![0; run.machines()],
            pairs: Self {
                cross: cross_pairs(run, &skipped),
                ..Self::default()
            },
            run,
            sends,
            skipped,
        };
        let mut order = order.iter();
        order.try_for_each(|&index| replay.replay_event(index as usize))?;
        Some(replay.pairs)
    }
}

/// For each machine, the number of its events in the warm-up. Measures skip these events.
pub(crate) fn skipped(run: &Run<'_>) -> Vec<u32> {
    let is_early = |&&time_s: &&f64| !run.is_after_warm_up(time_s);
    run.logs()
        .map(|log| run.times_s()[log].iter().take_while(is_early).count() as u32)
        .collect()
}

/// The indices of all events, ordered so that each receive comes after its send and each machine's events keep their order. `None`
/// if there is no such order: a receive has no send, or the log contradicts itself.
pub(crate) fn causal_order(run: &Run<'_>, sends: &[u32]) -> Option<Vec<u32>> {
    // Machine m has the events from `bounds[m]` to `bounds[m + 1] - 1`.
    let (bounds, actions) = (run.bounds(), &run.events().action);
    // For each machine, the index of its first event that has not been taken.
    let mut next = bounds[..run.machines()].to_vec();
    let mut is_taken = vec![false; run.len()];
    let mut order = Vec::with_capacity(run.len());
    // For each machine, takes events until it comes to a receive whose send has not been taken. Repeats this until no event is taken.
    loop {
        let taken_before = order.len();
        for (machine, next) in next.iter_mut().enumerate() {
            while *next < bounds[machine + 1] {
                // For a receive whose send is not in the log, `sends` has the index NO_EVENT. `is_taken` has no element with this index, so
                // the receive is never taken.
                let is_send_taken = is_taken.get(sends[*next] as usize) == Some(&true);
                if actions[*next] == Action::Receive && !is_send_taken {
                    break;
                }
                is_taken[*next] = true;
                order.push(*next as u32);
                *next += 1;
            }
        }
        if order.len() == taken_before {
            let is_complete = next == bounds[1..];
            return is_complete.then_some(order);
        }
    }
}

/// Number of all pairs of events of different machines. The first `skipped` events of each machine do not count.
pub(crate) fn cross_pairs(run: &Run<'_>, skipped: &[u32]) -> u64 {
    let counts: Vec<u64> = std::iter::zip(run.logs(), skipped)
        .map(|(log, &skipped)| log.len() as u64 - u64::from(skipped))
        .collect();
    // `all * all` counts each pair of events twice, as (a, b) and as (b, a). It also counts the pairs of events of one machine, which are
    // subtracted.
    let all: u64 = counts.iter().sum();
    let of_one_machine: u64 = counts.iter().map(|count| count * count).sum();
    (all * all - of_one_machine) / 2
}

/// A replay of a run's events in a causal order. It computes the vector clocks, and counts the pairs.
struct Replay<'r> {
    run: &'r Run<'r>,
    sends: &'r [u32],
    /// For each machine, the number of its events in the warm-up.
    skipped: Vec<u32>,
    vectors: Vectors,
    /// For each machine, the number of events of other machines that happened before its newest event. Events in the warm-up do not
    /// count.
    events_before: Vec<u64>,
    equal_clocks: EqualClocks,
    pairs: Pairs,
}

impl Replay<'_> {
    /// Replays the event at `index` and counts its pairs with the events that were replayed earlier. `None` if the event is a receive
    /// whose send has not been replayed.
    fn replay_event(&mut self, index: usize) -> Option<()> {
        let events = self.run.events();
        let machine = events.machine[index] as usize;
        let index_in_machine = (index - self.run.bounds()[machine]) as u32;
        if events.action[index] == Action::Receive {
            // `events_before` counts only events of other machines. So only a receive changes it.
            self.vectors.receive(machine, self.sends[index] as usize)?;
            // For each machine, how many of its events after the warm-up happened before this receive.
            let counts = std::iter::zip(self.vectors.of(machine), &self.skipped);
            let counts = counts.map(|(&count, &skipped)| u64::from(count.saturating_sub(skipped)));
            let own = self.vectors.of(machine)[machine].saturating_sub(self.skipped[machine]);
            self.events_before[machine] = counts.sum::<u64>() - u64::from(own);
        }
        self.vectors.step(machine, index_in_machine + 1);
        if events.action[index] == Action::Send {
            self.vectors.send(machine, index);
        }
        let is_after_warm_up = index_in_machine >= self.skipped[machine];
        if is_after_warm_up {
            self.pairs.ordered += self.events_before[machine];
            let clock = events.logical_clock[index];
            let vector = self.vectors.of(machine);
            let event = (machine, index_in_machine);
            let (equal, ordered) = self.equal_clocks.add(clock, event, vector);
            self.pairs.equal += equal;
            self.pairs.ordered_equal += ordered;
        }
        Some(())
    }
}

/// The vector clock of each machine, and the vector clocks of the messages that are still to be received.
pub(crate) struct Vectors {
    /// Number of machines: the length of each vector.
    machines: usize,
    /// The vectors of the machines, one after the other. In the vector of machine i, component j is the number of machine j's events
    /// that happened before machine i's newest event. Component i also counts this event itself.
    of_machines: Vec<u32>,
    /// For each event, how many receives of its message have not been replayed yet.
    to_receive: Vec<u32>,
    /// For each event, where in `messages` the vector of its message is: 0 stands for the first vector, 1 for the second. [`NO_EVENT`] if
    /// no vector is stored.
    stored_at: Vec<u32>,
    /// The vectors of messages, one after the other.
    messages: Vec<u32>,
    /// The vectors in `messages` that are no longer needed: 0 stands for the first vector, as in `stored_at`. The next messages use
    /// the memory of these vectors.
    free: Vec<u32>,
}

impl Vectors {
    pub(crate) fn new(run: &Run<'_>, sends: &[u32]) -> Self {
        let machines = run.machines();
        let mut to_receive = vec![0; run.len()];
        for &send in sends.iter().filter(|&&send| send != NO_EVENT) {
            to_receive[send as usize] += 1;
        }
        Self {
            machines,
            of_machines: vec![0; machines * machines],
            stored_at: vec![NO_EVENT; run.len()],
            to_receive,
            messages: vec![],
            free: vec![],
        }
    }

    /// The vector of a machine.
    pub(crate) fn of(&self, machine: usize) -> &[u32] {
        &self.of_machines[machine * self.machines..][..self.machines]
    }

    /// Sets the machine's own component to `events`, the number of the machine's events so far.
    pub(crate) fn step(&mut self, machine: usize, events: u32) {
        self.of_machines[machine * self.machines + machine] = events;
    }

    /// Stores the machine's vector for the message that the event at the index `send` sends. If no receive in the log needs it, does nothing.
    pub(crate) fn send(&mut self, machine: usize, send: usize) {
        if self.to_receive[send] == 0 {
            return;
        }
        let from = machine * self.machines..(machine + 1) * self.machines;
        let at = match self.free.pop() {
            Some(at) => {
                let to = &mut self.messages[at as usize * self.machines..][..self.machines];
                to.copy_from_slice(&self.of_machines[from]);
                at
            }
            None => {
                let at = self.messages.len() / self.machines;
                self.messages.extend_from_slice(&self.of_machines[from]);
                at as u32
            }
        };
        self.stored_at[send] = at;
    }

    /// Merges a message's vector into the machine's vector: each component becomes the larger one of its two values. The message was sent
    /// by the event at the index `send`. `None` if this event has not been replayed, or sent no message.
    pub(crate) fn receive(&mut self, machine: usize, send: usize) -> Option<()> {
        let at = *self.stored_at.get(send)?;
        if at == NO_EVENT {
            return None;
        }
        let message = &self.messages[at as usize * self.machines..][..self.machines];
        let own = &mut self.of_machines[machine * self.machines..][..self.machines];
        for (own, message) in std::iter::zip(own, message) {
            *own = (*own).max(*message);
        }
        self.to_receive[send] -= 1;
        if self.to_receive[send] == 0 {
            self.free.push(at);
        }
        Some(())
    }
}

/// Finds events of different machines with equal clocks.
enum EqualClocks {
    /// For each value of the clock from 0, the number of events that have it. This is enough if the Clock Condition holds: then events
    /// with equal clocks are concurrent, and no two of them are of one machine.
    Counted(Vec<u32>),
    /// For each value of the clock and each machine, the indices of the events (within the machine) that have this value, in ascending
    /// order.
    Listed {
        machines: usize,
        events: HashMap<(u64, usize), Vec<u32>>,
    },
}

/// [`EqualClocks::Counted`] has one number for each value up to the largest clock. If the largest clock is more than this many times the
/// number of events, these numbers would need too much memory, and [`EqualClocks::Listed`] is used instead.
const MAX_CLOCKS_PER_EVENT: u64 = 64;

impl EqualClocks {
    fn new(run: &Run<'_>, sends: &[u32]) -> Self {
        let clocks = &run.events().logical_clock;
        let greatest = clocks.iter().copied().max().unwrap_or(0);
        // Together, the next two conditions are the Clock Condition.
        let grows = run.logs().all(|log| clocks[log].is_sorted_by(|a, b| a < b));
        let receives_exceed_sends = std::iter::zip(clocks, sends)
            .all(|(&clock, &send)| send == NO_EVENT || clocks[send as usize] < clock);
        if grows && receives_exceed_sends && greatest / MAX_CLOCKS_PER_EVENT <= run.len() as u64 {
            return Self::Counted(vec![0; greatest as usize + 1]);
        }
        Self::Listed {
            machines: run.machines(),
            events: HashMap::new(),
        }
    }

    /// Adds an event. `clock` is its logical clock, `event` is its machine and its index within the machine, and `vector` is its vector
    /// clock. Returns two numbers:
    ///
    /// 1. How many events of other machines that were added earlier have the same clock.
    /// 2. How many of these events happened before the new event.
    fn add(&mut self, clock: u64, event: (usize, u32), vector: &[u32]) -> (u64, u64) {
        match self {
            Self::Counted(counts) => {
                let count = &mut counts[clock as usize];
                let equal = u64::from(*count);
                *count += 1;
                // By the Clock Condition, events that happened before the new event have smaller clocks, not equal clocks. So the second
                // number is 0.
                (equal, 0)
            }
            Self::Listed { machines, events } => {
                let (mut equal, mut ordered) = (0, 0);
                for other in (0..*machines).filter(|&other| other != event.0) {
                    if let Some(others) = events.get(&(clock, other)) {
                        equal += others.len() as u64;
                        // If `vector[other]` is 5, exactly the first 5 events of the machine `other` happened before the new event.
                        // These are the events with the indices 0 to 4.
                        let before = others.partition_point(|&index| index < vector[other]);
                        ordered += before as u64;
                    }
                }
                events.entry((clock, event.0)).or_default().push(event.1);
                (equal, ordered)
            }
        }
    }
}
