//! Variants of the model:
//!
//! - [`ReceiveRule`]: how many messages a tick takes from the queue
//! - [`Topology`]: which machines may send to each other
//! - [`Sends`]: whether a send goes to one, to some or to all of the machines that the sender may send to
//! - [`Connection`]: over which connections messages travel
//! - [`ClockKind`]: which timestamps messages carry

use std::fmt;
use std::str::FromStr;

use super::NotAValue;
use super::named_values::named_values;

/// Index of a machine within its run, from 0.
pub type MachineIndex = u32;

// Each block `named_values!` defines an enum. The text after the enum's name completes the error message "`x` is not ...". The text after
// each value is the value's name in experiment files. The first value is the default.

named_values! {
    /// How many messages a tick takes from the queue.
    ReceiveRule, "a receive rule (one or all)" {
        /// The oldest message.
        One = "one",
        /// Every message in the queue, the oldest first. Each one is a receive event.
        All = "all",
    }
}

named_values! {
    /// Which machines may send to each other.
    Topology, "a topology (mesh, ring, star or time-keeper)" {
        /// Every machine may send to every other machine.
        Mesh = "mesh",
        /// Each machine may send to the machine before it and the one after it, by index. Machine 0 comes after the last machine.
        Ring = "ring",
        /// Machine 0 may send to all other machines. Each of the others may send to machine 0 only.
        Star = "star",
        /// Every send of machine 0 goes to all other machines. The others never send.
        TimeKeeper = "time-keeper",
    }
}

named_values! {
    /// The TCP connections that messages use. In virtual time there are no connections. The choice does not change which events a run has.
    Connection, "a connection (persistent or per-message)" {
        /// One connection for each pair of [linked](Topology::linked) machines, from the run's start to its end.
        Persistent = "persistent",
        /// A new connection for each message, closed when the message has arrived.
        PerMessage = "per-message",
    }
}

named_values! {
    /// The clocks whose timestamps messages carry. The choice does not change what machines do.
    ClockKind, "a clock (lamport, vector or hlc)" {
        /// Only the Lamport clock.
        Lamport = "lamport",
        /// The Lamport clock, and beside it a vector clock.
        Vector = "vector",
        /// The Lamport clock, and beside it a hybrid logical clock.
        Hybrid = "hlc",
    }
}

impl Topology {
    /// Returns the neighbours of `machine` in a run of `machines` machines: the machines to which `machine` may send. They are in
    /// ascending order.
    pub fn neighbours(self, machine: MachineIndex, machines: u32) -> Vec<MachineIndex> {
        match self {
            Self::TimeKeeper if machine != 0 => vec![],
            _ => self.linked(machine, machines),
        }
    }

    /// Returns how many neighbours `machine` has in a run of `machines` machines.
    pub fn neighbour_count(self, machine: MachineIndex, machines: u32) -> u32 {
        match self {
            Self::Mesh => machines - 1,
            Self::Ring => 2.min(machines - 1),
            Self::Star | Self::TimeKeeper if machine == 0 => machines - 1,
            Self::Star => 1,
            Self::TimeKeeper => 0,
        }
    }

    /// Returns the machines that are linked with `machine`, in ascending order. Two machines are linked if at least one of them may send to
    /// the other.
    pub fn linked(self, machine: MachineIndex, machines: u32) -> Vec<MachineIndex> {
        let everybody_else = || (0..machines).filter(|&peer| peer != machine).collect();
        match self {
            Self::Mesh => everybody_else(),
            Self::Ring => {
                let mut peers = vec![
                    (machine + machines - 1) % machines,
                    (machine + 1) % machines,
                ];
                peers.sort_unstable();
                // In a ring of two machines, the machine before and the one after are the same.
                peers.dedup();
                peers
            }
            Self::Star | Self::TimeKeeper if machine == 0 => everybody_else(),
            Self::Star | Self::TimeKeeper => vec![0],
        }
    }

    /// Returns how many pairs of machines are linked.
    pub fn links(self, machines: u32) -> u64 {
        let machines = u64::from(machines);
        match self {
            Self::Mesh => machines * (machines - 1) / 2,
            Self::Ring if machines > 2 => machines,
            // A ring of two machines has one link.
            Self::Ring | Self::Star | Self::TimeKeeper => machines - 1,
        }
    }

    /// Returns the next machine on a shortest path of linked machines from `machine` to machine 0. `None` for machine 0.
    pub fn towards_first(self, machine: MachineIndex, machines: u32) -> Option<MachineIndex> {
        match (self, machine) {
            (_, 0) => None,
            // From the second half of the ring, the shorter way goes over the last machine.
            (Self::Ring, _) if machine > machines / 2 => Some((machine + 1) % machines),
            (Self::Ring, _) => Some(machine - 1),
            _ => Some(0),
        }
    }
}

