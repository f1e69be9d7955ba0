//! Encoded vector clocks: a vector clock as one integer, the product of prime powers.
//!
//! Source: A. D. Kshemkalyani, A. Khokhar and M. Shen, "Encoded Vector Clock: Using Primes to Characterize Causality in Distributed
//! Systems", ICDCN 2018. Each machine has a prime. An internal event or a send multiplies the integer by the machine's prime, and a
//! receive takes the least common multiple first. One event happened before another if and only if its integer divides the other's.
//!
//! The integer has thousands of digits soon. So the exponents are stored, which are the components of a vector clock. The product and its
//! length follow from them.

use super::vector::{VectorClock, VectorTimestamp};
use super::{Clock, Timestamp};
use crate::machine::MachineIndex;

/// The encoded vector clock of one machine. The machines have the primes 2, 3, 5 and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedClock {
    exponents: VectorClock,
}

/// The exponents of an encoded vector clock.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedTimestamp(VectorTimestamp);

impl EncodedClock {
    /// Makes the clock of `machine`, one of `machines`. Its integer is 1.
    pub fn new(machine: MachineIndex, machines: u32) -> Self {
        Self {
            exponents: VectorClock::new(machine, machines),
        }
    }
}

/// One timestamp divides another if and only if its event happened before the other's.
impl Clock for EncodedClock {
    type Timestamp = EncodedTimestamp;

    fn advance(&mut self, now: i64) {
        self.exponents.advance(now);
    }

    fn receive(&mut self, sent: &EncodedTimestamp, now: i64) {
        self.exponents.receive(&sent.0, now);
    }

    fn timestamp(&self) -> EncodedTimestamp {
        EncodedTimestamp(self.exponents.timestamp())
    }
}

impl EncodedTimestamp {
    /// The exponent of each prime.
    pub fn exponents(&self) -> &[u64] {
        self.0.components()
    }

    /// Number of bits of the integer: the whole part of its binary logarithm, plus 1.
    pub fn bits(&self) -> u64 {
        let bits = |(&exponent, prime): (&u64, u64)| exponent as f64 * (prime as f64).log2();
        let bits: f64 = std::iter::zip(self.exponents(), primes()).map(bits).sum();
        bits as u64 + 1
    }
}

impl Timestamp for EncodedTimestamp {
    fn is_before(&self, other: &Self) -> bool {
        self.0.is_before(&other.0)
    }

    fn numbers(&self) -> u64 {
        1
    }

    /// The integer alone, without a length.
    fn bytes(&self) -> u64 {
        self.bits().div_ceil(8)
    }

    fn words(&self) -> u64 {
        self.bits().div_ceil(64)
    }
}

/// The primes in ascending order.
pub fn primes() -> impl Iterator<Item = u64> {
    (2..).filter(|&number| {
        let mut divisors = (2..).take_while(|divisor| divisor * divisor <= number);
        divisors.all(|divisor| number % divisor != 0)
    })
}
