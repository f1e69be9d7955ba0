//! Hybrid logical clocks (HLC): physical time, and a counter that orders events with the same time.
//!
//! Source: S. S. Kulkarni, M. Demirbas, D. Madappa, B. Avva and M. Leone, "Logical Physical Clocks", OPODIS 2014.

use super::{Clock, Timestamp, scalar_of_time, varint};

/// The hybrid logical clock of one machine. The derived order compares the times first, and the counters if the times are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HybridClock {
    /// The largest physical time that the machine knows of: from its own physical clock or from a message.
    time: i64,
    /// Orders the events with the same `time`. At an event, the new time is compared with the old time of the clock and with the time of
    /// the received message, if there is one. If both are earlier, the counter becomes 0. If one of them is equal to the new time, the
    /// counter becomes 1 more than the counter that belongs to it. If both are equal, it becomes 1 more than the larger of their counters.
    counter: u64,
}

impl HybridClock {
    /// Makes a clock from its two parts, for example those of a message.
    pub fn from_parts(time: i64, counter: u64) -> Self {
        Self { time, counter }
    }

    /// The largest physical time that the machine knows of, in steps of the physical clock (in the source: l).
    pub fn time(&self) -> i64 {
        self.time
    }

    /// The counter that orders the events with the same time (in the source: c). [`Clock::counter`] returns it too.
    pub fn count(&self) -> u64 {
        self.counter
    }
}

/// If event a happened before event b, the timestamp of a is lower. The timestamp of a can also be lower if the events are concurrent.
impl Clock for HybridClock {
    type Timestamp = Self;

    fn advance(&mut self, now: i64) {
        if now > self.time {
            *self = Self::from_parts(now, 0);
        } else {
            self.counter += 1;
        }
    }

    fn receive(&mut self, sent: &Self, now: i64) {
        let time = self.time.max(sent.time).max(now);
        // The machine's counter and the message's counter; `None` if the counter belongs to an earlier time than the new time.
        let own = (time == self.time).then_some(self.counter);
        let received = (time == sent.time).then_some(sent.counter);
        // The new counter is 1 above the larger of the two counters (for `max`, `None` is less than any number). If both are `None`, the
        // new time comes from the physical clock alone, and the counter starts at 0.
        self.counter = own.max(received).map_or(0, |counter| counter + 1);
        self.time = time;
    }

    fn timestamp(&self) -> Self {
        *self
    }

    fn scalar(&self) -> Option<u128> {
        Some(scalar_of_time(self.time, self.counter))
    }

    fn ahead(&self, now: i64) -> Option<i64> {
        Some(self.time - now)
    }

    fn counter(&self) -> Option<u64> {
        Some(self.counter)
    }
}

impl Timestamp for HybridClock {
    fn is_before(&self, other: &Self) -> bool {
        self < other
    }

    fn numbers(&self) -> u64 {
        2
    }

    /// The time takes 8 bytes, and a small counter takes few bytes.
    fn bytes(&self) -> u64 {
        8 + varint::length(self.counter)
    }
}
