//! Idle ticks of machines whose ticks take every waiting message.
//!
//! No message waits after a tick, so no queue grows and no machine is overloaded. A tick of machine i is idle if no message came in
//! the period 1/r_i before it. Sender j ticks rho = r_j / r_i times in this period on average: the whole part of rho, and once more
//! with the fraction of rho as the probability, since the phases of the two machines are independent. Each of these ticks is idle with
//! probability y_j / r_j and then reaches i with probability s_j. If ticks and senders are independent, then with a = s_j y_j / r_j
//!
//! > y_i = r_i (product over j of (1 - a)^(whole of rho) (1 - fraction of rho * a)),
//!
//! For many rare messages this is r_i exp(-lambda_i / r_i), as for a Poisson process. No factor falls faster than by s_j / r_i times
//! y_j, so the argument of [`super::fluid`] for a unique solution is valid here too.
//!
//! The derivation ignores that a sender's idle ticks come in clusters, because messages do not come evenly.

use super::fixed_point::{is_bracketed, relaxed};
use super::links::Links;

/// Each machine's idle ticks per second; none if several solutions are possible.
pub(super) fn idle(rates: &[f64], links: &Links) -> Option<Vec<f64>> {
    let next = |machine: usize, idle: &[f64]| {
        let heard = links.heard(machine).iter();
        let quiet = heard.map(|&(sender, s)| {
            let ticks = rates[sender] / rates[machine];
            let sends = (s * idle[sender] / rates[sender]).min(1.0);
            (1.0 - sends).powf(ticks.floor()) * (1.0 - ticks.fract() * sends)
        });
        rates[machine] * quiet.product::<f64>()
    };
    if !links.has_one_state() && !is_bracketed(rates.len(), next) {
        return None;
    }
    relaxed(rates.to_vec(), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::System;

    /// A time-keeper ticks at 2/s and sends at half of its ticks. A listener at the same rate then has 1/2 idle ticks, a listener at
    /// half the rate 1/4, and a listener at twice the rate 3/4.
    #[test]
    fn who_only_listens_misses_what_was_not_sent() {
        let system = System {
            topology: sim::experiment::Topology::TimeKeeper,
            ..System::new(&[2.0, 2.0, 1.0, 4.0], 0.5, 60.0)
        };
        let idle = idle(&system.rates, &Links::new(&system)).expect("one answer");
        for (idle, expected) in idle.iter().zip([2.0, 1.0, 0.25, 3.0]) {
            assert!((idle - expected).abs() < 1e-9, "{idle} {expected}");
        }
    }
}
