//! The *lead*: how far the greatest clock of a run is ahead of the fastest machine's clock, on average. Another clock can be ahead for a
//! part of the time between two ticks of the fastest machine, because a receive adds 1 to the timestamp of the message.
//!
//! # Two machines at the highest rate
//!
//! If the two machines tick at the same instants, their clocks stay equal, and the lead is 0. Otherwise they tick in turn, and only the
//! clock of the machine that ticks next can be behind. [`super::pair`] derives how far it is behind on average.
//!
//! # One machine at the highest rate
//!
//! Let the fastest machine f tick r times per second, with the period P = 1 / r. A *listener* is a slower machine j that receives
//! messages of f; it ticks q times per second. A message of f can put the clock of j one ahead of the clock of f until f ticks again.
//! Look at one moment of the run:
//!
//! - Let a be the time since the last tick of f, and b the time since the last tick of j, in seconds.
//! - Let k be the number of ticks that f has had since it sent a message to j (k = 0 if f sent it at its last tick). So the clock of f is
//!   now k more than the timestamp of the message.
//! - The message was sent a + k P seconds ago, so the last tick of j was a + k P - b seconds after the send. From the send to this tick,
//!   j has had floor((a + k P - b) q) + 1 ticks; the + 1 is this last tick itself. At the first of these ticks, j received the message,
//!   and its clock became the timestamp plus 1. Each further tick added 1. So the clock of j is now floor((a + k P - b) q) + 1 more than
//!   the timestamp.
//!
//! j is ahead of f if j has had more than k ticks since the send. j cannot have had more than k + 1 ticks, because f has had k, and j is
//! slower. So j is ahead, by one, if and only if floor((a + k P - b) q) + 1 > k. This means (a + k P - b) q >= k, which is the same as
//!
//! > b <= a - k (1/q - P).
//!
//! An earlier message has a larger k, and a larger k makes the right side smaller. So if the inequality is false for the last message of f,
//! it is false for all earlier messages too, and only the last message matters.
//!
//! A tick of f sends a message to j with probability e = s y / r, where y is the number of idle ticks of f (ticks that receive nothing) per
//! second, and s is the probability that an idle tick of f sends to j. So the last message was sent k ticks before the last tick of f with
//! probability e (1 - e)^k. Let b be evenly distributed between 0 and 1/q, and a between 0 and P. For any x up to 1/q, b is at most x with
//! probability q x, or 0 if x is negative. So j is ahead with probability
//!
//! > sum over k of e (1 - e)^k q max(0, a - k (1/q - P)), averaged over a.
//!
//! The greatest clock of the run is ahead of f if the clock of at least one listener is. The listeners are treated as independent for
//! each value of a. If every message goes to all machines, k is the same for all listeners. Then the listeners are treated as
//! independent for each pair of values of a and k.
//!
//! Three things make this probability smaller:
//!
//! - If messages have a delay d, each message arrives d seconds after its send. So a - d replaces a in the inequality.
//! - If messages carry the clock before the increment, no listener gets ahead.
//! - A message that waits behind another message puts no listener ahead. So the sum above is multiplied by w, the probability that no
//!   other message waits. Let lambda messages arrive at j per second. Then a tick of j finds an empty queue with probability
//!   1 - lambda / q. The queue is empty if f sent nothing at its last tick (probability 1 - e), and no other message waits
//!   (probability w). If these two conditions are independent, 1 - lambda / q = (1 - e) w. So w = (1 - lambda / q) / (1 - e).

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// Number of values of a (the time since the last tick of f), evenly spaced in the period of f, over which the average is taken.
const POINTS: u32 = 40;
/// The sum over k ends when (1 - e)^k is below this value.
const NEGLIGIBLE: f64 = 1e-6;
/// The sum over k has at most this many terms.
const MAX_TERMS: u32 = 1000;

