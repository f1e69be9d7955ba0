//! All that is predicted of a machine.

use super::caveat::Caveat;
use super::circumstances::Circumstances;
use super::clocks::Clocks;
use super::flow::Flow;
use super::quantity::Quantity;
use super::regime::Regime;
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
    /// What its clock advances by / the time observed, in 1/s.
    pub logical_rate: Option<f64>,
    /// Slope of the lag behind the greatest clock, in 1/s.
    pub lag_slope: Option<f64>,
    /// The lag behind the greatest clock after T.
    pub lag_final: Option<f64>,
    /// What its clock advances by / its events.
    pub jump_mean: Option<f64>,
    /// What the derivation neglects that matters for each of [`Quantity::ALL`].
    caveats: [Vec<Caveat>; Quantity::ALL.len()],
}

impl Prediction {
    /// What is predicted of `quantity`.
    pub fn value(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::BacklogGrowth => self.backlog_growth,
            Quantity::BacklogFinal => self.backlog_final,
            Quantity::ReceiveShare => self.receive_share,
            Quantity::LogicalRate => self.logical_rate,
            Quantity::LagSlope => self.lag_slope,
            Quantity::LagFinal => self.lag_final,
            Quantity::JumpMean => self.jump_mean,
        }
    }

    /// What the derivation neglects that matters for `quantity`; empty where there is nothing.
    pub fn caveats(&self, quantity: Quantity) -> &[Caveat] {
        &self.caveats[quantity as usize]
    }
}

/// Predicts every machine of `system`, in their order.
pub fn predict(system: &System) -> Vec<Prediction> {
    let Some(flow) = Flow::solve(system) else {
        let unknown = Prediction {
            caveats: Quantity::ALL.map(|_| vec![Caveat::SeveralStates]),
            ..Prediction::default()
        };
        return vec![unknown; system.rates.len()];
    };
    let clocks = Clocks::new(system, &flow);
    let regimes: Vec<Regime> = flow
        .queues
        .iter()
        .map(|queue| Regime::from_strength(queue.strength(system.duration_s)))
        .collect();
    let circumstances = Circumstances::find_all(system, &flow, &clocks, &regimes);
    circumstances
        .iter()
        .enumerate()
        .map(|(machine, circumstances)| Prediction {
            caveats: Quantity::ALL.map(|quantity| Caveat::reasons(quantity, circumstances)),
            ..of_machine(system, &flow, &clocks, machine)
        })
        .collect()
}

/// What a machine is expected to have done in the time observed.
struct Observed {
    /// Ticks.
    ticks: f64,
    /// Ticks that receive.
    receiving: f64,
    /// Messages received.
    received: f64,
}

impl Observed {
    fn new(system: &System, flow: &Flow, machine: usize) -> Self {
        let rate = system.rates[machine];
        let (window, delay_s) = (system.observed(), system.delay_s);
        let (arrivals, queue) = (flow.arrivals[machine], flow.queues[machine]);
        let (until_end, until_start) = (system.receiving_s(), (window.start - delay_s).max(0.0));
        let receiving = (rate - flow.idle[machine]) * until_end;
        let (receiving, received) = if system.drains() {
            let share = (until_end - until_start) / until_end;
            (receiving * share, arrivals * (until_end - until_start))
        } else {
            // What came in the warm-up and does not wait any more at its end.
            let before = arrivals * until_start - queue.mean(until_start);
            let received = receiving - before.clamp(0.0, receiving);
            (received, received)
        };
        Self {
            ticks: rate * (window.end - window.start),
            receiving,
            received,
        }
    }

    /// A tick that takes several messages is as many events.
    fn events(&self) -> f64 {
        self.ticks - self.receiving + self.received
    }
}

fn of_machine(system: &System, flow: &Flow, clocks: &Clocks<'_>, machine: usize) -> Prediction {
    let (window, receiving_s) = (system.observed(), system.receiving_s());
    let (rate, queue) = (system.rates[machine], flow.queues[machine]);
    let observed_s = window.end - window.start;
    let arrival_rate = flow.arrivals[machine];
    let observed = Observed::new(system, flow, machine);
    let lag_final = clocks.lag(machine, window.end);
    let lag_start = clocks.lag(machine, window.start);
    let logical_rate = lag_final
        .zip(lag_start)
        .map(|(end, start)| clocks.fastest - (end - start) / observed_s);
    // The last tick is half a period before T on average, and what came since is not in the log.
    let since_last_tick = arrival_rate / (2.0 * rate);
    Prediction {
        regime: Some(Regime::from_strength(queue.strength(system.duration_s))),
        idle_rate: Some((observed.ticks - observed.receiving) / observed_s),
        arrival_rate: Some(arrival_rate),
        backlog_growth: Some(queue.slope(&window, system.delay_s)),
        backlog_final: Some((queue.mean(receiving_s) - since_last_tick).max(0.0)),
        backlog_final_sd: Some(queue.sd(receiving_s)),
        receive_share: Some(observed.receiving / observed.ticks),
        logical_rate,
        lag_slope: clocks.lag_slope(machine),
        lag_final: lag_final.map(|lag| (lag + clocks.leads[machine]).max(0.0)),
        jump_mean: logical_rate.map(|rate| rate * observed_s / observed.events()),
        caveats: Default::default(),
    }
}
