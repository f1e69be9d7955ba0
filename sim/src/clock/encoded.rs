//! Encoded vector clocks: a vector clock written as one integer, a product of prime powers. For example, the vector clock (2, 1, 0) is
//! written as 2^2 * 3^1 * 5^0 = 12.
//!
//! Source: A. D. Kshemkalyani, A. Khokhar and M. Shen, "Encoded Vector Clock: Using Primes to Characterize Causality in Distributed
//! Systems", ICDCN 2018. Each machine has a prime. An internal event or a send multiplies the machine's integer by its prime. A receive
//! takes the least common multiple of the machine's integer and the message's integer, and multiplies this multiple by the machine's prime.
//! If a and b are different events, a happened before b if and only if the integer of a divides the integer of b.
//!
//! The integer soon has thousands of digits. So this code does not calculate it, but stores the exponents of the primes. The exponents are
//! the components of a vector clock, and the length of the integer follows from them.

use super::vector::{VectorClock, VectorTimestamp};
use super::{Clock, Timestamp};
use crate::machine::MachineIndex;

/// The encoded vector clock of one machine. The machines have the primes 2, 3, 5 and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedClock {
    exponents: VectorClock,
}

/// The timestamp of an encoded vector clock: the exponents of the primes in its integer.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedTimestamp(VectorTimestamp);

impl EncodedClock {
    /// Makes the clock of `machine` in a run of `machines` machines. All its exponents are 0, so its integer is 1.
    pub fn new(machine: MachineIndex, machines: u32) -> Self {
        Self {
            exponents: VectorClock::new(machine, machines),
        }
    }
}

/// For two different events a and b: the integer of a divides the integer of b if and only if a happened before b.
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
    /// The exponent of each prime, in the order of the machines.
    pub fn exponents(&self) -> &[u64] {
        self.0.components()
    }

    /// Number of bits of the integer: the whole part of its binary logarithm, plus 1.
    pub fn bits(&self) -> u64 {
        // log2(prime^exponent) = exponent * log2(prime)
        let power_log2 = |(&exponent, prime): (&u64, u64)| exponent as f64 * (prime as f64).log2();
        let log2: f64 = std::iter::zip(self.exponents(), primes())
            .map(power_log2)
            .sum();
        log2 as u64 + 1
    }
}

impl Timestamp for EncodedTimestamp {
    /// Integer a divides integer b if each prime's exponent in a is at most its exponent in b. So the exponents are compared like the
    /// components of vector clocks.
    fn is_before(&self, other: &Self) -> bool {
        self.0.is_before(&other.0)
    }

    /// One number: the integer.
    fn numbers(&self) -> u64 {
        1
    }

    /// The bytes of the integer alone. A message would also have to contain the length of the integer, but the length is not counted.
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
