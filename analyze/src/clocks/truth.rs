//! The truth about pairs of events of different machines: which event happened before the other. This truth is compared with the
//! order that a clock's timestamps tell.
//!
//! Vector clocks give the truth, because their timestamps tell for each pair of events whether one happened before the other. They are
//! replayed over the same history as the other clocks.

use sim::log::Action;

use super::history::History;
use super::replay::Replayed;
use super::sample::Sample;
use crate::measures::concurrency::{Vectors, cross_pairs};
use crate::read::run_log::NO_EVENT;

/// For each kind of pair, the number of pairs. A pair is two events of different machines. Its kind depends on what happened and on what a
/// clock says. Numbers that are estimated from a sample need not be whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PairCounts {
    /// One event happened before the other, and the clock says so.
    pub(super) right: f64,
    /// One event happened before the other, and the clock does not order them.
    pub(super) missed: f64,
    /// One event happened before the other, and the clock says the opposite.
    pub(super) reversed: f64,
    /// The events are concurrent, and the clock orders them.
    pub(super) wrong: f64,
    /// The events are concurrent, and the clock does not order them.
    pub(super) unordered: f64,
}

impl PairCounts {
    /// Number of pairs in which one event happened before the other.
    pub(super) fn ordered(&self) -> f64 {
        self.right + self.missed + self.reversed
    }

    /// Number of concurrent pairs.
    pub(super) fn concurrent(&self) -> f64 {
        self.wrong + self.unordered
    }
}

/// Counts the pairs of a run for each clock in `replayed`.
///
/// For clocks whose timestamps are numbers, all pairs are counted. This is fast, because it needs no loop over pairs. Take an event e, and
/// the log of another machine. The events of this log that happened before e are the first ones of the log, for example the first 5. The
/// events of this log with lower timestamps than e are the first ones too, for example the first 3. So the smaller group is a part of the
/// larger one, and the number of events in both groups is the smaller of the two numbers: here 3.
///
/// For other clocks, only the pairs in `sample` are counted. Then the counts of the sample's ordered pairs (one event happened before the
/// other) are scaled to the run's exact number of ordered pairs. The counts of the sample's concurrent pairs are scaled to the run's exact
/// number of concurrent pairs. A clock has `None` in the returned list if the run has ordered pairs but the sample has none, or if the run
/// has concurrent pairs but the sample has none.
pub(super) fn count_pairs(
    history: &History<'_>,
    sample: &Sample,
    replayed: &[Replayed],
) -> Vec<Option<PairCounts>> {
    let mut truth = Truth::new(history, sample, replayed);
    for &event in &*history.order {
        truth.replay_event(event as usize);
    }
    // The number of all pairs of events of different machines. Events in the warm-up (the first seconds of the run) are in no pair.
    let cross = cross_pairs(history.run, &history.skipped) as f64;
    let ordered = truth.ordered as f64;
    // Only clocks whose timestamps are numbers have a counter. The counters are in the same order as these clocks in `replayed`.
    let mut scalar_counters = truth.scalar_counters.iter();
    let mut counts = vec![];
    for clock in replayed {
        counts.push(match &clock.scalars {
            Some(_) => scalar_counters.next().map(|counter| counter.counts(cross)),
            None => {
                let of_sample = truth.count_sample(sample, &clock.orders);
                scaled(of_sample, ordered, cross - ordered)
            }
        });
    }
    counts
}

/// Scales the counts of a sample to the run's number of `ordered` pairs and its number of `concurrent` pairs.
fn scaled(of_sample: PairCounts, ordered: f64, concurrent: f64) -> Option<PairCounts> {
    let factor = |in_run: f64, in_sample: f64| match (in_run > 0.0, in_sample > 0.0) {
        // The run has no such pairs, so there is nothing to scale.
        (false, _) => Some(0.0),
        (true, true) => Some(in_run / in_sample),
        (true, false) => None,
    };
    let ordered_factor = factor(ordered, of_sample.ordered())?;
    let concurrent_factor = factor(concurrent, of_sample.concurrent())?;
    Some(PairCounts {
        right: of_sample.right * ordered_factor,
        missed: of_sample.missed * ordered_factor,
        reversed: of_sample.reversed * ordered_factor,
        wrong: of_sample.wrong * concurrent_factor,
        unordered: of_sample.unordered * concurrent_factor,
    })
}

