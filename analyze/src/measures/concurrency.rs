//! Concurrency: how much of a run happens side by side, and how often Lamport's clocks order what did.
//!
//! Of two events of different machines, one happened before the other (Lamport 1978) or they are concurrent. Vector clocks tell:
//! V_e[j], the number of machine j's events that happened before e, is replayed from the log, in which a receive names its send.
//! So the ordered pairs are counted in one pass, without looking at any pair: they are the sum over all e of V_e[j] over all j but
//! e's own machine. The share of concurrent pairs is Charron-Bost's (1989) and Raynal's (1992) measure of concurrency.

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
        brief: "share of the pairs of events of different machines of which neither happened before the other",
        remark: "1 - sum_e sum_j V_e[j] / sum_(i<j) n_i n_j over the vector clocks V of all events e of machines other than j, with n_i events of machine i. The same for all machines of a run; none if a receive in the log has no send.",
        expression: || Ok(lit(1.0) - ratio(col("ordered_pairs"), col("cross_pairs"))),
    },
    Measure {
        name: "false_order",
        label: "false order",
        unit: "",
        kind: Number,
        decimals: 2,
        brief: "share of concurrent pairs among all pairs of events on different machines with different timestamps",
        remark: "Their timestamps suggest an order that does not exist. The same for all machines of a run.",
        expression: || {
            let different = || col("cross_pairs") - col("equal_pairs");
            let ordered = col("ordered_pairs") - col("ordered_equal_pairs");
            Ok(ratio(different() - ordered, different()))
        },
    },
];

/// Numbers of pairs of events of different machines of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// All.
    pub(crate) cross: u64,
    /// One of which happened before the other.
    pub(crate) ordered: u64,
    /// With the same clock.
    pub(crate) equal: u64,
    /// With the same clock, though one happened before the other: none, unless the Clock Condition is broken.
    pub(crate) ordered_equal: u64,
}

/// Components of the vector clocks that are replayed at a time: that many numbers are remembered of each send, however many machines
/// there are.
const COMPONENTS: usize = 8;

/// One run, replayed for some components of its vector clocks. What is indexed by places has an entry for each event, machine by
/// machine and in the order of their ticks.
struct Replay<'r> {
    run: &'r Run<'r>,
    /// By place: the place of the send of what the event receives.
    sends: &'r [Option<usize>],
    /// Events of each machine that do not count: a warm-up.
    skipped: &'r [u64],
    /// Each machine's clock values with its events' places among its own, ordered by value, one machine behind the other.
    by_value: &'r [(u64, u64)],
    /// The machines whose components these are.
    components: Range<usize>,
    /// Each machine's vector clock: how many events of each of these machines happened before, or are, its newest.
    clocks: Vec<Vec<u64>>,
    /// The vector clocks of the sends replayed, one behind the other.
    sent: Vec<u64>,
    /// By place: where among them the send's begins.
    sent_from: Vec<Option<usize>>,
    /// For each machine and component, where among that one's values the machine's newest was looked for.
    looked_at: Vec<Vec<usize>>,
    pairs: Pairs,
}

impl Pairs {
    /// Of the events of `run` that count, whose receives have these `sends`; nothing if one has none.
    pub(crate) fn from_run(run: &Run<'_>, sends: &[Option<usize>]) -> Option<Self> {
        let order = causal_order(run, sends)?;
        let is_early = |event: &&EventRow| !run.counts(run.time_s(event));
        let skipped = |log: &[EventRow]| log.iter().take_while(is_early).count() as u64;
        let skipped: Vec<u64> = run.logs().map(skipped).collect();
        let by_value: Vec<(u64, u64)> = run.logs().flat_map(by_value).collect();
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
                by_value: &by_value,
                clocks: vec![vec![0; components.len()]; run.machines()],
                sent: vec![],
                sent_from: vec![None; run.events().len()],
                looked_at: vec![run.bounds()[components.clone()].to_vec(); run.machines()],
                components,
                pairs,
            };
            pairs = replay.run(&order);
        }
        Some(pairs)
    }
}

/// The places of all events, each receive behind its send and each machine's in the order of its log. None if there is no such
/// order: if a receive has no send, or only one that it happened before.
fn causal_order(run: &Run<'_>, sends: &[Option<usize>]) -> Option<Vec<usize>> {
    let (bounds, events) = (run.bounds(), run.events());
    let mut next = bounds[..run.machines()].to_vec();
    let mut is_there = vec![false; events.len()];
    let mut order = Vec::with_capacity(events.len());
    // Takes every machine as far as it goes before a receive whose send is not there yet, and again, until nothing moves.
    loop {
        let before = order.len();
        for (machine, next) in next.iter_mut().enumerate() {
            while *next < bounds[machine + 1] {
                let is_receive = matches!(events[*next].logged.event.kind, EventKind::Receive(_));
                if is_receive && !sends[*next].is_some_and(|send| is_there[send]) {
                    break;
                }
                is_there[*next] = true;
                order.push(*next);
                *next += 1;
            }
        }
        if order.len() == before {
            return (next == bounds[1..]).then_some(order);
        }
    }
}

fn by_value(log: &[EventRow]) -> Vec<(u64, u64)> {
    let values = log.iter().map(|event| event.logged.event.logical_clock);
    let mut places: Vec<(u64, u64)> = values.zip(0..).collect();
    places.sort_unstable();
    places
}

/// All pairs of events of different machines, but for the `skipped` of each machine.
fn cross_pairs(run: &Run<'_>, skipped: &[u64]) -> u64 {
    let counts: Vec<u64> = std::iter::zip(run.logs(), skipped)
        .map(|(log, skipped)| log.len() as u64 - skipped)
        .collect();
    let all: u64 = counts.iter().sum();
    let own: u64 = counts.iter().map(|count| count * count).sum();
    (all * all - own) / 2
}

impl Replay<'_> {
    /// Replays the events in a causal `order`.
    fn run(mut self, order: &[usize]) -> Pairs {
        for &index in order {
            self.step(index);
        }
        self.pairs
    }

    /// Replays the event at `place`.
    fn step(&mut self, index: usize) {
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
            self.count(machine, event.logical_clock);
        }
    }

    /// Counts the pairs that `machine`'s newest event makes with earlier ones of the components' machines.
    fn count(&mut self, machine: usize, value: u64) {
        for (component, other) in self.components.clone().enumerate() {
            if other == machine {
                continue;
            }
            let before = self.clocks[machine][component];
            let skipped = self.skipped[other];
            self.pairs.ordered += before.saturating_sub(skipped);
            if let Some(equal) = self.look_for(value, machine, component)
                && equal >= skipped
            {
                // Seen from both sides; the later of the two finds out whether they are ordered.
                self.pairs.equal += u64::from(machine < other);
                self.pairs.ordered_equal += u64::from(equal < before);
            }
        }
    }

    /// The event with this clock value of the machine of this component, by its place among that machine's own. It is looked for
    /// from where `machine`'s event before was: clocks grow, so it is not far.
    fn look_for(&mut self, value: u64, machine: usize, component: usize) -> Option<u64> {
        let (bounds, other) = (self.run.bounds(), self.components.start + component);
        let (first, end) = (bounds[other], bounds[other + 1]);
        let at = &mut self.looked_at[machine][component];
        while *at > first && self.by_value[*at - 1].0 >= value {
            *at -= 1;
        }
        while *at < end && self.by_value[*at].0 < value {
            *at += 1;
        }
        let &(found, index) = self.by_value[..end].get(*at)?;
        (found == value).then_some(index)
    }
}
