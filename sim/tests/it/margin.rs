//! Tests of the margin of a run. The order of two ticks matters if another order could change the events. The margin is the shortest time
//! between two ticks whose order matters.
//!
//! If the largest lateness of a tick plus the largest latency of a message is less than the margin, a run over TCP has the same events as
//! the virtual run, which is simulated without any lateness or latency.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::engine::virtual_time;
use sim::experiment::{
    Configuration, Delay, Internal, MachineIndex, PhaseRule, Rate, Rates, ReceiveRule, Run,
    Schedule, Sends, Topology,
};
use sim::machine::{Event, EventKind, Machine, Message};
use sim::random::machine_stream;

const SEED: u64 = 262;

/// Returns a run of 20 s whose machines have these rates, in millionths of a tick per second. `change` may change the configuration.
fn run(micro_hertz: &[u64], change: impl FnOnce(&mut Configuration)) -> Run {
    let rates = micro_hertz
        .iter()
        .map(|&rate| Rate::from_micro_hertz(rate).expect("a rate"));
    let mut configuration = Configuration {
        rates: Rates::new(rates.collect()).expect("rates"),
        internal: "0.3".parse().expect("a probability"),
        duration_ns: 20_000_000_000,
        ..Configuration::default()
    };
    change(&mut configuration);
    Run {
        index: 0,
        configuration: Arc::new(configuration),
        repetition: 0,
    }
}

/// Returns the margin of a run of 20 s whose machines have these rates, in whole ticks per second.
fn margin_ns(rates: &[u64], change: impl FnOnce(&mut Configuration)) -> u64 {
    let micro_hertz: Vec<u64> = rates.iter().map(|rate| rate * 1_000_000).collect();
    run(&micro_hertz, change).schedule(SEED).margin_ns()
}

#[test]
fn ticks_at_the_same_time_leave_no_margin() {
    assert_eq!(margin_ns(&[1, 3, 6], |c| c.phase = PhaseRule::Aligned), 0);
}

#[test]
fn without_two_ticks_whose_order_matters_the_margin_is_the_duration() {
    let forbid_sends = |c: &mut Configuration| c.internal = "1".parse().expect("a probability");
    assert_eq!(margin_ns(&[1, 3, 6], forbid_sends), 20_000_000_000);
    // In 20 ms, a machine with 50 ticks per second has one tick. The other machine, with 0.001 ticks per second, has no tick yet.
    let make_short = |c: &mut Configuration| {
        c.duration_ns = 20_000_000;
        c.phase = PhaseRule::Uniform;
    };
    let schedule = run(&[50_000_000, 1_000], make_short).schedule(SEED);
    assert_eq!((schedule.ticks(0), schedule.ticks(1)), (1, 0));
    assert_eq!(schedule.margin_ns(), 20_000_000);
}

/// Returns whether the order of the ticks of machines `a` and `b` matters: by the topology, one of them may send to the other, or both may
/// send to the same third machine. There is one exception: if `internal` is 1 for all machines with neighbours, nobody sends, and no order
/// matters. Apart from this case, the values of `internal` are ignored.
fn order_matters(configuration: &Configuration, a: MachineIndex, b: MachineIndex) -> bool {
    let may_send = |from, to| configuration.neighbours(from).contains(&to);
    let mut machines = 0..configuration.rates.machines();
    let somebody_sends = machines.clone().any(|machine| {
        let has_sends = configuration.internal.at(machine as usize).value() < 1.0;
        has_sends && !configuration.neighbours(machine).is_empty()
    });
    let is_common_recipient = |c| may_send(a, c) && may_send(b, c);
    somebody_sends && (may_send(a, b) || may_send(b, a) || machines.any(is_common_recipient))
}

/// Computes the margin of a run by comparing every tick with every tick of the other machines.
fn margin_by_brute_force_ns(configuration: &Configuration, schedule: &Schedule) -> u64 {
    let due_times = |machine: MachineIndex| {
        let machine = machine as usize;
        (0..schedule.ticks(machine)).map(move |tick| schedule.due_ns(machine, tick))
    };
    let machines = configuration.rates.machines();
    let pairs = (0..machines).flat_map(|a| (a + 1..machines).map(move |b| (a, b)));
    let gaps = pairs
        .filter(|&(a, b)| order_matters(configuration, a, b))
        .flat_map(|(a, b)| {
            due_times(a).flat_map(move |due_a| due_times(b).map(move |due_b| due_a.abs_diff(due_b)))
        });
    gaps.min().unwrap_or(configuration.duration_ns)
}

