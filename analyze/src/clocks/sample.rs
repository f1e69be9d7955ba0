//! Pairs of events of different machines.

use rand::RngExt;
use sim::random;

use super::history::History;
use crate::measures::concurrency::cross_pairs;
use crate::read::run_log::NO_EVENT;

/// The largest number of pairs that are looked at in a run.
pub(super) const MOST_PAIRS: u64 = 2000;

/// All pairs of events of different machines, or randomly drawn ones if there are too many.
#[derive(Debug)]
pub(super) struct Sample {
    /// The indices of the events of each pair.
    pub(super) pairs: Vec<[u32; 2]>,
    /// For each event of the run, the number of its timestamp among those that are stored, or [`NO_EVENT`].
    pub(super) stored: Vec<u32>,
    /// Number of events whose timestamps are stored.
    pub(super) events: usize,
}

impl Sample {
    /// The pairs of a run. Events in the warm-up are in no pair.
    pub(super) fn of_run(history: &History<'_>, seed: u64) -> Self {
        let run = history.run;
        let pairs = match cross_pairs(run, &history.skipped) {
            0 => vec![],
            few @ 1..=MOST_PAIRS => all_pairs(history, few as usize),
            _ => drawn_pairs(history, seed),
        };
        let mut sample = Self {
            stored: vec![NO_EVENT; run.len()],
            events: 0,
            pairs,
        };
        for event in sample.pairs.as_flattened() {
            let stored = &mut sample.stored[*event as usize];
            if *stored == NO_EVENT {
                *stored = sample.events as u32;
                sample.events += 1;
            }
        }
        sample
    }
}

/// For each machine, the range of its events after the warm-up.
fn logs<'h>(history: &'h History<'_>) -> impl Iterator<Item = std::ops::Range<u32>> + 'h {
    let logs = std::iter::zip(history.run.logs(), &*history.skipped);
    logs.map(|(log, skipped)| log.start as u32 + skipped..log.end as u32)
}

fn all_pairs(history: &History<'_>, count: usize) -> Vec<[u32; 2]> {
    let mut pairs = Vec::with_capacity(count);
    for (machine, log) in logs(history).enumerate() {
        for other in logs(history).skip(machine + 1) {
            let pairs_of = |a| other.clone().map(move |b| [a, b]);
            pairs.extend(log.clone().flat_map(pairs_of));
        }
    }
    pairs
}

/// Draws pairs with replacement; each pair is equally likely.
fn drawn_pairs(history: &History<'_>, seed: u64) -> Vec<[u32; 2]> {
    let events: Vec<u32> = logs(history).flatten().collect();
    let machine = &history.run.events().machine;
    let key = format!("pairs of events: {}", history.run.row().key);
    let mut random = random::run_stream(seed, &key);
    let mut draw = || events[random.random_range(0..events.len())];
    let mut pairs = Vec::with_capacity(MOST_PAIRS as usize);
    while pairs.len() < MOST_PAIRS as usize {
        let pair = [draw(), draw()];
        if machine[pair[0] as usize] != machine[pair[1] as usize] {
            pairs.push(pair);
        }
    }
    pairs
}
