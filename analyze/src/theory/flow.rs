//! The rates over a finite time: the rates of the fluid, corrected for chance near the critical load and at the start.
//!
//! Q_i is approximated by a reflected Brownian motion with the variance sigma_i^2 and the drift mu_i = lambda_i + kappa_i y_i - r_i.
//! This is the drift if machine i were never idle: the messages that its own idle ticks keep away are added. A message that came was
//! either received or waits: lambda_i T = (r_i - y_i) T + Q_i(T). So on average
//!
//! > y_i = r_i - lambda_i + E Q_i(T) / T, lambda_i = s (Y - y_i), Y = sum of y:
//!
//! which is one equation per machine. For a long T they become the equations of the fluid. If Y is given, each is an equation for one
//! y_i alone. The sum of their solutions minus Y falls as Y rises, so Y is found as a root, with an inner root for each y_i.
//!
//! If idle ticks always send to all, the equations have no single solution, and the rates of the fluid are used. If machines differ in
//! what they send, or to whom, lambda_i depends on every other machine. Given the others, y_i falls no faster than lambda_i rises, so
//! updating one y_i after the other converges as for the fluid.
//!
//! Machines whose ticks take all waiting messages have no queues: their rates are those of [`super::batch_service`].
//!
//! sigma^2 depends on y, so the equations are solved first with the y of the fluid and again with the result. Machines affect each
//! other through their means only. Correlations between queues are ignored, except those in [`super::noise`].

use super::batch_service;
use super::diffusion::Reflected;
use super::fixed_point::relaxed;
use super::fluid::Fluid;
use super::links::Links;
use super::noise::Noise;
use super::root;
use super::system::System;

/// Number of times that sigma^2 is computed and the equations solved.
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
    /// Whether the machine has idle ticks in the long run.
    pub active: Vec<bool>,
    /// Each machine's queue.
    pub queues: Vec<Reflected>,
}

