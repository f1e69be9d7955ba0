//! The rates of idle ticks (ticks that receive nothing) and of messages in the long run. Messages are treated as a continuous flow, like
//! a liquid.
//!
//! Machine i has r_i ticks and y_i idle ticks per second; Y is the sum of all y_i. Each idle tick of another machine sends a message to
//! i with probability s. So lambda_i = s (Y - y_i) messages arrive at i per second. A machine that keeps up uses one tick
//! for each message, so the rest of its ticks are idle: y_i = r_i - s (Y - y_i). Therefore
//!
//! > y_i = max(0, (r_i - s Y) / (1 - s)).
//!
//! If y_i = 0, then lambda_i = s Y. By the formula, s Y is then r_i or more, so machine i gets enough messages to receive one at every
//! tick. Machines with y_i > 0 are *active*; let k be their number. Adding up y_i = r_i - s (Y - y_i) for all active machines gives
//! Y = (sum of their r_i) - (k - 1) s Y. Therefore Y = (sum of their r_i) / (1 + (k - 1) s).
//!
//! There is only one solution, because Y must be equal to the sum of max(0, (r_i - s Y) / (1 - s)) over all i. If Y rises, this sum does
//! not rise. So Y and the sum are equal at one value of Y only.
//!
//! The active machines are the fastest ones. They are found one by one, in the order of their rates, the fastest first. The next
//! machine i is active too if r_i > s Y. Here Y is computed as if only i and the machines found before it were active.
//!
//! # If machines differ in their sends or recipients
//!
//! An idle tick of machine j sends to a given neighbour with probability s_j ([`super::links`]). Then
//!
//! > y_i = max(0, r_i - lambda_i), where lambda_i is the sum of s_j y_j over the neighbours j that send to i.
//!
//! In a mesh, a ring and a star, neighbours send to each other in both directions. Then the equations hold where this expression has
//! its minimum among all y without negative values:
//!
//! > (A + B) / 2 - C.
//!
//! A is the sum of s_i y_i^2 over all i. B is the sum of s_i s_j y_i y_j over all ordered pairs of neighbours i and j. C is the sum of
//! s_i r_i y_i over all i. Each pair of neighbours occurs twice in B, so the derivative by y_i is s_i (y_i + lambda_i - r_i). At the
//! minimum, either this derivative is 0, or y_i is 0 and the derivative is not negative. In both cases the equation of y_i holds.
//!
//! With z_i = sqrt(s_i) y_i, A + B is z^T M z. The matrix M has 1 in the diagonal, sqrt(s_i s_j) for neighbours i and j, and 0
//! elsewhere. If M is positive definite (all its eigenvalues are greater than 0), there is only one minimum, and the equations have no
//! other solution. Updating the y_i one after the other converges to the minimum, because each update lowers the value of the expression.
//!
//! With a time-keeper (only machine 0 sends) there is only one solution too. Machine 0 receives nothing, so y_0 = r_0. Every other machine
//! has y_i = max(0, r_i - s_0 r_0).
//!
//! In other cases there may be several solutions, because a machine can overload its neighbours so much that they stop sending.
//! For example, take a ring of four machines that all have the same rate r and the same s > 1/2. If two opposite machines receive nothing,
//! each of the other two gets 2 s r messages per second. This is more than its r ticks, so it is overloaded and sends nothing. Chance
//! decides which two are overloaded. In the same way, either the hub of a star or the other machines may be overloaded.
//! Nothing is predicted in these other cases, unless [`super::fixed_point`] shows that there is only one solution.

use super::fixed_point::{find_fixed_point, has_single_fixed_point};
use super::links::Links;

/// A machine is active if its idle ticks are more than this share of its ticks. This share is much larger than rounding errors,
/// and too small to show in a run.
const MIN_IDLE_SHARE: f64 = 1e-9;

