//! Concurrency: what share of a run's events is concurrent, and how often timestamps order concurrent events.
//!
//! Of two events of different machines, one happened before the other (Lamport 1978), or they are concurrent. This is decided by
//! vector clocks: V_e[j] is the number of machine j's events that happened before event e. The vector clocks are recomputed from
//! the log, which names the send of each receive. The number of ordered pairs is the sum of V_e[j] over all e and all j other than
//! e's machine, so no pair has to be looked at. The share of concurrent pairs is the measure of concurrency of Charron-Bost (1989)
//! and Raynal (1992).

use std::ops::Range;

use polars::prelude::*;
use sim::log::EventRow;
use sim::machine::EventKind;

use super::{Measure, ratio};
use crate::output::schema::Kind::Number;
use crate::read::run_log::Run;

pub(super) const MEASURES: [Measure; 2] = [
    Measure {
        name: "concurrency",
        label: "concurrency",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "share of concurrent pairs (neither event happened before the other) among all pairs of events of different machines",
        remark: "1 - sum_e sum_j V_e[j] / sum_(i<j) n_i n_j over the vector clocks V of all events e of machines other than j, with n_i events of machine i. The value is the same for all machines of a run. It is missing if a receive in the log has no send.",
        expression: || Ok(lit(1.0) - ratio(col("ordered_pairs"), col("cross_pairs"))),
    },
    Measure {
        name: "false_order",
        label: "false order",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "share of concurrent pairs among all pairs of events of different machines with different timestamps",
        remark: "The timestamps of these pairs suggest an order that does not exist. The value is the same for all machines of a run.",
        expression: || {
            let different = || col("cross_pairs") - col("equal_pairs");
            let ordered = col("ordered_pairs") - col("ordered_equal_pairs");
            Ok(ratio(different() - ordered, different()))
        },
    },
];

/// Numbers of pairs of events of different machines in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Number of all pairs.
    pub(crate) cross: u64,
    /// Number of pairs in which one event happened before the other.
    pub(crate) ordered: u64,
    /// Number of pairs with equal clocks.
    pub(crate) equal: u64,
    /// Number of pairs with equal clocks in which one event happened before the other. It is 0 unless the Clock Condition is
    /// broken.
    pub(crate) ordered_equal: u64,
}

/// Number of components of the vector clocks that are replayed at a time. It limits the memory, because each send keeps as many
/// numbers.
const COMPONENTS: usize = 8;

/// The replay of one run for some components of its vector clocks. An index of an event counts through all machines' events,
/// machine by machine.
struct Replay<'r> {
    run: &'r Run<'r>,
    /// For each event, the index of the send whose message it receives.
    sends: &'r [Option<usize>],
    /// For each machine, the number of its events in the warm-up, which do not count.
    skipped: &'r [u64],
    /// For each machine, its events' clocks and their indices within the machine, ordered by clock; one machine after the other.
    by_clock: &'r [(u64, u64)],
    /// The machines whose components are replayed.
    components: Range<usize>,
    /// The vector clock of each machine's newest event. It counts the event itself too.
    clocks: Vec<Vec<u64>>,
    /// The vector clocks of the replayed sends, one after the other.
    sent: Vec<u64>,
    /// For each send, the index of its first component in `sent`.
    sent_from: Vec<Option<usize>>,
    /// For each machine and component, the index in `by_clock` where the last search ended.
    search_starts: Vec<Vec<usize>>,
    pairs: Pairs,
}

impl Pairs {
    /// Counts the pairs of events after the warm-up. `sends` has the index of the send for each receive. `None` if a receive has no
    /// send.
    pub(crate) fn from_run(run: &Run<'_>, sends: &[Option<usize>]) -> Option<Self> {
        let order = causal_order(run, sends)?;
        let is_early = |event: &&EventRow| !run.is_after_warm_up(run.time_s(event));
        let skipped = |log: &[EventRow]| log.iter().take_while(is_early).count() as u64;
        let skipped: Vec<u64> = run.logs().map(skipped).collect();
        let by_clock: Vec<(u64, u64)> = run.logs().flat_map(order_by_clock).collect();
        let mut pairs = Self {
            cross: cross_pairs(run, &skipped),
            ..Self::default()
        };
        for first in (0..run.machines()).step_by(COMPONENTS) {
            let components = first..run.machines().min(first + COMPONENTS);
            let replay = Replay {
                run,
                sends,
                skipped: &skipped,
                by_clock: &by_clock,
                clocks: vec![vec![0; components.len()]; run.machines()],
                sent: vec![],
                sent_from: vec![None; run.events().len()],
                search_starts: vec![run.bounds()[components.clone()].to_vec(); run.machines()],
                components,
                pairs,
            };
            pairs = replay.count_all(&order);
        }
        Some(pairs)
    }
}

