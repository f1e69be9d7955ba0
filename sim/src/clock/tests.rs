//! What the clocks promise, on random executions, and comparisons with other programs' clocks.

mod execution;
mod oracles;

use proptest::prelude::*;

use super::interval_tree::IdTree;
use super::*;
use crate::machine::MachineIndex;
use execution::{Execution, Reachable, execution};

/// Checks every pair of events of different machines: `is_before` must be true if the first happened before the second, and, for clocks
/// that characterise causality, only then.
fn check<T: Timestamp>(execution: &Execution, timestamps: &[T], characterises: bool) {
    let reachable = Reachable::new(execution);
    for (a, b) in execution.pairs_across_machines() {
        let is_before = timestamps[a].is_before(&timestamps[b]);
        if reachable.happened_before(a, b) {
            assert!(is_before, "{a} happened before {b}");
        } else if characterises {
            assert!(!is_before, "{a} did not happen before {b}");
        }
    }
}

/// A clock for each machine.
fn each<C>(execution: &Execution, new: impl Fn(MachineIndex, u32) -> C) -> Vec<C> {
    let machines = execution.machines;
    (0..machines)
        .map(|machine| new(machine, machines))
        .collect()
}

macro_rules! replay {
    ($execution:expr, $new:expr) => {
        $execution.replay(each($execution, $new))
    };
}

proptest! {
    #[test]
    fn clocks_of_causality_order_exactly_the_pairs_that_happened_before(execution in execution(1..7, 0..60)) {
        let execution = &execution;
        check(execution, &replay!(execution, VectorClock::new), true);
        check(execution, &replay!(execution, MatrixClock::new), true);
        check(execution, &replay!(execution, EncodedClock::new), true);
        check(execution, &replay!(execution, IntervalTreeClock::new), true);
        let without_bound = |machine, machines| HybridVectorClock::new(machine, machines, i64::MAX);
        check(execution, &replay!(execution, without_bound), true);
    }

    #[test]
    fn all_other_logical_clocks_order_at_least_the_pairs_that_happened_before(
        execution in execution(1..7, 0..60),
        counters in 1u32..20,
        hashes in 0u32..4,
        entries in 1u32..5,
        epsilon in 0i64..30,
    ) {
        let execution = &execution;
        check(execution, &replay!(execution, |_, _| LamportClock::default()), false);
        check(execution, &replay!(execution, |_, _| HybridClock::default()), false);
        let plausible = |machine, _| PlausibleClock::new(machine, entries);
        check(execution, &replay!(execution, plausible), false);
        let hybrid_vector = |machine, machines| HybridVectorClock::new(machine, machines, epsilon);
        check(execution, &replay!(execution, hybrid_vector), false);
        if hashes > 0 {
            let bloom = |machine, _| BloomClock::new(machine, counters, hashes);
            check(execution, &replay!(execution, bloom), false);
        }
    }

    #[test]
    fn a_plausible_clock_is_between_lamports_clock_and_a_vector_clock(execution in execution(1..7, 0..60)) {
        let execution = &execution;
        let one = replay!(execution, |machine, _| PlausibleClock::new(machine, 1));
        let lamport = replay!(execution, |_, _| LamportClock::default());
        for (one, lamport) in std::iter::zip(one, lamport) {
            prop_assert_eq!(one.components(), &[lamport.value()][..]);
        }
        let all = replay!(execution, PlausibleClock::new);
        prop_assert_eq!(all, replay!(execution, VectorClock::new));
    }

    /// The bounds of the source: l - pt is at most epsilon, and c is at most N (epsilon + 1), if each physical clock advances between two
    /// events of its machine.
    #[test]
    fn hybrid_clocks_stay_within_their_bounds(execution in execution(1..7, 0..60)) {
        let clocks = vec![HybridClock::default(); execution.machines as usize];
        let epsilon = execution.epsilon();
        let timestamps = execution.replay(clocks);
        for (clock, &now) in std::iter::zip(&timestamps, &execution.readings) {
            prop_assert!((0..=epsilon).contains(&(clock.time() - now)));
            let most = i64::from(execution.machines) * (epsilon + 1);
            prop_assert!(clock.count() as i64 <= most, "{} > {}", clock.count(), most);
        }
    }

    /// The own entry is always stored, and every entry if epsilon is large.
    #[test]
    fn hybrid_vector_clocks_keep_entries_up_to_the_age_epsilon(execution in execution(1..7, 0..60), epsilon in 0i64..30) {
        let kept = |epsilon| {
            let clocks = each(&execution, |machine, machines| HybridVectorClock::new(machine, machines, epsilon));
            let timestamps = execution.replay(clocks);
            timestamps.iter().map(Timestamp::numbers).collect::<Vec<_>>()
        };
        let (few, more) = (kept(epsilon), kept(2 * epsilon));
        prop_assert!(few.iter().all(|&kept| (1..=u64::from(execution.machines)).contains(&kept)));
        prop_assert!(std::iter::zip(few, more).all(|(few, more)| few <= more));
        prop_assert!(kept(0).iter().all(|&kept| kept == 1));
    }

    #[test]
    fn physical_clocks_never_differ_by_more_than_epsilon(seed: u64, epsilon in 0u64..1_000_000_000, at in 0i64..60_000_000_000, resolution in 1u64..1_000_000) {
        let draw = |machine, epsilon| PhysicalTime::draw((seed, "key"), machine, epsilon, 60_000_000_000, resolution);
        let readings = [0, 1, 2].map(|machine| draw(machine, epsilon).reading(at));
        for reading in readings {
            let error = (reading * resolution as i64 - at).unsigned_abs();
            prop_assert!(error <= epsilon / 2 + resolution + 1, "{}", error);
        }
        prop_assert_eq!(draw(0, 0).reading(at), at / resolution as i64);
    }
}

/// The components of the vector clocks tell of more than a million pairs exactly whether one event happened before the other.
#[test]
fn vector_clocks_are_equal_to_reachability_on_a_million_pairs() {
    let execution = execution::of_a_run("1,2,3,4,5,6", 60);
    assert!(execution.events.len() * execution.events.len() > 1_500_000);
    assert!(execution.pairs_across_machines().count() > 1_000_000);
    check(&execution, &replay!(&execution, VectorClock::new), true);
}

#[test]
fn the_interval_is_shared_completely() {
    for machines in 1..20 {
        let shares = (0..machines).map(|machine| share(&IdTree::of_machine(machine, machines)));
        assert_eq!(shares.sum::<f64>(), 1.0);
    }
}

fn share(id: &IdTree) -> f64 {
    match id {
        IdTree::Zero => 0.0,
        IdTree::One => 1.0,
        IdTree::Halves(left, right) => (share(left) + share(right)) / 2.0,
    }
}

#[test]
fn a_matrix_clock_knows_what_every_machine_knows() {
    let mut clocks = [0, 1].map(|machine| MatrixClock::new(machine, 2));
    clocks[0].advance(0);
    let sent = clocks[0].timestamp();
    clocks[1].receive(&sent, 0);
    assert_eq!(
        clocks[1].known_to_all(0),
        1,
        "machine 1 knows of the send, and that machine 0 knows"
    );
    assert_eq!(clocks[0].known_to_all(0), 0);
    let answer = {
        clocks[1].advance(0);
        clocks[1].timestamp()
    };
    clocks[0].receive(&answer, 0);
    assert_eq!(
        (clocks[0].known_to_all(0), clocks[0].known_to_all(1)),
        (1, 2)
    );
}
