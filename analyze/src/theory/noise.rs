//! How much chance there is in what arrives at a machine, and how far the others answer to what it sends itself.
//!
//! Both are about machine i while it has no idle ticks, which is when its queue is not empty. K of the others are active.
//!
//! **Answer.** An idle tick of i brings each other machine a message with probability s, which costs an active one an idle tick. Let
//! n be the change of the active ones' idle ticks. Each loses what the others send more: n_j = -s - s (sum of n - n_j), so that the
//! sum of n is -s K / (1 + (K - 1) s). Machine i gets s times that less. So one idle tick of i keeps
//!
//! > kappa = s^2 K / (1 + (K - 1) s)
//!
//! messages away from it.
//!
//! **Variance.** Count, over some time, the messages e_kj that k's idle ticks put in j's queue beyond the expected s for each. They
//! take idle ticks from the active machines, in all -(sum of e_kj over k and active j) / (1 + (K - 1) s), and through these messages
//! from i. So an idle tick of k changes the number of messages for i by the chance in e_ki - c (sum of e_kj over active j other than
//! k), with c = s / (1 + (K - 1) s). Let m be the number of these j: K - 1 if k is active, else K. One e has the variance
//! V = s (1 - s), two of the same tick the covariance C = s/2 - s^2, and different ticks are independent. So k's idle tick
//! contributes
//!
//! > v = V + c^2 (m V + m (m - 1) C) - 2 c m C,
//!
//! and sigma_i^2 is the sum of y_k v over the other machines. (C = q - s^2 where machines do not send the mix, of which q = s/2.)
//!
//! **Where machines differ in what they send, or to whom,** let w_j be the messages for i that one more message for an active j takes
//! away: what i loses of j's next idle tick itself, less what comes back because others lose of it too,
//!
//! > w_j = s_j [if j sends to i] - s_j (sum of w_k over the active neighbours k of j).
//!
//! Then kappa_i = s_i (sum of w_j over the active neighbours j of i). An idle tick of k changes the number of messages for i by the
//! chance in e_ki - (sum of w_j e_kj over its active neighbours j): with the weights u of its neighbours - 1 for i, -w_j for active
//! ones, else 0 -
//!
//! > v_k = (s_k - q_k) (sum of u^2) + (q_k - s_k^2) (sum of u)^2.

use super::fixed_point::relaxed;
use super::links::Links;

/// The chance that reaches one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    /// kappa: messages that the machine is spared for each of its own idle ticks.
    pub answer: f64,
    /// sigma^2, in messages^2 per second.
    pub variance: f64,
}

/// Two machines that always send answer one for one, and the formulas that divide by 1 - kappa have no meaning; up to here they do.
const GREATEST_ANSWER: f64 = 0.9;

impl Noise {
    /// At `machine`, where the machines have `idle` ticks per second, some are `active`, and send as `links` say. None where the
    /// answers of the others come to no rest.
    pub fn at(machine: usize, idle: &[f64], active: &[bool], links: &Links) -> Option<Self> {
        match links.uniform() {
            Some((s, q)) => Some(Self::among_equals(machine, idle, active, (s, q))),
            None => Self::among_others(machine, idle, active, links),
        }
    }

    fn among_others(machine: usize, idle: &[f64], active: &[bool], links: &Links) -> Option<Self> {
        let lost = relaxed(vec![0.0; idle.len()], |j, lost| {
            if j == machine || !active[j] {
                return 0.0;
            }
            let sender = links.sender(j);
            let others: f64 = sender.neighbours.iter().map(|&k| lost[k]).sum();
            links.between(j, machine) - sender.one * others
        })?;
        let weight = |other: usize| match other == machine {
            true => 1.0,
            false => -lost[other],
        };
        let variance = |k: usize| {
            let sender = links.sender(k);
            let weights = || sender.neighbours.iter().map(|&other| weight(other));
            let (sum, squares) = (
                weights().sum::<f64>(),
                weights().map(|u| u * u).sum::<f64>(),
            );
            let own = (sender.one - sender.two) * squares;
            let together = (sender.two - sender.one * sender.one) * sum * sum;
            idle[k] * (own + together).max(0.0)
        };
        let sender = links.sender(machine);
        let answer: f64 = sender.neighbours.iter().map(|&j| lost[j]).sum();
        Some(Self {
            answer: (sender.one * answer).clamp(0.0, GREATEST_ANSWER),
            variance: (0..idle.len())
                .filter(|&k| k != machine)
                .map(variance)
                .sum(),
        })
    }

