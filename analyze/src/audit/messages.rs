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

/// For each receive of a machine, the index of its message in the mailbox, or `None` if it is not known.
pub(super) type Taken = Vec<Option<u32>>;

/// Checks the receives of `machine`: [`Check::Sent`], [`Check::ReceivedOnce`], [`Check::LinkOrder`], [`Check::Causality`],
/// [`Check::QueueOrder`] and the Clock Condition between machines.
pub(super) fn check(
    setup: &Setup,
    log: &Log,
    machine: usize,
    mailbox: &Mailbox,
    page: &mut RunFindings<'_>,
) -> Taken {
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
    let mut taken = Taken::new();
    for entry in &log.machines[machine] {
        if let EventKind::Receive(message) = entry.kind {
            taken.push(reader.receive(entry, message, page));
        }
    }
    let (receives, matched) = (taken.len() as u64, reader.matched);
    page.checked(Check::Sent, receives);
    page.checked(Check::ReceivedOnce, matched);
    if setup.known.shared_time {
        page.checked(Check::Causality, matched);
        page.checked(Check::QueueOrder, matched);
    }
    if setup.keeps_links {
        page.checked(Check::LinkOrder, matched);
    }
    page.checked(setup.clock_condition(), matched);
    reader.check_passed_over(page);
    taken
}

/// The same list for logs that do not tell which message a receive took.
pub(super) fn unknown(log: &Log, machine: usize) -> Taken {
    let events = log.machines[machine].iter();
    let receives = events.filter(|entry| matches!(entry.kind, EventKind::Receive(_)));
    receives.map(|_| None).collect()
}

struct Reader<'a> {
    setup: &'a Setup,
    log: &'a Log,
    machine: usize,
    mailbox: &'a Mailbox,
    /// For each sender, the index of the message that should be received next.
    next: Vec<u32>,
    is_taken: Vec<bool>,
    order: Order<'a>,
    matched: u64,
}

impl<'a> Reader<'a> {
    fn receive(
        &mut self,
        entry: &Entry,
        message: Message,
        page: &mut RunFindings<'_>,
    ) -> Option<u32> {
        let at = At::Row(entry.row);
        let Some(index) = self.find(message) else {
            page.violated(Check::Sent, at, || self.why_not_sent(entry, message));
            return None;
        };
        let sent = self.mailbox.messages[index as usize];
        let send = self.send_of(&sent);
        self.matched += 1;
        if let EventKind::Send { stamp, .. } = send.kind
            && stamp != message.stamp
        {
            page.violated(Check::Sent, at, || {
                format!(
                    "{}, but {}",
                    self.told(entry),
                    event(message.sender as usize, send)
                )
            });
        }
        if send.clock >= entry.clock {
            page.violated(self.setup.clock_condition(), at, || {
                self.not_above(entry, &sent)
            });
        }
        self.check_causality(entry, &sent, page);
        if std::mem::replace(&mut self.is_taken[index as usize], true) {
            page.violated(Check::ReceivedOnce, at, || {
                format!(
                    "{}, but it had received this message before",
                    self.told(entry)
                )
            });
            return None;
        }
        self.check_link(entry, message, index, page);
        self.check_order(entry, &sent, page);
        Some(index)
    }

    /// Finds the message in the mailbox by its sender and the tick of its send.
    fn find(&self, message: Message) -> Option<u32> {
        let link = message.sender as usize;
        let (start, end) = (
            *self.mailbox.links.get(link)?,
            *self.mailbox.links.get(link + 1)?,
        );
        let is_it = |index: u32| self.mailbox.messages[index as usize].tick == message.sent_tick;
        let next = self.next[link];
        if next < end && is_it(next) {
            return Some(next);
        }
        let link = &self.mailbox.messages[start as usize..end as usize];
        let index = start + link.partition_point(|sent| sent.tick < message.sent_tick) as u32;
        (index < end && is_it(index)).then_some(index)
    }

