//! The circumstances of a machine, as numbers, that decide whether its predictions have caveats.

use super::clocks::Clocks;
use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// Levels to which the coupling is rounded down, ascending.
const COUPLINGS: [f64; 6] = [0.1, 0.3, 0.45, 0.5, 0.6, 0.8];

/// With more messages per tick than this from several machines, some messages must wait.
const OFTEN: f64 = 0.3;
/// A predicted queue with fewer messages than this is almost empty.
const NEXT_TO_NOTHING: f64 = 0.02;

/// The circumstances of a machine of a system.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// Whether a tick takes every message that waits.
    pub drains: bool,
    /// The coupling of the machines that are not overloaded, rounded down to one of a few levels. The coupling is minus the least
    /// eigenvalue of the matrix of sqrt(s_i s_j). From 1 on there may be several long-run states.
    pub coupling: f64,
    /// The share of the machine's messages that come from machines with less than 10 % idle ticks.
    pub from_busy: f64,
    /// The share of the machine's messages that come from machines with less than 30 % idle ticks.
    pub from_rather_busy: f64,
    /// The clock that this machine follows advances faster than its own machine ticks, by this share.
    pub gains: f64,
    /// Whether the time of a faster machine arrives only through other machines.
    pub is_relayed: bool,
    /// Number of machines that send to this machine.
    pub senders: usize,
    /// Messages that come to the machine between two of its ticks.
    pub load: f64,
    /// Messages that come to the machine in the observed time.
    pub messages: f64,
    /// Ticks of the machine in the observed time.
    pub ticks: f64,
    /// Ticks of the fastest machine during a mean delay.
    pub delay: f64,
    /// Messages that come to the machine during a mean delay, if delays vary; otherwise 0.
    pub overtaking: f64,
    /// The greatest value of `overtaking` among all machines.
    pub overtaking_of_any: f64,
    /// Whether messages come often from several machines although the predicted queue is almost empty.
    pub is_short_queue: bool,
    /// Whether all machines first tick at the same instant.
    pub is_aligned: bool,
    /// Number of machines with the highest rate.
    pub fastest: usize,
    /// The predicted slope of the machine's lag, in 1/s.
    pub lag_slope: f64,
    /// Whether this machine has the highest rate.
    pub is_fastest: bool,
    /// Whether this machine and another are critical.
    pub is_critical_too: bool,
}

impl Circumstances {
    /// The circumstances of all machines, which are in these `regimes`.
    pub fn find_all(
        system: &System,
        flow: &Flow,
        clocks: &Clocks<'_>,
        regimes: &[Regime],
    ) -> Vec<Self> {
        let exceeds = |level: &f64| !flow.links.is_definite(*level, &flow.active);
        let coupling = COUPLINGS.into_iter().rev().find(exceeds);
        let critical = |regime: &&Regime| **regime == Regime::Critical;
        let criticals = regimes.iter().filter(critical).count();
        let highest = system.fastest();
        let observed_s = system.duration_s - system.warm_up_s;
        let varying_s = match system.delays_vary {
            true => system.delay_s,
            false => 0.0,
        };
        let most_arrivals = flow.arrivals.iter().copied().fold(0.0, f64::max);
        let waits = |machine: usize| {
            let since_last_tick = flow.arrivals[machine] / (2.0 * system.rates[machine]);
            flow.queues[machine].mean(system.receiving_s()) - since_last_tick
        };
        let sources = Source::find_all(system, flow);
        (0..system.rates.len())
            .map(|machine| {
                let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
                Self {
                    drains: system.drains(),
                    coupling: coupling.unwrap_or_default(),
                    from_busy: from_busy(system, flow, machine, 0.1),
                    from_rather_busy: from_busy(system, flow, machine, 0.3),
                    gains: clocks.gains(machine),
                    is_relayed: sources[machine].is_relayed,
                    senders: flow.links.heard(machine).len(),
                    load: arrivals / rate,
                    messages: arrivals * observed_s,
                    ticks: rate * observed_s,
                    delay: system.delay_s * highest,
                    overtaking: varying_s * arrivals,
                    overtaking_of_any: varying_s * most_arrivals,
                    is_short_queue: !system.drains()
                        && arrivals > OFTEN * rate
                        && flow.links.heard(machine).len() > 1
                        && waits(machine) < NEXT_TO_NOTHING,
                    is_aligned: system.aligned,
                    fastest: system.rates.iter().filter(|rate| **rate == highest).count(),
                    lag_slope: clocks.lag_slope(machine).unwrap_or_default(),
                    is_fastest: rate == highest,
                    is_critical_too: regimes[machine] == Regime::Critical && criticals > 1,
                }
            })
            .collect()
    }
}

/// The share of the messages for `machine` that come from machines whose share of idle ticks is less than `idle`. It is 1 if no machine
/// that can send to it is ever idle.
fn from_busy(system: &System, flow: &Flow, machine: usize, idle: f64) -> f64 {
    let heard = || flow.links.heard(machine).iter();
    let sent = |&(sender, s): &(usize, f64)| s * flow.idle[sender];
    let all: f64 = heard().map(sent).sum();
    let is_busy = |(sender, _): &&(usize, f64)| flow.idle[*sender] < idle * system.rates[*sender];
    match all > 0.0 {
        true => heard().filter(is_busy).map(sent).sum::<f64>() / all,
        false => f64::from(u8::from(heard().next().is_some())),
    }
}
