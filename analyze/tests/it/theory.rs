//! Tests of the predictions: compares them with figures of the fluid model alone, and with the virtual engine.

use analyze::theory::{Caveat, Prediction, Quantity, Regime, System, predict};
use sim::engine::virtual_time;
use sim::experiment::{ReceiveRule, Sends, Topology};
use sim::machine::EventKind;

use crate::fixture;

const T: f64 = 60.0;

/// The predictions for the slowest machine of a system over 60 s that follow from the long-run rates alone.
struct Cell {
    rates: &'static [f64],
    internal: f64,
    slowest: usize,
    growth: f64,
    backlog_final: f64,
    sd: f64,
    logical_rate: f64,
    receive_share: f64,
}

#[rustfmt::skip]
const CELLS: [Cell; 10] = [
    cell(&[1.0, 3.0, 6.0], 0.7, 0, 0.50, 30.0, 8.0, 4.00, 1.0),
    cell(&[1.0, 3.0, 6.0], 0.4, 0, 1.57, 94.0, 10.0, 2.33, 1.0),
    cell(&[1.0, 3.0, 6.0], 0.25, 0, 2.00, 120.0, 10.0, 2.00, 1.0),
    cell(&[2.0, 3.0, 4.0], 0.7, 0, 0.0, 0.2, 0.5, 4.00, 0.554),
    cell(&[2.0, 3.0, 4.0], 0.4, 0, 0.0, 7.3, 5.0, 4.00, 1.0),
    cell(&[3.0, 3.0, 3.0], 0.7, 0, 0.0, 0.0, 0.2, 3.52, 0.286),
    cell(&[5.0, 1.0, 5.0], 0.7, 1, 0.67, 40.0, 8.0, 3.22, 1.0),
    cell(&[5.0, 1.0, 5.0], 0.25, 1, 2.33, 140.0, 10.0, 1.67, 1.0),
    cell(&[1.0, 6.0, 6.0], 0.7, 0, 1.00, 60.0, 9.0, 3.22, 1.0),
    cell(&[1.0, 6.0, 6.0], 0.25, 0, 3.00, 180.0, 12.0, 1.67, 1.0),
];

#[expect(clippy::too_many_arguments)]
const fn cell(
    rates: &'static [f64],
    internal: f64,
    slowest: usize,
    growth: f64,
    backlog_final: f64,
    sd: f64,
    logical_rate: f64,
    receive_share: f64,
) -> Cell {
    Cell {
        rates,
        internal,
        slowest,
        growth,
        backlog_final,
        sd,
        logical_rate,
        receive_share,
    }
}

impl Cell {
    fn after(&self, duration_s: f64) -> Prediction {
        predict(&System::new(self.rates, self.internal, duration_s)).swap_remove(self.slowest)
    }
}

/// Whether the gains of the fastest clock are an estimate: a slower machine has more than half the highest rate, or more than two
/// machines share the highest rate.
fn clocks_gain(rates: &[f64]) -> bool {
    let fastest = rates.iter().copied().fold(0.0, f64::max);
    let near = |rate: &&f64| **rate > fastest / 2.0 && **rate < fastest;
    let equals = rates.iter().filter(|rate| **rate == fastest).count();
    equals > 2 || rates.iter().any(|rate| near(&rate))
}

fn number(predicted: Option<f64>) -> f64 {
    predicted.expect("a prediction")
}

#[track_caller]
fn close(name: &str, value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{name}: {value}, not {expected} within {tolerance}"
    );
}

/// For long runs, the predictions equal those of the fluid model. The figures are rounded to two digits. Gains of clocks are
/// estimates in both.
#[test]
fn predictions_for_long_runs_are_those_of_the_fluid_model() {
    for cell in CELLS {
        let (name, predicted) = (
            format!("{:?}, {}", cell.rates, cell.internal),
            cell.after(1e8),
        );
        close(&name, number(predicted.backlog_growth), cell.growth, 0.006);
        close(
            &name,
            number(predicted.receive_share),
            cell.receive_share,
            0.005,
        );
        let off = if clocks_gain(cell.rates) { 0.15 } else { 0.006 };
        close(
            &name,
            number(predicted.logical_rate),
            cell.logical_rate,
            off,
        );
    }
}

