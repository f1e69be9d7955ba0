//! The margin of a run is the shortest time between two ticks whose order matters. If lateness plus latency is less than the
//! margin, the run has the same events as the virtual run.

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

fn run(micro_hertz: &[u64], change: impl FnOnce(&mut Configuration)) -> Run {
    let rates = micro_hertz
        .iter()
        .filter_map(|&rate| Rate::from_micro_hertz(rate));
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
    let nobody_sends = |c: &mut Configuration| c.internal = "1".parse().expect("a probability");
    assert_eq!(margin_ns(&[1, 3, 6], nobody_sends), 20_000_000_000);
    // At most one machine ticks in the first 20 ms.
    let is_short = |c: &mut Configuration| {
        c.duration_ns = 20_000_000;
        c.phase = PhaseRule::Uniform;
    };
    let schedule = run(&[50_000_000, 1_000], is_short).schedule(SEED);
    assert_eq!((schedule.ticks(0), schedule.ticks(1)), (1, 0));
    assert_eq!(schedule.margin_ns(), 20_000_000);
}

/// Whether the order of two machines' ticks matters: one may send to the other, or both to the same machine.
fn matters(configuration: &Configuration, a: MachineIndex, b: MachineIndex) -> bool {
    let sends = |from, to| configuration.neighbours(from).contains(&to);
    let mut machines = 0..configuration.rates.machines();
    let somebody_sends = machines.clone().any(|machine| {
        let is_internal = configuration.internal.at(machine as usize).value() == 1.0;
        !is_internal && !configuration.neighbours(machine).is_empty()
    });
    let meet = |c| sends(a, c) && sends(b, c);
    somebody_sends && (sends(a, b) || sends(b, a) || machines.any(meet))
}

/// Computes the margin by comparing every tick with every other tick.
fn brute_force_ns(configuration: &Configuration, schedule: &Schedule) -> u64 {
    let due = |machine: MachineIndex| {
        let machine = machine as usize;
        (0..schedule.ticks(machine)).map(move |tick| schedule.due_ns(machine, tick))
    };
    let machines = configuration.rates.machines();
    let pairs = (0..machines).flat_map(|a| (a + 1..machines).map(move |b| (a, b)));
    let gaps = pairs
        .filter(|&(a, b)| matters(configuration, a, b))
        .flat_map(|(a, b)| due(a).flat_map(move |x| due(b).map(move |y| x.abs_diff(y))));
    gaps.min().unwrap_or(configuration.duration_ns)
}

/// Simulates a run as it may happen over TCP: every tick is late by up to `lateness_ns`, and every message is queued up to
/// `latency_ns` after it was sent.
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
    // The time; the machine; for a tick nothing more, and for an arriving message: the message, the time of its send, and its
    // delay.
    type Happening = Reverse<(u64, MachineIndex, Option<(Message, u64, u64)>)>;
    let mut agenda: BinaryHeap<Happening> = BinaryHeap::new();
    for machine in 0..count {
        let mut last_ns = 0;
        for tick in 0..schedule.ticks(machine as usize) {
            let late_ns =
                schedule.due_ns(machine as usize, tick) + random.random_range(0..=lateness_ns);
            last_ns = late_ns.max(last_ns + 1);
            agenda.push(Reverse((last_ns, machine, None)));
        }
    }
    let mut log = vec![vec![]; count as usize];
    let mut done = vec![0; count as usize];
    while let Some(Reverse((now_ns, machine, message))) = agenda.pop() {
        let index = machine as usize;
        if let Some((message, sent_ns, delay_ns)) = message {
            machines[index].arrive(message, sent_ns, delay_ns);
            continue;
        }
        let due_ns = schedule.due_ns(index, done[index]);
        done[index] += 1;
        let mut next = Some(machines[index].tick(due_ns));
        while let Some(event) = next {
            if let EventKind::Send { recipients, stamp } = &event.kind {
                let message = Message {
                    sender: machine,
                    stamp: *stamp,
                    sent_tick: event.tick,
                };
                for &peer in recipients.among(&run.configuration.neighbours(machine)) {
                    let delay_ns = machines[index].draw_delay_ns();
                    let queued_ns = now_ns + random.random_range(0..=latency_ns);
                    agenda.push(Reverse((
                        queued_ns,
                        peer,
                        Some((message, due_ns, delay_ns)),
                    )));
                }
            }
            log[index].push(event);
            next = machines[index].next_event_in_tick();
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

/// Rates that are whole numbers, quarters, or have six decimals.
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

fn configured(
    rates: &[u64],
    (topology, phase, sent): (Topology, PhaseRule, u32),
    duration_ns: u64,
    repetition: u32,
) -> Option<Run> {
    let mut run = run(rates, |configuration| {
        configuration.topology = topology;
        configuration.phase = phase;
        configuration.duration_ns = duration_ns;
        match sent {
            0 => configuration.internal = "1".parse::<Internal>().expect("a probability"),
            1 => configuration.delay = Delay::uniform(0.0, 0.7).expect("a delay"),
            2 => configuration.receive = ReceiveRule::All,
            3 if topology != Topology::TimeKeeper => configuration.sends = Sends::Multicast(2),
            _ => {}
        }
    });
    run.repetition = repetition;
    let is_possible = phase != PhaseRule::Spread || run.configuration.guaranteed_margin_ns() > 0;
    is_possible.then_some(run)
}

proptest! {
    #[test]
    fn the_margin_equals_the_minimum_over_all_pairs_of_ticks(
        rates in rates(),
        variant in (topology(), phase(), 0u32..6),
        duration_ns in prop_oneof![1_000_000u64..2_000_000_000, 2_000_000_000u64..25_000_000_000],
        repetition in 0u32..1000,
    ) {
        let run = configured(&rates, variant, duration_ns, repetition);
        prop_assume!(run.is_some());
        let run = run.expect("assumed");
        let schedule = run.schedule(SEED);
        prop_assert_eq!(schedule.margin_ns(), brute_force_ns(&run.configuration, &schedule));
        if variant.1 == PhaseRule::Spread {
            // Both the first ticks and the periods are rounded down to nanoseconds.
            let guaranteed_ns = run.configuration.guaranteed_margin_ns();
            prop_assert!(schedule.margin_ns() + 2 >= guaranteed_ns.min(duration_ns));
        }
    }

    #[test]
    fn a_run_that_is_late_by_less_than_the_margin_equals_the_virtual_run(
        rates in rates(),
        variant in (topology(), phase(), 0u32..6),
        duration_ns in 100_000_000u64..12_000_000_000,
        repetition in 0u32..1000,
        share in 0.0f64..=1.0,
        seed in any::<u64>(),
    ) {
        let run = configured(&rates, variant, duration_ns, repetition);
        prop_assume!(run.is_some());
        let run = run.expect("assumed");
        let margin_ns = run.schedule(SEED).margin_ns();
        prop_assume!(margin_ns > 0);
        let lateness_ns = (share * (margin_ns - 1) as f64) as u64;
        let latency_ns = margin_ns - 1 - lateness_ns;
        let late = run_late(&run, lateness_ns, latency_ns, &mut ChaCha8Rng::seed_from_u64(seed));
        let twin = virtual_time::run(&run, SEED).machines;
        let twin: Vec<Vec<Event>> = twin
            .into_iter()
            .map(|events| events.into_iter().map(|logged| logged.event).collect())
            .collect();
        prop_assert_eq!(late, twin);
    }
}
