//! Two numbers about the messages that arrive at a machine i: sigma^2 and the feedback kappa. The number of messages that have arrived is
//! random. Its variance grows by sigma^2 per second.
//!
//! An idle tick of i (a tick that receives nothing) can send a message. The recipient needs a tick to receive the message, so the recipient
//! sends less, also to i. Kappa is the mean number of messages for i that one idle tick of i prevents in this way.
//!
//! Both numbers are computed for the time when the queue of i is not empty. During this time i has no idle ticks. Kappa says how many
//! messages for i it would prevent if one tick of i were idle after all. K of the other machines are *active*: they have idle ticks in the
//! long run. An idle tick sends a message to a given other machine with probability s.
//!
//! # Feedback kappa
//!
//! A message from i to an active machine j costs j an idle tick, so j sends less, also to i. Suppose that one tick of i became idle. Let
//! n_j be the change of the number of idle ticks of j, and n the sum of all n_j. On average, machine j gets s more messages from i. The
//! number of its messages from the other active machines changes by s (n - n_j): these machines lose idle ticks too, so the change is
//! negative. Each message costs one idle tick:
//!
//! > n_j = -s - s (n - n_j). The sum over all j gives n = -s K / (1 + (K - 1) s).
//!
//! The active machines together lose -n idle ticks, and each of these would have sent s messages to i. So one idle tick of i prevents
//! -s n messages for i:
//!
//! > kappa = -s n = s^2 K / (1 + (K - 1) s).
//!
//! # Variance sigma^2
//!
//! Within a given time, the idle ticks of machine k send a random number of messages to machine j. Let e_kj be this number minus its mean,
//! which is s per idle tick. The messages to i count directly: e_ki. The messages to active machines cost these machines idle ticks. A
//! message costs its recipient one idle tick, so the recipient sends less. The other active machines then receive fewer messages, and keep
//! some idle ticks that these would have cost. In total, the active machines lose 1 / (1 + (K - 1) s) idle ticks for each message. This
//! follows from the section above: an idle tick of i sends s K messages to active machines on average, and these cost
//! -n = s K / (1 + (K - 1) s) idle ticks. Each lost idle tick would have sent s messages to i. So the random choices of machine k change
//! the number of messages for i by
//!
//! > e_ki - c (sum of e_kj over active j other than k), with c = s / (1 + (K - 1) s).
//!
//! The sum over j has m terms: m = K - 1 if k is active, and otherwise m = K. Now take a single idle tick of k: e_kj is 1 - s if the tick
//! sends to j, and -s if it does not. The variance of e_kj is V = s (1 - s). The covariance of e_kj and e_kl, for two machines j and l, is
//! C = q - s^2, where q is the probability that an idle tick sends to both of two given machines (for `sends = "mix"`, q is s/2). Different
//! ticks are independent. So an idle tick of k contributes the variance
//!
//! > v = V + c^2 (m V + m (m - 1) C) - 2 c m C.
//!
//! sigma^2 is the sum of y_k v over the other machines k, where y_k is the number of idle ticks of k per second.
//!
//! # If machines differ in their sends or recipients
//!
//! Let s_j and q_j be the probabilities s and q for an idle tick of j ([`super::links`]). The neighbours of j are the machines to which j
//! may send. Let w_j be the mean number of messages for i that are prevented by one more message for j. This message costs an idle tick
//! of j. If i is a neighbour of j, the idle tick would have sent s_j messages to i on average, so i loses them. But each other neighbour k
//! loses s_j messages too. If k is active, it then has more idle ticks, and i gains w_k for each message that k loses:
//!
//! > w_j = a - s_j (sum of w_k over the active neighbours k of j except i), with a = s_j if i is a neighbour of j, and otherwise a = 0.
//!
//! Then kappa = s_i (sum of w_j over the active neighbours j of i). The random choice at an idle tick of k makes the number of messages
//! for i differ from its mean by e_ki - (sum of w_j e_kj over the active neighbours j of k). So each neighbour of k has a weight u: 1 for
//! i, -w_j for an active neighbour j, and 0 for the others. Let V_k = s_k (1 - s_k) and C_k = q_k - s_k^2, like V and C above. With sums
//! over the neighbours of k, an idle tick of k contributes the variance
//!
//! > v_k = V_k (sum of u^2) + C_k ((sum of u)^2 - (sum of u^2)) = (s_k - q_k) (sum of u^2) + (q_k - s_k^2) (sum of u)^2.

use super::fixed_point::find_fixed_point;
use super::links::Links;

/// Feedback and variance for one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    /// kappa: how many messages for the machine are prevented by each of its own idle ticks.
    pub feedback: f64,
    /// sigma^2, in messages^2 per second.
    pub variance: f64,
}

/// The greatest kappa that is used. Two machines that always send have kappa = 1, and formulas divide by 1 - kappa.
const GREATEST_FEEDBACK: f64 = 0.9;

impl Noise {
    /// Computes feedback and variance for `machine`. `idle` has each machine's idle ticks per second. `active` says for each machine
    /// whether it has idle ticks in the long run. None if the solution of the equations for w does not converge.
    pub fn compute(machine: usize, idle: &[f64], active: &[bool], links: &Links) -> Option<Self> {
        match links.uniform() {
            Some((s, q)) => Some(Self::among_equals(machine, idle, active, (s, q))),
            None => Self::among_different(machine, idle, active, links),
        }
    }