/// The long-run rates of a system.
#[derive(Clone, Debug, PartialEq)]
pub struct Fluid {
    /// Each machine's idle ticks per second, y_i.
    pub idle: Vec<f64>,
    /// Messages per second that arrive at each machine, lambda_i.
    pub arrivals: Vec<f64>,
    /// For each machine, whether it has idle ticks.
    pub active: Vec<bool>,
}

impl Fluid {
    /// Solves the equations for machines with these `rates` (ticks per second). `s` is the probability that an idle tick sends to a given
    /// other machine.
    pub fn from_rates(rates: &[f64], s: f64) -> Self {
        let (active, total) = active(rates, s);
        let active_count = active.iter().filter(|active| **active).count() as f64;
        let idle: Vec<f64> = rates
            .iter()
            .zip(&active)
            .map(|(rate, active)| match active {
                false => 0.0,
                // If every idle tick sends to all machines (s = 1), only the machines with the highest rate are active. The equations then
                // give only the sum of their y_i. The active machines have equal rates, so each gets an equal part of the sum.
                true if s >= 1.0 => total / active_count,
                true => (rate - s * total) / (1.0 - s),
            })
            .collect();
        let arrivals = idle.iter().map(|idle| s * (total - idle)).collect();
        Self {
            idle,
            arrivals,
            active,
        }
    }

    /// Solves the equations for machines with these `rates` and `links`. `None` if several solutions are possible, or if the
    /// computation does not converge.
    pub(super) fn from_links(rates: &[f64], links: &Links) -> Option<Self> {
        // If every machine may send to every other with the same probability s, `from_rates` solves the equations.
        if let Some((s, _)) = links.uniform() {
            return Some(Self::from_rates(rates, s));
        }
        // The right-hand side of the equation of y_i, where i is `machine` and `idle` has all y.
        let next = |machine: usize, idle: &[f64]| {
            let idle_here = rates[machine] - links.weighted_sum(machine, idle);
            if idle_here <= MIN_IDLE_SHARE * rates[machine] {
                0.0
            } else {
                idle_here
            }
        };
        // `has_one_solution` says whether the matrix M (see the top of this file) is positive definite. If it is, there is a single solution. If
        // it is not, `has_single_fixed_point` may still show that there is a single solution.
        if !links.has_one_solution() && !has_single_fixed_point(rates.len(), next) {
            return None;
        }
        let idle = find_fixed_point(rates.to_vec(), next)?;
        Some(Self {
            arrivals: (0..rates.len())
                .map(|i| links.weighted_sum(i, &idle))
                .collect(),
            active: idle.iter().map(|idle| *idle > 0.0).collect(),
            idle,
        })
    }

    /// By how many messages per second the queue of `machine` grows; 0 if the machine keeps up. `rate` is the machine's tick rate.
    pub fn growth(&self, machine: usize, rate: f64) -> f64 {
        (self.arrivals[machine] - rate).max(0.0)
    }
}

