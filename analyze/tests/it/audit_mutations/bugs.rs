//! What can be wrong with a program.

/// What is wrong with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Nothing.
    None,
    /// A receive sets the clock to max(clock + 1, stamp).
    MaxOfIncremented,
    /// A receive takes the stamp, even if that sets the clock back.
    TakesStamp,
    /// The clock is read for the stamp before it is incremented.
    StampedEarly,
    /// The clock is updated when a message arrives, and not when it is processed.
    UpdatedOnArrival,
    /// The clock is updated when a message arrives, and again when it is processed.
    UpdatedTwice,
    /// Some messages never arrive.
    LosesMessages,
    /// Some messages arrive twice.
    DuplicatesMessages,
    /// Some messages arrive before the one that was sent to the same machine before.
    SwapsMessages,
    /// Two messages of a sender that arrive together are read as one, their stamps as one number.
    CoalescesMessages,
    /// The last message to arrive is processed first.
    LastInFirstOut,
    /// Of several messages that of the highest sender is processed first.
    HighestSenderFirst,
    /// Messages of the highest sender are never processed.
    IgnoresLastSender,
    /// Of two messages that come at one instant that of the higher sender is queued first.
    HigherSenderWinsTies,
    /// Messages arrive at once, whatever the configuration says of delays.
    IgnoresDelay,
    /// The queue's length is logged before the message is taken.
    LengthBeforePop,
    /// The queue's length is logged as it was at the tick before.
    LengthOfLastTick,
    /// Two waiting messages are processed in one tick, and the second one is logged.
    TakesTwo,
    /// Every other tick of a machine does not look at its queue.
    LooksEveryOtherTick,
    /// Messages are seen as soon as they are sent, also by ticks of that very instant.
    NoTimeBetween,
    /// The sender of a received message is logged as another machine.
    WrongSender,
    /// An internal event leaves the clock as it is.
    InternalDoesNotCount,
    /// A send leaves the clock as it is.
    SendDoesNotCount,
    /// Clocks start from 1.
    StartsFromOne,
    /// Half of all idle ticks are internal events, whatever the configuration says.
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
    /// One more tick than there are.
    EndsLate,
    /// Intervals between ticks are rounded to milliseconds, and added up.
    AccumulatesTime,
}

/// The law of the delay in the configuration.
#[derive(Clone, Copy, Debug)]
pub enum Law {
    Constant(u64),
    Exponential(f64),
}
