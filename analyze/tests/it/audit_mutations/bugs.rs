//! The bugs that the audit must find, and the distributions of delays in the simulated systems.

/// A bug of the simulated program. A stamp is the timestamp that a message carries. A message is processed when a tick takes it out of the
/// queue. A tick is idle if it processes no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The program has no bug.
    None,
    /// A receive sets the clock to max(clock + 1, stamp).
    MaxOfIncremented,
    /// A receive sets the clock to stamp + 1, even if the clock is larger.
    TakesStamp,
    /// The stamp is the clock before the send increments it.
    StampedEarly,
    /// The clock is updated when a message arrives, and not when it is processed.
    UpdatedOnArrival,
    /// The clock is updated when a message arrives, and again when it is processed.
    UpdatedTwice,
    /// Some messages never arrive.
    LosesMessages,
    /// Some messages arrive twice.
    DuplicatesMessages,
    /// Some messages overtake the sender's previous message to the same machine.
    SwapsMessages,
    /// Two messages of a sender that arrive together are read as one message whose stamp consists of both stamps' digits.
    CoalescesMessages,
    /// Of the waiting messages, the one that arrived last is processed first.
    LastInFirstOut,
    /// If several messages wait, one of the sender with the highest number is processed first.
    HighestSenderFirst,
    /// Messages of the machine with the highest number are never processed.
    IgnoresLastSender,
    /// If two messages arrive at the same time, the one of the sender with the higher number is queued first.
    HigherSenderWinsTies,
    /// Messages arrive at once, although the configuration gives them a delay.
    IgnoresDelay,
    /// The queue's length is logged before the message is taken.
    LengthBeforePop,
    /// The queue length of the previous tick is logged.
    LengthOfLastTick,
    /// Two waiting messages are processed in one tick, and only the second one is logged.
    TakesTwo,
    /// Every other tick of a machine ignores its queue.
    LooksEveryOtherTick,
    /// A tick can receive a message that is sent at exactly the time of the tick.
    NoTimeBetween,
    /// Another machine is logged as the sender of a received message.
    WrongSender,
    /// An internal event leaves the clock as it is.
    InternalDoesNotCount,
    /// A send leaves the clock as it is.
    SendDoesNotCount,
    /// Clocks start from 1.
    StartsFromOne,
    /// Half of all idle ticks are internal events, for every value of `internal`.
    InternalIsHalf,
    /// Idle ticks of machine 1 are never internal events.
    MachineOneNeverInternal,
    /// A message to all is never drawn.
    NeverToAll,
    /// The machine with the highest number is never drawn as the only recipient.
    NeverToLast,
    /// One send in fifty goes to two machines, although the rule `mix` sends to one machine or to all.
    SometimesTwoRecipients,
    /// The first tick of a machine has the number 1 instead of 0.
    TicksFromOne,
    /// The last tick of each machine is left out.
    EndsEarly,
    /// Each machine has one tick too many.
    EndsLate,
    /// The time between two ticks is rounded down to milliseconds. The logged times are multiples of the rounded time.
    AccumulatesTime,
}

/// The distribution of the delays of messages.
#[derive(Clone, Copy, Debug)]
pub enum DelayDistribution {
    /// All messages have this delay in nanoseconds.
    Constant(u64),
    /// An exponential distribution with this mean in nanoseconds.
    Exponential(f64),
}
