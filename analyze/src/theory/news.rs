//! The age of the latest times that reach the machines: computes G of [`super::clocks`] step by step.

use super::flow::Flow;

/// The step of the integration of G, relative to the shortest lag over which G falls.
const STEP: f64 = 0.02;
/// The most steps.
const STEPS: usize = 20_000;
/// The integration ends when the greatest G is below this value.
const NEGLIGIBLE: f64 = 1e-4;

/// The integrals of the machines' G.
#[derive(Clone, Debug)]
pub(super) struct News {
    /// The step: the difference of the lags of two successive integrals.
    step: f64,
    /// For each machine, the integrals of G up to 0, 1, 2, ... steps.
    integrals: Vec<Vec<f64>>,
}

impl News {
    /// Integrates G of the machines `followers`. The clock that a machine follows gains `gains` per second on it and has the logical
    /// rate `rates`.
    pub fn follow(flow: &Flow, gains: &[f64], rates: &[f64], followers: &[usize]) -> Self {
        let step = STEP * shortest(flow, gains, followers);
        let mut integrals = vec![vec![0.0]; gains.len()];
        let mut tail = vec![0.0; gains.len()];
        followers.iter().for_each(|&machine| tail[machine] = 1.0);
        let steps = if step.is_finite() { STEPS } else { 0 };
        for _ in 0..steps {
            let before = tail.clone();
            let mut greatest: f64 = 0.0;
            for &machine in followers {
                let heard = flow.links.heard(machine).iter();
                let fresh: f64 = heard
                    .filter(|(sender, _)| rates[*sender] == rates[machine])
                    .map(|&(sender, s)| s * flow.idle[sender] * (1.0 - before[sender]))
                    .sum();
                tail[machine] *= (-step * fresh / gains[machine]).exp();
                let last = integrals[machine].last().copied().unwrap_or_default();
                integrals[machine].push(last + step * (before[machine] + tail[machine]) / 2.0);
                greatest = greatest.max(tail[machine]);
            }
            if greatest < NEGLIGIBLE {
                break;
            }
        }
        Self { step, integrals }
    }

    /// The mean of the part of the machine's lag that is due to the time since the last message, if this part is at most `most`.
    pub fn mean(&self, machine: usize, most: f64) -> f64 {
        let integrals = &self.integrals[machine];
        let steps = most / self.step;
        let index = steps as usize;
        match integrals.get(index..index + 2) {
            Some(&[before, after]) => before + (after - before) * steps.fract(),
            _ => integrals.last().copied().unwrap_or_default(),
        }
    }
}

/// The shortest lag over which the G of one of the `followers` can fall.
fn shortest(flow: &Flow, gains: &[f64], followers: &[usize]) -> f64 {
    let sent = |machine: usize| flow.links.sender(machine).one * flow.idle[machine];
    let all_news: f64 = (0..gains.len()).map(sent).sum();
    let least = followers.iter().map(|&machine| gains[machine]);
    least.fold(f64::INFINITY, f64::min) / all_news
}
