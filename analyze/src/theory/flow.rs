//! The rates over a finite time: the fluid's, with what chance adds near the critical load and at the start.
//!
//! Were machine i never idle, its queue would have the drift mu_i = lambda_i + kappa_i y_i - r_i, the messages that its own idle ticks
//! keep away being added. With the variance sigma_i^2 that makes Q_i(T) a reflected Brownian motion. And what came is either received
//! or waits, lambda_i T = (r_i - y_i) T + Q_i(T), so on average
//!
//! > y_i = r_i - lambda_i + E Q_i(T) / T, lambda_i = s (Y - y_i), Y = sum of y:
//!
//! as many equations as machines. For a long T they become the fluid's. With Y given, each machine's is an equation for its y_i
//! alone, and the sum of their solutions less Y falls as Y rises: a root within a root.
//!
//! Where two machines always send the equations have no single solution, and the fluid's rates are kept.
//!
//! sigma^2 depends on y, so this is done once with the fluid's y and once with the result. Machines are joined through their means
//! only: that two queues fluctuate together is neglected, but for what [`super::noise`] has of it.

use super::diffusion::Reflected;
use super::fluid::Fluid;
use super::noise::Noise;
use super::root;
use super::system::System;

/// How often sigma^2 is worked out anew.
const PASSES: usize = 2;

/// Mean rates from 0 to T, and the queues.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Each machine's idle ticks per second, y_i.
    pub idle: Vec<f64>,
    /// Messages per second that arrive at each machine, lambda_i.
    pub arrivals: Vec<f64>,
    /// Each machine's queue.
    pub queues: Vec<Reflected>,
}

impl Flow {
    pub fn of(system: &System) -> Self {
        let s = system.send_probability();
        let fluid = Fluid::of(&system.rates, s);
        let machines = 0..system.rates.len();
        let mut idle = fluid.idle.clone();
        let mut noises = vec![];
        for _ in 0..PASSES {
            noises = machines
                .clone()
                .map(|machine| Noise::at(machine, &idle, &fluid.active, s))
                .collect();
            let given = |total: f64| -> Vec<f64> {
                machines
                    .clone()
                    .map(|machine| idle_given(system, machine, noises[machine], total))
                    .collect()
            };
            if system.always_sends() {
                break;
            }
            let most = system.rates.iter().sum();
            let excess = |total: f64| given(total).iter().sum::<f64>() - total;
            idle = given(root::of_falling(excess, 0.0, most));
        }
        let total: f64 = idle.iter().sum();
        let queues = machines
            .map(|machine| queue(system, machine, noises[machine], total, idle[machine]))
            .collect();
        Self {
            arrivals: idle.iter().map(|idle| s * (total - idle)).collect(),
            idle,
            queues,
        }
    }
}

/// The queue of a machine with `idle` ticks of `total` of all machines.
fn queue(system: &System, machine: usize, noise: Noise, total: f64, idle: f64) -> Reflected {
    let arrivals = system.send_probability() * (total - idle);
    Reflected {
        drift: arrivals + noise.answer * idle - system.rates[machine],
        variance: noise.variance,
    }
}

/// The machine's idle ticks per second where those of all together are `total`.
fn idle_given(system: &System, machine: usize, noise: Noise, total: f64) -> f64 {
    let (rate, duration_s) = (system.rates[machine], system.duration_s);
    let too_few = |idle: f64| {
        let queue = queue(system, machine, noise, total, idle);
        let reflected = queue.mean(duration_s) / duration_s - queue.drift;
        reflected - (1.0 - noise.answer) * idle
    };
    root::of_falling(too_few, 0.0, rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After a long time there is nothing but the fluid, except at the critical load.
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
            let fluid = Fluid::of(rates, system.send_probability());
            let flow = Flow::of(&system);
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
            let flow = Flow::of(&system);
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
                let flow = Flow::of(&System::new(&rates, internal, 60.0));
                for (idle, expected) in flow.idle.iter().zip(expected) {
                    assert!((idle - expected).abs() < 0.01, "{internal}: {flow:?}");
                }
            }
        }
    }
}
