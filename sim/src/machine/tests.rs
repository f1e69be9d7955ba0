//! Tests of a machine alone: what its ticks do, and what it draws. In most tests messages have no delay. Then the times at which ticks
//! are due do not matter, and are 0.

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
    // The arguments are a seed, a text (any text will do here), and the number of the machine.
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

/// Lets a message with this stamp arrive. The machine's messages must have no delay. Then the time of the send does not matter.
fn arrive(machine: &mut Machine, stamp: u64) {
    let (sent_ns, delay_ns) = (0, 0);
    machine.arrive(message(stamp), sent_ns, delay_ns);
}

#[test]
fn a_tick_takes_one_message_and_messages_are_taken_in_order_of_arrival() {
    let mut machine = machine(3, 0.7, StampRule::After);
    arrive(&mut machine, 10);
    arrive(&mut machine, 4);
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
fn a_message_is_received_after_its_delay_and_never_before_an_earlier_message_of_its_sender() {
    let delayed = Configuration {
        // Any delay above 0 makes messages wait in the network. The length of this delay (1 s) is not used: the calls of `machine.arrive`
        // below say how long each message travels.
        delay: Delay::constant(1.0).expect("a delay"),
        ..configuration(3, 1.0, StampRule::After)
    };
    let mut machine = Machine::new(1, &delayed, random::machine_stream(7, "delays", 1));
    // Each message: sender, stamp, the time at which it was sent, and its delay.
    let messages = [(0, 10, 100, 50), (0, 20, 110, 5), (2, 30, 120, 10)];
    for (sender, stamp, sent_ns, delay_ns) in messages {
        let sent = Message {
            sender,
            ..message(stamp)
        };
        machine.arrive(sent, sent_ns, delay_ns);
    }
    // Returns the stamp of the message that a tick receives; 0 if the tick receives no message.
    let mut received_stamp = |due_ns| match machine.tick(due_ns).kind {
        EventKind::Receive(message) => message.stamp,
        _ => 0,
    };
    // The delays end at 150 ns, 115 ns and 130 ns. The second message waits until 150 ns, because it must not overtake the first one. A
    // tick receives only messages whose delay ended before the tick is due. So the tick at 130 ns does not receive the third message yet.
    let received_stamps = [130, 131, 150, 151, 152].map(&mut received_stamp);
    assert_eq!(received_stamps, [0, 30, 0, 10, 20]);
}

#[test]
fn with_probability_1_every_event_is_internal() {
    let mut machine = machine(3, 1.0, StampRule::After);
    assert!((0..1000).all(|_| machine.tick(0).kind == EventKind::Internal));
}

#[test]
fn a_message_carries_the_clock_after_or_before_the_send_as_the_stamp_rule_says() {
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
fn three_machines_with_internal_0_7_send_at_three_of_ten_ticks() {
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

/// Creates machine 1 of a run with this topology and this rule for sends. If the machine has neighbours, it has no internal events.
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
    // Machine 1 of 4 has these neighbours: 0, 2 and 3 in a mesh, 0 and 2 in a ring, and 0 in a star. Each case ends with the possible sets
    // of recipients, in the order of the keys of a `BTreeMap`: [0], [0, 2], [2].
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
        // The standard deviation of a binomial count.
        let deviation = (100_000.0 * share * (1.0 - share)).sqrt();
        for count in counts.values() {
            let error = (count - 100_000.0 * share).abs();
            assert!(error <= 5.0 * deviation, "{topology} {sends}: {counts:?}");
        }
    }
}

/// In the topology `TimeKeeper`, machine 0 is the time keeper.
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
        arrive(&mut machine, stamp);
    }
    let first = machine.tick(0);
    // This message arrives too late for the tick.
    arrive(&mut machine, 30);
    let others: Vec<Event> = std::iter::from_fn(|| machine.next_event_in_tick()).collect();
    let logged: Vec<_> = std::iter::once(&first)
        .chain(&others)
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
        // `stream` is used instead of the machine's number. It is random, so that each case draws other recipients.
        let mut machine = Machine::new(0, &configuration, random::machine_stream(7, "multicast", stream));
        let neighbours = machine.neighbours.clone();
        for _ in 0..20 {
            let EventKind::Send { recipients, .. } = machine.tick(0).kind else { panic!("internal at probability 0") };
            let peers = recipients.among(&neighbours);
            prop_assert_eq!(peers.len() as u32, wanted.min(machines - 1));
            // With `<`, no peer can occur twice.
            prop_assert!(peers.is_sorted_by(|a, b| a < b));
            prop_assert!(peers.iter().all(|peer| neighbours.contains(peer)));
            // `Several` means at least two recipients, but not all neighbours: one recipient is `One`, and all neighbours are `All`.
            prop_assert_eq!(matches!(recipients, Recipients::Several(_)), (2..machines - 1).contains(&wanted));
        }
    }

    #[test]
    fn every_tick_has_one_event_and_makes_the_clock_larger(
        machines in 2u32..9,
        internal in 0.0f64..=1.0,
        // For each tick, the stamps of the messages that arrive before it.
        arrivals in prop::collection::vec(prop::collection::vec(0u64..500, 0..3), 1..200),
    ) {
        let mut machine = machine(machines, internal, StampRule::After);
        let (mut last_clock, mut waiting) = (0, 0u64);
        for (tick, stamps) in arrivals.into_iter().enumerate() {
            waiting += stamps.len() as u64;
            for stamp in stamps {
                arrive(&mut machine, stamp);
            }
            let event = machine.tick(0);
            prop_assert_eq!(event.tick, tick as u64);
            prop_assert!(event.logical_clock > last_clock);
            prop_assert_eq!(matches!(event.kind, EventKind::Receive(_)), waiting > 0);
            waiting = waiting.saturating_sub(1);
            prop_assert_eq!(event.queue_length, waiting);
            match event.kind {
                EventKind::Receive(received) => prop_assert!(event.logical_clock > received.stamp),
                // `machine` is machine 1, which must not send to itself.
                EventKind::Send { recipients: Recipients::One(peer), .. } => prop_assert!(peer != 1 && peer < machines),
                _ => {}
            }
            last_clock = event.logical_clock;
        }
    }
}
