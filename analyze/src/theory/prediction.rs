//! All that is predicted of a machine.

use super::clocks::Clocks;
use super::crude::Crude;
use super::flow::Flow;
use super::regime::Regime;
use super::system::System;

/// What is expected of a machine, on average over repetitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Whether it can keep up.
    pub regime: Regime,
    /// Ticks per second that are no receives, y.
    pub idle_rate: f64,
    /// Messages per second that others send to it, lambda.
    pub arrival_rate: f64,
    /// Least-squares slope of its queue's length, in messages per second.
    pub backlog_growth: f64,
    /// Its queue's length after its last tick, in messages.
    pub backlog_final: f64,
    /// The standard deviation of that over repetitions.
    pub backlog_final_sd: f64,
    /// Receives / ticks.
    pub receive_share: f64,
    /// Final clock / T, in 1/s.
    pub logical_rate: f64,
    /// Slope of the lag behind the greatest clock, in 1/s.
    pub lag_slope: f64,
    /// The lag behind the greatest clock after T.
    pub lag_final: f64,
    /// Logical rate / rate.
    pub jump_mean: f64,
    /// What the derivation neglects that matters here; empty where there is nothing.
    pub crude: Vec<Crude>,
}

/// Predicts every machine of `system`, in their order.
pub fn predict(system: &System) -> Vec<Prediction> {
    let flow = Flow::of(system);
    let clocks = Clocks::of(system, &flow);
    let duration_s = system.duration_s;
    let regimes: Vec<Regime> = flow
        .queues
        .iter()
        .map(|queue| Regime::of(queue.strength(duration_s)))
        .collect();
    let of_machine = |machine: usize| {
        let (rate, queue) = (system.rates[machine], flow.queues[machine]);
        let arrival_rate = flow.arrivals[machine];
        let logical_rate = clocks.fastest - clocks.lag_final[machine] / duration_s;
        // The last tick is half a period before T on average, and what came since is not in the log.
        let since_last_tick = arrival_rate / (2.0 * rate);
        Prediction {
            regime: regimes[machine],
            idle_rate: flow.idle[machine],
            arrival_rate,
            backlog_growth: queue.slope(duration_s),
            backlog_final: (queue.mean(duration_s) - since_last_tick).max(0.0),
            backlog_final_sd: queue.sd(duration_s),
            receive_share: 1.0 - flow.idle[machine] / rate,
            logical_rate,
            lag_slope: clocks.lag_slope[machine],
            lag_final: clocks.lag_final[machine] + clocks.lead,
            jump_mean: logical_rate / rate,
            crude: Crude::reasons(system, &regimes, machine),
        }
    };
    (0..system.rates.len()).map(of_machine).collect()
}