/// The lead for each machine. A machine's lag behind the greatest clock is the sum of two numbers: its lag behind the clock of the fastest
/// machine, and its lead.
///
/// If one machine has the highest rate, the lead is the same for all machines. If several machines have it, each of the first two of
/// them has a lead of its own: how far its clock is behind the greater of the two clocks. All other machines have the mean of these two
/// leads.
pub(super) fn leads(system: &System, flow: &Flow) -> Vec<f64> {
    let rate = system.highest_rate();
    let fastest_machines: Vec<usize> = (0..system.rates.len())
        .filter(|&machine| system.rates[machine] == rate)
        .collect();
    let zeros = vec![0.0; system.rates.len()];
    // A message that carries the clock before the increment puts no clock ahead.
    if system.stamps_before {
        return zeros;
    }
    match fastest_machines[..] {
        [fastest] => vec![lead_of_listeners(system, flow, fastest); system.rates.len()],
        // Machines with the highest rate tick at the same instants, so their clocks stay equal.
        _ if system.aligned => zeros,
        // If three or more machines have the highest rate, the first two stand for all of them.
        [first, second, ..] => {
            let (of_first, of_second) = Pair::from_links(&flow.links, first, second).behind();
            let lead = |machine: usize| {
                if machine == first {
                    of_first
                } else if machine == second {
                    of_second
                } else {
                    (of_first + of_second) / 2.0
                }
            };
            (0..system.rates.len()).map(lead).collect()
        }
        [] => zeros,
    }
}

/// A slower machine that receives messages of the fastest.
struct Listener {
    /// Ticks per second of the listener, q.
    rate: f64,
    /// The probability that a message does not wait behind another message.
    free_probability: f64,
}

impl Listener {
    /// Describes `machine` as a listener; `send_probability` is e.
    fn new(system: &System, flow: &Flow, machine: usize, send_probability: f64) -> Self {
        let rate = system.rates[machine];
        let load = flow.arrivals[machine] / rate;
        Self {
            rate,
            // If a tick takes all waiting messages, no message waits behind another. If the load (lambda / q) is below e, the formula would
            // give more than 1.
            free_probability: match system.takes_all() || load <= send_probability {
                true => 1.0,
                false => ((1.0 - load) / (1.0 - send_probability)).max(0.0),
            },
        }
    }
}

/// How far the greatest clock of the run is ahead of the clock of `fastest` on average. At each moment, the greatest clock is
/// ahead by one or not at all. So the average is the probability that at least one listener is ahead.
fn lead_of_listeners(system: &System, flow: &Flow, fastest: usize) -> f64 {
    let rate = system.rates[fastest];
    let sender = flow.links.sender(fastest);
    let send_probability = sender.s * flow.idle[fastest] / rate;
    let listeners: Vec<Listener> = sender
        .neighbours
        .iter()
        .map(|&machine| Listener::new(system, flow, machine, send_probability))
        .collect();
    // `sender.s` is the probability that a given neighbour gets a message. `sender.q` (not the rate q above) is the probability that both
    // of two given neighbours get one. If `s` equals `q`, no neighbour ever gets a message without the others.
    let always_sends_to_all = sender.s == sender.q;
    // The probability that at least one listener is ahead, for one value of a.
    let p_ahead_at = |point: u32| {
        // The middle of one of `POINTS` equal parts of the period, minus the delay.
        let a = (f64::from(point) + 0.5) / f64::from(POINTS) / rate - system.delay_s;
        let p_ahead = |listener: &Listener, k: f64| {
            let max_b = a - k * (1.0 / listener.rate - 1.0 / rate);
            listener.free_probability * (listener.rate * max_b).clamp(0.0, 1.0)
        };
        if always_sends_to_all {
            let p_none_ahead = |k: f64| {
                listeners
                    .iter()
                    .map(|listener| 1.0 - p_ahead(listener, k))
                    .product::<f64>()
            };
            return sum_over_messages(send_probability, |k| 1.0 - p_none_ahead(k));
        }
        let p_not_ahead = |listener: &Listener| {
            1.0 - sum_over_messages(send_probability, |k| p_ahead(listener, k))
        };
        1.0 - listeners.iter().map(p_not_ahead).product::<f64>()
    };
    (0..POINTS).map(p_ahead_at).sum::<f64>() / f64::from(POINTS)
}

