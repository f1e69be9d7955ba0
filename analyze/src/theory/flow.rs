//! The rates of idle ticks (ticks that receive nothing) and of messages over a finite time T. They are the long-run rates of the
//! *fluid*, corrected for random fluctuations. ([`super::fluid`] treats messages as a continuous flow.) The fluctuations matter near the
//! critical load (as many messages as ticks) and at the start of a run.
//!
//! Symbols: machine i has r_i ticks and y_i idle ticks per second, and lambda_i messages arrive at it per second. Y is the sum of
//! all y_i. An idle tick sends a message to a given other machine with probability s. If an idle tick of i sends to j, the message costs j
//! an idle tick. So j sends less, also to i. On average, each idle tick of i prevents kappa_i messages that would otherwise arrive at i.
//! E stands for the expected value.
//!
//! # The equations
//!
//! The queue Q_i of machine i is approximated by a reflected Brownian motion ([`super::diffusion`]) with variance sigma_i^2 and drift
//! mu_i = lambda_i + kappa_i y_i - r_i per second. (This drift is that of the Brownian motion, not the drift of a clock.)
//! On average over all times, the idle ticks of machine i prevent kappa_i y_i messages per second. While its queue is not empty, machine i
//! has no idle ticks, so no messages are prevented: lambda_i + kappa_i y_i messages arrive per second, and the machine receives r_i per
//! second. The difference is mu_i. So mu_i is the mean growth per second of the queue while the queue is not empty.
//!
//! [`super::noise`] computes sigma_i^2 (in the code: `variance`) and kappa_i (`feedback`).
//!
//! A message that arrived was either received or still waits: lambda_i T = (r_i - y_i) T + E Q_i(T). So
//!
//! > y_i = r_i - lambda_i + E Q_i(T) / T, with lambda_i = s (Y - y_i).
//!
//! There is one such equation for each machine. For a long T the equations become those of the fluid.
//!
//! # The solution
//!
//! For an assumed value of Y, each equation has only one unknown, y_i, which is found as a root. The sum of the y_i that are found is
//! compared with the assumed Y: the difference (sum minus Y) falls as Y rises, and it is 0 for the right Y. So Y is found as a root too.
//!
//! If idle ticks always send to all machines, the equations have several solutions, and the rates of the fluid are used. If
//! machines differ in their sends or recipients, lambda_i cannot be computed from Y and y_i alone: it needs the y_j of each sender j. Then
//! the equations are solved one after the other, each for its y_i with the latest values of the y_j, again and again until no value changes
//! ([`super::fixed_point`]). Machines whose ticks take all waiting messages have no queues: their rates are computed in
//! [`super::batch_service`].
//!
//! sigma_i^2 depends on the y_i of all machines, so the equations are solved twice. The first time, sigma_i^2 is computed from the y_i of
//! the fluid, and the second time from the y_i of the first solution.
//!
//! # What is ignored
//!
//! Machines affect each other only through their mean rates. Correlations between queues are ignored, except those in
//! [`super::noise`].

use super::batch_service;
use super::diffusion::Reflected;
use super::fixed_point::find_fixed_point;
use super::fluid::Fluid;
use super::links::Links;
use super::noise::Noise;
use super::root;
use super::system::System;

/// Number of times that sigma^2 is computed and the equations are solved with it.
const PASSES: usize = 2;

/// Mean rates from 0 to T, and the queues as Brownian motions.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// The links between machines.
    pub links: Links,
    /// Each machine's idle ticks per second, y_i.
    pub idle: Vec<f64>,
    /// Messages per second that arrive at each machine, lambda_i.
    pub arrivals: Vec<f64>,
    /// Whether each machine has idle ticks in the long run.
    pub active: Vec<bool>,
    /// Each machine's queue.
    pub queues: Vec<Reflected>,
}