/// The replay of the vector clocks, and what is counted during the replay.
struct Truth<'h> {
    history: &'h History<'h>,
    sample: &'h Sample,
    /// The vector clocks of all machines, as they are after the events replayed so far.
    vectors: Vectors,
    /// The vectors of the events in the sample, one after the other, in the order of [`Sample::storage_index`]. The vector of an event has a
    /// number for each machine: how many of the machine's events happened before this event. For the event's own machine, the number also
    /// counts the event itself.
    sampled_vectors: Vec<u32>,
    /// Number of pairs in which one event happened before the other, among the events replayed so far.
    ordered: u64,
    /// A counter for each clock whose timestamps are numbers.
    scalar_counters: Vec<ScalarCounter<'h>>,
}

impl<'h> Truth<'h> {
    fn new(history: &'h History<'h>, sample: &'h Sample, replayed: &'h [Replayed]) -> Self {
        let scalars = replayed.iter().filter_map(|clock| clock.scalars.as_deref());
        Self {
            vectors: Vectors::new(history.run, &history.sends),
            sampled_vectors: vec![0; sample.stored_events * history.run.machines()],
            ordered: 0,
            scalar_counters: scalars
                .map(|values| ScalarCounter::new(history, values))
                .collect(),
            history,
            sample,
        }
    }

    /// Replays the vector clocks for an event, and counts pairs. A counted pair consists of this event and an event of another machine that
    /// happened before it or has a lower timestamp.
    fn replay_event(&mut self, event: usize) {
        let run = self.history.run;
        let machine = run.events().machine[event] as usize;
        let action = run.events().action[event];
        if action == Action::Receive {
            let send = self.history.sends[event] as usize;
            if self.vectors.receive(machine, send).is_none() {
                unreachable!("each receive comes after its send");
            }
        }
        self.vectors
            .step(machine, self.history.index_within_machine(event) + 1);
        if action == Action::Send {
            self.vectors.send(machine, event);
        }
        let vector = self.vectors.of(machine);
        let storage_index = self.sample.storage_index[event];
        // The index is `NO_EVENT` if the event is not in the sample.
        if storage_index != NO_EVENT {
            let from = storage_index as usize * vector.len();
            self.sampled_vectors[from..from + vector.len()].copy_from_slice(vector);
        }
        if self.history.is_after_warm_up(event) {
            let others = std::iter::zip(vector, &*self.history.skipped).enumerate();
            let others = others.filter(|(other, _)| *other != machine);
            // For each other machine, how many of its events after the warm-up happened before `event`.
            let before = others.map(|(_, (count, skipped))| count.saturating_sub(*skipped));
            self.ordered += before.map(u64::from).sum::<u64>();
            for counter in &mut self.scalar_counters {
                counter.add(event, machine, vector);
            }
        }
    }

    /// Whether the event `a` happened before the event `b` of another machine. Both are in the sample.
    fn happened_before(&self, a: u32, b: u32) -> bool {
        let events = self.history.run.events();
        let machine = events.machine[a as usize] as usize;
        let storage_index = self.sample.storage_index[b as usize] as usize;
        let vector_start = storage_index * self.history.run.machines();
        let events_before_b = self.sampled_vectors[vector_start + machine];
        self.history.index_within_machine(a as usize) < events_before_b
    }

    /// Counts the pairs of the sample. `orders` has for each pair `[a, b]` whether a clock tells that a happened before b, and whether it
    /// tells that b happened before a.
    fn count_sample(&self, sample: &Sample, orders: &[[bool; 2]]) -> PairCounts {
        let mut counts = PairCounts::default();
        for (&[a, b], &[tells_a_first, tells_b_first]) in std::iter::zip(&sample.pairs, orders) {
            let (is_a_first, is_b_first) = (self.happened_before(a, b), self.happened_before(b, a));
            let count = if is_a_first || is_b_first {
                let (tells_truth, tells_opposite) = match is_a_first {
                    true => (tells_a_first, tells_b_first),
                    false => (tells_b_first, tells_a_first),
                };
                match (tells_truth, tells_opposite) {
                    (true, _) => &mut counts.right,
                    (false, true) => &mut counts.reversed,
                    (false, false) => &mut counts.missed,
                }
            } else if tells_a_first || tells_b_first {
                &mut counts.wrong
            } else {
                &mut counts.unordered
            };
            *count += 1.0;
        }
        counts
    }
}