impl Flow {
    /// Solves the equations; none if several long-run states are possible.
    pub fn solve(system: &System) -> Option<Self> {
        let links = Links::new(system);
        if system.drains() {
            return Self::drained(system, links);
        }
        let fluid = Fluid::from_links(&system.rates, &links)?;
        let machines = 0..system.rates.len();
        let mut idle = fluid.idle.clone();
        let mut noises = vec![];
        for _ in 0..PASSES {
            noises = machines
                .clone()
                .map(|machine| Noise::at(machine, &idle, &fluid.active, &links))
                .collect::<Option<_>>()?;
            if links.always_send() {
                break;
            }
            idle = solved(system, &links, &noises, idle)?;
        }
        let arrivals = arrivals(&links, &idle);
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

    fn drained(system: &System, links: Links) -> Option<Self> {
        let idle = batch_service::idle(&system.rates, &links)?;
        let empty = |rate: &f64| Reflected {
            drift: -rate,
            variance: 0.0,
        };
        Some(Self {
            arrivals: arrivals(&links, &idle),
            active: vec![true; idle.len()],
            queues: system.rates.iter().map(empty).collect(),
            links,
            idle,
        })
    }
}

/// Messages per second that come to each machine.
fn arrivals(links: &Links, idle: &[f64]) -> Vec<f64> {
    let total: f64 = idle.iter().sum();
    match links.uniform() {
        Some((s, _)) => idle.iter().map(|idle| s * (total - idle)).collect(),
        None => (0..idle.len()).map(|i| links.sum(i, idle)).collect(),
    }
}

/// The idle ticks per second that solve the equations with these `noises`, from `idle` on.
fn solved(system: &System, links: &Links, noises: &[Noise], idle: Vec<f64>) -> Option<Vec<f64>> {
    let Some((s, _)) = links.uniform() else {
        return relaxed(idle, |machine, idle| {
            let arrivals = links.sum(machine, idle);
            idle_given(system, machine, noises[machine], |_| arrivals)
        });
    };
    let given = |total: f64| -> Vec<f64> {
        (0..noises.len())
            .map(|machine| idle_given(system, machine, noises[machine], |idle| s * (total - idle)))
            .collect()
    };
    let most = system.rates.iter().sum();
    let excess = |total: f64| given(total).iter().sum::<f64>() - total;
    Some(given(root::find_zero(excess, 0.0, most)))
}

/// The queue of a machine with `idle` ticks to which `arrivals` come.
fn queue(system: &System, machine: usize, noise: Noise, arrivals: f64, idle: f64) -> Reflected {
    Reflected {
        drift: arrivals + noise.answer * idle - system.rates[machine],
        variance: noise.variance,
    }
}

/// The machine's idle ticks per second, if `arrivals` gives the messages per second that come to it for each number of idle ticks.
fn idle_given(system: &System, machine: usize, noise: Noise, arrivals: impl Fn(f64) -> f64) -> f64 {
    let (rate, duration_s) = (system.rates[machine], system.receiving_s());
    let too_few = |idle: f64| {
        let queue = queue(system, machine, noise, arrivals(idle), idle);
        let reflected = queue.mean(duration_s) / duration_s - queue.drift;
        reflected - (1.0 - noise.answer) * idle
    };
    root::find_zero(too_few, 0.0, rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::experiment::{Sends, Topology};

    /// After a long time the rates are those of the fluid, except at the critical load.
    #[test]
    fn becomes_the_fluid() {
        for (rates, internal) in [
            (&[1.0, 3.0, 6.0][..], 0.7),
            (&[1.0, 3.0, 6.0], 0.4),
            (&[1.0, 6.0], 0.5),
            (&[3.0, 3.0, 3.0], 0.7),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], 0.1),
            (&[4.0, 7.0], 1.0),
        ] {
            let system = System::new(rates, internal, 1e7);
            let fluid = Fluid::from_links(rates, &Links::new(&system)).expect("one");
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
    fn what_arrives_is_received_or_waits() {
        for internal in [0.0, 0.1, 0.4, 0.9, 1.0] {
            let system = System::new(&[2.0, 3.0, 4.0], internal, 60.0);
            let flow = Flow::solve(&system).expect("one solution");
            for (machine, rate) in system.rates.iter().enumerate() {
                let waits = flow.queues[machine].mean(60.0) / 60.0;
                let left = flow.arrivals[machine] - (rate - flow.idle[machine]) - waits;
                assert!(left.abs() < 1e-6, "{internal}: {left}");
            }
        }
    }

    #[test]
    fn two_machines_that_always_send_are_no_exception() {
        for (rates, expected) in [([3.0, 3.0], [1.5, 1.5]), ([5.0, 6.0], [0.0, 6.0])] {
            for internal in [0.0, 1e-9] {
                let flow = Flow::solve(&System::new(&rates, internal, 60.0)).expect("one solution");
                for (idle, expected) in flow.idle.iter().zip(expected) {
                    assert!((idle - expected).abs() < 0.01, "{internal}: {flow:?}");
                }
            }
        }
    }

    /// The equations for machines that differ give nearly the same result as those for equal machines, if the machines hardly differ.
    #[test]
    fn equals_are_no_exception() {
        for internal in [0.1, 0.4, 0.9] {
            let equals = System::new(&[2.0, 3.0, 4.0], internal, 60.0);
            let mut others = equals.clone();
            others.internal[0] += 1e-12;
            let (equals, others) = (Flow::solve(&equals), Flow::solve(&others));
            let (equals, others) = (equals.expect("one"), others.expect("one"));
            assert!(equals.links.uniform().is_some() && others.links.uniform().is_none());
            for (a, b) in equals.idle.iter().zip(&others.idle) {
                assert!((a - b).abs() < 1e-6, "{internal}: {a} {b}");
            }
        }
    }

    /// Each pair of opposite machines in the ring can silence the other pair.
    #[test]
    fn several_states_are_none() {
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
        let flow = Flow::solve(&uneven).expect("the faster pair silences the slower");
        assert_eq!(flow.active, [false, true, false, true]);
    }
}
