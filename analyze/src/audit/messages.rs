//! Checks each receive against its send.

use sim::experiment::StampRule;
use sim::log::UNKNOWN;
use sim::machine::{EventKind, Message};

use super::checks::Check;
use super::in_flight::{Mailbox, Sent};
use super::log::{Entry, Log};
use super::order::Order;
use super::setup::Setup;
use super::tally::{At, RunFindings};
use super::words::event;

/// For each receive of a machine, the index of the received message in the mailbox, or `None` if the message is not known.
pub(super) type TakenMessages = Vec<Option<u32>>;

/// Checks the receives of `machine`: [`Check::Sent`], [`Check::ReceivedOnce`], [`Check::LinkOrder`], [`Check::Causality`],
/// [`Check::QueueOrder`] and the Clock Condition between machines.
pub(super) fn check(
    setup: &Setup,
    log: &Log,
    machine: usize,
    mailbox: &Mailbox,
    findings: &mut RunFindings<'_>,
) -> TakenMessages {
    let mut reader = Reader {
        setup,
        log,
        machine,
        mailbox,
        next: mailbox.links.clone(),
        is_taken: vec![false; mailbox.messages.len()],
        order: Order::new(setup, log),
        matched: 0,
    };
    let mut taken = TakenMessages::new();
    for entry in &log.machines[machine] {
        if let EventKind::Receive(message) = entry.kind {
            taken.push(reader.receive(entry, message, findings));
        }
    }
    let (receives, matched) = (taken.len() as u64, reader.matched);
    findings.checked(Check::Sent, receives);
    findings.checked(Check::ReceivedOnce, matched);
    if setup.known.shared_time {
        findings.checked(Check::Causality, matched);
        findings.checked(Check::QueueOrder, matched);
    }
    if setup.keeps_links {
        findings.checked(Check::LinkOrder, matched);
    }
    findings.checked(setup.clock_condition(), matched);
    reader.check_passed_over(findings);
    taken
}

/// Returns `None` for each receive of `machine`. This is the [`TakenMessages`] of a log in which the received messages are not known.
pub(super) fn none_known(log: &Log, machine: usize) -> TakenMessages {
    let events = log.machines[machine].iter();
    let receives = events.filter(|entry| matches!(entry.kind, EventKind::Receive(_)));
    receives.map(|_| None).collect()
}

/// The state of the checks while the receives of a machine are read.
struct Reader<'a> {
    setup: &'a Setup,
    log: &'a Log,
    machine: usize,
    mailbox: &'a Mailbox,
    /// For each sender, the index of the message that should be received next.
    next: Vec<u32>,
    is_taken: Vec<bool>,
    order: Order<'a>,
    /// Number of receives whose message was found in the mailbox.
    matched: u64,
}

impl<'a> Reader<'a> {
    /// Checks a receive. Returns the index of its message in the mailbox, or `None` if the message was not sent or was received
    /// before.
    fn receive(
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
        self.matched += 1;
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
        if std::mem::replace(&mut self.is_taken[index as usize], true) {
            findings.violated(Check::ReceivedOnce, at, || {
                format!(
                    "{}, but it had received this message before",
                    self.describe(entry)
                )
            });
            return None;
        }
        self.check_link(entry, message, index, findings);
        self.check_order(entry, &sent, findings);
        Some(index)
    }

    /// Finds the message in the mailbox, by its sender and the tick at which it was sent.
    fn find(&self, message: Message) -> Option<u32> {
        let link = message.sender as usize;
        let (start, end) = (
            *self.mailbox.links.get(link)?,
            *self.mailbox.links.get(link + 1)?,
        );
        let is_match = |index: u32| self.mailbox.messages[index as usize].tick == message.sent_tick;
        let next = self.next[link];
        if next < end && is_match(next) {
            return Some(next);
        }
        let link = &self.mailbox.messages[start as usize..end as usize];
        let index = start + link.partition_point(|sent| sent.tick < message.sent_tick) as u32;
        (index < end && is_match(index)).then_some(index)
    }

    fn send_of(&self, sent: &Sent) -> &'a Entry {
        &self.log.machines[sent.sender as usize][sent.position as usize]
    }

    /// Checks [`Check::LinkOrder`] of a receive.
    fn check_link(
        &mut self,
        entry: &Entry,
        message: Message,
        index: u32,
        findings: &mut RunFindings<'_>,
    ) {
        let next = self.next[message.sender as usize];
        if index > next && self.setup.keeps_links {
            let passed = self.mailbox.messages[next as usize];
            findings.violated(Check::LinkOrder, At::Row(entry.row), || {
                let passed = event(passed.sender as usize, self.send_of(&passed));
                format!(
                    "{}. But before that message, {passed}, and the recipient has not received this earlier message yet",
                    self.describe(entry)
                )
            });
        }
        // If a message is passed over, only the first receive of a later message is reported.
        if index >= next {
            self.next[message.sender as usize] = index + 1;
        }
    }

    /// Checks [`Check::Causality`] of a receive.
    fn check_causality(&self, entry: &Entry, sent: &Sent, findings: &mut RunFindings<'_>) {
        let (setup, send) = (self.setup, self.send_of(sent));
        let due_ns = |machine: usize, entry: &Entry| setup.timetables[machine].due_ns(entry.tick);
        let through_ns = due_ns(sent.sender as usize, send).saturating_add(setup.delay_ns.0);
        let late_ns = setup.logged_late_ns(sent.sender as usize, self.machine);
        let by_model = setup.on_schedule || setup.has_delay();
        if by_model && due_ns(self.machine, entry) <= through_ns {
            findings.violated(Check::Causality, At::Row(entry.row), || {
                format!(
                    "{} at model time {} ns, but the message was under way until at least {through_ns} ns",
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

    /// Checks [`Check::QueueOrder`] of a receive.
    fn check_order(&mut self, entry: &Entry, sent: &Sent, findings: &mut RunFindings<'_>) {
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

    /// Checks messages that were never received although later messages were received.
    fn check_passed_over(&self, findings: &mut RunFindings<'_>) {
        if !self.setup.known.shared_time {
            return;
        }
        for (sent, is_taken) in self.mailbox.messages.iter().zip(&self.is_taken) {
            if *is_taken {
                continue;
            }
            if let Some(later) = self.order.passed(sent) {
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
            "{}: its clock is {}, but it must be larger than the clock of the send, {}{by_design}",
            self.describe(entry),
            entry.clock,
            send.clock
        )
    }

    /// Describes a receive of a message that was not sent, and what the sender did instead.
    fn why_not_sent(&self, entry: &Entry, message: Message) -> String {
        let sender = message.sender as usize;
        let receive = self.describe(entry);
        let Some(events) = self
            .log
            .machines
            .get(sender)
            .filter(|_| sender != self.machine)
        else {
            return format!("{receive}, but it cannot receive messages from machine {sender}");
        };
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
