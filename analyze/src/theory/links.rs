//! Which machines send to each other, and with what probability.
//!
//! Machine j has d neighbours: machines to which it may send. An idle tick of j (a tick that receives nothing) is internal with
//! probability p_j. It sends a message to a given neighbour with probability s_j, and to both of two given neighbours with
//! probability q_j. These probabilities follow from the rule `sends` of the experiment:
//!
//! | sends | s_j | q_j |
//! | --- | --- | --- |
//! | mix: to one of the d neighbours or to all, d + 1 cases with equal probabilities | 2 (1 - p_j) / (d + 1) | (1 - p_j) / (d + 1) |
//! | unicast: to one neighbour | (1 - p_j) / d | 0 |
//! | broadcast: to all neighbours (in the topology time-keeper, where only machine 0 sends, every rule is like broadcast) | 1 - p_j | 1 - p_j |
//! | multicast: to k of the d neighbours | (1 - p_j) k / d | (1 - p_j) k (k - 1) / (d (d - 1)) |
//!
//! With the rule mix, a given neighbour gets a message in 2 of the d + 1 cases: if the send goes to this neighbour, and if it goes to all.
//! With the rule multicast, a machine with fewer than k neighbours sends to all of them, as if k were d.

use sim::experiment::{Sends, Topology};

use super::system::System;

/// What an idle tick of a machine sends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sender {
    /// The machines to which the sender may send, in ascending order.
    pub neighbours: Vec<usize>,
    /// s_j, the probability that a given neighbour gets a message.
    pub s: f64,
    /// q_j, the probability that both of two given neighbours get a message.
    pub q: f64,
}

impl Sender {
    fn from_system(system: &System, machine: usize) -> Self {
        let machines = system.rates.len() as u32;
        let neighbours = system.topology.neighbours(machine as u32, machines);
        let sends = match system.topology {
            Topology::TimeKeeper => Sends::Broadcast,
            Topology::Mesh | Topology::Ring | Topology::Star => system.sends,
        };
        let (s, q) = probabilities(sends, 1.0 - system.internal[machine], neighbours.len());
        Self {
            neighbours: neighbours.into_iter().map(|peer| peer as usize).collect(),
            s,
            q,
        }
    }
}

/// s and q of a machine with this number of `neighbours`. An idle tick of the machine sends with probability `p_sends`.
fn probabilities(sends: Sends, p_sends: f64, neighbours: usize) -> (f64, f64) {
    let d = neighbours as f64;
    match sends {
        _ if neighbours == 0 => (0.0, 0.0),
        Sends::Mix => {
            let s = 2.0 * p_sends / (d + 1.0);
            (s, s / 2.0)
        }
        Sends::Unicast => (p_sends / d, 0.0),
        Sends::Multicast(recipients) if f64::from(recipients) < d => {
            let k = f64::from(recipients);
            let s = p_sends * k / d;
            (s, s * (k - 1.0) / (d - 1.0))
        }
        Sends::Multicast(_) | Sends::Broadcast => (p_sends, p_sends),
    }
}

/// Which machine sends to which, for all machines of a system.
#[derive(Clone, Debug)]
pub(super) struct Links {
    /// What each machine sends.
    senders: Vec<Sender>,
    /// For each machine, the machines that send to it, with their s_j.
    senders_to: Vec<Vec<(usize, f64)>>,
}

impl Links {
    pub fn new(system: &System) -> Self {
        let machines = 0..system.rates.len();
        let senders: Vec<Sender> = machines.map(|j| Sender::from_system(system, j)).collect();
        let mut senders_to = vec![vec![]; senders.len()];
        for (j, sender) in senders.iter().enumerate() {
            if sender.s > 0.0 {
                for &i in &sender.neighbours {
                    senders_to[i].push((j, sender.s));
                }
            }
        }
        Self {
            senders,
            senders_to,
        }
    }

    /// What an idle tick of `machine` sends.
    pub fn sender(&self, machine: usize) -> &Sender {
        &self.senders[machine]
    }

    /// The machines that send to `machine`, each with the probability that an idle tick of the sender sends to `machine`.
    pub fn senders_to(&self, machine: usize) -> &[(usize, f64)] {
        &self.senders_to[machine]
    }

    /// The probability that an idle tick of `from` sends a message to `to`.
    pub fn send_probability(&self, from: usize, to: usize) -> f64 {
        let found = self.senders_to[to]
            .iter()
            .find(|(sender, _)| *sender == from);
        found.map_or(0.0, |(_, s)| *s)
    }

    /// Whether an idle tick of `machine` can send at all.
    pub fn sends(&self, machine: usize) -> bool {
        self.senders[machine].s > 0.0
    }

    /// s and q, if all machines have the same s and the same q, and every machine may send to every other. Otherwise none.
    pub fn uniform(&self) -> Option<(f64, f64)> {
        let first = &self.senders[0];
        let is_like_first = |sender: &Sender| {
            sender.neighbours.len() + 1 == self.senders.len()
                && (sender.s, sender.q) == (first.s, first.q)
        };
        (self.senders.iter().all(is_like_first)).then_some((first.s, first.q))
    }

    /// Whether an idle tick of every machine almost always sends to every other machine (s is almost 1). If s is 1, the
    /// equations of [`super::flow`] have several solutions, and its iteration cannot find the right one. So if this function returns true,
    /// [`super::flow`] takes the numbers of idle ticks and arrivals per second from [`super::fluid`].
    pub fn always_send(&self) -> bool {
        self.uniform().is_some_and(|(s, _)| s > 0.999)
    }

