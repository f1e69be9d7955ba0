//! Matrix clocks. A machine *knows* of its own events and of all events that happened before them. Its vector clock says how many events of
//! each machine it knows of. Every message carries all vector clocks that its sender has stored. So a machine can also store the newest
//! known vector clock of each other machine. From all these vector clocks it can tell which events all machines know of.
//!
//! Sources: G. T. J. Wuu and A. J. Bernstein, "Efficient Solutions to the Replicated Log and Dictionary Problems", PODC 1984; M. Raynal,
//! "About Logical Clocks for Distributed Systems", ACM SIGOPS Operating Systems Review 26(1), 1992.

use super::vector::{is_below, raise_to};
use super::{Clock, Timestamp, varint};
use crate::machine::MachineIndex;

/// The matrix clock of one machine, with a row for each machine. The own row is this machine's vector clock. Every other row j is a vector
/// clock of machine j: the newest one that has reached this machine in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixClock {
    machine: usize,
    machines: usize,
    /// All rows, one after the other. Each row has a number for each machine.
    rows: Vec<u64>,
}

impl MatrixClock {
    /// Makes the clock of `machine` in a system of `machines` machines. All its numbers are 0.
    pub fn new(machine: MachineIndex, machines: u32) -> Self {
        let (machine, machines) = (machine as usize, machines as usize);
        Self {
            machine,
            machines,
            rows: vec![0; machines * machines],
        }
    }

    /// The row of `machine`.
    pub fn row(&self, machine: usize) -> &[u64] {
        &self.rows[machine * self.machines..][..self.machines]
    }

    /// How many events of `machine` are known to all machines, according to the rows of this clock. The true number can be larger, because
    /// the rows of the other machines can be old.
    pub fn events_known_to_all(&self, machine: usize) -> u64 {
        let rows = self.rows.chunks_exact(self.machines);
        rows.map(|row| row[machine]).min().unwrap_or(0)
    }

    fn own_row(&self) -> &[u64] {
        self.row(self.machine)
    }

    fn own_row_mut(&mut self) -> &mut [u64] {
        &mut self.rows[self.machine * self.machines..][..self.machines]
    }
}

impl Clock for MatrixClock {
    type Timestamp = Self;

    fn advance(&mut self, _now: i64) {
        let machine = self.machine;
        self.own_row_mut()[machine] += 1;
    }

    fn receive(&mut self, sent: &Self, now: i64) {
        // For each machine, the recipient has stored a vector clock, and the message brings a second one. The newer of these two has the
        // larger numbers.
        raise_to(&mut self.rows, &sent.rows);
        // The recipient now knows of all events that the sender knew of.
        raise_to(self.own_row_mut(), sent.own_row());
        self.advance(now);
    }

    fn timestamp(&self) -> Self {
        self.clone()
    }
}

impl Timestamp for MatrixClock {
    /// The own row is a vector clock. So event a happened before event b if and only if the own row of a's timestamp is below the own row
    /// of b's timestamp: no number is larger, and at least one is less.
    fn is_before(&self, other: &Self) -> bool {
        is_below(self.own_row(), other.own_row())
    }

    fn numbers(&self) -> u64 {
        self.rows.len() as u64
    }

    fn bytes(&self) -> u64 {
        self.rows.iter().map(|&number| varint::length(number)).sum()
    }

    /// A comparison reads only the own row, which has one word of 64 bits for each machine.
    fn words(&self) -> u64 {
        self.machines as u64
    }
}
