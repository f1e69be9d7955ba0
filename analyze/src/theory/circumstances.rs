//! Numbers that describe the circumstances of a machine. They decide which caveats (reasons why a prediction may be inaccurate) its
//! predictions have.

use super::clocks::Clocks;
use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// The values of [`Circumstances::coupling`], in ascending order. They are the limits of the caveat `Coupled`.
const COUPLINGS: [f64; 6] = [0.1, 0.3, 0.45, 0.5, 0.6, 0.8];

/// Messages come often if more than this number arrives for each tick of the machine. If several machines send them, some must wait.
const OFTEN: f64 = 0.3;
/// A predicted queue with fewer messages than this is almost empty.
const ALMOST_EMPTY: f64 = 0.02;

/// The circumstances of a machine of a system.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// Whether a tick takes all waiting messages.
    pub takes_all: bool,
    /// The coupling: how strongly machines that are not overloaded influence each other. Let s_i be the probability that an idle tick
    /// of machine i sends to a given neighbour, and take the matrix with the element sqrt(s_i s_j) for neighbours i and j, and 0
    /// elsewhere. Its smallest eigenvalue is negative or 0. The coupling is the absolute value of this eigenvalue, rounded down to
    /// one of `COUPLINGS`, or 0 if it is less than all of them.
    pub coupling: f64,
    /// The share of the machine's messages that come from machines with less than 10 % idle ticks.
    pub share_from_busy: f64,
    /// The share of the machine's messages that come from machines with less than 30 % idle ticks.
    pub share_from_rather_busy: f64,
    /// How much faster the clock that this machine follows advances than the followed machine ticks, as a share: 0.1 means 10 %
    /// faster.
    pub gain_share: f64,
    /// Whether the time of a faster machine arrives only through other machines.
    pub is_relayed: bool,
    /// Number of machines that send to this machine.
    pub senders: usize,
    /// Number of messages that arrive at the machine per tick.
    pub messages_per_tick: f64,
    /// Number of messages that arrive at the machine in the observed time.
    pub messages: f64,
    /// Number of ticks of the machine in the observed time.
    pub ticks: f64,
    /// The mean delay of a message, in periods of the fastest machine (the time between two of its ticks).
    pub delay_in_ticks: f64,
    /// Number of messages that arrive at the machine during the mean delay, if delays vary; otherwise 0.
    pub arrivals_in_varying_delay: f64,
    /// The greatest value of `arrivals_in_varying_delay` among all machines.
    pub max_arrivals_in_varying_delay: f64,
    /// Whether messages come often from several machines although the predicted queue is almost empty.
    pub is_short_queue: bool,
    /// Whether all machines first tick at the same instant.
    pub is_aligned: bool,
    /// Number of machines that share the highest rate.
    pub fastest_machines: usize,
    /// The predicted slope of the machine's lag, in 1/s.
    pub lag_slope: f64,
    /// Whether this machine has the highest rate.
    pub is_fastest: bool,
    /// Whether this machine and at least one other machine are critical.
    pub is_critical_with_another: bool,
}

impl Circumstances {
    /// Finds the circumstances of all machines. `regimes` has the regime of each machine.
    pub fn find_all(
        system: &System,
        flow: &Flow,
        clocks: &Clocks<'_>,
        regimes: &[Regime],
    ) -> Vec<Self> {
        let reaches = |level: &f64| !flow.links.is_positive_definite(*level, &flow.active);
        let coupling = COUPLINGS.into_iter().rev().find(reaches);
        let is_critical = |regime: &&Regime| **regime == Regime::Critical;
        let criticals = regimes.iter().filter(is_critical).count();
        let highest_rate = system.highest_rate();
        let observed_s = system.duration_s - system.warm_up_s;
        let varying_s = match system.delays_vary {
            true => system.delay_s,
            false => 0.0,
        };
        let max_arrivals = flow.arrivals.iter().copied().fold(0.0, f64::max);
        let predicted_queue = |machine: usize| {
            let arrived_since_last_tick = flow.arrivals[machine] / (2.0 * system.rates[machine]);
            flow.queues[machine].mean(system.receiving_s()) - arrived_since_last_tick
        };
        let sources = Source::find_all(system, flow);
        (0..system.rates.len())
            .map(|machine| {
                let (rate, arrivals) = (system.rates[machine], flow.arrivals[machine]);
                Self {
                    takes_all: system.takes_all(),
                    coupling: coupling.unwrap_or_default(),
                    share_from_busy: share_from_busy(system, flow, machine, 0.1),
                    share_from_rather_busy: share_from_busy(system, flow, machine, 0.3),
                    gain_share: clocks.gain_share(machine),
                    is_relayed: sources[machine].is_relayed,
                    senders: flow.links.senders_to(machine).len(),
                    messages_per_tick: arrivals / rate,
                    messages: arrivals * observed_s,
                    ticks: rate * observed_s,
                    delay_in_ticks: system.delay_s * highest_rate,
                    arrivals_in_varying_delay: varying_s * arrivals,
                    max_arrivals_in_varying_delay: varying_s * max_arrivals,
                    is_short_queue: !system.takes_all()
                        && arrivals > OFTEN * rate
                        && flow.links.senders_to(machine).len() > 1
                        && predicted_queue(machine) < ALMOST_EMPTY,
                    is_aligned: system.aligned,
                    fastest_machines: system
                        .rates
                        .iter()
                        .filter(|rate| **rate == highest_rate)
                        .count(),
                    lag_slope: clocks.lag_slope(machine).unwrap_or_default(),
                    is_fastest: rate == highest_rate,
                    is_critical_with_another: regimes[machine] == Regime::Critical && criticals > 1,
                }
            })
            .collect()
    }
}

/// The share of the messages for `machine` that come from machines whose share of idle ticks is less than `idle_share`. It is 1 if
/// machines could send to `machine`, but none of them is ever idle. It is 0 if no machine sends to `machine`.
fn share_from_busy(system: &System, flow: &Flow, machine: usize, idle_share: f64) -> f64 {
    let senders = || flow.links.senders_to(machine).iter();
    let sent = |&(sender, s): &(usize, f64)| s * flow.idle[sender];
    let all: f64 = senders().map(sent).sum();
    let is_busy =
        |(sender, _): &&(usize, f64)| flow.idle[*sender] < idle_share * system.rates[*sender];
    match all > 0.0 {
        true => senders().filter(is_busy).map(sent).sum::<f64>() / all,
        false if senders().next().is_some() => 1.0,
        false => 0.0,
    }
}
