//! Which of two events happened before the other, and how often a clock's order agrees.

use sim::log::Action;

use super::history::History;
use super::replay::Replayed;
use super::sample::Sample;
use crate::measures::concurrency::{Vectors, cross_pairs};
use crate::read::run_log::NO_EVENT;

/// Numbers of pairs of events of different machines, by what happened and by what a clock says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PairCounts {
    /// One event happened before the other, and the clock says so.
    pub(super) right: f64,
    /// One event happened before the other, and the clock orders neither before the other.
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
/// For clocks whose timestamps are numbers, all pairs are counted: in each machine's log, the events that happened before a given event
/// and those with lower timestamps are both at the beginning. For other clocks, the pairs of the sample are counted. Their shares among
/// ordered and among concurrent pairs are multiplied by the exact numbers of such pairs. The value is `None` if there are such pairs, but
/// none in the sample.
pub(super) fn count_pairs(
    history: &History<'_>,
    sample: &Sample,
    replayed: &[Replayed],
) -> Vec<Option<PairCounts>> {
    let mut truth = Truth::new(history, sample, replayed);
    for &event in &*history.order {
        truth.replay_event(event as usize);
    }
    let cross = cross_pairs(history.run, &history.skipped) as f64;
    let ordered = truth.ordered as f64;
    let mut scalar = truth.scalar.iter();
    let mut counts = vec![];
    for clock in replayed {
        counts.push(match &clock.scalars {
            Some(_) => scalar.next().map(|scalar| scalar.counts(cross)),
            None => {
                let of_sample = truth.count_sample(sample, &clock.orders);
                scaled(of_sample, ordered, cross - ordered)
            }
        });
    }
    counts
}

/// Scales counts of a sample to the numbers of ordered and of concurrent pairs.
fn scaled(of_sample: PairCounts, ordered: f64, concurrent: f64) -> Option<PairCounts> {
    let factor = |all: f64, seen: f64| match (all > 0.0, seen > 0.0) {
        (false, _) => Some(0.0),
        (true, true) => Some(all / seen),
        (true, false) => None,
    };
    let of_ordered = factor(ordered, of_sample.ordered())?;
    let of_concurrent = factor(concurrent, of_sample.concurrent())?;
    Some(PairCounts {
        right: of_sample.right * of_ordered,
        missed: of_sample.missed * of_ordered,
        reversed: of_sample.reversed * of_ordered,
        wrong: of_sample.wrong * of_concurrent,
        unordered: of_sample.unordered * of_concurrent,
    })
}

/// The replay of the vector clocks, which tell which events happened before which.
struct Truth<'h> {
    history: &'h History<'h>,
    sample: &'h Sample,
    vectors: Vectors,
    /// For each event of the sample, one after the other: for each machine, the number of its events that happened before.
    before: Vec<u32>,
    ordered: u64,
    scalar: Vec<Scalar<'h>>,
}

