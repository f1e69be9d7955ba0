//! Compares clocks with those of other programs (the oracles of these tests): the crates `vclock`, `itc` and `uhlc`.
//!
//! Encoded vector clocks are tested in another way. Such a clock is an integer, for example 20 = 2^2 * 3^0 * 5^1, but this project stores
//! only the exponents (2, 0 and 1). The test calculates the integers, and checks with them what the clocks' functions `is_before` and
//! `bits` return.

use std::cell::Cell;
use std::cmp::Ordering;

use itc::IntervalTreeClock as _;
use proptest::prelude::*;
use vclock::VClock;

use super::execution::{Execution, execution};
use super::*;
use crate::clock::encoded::{EncodedTimestamp, primes};
use crate::clock::interval_tree::{EventTree, IdTree};

/// The timestamps of all events with the vector clocks of the crate `vclock`.
fn vclock_timestamps(execution: &Execution) -> Vec<VClock<u32, u64>> {
    let mut clocks = vec![VClock::default(); execution.machines as usize];
    let mut timestamps: Vec<VClock<u32, u64>> = vec![];
    for event in &execution.events {
        let clock: &mut VClock<u32, u64> = &mut clocks[event.machine as usize];
        if let Some(send) = event.receives {
            clock.merge(&timestamps[send]);
        }
        clock.incr(&event.machine);
        timestamps.push(clock.clone());
    }
    timestamps
}

/// Converts a machine's part of the interval to the type of the crate `itc`. (Interval tree clocks divide the interval from 0 to 1 among
/// the machines.)
fn to_itc_id(id: &IdTree) -> itc::IdTree {
    match id {
        IdTree::Zero => itc::IdTree::zero(),
        IdTree::One => itc::IdTree::one(),
        IdTree::Halves(left, right) => {
            itc::IdTree::node(Box::new(to_itc_id(left)), Box::new(to_itc_id(right)))
        }
    }
}

/// Converts a tree of events to the type of the crate `itc`.
fn to_itc_events(tree: &EventTree) -> itc::EventTree {
    match tree {
        EventTree::Leaf(number) => itc::EventTree::leaf(*number as u32),
        EventTree::Node(number, left, right) => itc::EventTree::node(
            *number as u32,
            Box::new(to_itc_events(left)),
            Box::new(to_itc_events(right)),
        ),
    }
}

/// The timestamps that the interval tree clocks of the crate `itc` give to the events. A timestamp does not contain the machine's part of
/// the interval.
fn itc_timestamps(execution: &Execution) -> Vec<itc::Stamp> {
    let id = |machine| to_itc_id(&IdTree::for_machine(machine, execution.machines));
    let first_stamp = |machine| itc::Stamp::new(id(machine), itc::EventTree::zero());
    let mut stamps: Vec<itc::Stamp> = (0..execution.machines).map(first_stamp).collect();
    let mut timestamps: Vec<itc::Stamp> = vec![];
    for event in &execution.events {
        let stamp = &mut stamps[event.machine as usize];
        if let Some(send) = event.receives {
            *stamp = stamp.join(&timestamps[send]);
        }
        *stamp = stamp.event();
        // `peek` returns two stamps. The first one has the events of the clock, and no part of the interval.
        timestamps.push(stamp.peek().0);
    }
    timestamps
}

// The time of the present event. The crate `uhlc` reads the physical time by calling a function without arguments, and this function
// reads `NOW`.
thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// Number of bits of the counter in a timestamp of `uhlc`. The timestamp is one number: the counter is in its lowest bits, and the time in
/// the bits above.
const COUNTER_BITS: u8 = uhlc::CSIZE;

/// The timestamps of all events with the hybrid logical clocks of the crate `uhlc`, each as one number. `None` for receives, which get no
/// timestamps from the crate.
fn uhlc_timestamps(execution: &Execution) -> Vec<Option<u64>> {
    let physical_clock = || uhlc::NTP64((NOW.get() as u64) << COUNTER_BITS);
    let new = |_| {
        let builder = uhlc::HLCBuilder::new().with_clock(physical_clock);
        // The crate refuses messages whose time is too far ahead. With this limit of many years it refuses none.
        builder
            .with_max_delta(std::time::Duration::from_secs(1 << 30))
            .build()
    };
    let clocks: Vec<uhlc::HLC> = (0..execution.machines).map(new).collect();
    let mut timestamps: Vec<Option<uhlc::Timestamp>> = vec![];
    for (event, &now) in std::iter::zip(&execution.events, &execution.readings) {
        NOW.set(now);
        let clock = &clocks[event.machine as usize];
        timestamps.push(match event.receives.map(|send| &timestamps[send]) {
            Some(sent) => {
                let sent = sent.as_ref().expect("a send has a timestamp");
                clock
                    .update_with_timestamp(sent)
                    .expect("a time that is not too far ahead");
                None
            }
            None => Some(clock.new_timestamp()),
        });
    }
    let number = |timestamp: &uhlc::Timestamp| timestamp.get_time().as_u64();
    timestamps
        .iter()
        .map(|timestamp| timestamp.as_ref().map(number))
        .collect()
}

