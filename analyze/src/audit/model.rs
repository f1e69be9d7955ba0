//! The rules for idle machines: the probabilities of events, and the possible recipients. They follow from the run's row in the
//! journal.

use sim::experiment::{Configuration, Internal, Sends, Topology};

/// The rules for idle machines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model {
    machines: usize,
    internal: Internal,
    topology: Topology,
    sends: Sends,
}

/// The probabilities of recipients for a send of a machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SendProbabilities {
    pub(super) to_each: f64,
    pub(super) to_all: f64,
    /// Number of recipients of a send that is not to all, or `None` if all sends are to all.
    pub(super) recipients: Option<usize>,
}

impl Model {
    /// Finds the rules that follow from a run's configuration.
    pub(super) fn new(configuration: &Configuration) -> Self {
        Self {
            machines: configuration.rates.machines() as usize,
            internal: configuration.internal.clone(),
            topology: configuration.topology,
            sends: configuration.sends,
        }
    }

    /// Tells whether machine `from` may send to machine `to`.
    pub(super) fn may_send(&self, from: usize, to: usize) -> bool {
        let last = self.machines - 1;
        from != to
            && match self.topology {
                Topology::Mesh => true,
                Topology::Ring => matches!(from.abs_diff(to), 1) || from.abs_diff(to) == last,
                Topology::Star => from == 0 || to == 0,
                Topology::TimeKeeper => from == 0,
            }
    }

    /// Number of machines to which `machine` may send.
    pub(super) fn neighbours(&self, machine: usize) -> usize {
        let others = self.machines - 1;
        match self.topology {
            Topology::Mesh => others,
            Topology::Ring => others.min(2),
            Topology::Star if machine == 0 => others,
            Topology::Star => 1,
            Topology::TimeKeeper if machine == 0 => others,
            Topology::TimeKeeper => 0,
        }
    }

    /// For each machine, lists the other machines for which the order of ticks matters: one of the two machines may send to the other,
    /// or both may send to the same third machine. `None` if each machine's list has all other machines.
    pub(super) fn peers(&self) -> Option<Vec<Vec<usize>>> {
        let machines = 0..self.machines;
        if machines
            .clone()
            .all(|machine| self.internal(machine) == 1.0)
        {
            // No machine sends.
            return Some(vec![vec![]; self.machines]);
        }
        let order_matters = |a: usize, b: usize| match self.topology {
            Topology::Mesh | Topology::Star => true,
            Topology::Ring => {
                let apart = a.abs_diff(b);
                apart.min(self.machines - apart) <= 2
            }
            Topology::TimeKeeper => a == 0 || b == 0,
        };
        if matches!(self.topology, Topology::Mesh | Topology::Star) {
            return None;
        }
        let peers = |a| {
            machines
                .clone()
                .filter(move |&b| a != b && order_matters(a, b))
        };
        Some(machines.clone().map(|a| peers(a).collect()).collect())
    }

    /// The rank of `neighbour` among the neighbours of `machine`, in the order of machines.
    pub(super) fn rank(&self, machine: usize, neighbour: usize) -> usize {
        match self.topology {
            Topology::Mesh => neighbour - usize::from(neighbour > machine),
            _ => (0..neighbour)
                .filter(|&other| self.may_send(machine, other))
                .count(),
        }
    }

    /// The probability that an idle tick of `machine` is an internal event. It is 1 if the machine may not send to any machine.
    pub(super) fn internal(&self, machine: usize) -> f64 {
        match self.neighbours(machine) {
            0 => 1.0,
            _ => self.internal.at(machine).value(),
        }
    }

    /// The probabilities for sends of a machine with `neighbours` neighbours. There must be at least one neighbour.
    pub(super) fn send_probabilities(&self, neighbours: usize) -> SendProbabilities {
        let d = neighbours as f64;
        let to_all = SendProbabilities {
            to_each: 0.0,
            to_all: 1.0,
            recipients: None,
        };
        let sends = match self.topology {
            Topology::TimeKeeper => Sends::Broadcast,
            _ => self.sends,
        };
        match sends {
            Sends::Mix => SendProbabilities {
                to_each: 1.0 / (d + 1.0),
                to_all: 1.0 / (d + 1.0),
                recipients: Some(1),
            },
            Sends::Unicast => SendProbabilities {
                to_each: 1.0 / d,
                to_all: 0.0,
                recipients: Some(1),
            },
            Sends::Broadcast => to_all,
            Sends::Multicast(recipients) if (recipients as usize) < neighbours => {
                SendProbabilities {
                    to_each: f64::from(recipients) / d,
                    to_all: 0.0,
                    recipients: Some(recipients as usize),
                }
            }
            Sends::Multicast(_) => to_all,
        }
    }
}
