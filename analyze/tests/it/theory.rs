//! Tests of the predictions of `analyze theory`. The predictions are compared with results of the fluid model (messages as a continuous
//! flow, without randomness), and with simulated runs.

use analyze::theory::{Caveat, Prediction, Quantity, Regime, System, predict};
use sim::engine::virtual_time;
use sim::experiment::{ReceiveRule, Sends, Topology};
use sim::machine::EventKind;

use crate::fixture;

/// The duration of a run in seconds.
const DURATION_S: f64 = 60.0;

/// A system, and the values that are expected for its slowest machine. Most of these values come from the fluid model. Two do not, because
/// they depend on chance: the standard deviation, and the final backlog of a queue that does not grow.
struct FluidResult {
    rates: &'static [f64],
    internal: f64,
    /// The number of the slowest machine.
    slowest: usize,
    /// Growth of the backlog in messages per second.
    growth: f64,
    /// Messages in the queue after 60 s. For a queue that grows: 60 times `growth`.
    backlog_final: f64,
    /// Standard deviation of `backlog_final` over many runs.
    sd: f64,
    /// How much the clock grows in a second.
    logical_rate: f64,
    /// Share of the ticks that receive.
    receive_share: f64,
}

#[rustfmt::skip]
const FLUID_RESULTS: [FluidResult; 10] = [
    // Rates, internal, slowest, growth, backlog_final, sd, logical_rate, receive_share.
    fluid(&[1.0, 3.0, 6.0], 0.7, 0, 0.50, 30.0, 8.0, 4.00, 1.0),
    fluid(&[1.0, 3.0, 6.0], 0.4, 0, 1.57, 94.0, 10.0, 2.33, 1.0),
    fluid(&[1.0, 3.0, 6.0], 0.25, 0, 2.00, 120.0, 10.0, 2.00, 1.0),
    fluid(&[2.0, 3.0, 4.0], 0.7, 0, 0.0, 0.2, 0.5, 4.00, 0.554),
    fluid(&[2.0, 3.0, 4.0], 0.4, 0, 0.0, 7.3, 5.0, 4.00, 1.0),
    fluid(&[3.0, 3.0, 3.0], 0.7, 0, 0.0, 0.0, 0.2, 3.52, 0.286),
    fluid(&[5.0, 1.0, 5.0], 0.7, 1, 0.67, 40.0, 8.0, 3.22, 1.0),
    fluid(&[5.0, 1.0, 5.0], 0.25, 1, 2.33, 140.0, 10.0, 1.67, 1.0),
    fluid(&[1.0, 6.0, 6.0], 0.7, 0, 1.00, 60.0, 9.0, 3.22, 1.0),
    fluid(&[1.0, 6.0, 6.0], 0.25, 0, 3.00, 180.0, 12.0, 1.67, 1.0),
];

