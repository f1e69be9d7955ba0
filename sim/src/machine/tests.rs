//! Tests of a machine alone: what its ticks do, and what it draws.

use super::*;
use crate::experiment::{Rate, Rates};
use crate::random;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn configuration(machines: u32, internal: f64, stamp: StampRule) -> Configuration {
    let rates = vec![Rate::new(1).expect("a rate"); machines as usize];
    let rates = Rates::new(rates).expect("rates");
    let internal = Probability::new(internal).expect("a probability");
    Configuration {
        stamp,
        ..Configuration::new(rates, internal, 1)
    }
}

/// Creates machine 1 of a run.
fn machine(machines: u32, internal: f64, stamp: StampRule) -> Machine {
    let random = random::machine_stream(7, "machine tests", 1);
    Machine::new(1, &configuration(machines, internal, stamp), random)
}

fn message(stamp: u64) -> Message {
    Message {
        sender: 0,
        stamp,
        sent_tick: 3,
    }
}

#[test]
fn takes_one_message_a_tick_in_order_of_arrival() {
    let mut machine = machine(3, 0.7, StampRule::After);
    machine.arrive(message(10), 0, 0);
    machine.arrive(message(4), 0, 0);
    let first = machine.tick(0);
    assert_eq!(
        first,
        Event {
            tick: 0,
            kind: EventKind::Receive(message(10)),
            logical_clock: 11,
            queue_length: 1,
            timestamp: None
        }
    );
    let second = machine.tick(0);
    assert_eq!(
        second,
        Event {
            tick: 1,
            kind: EventKind::Receive(message(4)),
            logical_clock: 12,
            queue_length: 0,
            timestamp: None
        }
    );
}

#[test]
fn a_delayed_message_is_received_after_its_delay_and_never_before_an_earlier_one() {
    let delayed = Configuration {
        delay: Delay::constant(1.0).expect("a delay"),
        ..configuration(3, 1.0, StampRule::After)
    };
    let mut machine = Machine::new(1, &delayed, random::machine_stream(7, "delays", 1));
    let from = |sender, stamp| Message {
        sender,
        ..message(stamp)
    };
    machine.arrive(from(0, 10), 100, 50);
    machine.arrive(from(0, 20), 110, 5);
    machine.arrive(from(2, 30), 120, 10);
    let mut received = |due_ns| match machine.tick(due_ns).kind {
        EventKind::Receive(message) => message.stamp,
        _ => 0,
    };
    // The delays end at 150, 150 (it must wait for the first one) and 130.
    let ticks = [130, 131, 150, 151, 152].map(&mut received);
    assert_eq!(ticks, [0, 30, 0, 10, 20]);
}

#[test]
fn with_probability_1_every_event_is_internal() {
    let mut machine = machine(3, 1.0, StampRule::After);
    assert!((0..1000).all(|_| machine.tick(0).kind == EventKind::Internal));
}

#[test]
fn with_stamp_before_the_timestamp_is_one_less_than_the_clock() {
    for (rule, expected_difference) in [(StampRule::After, 0), (StampRule::Before, 1)] {
        let mut machine = machine(3, 0.0, rule);
        for _ in 0..100 {
            let event = machine.tick(0);
            let EventKind::Send { stamp, .. } = event.kind else {
                panic!("internal at probability 0")
            };
            assert_eq!(event.logical_clock - stamp, expected_difference);
        }
    }
}

