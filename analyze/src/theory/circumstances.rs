//! What decides how good a prediction is, as numbers.

use super::clocks::Clocks;
use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// Levels of coupling that are told apart, ascending.
const COUPLINGS: [f64; 6] = [0.1, 0.3, 0.45, 0.5, 0.6, 0.8];

/// Messages per tick from which on some must wait if several machines send them, and how many that is at least.
const OFTEN: f64 = 0.3;
const NEXT_TO_NOTHING: f64 = 0.02;

/// What holds for a machine of a system.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// Whether a tick takes every message that waits.
    pub drains: bool,
    /// The greatest of a few levels that is not above the coupling of the machines that are not overloaded: minus the least
    /// eigenvalue of the matrix of the sqrt(s_i s_j). At 1 there is more than one long-run state.
    pub coupling: f64,
    /// The share of the machine's messages that come from machines of whose ticks less than 10 % are idle.
    pub from_busy: f64,
    /// The same with 30 %.
    pub from_rather_busy: f64,
    /// By what share the clock that the machine follows runs faster than that clock's own machine ticks.
    pub gains: f64,
    /// Whether news of a faster machine arrives only through others.
    pub is_relayed: bool,
    /// Machines that send to it.
    pub senders: usize,
    /// Messages that come in the time between two of its ticks.
    pub load: f64,
    /// Messages that come in the time observed.
    pub messages: f64,
    /// Its ticks in the time observed.
    pub ticks: f64,
    /// How many ticks the fastest machine makes during a mean delay.
    pub delay: f64,
    /// How many messages come to the machine during a mean delay, if delays vary.
    pub overtaking: f64,
    /// The greatest of these numbers among all machines.
    pub overtaking_of_any: f64,
    /// Whether messages come often from several machines, and yet next to nothing is expected to wait.
    pub is_short_queue: bool,
    /// Whether all machines first tick at the same instant.
    pub is_aligned: bool,
    /// How many machines share the highest rate.
    pub fastest: usize,
    /// The slope of its lag that is predicted, in 1/s.
    pub lag_slope: f64,
    /// Whether it ticks at the highest rate itself.
    pub is_fastest: bool,
    /// Whether this machine and another are critical.
    pub is_critical_too: bool,
}

impl Circumstances {
    /// Those of all machines, which are in these `regimes`.
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

/// The share of the messages for `machine` that come from machines of whose ticks a share of less than `idle` is idle: all, if none of
/// those that send to it is ever idle.
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
