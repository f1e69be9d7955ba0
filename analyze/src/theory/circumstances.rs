//! Numbers that describe the circumstances of a machine. They decide which caveats its predictions have.

use super::clocks::Clocks;
use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// The levels to which the coupling is rounded down, in ascending order.
const COUPLINGS: [f64; 6] = [0.1, 0.3, 0.45, 0.5, 0.6, 0.8];

/// If several machines together send more messages per tick than this, some messages must wait.
const OFTEN: f64 = 0.3;
/// A predicted queue with fewer messages than this is almost empty.
const NEXT_TO_NOTHING: f64 = 0.02;

/// The circumstances of a machine of a system.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// Whether a tick takes all waiting messages.
    pub takes_all: bool,
    /// The coupling: how strongly machines that are not overloaded influence each other. It is minus the least eigenvalue of the
    /// matrix with the elements sqrt(s_i s_j) for neighbours i and j, rounded down to one of `COUPLINGS`. If it is 1 or more,
    /// there may be several long-run states.
    pub coupling: f64,
    /// The share of the machine's messages that come from machines with less than 10 % idle ticks.
    pub from_busy: f64,
    /// The share of the machine's messages that come from machines with less than 30 % idle ticks.
    pub from_rather_busy: f64,
    /// How much faster the clock that this machine follows advances than its own machine ticks, as a share: 0.1 means 10 %
    /// faster.
    pub gains: f64,
    /// Whether the time of a faster machine arrives only through other machines.
    pub is_relayed: bool,
    /// Number of machines that send to this machine.
    pub senders: usize,
    /// Messages that arrive at the machine per tick.
    pub load: f64,
    /// Messages that arrive at the machine in the observed time.
    pub messages: f64,
    /// Ticks of the machine in the observed time.
    pub ticks: f64,
    /// Number of ticks of the fastest machine during the mean delay of a message.
    pub delay: f64,
    /// Number of messages that arrive at the machine during the mean delay, if delays vary; otherwise 0.
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
    /// Finds the circumstances of all machines. `regimes` has the regime of each machine.
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
                    takes_all: system.takes_all(),
                    coupling: coupling.unwrap_or_default(),
                    from_busy: from_busy(system, flow, machine, 0.1),
                    from_rather_busy: from_busy(system, flow, machine, 0.3),
                    gains: clocks.gains(machine),
                    is_relayed: sources[machine].is_relayed,
                    senders: flow.links.senders_to(machine).len(),
                    load: arrivals / rate,
                    messages: arrivals * observed_s,
                    ticks: rate * observed_s,
                    delay: system.delay_s * highest,
                    overtaking: varying_s * arrivals,
                    overtaking_of_any: varying_s * most_arrivals,
                    is_short_queue: !system.takes_all()
                        && arrivals > OFTEN * rate
                        && flow.links.senders_to(machine).len() > 1
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

/// The share of the messages for `machine` that come from machines whose share of idle ticks is less than `idle`. It is 1 if all
/// machines that send to `machine` are never idle.
fn from_busy(system: &System, flow: &Flow, machine: usize, idle: f64) -> f64 {
    let senders = || flow.links.senders_to(machine).iter();
    let sent = |&(sender, s): &(usize, f64)| s * flow.idle[sender];
    let all: f64 = senders().map(sent).sum();
    let is_busy = |(sender, _): &&(usize, f64)| flow.idle[*sender] < idle * system.rates[*sender];
    match all > 0.0 {
        true => senders().filter(is_busy).map(sent).sum::<f64>() / all,
        false => f64::from(u8::from(senders().next().is_some())),
    }
}
