//! Checks each receive of a machine: whether it fits the send of its message, and whether messages are received in the right order.

use std::cell::OnceCell;

use sim::experiment::StampRule;
use sim::log::UNKNOWN;
use sim::machine::{EventKind, Message};

use super::checks::Check;
use super::in_flight::{Mailbox, Sent};
use super::log::{Entry, Log};
use super::order::QueueOrder;
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;

/// For each receive of a machine, the index of the received message in the machine's mailbox (the list of all messages that were sent
/// to the machine). `None` if it is not known which message was received.
pub(super) type ReceivedMessages = Vec<Option<u32>>;

/// Checks the receives of `machine`: [`Check::Sent`], [`Check::ReceivedOnce`], [`Check::LinkOrder`], [`Check::Causality`],
/// [`Check::QueueOrder`], and [`Check::ClockCondition`] or [`Check::ClockConditionBefore`].
pub(super) fn check(
    setup: &Setup,
    log: &Log,
    machine: usize,
    mailbox: &Mailbox,
    findings: &mut RunFindings<'_>,
) -> ReceivedMessages {
    let mut checker = ReceiveChecker {
        setup,
        log,
        machine,
        mailbox,
        by_tick: OnceCell::new(),
        next: mailbox.starts.clone(),
        is_received: vec![false; mailbox.messages.len()],
        order: QueueOrder::new(setup, log),
        found: 0,
    };
    let mut received = ReceivedMessages::new();
    for entry in &log.machines[machine] {
        if let EventKind::Receive(message) = entry.kind {
            received.push(checker.check_receive(entry, message, findings));
        }
    }
    let (receives, found) = (received.len() as u64, checker.found);
    findings.checked(Check::Sent, receives);
    findings.checked(Check::ReceivedOnce, found);
    // These two checks compare times of different machines.
    if setup.known.shared_time {
        findings.checked(Check::Causality, found);
        findings.checked(Check::QueueOrder, found);
    }
    if setup.keeps_link_order {
        findings.checked(Check::LinkOrder, found);
    }
    findings.checked(setup.clock_condition(), found);
    checker.check_never_received(findings);
    received
}

/// Returns the [`ReceivedMessages`] for a log in which it is not known which messages were received: `None` for each receive of `machine`.
pub(super) fn all_unknown(log: &Log, machine: usize) -> ReceivedMessages {
    let events = log.machines[machine].iter();
    let receives = events.filter(|entry| matches!(entry.kind, EventKind::Receive(_)));
    receives.map(|_| None).collect()
}

/// Returns the indices of the mailbox's messages, sorted by sender and tick. In the mailbox itself, the messages of a sender are in the
/// order of the rows of the sender's log. In a damaged log, these rows are not always in the order of ticks.
fn sort_by_tick(mailbox: &Mailbox) -> Vec<u32> {
    let mut indices: Vec<u32> = (0..mailbox.messages.len() as u32).collect();
    indices.sort_by_key(|&index| {
        let sent = &mailbox.messages[index as usize];
        (sent.sender, sent.tick)
    });
    indices
}

/// Checks the receives of one machine, one after the other.
struct ReceiveChecker<'a> {
    setup: &'a Setup,
    log: &'a Log,
    machine: usize,
    mailbox: &'a Mailbox,
    /// The indices of the mailbox's messages, sorted by sender and tick. They are computed only when they are needed: at the first receive
    /// whose message is not the next one of its sender.
    by_tick: OnceCell<Vec<u32>>,
    /// For each sender, the index in the mailbox of the message that should be received next: at first the sender's first message.
    /// The list is a copy of [`Mailbox::starts`], so it has one more element than there are senders. This last element is not used.
    next: Vec<u32>,
    /// For each message in the mailbox, whether the machine has received it (in one of the receives that were checked so far).
    is_received: Vec<bool>,
    /// Checks whether messages are received in the order in which they entered the queue.
    order: QueueOrder<'a>,
    /// Number of receives whose message was found in the mailbox.
    found: u64,
}