/// Counts all pairs for a clock whose timestamps are numbers. The timestamps of a machine's events never decrease.
struct ScalarCounter<'h> {
    history: &'h History<'h>,
    /// For each event of the run, its timestamp.
    timestamps: &'h [u128],
    /// For each machine m and each other machine: how many of the other machine's events have a lower timestamp than the newest event of m,
    /// and how many have a timestamp that is not higher. The index is m times the number of machines, plus the index of the other machine.
    lower_and_not_higher: Vec<[u32; 2]>,
    /// The pairs of [`PairCounts::right`].
    right: u64,
    /// The pairs of [`PairCounts::missed`].
    missed: u64,
    /// The pairs of [`PairCounts::reversed`].
    reversed: u64,
    /// Number of pairs that the clock orders, rightly or not.
    ordered_by_clock: u64,
}

impl<'h> ScalarCounter<'h> {
    fn new(history: &'h History<'h>, timestamps: &'h [u128]) -> Self {
        let machines = history.run.machines();
        Self {
            history,
            timestamps,
            lower_and_not_higher: vec![[0; 2]; machines * machines],
            right: 0,
            missed: 0,
            reversed: 0,
            ordered_by_clock: 0,
        }
    }

    /// Counts pairs. A counted pair consists of `event` and an event of another machine that happened before it or has a lower timestamp.
    /// `vector` has for each other machine the number of its events that happened before `event`. The events of a machine must be added in
    /// their order.
    fn add(&mut self, event: usize, machine: usize, vector: &[u32]) {
        let timestamp = self.timestamps[event];
        for (other, log) in self.history.run.logs().enumerate() {
            if other == machine {
                continue;
            }
            let timestamps = &self.timestamps[log];
            let [lower, not_higher] =
                &mut self.lower_and_not_higher[machine * vector.len() + other];
            // Compares the timestamp of the other machine's event at `index` with the timestamp of `event`. False if there is no such event.
            let compare_at = |index: u32, comparison: fn(&u128, &u128) -> bool| {
                timestamps
                    .get(index as usize)
                    .is_some_and(|timestamp_at| comparison(timestamp_at, &timestamp))
            };
            // At first, `lower` and `not_higher` have their values for the previous event of `machine`. They can only grow, because the
            // timestamps of `machine` never decrease. For example, if `lower` is 3, the other machine's events 0, 1 and 2 have lower
            // timestamps, and its event 3 is compared next.
            while compare_at(*lower, u128::lt) {
                *lower += 1;
            }
            while compare_at(*not_higher, u128::le) {
                *not_higher += 1;
            }
            let skipped = self.history.skipped[other];
            let after_warm_up = |count: u32| u64::from(count.saturating_sub(skipped));
            let before = after_warm_up(vector[other]);
            let (lower, not_higher) = (after_warm_up(*lower), after_warm_up(*not_higher));
            // Take the other machine's events after the warm-up. The first `before` of them happened before `event`. The first `lower` of
            // them have lower timestamps than `event`. The first `not_higher` of them have lower timestamps or the same one. For example,
            // let `before` be 5, `lower` 3 and `not_higher` 4. Of the 5 events that happened before `event`, 3 have lower timestamps
            // (right), 1 has the same timestamp (missed), and 1 has a higher timestamp (reversed). If `before` is 2 instead, both events
            // are among the 3 with lower timestamps, so both pairs are right.
            self.right += before.min(lower);
            self.missed += before.min(not_higher) - before.min(lower);
            self.reversed += before - before.min(not_higher);
            // Adds the pairs in which `event` has the higher timestamp. So each pair that the clock orders is added exactly once.
            self.ordered_by_clock += lower;
        }
    }

    /// The counts of all pairs. `cross` is the number of pairs of events of different machines.
    fn counts(&self, cross: f64) -> PairCounts {
        let [right, missed, reversed] =
            [self.right, self.missed, self.reversed].map(|count| count as f64);
        // The clock orders the right, the reversed and the wrong pairs.
        let wrong = self.ordered_by_clock as f64 - right - reversed;
        PairCounts {
            right,
            missed,
            reversed,
            wrong,
            unordered: cross - right - missed - reversed - wrong,
        }
    }
}