    /// Where everybody sends to everybody with the same probability `s`, and to two with `q`.
    fn among_equals(machine: usize, idle: &[f64], active: &[bool], (s, q): (f64, f64)) -> Self {
        let others = || (0..idle.len()).filter(|&other| other != machine);
        let count = others().filter(|&other| active[other]).count() as f64;
        let (covariance, own) = (q - s * s, s * (1.0 - s));
        let c = match count {
            0.0 => 0.0,
            count => s / (1.0 + (count - 1.0) * s),
        };
        let contribution = |m: f64| {
            let of_others = c * c * (m * own + m * (m - 1.0) * covariance);
            (own + of_others - 2.0 * c * m * covariance).max(0.0)
        };
        let of_active = contribution((count - 1.0).max(0.0));
        let of_silent = contribution(count);
        let variance = others()
            .map(|other| idle[other] * if active[other] { of_active } else { of_silent })
            .sum();
        Self {
            answer: (s * c * count).min(GREATEST_ANSWER),
            variance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::System;
    use sim::experiment::Sends;

    /// The slowest of 1, 3, 6 at p = 0.7: c = 1/6, V = 0.16, C = 0.06, m = 1; 7.5 idle ticks a second.
    #[test]
    fn worked_out_by_hand() {
        let noise = Noise::among_equals(0, &[0.0, 1.875, 5.625], &[false, true, true], (0.2, 0.1));
        let per_tick = 0.16 + 0.16 / 36.0 - 0.06 / 3.0;
        assert!((noise.variance - 7.5 * per_tick).abs() < 1e-12, "{noise:?}");
        assert!((noise.answer - 0.2 * 0.2 * 2.0 / 1.2).abs() < 1e-12);
    }

    /// With one sender it is the plain variance of its draws.
    #[test]
    fn of_two_machines() {
        let noise = Noise::among_equals(0, &[0.0, 6.0], &[false, true], (0.5, 0.25));
        assert!((noise.variance - 6.0 * 0.25).abs() < 1e-12);
        assert!((noise.answer - 0.25).abs() < 1e-12);
    }

    #[test]
    fn silence_has_none() {
        let noise = Noise::among_equals(1, &[1.0, 2.0, 3.0], &[true, true, true], (0.0, 0.0));
        assert_eq!((noise.answer, noise.variance), (0.0, 0.0));
    }

    /// The formulas for machines that differ have those for equals as their special case.
    #[test]
    fn equals_are_no_exception() {
        let (idle, active) = ([0.0, 1.875, 5.625, 2.0], [false, true, true, true]);
        let system = System::new(&[1.0; 4], 0.4, 60.0);
        for sends in [
            Sends::Mix,
            Sends::Unicast,
            Sends::Multicast(2),
            Sends::Broadcast,
        ] {
            let links = Links::new(&System {
                sends,
                ..system.clone()
            });
            let pair = links.uniform().expect("all alike");
            for machine in 0..4 {
                let equals = Noise::among_equals(machine, &idle, &active, pair);
                let others = Noise::among_others(machine, &idle, &active, &links).expect("a rest");
                assert!(
                    (equals.answer - others.answer).abs() < 1e-9,
                    "{equals:?} {others:?}"
                );
                assert!(
                    (equals.variance - others.variance).abs() < 1e-9,
                    "{equals:?} {others:?}"
                );
            }
        }
    }
}