impl<'a> ReceiveChecker<'a> {
    /// Checks one receive. `message` is the received message as the row of the receive describes it. Returns the index of this
    /// message in the mailbox, or `None` if the message was never sent or had been received before.
    fn check_receive(
        &mut self,
        entry: &Entry,
        message: Message,
        findings: &mut RunFindings<'_>,
    ) -> Option<u32> {
        let at = At::Row(entry.row);
        let Some(index) = self.find(message) else {
            findings.violated(Check::Sent, at, || self.why_not_sent(entry, message));
            return None;
        };
        let sent = self.mailbox.messages[index as usize];
        let send = self.send_of(&sent);
        self.found += 1;
        if let EventKind::Send { stamp, .. } = send.kind
            && stamp != message.stamp
        {
            findings.violated(Check::Sent, at, || {
                format!(
                    "{}, but {}",
                    self.describe(entry),
                    event(message.sender as usize, send)
                )
            });
        }
        if send.clock >= entry.clock {
            findings.violated(self.setup.clock_condition(), at, || {
                self.describe_low_clock(entry, &sent)
            });
        }
        self.check_causality(entry, &sent, findings);
        let was_received = std::mem::replace(&mut self.is_received[index as usize], true);
        if was_received {
            findings.violated(Check::ReceivedOnce, at, || {
                format!(
                    "{}, but it had received this message before",
                    self.describe(entry)
                )
            });
            return None;
        }
        self.check_link_order(entry, message, index, findings);
        self.check_queue_order(entry, &sent, findings);
        Some(index)
    }

    /// Finds the message in the mailbox, by its sender and the tick at which it was sent.
    fn find(&self, message: Message) -> Option<u32> {
        let sender = message.sender as usize;
        let starts = &self.mailbox.starts;
        let (start, end) = (*starts.get(sender)?, *starts.get(sender + 1)?);
        let is_match = |index: u32| self.mailbox.messages[index as usize].tick == message.sent_tick;
        // Usually the received message is the next one of its sender. If it is not, all messages of the sender are searched.
        let next = self.next[sender];
        if next < end && is_match(next) {
            return Some(next);
        }
        let tick = |index: u32| self.mailbox.messages[index as usize].tick;
        let by_tick = self.by_tick.get_or_init(|| sort_by_tick(self.mailbox));
        let of_sender = &by_tick[start as usize..end as usize];
        let position = of_sender.partition_point(|&index| tick(index) < message.sent_tick);
        let index = *of_sender.get(position)?;
        is_match(index).then_some(index)
    }

