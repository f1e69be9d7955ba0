//! Idle ticks (ticks that receive nothing) of machines whose ticks take all waiting messages.
//!
//! Symbols: machine i has r_i ticks and y_i idle ticks per second, and lambda_i messages arrive at it per second. An idle tick of
//! machine j sends a message to i with probability s_j.
//!
//! After a tick no message waits, so no queue grows and no machine is overloaded. A tick of machine i is idle if no message
//! arrived in the period before it, which lasts 1 / r_i. In this period, sender j ticks rho = r_j / r_i times on average: n times or
//! n + 1 times, where n is rho rounded down. It ticks n + 1 times with probability rho - n, so that the mean is rho. Each of these ticks
//! of j is idle with probability y_j / r_j, so it sends to i with probability a = s_j y_j / r_j. Suppose that ticks
//! send independently of each other. Then the first n ticks of j send nothing to i with probability (1 - a)^n. Tick n + 1 occurs with
//! probability rho - n. If it occurs, it sends to i with probability a. So with probability 1 - (rho - n) a, no message comes from
//! tick n + 1. For all senders together,
//!
//! > y_i = r_i (product over the senders j of (1 - a)^n (1 - (rho - n) a)),
//!
//! where a, rho and n are different for each sender.
//!
//! If each a is small, the product is about exp(-(sum of rho a)). The sum of rho a over the senders is lambda_i / r_i, the mean number of
//! messages that arrive in the period. So y_i is about r_i exp(-lambda_i / r_i), as for a Poisson process.
//!
//! These equations have one property in common with those of the fluid model: if y_j rises by 1, i receives s_j more messages per second,
//! so y_i falls by at most s_j. The matrix M of [`super::fluid`] is made of these numbers: it has 1 in the diagonal, and sqrt(s_i s_j) for
//! machines i and j that send to each other. If M is positive definite ([`Links::has_one_solution`]), the equations have only one solution,
//! both in the fluid model and here.
//!
//! The derivation ignores that a sender's idle ticks come in clusters, because messages arrive at the sender unevenly.

use super::fixed_point::{find_fixed_point, has_single_fixed_point};
use super::links::Links;

/// Computes each machine's idle ticks per second. None if several solutions are possible, or if the values do not converge.
pub(super) fn idle(rates: &[f64], links: &Links) -> Option<Vec<f64>> {
    let next = |machine: usize, idle: &[f64]| {
        let senders = links.senders_to(machine).iter();
        let probabilities_of_no_message = senders.map(|&(sender, s)| {
            let rho = rates[sender] / rates[machine];
            let a = (s * idle[sender] / rates[sender]).min(1.0);
            (1.0 - a).powf(rho.floor()) * (1.0 - rho.fract() * a)
        });
        rates[machine] * probabilities_of_no_message.product::<f64>()
    };
    // Each of the two checks can show that there is only one solution. One of them is enough.
    if !links.has_one_solution() && !has_single_fixed_point(rates.len(), next) {
        return None;
    }
    // The search starts with the values for a system without messages: all ticks are idle.
    let all_ticks = rates.to_vec();
    find_fixed_point(all_ticks, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::System;

    /// A time-keeper (machine 0) ticks at 2/s and sends at half of its ticks. All its ticks are idle, because it receives nothing. The other
    /// machines only listen. A tick of a listener is idle if the time-keeper sent nothing since the listener's last tick:
    ///
    /// - Rate 2: the time-keeper ticks once between two ticks of the listener. So 1/2 of the listener's ticks are idle: 2 * 1/2 = 1 per
    ///   second.
    /// - Rate 1: the time-keeper ticks twice between two ticks of the listener. So 1/2 * 1/2 = 1/4 of the listener's ticks are idle:
    ///   1 * 1/4 = 0.25 per second.
    /// - Rate 4: the time-keeper ticks once between two ticks of the listener in half of the cases, and not at all in the other half. So
    ///   1/2 * 1/2 + 1/2 = 3/4 of the listener's ticks are idle: 4 * 3/4 = 3 per second.
    #[test]
    fn idle_ticks_of_listeners_are_those_worked_out_by_hand() {
        let system = System {
            topology: sim::experiment::Topology::TimeKeeper,
            ..System::new(&[2.0, 2.0, 1.0, 4.0], 0.5, 60.0)
        };
        let idle = idle(&system.rates, &Links::new(&system)).expect("one solution");
        for (idle, expected) in idle.iter().zip([2.0, 1.0, 0.25, 3.0]) {
            assert!((idle - expected).abs() < 1e-9, "{idle} {expected}");
        }
    }
}