    /// Feedback and variance if machines differ in their sends or recipients.
    fn among_different(
        machine: usize,
        idle: &[f64],
        active: &[bool],
        links: &Links,
    ) -> Option<Self> {
        let w = find_fixed_point(vec![0.0; idle.len()], |j, w| {
            // The formulas use w only for active machines other than `machine`. With w = 0 for the rest, the code below can sum over all
            // neighbours.
            if j == machine || !active[j] {
                return 0.0;
            }
            let sender = links.sender(j);
            let of_neighbours: f64 = sender.neighbours.iter().map(|&k| w[k]).sum();
            let a = links.send_probability(j, machine);
            a - sender.s * of_neighbours
        })?;
        let weight = |neighbour: usize| match neighbour == machine {
            true => 1.0,
            false => -w[neighbour],
        };
        let variance = |k: usize| {
            let sender = links.sender(k);
            let weights = || sender.neighbours.iter().map(|&neighbour| weight(neighbour));
            let sum: f64 = weights().sum();
            let sum_of_squares: f64 = weights().map(|u| u * u).sum();
            let first_term = (sender.s - sender.q) * sum_of_squares;
            let second_term = (sender.q - sender.s * sender.s) * sum * sum;
            // A variance is never negative, but rounding could make it so.
            idle[k] * (first_term + second_term).max(0.0)
        };
        let sender = links.sender(machine);
        let sum_of_w: f64 = sender.neighbours.iter().map(|&j| w[j]).sum();
        Some(Self {
            feedback: (sender.s * sum_of_w).clamp(0.0, GREATEST_FEEDBACK),
            variance: (0..idle.len())
                .filter(|&k| k != machine)
                .map(variance)
                .sum(),
        })
    }

    /// Feedback and variance if all machines send to each other with the same probabilities `s` and `q`.
    fn among_equals(machine: usize, idle: &[f64], active: &[bool], (s, q): (f64, f64)) -> Self {
        let others = || (0..idle.len()).filter(|&other| other != machine);
        // K.
        let active_others = others().filter(|&other| active[other]).count() as f64;
        // V and C.
        let (e_variance, e_covariance) = (s * (1.0 - s), q - s * s);
        let c = match active_others {
            // No other machine is active, so m is 0 and c has no effect. The formula for c would divide by 0 if s is 1.
            0.0 => 0.0,
            count => s / (1.0 + (count - 1.0) * s),
        };
        // v, for an idle tick of a machine with this m.
        let contribution = |m: f64| {
            let of_others = c * c * (m * e_variance + m * (m - 1.0) * e_covariance);
            (e_variance + of_others - 2.0 * c * m * e_covariance).max(0.0)
        };
        let of_active = contribution((active_others - 1.0).max(0.0));
        let of_inactive = contribution(active_others);
        let variance = others()
            .map(|other| {
                idle[other]
                    * if active[other] {
                        of_active
                    } else {
                        of_inactive
                    }
            })
            .sum();
        Self {
            feedback: (s * c * active_others).min(GREATEST_FEEDBACK),
            variance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::System;
    use sim::experiment::Sends;

    /// Three machines have 1, 3 and 6 ticks per second, and `internal` is 0.7, so s = 0.2 and q = 0.1. The slowest machine has no idle
    /// ticks. Let x and y be the idle ticks per second of the others. Each message that they receive costs an idle tick, so x = 3 - 0.2 y
    /// and y = 6 - 0.2 x. The solution is x = 1.875 and y = 5.625, together 7.5. For the slowest machine, K = 2, c = 1/6, V = 0.16,
    /// C = 0.06 and m = 1.
    #[test]
    fn variance_and_feedback_are_those_worked_out_by_hand() {
        let noise = Noise::among_equals(0, &[0.0, 1.875, 5.625], &[false, true, true], (0.2, 0.1));
        let per_tick = 0.16 + 0.16 / 36.0 - 0.06 / 3.0;
        assert!((noise.variance - 7.5 * per_tick).abs() < 1e-12, "{noise:?}");
        assert!((noise.feedback - 0.2 * 0.2 * 2.0 / 1.2).abs() < 1e-12);
    }

    /// If there is only one other machine, the variance is that of its random choices: s (1 - s) for each of its 6 idle ticks per second.
    /// (m is 0, so q has no effect.) Kappa is s^2, because K = 1.
    #[test]
    fn with_one_sender_the_variance_is_that_of_its_choices() {
        let noise = Noise::among_equals(0, &[0.0, 6.0], &[false, true], (0.5, 0.25));
        assert!((noise.variance - 6.0 * 0.5 * (1.0 - 0.5)).abs() < 1e-12);
        assert!((noise.feedback - 0.5 * 0.5).abs() < 1e-12);
    }

    #[test]
    fn machines_that_never_send_have_no_noise() {
        let noise = Noise::among_equals(1, &[1.0, 2.0, 3.0], &[true, true, true], (0.0, 0.0));
        assert_eq!((noise.feedback, noise.variance), (0.0, 0.0));
    }

    /// The formulas for machines that differ give the result for equal machines as a special case.
    #[test]
    fn formulas_for_different_machines_include_equal_machines() {
        let (idle, active) = ([0.0, 1.875, 5.625, 2.0], [false, true, true, true]);
        // Of this system, only `internal` (0.4) and the number of machines have an effect: s and q follow from them and from `sends`.
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
            let pair = links.uniform().expect("equal machines");
            for machine in 0..4 {
                let equals = Noise::among_equals(machine, &idle, &active, pair);
                let others =
                    Noise::among_different(machine, &idle, &active, &links).expect("a solution");
                assert!(
                    (equals.feedback - others.feedback).abs() < 1e-9,
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