    /// The event that sent the message.
    fn send_of(&self, sent: &Sent) -> &'a Entry {
        &self.log.machines[sent.sender as usize][sent.position as usize]
    }

    /// Checks [`Check::LinkOrder`] of a receive: no earlier message of the same sender is skipped.
    fn check_link_order(
        &mut self,
        entry: &Entry,
        message: Message,
        index: u32,
        findings: &mut RunFindings<'_>,
    ) {
        let next = self.next[message.sender as usize];
        if index > next && self.setup.keeps_link_order {
            let skipped = self.mailbox.messages[next as usize];
            findings.violated(Check::LinkOrder, At::Row(entry.row), || {
                let skipped = event(skipped.sender as usize, self.send_of(&skipped));
                format!(
                    "{}. But before that message, {skipped}, and the recipient has not received this earlier message yet",
                    self.describe(entry)
                )
            });
        }
        // From now on, the message after the received one is expected. A skipped message that is received later has a smaller index, so
        // this check does not report it again.
        if index >= next {
            self.next[message.sender as usize] = index + 1;
        }
    }

    /// Checks [`Check::Causality`] of a receive in two ways:
    ///
    /// - By due times, if the run was as scheduled or messages have a configured delay: the receive must be due later than
    ///   `due time of the send + shortest possible delay`, because only ticks after this time find the message.
    /// - By logged times, if the system clocks of the machines agree: the receive must not be before the send.
    fn check_causality(&self, entry: &Entry, sent: &Sent, findings: &mut RunFindings<'_>) {
        let (setup, send) = (self.setup, self.send_of(sent));
        let due_ns = |machine: usize, entry: &Entry| setup.timetables[machine].due_ns(entry.tick);
        let (shortest_delay_ns, _) = setup.delay_ns;
        let earliest_arrival_ns =
            due_ns(sent.sender as usize, send).saturating_add(shortest_delay_ns);
        // In an imported log, the logged time of the send can be later than the logged time of the receive. The audit accepts a difference
        // of up to `late_ns`.
        let late_ns = setup.logged_late_ns(sent.sender as usize, self.machine);
        let compares_due_times = setup.as_scheduled || setup.has_delay();
        if compares_due_times && due_ns(self.machine, entry) <= earliest_arrival_ns {
            findings.violated(Check::Causality, At::Row(entry.row), || {
                format!(
                    "{} at model time {} ns, but the message was under way until at least {earliest_arrival_ns} ns",
                    self.describe(entry),
                    due_ns(self.machine, entry)
                )
            });
        } else if self.setup.known.shared_time
            && entry.time_ns.saturating_add(late_ns) < send.time_ns
        {
            findings.violated(Check::Causality, At::Row(entry.row), || {
                let early_ns = send.time_ns - entry.time_ns;
                format!(
                    "{}, {early_ns} ns before the message was sent",
                    self.describe(entry)
                )
            });
        }
    }

    /// Checks [`Check::QueueOrder`] of a receive of the message `sent`. The check is violated if the machine received another message
    /// before `sent`, although the other message entered the queue after `sent`.
    fn check_queue_order(&mut self, entry: &Entry, sent: &Sent, findings: &mut RunFindings<'_>) {
        if !self.setup.known.shared_time {
            return;
        }
        if let Some(later) = self.order.take(sent) {
            findings.violated(Check::QueueOrder, At::Row(entry.row), || {
                let later = event(later.sender as usize, self.send_of(&later));
                format!(
                    "{}, but before that, machine {} had received a message that entered the queue later: {later}",
                    self.describe(entry),
                    self.machine
                )
            });
        }
    }

    /// Checks [`Check::QueueOrder`] of each message that was never received. The check is violated if the machine received another
    /// message, although the other message entered the queue later.
    fn check_never_received(&self, findings: &mut RunFindings<'_>) {
        if !self.setup.known.shared_time {
            return;
        }
        for (sent, is_received) in self.mailbox.messages.iter().zip(&self.is_received) {
            if *is_received {
                continue;
            }
            if let Some(later) = self.order.find_taken_too_early(sent) {
                let send = self.send_of(sent);
                findings.violated(Check::QueueOrder, At::Row(send.row), || {
                    format!(
                        "{}: machine {} never received this message, but it received a message that arrived later: {}",
                        event(sent.sender as usize, send),
                        self.machine,
                        event(later.sender as usize, self.send_of(&later))
                    )
                });
            }
        }
    }

    /// Describes an event of the machine that is being checked.
    fn describe(&self, entry: &Entry) -> String {
        event(self.machine, entry)
    }

    /// Describes a receive whose clock is not larger than the clock of its send.
    fn describe_low_clock(&self, entry: &Entry, sent: &Sent) -> String {
        let send = self.send_of(sent);
        let by_design = match self.setup.clock_condition() {
            Check::ClockConditionBefore => " (stamp = before breaks this by design)",
            _ => "",
        };
        format!(
            "{}: after the receive its clock is {}, but it must be larger than the sender's clock after the send, {}{by_design}",
            self.describe(entry),
            entry.clock,
            send.clock
        )
    }

    /// Describes a receive of a message that was never sent. The description ends with the reason, for example what the sender really
    /// did at the tick `message.sent_tick`.
    fn why_not_sent(&self, entry: &Entry, message: Message) -> String {
        let sender = message.sender as usize;
        let receive = self.describe(entry);
        if sender >= self.log.machines.len() || sender == self.machine {
            return format!("{receive}, but it cannot receive messages from machine {sender}");
        }
        let events = &self.log.machines[sender];
        // Only imported logs can lack the tick of the send. The import has looked for a send with the message's stamp, and found none.
        if message.sent_tick == UNKNOWN {
            return format!("{receive}, but machine {sender} sent it no message with this stamp");
        }
        match events.iter().find(|event| event.tick == message.sent_tick) {
            None => format!(
                "{receive}, but machine {sender} has no tick {}",
                message.sent_tick
            ),
            Some(other) => format!("{receive}, but {}", event(sender, other)),
        }
    }
}

impl Setup {
    /// The check of the Clock Condition that applies to the run's receives.
    pub(super) fn clock_condition(&self) -> Check {
        match self.stamp {
            StampRule::After => Check::ClockCondition,
            StampRule::Before => Check::ClockConditionBefore,
        }
    }
}
