//! Matrix clocks: what each machine knows of what each machine knows.
//!
//! Sources: G. T. J. Wuu and A. J. Bernstein, "Efficient Solutions to the Replicated Log and Dictionary Problems", PODC 1984; M. Raynal,
//! "About Logical Clocks for Distributed Systems", ACM SIGOPS Operating Systems Review 26(1), 1992.

use super::vector::{is_below, raise};
use super::{Clock, Timestamp, varint};
use crate::machine::MachineIndex;

/// The matrix clock of one machine. Row j is the newest vector clock of machine j that this machine knows of; its own row is its vector
/// clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixClock {
    machine: usize,
    machines: usize,
    /// One row after the other.
    rows: Vec<u64>,
}

impl MatrixClock {
    /// Makes the clock of `machine`, one of `machines`. All its numbers are 0.
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

    /// Number of events of `machine` of which every machine is known to know.
    pub fn known_to_all(&self, machine: usize) -> u64 {
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

/// The own row is a vector clock. So one timestamp is below another if and only if its event happened before the other's.
impl Clock for MatrixClock {
    type Timestamp = Self;

    fn advance(&mut self, _now: i64) {
        let machine = self.machine;
        self.own_row_mut()[machine] += 1;
    }

    fn receive(&mut self, sent: &Self, now: i64) {
        raise(&mut self.rows, &sent.rows);
        raise(self.own_row_mut(), sent.own_row());
        self.advance(now);
    }

    fn timestamp(&self) -> Self {
        self.clone()
    }
}

impl Timestamp for MatrixClock {
    fn is_before(&self, other: &Self) -> bool {
        is_below(self.own_row(), other.own_row())
    }

    fn numbers(&self) -> u64 {
        self.rows.len() as u64
    }

    fn bytes(&self) -> u64 {
        self.rows.iter().map(|&number| varint::length(number)).sum()
    }

    /// A comparison reads the own row only.
    fn words(&self) -> u64 {
        self.machines as u64
    }
}