/// After 60 s, the final backlog is larger because of chance, and messages since the last tick are subtracted. Each effect
/// changes the backlog by up to one message, and the idle ticks of a critical peer by up to 1 %.
#[test]
fn predictions_for_a_minute_differ_by_one_or_two_messages() {
    for cell in CELLS {
        let (name, predicted) = (
            format!("{:?}, {}", cell.rates, cell.internal),
            cell.after(T),
        );
        let tolerance = 1.2 + 0.005 * cell.backlog_final;
        close(
            &name,
            number(predicted.backlog_final),
            cell.backlog_final,
            tolerance,
        );
        close(&name, number(predicted.backlog_final_sd), cell.sd, 0.6);
    }
}

#[test]
fn regimes_are_recognised() {
    let regime = |cell: &Cell| cell.after(T).regime;
    assert_eq!(regime(&CELLS[0]), Some(Regime::Overloaded));
    assert_eq!(regime(&CELLS[3]), Some(Regime::Stable));
    assert_eq!(regime(&CELLS[4]), Some(Regime::Critical));
    // A second is too short to find the regime; an hour is enough even near the critical load.
    assert_eq!(CELLS[0].after(1.0).regime, Some(Regime::Critical));
    let near = System::new(&[2.0, 3.0, 4.0], 0.39, 3_600_000.0);
    assert_eq!(predict(&near)[0].regime, Some(Regime::Overloaded));
}

#[test]
fn every_prediction_is_a_number() {
    let many: Vec<f64> = (1..=100).map(f64::from).collect();
    for rates in [&[1.0, 1000.0][..], &[3.0, 3.0], &[1.0, 1.0, 1000.0], &many] {
        for internal in [0.0, 1e-6, 0.3, 0.999, 1.0] {
            for duration_s in [0.5, 60.0, 1e6] {
                for machine in predict(&System::new(rates, internal, duration_s)) {
                    let numbers = [
                        machine.idle_rate,
                        machine.arrival_rate,
                        machine.backlog_growth,
                        machine.backlog_final,
                        machine.backlog_final_sd,
                        machine.receive_share,
                        machine.logical_rate,
                        machine.lag_slope,
                        machine.lag_final,
                        machine.jump_mean,
                    ];
                    assert!(
                        numbers
                            .iter()
                            .all(|x| x.is_some_and(|x| x.is_finite() && x >= -1e-9)),
                        "{internal} {duration_s}: {machine:?}"
                    );
                }
            }
        }
    }
}

/// Mean and standard error of the final backlog, the receive share and the logical rate of each machine.
fn simulated(rates: &str, others: &str) -> Vec<[(f64, f64); 3]> {
    let experiment = fixture::experiment(&format!(
        "seed = 262\nrepetitions = 100\nduration_s = 60\nengine = \"virtual\"\n[parameters]\nrates = [[{rates}]]\n{others}\n"
    ));
    let machines = rates.split(',').count();
    let mut values = vec![[const { vec![] }; 3]; machines];
    for run in experiment.runs() {
        // Ticks, receives, and queue and clock after the last tick.
        let mut seen = vec![(0.0, 0.0, 0.0, 0.0); machines];
        let mut last_tick = vec![None; machines];
        virtual_time::observe(&run, experiment.seed, |machine, logged| {
            let event = logged.event;
            let received = matches!(event.kind, EventKind::Receive(_));
            let (ticks, receives, queue, clock) = &mut seen[machine];
            // A tick that takes several messages counts once.
            if last_tick[machine].replace(event.tick) != Some(event.tick) {
                *ticks += 1.0;
                *receives += f64::from(u8::from(received));
            }
            *queue = event.queue_length as f64;
            *clock = event.logical_clock as f64;
        });
        for (values, (ticks, receives, queue, clock)) in values.iter_mut().zip(seen) {
            values[0].push(queue);
            values[1].push(receives / ticks);
            values[2].push(clock / T);
        }
    }
    values
        .iter()
        .map(|of_machine| [0, 1, 2].map(|what| estimate(&of_machine[what])))
        .collect()
}

fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    (mean, (square / (n - 1.0) / n).sqrt())
}

/// The tolerance is five standard errors plus the known errors of the theory: half a message; 0.01 of the ticks, because of idle ticks
/// at the start; and 0.2 % of the logical rate, or 3 % if it has a caveat.
#[test]
fn predictions_agree_with_the_virtual_engine() {
    for (rates, internal) in [
        ("1, 3, 6", 0.7),
        ("1, 3, 6", 0.25),
        ("2, 3, 4", 0.4),
        ("3, 3, 3", 0.7),
        ("5, 1, 5", 0.7),
        ("1, 6", 0.5),
        ("3, 3", 0.0),
        ("5, 6", 0.5),
        ("1, 2, 3, 4, 5", 0.5),
    ] {
        let numbers: Vec<f64> = rates
            .split(", ")
            .map(|rate| rate.parse().unwrap())
            .collect();
        let predicted = predict(&System::new(&numbers, internal, T));
        for (machine, [queue, share, clock]) in simulated(rates, &format!("internal = {internal}"))
            .into_iter()
            .enumerate()
        {
            let (name, predicted) = (
                format!("{rates}, {internal}: {machine}"),
                &predicted[machine],
            );
            let always_sends = internal == 0.0;
            let off = if clocks_gain(&numbers) || always_sends {
                0.03
            } else {
                0.002
            };
            let off = off * number(predicted.logical_rate);
            close(
                &name,
                number(predicted.backlog_final),
                queue.0,
                0.5 + 5.0 * queue.1,
            );
            close(
                &name,
                number(predicted.receive_share),
                share.0,
                0.01 + 5.0 * share.1,
            );
            close(
                &name,
                number(predicted.logical_rate),
                clock.0,
                off + 5.0 * clock.1,
            );
        }
    }
}

fn variant(rates: &[f64], internal: f64, topology: Topology, sends: Sends) -> System {
    System {
        topology,
        sends,
        ..System::new(rates, internal, T)
    }
}

/// Compares the predictions for `system` with a hundred runs. The tolerance is five standard errors, plus one message and a hundredth
/// of the backlog, `share` of the ticks, and 1 % of the logical rate, or 3 % if it has a caveat.
#[track_caller]
fn agrees(system: &System, share: f64) {
    let rates: Vec<String> = system.rates.iter().map(f64::to_string).collect();
    let sends = match system.sends {
        Sends::Multicast(recipients) => format!("{{ multicast = {recipients} }}"),
        other => format!("\"{other}\""),
    };
    let (internal, topology, receive) = (&system.internal, system.topology, system.receive);
    let others = format!(
        "internal = [{internal:?}]\ntopology = \"{topology}\"\nsends = {sends}\nreceive = \"{receive}\""
    );
    let measured = simulated(&rates.join(", "), &others);
    let predictions = predict(system);
    assert_eq!(measured.len(), predictions.len());
    let has_rate = predictions.iter().any(|one| one.logical_rate.is_some());
    assert!(has_rate, "{others}: no logical rate is predicted");
    for (machine, (measured, predicted)) in measured.iter().zip(predictions).enumerate() {
        let name = format!("{rates:?} {others}: {machine}");
        let [queue, received, clock] = *measured;
        let waits = number(predicted.backlog_final);
        close(&name, waits, queue.0, 1.0 + 0.01 * waits + 5.0 * queue.1);
        let (of_ticks, off) = (number(predicted.receive_share), share + 5.0 * received.1);
        close(&name, of_ticks, received.0, off);
        if let Some(rate) = predicted.logical_rate {
            let has_caveats = !predicted.caveats(Quantity::LogicalRate).is_empty();
            let off = if has_caveats || clocks_gain(&system.rates) {
                0.03
            } else {
                0.01
            };
            close(&name, rate, clock.0, off * rate + 5.0 * clock.1);
        }
    }
}

