//! Calculates one part of the lag of a machine that follows a faster clock. A message brings the machine a *later time* if the message's
//! timestamp is greater than the machine's clock. Between two such messages, the machine's clock falls behind the followed clock. How far
//! it has fallen behind in this way is the *second part* of the lag. [`super::clocks`] explains all parts.
//!
//! G(x) is the probability that the second part exceeds x, where x is in units of the clock. The differential equation of G is in
//! [`super::clocks`]. It is integrated here in small steps of x.

use super::flow::Flow;

/// The step of x is this share of the result of `min_decay_length`. So no G falls by more than 2 % of its value in one step.
const STEP: f64 = 0.02;
/// Maximum number of steps.
const MAX_STEPS: usize = 20_000;
/// The integration ends when G is below this value for all machines.
const NEGLIGIBLE: f64 = 1e-4;

/// The integrals of G. Each machine has its own G.
#[derive(Clone, Debug)]
pub(super) struct Staleness {
    /// The step of x, in units of the clock.
    step: f64,
    /// `integrals[machine][n]` is the integral of the machine's G from x = 0 to x = n times the step.
    integrals: Vec<Vec<f64>>,
}

impl Staleness {
    /// Integrates G for the machines `followers`, whose clocks follow a faster clock. For each machine, `rates` has R: how much the
    /// followed clock advances per second. `falls_behind_per_s` has D: by how much per second the machine's clock falls behind the
    /// followed clock, as long as no later time arrives.
    pub fn integrate(
        flow: &Flow,
        falls_behind_per_s: &[f64],
        rates: &[f64],
        followers: &[usize],
    ) -> Self {
        let step = STEP * min_decay_length(flow, falls_behind_per_s, followers);
        let mut integrals = vec![vec![0.0]; falls_behind_per_s.len()];
        // G for each machine at the current x. It starts at 1 for followers. For other machines it is always 0.
        let mut probability = vec![0.0; falls_behind_per_s.len()];
        for &machine in followers {
            probability[machine] = 1.0;
        }
        // The step is infinite if there are no followers or no messages.
        let steps = if step.is_finite() { MAX_STEPS } else { 0 };
        for _ in 0..steps {
            let before = probability.clone();
            let mut greatest: f64 = 0.0;
            for &machine in followers {
                let senders = flow.links.senders_to(machine).iter();
                // A message brings the machine the sender's clock. So after the message, the machine's second part is at most that of
                // the sender. The sender's second part is at most x with probability 1 - G, where G is that of the sender.
                // `renewals_per_s` is the number of messages per second from senders whose second part is at most x. (A sender sends
                // the machine s * idle messages per second.) Senders with another R do not count, because they follow another clock.
                let renewals_per_s: f64 = senders
                    .filter(|(sender, _)| rates[*sender] == rates[machine])
                    .map(|&(sender, s)| s * flow.idle[sender] * (1.0 - before[sender]))
                    .sum();
                // A step of dG/dx = -(G / D) renewals_per_s. Within a step, `renewals_per_s` is taken as constant, so G falls exponentially.
                probability[machine] *=
                    (-step * renewals_per_s / falls_behind_per_s[machine]).exp();
                let mean_in_step = (before[machine] + probability[machine]) / 2.0;
                let integral_before = integrals[machine].last().copied().unwrap_or_default();
                integrals[machine].push(integral_before + step * mean_in_step);
                greatest = greatest.max(probability[machine]);
            }
            if greatest < NEGLIGIBLE {
                break;
            }
        }
        Self { step, integrals }
    }

    /// The mean of the second part of the machine's lag. It is the integral of G from 0 to `max_lag`, the greatest value that the second
    /// part can have.
    pub fn mean(&self, machine: usize, max_lag: f64) -> f64 {
        let integrals = &self.integrals[machine];
        let steps = max_lag / self.step;
        let index = steps as usize;
        match integrals.get(index..index + 2) {
            // Between two steps, the integral is interpolated. After the last step, it does not grow any more.
            Some(&[before, after]) => before + (after - before) * steps.fract(),
            _ => integrals.last().copied().unwrap_or_default(),
        }
    }
}

/// A length L such that no G falls faster than exp(-x / L). Each G falls like exp(-x renewals_per_s / D), and `renewals_per_s` is at
/// most the sum of s * idle over all machines. So L is the smallest D of the `followers`, divided by this sum. L is infinite if there are no
/// followers or no messages.
fn min_decay_length(flow: &Flow, falls_behind_per_s: &[f64], followers: &[usize]) -> f64 {
    let sent = |machine: usize| flow.links.sender(machine).s * flow.idle[machine];
    let all_messages: f64 = (0..falls_behind_per_s.len()).map(sent).sum();
    let of_followers = followers.iter().map(|&machine| falls_behind_per_s[machine]);
    of_followers.fold(f64::INFINITY, f64::min) / all_messages
}
