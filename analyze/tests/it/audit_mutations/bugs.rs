//! Bugs that a program can have.

/// A bug of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The program has no bug.
    None,
    /// A receive sets the clock to max(clock + 1, stamp).
    MaxOfIncremented,
    /// A receive sets the clock to the stamp, even if the stamp is lower.
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
    /// Some messages overtake the previous message to the same machine.
    SwapsMessages,
    /// Two messages of a sender that arrive together are read as one message whose stamp consists of both stamps' digits.
    CoalescesMessages,
    /// The last message to arrive is processed first.
    LastInFirstOut,
    /// If several messages wait, the one of the highest sender is processed first.
    HighestSenderFirst,
    /// Messages of the highest sender are never processed.
    IgnoresLastSender,
    /// If two messages arrive at the same time, the one of the higher sender is queued first.
    HigherSenderWinsTies,
    /// Messages arrive at once, although the configuration gives them a delay.
    IgnoresDelay,
    /// The queue's length is logged before the message is taken.
    LengthBeforePop,
    /// The queue length of the previous tick is logged.
    LengthOfLastTick,
    /// Two waiting messages are processed in one tick, and the second one is logged.
    TakesTwo,
    /// Every other tick of a machine ignores its queue.
    LooksEveryOtherTick,
    /// Ticks see messages that are sent at the same time.
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
    /// The last machine is never drawn as the one recipient.
    NeverToLast,
    /// Machines begin with tick 1.
    TicksFromOne,
    /// The last tick is left out.
    EndsEarly,
    /// There is one tick too many.
    EndsLate,
    /// Intervals between ticks are rounded to milliseconds before they are added up.
    AccumulatesTime,
}

/// The distribution of delays in the configuration.
#[derive(Clone, Copy, Debug)]
pub enum Law {
    Constant(u64),
    Exponential(f64),
}