/// The indices of all events, ordered so that each receive comes after its send and each machine's events keep their order. `None`
/// if there is no such order, because a receive has no send or happened before its send.
fn causal_order(run: &Run<'_>, sends: &[Option<usize>]) -> Option<Vec<usize>> {
    let (bounds, events) = (run.bounds(), run.events());
    let mut next = bounds[..run.machines()].to_vec();
    let mut is_taken = vec![false; events.len()];
    let mut order = Vec::with_capacity(events.len());
    // Takes each machine's events up to a receive whose send has not been taken, and repeats this until nothing changes.
    loop {
        let before = order.len();
        for (machine, next) in next.iter_mut().enumerate() {
            while *next < bounds[machine + 1] {
                let is_receive = matches!(events[*next].logged.event.kind, EventKind::Receive(_));
                if is_receive && !sends[*next].is_some_and(|send| is_taken[send]) {
                    break;
                }
                is_taken[*next] = true;
                order.push(*next);
                *next += 1;
            }
        }
        if order.len() == before {
            return (next == bounds[1..]).then_some(order);
        }
    }
}

fn order_by_clock(log: &[EventRow]) -> Vec<(u64, u64)> {
    let values = log.iter().map(|event| event.logged.event.logical_clock);
    let mut by_clock: Vec<(u64, u64)> = values.zip(0..).collect();
    by_clock.sort_unstable();
    by_clock
}

/// Number of all pairs of events of different machines, without the `skipped` events of each machine.
fn cross_pairs(run: &Run<'_>, skipped: &[u64]) -> u64 {
    let counts: Vec<u64> = std::iter::zip(run.logs(), skipped)
        .map(|(log, skipped)| log.len() as u64 - skipped)
        .collect();
    let all: u64 = counts.iter().sum();
    let own: u64 = counts.iter().map(|count| count * count).sum();
    (all * all - own) / 2
}

impl Replay<'_> {
    /// Replays the events in a causal `order` and counts the pairs.
    fn count_all(mut self, order: &[usize]) -> Pairs {
        for &index in order {
            self.replay_event(index);
        }
        self.pairs
    }

    /// Replays the event with this index.
    fn replay_event(&mut self, index: usize) {
        let row = &self.run.events()[index];
        let (machine, event) = (row.machine as usize, &row.logged.event);
        let clock = &mut self.clocks[machine];
        if let Some(from) = self.sends[index].and_then(|send| self.sent_from[send]) {
            for (own, sent) in clock.iter_mut().zip(&self.sent[from..]) {
                *own = (*own).max(*sent);
            }
        }
        let of_machine = (index - self.run.bounds()[machine]) as u64;
        if self.components.contains(&machine) {
            clock[machine - self.components.start] = of_machine + 1;
        }
        if let EventKind::Send { .. } = event.kind {
            self.sent_from[index] = Some(self.sent.len());
            self.sent.extend_from_slice(clock);
        }
        if of_machine >= self.skipped[machine] {
            self.count_pairs(machine, event.logical_clock);
        }
    }

    /// Counts the pairs of `machine`'s newest event with earlier events of the components' machines.
    fn count_pairs(&mut self, machine: usize, value: u64) {
        for (component, other) in self.components.clone().enumerate() {
            if other == machine {
                continue;
            }
            let before = self.clocks[machine][component];
            let skipped = self.skipped[other];
            self.pairs.ordered += before.saturating_sub(skipped);
            if let Some(equal) = self.find_event_with_clock(value, machine, component)
                && equal >= skipped
            {
                // Both events of a pair find each other. The pair is counted once, and only the later event can see that they are
                // ordered.
                self.pairs.equal += u64::from(machine < other);
                self.pairs.ordered_equal += u64::from(equal < before);
            }
        }
    }

    /// Finds the event with clock `value` of the component's machine, and returns its index within that machine. The search starts
    /// where `machine`'s last search ended, because clocks grow and the event is close.
    fn find_event_with_clock(
        &mut self,
        value: u64,
        machine: usize,
        component: usize,
    ) -> Option<u64> {
        let (bounds, other) = (self.run.bounds(), self.components.start + component);
        let (first, end) = (bounds[other], bounds[other + 1]);
        let at = &mut self.search_starts[machine][component];
        while *at > first && self.by_clock[*at - 1].0 >= value {
            *at -= 1;
        }
        while *at < end && self.by_clock[*at].0 < value {
            *at += 1;
        }
        let &(found, index) = self.by_clock[..end].get(*at)?;
        (found == value).then_some(index)
    }
}
