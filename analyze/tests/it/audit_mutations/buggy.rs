//! A small simulator for these tests that can have many bugs. It logs what a program with such a bug would log.

use std::collections::VecDeque;

use sim::log::{FinishedRun, LoggedEvent};
use sim::machine::{Event, EventKind, Message, Recipients};

use super::bugs::{Bug, Law};

/// The state of a machine.
struct Node {
    phase_ns: u64,
    hertz: u64,
    ticks: u64,
    clock: u64,
    queue: VecDeque<Message>,
    /// For each message: the time at which it arrives, a number that orders equal times, and the message.
    network: Vec<(u64, Message)>,
    /// For each sender, the time at which its last message arrives.
    last_through_ns: Vec<u64>,
    last_length: u64,
    log: Vec<LoggedEvent>,
}

pub struct Simulator {
    bug: Bug,
    law: Law,
    internal: f64,
    nodes: Vec<Node>,
    sent: u64,
    random: u64,
}

/// The logs of a program with `bug`, with the parameters of a run that the project's engine has set up.
pub fn logs(run: &FinishedRun, law: Law, bug: Bug) -> Vec<Vec<LoggedEvent>> {
    let row = &run.row;
    let configuration = &row.configuration;
    let hertz = configuration.rates.iter().map(|rate| rate.hertz() as u64);
    let rates: Vec<u64> = hertz.collect();
    let duration_ns = configuration.duration_ns;
    let nodes = rates.iter().zip(&row.phases_ns);
    let nodes = nodes.map(|(&hertz, &phase_ns)| {
        let due = |tick: &u64| phase_ns + tick * 1_000_000_000 / hertz;
        let ticks = (0..).take_while(|tick| due(tick) < duration_ns).count() as u64;
        Node {
            phase_ns,
            hertz,
            ticks: match bug {
                Bug::EndsEarly => ticks.saturating_sub(1),
                Bug::EndsLate => ticks + 1,
                _ => ticks,
            },
            clock: u64::from(bug == Bug::StartsFromOne),
            queue: VecDeque::new(),
            network: vec![],
            last_through_ns: vec![0; rates.len()],
            last_length: 0,
            log: vec![],
        }
    });
    let mut simulator = Simulator {
        bug,
        law,
        internal: configuration.internal.at(0).value(),
        nodes: nodes.collect(),
        sent: 0,
        random: 262 + row.run,
    };
    simulator.run();
    simulator.nodes.into_iter().map(|node| node.log).collect()
}

impl Simulator {
    fn run(&mut self) {
        let mut agenda: Vec<(u64, usize, u64)> = vec![];
        for (machine, node) in self.nodes.iter().enumerate() {
            agenda.extend((0..node.ticks).map(|tick| {
                (
                    node.phase_ns + tick * 1_000_000_000 / node.hertz,
                    machine,
                    tick,
                )
            }));
        }
        agenda.sort_unstable();
        for (due_ns, machine, tick) in agenda {
            self.tick(due_ns, machine, tick);
        }
    }

    fn tick(&mut self, due_ns: u64, machine: usize, tick: u64) {
        self.arrive(due_ns, machine);
        let bug = self.bug;
        let node = &mut self.nodes[machine];
        let waiting = node.queue.len() as u64;
        if bug == Bug::TakesTwo && waiting > 1 {
            let skipped = node.queue.pop_front().unwrap();
            node.clock = node.clock.max(skipped.stamp) + 1;
        }
        let kind = match self.take(machine) {
            Some(message) => self.receive(machine, message),
            None => self.idle(machine, due_ns, tick),
        };
        let node = &mut self.nodes[machine];
        let length = node.queue.len() as u64;
        let queue_length = match bug {
            Bug::LengthBeforePop => waiting,
            Bug::LengthOfLastTick => node.last_length,
            _ => length,
        };
        node.last_length = length;
        let system_time_ns = match bug {
            Bug::AccumulatesTime => node.phase_ns + tick * (1000 / node.hertz) * 1_000_000,
            _ => due_ns,
        };
        let tick = tick + u64::from(bug == Bug::TicksFromOne);
        let event = Event {
            tick,
            kind,
            logical_clock: node.clock,
            queue_length,
            timestamp: None,
        };
        node.log.push(LoggedEvent {
            system_time_ns,
            event,
        });
    }

    /// Moves the messages that arrive before `due_ns` into the machine's queue.
    fn arrive(&mut self, due_ns: u64, machine: usize) {
        let bug = self.bug;
        let node = &mut self.nodes[machine];
        let place = |sender: u32| match bug {
            Bug::HigherSenderWinsTies => u32::MAX - sender,
            _ => sender,
        };
        node.network.sort_by_key(|(through_ns, message)| {
            (*through_ns, place(message.sender), message.sent_tick)
        });
        let is_through = |through_ns: u64| {
            through_ns < due_ns || bug == Bug::NoTimeBetween && through_ns == due_ns
        };
        let through = node
            .network
            .iter()
            .take_while(|(ns, _)| is_through(*ns))
            .count();
        for (_, message) in node.network.drain(..through) {
            let before = node
                .queue
                .back_mut()
                .filter(|before| before.sender == message.sender);
            if let Some(before) = before.filter(|_| bug == Bug::CoalescesMessages) {
                let digits = format!("{}{}", before.stamp, message.stamp);
                before.stamp = digits.parse().unwrap_or(u64::MAX / 2);
                continue;
            }
            node.queue.push_back(message);
            if matches!(bug, Bug::UpdatedOnArrival | Bug::UpdatedTwice) {
                node.clock = node.clock.max(message.stamp) + 1;
            }
        }
    }

