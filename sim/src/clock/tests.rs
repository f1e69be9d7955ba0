//! Tests of all clocks on random executions: whether they order events as promised in the papers that define them, and whether they give
//! the same results as the clocks of other programs.

mod execution;
mod oracles;

use proptest::prelude::*;

use super::interval_tree::IdTree;
use super::*;
use crate::machine::MachineIndex;
use execution::{CausalPast, Execution, execution};

/// Which pairs of events a clock promises to order.
#[derive(Clone, Copy, PartialEq)]
enum Promise {
    /// All pairs of which the first event happened before the second, and no others.
    Exactly,
    /// All pairs of which the first event happened before the second, and maybe others.
    AtLeast,
}

use Promise::{AtLeast, Exactly};

/// Checks the promise of a clock for all pairs of events of different machines, in both orders. (Clocks need not compare the timestamps of
/// two events of one machine.)
fn check_order<T: Timestamp>(execution: &Execution, timestamps: &[T], promise: Promise) {
    let past = CausalPast::new(execution);
    for (a, b) in execution.pairs_across_machines() {
        let is_before = timestamps[a].is_before(&timestamps[b]);
        if past.happened_before(a, b) {
            assert!(is_before, "{a} happened before {b}");
        } else if promise == Exactly {
            assert!(!is_before, "{a} did not happen before {b}");
        }
    }
}

/// Makes a clock for each machine with `new(machine, number of machines)`.
fn new_clocks<C>(execution: &Execution, new: impl Fn(MachineIndex, u32) -> C) -> Vec<C> {
    let machines = execution.machines;
    (0..machines)
        .map(|machine| new(machine, machines))
        .collect()
}

/// The timestamps of all events of an execution, with clocks that `$new` makes (see [`new_clocks`]).
macro_rules! replay {
    ($execution:expr, $new:expr) => {
        $execution.replay(new_clocks($execution, $new))
    };
}

proptest! {
    #[test]
    fn exact_clocks_order_a_pair_if_and_only_if_its_first_event_happened_before_the_second(execution in execution(1..7, 0..60)) {
        let execution = &execution;
        check_order(execution, &replay!(execution, VectorClock::new), Exactly);
        check_order(execution, &replay!(execution, MatrixClock::new), Exactly);
        check_order(execution, &replay!(execution, EncodedClock::new), Exactly);
        check_order(execution, &replay!(execution, IntervalTreeClock::new), Exactly);
        // Epsilon is the largest difference of two physical clocks. So a machine knows without any message that the other clocks show at
        // least its own time minus epsilon. If epsilon is unlimited, a machine learns other machines' times only from messages, so its
        // clock is as exact as a vector clock.
        let without_bound = |machine, machines| HybridVectorClock::new(machine, machines, i64::MAX);
        check_order(execution, &replay!(execution, without_bound), Exactly);
    }

    #[test]
    fn other_logical_clocks_order_every_pair_whose_first_event_happened_before_the_second(
        execution in execution(1..7, 0..60),
        counters in 1u32..20,
        hashes in 1u32..4,
        entries in 1u32..5,
        epsilon in 0i64..30,
    ) {
        let execution = &execution;
        check_order(execution, &replay!(execution, |_, _| LamportClock::default()), AtLeast);
        check_order(execution, &replay!(execution, |_, _| HybridClock::default()), AtLeast);
        let plausible = |machine, _| PlausibleClock::new(machine, entries);
        check_order(execution, &replay!(execution, plausible), AtLeast);
        let hybrid_vector = |machine, machines| HybridVectorClock::new(machine, machines, epsilon);
        check_order(execution, &replay!(execution, hybrid_vector), AtLeast);
        let bloom = |machine, _| BloomClock::new(machine, counters, hashes);
        check_order(execution, &replay!(execution, bloom), AtLeast);
    }

    #[test]
    fn a_plausible_clock_with_one_entry_is_a_lamport_clock_and_with_all_entries_a_vector_clock(execution in execution(1..7, 0..60)) {
        let execution = &execution;
        let one = replay!(execution, |machine, _| PlausibleClock::new(machine, 1));
        let lamport = replay!(execution, |_, _| LamportClock::default());
        for (one, lamport) in std::iter::zip(one, lamport) {
            prop_assert_eq!(one.components(), &[lamport.value()][..]);
        }
        let all = replay!(execution, PlausibleClock::new);
        prop_assert_eq!(all, replay!(execution, VectorClock::new));
    }

    /// The paper about hybrid clocks gives two bounds. They hold if each physical clock advances between any two events of its machine, as
    /// it does in these executions. First, the hybrid clock's time is ahead of its machine's physical clock by at most epsilon (in steps of
    /// the physical clocks). Second, with N machines, the hybrid clock's counter is at most N (epsilon + 1).
    #[test]
    fn hybrid_clocks_stay_within_their_bounds(execution in execution(1..7, 0..60)) {
        let clocks = vec![HybridClock::default(); execution.machines as usize];
        let epsilon = execution.epsilon();
        let timestamps = execution.replay(clocks);
        for (clock, &now) in std::iter::zip(&timestamps, &execution.readings) {
            prop_assert!((0..=epsilon).contains(&(clock.time() - now)));
            let max_counter = i64::from(execution.machines) * (epsilon + 1);
            prop_assert!(clock.count() as i64 <= max_counter, "{} > {}", clock.count(), max_counter);
        }
    }

    /// In a message, a timestamp always stores the entry of its own machine. With epsilon 0 it stores no other entry. If epsilon is doubled,
    /// it stores as many entries as before, or more.
    #[test]
    fn hybrid_vector_clocks_store_more_entries_with_a_larger_epsilon(execution in execution(1..7, 0..60), epsilon in 0i64..30) {
        let stored_entries = |epsilon| {
            let clocks = new_clocks(&execution, |machine, machines| HybridVectorClock::new(machine, machines, epsilon));
            let timestamps = execution.replay(clocks);
            timestamps.iter().map(Timestamp::numbers).collect::<Vec<_>>()
        };
        let (few, more) = (stored_entries(epsilon), stored_entries(2 * epsilon));
        prop_assert!(few.iter().all(|&stored| (1..=u64::from(execution.machines)).contains(&stored)));
        prop_assert!(std::iter::zip(few, more).all(|(few, more)| few <= more));
        prop_assert!(stored_entries(0).iter().all(|&stored| stored == 1));
    }

    #[test]
    fn physical_clocks_never_differ_by_more_than_epsilon(seed: u64, epsilon in 0u64..1_000_000_000, at in 0i64..60_000_000_000, resolution in 1u64..1_000_000) {
        // The run lasts a minute, and `at` is a time of the run. All times are in nanoseconds, except the readings of clocks: a reading is a
        // number of steps, each of `resolution` nanoseconds.
        let draw = |machine, epsilon| PhysicalTime::draw((seed, "key"), machine, epsilon, 60_000_000_000, resolution);
        let readings = [0, 1, 2].map(|machine| draw(machine, epsilon).reading(at));
        // If no clock is wrong by more than half of epsilon, two clocks differ by at most epsilon.
        for reading in readings {
            let error = (reading * resolution as i64 - at).unsigned_abs();
            // A reading is rounded down to a step (by less than the resolution). The 1 ns allows for rounding to whole nanoseconds.
            prop_assert!(error <= epsilon / 2 + resolution + 1, "{}", error);
        }
        // With epsilon 0 the clock shows the time without an error.
        prop_assert_eq!(draw(0, 0).reading(at), at / resolution as i64);
    }
}