/// A tick of a machine, or the arrival of a message at a machine. Happenings are ordered by their time, because
/// `time_ns` is the first field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Happening {
    time_ns: u64,
    machine: MachineIndex,
    /// The message that arrives. `None` if the machine ticks.
    arrival: Option<Arrival>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    message: Message,
    /// When the tick that sent the message was due.
    sent_ns: u64,
    /// The delay that the experiment gives the message (parameter `delay_s`). The message can arrive before the end of this delay. Then
    /// the recipient holds the message back until `sent_ns + delay_ns`.
    delay_ns: u64,
}

/// Simulates a run as it may happen over TCP: every tick is at most `lateness_ns` late, and every message arrives at most `latency_ns`
/// after the tick that sent it. Returns the events of each machine.
fn run_late(
    run: &Run,
    lateness_ns: u64,
    latency_ns: u64,
    random: &mut impl rand::Rng,
) -> Vec<Vec<Event>> {
    let schedule = run.schedule(SEED);
    let count = schedule.machines() as u32;
    let mut machines: Vec<Machine> = (0..count)
        .map(|index| {
            let stream = machine_stream(SEED, &run.stream_key(), index);
            Machine::new(index, &run.configuration, stream)
        })
        .collect();
    // `Reverse` makes the heap return the earliest happening first.
    let mut agenda: BinaryHeap<Reverse<Happening>> = BinaryHeap::new();
    for machine in 0..count {
        let mut last_ns = 0;
        for tick in 0..schedule.ticks(machine as usize) {
            let tick_ns =
                schedule.due_ns(machine as usize, tick) + random.random_range(0..=lateness_ns);
            // The ticks of a machine stay in their order.
            last_ns = tick_ns.max(last_ns + 1);
            agenda.push(Reverse(Happening {
                time_ns: last_ns,
                machine,
                arrival: None,
            }));
        }
    }
    let mut log = vec![vec![]; count as usize];
    let mut ticks_done = vec![0; count as usize];
    while let Some(Reverse(now)) = agenda.pop() {
        let machine = now.machine;
        let index = machine as usize;
        if let Some(arrival) = now.arrival {
            machines[index].arrive(arrival.message, arrival.sent_ns, arrival.delay_ns);
            continue;
        }
        let due_ns = schedule.due_ns(index, ticks_done[index]);
        ticks_done[index] += 1;
        // As in the engines, `tick` is called with the time at which the tick was due, even if the tick is late. A tick that takes several
        // messages has several events.
        let mut next_event = Some(machines[index].tick(due_ns));
        while let Some(event) = next_event {
            if let EventKind::Send { recipients, stamp } = &event.kind {
                let message = Message {
                    sender: machine,
                    stamp: *stamp,
                    sent_tick: event.tick,
                };
                for &peer in recipients.among(&run.configuration.neighbours(machine)) {
                    let delay_ns = machines[index].draw_delay_ns();
                    agenda.push(Reverse(Happening {
                        time_ns: now.time_ns + random.random_range(0..=latency_ns),
                        machine: peer,
                        arrival: Some(Arrival {
                            message,
                            sent_ns: due_ns,
                            delay_ns,
                        }),
                    }));
                }
            }
            log[index].push(event);
            next_event = machines[index].next_event_in_tick();
        }
    }
    log
}

fn topology() -> impl Strategy<Value = Topology> {
    prop_oneof![
        Just(Topology::Mesh),
        Just(Topology::Ring),
        Just(Topology::Star),
        Just(Topology::TimeKeeper)
    ]
}

fn phase() -> impl Strategy<Value = PhaseRule> {
    prop_oneof![
        Just(PhaseRule::Uniform),
        Just(PhaseRule::Spread),
        Just(PhaseRule::Aligned)
    ]
}