    fn take(&mut self, machine: usize) -> Option<Message> {
        if self.bug == Bug::LooksEveryOtherTick && !self.nodes[machine].log.len().is_multiple_of(2)
        {
            return None;
        }
        let last = self.nodes.len() as u32 - 1;
        let queue = &mut self.nodes[machine].queue;
        match self.bug {
            Bug::LastInFirstOut => queue.pop_back(),
            Bug::HighestSenderFirst => {
                let highest = queue.iter().map(|message| message.sender).max()?;
                let place = queue.iter().position(|message| message.sender == highest)?;
                queue.remove(place)
            }
            Bug::IgnoresLastSender => {
                let place = queue.iter().position(|message| message.sender != last)?;
                queue.remove(place)
            }
            _ => queue.pop_front(),
        }
    }

    fn receive(&mut self, machine: usize, message: Message) -> EventKind {
        let machines = self.nodes.len() as u32;
        let clock = &mut self.nodes[machine].clock;
        *clock = match self.bug {
            Bug::MaxOfIncremented => (*clock + 1).max(message.stamp),
            Bug::TakesStamp => message.stamp + 1,
            Bug::UpdatedOnArrival => *clock,
            _ => (*clock).max(message.stamp) + 1,
        };
        let mut logged = message;
        if self.bug == Bug::WrongSender {
            logged.sender = (message.sender + 1) % machines;
            if logged.sender == machine as u32 {
                logged.sender = (logged.sender + 1) % machines;
            }
        }
        EventKind::Receive(logged)
    }

    fn idle(&mut self, machine: usize, due_ns: u64, tick: u64) -> EventKind {
        let internal = match self.bug {
            Bug::InternalIsHalf => 0.5,
            Bug::MachineOneNeverInternal if machine == 1 => 0.0,
            _ => self.internal,
        };
        let is_internal = self.draw() < internal;
        let counts = match is_internal {
            true => self.bug != Bug::InternalDoesNotCount,
            false => self.bug != Bug::SendDoesNotCount,
        };
        let before = self.nodes[machine].clock;
        self.nodes[machine].clock += u64::from(counts);
        if is_internal {
            return EventKind::Internal;
        }
        let stamp = match self.bug {
            Bug::StampedEarly => before,
            _ => self.nodes[machine].clock,
        };
        let recipients = self.recipients(machine);
        let message = Message {
            sender: machine as u32,
            stamp,
            sent_tick: tick + u64::from(self.bug == Bug::TicksFromOne),
        };
        for peer in 0..self.nodes.len() {
            let is_for = match &recipients {
                Recipients::One(one) => *one as usize == peer,
                Recipients::Several(several) => several.contains(&(peer as u32)),
                Recipients::All => peer != machine,
            };
            if is_for {
                self.send(message, peer, due_ns);
            }
        }
        EventKind::Send { recipients, stamp }
    }

    fn recipients(&mut self, machine: usize) -> Recipients {
        let last = self.nodes.len() - 1;
        loop {
            let outcome = (self.draw() * self.nodes.len() as f64) as usize;
            let peer = outcome + usize::from(outcome >= machine);
            match self.bug {
                Bug::NeverToAll if outcome == last => {}
                Bug::NeverToLast if outcome != last && peer == last => {}
                _ if outcome == last => return Recipients::All,
                _ => return Recipients::One(peer as u32),
            }
        }
    }

    fn send(&mut self, message: Message, peer: usize, due_ns: u64) {
        self.sent += 1;
        let delay_ns = match self.law {
            _ if self.bug == Bug::IgnoresDelay => 0,
            Law::Constant(ns) => ns,
            Law::Exponential(mean_ns) => (-(1.0 - self.draw()).ln() * mean_ns) as u64,
        };
        let is_marked = self.sent.is_multiple_of(20);
        let node = &mut self.nodes[peer];
        let last_ns = &mut node.last_through_ns[message.sender as usize];
        *last_ns = (due_ns + delay_ns).max(*last_ns);
        let through_ns = *last_ns;
        match self.bug {
            Bug::LosesMessages if is_marked => return,
            Bug::DuplicatesMessages if is_marked => node.network.push((through_ns, message)),
            Bug::SwapsMessages => {
                let before = node
                    .network
                    .iter_mut()
                    .rev()
                    .find(|(_, before)| before.sender == message.sender);
                if let Some((_, before)) = before {
                    let first = std::mem::replace(before, message);
                    return node.network.push((through_ns, first));
                }
            }
            _ => {}
        }
        node.network.push((through_ns, message));
    }

    /// A random number from 0 to below 1, drawn with SplitMix64.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
