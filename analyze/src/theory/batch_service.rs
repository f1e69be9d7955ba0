//! Machines of which a tick takes every message that waits.
//!
//! Nothing waits after a tick, so nothing grows and nobody is overloaded. A tick of machine i is idle if no message came in the period
//! 1/r_i before it. Sender j ticks rho = r_j / r_i times in it on average: as often as the whole of rho, and with the probability that
//! is its fraction once more, for the phases of the two are not tied. Each of these ticks is idle with probability y_j / r_j and then
//! reaches i with probability s_j. Taking ticks and senders as independent, with a = s_j y_j / r_j,
//!
//! > y_i = r_i (product over j of (1 - a)^(whole of rho) (1 - fraction of rho * a)),
//!
//! which for many rare messages is r_i exp(-lambda_i / r_i), Poisson's. No factor falls faster than by s_j / r_i times y_j, so what
//! [`super::fluid`] says of the uniqueness of its solution holds here too.
//!
//! What is neglected: a sender's idle ticks come in rows, because messages do not come evenly.

use super::fixed_point::{is_bracketed, relaxed};
use super::links::Links;

/// Each machine's idle ticks per second; none where several answers are possible.
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

    /// A keeper at 2/s that sends at every other tick: half the ticks of a listener at its own rate find nothing, a quarter of one at
    /// half of it, and three quarters of one at twice as much.
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