impl Flow {
    /// Solves the equations. `None` if several long-run states are possible, or if the computed values do not converge.
    pub fn solve(system: &System) -> Option<Self> {
        let links = Links::new(system);
        if system.takes_all() {
            return Self::solve_batch_service(system, links);
        }
        let fluid = Fluid::from_links(&system.rates, &links)?;
        let machines = 0..system.rates.len();
        let mut idle = fluid.idle.clone();
        let mut noises = vec![];
        for _ in 0..PASSES {
            noises = machines
                .clone()
                .map(|machine| Noise::compute(machine, &idle, &fluid.active, &links))
                .collect::<Option<_>>()?;
            // If idle ticks always send to all machines, the equations have several solutions. Then the rates of the fluid are used.
            if links.always_send() {
                break;
            }
            idle = solve_given_noise(system, &links, &noises, idle)?;
        }
        let arrivals = arrival_rates(&links, &idle);
        let queues = machines
            .map(|machine| {
                queue(
                    system,
                    machine,
                    noises[machine],
                    arrivals[machine],
                    idle[machine],
                )
            })
            .collect();
        Some(Self {
            links,
            idle,
            arrivals,
            active: fluid.active,
            queues,
        })
    }

    /// The rates of machines whose ticks take all waiting messages. Their queues are always empty.
    fn solve_batch_service(system: &System, links: Links) -> Option<Self> {
        let idle = batch_service::idle(&system.rates, &links)?;
        // With a negative drift and no variance, the length of the queue is always 0.
        let empty = |rate: &f64| Reflected {
            drift: -rate,
            variance: 0.0,
        };
        Some(Self {
            arrivals: arrival_rates(&links, &idle),
            active: vec![true; idle.len()],
            queues: system.rates.iter().map(empty).collect(),
            links,
            idle,
        })
    }
}

/// The number of messages per second that arrive at each machine. It is s (Y - y_i) if all machines have the same s and send to all others.
fn arrival_rates(links: &Links, idle: &[f64]) -> Vec<f64> {
    let total: f64 = idle.iter().sum();
    match links.uniform() {
        Some((s, _)) => idle.iter().map(|idle| s * (total - idle)).collect(),
        None => (0..idle.len())
            .map(|i| links.weighted_sum(i, idle))
            .collect(),
    }
}

/// Solves the equations for the idle ticks per second. `noises` has sigma^2 and kappa of each machine. If machines differ in
/// their sends or recipients, the y_i are found step by step, starting with `idle`.
fn solve_given_noise(
    system: &System,
    links: &Links,
    noises: &[Noise],
    idle: Vec<f64>,
) -> Option<Vec<f64>> {
    let Some((s, _)) = links.uniform() else {
        return find_fixed_point(idle, |machine, idle| {
            let arrivals = links.weighted_sum(machine, idle);
            idle_given(system, machine, noises[machine], |_| arrivals)
        });
    };
    let idle_given_total = |total: f64| -> Vec<f64> {
        (0..noises.len())
            .map(|machine| idle_given(system, machine, noises[machine], |idle| s * (total - idle)))
            .collect()
    };
    let max_total = system.rates.iter().sum();
    let excess = |total: f64| idle_given_total(total).iter().sum::<f64>() - total;
    Some(idle_given_total(root::find_zero(excess, 0.0, max_total)))
}

/// The queue of a machine with `idle` idle ticks and `arrivals` messages per second.
fn queue(system: &System, machine: usize, noise: Noise, arrivals: f64, idle: f64) -> Reflected {
    Reflected {
        drift: arrivals + noise.feedback * idle - system.rates[machine],
        variance: noise.variance,
    }
}

