//! What a machine does at an idle tick (a tick without a waiting message): the probabilities of its events, and the machines to which it
//! may send. The audit takes these rules from the parameters in the run's row of the journal (`runs.csv`).

use sim::experiment::{Configuration, Internal, Sends, Topology};

/// The rules for idle ticks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model {
    machines: usize,
    internal: Internal,
    topology: Topology,
    sends: Sends,
}

/// The probabilities of the possible recipients of a send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SendProbabilities {
    /// The neighbours of a machine are the machines to which it may send. Choose one of the sender's neighbours: `to_each` is the
    /// probability that a send goes to this neighbour, alone or together with some others, but not to all. For example, if every send
    /// goes to two of five neighbours, `to_each` is 2/5.
    pub(super) to_each: f64,
    /// The probability that a send goes to all neighbours.
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
                // Machine 0 and the last machine are neighbours too.
                Topology::Ring => from.abs_diff(to) == 1 || from.abs_diff(to) == last,
                // Machine 0 is the centre.
                Topology::Star => from == 0 || to == 0,
                // Machine 0 is the time keeper. The other machines never send.
                Topology::TimeKeeper => from == 0,
            }
    }

    /// Number of machines to which `machine` may send.
    pub(super) fn neighbours(&self, machine: usize) -> usize {
        let others = self.machines - 1;
        match self.topology {
            Topology::Mesh => others,
            // In a ring of two machines, each machine has one neighbour.
            Topology::Ring => others.min(2),
            Topology::Star if machine == 0 => others,
            Topology::Star => 1,
            Topology::TimeKeeper if machine == 0 => others,
            Topology::TimeKeeper => 0,
        }
    }

    /// For each machine, lists the other machines with which it interacts: one of the two machines may send to the other, or both may send
    /// to the same third machine. Then the order of the two machines' ticks matters: in another order, events can be different.
    /// `None` means that any two machines interact.
    pub(super) fn interacting_machines(&self) -> Option<Vec<Vec<usize>>> {
        let machines = 0..self.machines;
        if machines
            .clone()
            .all(|machine| self.internal_probability(machine) == 1.0)
        {
            // No machine sends.
            return Some(vec![vec![]; self.machines]);
        }
        // In a star too, any two machines interact: one of them is the centre, or both may send to the centre.
        if matches!(self.topology, Topology::Mesh | Topology::Star) {
            return None;
        }
        let order_matters = |a: usize, b: usize| match self.topology {
            // These two topologies do not occur here (see above).
            Topology::Mesh | Topology::Star => true,
            // Neighbours in the ring, or machines that have a neighbour in common.
            Topology::Ring => {
                let steps = a.abs_diff(b);
                steps.min(self.machines - steps) <= 2
            }
            // Only machine 0 sends.
            Topology::TimeKeeper => a == 0 || b == 0,
        };
        let interacting_with = |a| {
            machines
                .clone()
                .filter(move |&b| a != b && order_matters(a, b))
        };
        Some(
            machines
                .clone()
                .map(|a| interacting_with(a).collect())
                .collect(),
        )
    }

    /// The index of `neighbour` in the list of the neighbours of `machine`. The list is sorted by machine number.
    pub(super) fn rank(&self, machine: usize, neighbour: usize) -> usize {
        match self.topology {
            // The list has all machines but `machine` itself, so the index of a machine with a larger number is its number minus 1.
            Topology::Mesh if neighbour > machine => neighbour - 1,
            Topology::Mesh => neighbour,
            _ => (0..neighbour)
                .filter(|&other| self.may_send(machine, other))
                .count(),
        }
    }

    /// The probability that an idle tick of `machine` is an internal event. It is 1 if the machine may not send to any machine.
    pub(super) fn internal_probability(&self, machine: usize) -> f64 {
        match self.neighbours(machine) {
            0 => 1.0,
            _ => self.internal.at(machine).value(),
        }
    }

    /// The probabilities of the recipients of a send, for a machine with `neighbours` neighbours (at least 1).
    pub(super) fn send_probabilities(&self, neighbours: usize) -> SendProbabilities {
        let neighbour_count = neighbours as f64;
        let always_to_all = SendProbabilities {
            to_each: 0.0,
            to_all: 1.0,
            recipients: None,
        };
        // A time keeper always sends to all, whatever the parameter `sends` says.
        let sends = match self.topology {
            Topology::TimeKeeper => Sends::Broadcast,
            _ => self.sends,
        };
        match sends {
            // With n neighbours, a send has n + 1 possible outcomes: it goes to one neighbour alone, or to all of them. All outcomes are
            // equally probable.
            Sends::Mix => SendProbabilities {
                to_each: 1.0 / (neighbour_count + 1.0),
                to_all: 1.0 / (neighbour_count + 1.0),
                recipients: Some(1),
            },
            Sends::Unicast => SendProbabilities {
                to_each: 1.0 / neighbour_count,
                to_all: 0.0,
                recipients: Some(1),
            },
            Sends::Broadcast => always_to_all,
            // The recipients are drawn from the neighbours, each with the same probability (2/5 for two recipients of five neighbours).
            Sends::Multicast(recipients) if (recipients as usize) < neighbours => {
                SendProbabilities {
                    to_each: f64::from(recipients) / neighbour_count,
                    to_all: 0.0,
                    recipients: Some(recipients as usize),
                }
            }
            // The parameter asks for at least as many recipients as there are neighbours. So the send goes to all of them.
            Sends::Multicast(_) => always_to_all,
        }
    }
}
