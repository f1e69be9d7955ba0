//! The measures that theory predicts for a machine, and how they follow from the derivations for queues ([`super::flow`]) and clocks
//! ([`super::clocks`]).

use super::caveat::Caveat;
use super::circumstances::Circumstances;
use super::clocks::Clocks;
use super::flow::Flow;
use super::quantity::Quantity;
use super::regime::Regime;
use super::system::System;

/// The expected measures of a machine: means over many repetitions. A measure that cannot be derived is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Whether the machine is stable, critical or overloaded.
    pub regime: Option<Regime>,
    /// Idle ticks (ticks that receive nothing) per second.
    pub idle_rate: Option<f64>,
    /// Messages per second that arrive from other machines.
    pub arrival_rate: Option<f64>,
    /// How fast the queue grows: the least-squares slope of its length over time, in messages per second.
    pub backlog_growth: Option<f64>,
    /// The queue's length after the machine's last tick, in messages.
    pub backlog_final: Option<f64>,
    /// The standard deviation of the final queue length over repetitions, in messages.
    pub backlog_final_sd: Option<f64>,
    /// The share of ticks that receive.
    pub receive_share: Option<f64>,
    /// The advance of the machine's clock divided by the observed time (the run without its warm-up), in 1/s.
    pub logical_rate: Option<f64>,
    /// Slope of the lag behind the greatest clock, in 1/s.
    pub lag_slope: Option<f64>,
    /// The lag behind the greatest clock at the end of the run.
    pub lag_final: Option<f64>,
    /// The advance of the machine's clock divided by the number of its events.
    pub jump_mean: Option<f64>,
    /// The caveats of each quantity, in the order of [`Quantity::ALL`].
    caveats: [Vec<Caveat>; Quantity::ALL.len()],
}

impl Prediction {
    /// The predicted value of `quantity`.
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

    /// The caveats of `quantity`; empty if there are none.
    pub fn caveats(&self, quantity: Quantity) -> &[Caveat] {
        // The variants of `Quantity` have the same order as `Quantity::ALL`.
        &self.caveats[quantity as usize]
    }
}

/// Predicts the measures of every machine of `system`, in the order of the machines.
pub fn predict(system: &System) -> Vec<Prediction> {
    let Some(flow) = Flow::solve(system) else {
        // Several long-run states are possible, so no measure can be predicted.
        let unknown = Prediction {
            caveats: Quantity::ALL.map(|_| vec![Caveat::SeveralStates]),
            ..Prediction::default()
        };
        return vec![unknown; system.rates.len()];
    };
    let clocks = Clocks::new(system, &flow);
    // The drift of a queue (not that of a clock) is the expected number of messages that arrive in a run, minus the number of ticks. The
    // messages are counted as if the machine never sent: its own messages would keep other machines busy, which then send less to it. By chance, a single run has more or fewer messages than expected. `relative_drift` is the
    // drift divided by the standard deviation of these random differences.
    let regimes: Vec<Regime> = flow
        .queues
        .iter()
        .map(|queue| Regime::from_relative_drift(queue.relative_drift(system.duration_s)))
        .collect();
    let circumstances = Circumstances::find_all(system, &flow, &clocks, &regimes);
    circumstances
        .iter()
        .enumerate()
        .map(|(machine, circumstances)| Prediction {
            caveats: Quantity::ALL.map(|quantity| Caveat::find_all(quantity, circumstances)),
            ..predict_machine(system, &flow, &clocks, machine)
        })
        .collect()
}

/// The expected numbers of ticks and messages of a machine in the observed time.
struct ExpectedCounts {
    /// Number of ticks.
    ticks: f64,
    /// Number of ticks that receive at least one message.
    receiving_ticks: f64,
    /// Number of messages that are received.
    messages: f64,
}