/// Solves the equation of one machine for y, its idle ticks per second. `arrivals(y)` is the number of messages per second that
/// arrive if the machine has y idle ticks per second.
fn idle_given(system: &System, machine: usize, noise: Noise, arrivals: impl Fn(f64) -> f64) -> f64 {
    // `duration_s` is T: the time in which messages can arrive.
    let (rate, duration_s) = (system.rates[machine], system.receiving_s());
    // The right side of the equation minus y: r - lambda + E Q(T) / T - y. This difference is positive if y is too small. By the definition
    // of mu, r - lambda is kappa y - mu. So the difference is (E Q(T) / T - mu) - (1 - kappa) y.
    let missing_idle = |idle: f64| {
        let queue = queue(system, machine, noise, arrivals(idle), idle);
        let terms_of_queue = queue.mean(duration_s) / duration_s - queue.drift;
        terms_of_queue - (1.0 - noise.feedback) * idle
    };
    root::find_zero(missing_idle, 0.0, rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::experiment::{Sends, Topology};

    /// After a long time the rates are those of the fluid. No case has the critical load, where the rates approach those of the fluid too
    /// slowly for this test.
    #[test]
    fn rates_after_a_long_time_are_those_of_the_fluid() {
        for (rates, internal) in [
            (&[1.0, 3.0, 6.0][..], 0.7),
            (&[1.0, 3.0, 6.0], 0.4),
            (&[1.0, 6.0], 0.5),
            (&[3.0, 3.0, 3.0], 0.7),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], 0.1),
            (&[4.0, 7.0], 1.0),
        ] {
            let system = System::new(rates, internal, 1e7);
            let fluid = Fluid::from_links(rates, &Links::new(&system)).expect("one solution");
            let flow = Flow::solve(&system).expect("one solution");
            for (machine, rate) in rates.iter().enumerate() {
                let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-5, "{rates:?}: {a} {b}");
                near(flow.idle[machine], fluid.idle[machine]);
                near(flow.arrivals[machine], fluid.arrivals[machine]);
                let growth = flow.queues[machine].drift.max(0.0);
                near(growth, fluid.growth(machine, *rate));
            }
        }
    }

    #[test]
    fn each_message_is_received_or_waits() {
        for internal in [0.0, 0.1, 0.4, 0.9, 1.0] {
            let system = System::new(&[2.0, 3.0, 4.0], internal, 60.0);
            let flow = Flow::solve(&system).expect("one solution");
            for (machine, rate) in system.rates.iter().enumerate() {
                let received = rate - flow.idle[machine];
                let waiting = flow.queues[machine].mean(60.0) / 60.0;
                let missing = flow.arrivals[machine] - received - waiting;
                assert!(missing.abs() < 1e-6, "{internal}: {missing}");
            }
        }
    }

    /// Each idle tick sends a message to the other machine. If both machines have 3 ticks and y idle ticks per second, y = 3 - y, so y is
    /// 1.5. In the second case, the machine with 6 ticks per second sends 6 messages per second, so the other machine has no idle ticks.
    #[test]
    fn two_machines_that_always_or_nearly_always_send_have_the_rates_of_the_fluid() {
        for (rates, expected) in [([3.0, 3.0], [1.5, 1.5]), ([5.0, 6.0], [0.0, 6.0])] {
            for internal in [0.0, 1e-9] {
                let flow = Flow::solve(&System::new(&rates, internal, 60.0)).expect("one solution");
                for (idle, expected) in flow.idle.iter().zip(expected) {
                    assert!((idle - expected).abs() < 0.01, "{internal}: {flow:?}");
                }
            }
        }
    }

    /// The equations are solved in one way if all machines have the same probabilities of sends, and in another way if not. If the
    /// probabilities hardly differ, both ways give nearly the same result.
    #[test]
    fn nearly_equal_machines_have_the_rates_of_equal_machines() {
        for internal in [0.1, 0.4, 0.9] {
            let equals = System::new(&[2.0, 3.0, 4.0], internal, 60.0);
            let mut others = equals.clone();
            others.internal[0] += 1e-12;
            let (equals, others) = (Flow::solve(&equals), Flow::solve(&others));
            let (equals, others) = (equals.expect("one solution"), others.expect("one solution"));
            assert!(equals.links.uniform().is_some() && others.links.uniform().is_none());
            for (a, b) in equals.idle.iter().zip(&others.idle) {
                assert!((a - b).abs() < 1e-6, "{internal}: {a} {b}");
            }
        }
    }

    /// Each pair of opposite machines in the ring can stop the other pair from sending.
    #[test]
    fn several_possible_states_give_no_result() {
        let ring = System {
            topology: Topology::Ring,
            sends: Sends::Broadcast,
            ..System::new(&[3.0; 4], 0.3, 60.0)
        };
        assert!(Flow::solve(&ring).is_none());
        let uneven = System {
            rates: vec![3.0, 4.0, 5.0, 6.0],
            ..ring
        };
        let flow =
            Flow::solve(&uneven).expect("the faster pair stops the slower pair from sending");
        assert_eq!(flow.active, [false, true, false, true]);
    }
}
