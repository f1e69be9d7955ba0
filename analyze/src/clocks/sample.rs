//! The sample of a run: pairs of events. The two events of a pair are from different machines, and their timestamps are compared. To compute
//! the timestamps of a clock, the run's log is replayed. The replay stores a timestamp only if its event is in the sample.

use rand::RngExt;
use sim::random;

use super::history::History;
use crate::measures::concurrency::cross_pairs;
use crate::read::run_log::NO_EVENT;

/// The largest number of pairs in a sample.
pub(super) const MAX_PAIRS: u64 = 2000;

/// The sample of a run: all pairs of events of different machines. If the run has more than [`MAX_PAIRS`] such pairs, the sample has
/// [`MAX_PAIRS`] pairs that are drawn at random. The same pair can be drawn more than once.
#[derive(Debug)]
pub(super) struct Sample {
    /// Each pair, as the indices of its two events among all events of the run.
    pub(super) pairs: Vec<[u32; 2]>,
    /// For each event of the run: the index of the event's timestamp in the list of timestamps that a replay stores. [`NO_EVENT`] (the
    /// largest `u32`) if the event is in no pair.
    pub(super) storage_index: Vec<u32>,
    /// Number of events that are in at least one pair. A replay stores the timestamps of these events only.
    pub(super) stored_events: usize,
}

impl Sample {
    /// Makes the sample of a run. Events in the warm-up (the first seconds of a run) are in no pair. Random pairs are drawn from the
    /// experiment's `seed`.
    pub(super) fn of_run(history: &History<'_>, seed: u64) -> Self {
        let run = history.run;
        let pairs = match cross_pairs(run, &history.skipped) {
            0 => vec![],
            count @ 1..=MAX_PAIRS => all_pairs(history, count as usize),
            _ => drawn_pairs(history, seed),
        };
        let mut sample = Self {
            storage_index: vec![NO_EVENT; run.len()],
            stored_events: 0,
            pairs,
        };
        for event in sample.pairs.as_flattened() {
            let storage_index = &mut sample.storage_index[*event as usize];
            if *storage_index == NO_EVENT {
                *storage_index = sample.stored_events as u32;
                sample.stored_events += 1;
            }
        }
        sample
    }
}

/// For each machine, the range of the indices of its events after the warm-up.
fn logs_after_warm_up<'h>(
    history: &'h History<'_>,
) -> impl Iterator<Item = std::ops::Range<u32>> + 'h {
    // `skipped` is the number of the machine's events in the warm-up.
    let logs = std::iter::zip(history.run.logs(), &*history.skipped);
    logs.map(|(log, skipped)| log.start as u32 + skipped..log.end as u32)
}

/// All pairs of events of different machines. `count` is the number of these pairs.
fn all_pairs(history: &History<'_>, count: usize) -> Vec<[u32; 2]> {
    let mut pairs = Vec::with_capacity(count);
    for (machine, log) in logs_after_warm_up(history).enumerate() {
        for other in logs_after_warm_up(history).skip(machine + 1) {
            let pairs_with = |a| other.clone().map(move |b| [a, b]);
            pairs.extend(log.clone().flat_map(pairs_with));
        }
    }
    pairs
}

/// Draws [`MAX_PAIRS`] pairs of events of different machines. The two events of a pair are drawn independently. If they are of the same
/// machine, both are discarded and two new events are drawn. So all pairs are equally likely. The same pair can be drawn more than once.
fn drawn_pairs(history: &History<'_>, seed: u64) -> Vec<[u32; 2]> {
    let events: Vec<u32> = logs_after_warm_up(history).flatten().collect();
    let machine = &history.run.events().machine;
    // Each run has a random stream for its pairs. This stream differs from the streams that the simulator used for the run.
    let key = format!("pairs of events: {}", history.run.row().key);
    let mut random = random::run_stream(seed, &key);
    let mut draw = || events[random.random_range(0..events.len())];
    let mut pairs = Vec::with_capacity(MAX_PAIRS as usize);
    while pairs.len() < MAX_PAIRS as usize {
        let pair = [draw(), draw()];
        if machine[pair[0] as usize] != machine[pair[1] as usize] {
            pairs.push(pair);
        }
    }
    pairs
}
