//! Which machines of a run are connected. Two machines are connected if at least one of them may send to the other.
//!
//! If each machine has a process of its own, the machines must agree on the start time of the run. Each machine reports to machine 0 that
//! it is ready. Then machine 0 sends the start time to all machines. If a machine has no connection to machine 0, its report and the start
//! time pass through other machines.

use crate::clock::TimestampFormat;
use crate::experiment::{Configuration, Connection, Topology};
use crate::machine::MachineIndex;

/// The connections of a run.
#[derive(Clone, Debug)]
pub(super) struct Wiring {
    topology: Topology,
    connection: Connection,
    /// The form of the timestamps that messages carry in addition to the Lamport clock, if they carry any.
    timestamps: Option<TimestampFormat>,
    /// For each machine, the machines to which it is connected, in ascending order of their indices.
    linked: Vec<Vec<MachineIndex>>,
}

impl Wiring {
    pub(super) fn new(configuration: &Configuration) -> Self {
        let (topology, machines) = (configuration.topology, configuration.rates.machines());
        Self {
            topology,
            connection: configuration.connection,
            timestamps: TimestampFormat::new(configuration),
            linked: (0..machines)
                .map(|machine| topology.linked(machine, machines))
                .collect(),
        }
    }

    /// Returns the form of the timestamps that messages carry in addition to the Lamport clock. `None` if they carry none.
    pub(super) fn timestamps(&self) -> Option<TimestampFormat> {
        self.timestamps
    }

    pub(super) fn machines(&self) -> u32 {
        self.linked.len() as u32
    }

    /// Returns the machines to which `machine` is connected, in ascending order.
    pub(super) fn linked(&self, machine: MachineIndex) -> &[MachineIndex] {
        &self.linked[machine as usize]
    }

    /// Returns whether machines `a` and `b` are connected. If the run has no machine `a` or no machine `b`, returns false.
    pub(super) fn are_linked(&self, a: MachineIndex, b: MachineIndex) -> bool {
        let linked_to_a = self.linked.get(a as usize);
        linked_to_a.is_some_and(|linked| linked.binary_search(&b).is_ok())
    }

    /// Returns whether each message has its own connection. Even then, connected machines also have a persistent connection, for everything
    /// that is not a message (such as the start time).
    pub(super) fn is_per_message(&self) -> bool {
        self.connection == Connection::PerMessage
    }

    /// Returns whether `sender` may send messages to `recipient`.
    pub(super) fn may_send(&self, sender: MachineIndex, recipient: MachineIndex) -> bool {
        // With a time-keeper, only machine 0 (the time-keeper) sends.
        self.are_linked(sender, recipient) && (self.topology != Topology::TimeKeeper || sender == 0)
    }

    /// Returns the next machine on a shortest path of connected machines from `machine` to machine 0. `None` for machine 0.
    pub(super) fn towards_first(&self, machine: MachineIndex) -> Option<MachineIndex> {
        self.topology.towards_first(machine, self.machines())
    }

    /// Returns the machines that send their reports directly to `machine`. For each of them, `towards_first` returns `machine`.
    pub(super) fn machines_beyond(&self, machine: MachineIndex) -> Vec<MachineIndex> {
        let linked = self.linked(machine).iter().copied();
        linked
            .filter(|&peer| self.towards_first(peer) == Some(machine))
            .collect()
    }
}