/// For more than a million pairs of events of a simulated run, vector clocks say exactly whether the first event happened before the
/// second.
#[test]
fn vector_clocks_order_a_million_pairs_exactly() {
    let execution = execution::of_simulated_run("1,2,3,4,5,6", 60);
    // The run has more than 1.5 million pairs of events. Only pairs with events of different machines are checked: more than a million.
    assert!(execution.events.len() * execution.events.len() > 1_500_000);
    assert!(execution.pairs_across_machines().count() > 1_000_000);
    check_order(&execution, &replay!(&execution, VectorClock::new), Exactly);
}

/// Interval tree clocks divide the interval from 0 to 1 among the machines.
#[test]
fn the_parts_of_all_machines_add_up_to_the_whole_interval() {
    for machines in 1..20 {
        let lengths = (0..machines).map(|machine| length(&IdTree::for_machine(machine, machines)));
        // Each length is a power of 1/2, so the sum has no rounding error.
        assert_eq!(lengths.sum::<f64>(), 1.0);
    }
}

/// The length of a part of the interval from 0 to 1.
fn length(part: &IdTree) -> f64 {
    match part {
        IdTree::Zero => 0.0,
        IdTree::One => 1.0,
        // Each of the two trees describes its half as if the half were the interval from 0 to 1.
        IdTree::Halves(left, right) => (length(left) + length(right)) / 2.0,
    }
}

#[test]
fn a_matrix_clock_knows_which_events_all_machines_know_of() {
    // `clock.events_known_to_all(m)` says how many events of machine m are known to all machines, as far as the clock's machine knows.

    // The physical time, which matrix clocks do not use.
    const NOW: i64 = 0;
    let mut clocks = [0, 1].map(|machine| MatrixClock::new(machine, 2));
    clocks[0].advance(NOW);
    let sent = clocks[0].timestamp();
    clocks[1].receive(&sent, NOW);
    assert_eq!(
        clocks[1].events_known_to_all(0),
        1,
        "machine 1 knows that both machines know of the send"
    );
    assert_eq!(
        clocks[0].events_known_to_all(0),
        0,
        "machine 0 does not know yet that the message was received"
    );
    clocks[1].advance(NOW);
    let answer = clocks[1].timestamp();
    clocks[0].receive(&answer, NOW);
    assert_eq!(
        clocks[0].events_known_to_all(0),
        1,
        "the answer says that machine 1 knows of the first send"
    );
    assert_eq!(
        clocks[0].events_known_to_all(1),
        2,
        "both machines know of machine 1's receive and send"
    );
}
