//! Concurrency: how much of a run happens side by side, and how often Lamport's clocks order what did.
//!
//! Of two events of different machines, one happened before the other (Lamport 1978) or they are concurrent. Vector clocks tell:
//! V_e[j], the number of machine j's events that happened before e, is replayed from the log, in which a receive names its send.
//! So the ordered pairs are counted in one pass, without looking at any pair: they are the sum over all e of V_e[j] over all j but
//! e's own machine. The share of concurrent pairs is Charron-Bost's (1989) and Raynal's (1992) measure of concurrency.

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

/// One run, replayed. What is indexed by places has an entry for each event, machine by machine and in the order of their ticks.
struct Replay<'r> {
    run: &'r Run<'r>,
    /// By place: the place of the send of what the event receives.
    sends: &'r [Option<usize>],
    /// Events of each machine that do not count: a warm-up.
    skipped: Vec<u64>,
    /// Each machine's vector clock: how many events of each machine happened before, or are, its newest.
    clocks: Vec<Vec<u64>>,
    /// The vector clocks of the sends replayed, one behind the other.
    sent: Vec<u64>,
    /// By place: where among them the send's begins.
    sent_from: Vec<Option<usize>>,
    /// Each machine's clock values with its events' places among its own, ordered by value, one machine behind the other.
    by_value: Vec<(u64, u64)>,
    /// For each machine and other machine, where among the other's values the machine's newest was looked for.
    looked_at: Vec<Vec<usize>>,
    pairs: Pairs,
}

impl Pairs {
    /// Of the events of `run` that count, whose receives have these `sends`; nothing if one has none.
    pub(crate) fn of(run: &Run<'_>, sends: &[Option<usize>]) -> Option<Self> {
        let machines = run.machines();
        let is_early = |event: &&EventRow| !run.counts(run.time_s(event));
        let skipped = |log: &[EventRow]| log.iter().take_while(is_early).count() as u64;
        let replay = Replay {
            run,
            sends,
            skipped: run.logs().map(skipped).collect(),
            clocks: vec![vec![0; machines]; machines],
            sent: vec![],
            sent_from: vec![None; run.events().len()],
            by_value: run.logs().flat_map(by_value).collect(),
            looked_at: vec![run.bounds()[..machines].to_vec(); machines],
            pairs: Self::default(),
        };
        replay.run()
    }
}

fn by_value(log: &[EventRow]) -> Vec<(u64, u64)> {
    let values = log.iter().map(|event| event.logged.event.logical_clock);
    let mut places: Vec<(u64, u64)> = values.zip(0..).collect();
    places.sort_unstable();
    places
}

impl Replay<'_> {
    /// Takes every machine as far as it goes before a receive whose send is not yet replayed, and again, until all are through.
    fn run(mut self) -> Option<Pairs> {
        let bounds = self.run.bounds();
        let mut next = bounds[..self.run.machines()].to_vec();
        loop {
            let mut moved = false;
            for (machine, next) in next.iter_mut().enumerate() {
                while *next < bounds[machine + 1] && self.step(machine, *next) {
                    *next += 1;
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        (next == bounds[1..]).then(|| self.counted())
    }

    /// Replays the event at `place`; false if it receives what has not been sent yet.
    fn step(&mut self, machine: usize, place: usize) -> bool {
        let event = &self.run.events()[place].logged.event;
        let clock = &mut self.clocks[machine];
        if let EventKind::Receive(_) = event.kind {
            let Some(from) = self.sends[place].and_then(|send| self.sent_from[send]) else {
                return false;
            };
            for (own, sent) in clock.iter_mut().zip(&self.sent[from..]) {
                *own = (*own).max(*sent);
            }
        }
        let of_machine = (place - self.run.bounds()[machine]) as u64;
        clock[machine] = of_machine + 1;
        if let EventKind::Send { .. } = event.kind {
            self.sent_from[place] = Some(self.sent.len());
            self.sent.extend_from_slice(clock);
        }
        if of_machine >= self.skipped[machine] {
            self.count(machine, event.logical_clock);
        }
        true
    }

    /// Counts the pairs that `machine`'s newest event makes with earlier ones.
    fn count(&mut self, machine: usize, value: u64) {
        for other in (0..self.run.machines()).filter(|&other| other != machine) {
            let before = self.clocks[machine][other];
            let skipped = self.skipped[other];
            self.pairs.ordered += before.saturating_sub(skipped);
            if let Some(equal) = self.look_for(value, machine, other)
                && equal >= skipped
            {
                // Seen from both sides; the later of the two finds out whether they are ordered.
                self.pairs.equal += u64::from(machine < other);
                self.pairs.ordered_equal += u64::from(equal < before);
            }
        }
    }

    /// The event of `other` with this clock value, by its place among the machine's own. It is looked for from where `machine`'s
    /// event before was: clocks grow, so it is not far.
    fn look_for(&mut self, value: u64, machine: usize, other: usize) -> Option<u64> {
        let bounds = self.run.bounds();
        let (first, end) = (bounds[other], bounds[other + 1]);
        let at = &mut self.looked_at[machine][other];
        while *at > first && self.by_value[*at - 1].0 >= value {
            *at -= 1;
        }
        while *at < end && self.by_value[*at].0 < value {
            *at += 1;
        }
        let &(found, place) = self.by_value[..end].get(*at)?;
        (found == value).then_some(place)
    }

    fn counted(self) -> Pairs {
        let counts: Vec<u64> = std::iter::zip(self.run.logs(), &self.skipped)
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
