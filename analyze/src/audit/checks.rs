//! The checks that an audit makes on logs, each with its name and its rule.

/// A check of the audit: a rule that the logs must follow.
///
/// "Clock Condition", C1, C2, IR1 and IR2 are names from L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed
/// System", Communications of the ACM 21(7), 1978. In that paper, IR2 allows many values for the clock after a receive. Here
/// the new clock must be exactly 1 more than the larger of two numbers: the machine's clock and the message's timestamp.
///
/// The *stamp* is the timestamp that a message carries. A tick is *idle* if no message waits in the machine's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The columns of a row of the journal (`runs.csv`) agree with each other, with `dataset.json` and with the run's events.
    Journal,
    /// The events of a run have not changed since they were written.
    Files,
    /// Every row of the event log can be read, and its machine exists.
    Rows,
    /// The time of each machine's first tick obeys the rule of the parameter `phase`.
    Phases,
    /// The ticks of a machine are numbered 0, 1, 2 and so on. There are as many ticks as phase, rate and duration give.
    Ticks,
    /// No event happens before its tick is due or before the machine's previous event.
    Times,
    /// A machine's clock is 0 before its first event.
    InitialClock,
    /// An internal event or a send adds 1 to the clock (IR1).
    LocalClock,
    /// A receive sets the clock to max(clock, stamp) + 1 (IR2).
    ReceiveClock,
    /// A machine's clock becomes larger at every event (C1: the Clock Condition within a machine).
    RisingClock,
    /// The timestamp of a message is the sender's clock before or after the send, as the parameter `stamp` says.
    Stamp,
    /// Machines can also keep a vector clock or a hybrid logical clock. The timestamp of such a clock follows from the timestamp of the
    /// machine's previous event and, at a receive, also from the timestamp of the send. A hybrid logical clock also has a time. This time
    /// can come from the machine's physical clock instead of an earlier timestamp. Then it must be close to the time at which the tick is
    /// due.
    Timestamp,
    /// The clock of a receive is larger than the clock of its send (C2: the Clock Condition between machines).
    ClockCondition,
    /// The same rule as [`Check::ClockCondition`], for runs with `stamp = before`. Such runs break the rule by design, so
    /// their violations are counted apart.
    ClockConditionBefore,
    /// For each receive there is a send with the same sender, recipient, tick of sending and timestamp.
    Sent,
    /// No machine receives a message twice.
    ReceivedOnce,
    /// Messages from one machine to another are received in the order of their sends, and none is left out.
    LinkOrder,
    /// No message is received before it was sent.
    Causality,
    /// A machine receives messages in the order in which they entered its queue.
    QueueOrder,
    /// A queue length is the number of messages that arrived minus the number of messages received.
    QueueLength,
    /// A machine has no internal event and no send while messages wait in its queue.
    Idle,
    /// Every message that was sent to a machine was received, or waits in the machine's queue at the end, or is still under way.
    Conservation,
    /// The share of internal events among idle ticks fits the probability that is configured.
    InternalShare,
    /// All outcomes of a send (a message to one of the peers, or to all) are equally frequent.
    Recipients,
}

/// Number of checks that exist.
pub(super) const CHECKS: usize = Check::ALL.len();

impl Check {
    /// All checks, in the order in which they are reported. It is also the order of the enum, so `check as usize` is a check's index in
    /// this array.
    pub const ALL: [Self; 24] = [
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
        Self::Timestamp,
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

    /// The check's name.
    pub fn name(self) -> &'static str {
        self.name_and_rule().0
    }

    /// The check's rule in a few words.
    pub fn rule(self) -> &'static str {
        self.name_and_rule().1
    }

    /// The reason why this check cannot be made on some imported logs, such as "queue lengths are not logged". `None` if there is no
    /// such reason. Some checks are not made because they could not fail: for example, [`Self::Stamp`] would compare timestamps with the
    /// rule from which the import computed them.
    pub(super) fn why_impossible(self) -> Option<&'static str> {
        match self {
            Self::Phases => Some("the planned times of ticks are not known"),
            Self::Ticks => Some("ticks are not logged, so each row counts as one"),
            Self::Stamp => Some("the timestamps of sends were computed from the stamp rule"),
            Self::ReceiveClock => Some("receives do not have the timestamp of their message"),
            Self::ClockCondition
            | Self::Sent
            | Self::ReceivedOnce
            | Self::LinkOrder
            | Self::Causality
            | Self::QueueOrder => Some("the send of each receive is not known"),
            Self::QueueLength | Self::Conservation => {
                Some("sends do not name their recipients, or queue lengths are not logged")
            }
            Self::Idle => Some("queue lengths are not logged"),
            Self::Recipients => Some("the rule for recipients was not given"),
            Self::InternalShare => Some("the probability was measured in the same log"),
            Self::Journal
            | Self::Files
            | Self::Rows
            | Self::Times
            | Self::InitialClock
            | Self::LocalClock
            | Self::RisingClock
            | Self::Timestamp
            | Self::ClockConditionBefore => None,
        }
    }

    /// The check's name, and its rule in a few words.
    fn name_and_rule(self) -> (&'static str, &'static str) {
        match self {
            Self::Journal => ("journal", "rows fit dataset.json and events"),
            Self::Files => ("files", "events are unchanged"),
            Self::Rows => ("rows", "rows can be read, machines exist"),
            Self::Phases => ("phases", "first ticks obey the phase rule"),
            Self::Ticks => ("ticks", "0, 1, 2 and so on, all of them"),
            Self::Times => ("times", "no event too early, none goes back"),
            Self::InitialClock => ("initial_clock", "clocks start from 0"),
            Self::LocalClock => ("local_clock", "internal and send add 1 (IR1)"),
            Self::ReceiveClock => ("receive_clock", "max(clock, stamp) + 1 (IR2)"),
            Self::RisingClock => ("rising_clock", "a machine's clock rises (C1)"),
            Self::Stamp => ("stamp", "stamps obey the stamp rule"),
            Self::Timestamp => ("timestamp", "vector and hlc obey their rules"),
            Self::ClockCondition => ("clock_condition", "receive's clock > send's clock (C2)"),
            Self::ClockConditionBefore => (
                "clock_condition_before",
                "clock_condition with stamp = before",
            ),
            Self::Sent => ("sent", "received messages were sent"),
            Self::ReceivedOnce => ("received_once", "no message is received twice"),
            Self::LinkOrder => ("link_order", "links keep order, lose no message"),
            Self::Causality => ("causality", "no receive before its send"),
            Self::QueueOrder => ("queue_order", "the oldest message is received"),
            Self::QueueLength => ("queue_length", "arrived - received = queued"),
            Self::Idle => ("idle", "queue is empty at internal and send"),
            Self::Conservation => ("conservation", "sent = received + queued + under way"),
            Self::InternalShare => ("internal_share", "internal as often as configured"),
            Self::Recipients => ("recipients", "each choice equally often"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The results of checks are stored at the index `check as usize`.
    #[test]
    fn all_lists_the_checks_in_the_order_of_the_enum() {
        let indices: Vec<usize> = Check::ALL.iter().map(|&check| check as usize).collect();
        assert_eq!(indices, (0..CHECKS).collect::<Vec<_>>());
    }
}