/// Which machines are active, and the sum Y of the idle rates.
fn active(rates: &[f64], s: f64) -> (Vec<bool>, f64) {
    let mut fastest_first: Vec<usize> = (0..rates.len()).collect();
    fastest_first.sort_by(|&a, &b| rates[b].total_cmp(&rates[a]));
    let mut active = vec![false; rates.len()];
    let (mut sum, mut count, mut total) = (0.0, 0.0, 0.0);
    let mut slowest_active = None;
    for machine in fastest_first {
        let rate = rates[machine];
        // Y if this machine is active too. Then k = `count` + 1.
        let total_with_it = (sum + rate) / (1.0 + count * s);
        // The fastest machine is active. A machine that is as fast as an active machine is active too. With s = 1, the comparison below
        // would reject these machines, because their rate is then equal to s Y.
        let is_surely_active = slowest_active.is_none_or(|slowest| slowest == rate);
        if !is_surely_active && rate - s * total_with_it <= MIN_IDLE_SHARE * rate {
            break;
        }
        slowest_active = Some(rate);
        active[machine] = true;
        sum += rate;
        count += 1.0;
        total = total_with_it;
    }
    (active, total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Three machines whose sends go to the first other machine, to the second or to both, with equal probabilities. Two of these three
    /// kinds of sends go to a given machine.
    fn three(rates: [f64; 3], internal: f64) -> Fluid {
        Fluid::from_rates(&rates, 2.0 * (1.0 - internal) / 3.0)
    }

    /// Here s = 2 * 0.3 / 3 = 0.2, and two machines are active, so Y = (3 + 6) / (1 + s) = 7.5. So s Y = 1.5 messages per second arrive at
    /// the slowest machine. The other two have (3 - s Y) / (1 - s) = 1.875 and (6 - s Y) / (1 - s) = 5.625 idle ticks per second.
    /// Messages arrive at them at the rates s (7.5 - 1.875) = 1.125 and s (7.5 - 5.625) = 0.375.
    #[test]
    fn the_rates_of_three_machines_are_those_worked_out_by_hand() {
        let fluid = three([1.0, 3.0, 6.0], 0.7);
        let close = |values: &[f64], expected: [f64; 3]| {
            values
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-9)
        };
        assert!(close(&fluid.idle, [0.0, 1.875, 5.625]), "{fluid:?}");
        assert!(close(&fluid.arrivals, [1.5, 1.125, 0.375]), "{fluid:?}");
        assert!((fluid.growth(0, 1.0) - 0.5).abs() < 1e-9);
    }

    /// Here s = 2 * 0.6 / 3 = 0.4 and Y = (3 + 4) / (1 + s) = 5. So s Y = 2 messages per second arrive at machine 0, as many as it has
    /// ticks. So machine 0 has no idle ticks, and its queue does not grow, even if the computed s Y differs from 2 by a rounding error.
    #[test]
    fn a_machine_at_exactly_the_critical_load_has_no_idle_ticks() {
        let fluid = three([2.0, 3.0, 4.0], 0.4);
        assert!(!fluid.active[0] && fluid.growth(0, 2.0) < 1e-9, "{fluid:?}");
    }

    #[test]
    fn with_s_0_all_ticks_are_idle_and_with_s_1_only_the_fastest_machines_have_idle_ticks() {
        assert_eq!(Fluid::from_rates(&[1.0, 5.0], 0.0).idle, [1.0, 5.0]);
        // Y = (3 + 3) / (1 + 1) = 3. The two machines share it equally.
        assert_eq!(Fluid::from_rates(&[3.0, 3.0], 1.0).idle, [1.5, 1.5]);
        assert_eq!(Fluid::from_rates(&[5.0, 6.0], 1.0).idle, [0.0, 6.0]);
    }

    proptest! {
        #[test]
        fn each_message_is_received_or_lengthens_the_queue(
            rates in prop::collection::vec(1u32..=1000, 2..12),
            internal in 0.0f64..=1.0,
        ) {
            let rates: Vec<f64> = rates.into_iter().map(f64::from).collect();
            // With n machines, a send goes to one of the n - 1 other machines, or to all of them. These n cases have equal probabilities.
            // A given machine gets the message in two of the cases.
            let s = 2.0 * (1.0 - internal) / rates.len() as f64;
            let fluid = Fluid::from_rates(&rates, s);
            let total: f64 = fluid.idle.iter().sum();
            for (machine, &rate) in rates.iter().enumerate() {
                let (idle, arrivals) = (fluid.idle[machine], fluid.arrivals[machine]);
                prop_assert!((0.0..=rate * (1.0 + 1e-9)).contains(&idle));
                prop_assert!((arrivals - s * (total - idle)).abs() < 1e-6);
                let received = rate - idle;
                let grows = fluid.growth(machine, rate);
                prop_assert!((arrivals - received - grows).abs() < 1e-6 * rate.max(arrivals));
                prop_assert!(grows == 0.0 || idle == 0.0);
            }
        }
    }
}