/// The rates of the machines of a run, in millionths of a tick per second. Half of the runs have 2 to 8 machines, with rates such as 3 or
/// 1.25 (whole numbers and quarters of ticks per second). The others have 2 to 5 machines, with any rates from 0.02 to 9 ticks per second.
fn rates() -> impl Strategy<Value = Vec<u64>> {
    let rate = prop_oneof![
        (1u64..=9).prop_map(|hertz| hertz * 1_000_000),
        (1u64..=20).prop_map(|quarters| quarters * 250_000),
    ];
    prop_oneof![
        prop::collection::vec(rate, 2..9),
        prop::collection::vec(20_000u64..=9_000_000, 2..6)
    ]
}

/// Returns a run with these rates and parameters, or `None` if the phase rule `spread` is not possible with the rates.
///
/// `special` chooses one more parameter to change: 0 for `internal`, 1 for `delay_s`, 2 for `receive`, 3 for `sends`, and 4 or 5 for none.
/// With a time-keeper, 3 changes nothing either, because its sends always go to all other machines.
fn configured(
    rates: &[u64],
    (topology, phase, special): (Topology, PhaseRule, u32),
    duration_ns: u64,
    repetition: u32,
) -> Option<Run> {
    let mut run = run(rates, |configuration| {
        configuration.topology = topology;
        configuration.phase = phase;
        configuration.duration_ns = duration_ns;
        match special {
            0 => configuration.internal = "1".parse::<Internal>().expect("a probability"),
            1 => configuration.delay = Delay::uniform(0.0, 0.7).expect("a delay"),
            2 => configuration.receive = ReceiveRule::All,
            3 if topology != Topology::TimeKeeper => configuration.sends = Sends::Multicast(2),
            _ => {}
        }
    });
    run.repetition = repetition;
    // `spread` guarantees a margin if it is possible. So if the guaranteed margin is 0, `spread` is not possible.
    let is_possible = phase != PhaseRule::Spread || run.configuration.guaranteed_margin_ns() > 0;
    is_possible.then_some(run)
}

proptest! {
    #[test]
    fn the_margin_equals_the_margin_by_brute_force(
        rates in rates(),
        variant in (topology(), phase(), 0u32..6),
        duration_ns in prop_oneof![1_000_000u64..2_000_000_000, 2_000_000_000u64..25_000_000_000],
        repetition in 0u32..1000,
    ) {
        let run = configured(&rates, variant, duration_ns, repetition);
        prop_assume!(run.is_some());
        let run = run.expect("assumed");
        let schedule = run.schedule(SEED);
        prop_assert_eq!(schedule.margin_ns(), margin_by_brute_force_ns(&run.configuration, &schedule));
        if run.configuration.phase == PhaseRule::Spread {
            // A tick is due at the time of the machine's first tick plus the length of some periods. This time and this length are both
            // rounded down to whole nanoseconds. So a tick can be due up to 2 ns too early. If only the later one of two ticks is due too
            // early, the time between the two ticks is too short, by up to 2 ns.
            // If no order of ticks matters, the margin is the duration, which may be shorter than the guaranteed margin.
            let guaranteed_ns = run.configuration.guaranteed_margin_ns();
            prop_assert!(schedule.margin_ns() + 2 >= guaranteed_ns.min(duration_ns));
        }
    }

    #[test]
    fn the_events_are_those_of_the_virtual_run_if_lateness_plus_latency_is_below_the_margin(
        rates in rates(),
        variant in (topology(), phase(), 0u32..6),
        duration_ns in 100_000_000u64..12_000_000_000,
        repetition in 0u32..1000,
        lateness_share in 0.0f64..=1.0,
        seed in any::<u64>(),
    ) {
        let run = configured(&rates, variant, duration_ns, repetition);
        prop_assume!(run.is_some());
        let run = run.expect("assumed");
        let margin_ns = run.schedule(SEED).margin_ns();
        prop_assume!(margin_ns > 0);
        // The lateness and the latency together are 1 ns less than the margin.
        let lateness_ns = (lateness_share * (margin_ns - 1) as f64) as u64;
        let latency_ns = margin_ns - 1 - lateness_ns;
        let late_events = run_late(&run, lateness_ns, latency_ns, &mut ChaCha8Rng::seed_from_u64(seed));
        let virtual_log = virtual_time::run(&run, SEED).machines;
        let virtual_events: Vec<Vec<Event>> = virtual_log
            .into_iter()
            .map(|events| events.into_iter().map(|logged| logged.event).collect())
            .collect();
        prop_assert_eq!(late_events, virtual_events);
    }
}
