//! All that is predicted of a machine.

use super::caveat::Caveat;
use super::clocks::Clocks;
use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// What is expected of a machine, on average over repetitions. What cannot be derived is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Whether it can keep up.
    pub regime: Option<Regime>,
    /// Ticks per second that receive nothing, y.
    pub idle_rate: Option<f64>,
    /// Messages per second that others send to it, lambda.
    pub arrival_rate: Option<f64>,
    /// Least-squares slope of its queue's length, in messages per second.
    pub backlog_growth: Option<f64>,
    /// Its queue's length after its last tick, in messages.
    pub backlog_final: Option<f64>,
    /// The standard deviation of that over repetitions.
    pub backlog_final_sd: Option<f64>,
    /// Ticks that receive / ticks.
    pub receive_share: Option<f64>,
    /// Final clock / T, in 1/s.
    pub logical_rate: Option<f64>,
    /// Slope of the lag behind the greatest clock, in 1/s.
    pub lag_slope: Option<f64>,
    /// The lag behind the greatest clock after T.
    pub lag_final: Option<f64>,
    /// Logical rate / rate.
    pub jump_mean: Option<f64>,
    /// What the derivation neglects that matters here; empty where there is nothing.
    pub caveats: Vec<Caveat>,
}

/// Predicts every machine of `system`, in their order.
pub fn predict(system: &System) -> Vec<Prediction> {
    let Some(flow) = Flow::solve(system) else {
        let unknown = Prediction {
            caveats: vec![Caveat::SeveralStates],
            ..Prediction::default()
        };
        return vec![unknown; system.rates.len()];
    };
    let clocks = Clocks::of(system, &flow);
    let regimes: Vec<Regime> = flow
        .queues
        .iter()
        .map(|queue| Regime::from_strength(queue.strength(system.duration_s)))
        .collect();
    let sources = Source::find_all(system, &flow);
    (0..system.rates.len())
        .map(|machine| Prediction {
            caveats: Caveat::reasons(system, &flow, (&regimes, &sources), machine),
            ..of_machine(system, &flow, &clocks, machine)
        })
        .collect()
}

fn of_machine(system: &System, flow: &Flow, clocks: &Clocks, machine: usize) -> Prediction {
    let duration_s = system.duration_s;
    let (rate, queue) = (system.rates[machine], flow.queues[machine]);
    let arrival_rate = flow.arrivals[machine];
    let lag_final = clocks.lag_final[machine];
    let logical_rate = lag_final.map(|lag| clocks.fastest - lag / duration_s);
    // The last tick is half a period before T on average, and what came since is not in the log.
    let since_last_tick = arrival_rate / (2.0 * rate);
    Prediction {
        regime: Some(Regime::from_strength(queue.strength(duration_s))),
        idle_rate: Some(flow.idle[machine]),
        arrival_rate: Some(arrival_rate),
        backlog_growth: Some(queue.slope(duration_s)),
        backlog_final: Some((queue.mean(duration_s) - since_last_tick).max(0.0)),
        backlog_final_sd: Some(queue.sd(duration_s)),
        receive_share: Some(1.0 - flow.idle[machine] / rate),
        logical_rate,
        lag_slope: clocks.lag_slope[machine],
        lag_final: lag_final.map(|lag| lag + clocks.leads[machine]),
        jump_mean: logical_rate.map(|logical_rate| logical_rate / rate),
        caveats: vec![],
    }
}