/// With three machines and `internal` = 0.7, a tick is like a draw of a number from 1 to 10: three of the numbers mean a send. So each of
/// the three sends (to machine 0, to machine 2, to both) happens in one of ten ticks.
#[test]
fn three_machines_with_p_0_7_send_in_three_of_ten_draws() {
    let mut machine = machine(3, 0.7, StampRule::After);
    let (mut to_0, mut to_2, mut to_all) = (0, 0, 0);
    let ticks = 100_000;
    for _ in 0..ticks {
        match machine.tick(0).kind {
            EventKind::Send {
                recipients: Recipients::One(0),
                ..
            } => to_0 += 1,
            EventKind::Send {
                recipients: Recipients::One(2),
                ..
            } => to_2 += 1,
            EventKind::Send {
                recipients: Recipients::All,
                ..
            } => to_all += 1,
            EventKind::Send { recipients, .. } => panic!("sent to {recipients:?}"),
            EventKind::Internal | EventKind::Receive(_) => {}
        }
    }
    // Binomial(100,000, 0.1) has a standard deviation of 95. The limit is five standard deviations.
    for count in [to_0, to_2, to_all] {
        assert!((count - ticks / 10i32).abs() < 475, "{count} of {ticks}");
    }
}

/// Creates machine 1 of a run with this topology and this rule for sends. It has no internal events if it has neighbours.
fn variant(machines: u32, topology: Topology, sends: Sends) -> Machine {
    let configuration = Configuration {
        topology,
        sends,
        ..configuration(machines, 0.0, StampRule::After)
    };
    Machine::new(1, &configuration, random::machine_stream(7, "variants", 1))
}

/// Counts how often each set of recipients was drawn in 100,000 sends.
fn count_recipient_sets(mut machine: Machine) -> BTreeMap<Vec<MachineIndex>, f64> {
    let mut counts = BTreeMap::new();
    let neighbours = machine.neighbours.clone();
    for _ in 0..100_000 {
        let EventKind::Send { recipients, .. } = machine.tick(0).kind else {
            panic!("internal at probability 0")
        };
        let recipients = recipients.among(&neighbours).to_vec();
        *counts.entry(recipients).or_default() += 1.0;
    }
    counts
}

#[test]
fn all_possible_sets_of_recipients_are_equally_frequent() {
    let cases: [(Topology, Sends, &[&[MachineIndex]]); 9] = [
        (Topology::Mesh, Sends::Unicast, &[&[0], &[2], &[3]]),
        (Topology::Mesh, Sends::Broadcast, &[&[0, 2, 3]]),
        (
            Topology::Mesh,
            Sends::Multicast(2),
            &[&[0, 2], &[0, 3], &[2, 3]],
        ),
        (Topology::Mesh, Sends::Multicast(1), &[&[0], &[2], &[3]]),
        (Topology::Mesh, Sends::Multicast(7), &[&[0, 2, 3]]),
        (Topology::Ring, Sends::Mix, &[&[0], &[0, 2], &[2]]),
        (Topology::Ring, Sends::Unicast, &[&[0], &[2]]),
        (Topology::Star, Sends::Mix, &[&[0]]),
        (Topology::Star, Sends::Multicast(2), &[&[0]]),
    ];
    for (topology, sends, outcomes) in cases {
        let counts = count_recipient_sets(variant(4, topology, sends));
        assert!(counts.keys().eq(outcomes), "{topology} {sends}: {counts:?}");
        let share = 1.0 / outcomes.len() as f64;
        let deviation = (100_000.0 * share * (1.0 - share)).sqrt();
        for count in counts.values() {
            let error = (count - 100_000.0 * share).abs();
            assert!(error <= 5.0 * deviation, "{topology} {sends}: {counts:?}");
        }
    }
}

#[test]
fn only_the_time_keeper_sends_and_always_to_all() {
    let configuration = Configuration {
        topology: Topology::TimeKeeper,
        ..configuration(3, 0.5, StampRule::After)
    };
    let machine = |index| {
        Machine::new(
            index,
            &configuration,
            random::machine_stream(7, "keeper", index),
        )
    };
    let (mut keeper, mut other) = (machine(0), machine(2));
    let mut sends = 0i32;
    for _ in 0..10_000 {
        assert_eq!(other.tick(0).kind, EventKind::Internal);
        if let EventKind::Send { recipients, .. } = keeper.tick(0).kind {
            assert_eq!(recipients, Recipients::All);
            sends += 1;
        }
    }
    // Binomial(10,000, 0.5) has a standard deviation of 50. The limit is five standard deviations.
    assert!((sends - 5_000).abs() < 250, "{sends}");
}