    /// The sum of s_j times `values[j]` over the machines j that send to `machine`. If the values are idle ticks per second, the
    /// sum is the number of messages per second that arrive at `machine`.
    pub fn weighted_sum(&self, machine: usize, values: &[f64]) -> f64 {
        let senders = self.senders_to[machine].iter();
        senders.map(|(sender, s)| s * values[*sender]).sum()
    }

    /// Whether a matrix is positive definite (all its eigenvalues are greater than 0). The matrix has a row and a column for each machine i
    /// whose `included[i]` is true. Its elements are `diagonal` in the diagonal (a number above 0), sqrt(s_i s_j) for two machines i and j
    /// that send to each other, and 0 elsewhere.
    ///
    /// A matrix is positive definite if and only if it has a Cholesky decomposition: it is L times the transpose of L, where L has
    /// positive elements in the diagonal and zeros above it.
    pub fn is_positive_definite(&self, diagonal: f64, included: &[bool]) -> bool {
        /// A value below this counts as zero, because of rounding.
        const ROUNDING: f64 = 1e-9;
        let chosen: Vec<usize> = (0..included.len())
            .filter(|&machine| included[machine])
            .collect();
        if let Some((s, _)) = self.uniform() {
            // For a single machine, the matrix is the number `diagonal`, which is above 0. For more machines, it is s times the matrix of
            // ones, plus `diagonal` - s times the identity. So its smallest eigenvalue is `diagonal` - s.
            return chosen.len() < 2 || diagonal - s >= ROUNDING;
        }
        // L, computed row by row. The element of the matrix in `row` and `column` is known + lower[row][column] * lower[column][column].
        // Here `known` is the sum of lower[row][k] * lower[column][k] over k < `column`, whose factors are computed already. Each step of the
        // inner loop solves this equation for lower[row][column].
        let mut lower = vec![vec![0.0; chosen.len()]; chosen.len()];
        for row in 0..chosen.len() {
            for column in 0..=row {
                let known: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
                if row == column {
                    let pivot = diagonal - known;
                    if pivot < ROUNDING {
                        return false;
                    }
                    lower[row][row] = pivot.sqrt();
                } else {
                    let (i, j) = (chosen[row], chosen[column]);
                    let product = self.send_probability(i, j) * self.send_probability(j, i);
                    lower[row][column] = (product.sqrt() - known) / lower[column][column];
                }
            }
        }
        true
    }

    /// Whether the equations of [`super::fluid`] certainly have a single solution. With a single solution, each machine has only one
    /// possible number of idle ticks and arrivals per second in the long run. The function includes all machines in the matrix of
    /// [`Self::is_positive_definite`], with 1 in the diagonal. If this matrix is positive definite, the equations have a single solution.
    /// Otherwise they may have several.
    pub fn has_one_solution(&self) -> bool {
        self.is_positive_definite(1.0, &vec![true; self.senders.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(topology: Topology, sends: Sends, internal: &[f64]) -> Links {
        Links::new(&System {
            topology,
            sends,
            internal: internal.to_vec(),
            ..System::new(&vec![1.0; internal.len()], 0.0, 60.0)
        })
    }

    #[test]
    fn probabilities_of_each_rule_are_those_of_the_table_at_the_top_of_the_file() {
        let s_and_q = |sends| {
            let links = links(Topology::Mesh, sends, &[0.4; 4]);
            links.uniform().expect("equal machines")
        };
        let close = |(a, b): (f64, f64), (c, d): (f64, f64)| {
            assert!((a - c).abs() < 1e-12 && (b - d).abs() < 1e-12, "{a} {b}");
        };
        // Each machine has d = 3 neighbours, and 1 - p is 0.6.
        close(s_and_q(Sends::Mix), (0.3, 0.15));
        close(s_and_q(Sends::Unicast), (0.2, 0.0));
        close(s_and_q(Sends::Multicast(2)), (0.4, 0.2));
        close(s_and_q(Sends::Multicast(3)), (0.6, 0.6));
        close(s_and_q(Sends::Broadcast), (0.6, 0.6));
    }

    #[test]
    fn links_are_uniform_only_if_all_machines_send_to_all_others_equally_often() {
        // In a ring of three machines, each machine may send to both others. In a ring of four, the opposite machine is left out.
        assert!(
            links(Topology::Ring, Sends::Mix, &[0.4; 3])
                .uniform()
                .is_some()
        );
        assert!(
            links(Topology::Ring, Sends::Mix, &[0.4; 4])
                .uniform()
                .is_none()
        );
        // Two machines with different probabilities of a send.
        assert!(
            links(Topology::Mesh, Sends::Mix, &[0.4, 0.5])
                .uniform()
                .is_none()
        );
        // Only machine 0 sends: at an idle tick with probability 1 - 0.4 = 0.6.
        let keeper = links(Topology::TimeKeeper, Sends::Mix, &[0.4; 2]);
        assert!(keeper.uniform().is_none() && keeper.sends(0) && !keeper.sends(1));
        assert_eq!(
            (keeper.send_probability(0, 1), keeper.send_probability(1, 0)),
            (0.6, 0.0)
        );
    }

    /// For four machines in a ring, the smallest eigenvalue of the matrix is 1 - 2 s. So there is one solution if s is less than 1/2.
    /// With broadcasts s is 1 - p, so there is one solution if p is greater than 1/2.
    #[test]
    fn a_ring_has_one_solution_if_machines_send_rarely() {
        for (internal, expected) in [(0.51, true), (0.49, false)] {
            let ring = links(Topology::Ring, Sends::Broadcast, &[internal; 4]);
            assert_eq!(ring.has_one_solution(), expected, "{internal}");
            // Two opposite machines do not send to each other, so their matrix is 0 outside the diagonal. Then each number above 0 in the
            // diagonal makes the matrix positive definite.
            assert!(ring.is_positive_definite(0.1, &[true, false, true, false]));
        }
    }
}