    fn send_of(&self, sent: &Sent) -> &'a Entry {
        &self.log.machines[sent.sender as usize][sent.position as usize]
    }

    fn check_link(
        &mut self,
        entry: &Entry,
        message: Message,
        index: u32,
        page: &mut RunFindings<'_>,
    ) {
        let next = self.next[message.sender as usize];
        if index > next && self.setup.keeps_links {
            let passed = self.mailbox.messages[next as usize];
            page.violated(Check::LinkOrder, At::Row(entry.row), || {
                let passed = event(passed.sender as usize, self.send_of(&passed));
                format!(
                    "{}, but {passed} earlier, and that message was not received yet",
                    self.told(entry)
                )
            });
        }
        // Messages that were passed over are reported only once.
        if index >= next {
            self.next[message.sender as usize] = index + 1;
        }
    }

    fn check_causality(&self, entry: &Entry, sent: &Sent, page: &mut RunFindings<'_>) {
        let (setup, send) = (self.setup, self.send_of(sent));
        let due_ns = |machine: usize, entry: &Entry| setup.timetables[machine].due_ns(entry.tick);
        let through_ns = due_ns(sent.sender as usize, send).saturating_add(setup.delay_ns.0);
        let late_ns = setup.logged_late_ns(sent.sender as usize, self.machine);
        let by_model = setup.on_schedule || setup.has_delay();
        if by_model && due_ns(self.machine, entry) <= through_ns {
            page.violated(Check::Causality, At::Row(entry.row), || {
                format!(
                    "{} at model time {} ns, but the message was under way until at least {through_ns} ns",
                    self.told(entry),
                    due_ns(self.machine, entry)
                )
            });
        } else if self.setup.known.shared_time
            && entry.time_ns.saturating_add(late_ns) < send.time_ns
        {
            page.violated(Check::Causality, At::Row(entry.row), || {
                let early_ns = send.time_ns - entry.time_ns;
                format!(
                    "{}, {early_ns} ns before the message was sent",
                    self.told(entry)
                )
            });
        }
    }

    fn check_order(&mut self, entry: &Entry, sent: &Sent, page: &mut RunFindings<'_>) {
        if !self.setup.known.shared_time {
            return;
        }
        if let Some(earlier) = self.order.take(sent) {
            page.violated(Check::QueueOrder, At::Row(entry.row), || {
                let earlier = event(earlier.sender as usize, self.send_of(&earlier));
                format!(
                    "{}, but this message had been in the queue longer than one that was received before: {earlier}",
                    self.told(entry)
                )
            });
        }
    }

    /// Checks messages that were never received although later messages were received.
    fn check_passed_over(&self, page: &mut RunFindings<'_>) {
        if !self.setup.known.shared_time {
            return;
        }
        for (sent, is_taken) in self.mailbox.messages.iter().zip(&self.is_taken) {
            if *is_taken {
                continue;
            }
            if let Some(later) = self.order.passed(sent) {
                let send = self.send_of(sent);
                page.violated(Check::QueueOrder, At::Row(send.row), || {
                    format!(
                        "{}: machine {} never received this message, but received one that arrived later: {}",
                        event(sent.sender as usize, send),
                        self.machine,
                        event(later.sender as usize, self.send_of(&later))
                    )
                });
            }
        }
    }

    fn told(&self, entry: &Entry) -> String {
        event(self.machine, entry)
    }

    fn not_above(&self, entry: &Entry, sent: &Sent) -> String {
        let send = self.send_of(sent);
        let by_design = match self.setup.clock_condition() {
            Check::ClockConditionBefore => " (stamp = before breaks this by design)",
            _ => "",
        };
        format!(
            "{}: its clock is {}, but it must be larger than the clock of the send, {}{by_design}",
            self.told(entry),
            entry.clock,
            send.clock
        )
    }

    fn why_not_sent(&self, entry: &Entry, message: Message) -> String {
        let sender = message.sender as usize;
        let told = self.told(entry);
        let Some(events) = self
            .log
            .machines
            .get(sender)
            .filter(|_| sender != self.machine)
        else {
            return format!("{told}, but it cannot receive messages from machine {sender}");
        };
        if message.sent_tick == UNKNOWN {
            return format!("{told}, but machine {sender} sent it no message with this stamp");
        }
        match events.iter().find(|event| event.tick == message.sent_tick) {
            None => format!(
                "{told}, but machine {sender} has no tick {}",
                message.sent_tick
            ),
            Some(other) => format!("{told}, but {}", event(sender, other)),
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