impl ExpectedCounts {
    fn new(system: &System, flow: &Flow, machine: usize) -> Self {
        let rate = system.rates[machine];
        // The observed time: from the end of the warm-up to the end of the run.
        let (window, delay_s) = (system.observed(), system.delay_s);
        let (arrivals, queue) = (flow.arrivals[machine], flow.queues[machine]);
        // No message arrives in the first `delay_s` seconds. So messages arrive for `arriving_s` seconds of the whole run, and for
        // `arriving_in_warm_up_s` seconds of the warm-up.
        let arriving_s = system.receiving_s();
        let arriving_in_warm_up_s = (window.start - delay_s).max(0.0);
        // The number of receiving ticks in the whole run. While messages arrive, there are `rate - idle` receiving ticks per second.
        let receiving_in_run = (rate - flow.idle[machine]) * arriving_s;
        let (receiving_ticks, messages) = if system.takes_all() {
            // A tick takes all waiting messages, so no queue grows, and receives are spread evenly over the time in which messages arrive.
            let arriving_after_warm_up_s = arriving_s - arriving_in_warm_up_s;
            let share = arriving_after_warm_up_s / arriving_s;
            (
                receiving_in_run * share,
                arrivals * arriving_after_warm_up_s,
            )
        } else {
            // A receiving tick receives exactly one message, so the numbers of receiving ticks and of messages are equal. Messages
            // that were received in the warm-up do not count. Their number is the number of messages that arrived in the warm-up, minus
            // the number of messages that still waited at the end of the warm-up.
            let received_in_warm_up =
                arrivals * arriving_in_warm_up_s - queue.mean(arriving_in_warm_up_s);
            let received = receiving_in_run - received_in_warm_up.clamp(0.0, receiving_in_run);
            (received, received)
        };
        Self {
            ticks: rate * (window.end - window.start),
            receiving_ticks,
            messages,
        }
    }

    /// Number of events. A tick that takes several messages counts once for each message.
    fn events(&self) -> f64 {
        let idle_ticks = self.ticks - self.receiving_ticks;
        idle_ticks + self.messages
    }
}

fn predict_machine(
    system: &System,
    flow: &Flow,
    clocks: &Clocks<'_>,
    machine: usize,
) -> Prediction {
    // Messages arrive for `arriving_s` seconds: in the whole run except its first `delay_s` seconds.
    let (window, arriving_s) = (system.observed(), system.receiving_s());
    let (rate, queue) = (system.rates[machine], flow.queues[machine]);
    let observed_s = window.end - window.start;
    let arrival_rate = flow.arrivals[machine];
    let observed = ExpectedCounts::new(system, flow, machine);
    // The machine's lags behind the fastest machine's clock, at both ends of the observed time.
    let lag_start = clocks.lag(machine, window.start);
    let lag_end = clocks.lag(machine, window.end);
    // The fastest machine's clock advances by `clocks.fastest_rate` per second. A machine's clock advances as much, minus the growth of the
    // machine's lag.
    let logical_rate = lag_end
        .zip(lag_start)
        .map(|(end, start)| clocks.fastest_rate - (end - start) / observed_s);
    // On average, the machine's last tick is half a period (half of the time between two ticks) before the end of the run. The final
    // backlog is the one after this tick, so messages that arrive later do not count.
    let arrived_since_last_tick = arrival_rate / (2.0 * rate);
    Prediction {
        regime: Some(Regime::from_relative_drift(
            queue.relative_drift(system.duration_s),
        )),
        idle_rate: Some((observed.ticks - observed.receiving_ticks) / observed_s),
        arrival_rate: Some(arrival_rate),
        backlog_growth: Some(queue.slope(&window, system.delay_s)),
        backlog_final: Some((queue.mean(arriving_s) - arrived_since_last_tick).max(0.0)),
        backlog_final_sd: Some(queue.sd(arriving_s)),
        receive_share: Some(observed.receiving_ticks / observed.ticks),
        logical_rate,
        lag_slope: clocks.lag_slope(machine),
        // `lag` is the machine's lag behind the fastest machine's clock. At some moments, another clock is the greatest. `leads[machine]` is
        // how far the greatest clock is ahead of the fastest machine's clock on average (see `super::leads`).
        lag_final: lag_end.map(|lag| (lag + clocks.leads[machine]).max(0.0)),
        jump_mean: logical_rate.map(|per_second| per_second * observed_s / observed.events()),
        // The caveats are empty here. `predict` fills them in.
        caveats: Default::default(),
    }
}
