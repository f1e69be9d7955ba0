//! The part of the interval from 0 to 1 that a machine owns in an interval tree clock.

use std::sync::Arc;

use crate::machine::MachineIndex;

/// A part of an interval: nothing, the whole interval, or a part of its left half together with a part of its right half. For the interval
/// from 0 to 1, `Halves(One, Zero)` is the left half, and `Halves(Zero, Halves(One, Zero))` is the part from 1/2 to 3/4. (The paper about
/// these clocks calls a machine's tree its id.)
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
    /// The part of `machine` if the interval is divided among `machines` machines. The first half of the machines (rounded up) gets the
    /// left half of the interval, and the others get the right half. Each half is then divided in the same way. Of three machines, for
    /// example, machines 0 and 1 get a quarter each, and machine 2 gets the right half.
    ///
    /// # Panics
    ///
    /// If there is no such machine.
    pub fn for_machine(machine: MachineIndex, machines: u32) -> Self {
        assert!(machine < machines, "machine {machine} of {machines}");
        if machines == 1 {
            return Self::One;
        }
        let machines_left = machines.div_ceil(2);
        let (left, right) = match machine < machines_left {
            true => (Self::for_machine(machine, machines_left), Self::Zero),
            false => (
                Self::Zero,
                Self::for_machine(machine - machines_left, machines - machines_left),
            ),
        };
        Self::Halves(Arc::new(left), Arc::new(right))
    }
}
