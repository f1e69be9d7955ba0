//! What is checked: every check with its name and what it says.

/// A statement about the logs that is checked wherever it applies.
///
/// "Clock Condition", IR1 and IR2 are those of L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System",
/// Communications of the ACM 21(7), 1978. There a receive may set the clock to anything above the message's timestamp and not
/// below the clock's own value; here it is exactly the greater of the two, plus 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The journal's rows agree with themselves, with `dataset.json` and with the events they count.
    Journal,
    /// The events of a run are the bytes that were written.
    Files,
    /// Every row of the event log can be read and is about machines of its run.
    Rows,
    /// First ticks fall where the phase rule allows.
    Phases,
    /// Ticks 0, 1, 2 and so on, as many as phase, rate and duration say.
    Ticks,
    /// No event before it was due, and none before the one before it.
    Times,
    /// The first event of a machine starts from a clock of 0.
    InitialClock,
    /// An internal event or a send adds 1 to the clock (IR1).
    LocalClock,
    /// A receive sets the clock to max(clock, stamp) + 1 (IR2).
    ReceiveClock,
    /// The clock of a machine rises from event to event (the Clock Condition within a machine, C1).
    RisingClock,
    /// A message carries the clock that the stamp rule names.
    Stamp,
    /// A receive has a higher clock than the send (the Clock Condition between machines, C2).
    ClockCondition,
    /// The same where `stamp = before`, which breaks it by design.
    ClockConditionBefore,
    /// What is received was sent: by this sender, in this tick, to this machine, with this stamp.
    Sent,
    /// No machine receives a message twice.
    ReceivedOnce,
    /// Messages from one machine to another are received in the order in which they were sent, none left out.
    LinkOrder,
    /// No message is received before it was sent.
    Causality,
    /// A machine receives messages in the order in which they were queued.
    QueueOrder,
    /// The queue holds what has arrived and was not received.
    QueueLength,
    /// A machine does not idle while messages wait, and leaves none waiting when it idles.
    Idle,
    /// What was sent to a machine was received, waits in its queue at the end, or is under way.
    Conservation,
    /// Idle ticks are internal events as often as the configuration says.
    InternalShare,
    /// All outcomes of a send are equally frequent: a message to each peer, and one to all.
    Recipients,
}

/// How many checks there are.
pub(super) const CHECKS: usize = Check::ALL.len();

impl Check {
    /// Every check, in the order in which they are reported.
    pub const ALL: [Self; 23] = [
        Self::Journal,
        Self::Files,
        Self::Rows,
        Self::Phases,
        Self::Ticks,
        Self::Times,
        Self::InitialClock,
        Self::LocalClock,
        Self::ReceiveClock,
        Self::RisingClock,
        Self::Stamp,
        Self::ClockCondition,
        Self::ClockConditionBefore,
        Self::Sent,
        Self::ReceivedOnce,
        Self::LinkOrder,
        Self::Causality,
        Self::QueueOrder,
        Self::QueueLength,
        Self::Idle,
        Self::Conservation,
        Self::InternalShare,
        Self::Recipients,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.texts().0
    }

    /// What it says, in a few words.
    pub fn says(self) -> &'static str {
        self.texts().1
    }

    /// What an imported log may lack for it; none for what every log has.
    pub(super) fn needs(self) -> Option<&'static str> {
        match self {
            Self::Phases => Some("when ticks were due is not known"),
            Self::Ticks => Some("every row was taken for a tick"),
            Self::Stamp => Some("stamps of sends were taken from the stamp rule"),
            Self::ReceiveClock => Some("receives do not say which stamp they got"),
            Self::ClockCondition
            | Self::Sent
            | Self::ReceivedOnce
            | Self::LinkOrder
            | Self::Causality
            | Self::QueueOrder => Some("which send a receive belongs to is not known"),
            Self::QueueLength | Self::Conservation => {
                Some("sends do not say to whom, or queue lengths are not logged")
            }
            Self::Idle => Some("queue lengths are not logged"),
            Self::Recipients => Some("how machines choose recipients was not said"),
            Self::InternalShare => Some("the probability is the share measured"),
            Self::Journal
            | Self::Files
            | Self::Rows
            | Self::Times
            | Self::InitialClock
            | Self::LocalClock
            | Self::RisingClock
            | Self::ClockConditionBefore => None,
        }
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Journal => ("journal", "rows agree with key, plan and events"),
            Self::Files => ("files", "events are the bytes written"),
            Self::Rows => ("rows", "rows can be read, machines exist"),
            Self::Phases => ("phases", "first ticks obey the phase rule"),
            Self::Ticks => ("ticks", "0, 1, 2 and so on, all of them"),
            Self::Times => ("times", "none early, none backwards"),
            Self::InitialClock => ("initial_clock", "clocks start from 0"),
            Self::LocalClock => ("local_clock", "internal and send add 1 (IR1)"),
            Self::ReceiveClock => ("receive_clock", "max(clock, stamp) + 1 (IR2)"),
            Self::RisingClock => ("rising_clock", "a machine's clock rises (C1)"),
            Self::Stamp => ("stamp", "stamps obey the stamp rule"),
            Self::ClockCondition => ("clock_condition", "clock of receive > of send (C2)"),
            Self::ClockConditionBefore => {
                ("clock_condition_before", "the same with stamp = before")
            }
            Self::Sent => ("sent", "what is received was sent"),
            Self::ReceivedOnce => ("received_once", "no message is received twice"),
            Self::LinkOrder => ("link_order", "links keep order, lose nothing"),
            Self::Causality => ("causality", "no receive before its send"),
            Self::QueueOrder => ("queue_order", "the oldest message is received"),
            Self::QueueLength => ("queue_length", "arrived - received = queued"),
            Self::Idle => ("idle", "idle exactly with an empty queue"),
            Self::Conservation => ("conservation", "sent = received + queued + under way"),
            Self::InternalShare => ("internal_share", "internal as often as configured"),
            Self::Recipients => ("recipients", "sends to all outcomes alike"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_the_order_of_their_declaration() {
        let places: Vec<usize> = Check::ALL.iter().map(|&check| check as usize).collect();
        assert_eq!(places, (0..CHECKS).collect::<Vec<_>>());
    }
}
