//! How far the greatest clock is ahead of the fastest machine's.
//!
//! **Equals.** Of a pair that ticks in turn, the one that ticked last has the greatest clock ([`super::pair`]).
//!
//! **A fastest machine f alone,** with the period P = 1/r. Let it have ticked last a ago, and have sent to j at that tick or, counted
//! back, at its kth before. Machine j of rate q < r took the message at its next tick, added 1, and has counted its ticks since. If b
//! is the time since j's last tick, it has then counted floor((a + k P - b) q) + 1 of them, and f has counted k. So j is ahead, by one,
//! if and only if
//!
//! > b <= a - k (1/q - P):
//!
//! a condition that fails for every earlier message if it fails for the last. With b evenly distributed over 1/q and a over P, and with
//! each of f's ticks sending to j with probability e = s y / r, j is ahead with the probability
//!
//! > sum over k of e (1 - e)^k q max(0, a - k (1/q - P)), averaged over a.
//!
//! The greatest clock is ahead if any of them is. They are independent given a - and given k too, if every message goes to all. A
//! message under way for d shortens a by d; before the increment no message is ahead, nor is one that waits behind another. With
//! lambda messages a second, a queue is empty after a share 1 - lambda / q of the ticks over the probability that nothing comes until
//! the next; that none came since is in both but for the message itself, which leaves the factor (1 - lambda / q) / (1 - e).

use super::flow::Flow;
use super::pair::Pair;
use super::system::System;

/// Values of a, within the period.
const POINTS: u32 = 40;
/// What is left of (1 - e)^k at the last k.
const NEGLIGIBLE: f64 = 1e-6;
/// The most k.
const MOST_BACK: u32 = 1000;

/// How far the greatest clock is ahead of each machine that shares the greatest rate, and of where the others reckon from.
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
        [fastest] => vec![of_listeners(system, flow, fastest); system.rates.len()],
        // They stay level.
        _ if system.aligned => none,
        [first, second, ..] => {
            let (of_first, of_second) = Pair::of(&flow.links, first, second).behind();
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

/// A slower machine that hears the fastest.
struct Listener {
    /// Its ticks per second, q.
    rate: f64,
    /// The probability that a message waits behind no other.
    is_free: f64,
}

impl Listener {
    /// `sends` is e.
    fn new(system: &System, flow: &Flow, machine: usize, sends: f64) -> Self {
        let rate = system.rates[machine];
        let load = flow.arrivals[machine] / rate;
        Self {
            rate,
            is_free: match system.drains() || load <= sends {
                true => 1.0,
                false => ((1.0 - load) / (1.0 - sends)).max(0.0),
            },
        }
    }
}

/// How far those that hear `fastest` are ahead of it.
fn of_listeners(system: &System, flow: &Flow, fastest: usize) -> f64 {
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
            listener.is_free * (listener.rate * by).clamp(0.0, 1.0)
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

    /// A listener at half the rate is ahead after a tick that found the keeper's last message: with the probability that the last
    /// tick of the keeper sent, 0.3, that the listener's tick came since, (1/2) (q / r) = 1/4, and that no other message waited,
    /// (1 - 0.6) / (1 - 0.3) = 4/7. No earlier message is of use.
    #[test]
    fn one_listener_worked_out_by_hand() {
        assert!((lead(&keeper(&[6.0, 3.0], 0.7)) - 0.3 / 7.0).abs() < 1e-3);
        // Two are both behind with a probability of (1 - a f)^2, a f between 0 and 2/7.
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
