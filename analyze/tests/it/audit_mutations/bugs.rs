//! The bugs that the audit must find, and the distributions of delays in the simulated systems.

/// A bug that tests build into a simulated program, so that the audit finds it in the logs. Each text says what the program with the bug
/// does. A stamp is the timestamp that a message carries. A message is processed when a tick takes it out of the queue. A tick is idle if
/// it processes no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The program has no bug.
    None,
    /// A receive sets the clock to max(clock + 1, stamp) instead of max(clock, stamp) + 1.
    MaxOfIncremented,
    /// A receive sets the clock to stamp + 1, even if the clock was larger than the stamp.
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
    /// If two messages of the same sender are next to each other in the queue, they are read as one message. Its stamp consists of both
    /// stamps' digits: 12 and 15 become 1215.
    CoalescesMessages,
    /// Of the waiting messages, the one that arrived last is processed first.
    LastInFirstOut,
    /// If messages from several senders wait, the oldest message from the sender with the highest number is processed first.
    HighestSenderFirst,
    /// Messages that the machine with the highest number sends are never processed.
    IgnoresLastSender,
    /// If two messages arrive at the same time, the message from the sender with the higher number is queued first.
    HigherSenderWinsTies,
    /// Messages arrive at once, although the configuration gives them a delay.
    IgnoresDelay,
    /// The queue's length is logged before the message is taken.
    LengthBeforePop,
    /// Each tick logs the queue length that the tick before it should have logged.
    LengthOfLastTick,
    /// Two waiting messages are processed in one tick, and only the second one is logged.
    TakesTwo,
    /// Every second tick of a machine does not look into the queue, and so is idle even if messages wait.
    LooksEveryOtherTick,
    /// A tick can also receive a message that arrives at exactly the time of the tick. (In a correct program, this message waits for a
    /// later tick.) So a message without delay can be received at the time at which it is sent.
    ReceivesAtArrivalTime,
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
    /// Recipients are drawn at random, but a message to all is never drawn.
    NeverToAll,
    /// The machine with the highest number is never drawn as the only recipient.
    NeverToLast,
    /// Some sends go to two machines, although the experiment's rule `mix` sends to one machine or to all.
    SometimesTwoRecipients,
    /// The first tick of a machine has the number 1 instead of 0.
    TicksFromOne,
    /// The last tick of each machine is left out.
    EndsEarly,
    /// Each machine has one tick too many.
    EndsLate,
    /// Ticks happen at the right times, but the logged times are wrong: the time between two ticks is rounded down to whole milliseconds.
    /// The error grows from tick to tick. With 3 ticks per second, the log has a tick every 333 ms, so tick 150 is logged 49.95 s after
    /// tick 0 instead of 50 s.
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