/// The sum over k of e (1 - e)^k `p_ahead(k)`, where e is `send_probability`. `p_ahead(k)` falls as k rises, so the sum ends where
/// `p_ahead(k)` is 0.
fn sum_over_messages(send_probability: f64, p_ahead: impl Fn(f64) -> f64) -> f64 {
    // The probability that f has sent nothing in the last k ticks: (1 - e)^k.
    let mut p_nothing_later = 1.0;
    let mut sum = 0.0;
    for k in 0..MAX_TERMS {
        let p_ahead_at_k = p_ahead(f64::from(k));
        if p_nothing_later < NEGLIGIBLE || p_ahead_at_k <= 0.0 {
            break;
        }
        sum += p_nothing_later * send_probability * p_ahead_at_k;
        p_nothing_later *= 1.0 - send_probability;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::experiment::Topology;

    fn time_keeper(rates: &[f64], internal: f64) -> System {
        System {
            topology: Topology::TimeKeeper,
            ..System::new(rates, internal, 60.0)
        }
    }

    fn lead(system: &System) -> f64 {
        leads(system, &Flow::solve(system).expect("one solution"))[0]
    }

    /// The time-keeper is the only machine that sends, and each send goes to all listeners. A listener at half the time-keeper's rate is
    /// ahead if three things come together:
    ///
    /// - The last tick of the time-keeper sent a message: probability 1 - `internal` = 0.3.
    /// - The listener has ticked since then: probability 1/4, because half a period of the time-keeper has passed on average, and this is a
    ///   quarter of the listener's period.
    /// - No other message waited: probability (1 - 0.6) / (1 - 0.3) = 4/7, because 0.3 * 6 / 3 = 0.6 messages arrive per tick of the
    ///   listener.
    ///
    /// So the lead is 0.3 (1/4) (4/7) = 0.3 / 7. Earlier messages (k >= 1) do not put the listener ahead, because a is at most 1/6, so
    /// a - k (1/3 - 1/6) is then at most 0.
    #[test]
    fn the_leads_of_one_and_of_two_listeners_are_those_worked_out_by_hand() {
        assert!((lead(&time_keeper(&[6.0, 3.0], 0.7)) - 0.3 / 7.0).abs() < 1e-3);
        // If the last tick of the time-keeper sent a message, a listener is ahead with probability x. x grows evenly with the time since
        // that tick, from 0 to m = (1/2) (4/7) = 2/7. (The factor 1/2: a whole period of the time-keeper is half a period of the listener.)
        // Neither listener is ahead with probability (1 - x)^2. The average of (1 - x)^2 over x from 0 to m is 1 - m + m^2 / 3.
        let none_ahead = 1.0 - 2.0 / 7.0 + (2.0f64 / 7.0).powi(2) / 3.0;
        let expected = 0.3 * (1.0 - none_ahead);
        assert!((lead(&time_keeper(&[6.0, 3.0, 3.0], 0.7)) - expected).abs() < 1e-3);
    }

    #[test]
    fn no_listener_is_ahead_without_messages_or_with_stamps_before_or_with_a_long_delay() {
        assert_eq!(lead(&time_keeper(&[6.0, 3.0], 1.0)), 0.0);
        let before = System {
            stamps_before: true,
            ..time_keeper(&[6.0, 3.0], 0.7)
        };
        // The delay is longer than the period of the time-keeper, 1/6 s.
        let late = System {
            delay_s: 0.2,
            ..time_keeper(&[6.0, 3.0], 0.7)
        };
        assert_eq!((lead(&before), lead(&late)), (0.0, 0.0));
    }
}
