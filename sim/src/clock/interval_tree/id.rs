//! The part of the interval that a machine owns.

use std::sync::Arc;

use crate::machine::MachineIndex;

/// A part of an interval: nothing, all of it, or parts of its two halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdTree {
    /// Nothing.
    Zero,
    /// The whole interval.
    One,
    /// Parts of the left and the right half.
    Halves(Arc<IdTree>, Arc<IdTree>),
}

impl IdTree {
    /// The part of `machine` if `machines` share the interval: the lower half of the machines share the left half of the interval, and
    /// so on.
    ///
    /// # Panics
    ///
    /// If there is no such machine.
    pub fn of_machine(machine: MachineIndex, machines: u32) -> Self {
        assert!(machine < machines, "machine {machine} of {machines}");
        if machines == 1 {
            return Self::One;
        }
        let left = machines.div_ceil(2);
        let (left, right) = match machine < left {
            true => (Self::of_machine(machine, left), Self::Zero),
            false => (
                Self::Zero,
                Self::of_machine(machine - left, machines - left),
            ),
        };
        Self::Halves(Arc::new(left), Arc::new(right))
    }
}