#[test]
fn predictions_for_other_sends_and_topologies_agree() {
    for sends in [Sends::Unicast, Sends::Broadcast, Sends::Multicast(2)] {
        agrees(&variant(&[1.0, 3.0, 6.0], 0.7, Topology::Mesh, sends), 0.01);
        agrees(&variant(&[2.0, 3.0, 4.0], 0.4, Topology::Mesh, sends), 0.01);
    }
    let four = [3.0, 4.0, 5.0, 6.0];
    agrees(&variant(&four, 0.7, Topology::Ring, Sends::Mix), 0.02);
    agrees(&variant(&four, 0.7, Topology::Star, Sends::Mix), 0.02);
    agrees(
        &variant(&[6.0, 3.0, 1.0], 0.7, Topology::Star, Sends::Broadcast),
        0.02,
    );
    for rates in [[6.0, 3.0, 1.0], [3.0, 1.0, 6.0]] {
        agrees(
            &variant(&rates, 0.7, Topology::TimeKeeper, Sends::Mix),
            0.01,
        );
    }
}

#[test]
fn predictions_for_a_probability_of_each_machine_agree() {
    for internal in [[0.9, 0.5, 0.2], [0.2, 0.5, 0.9], [0.5, 0.5, 1.0]] {
        for rates in [[1.0, 3.0, 6.0], [1.0, 6.0, 6.0], [1.5, 2.25, 6.0]] {
            let mut system = System::new(&rates, 0.0, T);
            system.internal = internal.to_vec();
            agrees(&system, 0.01);
        }
    }
}

/// There are few messages here. Predictions are less accurate for machines that get more messages than they have ticks.
#[test]
fn predictions_for_machines_that_take_all_messages_agree() {
    for topology in [Topology::Mesh, Topology::Star, Topology::TimeKeeper] {
        for rates in [[6.0, 3.0, 1.0], [6.0, 1.0, 6.0]] {
            let mut system = variant(&rates, 0.7, topology, Sends::Mix);
            system.receive = ReceiveRule::All;
            agrees(&system, 0.02);
            assert!(predict(&system).iter().all(|machine| {
                machine.regime == Some(Regime::Stable) && machine.backlog_growth == Some(0.0)
            }));
        }
    }
}

#[test]
fn systems_without_derivation_have_no_prediction() {
    // Each pair of opposite machines may stop the other pair from sending.
    let ring = variant(&[3.0; 4], 0.3, Topology::Ring, Sends::Broadcast);
    assert_eq!(predict(&ring).len(), 4);
    for machine in predict(&ring) {
        assert_eq!((machine.regime, machine.receive_share), (None, None));
        for quantity in Quantity::ALL {
            assert_eq!(machine.value(quantity), None);
            assert_eq!(machine.caveats(quantity), [Caveat::SeveralStates]);
        }
    }
    // An overloaded hub has times of clocks at 3/s and 6/s in its queue, and sends nothing to the others.
    let star = predict(&variant(&[1.0, 3.0, 6.0], 0.4, Topology::Star, Sends::Mix));
    assert!(star[0].backlog_final.is_some() && star[0].logical_rate.is_none());
    let of_lag = star[1].caveats(Quantity::LagFinal);
    assert!(star[1].logical_rate.is_some() && of_lag.contains(&Caveat::Relayed));
    // A hub that counts nine messages per second drives the clocks.
    let mut drives = variant(&[3.0, 4.0, 5.0, 6.0], 0.4, Topology::Star, Sends::Mix);
    drives.receive = ReceiveRule::All;
    for machine in predict(&drives) {
        assert!(machine.receive_share.is_some() && machine.lag_final.is_none());
    }
}
