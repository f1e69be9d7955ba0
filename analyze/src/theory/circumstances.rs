//! Numbers that describe the circumstances of a machine. They decide which caveats (reasons why a prediction may be inaccurate) its
//! predictions have.

use super::clocks::Clocks;
use super::flow::Flow;
use super::regime::Regime;
use super::sources::Source;
use super::system::System;

/// The values to which [`Circumstances::coupling`] is rounded down, in ascending order. The caveat `Coupled` compares the coupling only with
/// these values, so the rounding does not change the result of a comparison.
const COUPLINGS: [f64; 6] = [0.1, 0.3, 0.45, 0.5, 0.6, 0.8];

/// Messages come often if more than this number arrives per tick of the machine. If they come from several machines, now and then two arrive
/// between the same two ticks, and one must wait for the other.
const OFTEN_PER_TICK: f64 = 0.3;
/// A predicted queue is almost empty if its mean length is less than this number of messages.
const ALMOST_EMPTY: f64 = 0.02;

/// The circumstances of a machine of a system.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    /// Whether a tick takes all waiting messages.
    pub takes_all: bool,
    /// The coupling: how strongly the machines of the system influence each other. If the coupling is 1 or more, the machines may overload
    /// each other until some of them stop sending ([`super::fluid`]). This field has the coupling rounded down to one of `COUPLINGS`, or to
    /// 0 if the coupling is less than all of them.
    ///
    /// An idle tick (a tick that receives nothing) of machine i sends to a given neighbour with probability s_i. Take two machines, and let
    /// machine 0 have one idle tick more. Then machine 1 receives s_0 messages more on average. Each message takes one tick, so machine 1
    /// has s_0 idle ticks less, and sends s_0 s_1 messages less to machine 0. This gives machine 0 another s_0 s_1 idle ticks. So the change
    /// was multiplied by s_0 and then by s_1. The coupling is the geometric mean of these two factors: sqrt(s_0 s_1).
    ///
    /// For more machines, take the matrix M with the element sqrt(s_i s_j) for two machines i and j that send to each other, and 0
    /// elsewhere. Overloaded machines have no row and no column, because they have no idle ticks in the long run. Let the vector v have
    /// one element for each machine i: the change of its number of idle ticks, multiplied by sqrt(s_i). These changes cause further
    /// changes at the neighbours. The vector of the further changes is -M v. The minus is there because more idle ticks of a machine mean
    /// fewer idle ticks of its neighbours. If v is an eigenvector of M with a negative eigenvalue e, -M v is -e v. The vector -e v has the
    /// direction of v, so the further changes reinforce the first changes. The coupling is -e for the smallest eigenvalue e. (This e is
    /// never above 0.) For two machines, -e is sqrt(s_0 s_1) again.
    pub coupling: f64,
    /// Of the messages that arrive at this machine, the share that comes from machines with less than 10 % idle ticks.
    pub share_from_idle_below_10_percent: f64,
    /// Of the messages that arrive at this machine, the share that comes from machines with less than 30 % idle ticks.
    pub share_from_idle_below_30_percent: f64,
    /// Let j be the machine whose clock grows fastest in the long run, among the clocks whose values reach this machine. (j may be this
    /// machine itself.) For a short time, another clock can be ahead of j's clock. Then a message with the other clock's value makes j's
    /// clock jump. The gain share is what these jumps add to j's clock per tick of j: 0.1 means that j's clock grows by 110 in 100 ticks.
    pub gain_share: f64,
    /// Whether the fastest clock whose values can reach this machine belongs to a machine that sends nothing to this machine directly. Then
    /// the values come only through other machines.
    pub is_relayed: bool,
    /// Number of machines that send to this machine.
    pub senders: usize,
    /// Number of messages that arrive at the machine per tick.
    pub messages_per_tick: f64,
    /// Number of messages that arrive at the machine in the observed time (the run without its warm-up).
    pub messages: f64,
    /// Number of ticks of the machine in the observed time.
    pub ticks: f64,
    /// The mean delay of a message, in periods of the fastest machine (a period is the time between two of its ticks).
    pub delay_in_periods: f64,
    /// If delays vary: the mean number of messages that are under way to the machine at the same time (messages per second times the mean
    /// delay). A message does not overtake an earlier one of the same sender, so some of these messages wait for an earlier one. If all
    /// delays are equal, no message waits for another, and the number is set to 0, although messages are under way.
    pub messages_under_way_if_delays_vary: f64,
    /// The greatest value of `messages_under_way_if_delays_vary` among all machines.
    pub max_messages_under_way_if_delays_vary: f64,
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
    /// Whether this machine and at least one other machine are critical (about as many messages arrive as a machine has ticks).
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
        // Find the highest level that the coupling reaches, without computing an eigenvalue of the matrix M (see the field `coupling`). If
        // M has `level` in the diagonal in place of 0, each eigenvalue is larger by `level`. So the smallest eigenvalue is `level` minus the
        // coupling. If this eigenvalue is above 0, the matrix is called positive definite, and the coupling is less than `level`.
        let reaches = |level: &f64| !flow.links.is_positive_definite(*level, &flow.active);
        let coupling = COUPLINGS.into_iter().rev().find(reaches);
        let is_critical = |regime: &&Regime| **regime == Regime::Critical;
        let critical_machines = regimes.iter().filter(is_critical).count();
        let highest_rate = system.highest_rate();
        let observed_s = system.duration_s - system.warm_up_s;
        let varying_delay_s = match system.delays_vary {
            true => system.delay_s,
            false => 0.0,
        };
        let max_arrivals = flow.arrivals.iter().copied().fold(0.0, f64::max);
        // The mean number of waiting messages. The messages that arrived since the last tick are subtracted, because they wait for the next
        // tick in any case.
        let predicted_queue = |machine: usize| {
            // On average, the last tick was half a period ago, and a period is 1 / rate.
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
                    share_from_idle_below_10_percent: share_from_busy(system, flow, machine, 0.1),
                    share_from_idle_below_30_percent: share_from_busy(system, flow, machine, 0.3),
                    gain_share: clocks.gain_share(machine),
                    is_relayed: sources[machine].is_relayed,
                    senders: flow.links.senders_to(machine).len(),
                    messages_per_tick: arrivals / rate,
                    messages: arrivals * observed_s,
                    ticks: rate * observed_s,
                    delay_in_periods: system.delay_s * highest_rate,
                    messages_under_way_if_delays_vary: varying_delay_s * arrivals,
                    max_messages_under_way_if_delays_vary: varying_delay_s * max_arrivals,
                    is_short_queue: !system.takes_all()
                        && arrivals > OFTEN_PER_TICK * rate
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
                    is_critical_with_another: regimes[machine] == Regime::Critical
                        && critical_machines > 1,
                }
            })
            .collect()
    }
}

/// The share of the messages for `machine` that come from busy machines. A machine is busy if its share of idle ticks is below
/// `max_idle_share`. The result is 0 if `machine` has no senders. The result is 1 if `machine` has senders, but none of them ever has an
/// idle tick: then all senders are busy.
fn share_from_busy(system: &System, flow: &Flow, machine: usize, max_idle_share: f64) -> f64 {
    let senders = || flow.links.senders_to(machine).iter();
    if senders().next().is_none() {
        return 0.0;
    }
    // Messages per second from a sender to `machine`. `s` is the probability that an idle tick of the sender sends to `machine`.
    let sent = |&(sender, s): &(usize, f64)| s * flow.idle[sender];
    let sent_by_all: f64 = senders().map(sent).sum();
    if sent_by_all == 0.0 {
        return 1.0;
    }
    // Both sides of the comparison are numbers of ticks per second.
    let is_busy =
        |(sender, _): &&(usize, f64)| flow.idle[*sender] < max_idle_share * system.rates[*sender];
    senders().filter(is_busy).map(sent).sum::<f64>() / sent_by_all
}
