//! The variance of the messages that arrive at a machine, and how its own messages reduce those it gets.
//!
//! Both are computed for machine i while it has no idle ticks, that is, while its queue is not empty. K of the other machines are
//! active.
//!
//! **Answer.** An idle tick of i sends a message to each other machine with probability s, and each message costs an active machine an
//! idle tick. Let n_j be the change of the idle ticks of the active machine j. The other active machines also send less, so
//! n_j = -s - s (sum of n - n_j), and the sum of n is -s K / (1 + (K - 1) s). Machine i gets s times this number fewer messages. So one
//! idle tick of i reduces the messages for i by
//!
//! > kappa = s^2 K / (1 + (K - 1) s).
//!
//! **Variance.** Let e_kj be the number of messages that the idle ticks of k send to j in some time, minus its expectation of s per
//! tick. These messages change the idle ticks of the active machines by -(sum of e_kj over k and active j) / (1 + (K - 1) s) in total,
//! and so the messages for i. An idle tick of k thus changes the number of messages for i by
//! e_ki - c (sum of e_kj over active j other than k), with c = s / (1 + (K - 1) s). Let m be the number of these j: K - 1 if k is
//! active, and otherwise K. For one tick, e has the variance V = s (1 - s), two e have the covariance C = s/2 - s^2, and different
//! ticks are independent. So an idle tick of k contributes
//!
//! > v = V + c^2 (m V + m (m - 1) C) - 2 c m C,
//!
//! and sigma_i^2 is the sum of y_k v over the other machines. (The mix of sends has q = s/2; for other sends, C = q - s^2.)
//!
//! **If machines differ in what they send, or to whom,** let w_j be the number of messages for i that one more message for an active j
//! prevents. It is what i loses of j's idle tick, minus what i gains because other machines lose messages of this tick too:
//!
//! > w_j = s_j [if j sends to i] - s_j (sum of w_k over the active neighbours k of j).
//!
//! Then kappa_i = s_i (sum of w_j over the active neighbours j of i). An idle tick of k changes the number of messages for i by
//! e_ki - (sum of w_j e_kj over its active neighbours j). Let u be the weights of the neighbours of k: 1 for i, -w_j for active
//! neighbours j, and 0 for others. Then an idle tick of k contributes
//!
//! > v_k = (s_k - q_k) (sum of u^2) + (q_k - s_k^2) (sum of u)^2.

use super::fixed_point::relaxed;
use super::links::Links;

/// Answer and variance for one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    /// kappa: how many fewer messages the machine gets for each of its own idle ticks.
    pub answer: f64,
    /// sigma^2, in messages^2 per second.
    pub variance: f64,
}

/// The greatest kappa that is used. Two machines that always send have kappa = 1, and formulas divide by 1 - kappa.
const GREATEST_ANSWER: f64 = 0.9;

impl Noise {
    /// Computes answer and variance for `machine`, if the machines have `idle` ticks per second. None if the equations for w do not
    /// converge.
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

    /// Answer and variance if all machines send to each other with the same probabilities `s` and `q`.
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

    /// For the slowest machine of rates 1, 3, 6 with p = 0.7: c = 1/6, V = 0.16, C = 0.06 and m = 1, with 7.5 idle ticks per second.
    #[test]
    fn worked_out_by_hand() {
        let noise = Noise::among_equals(0, &[0.0, 1.875, 5.625], &[false, true, true], (0.2, 0.1));
        let per_tick = 0.16 + 0.16 / 36.0 - 0.06 / 3.0;
        assert!((noise.variance - 7.5 * per_tick).abs() < 1e-12, "{noise:?}");
        assert!((noise.answer - 0.2 * 0.2 * 2.0 / 1.2).abs() < 1e-12);
    }

    /// With one sender, the variance is that of the sender's draws.
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

    /// The formulas for machines that differ give the result for equal machines as a special case.
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
