//! The part of a machine's lag that is due to the time since its last message with a later time (a timestamp greater than its clock).
//! G(x) is the probability that this part exceeds x. The differential equation of G is in [`super::clocks`]; it is integrated here in
//! small steps of x.

use super::flow::Flow;

/// The step of x, as a share of the result of `shortest_lag`.
const STEP: f64 = 0.02;
/// Maximum number of steps.
const MAX_STEPS: usize = 20_000;
/// The integration ends when G is below this value for all machines.
const NEGLIGIBLE: f64 = 1e-4;

/// The integrals of the machines' G.
#[derive(Clone, Debug)]
pub(super) struct Staleness {
    /// The step of x, in units of the clock. The integral at index n is that from x = 0 to x = n times this step.
    step: f64,
    /// For each machine, the integrals of G up to 0, 1, 2, ... steps.
    integrals: Vec<Vec<f64>>,
}

impl Staleness {
    /// Integrates G for the machines `followers`, whose clocks follow a faster clock. For each machine, `rates` has the logical rate R of
    /// the clock that it follows, and `gains` has D: how much faster this clock advances than the machine's own, in 1/s.
    pub fn integrate(flow: &Flow, gains: &[f64], rates: &[f64], followers: &[usize]) -> Self {
        let step = STEP * shortest_lag(flow, gains, followers);
        let mut integrals = vec![vec![0.0]; gains.len()];
        // G for each machine at the current x. It starts at 1 for followers. For other machines it is always 0.
        let mut probability = vec![0.0; gains.len()];
        for &machine in followers {
            probability[machine] = 1.0;
        }
        let steps = if step.is_finite() { MAX_STEPS } else { 0 };
        for _ in 0..steps {
            let before = probability.clone();
            let mut greatest: f64 = 0.0;
            for &machine in followers {
                let senders = flow.links.senders_to(machine).iter();
                let messages_with_later_times: f64 = senders
                    .filter(|(sender, _)| rates[*sender] == rates[machine])
                    .map(|&(sender, s)| s * flow.idle[sender] * (1.0 - before[sender]))
                    .sum();
                // A step of dG/dx = -(G / D) (messages with later times per second).
                probability[machine] *= (-step * messages_with_later_times / gains[machine]).exp();
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

    /// The mean of the part of the machine's lag that is due to the time since the last message with a later time: the integral of G from
    /// 0 to `max_lag`, the greatest value that this part can have.
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

/// The smallest x over which G of one of the `followers` can fall to 1/e: the smallest D divided by the messages per second of all machines.
/// It is infinite if there are no followers or no messages; then G is not integrated.
fn shortest_lag(flow: &Flow, gains: &[f64], followers: &[usize]) -> f64 {
    let sent = |machine: usize| flow.links.sender(machine).s * flow.idle[machine];
    let all_messages: f64 = (0..gains.len()).map(sent).sum();
    let gains = followers.iter().map(|&machine| gains[machine]);
    gains.fold(f64::INFINITY, f64::min) / all_messages
}