#[test]
fn a_tick_that_receives_all_messages_has_an_event_for_each_and_leaves_later_messages() {
    let configuration = Configuration {
        receive: ReceiveRule::All,
        ..configuration(3, 1.0, StampRule::After)
    };
    let mut machine = Machine::new(1, &configuration, random::machine_stream(7, "all", 1));
    for stamp in [10, 4, 20] {
        machine.arrive(message(stamp), 0, 0);
    }
    let first = machine.tick(0);
    // This message arrives too late for the tick.
    machine.arrive(message(30), 0, 0);
    let rest: Vec<Event> = std::iter::from_fn(|| machine.next_event_in_tick()).collect();
    let logged: Vec<_> = std::iter::once(&first)
        .chain(&rest)
        .map(|event| (event.tick, event.logical_clock, event.queue_length))
        .collect();
    // The late message counts in the queue lengths of the second and the third event.
    assert_eq!(logged, [(0, 11, 2), (0, 12, 2), (0, 21, 1)]);
    assert_eq!(machine.tick(0).logical_clock, 31);
    assert_eq!(machine.next_event_in_tick(), None);
    assert_eq!(machine.tick(0).kind, EventKind::Internal);
}

proptest! {
    #[test]
    fn multicasts_go_to_the_wanted_number_of_different_neighbours(machines in 2u32..30, wanted in 1u32..30, stream in any::<u32>()) {
        let configuration = Configuration {
            sends: Sends::Multicast(wanted),
            ..configuration(machines, 0.0, StampRule::After)
        };
        let mut machine = Machine::new(0, &configuration, random::machine_stream(7, "multicast", stream));
        let neighbours = machine.neighbours.clone();
        for _ in 0..20 {
            let EventKind::Send { recipients, .. } = machine.tick(0).kind else { panic!("internal at probability 0") };
            let peers = recipients.among(&neighbours);
            prop_assert_eq!(peers.len() as u32, wanted.min(machines - 1));
            prop_assert!(peers.is_sorted_by(|a, b| a < b));
            prop_assert!(peers.iter().all(|peer| neighbours.contains(peer)));
            // One recipient is `One`, and all neighbours together are `All`.
            prop_assert_eq!(matches!(recipients, Recipients::Several(_)), (2..machines - 1).contains(&wanted));
        }
    }

    #[test]
    fn every_tick_has_one_event_and_makes_the_clock_larger(
        machines in 2u32..9,
        internal in 0.0f64..=1.0,
        arrivals in prop::collection::vec(prop::collection::vec(0u64..500, 0..3), 1..200),
    ) {
        let mut machine = machine(machines, internal, StampRule::After);
        let (mut last_clock, mut waiting) = (0, 0u64);
        for (tick, stamps) in arrivals.into_iter().enumerate() {
            waiting += stamps.len() as u64;
            for stamp in stamps {
                machine.arrive(message(stamp), 0, 0);
            }
            let event = machine.tick(0);
            prop_assert_eq!(event.tick, tick as u64);
            prop_assert!(event.logical_clock > last_clock);
            prop_assert_eq!(matches!(event.kind, EventKind::Receive(_)), waiting > 0);
            waiting = waiting.saturating_sub(1);
            prop_assert_eq!(event.queue_length, waiting);
            match event.kind {
                EventKind::Receive(received) => prop_assert!(event.logical_clock > received.stamp),
                EventKind::Send { recipients: Recipients::One(peer), .. } => prop_assert!(peer != 1 && peer < machines),
                _ => {}
            }
            last_clock = event.logical_clock;
        }
    }
}