#[expect(clippy::too_many_arguments)]
const fn fluid(
    rates: &'static [f64],
    internal: f64,
    slowest: usize,
    growth: f64,
    backlog_final: f64,
    sd: f64,
    logical_rate: f64,
    receive_share: f64,
) -> FluidResult {
    FluidResult {
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

impl FluidResult {
    /// The prediction for the slowest machine in a run of this duration.
    fn predicted_for(&self, duration_s: f64) -> Prediction {
        predict(&System::new(self.rates, self.internal, duration_s)).swap_remove(self.slowest)
    }
}

/// Whether the predicted rate of the fastest clock is only an estimate. It is not an estimate in two cases:
///
/// - All other machines have at most half the highest rate. Suppose that the fastest machine sends the clock value 10. Another machine
///   receives it (clock 11), and answers at its next tick at the earliest (clock 12). Between the receipt and the answer, the fastest
///   machine ticks at least twice, so its clock is at least 12 when the answer arrives. When it receives the answer, its clock grows only
///   by 1, as at any event. So the fastest clock has the rate of its machine.
/// - Two machines share the highest rate, and all others have at most half of it. Then there is a nearly exact formula.
fn fastest_rate_is_estimate(rates: &[f64]) -> bool {
    let fastest = rates.iter().copied().fold(0.0, f64::max);
    let is_nearly_as_fast = |&rate: &f64| rate > fastest / 2.0 && rate < fastest;
    let equally_fast = rates.iter().filter(|&&rate| rate == fastest).count();
    equally_fast > 2 || rates.iter().any(is_nearly_as_fast)
}

/// The predicted value. Panics if there is no prediction.
fn number(predicted: Option<f64>) -> f64 {
    predicted.expect("a prediction")
}

#[track_caller]
fn require_close(name: &str, value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{name}: {value}, not {expected} within {tolerance}"
    );
}

/// In a very long run (1e8 s) chance averages out, so the predictions equal those of the fluid model. Most figures of [`FLUID_RESULTS`] are
/// rounded to 0.01, so the tolerances are about 0.005. The slowest machine's logical rate is calculated from the rate of the fastest clock.
/// So the tolerance for the logical rate is larger if the rate of the fastest clock is only an estimate (see
/// [`fastest_rate_is_estimate`]).
#[test]
fn predictions_for_long_runs_are_those_of_the_fluid_model() {
    for wanted in FLUID_RESULTS {
        let name = format!("{:?}, {}", wanted.rates, wanted.internal);
        let predicted = wanted.predicted_for(1e8);
        require_close(
            &name,
            number(predicted.backlog_growth),
            wanted.growth,
            0.006,
        );
        require_close(
            &name,
            number(predicted.receive_share),
            wanted.receive_share,
            0.005,
        );
        let tolerance = if fastest_rate_is_estimate(wanted.rates) {
            0.15
        } else {
            0.006
        };
        require_close(
            &name,
            number(predicted.logical_rate),
            wanted.logical_rate,
            tolerance,
        );
    }
}

/// For 60 s, predictions differ a little from the fluid model, for three reasons:
///
/// - Chance makes the mean of the final backlog larger, because a queue can become longer, but never shorter than 0.
/// - Messages that arrive after the last tick do not count. The faster a queue grows, the more such messages there are. So the tolerance
///   has the term `0.005 * backlog_final`.
/// - With rates 1, 3 and 6 and `internal` = 0.25, machine 1 is critical. In the fluid model, it receives at every tick, so it never sends.
///   In a real run, its queue is sometimes empty by chance, and then it sends. So about 1 % more messages arrive at the slowest machine. The
///   term `0.005 * backlog_final` covers this too.
#[test]
fn predictions_for_a_minute_are_close_to_the_fluid_model() {
    for wanted in FLUID_RESULTS {
        let name = format!("{:?}, {}", wanted.rates, wanted.internal);
        let predicted = wanted.predicted_for(DURATION_S);
        let tolerance = 1.2 + 0.005 * wanted.backlog_final;
        require_close(
            &name,
            number(predicted.backlog_final),
            wanted.backlog_final,
            tolerance,
        );
        require_close(&name, number(predicted.backlog_final_sd), wanted.sd, 0.6);
    }
}

#[test]
fn regimes_are_recognised() {
    let regime = |system: &FluidResult| system.predicted_for(DURATION_S).regime;
    assert_eq!(regime(&FLUID_RESULTS[0]), Some(Regime::Overloaded));
    assert_eq!(regime(&FLUID_RESULTS[3]), Some(Regime::Stable));
    assert_eq!(regime(&FLUID_RESULTS[4]), Some(Regime::Critical));
    // A run of one second is too short to tell whether the queue of the machine grows. So the machine counts as critical.
    assert_eq!(
        FLUID_RESULTS[0].predicted_for(1.0).regime,
        Some(Regime::Critical)
    );
    // Row 4 of `FLUID_RESULTS`, counted from 0, is critical at `internal` = 0.4: as many messages arrive as the machine has ticks. At 0.39 a
    // few more messages arrive. A run of a thousand hours is long enough to tell that the queue then grows.
    let near = System::new(&[2.0, 3.0, 4.0], 0.39, 3_600_000.0);
    assert_eq!(predict(&near)[0].regime, Some(Regime::Overloaded));
}

#[test]
fn every_prediction_is_finite_and_not_negative() {
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
                    // Rounding errors can make a 0 slightly negative.
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

/// Simulates a hundred runs. `others` are lines with other parameters, such as `internal = 0.7`. Returns for each machine the mean and the
/// standard error of three values: the final backlog, the receive share and the logical rate.
fn simulated(rates: &str, others: &str) -> Vec<[(f64, f64); 3]> {
    let experiment = fixture::experiment(&format!(
        "seed = 262\nrepetitions = 100\nduration_s = 60\nengine = \"virtual\"\n[parameters]\nrates = [[{rates}]]\n{others}\n"
    ));
    let machines = rates.split(',').count();
    // For each machine, the three values of every run.
    let mut values = vec![[const { vec![] }; 3]; machines];
    for run in experiment.runs() {
        // For each machine: ticks, ticks that received, and queue length and clock after the last event.
        let mut seen = vec![(0.0, 0.0, 0.0, 0.0); machines];
        let mut last_tick = vec![None; machines];
        virtual_time::observe(&run, experiment.seed, |machine, logged| {
            let event = logged.event;
            let received = matches!(event.kind, EventKind::Receive(_));
            let (ticks, receives, queue, clock) = &mut seen[machine];
            // A tick that takes several messages has several events, but counts once.
            let is_first_of_tick = last_tick[machine].replace(event.tick) != Some(event.tick);
            if is_first_of_tick {
                *ticks += 1.0;
                *receives += f64::from(u8::from(received));
            }
            *queue = event.queue_length as f64;
            *clock = event.logical_clock as f64;
        });
        for (values, (ticks, receives, queue, clock)) in values.iter_mut().zip(seen) {
            values[0].push(queue);
            values[1].push(receives / ticks);
            values[2].push(clock / DURATION_S);
        }
    }
    values
        .iter()
        .map(|quantities| quantities.each_ref().map(|values| estimate(values)))
        .collect()
}

/// The mean of `values` and its standard error.
fn estimate(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sum_of_squares = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    (mean, (sum_of_squares / (n - 1.0) / n).sqrt())
}

/// Each measured value is a mean (`.0`) with its standard error (`.1`). The tolerance is five standard errors plus a known error of the
/// theory:
///
/// - for the backlog, half a message
/// - for the receive share, 0.01, because the first ticks, before any message has arrived, are idle
/// - for the logical rate, 0.2 %, or 3 % if it is only estimated ([`fastest_rate_is_estimate`]) or if no machine has internal events
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
        let predicted = predict(&System::new(&numbers, internal, DURATION_S));
        for (machine, [backlog, share, rate]) in simulated(rates, &format!("internal = {internal}"))
            .into_iter()
            .enumerate()
        {
            let name = format!("{rates}, {internal}: {machine}");
            let predicted = &predicted[machine];
            let always_sends = internal == 0.0;
            let relative = if fastest_rate_is_estimate(&numbers) || always_sends {
                0.03
            } else {
                0.002
            };
            let known_rate_error = relative * number(predicted.logical_rate);
            require_close(
                &name,
                number(predicted.backlog_final),
                backlog.0,
                0.5 + 5.0 * backlog.1,
            );
            require_close(
                &name,
                number(predicted.receive_share),
                share.0,
                0.01 + 5.0 * share.1,
            );
            require_close(
                &name,
                number(predicted.logical_rate),
                rate.0,
                known_rate_error + 5.0 * rate.1,
            );
        }
    }
}