impl<'h> Truth<'h> {
    fn new(history: &'h History<'h>, sample: &'h Sample, replayed: &'h [Replayed]) -> Self {
        let scalars = replayed.iter().filter_map(|clock| clock.scalars.as_deref());
        Self {
            vectors: Vectors::new(history.run, &history.sends),
            before: vec![0; sample.events * history.run.machines()],
            ordered: 0,
            scalar: scalars.map(|values| Scalar::new(history, values)).collect(),
            history,
            sample,
        }
    }

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
        let stored = self.sample.stored[event];
        if stored != NO_EVENT {
            let from = stored as usize * vector.len();
            self.before[from..from + vector.len()].copy_from_slice(vector);
        }
        if self.history.counts(event) {
            let others = std::iter::zip(vector, &*self.history.skipped).enumerate();
            let others = others.filter(|(other, _)| *other != machine);
            let before = others.map(|(_, (count, skipped))| count.saturating_sub(*skipped));
            self.ordered += before.map(u64::from).sum::<u64>();
            for scalar in &mut self.scalar {
                scalar.add(event, machine, vector);
            }
        }
    }

    /// Whether the event `a` happened before the event `b` of another machine. Both are in the sample.
    fn happened_before(&self, a: u32, b: u32) -> bool {
        let events = self.history.run.events();
        let machine = events.machine[a as usize] as usize;
        let stored = self.sample.stored[b as usize] as usize;
        let before = self.before[stored * self.history.run.machines() + machine];
        self.history.index_within_machine(a as usize) < before
    }

    fn count_sample(&self, sample: &Sample, orders: &[[bool; 2]]) -> PairCounts {
        let mut counts = PairCounts::default();
        for (&[a, b], &[before, after]) in std::iter::zip(&sample.pairs, orders) {
            let (forward, backward) = match self.happened_before(a, b) {
                true => (before, after),
                false => (after, before),
            };
            let is_ordered = self.happened_before(a, b) || self.happened_before(b, a);
            let count = match (is_ordered, forward, backward) {
                (true, true, _) => &mut counts.right,
                (true, false, true) => &mut counts.reversed,
                (true, false, false) => &mut counts.missed,
                (false, false, false) => &mut counts.unordered,
                (false, ..) => &mut counts.wrong,
            };
            *count += 1.0;
        }
        counts
    }
}

/// Counts all pairs of a clock whose timestamps are numbers. The numbers never decrease within a machine.
struct Scalar<'h> {
    history: &'h History<'h>,
    values: &'h [u128],
    /// For each machine of a newest event and each other machine: how many of the other machine's events have a lower timestamp, and how
    /// many one that is not higher.
    counts: Vec<[u32; 2]>,
    right: u64,
    missed: u64,
    reversed: u64,
    /// Number of pairs that the clock orders.
    ordered: u64,
}

impl<'h> Scalar<'h> {
    fn new(history: &'h History<'h>, values: &'h [u128]) -> Self {
        let machines = history.run.machines();
        Self {
            history,
            values,
            counts: vec![[0; 2]; machines * machines],
            right: 0,
            missed: 0,
            reversed: 0,
            ordered: 0,
        }
    }

    /// Counts the pairs of `event`, a later event of its `machine` than all added before, with the events of other machines that have a
    /// lower timestamp or happened before. `vector` has for each machine the number of its events that happened before.
    fn add(&mut self, event: usize, machine: usize, vector: &[u32]) {
        let value = self.values[event];
        for (other, log) in self.history.run.logs().enumerate() {
            if other == machine {
                continue;
            }
            let values = &self.values[log];
            let [lower, not_higher] = &mut self.counts[machine * vector.len() + other];
            let is = |index: u32, ok: fn(&u128, &u128) -> bool| {
                values
                    .get(index as usize)
                    .is_some_and(|other| ok(other, &value))
            };
            while is(*lower, u128::lt) {
                *lower += 1;
            }
            while is(*not_higher, u128::le) {
                *not_higher += 1;
            }
            let skipped = self.history.skipped[other];
            let after_warm_up = |count: u32| u64::from(count.saturating_sub(skipped));
            let before = after_warm_up(vector[other]);
            let (lower, not_higher) = (after_warm_up(*lower), after_warm_up(*not_higher));
            self.right += before.min(lower);
            self.missed += before.min(not_higher) - before.min(lower);
            self.reversed += before - before.min(not_higher);
            self.ordered += lower;
        }
    }

    /// The counts, if there are `cross` pairs of events of different machines.
    fn counts(&self, cross: f64) -> PairCounts {
        let [right, missed, reversed] =
            [self.right, self.missed, self.reversed].map(|count| count as f64);
        // A pair in the wrong order is one of the pairs that the clock orders.
        let wrong = self.ordered as f64 - right - reversed;
        PairCounts {
            right,
            missed,
            reversed,
            wrong,
            unordered: cross - right - missed - reversed - wrong,
        }
    }
}