/// The integer of an encoded vector clock: for the exponents 2, 0 and 1 it is 2^2 * 3^0 * 5^1 = 20. It must have at most 128 bits.
fn integer(timestamp: &EncodedTimestamp) -> u128 {
    let power = |(&exponent, prime): (&u64, u64)| u128::from(prime).pow(exponent as u32);
    std::iter::zip(timestamp.exponents(), primes())
        .map(power)
        .product()
}

proptest! {
    #[test]
    fn vector_clocks_are_equal_to_those_of_vclock(execution in execution(1..7, 0..60)) {
        let ours = execution.replay(new_clocks(&execution, VectorClock::new));
        let theirs = vclock_timestamps(&execution);
        for (ours, theirs) in std::iter::zip(&ours, &theirs) {
            for (machine, &number) in ours.components().iter().enumerate() {
                // The crate numbers the events of a machine from 0. If the last event has the number 4, there are 5 events.
                let events = theirs.get(&(machine as u32)).map_or(0, |last| last + 1);
                prop_assert_eq!(number, events);
            }
        }
        for (a, b) in execution.pairs_across_machines() {
            let is_less = theirs[a].partial_cmp(&theirs[b]) == Some(Ordering::Less);
            prop_assert_eq!(ours[a].is_before(&ours[b]), is_less);
        }
    }

    #[test]
    fn interval_tree_clocks_are_equal_to_those_of_itc(execution in execution(1..9, 0..60)) {
        let ours = execution.replay(new_clocks(&execution, IntervalTreeClock::new));
        for (ours, theirs) in std::iter::zip(&ours, itc_timestamps(&execution)) {
            let ours = itc::Stamp::new(itc::IdTree::zero(), to_itc_events(ours));
            prop_assert_eq!(ours.to_string(), theirs.to_string());
        }
    }

    /// `a.is_before(b)` is true if and only if the integer of `a` divides the integer of `b` and the two integers differ. `bits` is the
    /// length of the integer. The integer has at most one prime factor for each event, and there are at most 29 events. The largest prime
    /// is 13, that of the sixth machine. So the integer is at most 13^29, which has 108 bits and fits into `u128`.
    #[test]
    fn an_encoded_clock_is_before_another_if_its_integer_divides_the_other(execution in execution(1..7, 0..30)) {
        let ours = execution.replay(new_clocks(&execution, EncodedClock::new));
        let integers: Vec<u128> = ours.iter().map(integer).collect();
        for (ours, integer) in std::iter::zip(&ours, &integers) {
            prop_assert_eq!(ours.bits(), u64::from(u128::BITS - integer.leading_zeros()));
        }
        for (a, b) in execution.pairs_across_machines() {
            let divides = integers[a] != integers[b] && integers[b].is_multiple_of(integers[a]);
            prop_assert_eq!(ours[a].is_before(&ours[b]), divides);
        }
    }
}

#[test]
fn hybrid_logical_clocks_are_equal_to_those_of_uhlc() {
    let config = ProptestConfig::default();
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let compared = Cell::new(0);
    let test = |execution: Execution| {
        let ours = execution.replay(vec![HybridClock::default(); execution.machines as usize]);
        // The counter of `uhlc` has 4 bits. A counter of 16 or more would change the bits of the time, so executions with such a counter
        // are skipped.
        let fits = ours.iter().all(|clock| clock.count() < 1 << COUNTER_BITS);
        prop_assume!(fits);
        compared.set(compared.get() + 1);
        for (ours, theirs) in std::iter::zip(&ours, uhlc_timestamps(&execution)) {
            if let Some(theirs) = theirs {
                prop_assert_eq!(
                    ((ours.time() as u64) << COUNTER_BITS) + ours.count(),
                    theirs
                );
            }
        }
        Ok(())
    };
    runner
        .run(&execution(1..7, 0..30), test)
        .expect("they are equal");
    // Enough executions were compared: by default 256, because proptest replaces each skipped execution by another one.
    assert!(compared.get() > 100, "{}", compared.get());
}
