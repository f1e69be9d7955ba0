//! How far the greatest clock is ahead of the fastest machine's clock.
//!
//! **Two equal machines.** In a pair that ticks in turn, the machine that ticked last has the greatest clock ([`super::pair`]).
//!
//! **A single fastest machine f** has the period P = 1/r. Let its last tick be a time a ago, and let it have sent to j at its kth tick
//! before that one (k = 0 is the last tick itself). Machine j with the rate q < r received the message at its next tick, added 1, and
//! counted its ticks since. If b is the time since j's last tick, j has counted floor((a + k P - b) q) + 1 ticks, and f has counted k.
//! So j is ahead, by one, if and only if
//!
//! > b <= a - k (1/q - P):
//!
//! If this fails for the last message, it fails for every earlier one. Let b be evenly distributed over 1/q, and a over P. Each of f's
//! ticks sends to j with probability e = s y / r. Then j is ahead with the probability
//!
//! > sum over k of e (1 - e)^k q max(0, a - k (1/q - P)), averaged over a.
//!
//! The greatest clock is ahead if the clock of any listener is. Listeners are independent for a given a, or for given a and k if every
//! message goes to all. A delay of d reduces a by d. No listener gets ahead if messages carry the clock before the increment, or by a
//! message that waits behind another. With lambda messages per second, a share 1 - lambda / q of the ticks finds an empty queue.
//! Divided by the probability 1 - e that f itself sends nothing, the probability that no other message waits is
//! (1 - lambda / q) / (1 - e).

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// Number of values of a, within the period, over which is averaged.
const POINTS: u32 = 40;
/// The sum over k ends when (1 - e)^k is below this value.
const NEGLIGIBLE: f64 = 1e-6;
/// The greatest k of the sum.
const MOST_BACK: u32 = 1000;

/// How far the greatest clock is ahead of each machine with the highest rate and, for the other machines, of the clock from which their
/// lag is counted.
pub(super) fn leads(system: &System, flow: &Flow) -> Vec<f64> {
    let rate = system.fastest();
    let equals: Vec<usize> = (0..system.rates.len())
        .filter(|&machine| system.rates[machine] == rate)
        .collect();
    let none = vec![0.0; system.rates.len()];
    if system.stamps_before {
        return none;
    }
    match equals[..] {
        [fastest] => vec![lead_of_listeners(system, flow, fastest); system.rates.len()],
        // Their clocks stay equal.
        _ if system.aligned => none,
        [first, second, ..] => {
            let (of_first, of_second) = Pair::from_links(&flow.links, first, second).behind();
            let lead = |machine: usize| match machine {
                _ if machine == first => of_first,
                _ if machine == second => of_second,
                _ => (of_first + of_second) / 2.0,
            };
            (0..system.rates.len()).map(lead).collect()
        }
        [] => none,
    }
}

/// A slower machine that receives messages of the fastest.
struct Listener {
    /// Ticks per second of the listener, q.
    rate: f64,
    /// The probability that a message waits behind no other message.
    free_probability: f64,
}

impl Listener {
    /// The listener `machine`; `sends` is e.
    fn new(system: &System, flow: &Flow, machine: usize, sends: f64) -> Self {
        let rate = system.rates[machine];
        let load = flow.arrivals[machine] / rate;
        Self {
            rate,
            free_probability: match system.drains() || load <= sends {
                true => 1.0,
                false => ((1.0 - load) / (1.0 - sends)).max(0.0),
            },
        }
    }
}

/// How far the greatest clock of the listeners is ahead of `fastest` on average.
fn lead_of_listeners(system: &System, flow: &Flow, fastest: usize) -> f64 {
    let rate = system.rates[fastest];
    let sender = flow.links.sender(fastest);
    let sends = sender.one * flow.idle[fastest] / rate;
    let listeners: Vec<Listener> = sender
        .neighbours
        .iter()
        .map(|&machine| Listener::new(system, flow, machine, sends))
        .collect();
    let is_to_all = sender.one == sender.two;
    let at = |point: u32| {
        let since = (f64::from(point) + 0.5) / f64::from(POINTS) / rate - system.delay_s;
        let is_ahead = |listener: &Listener, back: f64| {
            let by = since - back * (1.0 / listener.rate - 1.0 / rate);
            listener.free_probability * (listener.rate * by).clamp(0.0, 1.0)
        };
        if is_to_all {
            let all_behind = |back: f64| {
                listeners
                    .iter()
                    .map(|listener| 1.0 - is_ahead(listener, back))
                    .product::<f64>()
            };
            return over_messages(sends, |back| 1.0 - all_behind(back));
        }
        let behind =
            |listener: &Listener| 1.0 - over_messages(sends, |back| is_ahead(listener, back));
        1.0 - listeners.iter().map(behind).product::<f64>()
    };
    (0..POINTS).map(at).sum::<f64>() / f64::from(POINTS)
}

/// The sum over k of `sends` (1 - `sends`)^k `of_message`(k).
fn over_messages(sends: f64, of_message: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut left) = (0.0, 1.0);
    for back in 0..MOST_BACK {
        let of_message = of_message(f64::from(back));
        if left < NEGLIGIBLE || of_message <= 0.0 {
            break;
        }
        sum += left * sends * of_message;
        left *= 1.0 - sends;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::experiment::Topology;

    fn keeper(rates: &[f64], internal: f64) -> System {
        System {
            topology: Topology::TimeKeeper,
            ..System::new(rates, internal, 60.0)
        }
    }

    fn lead(system: &System) -> f64 {
        leads(system, &Flow::solve(system).expect("one solution"))[0]
    }

    /// A listener at half the rate is ahead after a tick that received the time-keeper's last message. The last tick of the
    /// time-keeper sent with probability 0.3; the listener ticked since then with probability (1/2) (q / r) = 1/4; no other message
    /// waited with probability (1 - 0.6) / (1 - 0.3) = 4/7. Earlier messages do not put it ahead.
    #[test]
    fn one_listener_worked_out_by_hand() {
        assert!((lead(&keeper(&[6.0, 3.0], 0.7)) - 0.3 / 7.0).abs() < 1e-3);
        // Both of two listeners are behind with probability (1 - a f)^2, where a f is between 0 and 2/7.
        let both_behind = 1.0 - 2.0 / 7.0 + (2.0f64 / 7.0).powi(2) / 3.0;
        let expected = 0.3 * (1.0 - both_behind);
        assert!((lead(&keeper(&[6.0, 3.0, 3.0], 0.7)) - expected).abs() < 1e-3);
    }

    #[test]
    fn nobody_is_ahead_of_one_who_does_not_send_or_sends_too_late() {
        assert_eq!(lead(&keeper(&[6.0, 3.0], 1.0)), 0.0);
        let before = System {
            stamps_before: true,
            ..keeper(&[6.0, 3.0], 0.7)
        };
        let late = System {
            delay_s: 0.2,
            ..keeper(&[6.0, 3.0], 0.7)
        };
        assert_eq!((lead(&before), lead(&late)), (0.0, 0.0));
    }
}