/// A system with default values, except the topology and the rule for sends.
fn variant(rates: &[f64], internal: f64, topology: Topology, sends: Sends) -> System {
    System {
        topology,
        sends,
        ..System::new(rates, internal, DURATION_S)
    }
}

/// Requires that the predictions for `system` agree with the means of a hundred simulated runs. The tolerance is five standard errors
/// plus a known error: for the backlog one message and 1 % of the backlog; for the receive share `share_error`; for the logical rate
/// 1 %, or 3 % if the prediction has a caveat or is only an estimate ([`fastest_rate_is_estimate`]).
#[track_caller]
fn require_agreement(system: &System, share_error: f64) {
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
    // A logical rate that is not predicted is skipped below. At least one must be predicted.
    let has_rate = predictions
        .iter()
        .any(|predicted| predicted.logical_rate.is_some());
    assert!(has_rate, "{others}: no logical rate is predicted");
    for (machine, (measured, predicted)) in measured.iter().zip(predictions).enumerate() {
        let name = format!("{rates:?} {others}: {machine}");
        let [measured_backlog, measured_share, measured_rate] = *measured;
        let backlog = number(predicted.backlog_final);
        let tolerance = 1.0 + 0.01 * backlog + 5.0 * measured_backlog.1;
        require_close(&name, backlog, measured_backlog.0, tolerance);
        let share = number(predicted.receive_share);
        let tolerance = share_error + 5.0 * measured_share.1;
        require_close(&name, share, measured_share.0, tolerance);
        if let Some(rate) = predicted.logical_rate {
            let has_caveats = !predicted.caveats(Quantity::LogicalRate).is_empty();
            let relative = if has_caveats || fastest_rate_is_estimate(&system.rates) {
                0.03
            } else {
                0.01
            };
            let tolerance = relative * rate + 5.0 * measured_rate.1;
            require_close(&name, rate, measured_rate.0, tolerance);
        }
    }
}

