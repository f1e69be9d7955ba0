//! Concurrency: how much of a run happens side by side, and how often Lamport's clocks order what did.
//!
//! Of two events of different machines, one happened before the other (Lamport 1978) or they are concurrent. Vector clocks tell:
//! V_e[j], the number of machine j's events that happened before e, is replayed from the log, in which a receive names its send.
//! So the ordered pairs are counted in one pass, without looking at any pair: they are the sum over all e of V_e[j] over all j but
//! e's own machine. The share of concurrent pairs is Charron-Bost's (1989) and Raynal's (1992) measure of concurrency.

use std::collections::HashMap;
use std::rc::Rc;

use polars::prelude::*;
use sim::log::EventRow;
use sim::machine::EventKind;

use super::{Measure, ratio};
use crate::column::Kind::Number;

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
        brief: "share of the pairs of events of different machines with different clocks that are concurrent all the same",
        remark: "Lamport's clocks order these, though nothing else does. The same for all machines of a run.",
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

/// A vector clock: how many events of each machine happened before, or are, this one.
type VectorClock = Rc<[u64]>;

/// The events of one run, machine by machine and in the order of their ticks.
struct Replay<'e> {
    logs: Vec<Vec<&'e EventRow>>,
    /// Events of each machine that do not count: a warm-up.
    skipped: Vec<u64>,
    clocks: Vec<Vec<u64>>,
    sent: HashMap<(u32, u64), VectorClock>,
    /// The clock values of each machine's events, with their places, ordered by value.
    by_value: Vec<Vec<(u64, u64)>>,
    pairs: Pairs,
}

impl Pairs {
    /// Of the events of a run of `machines` machines, only those of which `counts` says so; nothing if a receive has no send.
    pub(crate) fn of(
        events: &[EventRow],
        machines: usize,
        counts: impl Fn(&EventRow) -> bool,
    ) -> Option<Self> {
        let mut logs: Vec<Vec<&EventRow>> = vec![vec![]; machines];
        for event in events {
            logs[event.machine as usize].push(event);
        }
        for log in &mut logs {
            log.sort_by_key(|event| event.logged.event.tick);
        }
        let skipped = logs
            .iter()
            .map(|log| log.iter().take_while(|event| !counts(event)).count() as u64)
            .collect();
        let by_value = logs.iter().map(|log| by_value(log)).collect();
        let replay = Replay {
            clocks: vec![vec![0; machines]; machines],
            sent: HashMap::new(),
            pairs: Self::default(),
            skipped,
            by_value,
            logs,
        };
        replay.run()
    }
}

fn by_value(log: &[&EventRow]) -> Vec<(u64, u64)> {
    let values = log.iter().map(|event| event.logged.event.logical_clock);
    let mut places: Vec<(u64, u64)> = values.zip(0..).collect();
    places.sort_unstable();
    places
}

impl Replay<'_> {
    /// Takes every machine as far as it goes before a receive whose send is not yet replayed, and again, until all are through.
    fn run(mut self) -> Option<Pairs> {
        let mut next = vec![0; self.logs.len()];
        loop {
            let mut moved = false;
            for (machine, next) in next.iter_mut().enumerate() {
                while let Some(&event) = self.logs[machine].get(*next)
                    && self.step(machine, *next as u64, event)
                {
                    *next += 1;
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        let through = std::iter::zip(&next, &self.logs).all(|(next, log)| *next == log.len());
        through.then(|| self.counted())
    }

    /// Replays one event; false if it receives what has not been sent yet.
    fn step(&mut self, machine: usize, place: u64, event: &EventRow) -> bool {
        if let EventKind::Receive(message) = event.logged.event.kind {
            let Some(sent) = self.sent.get(&(message.sender, message.sent_tick)) else {
                return false;
            };
            for (own, sent) in self.clocks[machine].iter_mut().zip(sent.iter()) {
                *own = (*own).max(*sent);
            }
        }
        self.clocks[machine][machine] = place + 1;
        if let EventKind::Send { .. } = event.logged.event.kind {
            let clock = Rc::from(&*self.clocks[machine]);
            self.sent
                .insert((event.machine, event.logged.event.tick), clock);
        }
        if place >= self.skipped[machine] {
            self.count(machine, event.logged.event.logical_clock);
        }
        true
    }

    /// Counts the pairs that `machine`'s newest event makes with earlier ones.
    fn count(&mut self, machine: usize, value: u64) {
        for other in (0..self.logs.len()).filter(|&other| other != machine) {
            let before = self.clocks[machine][other];
            let skipped = self.skipped[other];
            self.pairs.ordered += before.saturating_sub(skipped);
            let values = &self.by_value[other];
            if let Ok(found) = values.binary_search_by_key(&value, |&(value, _)| value)
                && let (_, equal) = values[found]
                && equal >= skipped
            {
                // Seen from both sides; the later of the two finds out whether they are ordered.
                self.pairs.equal += u64::from(machine < other);
                self.pairs.ordered_equal += u64::from(equal < before);
            }
        }
    }

    fn counted(self) -> Pairs {
        let counts: Vec<u64> = std::iter::zip(&self.logs, &self.skipped)
            .map(|(log, skipped)| log.len() as u64 - skipped)
            .collect();
        let all: u64 = counts.iter().sum();
        let own: u64 = counts.iter().map(|count| count * count).sum();
        Pairs {
            cross: (all * all - own) / 2,
            ..self.pairs
        }
    }
}