/// To which neighbours a send goes. Neighbours are the machines that the sender may send to. In datasets a value is written as
/// `mix`, `unicast`, `broadcast` or, for example, `multicast(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sends {
    /// For d neighbours there are d + 1 equally likely outcomes: a send to one of the d neighbours, or to all.
    #[default]
    Mix,
    /// To one neighbour. Each is equally likely.
    Unicast,
    /// To all neighbours.
    Broadcast,
    /// To this number of different neighbours. Each choice of neighbours is equally likely. If the sender has fewer neighbours, to all of
    /// them.
    Multicast(u32),
}

impl Sends {
    /// The texts of the values, with an example for multicast.
    pub const NAMES: &'static [&'static str] = &["mix", "unicast", "broadcast", "multicast(2)"];

    /// Returns whether this rule can be used with `topology`. With [`Topology::TimeKeeper`], every send goes to all other machines. So only
    /// two rules are allowed: `Broadcast`, and the default `Mix`, which this topology ignores.
    pub fn fits(self, topology: Topology) -> bool {
        topology != Topology::TimeKeeper || matches!(self, Self::Mix | Self::Broadcast)
    }
}

impl fmt::Display for Sends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mix => f.write_str("mix"),
            Self::Unicast => f.write_str("unicast"),
            Self::Broadcast => f.write_str("broadcast"),
            Self::Multicast(recipients) => write!(f, "multicast({recipients})"),
        }
    }
}

impl FromStr for Sends {
    type Err = NotAValue;

    fn from_str(text: &str) -> Result<Self, NotAValue> {
        let multicast = || {
            let recipients = text.strip_prefix("multicast(")?.strip_suffix(')')?;
            let recipients = recipients.parse().ok().filter(|&count| count > 0);
            recipients.map(Self::Multicast)
        };
        match text {
            "mix" => Ok(Self::Mix),
            "unicast" => Ok(Self::Unicast),
            "broadcast" => Ok(Self::Broadcast),
            _ => multicast().ok_or_else(|| {
                NotAValue::new(text, "sends (mix, unicast, broadcast or multicast(2))")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_topology_has_the_documented_neighbours() {
        let all_neighbours = |topology: Topology, machines| -> Vec<Vec<MachineIndex>> {
            (0..machines)
                .map(|machine| topology.neighbours(machine, machines))
                .collect()
        };
        assert_eq!(all_neighbours(Topology::Mesh, 3), [[1, 2], [0, 2], [0, 1]]);
        assert_eq!(
            all_neighbours(Topology::Ring, 4),
            [[1, 3], [0, 2], [1, 3], [0, 2]]
        );
        assert_eq!(all_neighbours(Topology::Ring, 2), [[1], [0]]);
        assert_eq!(
            all_neighbours(Topology::Star, 3),
            [vec![1, 2], vec![0], vec![0]]
        );
        assert_eq!(
            all_neighbours(Topology::TimeKeeper, 3),
            [vec![1, 2], vec![], vec![]]
        );
    }

    #[test]
    fn sends_are_read_back_from_their_text() {
        for sends in [
            Sends::Mix,
            Sends::Unicast,
            Sends::Broadcast,
            Sends::Multicast(2),
        ] {
            assert_eq!(sends.to_string().parse(), Ok(sends));
        }
        for text in ["", "multicast", "multicast(0)", "multicast(-1)", "Mix"] {
            assert!(text.parse::<Sends>().is_err(), "{text}");
        }
    }

    fn topology() -> impl Strategy<Value = Topology> {
        prop_oneof![
            Just(Topology::Mesh),
            Just(Topology::Ring),
            Just(Topology::Star),
            Just(Topology::TimeKeeper)
        ]
    }

    proptest! {
        #[test]
        fn links_are_mutual_and_sorted_and_paths_along_them_lead_to_machine_0(topology in topology(), machines in 2u32..40) {
            for machine in 0..machines {
                let linked = topology.linked(machine, machines);
                prop_assert!(linked.is_sorted_by(|a, b| a < b));
                let neighbours = topology.neighbours(machine, machines).len();
                prop_assert_eq!(topology.neighbour_count(machine, machines) as usize, neighbours);
                // `linked` does not have `machine`, and its last (largest) index is below the number of machines.
                prop_assert!(!linked.contains(&machine) && linked.last() < Some(&machines));
                for &peer in &linked {
                    prop_assert!(topology.linked(peer, machines).contains(&machine));
                    let may_carry_messages = topology.neighbours(machine, machines).contains(&peer)
                        || topology.neighbours(peer, machines).contains(&machine);
                    prop_assert!(may_carry_messages, "a link without messages");
                }
                let (mut here, mut hops) = (machine, 0);
                while let Some(next) = topology.towards_first(here, machines) {
                    prop_assert!(topology.linked(here, machines).contains(&next));
                    (here, hops) = (next, hops + 1);
                    // The longest of the paths is half a ring.
                    prop_assert!(hops <= machines / 2);
                }
                prop_assert_eq!(here, 0);
            }
            // Each link is counted at both of its machines.
            let counted_twice: usize = (0..machines).map(|machine| topology.linked(machine, machines).len()).sum();
            prop_assert_eq!(counted_twice as u64, 2 * topology.links(machines));
        }
    }
}