#[test]
fn predictions_for_other_sends_and_topologies_agree() {
    for sends in [Sends::Unicast, Sends::Broadcast, Sends::Multicast(2)] {
        require_agreement(&variant(&[1.0, 3.0, 6.0], 0.7, Topology::Mesh, sends), 0.01);
        require_agreement(&variant(&[2.0, 3.0, 4.0], 0.4, Topology::Mesh, sends), 0.01);
    }
    let four = [3.0, 4.0, 5.0, 6.0];
    require_agreement(&variant(&four, 0.7, Topology::Ring, Sends::Mix), 0.02);
    require_agreement(&variant(&four, 0.7, Topology::Star, Sends::Mix), 0.02);
    require_agreement(
        &variant(&[6.0, 3.0, 1.0], 0.7, Topology::Star, Sends::Broadcast),
        0.02,
    );
    // With the topology `TimeKeeper`, only machine 0 sends. Machine 0 is the fastest machine in the first system, but not in the second.
    for rates in [[6.0, 3.0, 1.0], [3.0, 1.0, 6.0]] {
        require_agreement(
            &variant(&rates, 0.7, Topology::TimeKeeper, Sends::Mix),
            0.01,
        );
    }
}

#[test]
fn predictions_for_machines_with_different_probabilities_agree() {
    for internal in [[0.9, 0.5, 0.2], [0.2, 0.5, 0.9], [0.5, 0.5, 1.0]] {
        for rates in [[1.0, 3.0, 6.0], [1.0, 6.0, 6.0], [1.5, 2.25, 6.0]] {
            let mut system = System::new(&rates, 0.0, DURATION_S);
            system.internal = internal.to_vec();
            require_agreement(&system, 0.01);
        }
    }
}

/// A tick takes all waiting messages (`receive = "all"`), so no queue grows. Predictions are less accurate for machines that get more
/// messages than they have ticks. So `internal` is 0.7 here, which gives few messages.
#[test]
fn predictions_for_machines_that_take_all_messages_agree() {
    for topology in [Topology::Mesh, Topology::Star, Topology::TimeKeeper] {
        for rates in [[6.0, 3.0, 1.0], [6.0, 1.0, 6.0]] {
            let mut system = variant(&rates, 0.7, topology, Sends::Mix);
            system.receive = ReceiveRule::All;
            require_agreement(&system, 0.02);
            assert!(predict(&system).iter().all(|machine| {
                machine.regime == Some(Regime::Stable) && machine.backlog_growth == Some(0.0)
            }));
        }
    }
}

#[test]
fn what_cannot_be_derived_is_not_predicted() {
    // In a ring of four, machines 0 and 2 send only to 1 and 3, and machines 1 and 3 send only to 0 and 2. It can happen that one of the
    // two pairs sends so much that the other pair receives at every tick and never sends. Chance decides which of the pairs sends. So
    // nothing is predicted.
    let ring = variant(&[3.0; 4], 0.3, Topology::Ring, Sends::Broadcast);
    assert_eq!(predict(&ring).len(), 4);
    for machine in predict(&ring) {
        assert_eq!((machine.regime, machine.receive_share), (None, None));
        for quantity in Quantity::ALL {
            assert_eq!(machine.value(quantity), None);
            assert_eq!(machine.caveats(quantity), [Caveat::SeveralStates]);
        }
    }
    // The hub of the star (machine 0) is overloaded. Its queue holds messages from two machines, whose clocks run at 3/s and 6/s. For such
    // a queue the theory derives no logical rate. For the clocks of the other machines, the theory assumes that an overloaded hub sends
    // nothing. A real hub sends a few messages at the start, and from them machine 1 learns of the clock of machine 2. So the lag of
    // machine 1 has the caveat `Relayed`.
    let star = predict(&variant(&[1.0, 3.0, 6.0], 0.4, Topology::Star, Sends::Mix));
    assert!(star[0].backlog_final.is_some() && star[0].logical_rate.is_none());
    let lag_caveats = star[1].caveats(Quantity::LagFinal);
    assert!(star[1].logical_rate.is_some() && lag_caveats.contains(&Caveat::Relayed));
    // In the next star, the machines around the hub have 4 + 5 + 6 = 15 ticks per second and send at 60 % of them. So about nine messages
    // per second arrive at the hub. The hub receives all of them, because each of its ticks takes all waiting messages. The hub's clock
    // grows by at least 1 for each message, so it runs faster than the highest tick rate (6/s). Then no clock can be predicted.
    let mut fast_hub = variant(&[3.0, 4.0, 5.0, 6.0], 0.4, Topology::Star, Sends::Mix);
    fast_hub.receive = ReceiveRule::All;
    for machine in predict(&fast_hub) {
        assert!(machine.receive_share.is_some() && machine.lag_final.is_none());
    }
}
