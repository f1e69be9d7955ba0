//! A small simulator of machines with Lamport clocks. It has the bug that a test asks for, and logs what a program with this bug would
//! log.

use std::collections::VecDeque;

use sim::log::{EndedRun, LoggedEvent};
use sim::machine::{Event, EventKind, Message, Recipients};

use super::bugs::{Bug, DelayDistribution};

/// The state of a machine.
struct Node {
    /// The time of the first tick.
    phase_ns: u64,
    /// Ticks per second.
    hertz: u64,
    /// Number of ticks in the whole run.
    ticks: u64,
    clock: u64,
    queue: VecDeque<Message>,
    /// The messages that are on their way to this machine, each with the time at which it arrives.
    network: Vec<(u64, Message)>,
    /// For each sender, the time at which its newest message to this machine arrives. Messages of one sender do not overtake each other,
    /// so the sender's next message cannot arrive before this time.
    newest_arrival_ns: Vec<u64>,
    /// The queue's length after the previous tick.
    previous_length: u64,
    log: Vec<LoggedEvent>,
}

/// All machines of a run, and the messages between them.
struct Simulator {
    bug: Bug,
    delays: DelayDistribution,
    /// The probability that an idle tick (a tick that receives no message) is an internal event.
    internal: f64,
    nodes: Vec<Node>,
    /// Number of messages sent by all machines. A message to several machines counts once for each of them.
    sent: u64,
    /// The state of the random number generator.
    random: u64,
}

/// Simulates a program with `bug`, and returns the log of each machine. Rates, times of first ticks, duration and the probability of
/// internal events are those of `run`.
pub fn logs(run: &EndedRun, delays: DelayDistribution, bug: Bug) -> Vec<Vec<LoggedEvent>> {
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
            newest_arrival_ns: vec![0; rates.len()],
            previous_length: 0,
            log: vec![],
        }
    });
    let mut simulator = Simulator {
        bug,
        delays,
        // The value of machine 0. In these tests all machines have the same value.
        internal: configuration.internal.at(0).value(),
        nodes: nodes.collect(),
        sent: 0,
        // The seed: a different one for each run.
        random: 262 + row.run,
    };
    simulator.run();
    simulator.nodes.into_iter().map(|node| node.log).collect()
}

impl Simulator {
    /// Makes all ticks in the order of time. Of ticks at the same time, that of the machine with the lowest number comes first.
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

    /// Makes one tick of a machine, and logs its event.
    fn tick(&mut self, due_ns: u64, machine: usize, tick: u64) {
        self.arrive(due_ns, machine);
        let bug = self.bug;
        let node = &mut self.nodes[machine];
        let length_before = node.queue.len() as u64;
        if bug == Bug::TakesTwo && length_before > 1 {
            // This message changes the clock, but is not logged. The next one is received as usual.
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
            Bug::LengthBeforePop => length_before,
            Bug::LengthOfLastTick => node.previous_length,
            _ => length,
        };
        node.previous_length = length;
        let system_time_ns = match bug {
            // `1000 / hertz` is the time between two ticks, rounded down to whole milliseconds.
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

    /// Moves the messages that arrive before the tick at `due_ns` into the machine's queue. Of messages that arrive at the same time,
    /// that of the sender with the lowest number comes first.
    fn arrive(&mut self, due_ns: u64, machine: usize) {
        let bug = self.bug;
        let node = &mut self.nodes[machine];
        let sender_rank = |sender: u32| match bug {
            Bug::HigherSenderWinsTies => u32::MAX - sender,
            _ => sender,
        };
        node.network.sort_by_key(|(arrival_ns, message)| {
            (*arrival_ns, sender_rank(message.sender), message.sent_tick)
        });
        // With `ReceivesAtArrivalTime`, a tick can receive a message that arrives exactly at the time of the tick.
        let has_arrived = |arrival_ns: u64| {
            arrival_ns < due_ns || bug == Bug::ReceivesAtArrivalTime && arrival_ns == due_ns
        };
        let arrived_count = node
            .network
            .iter()
            .take_while(|(arrival_ns, _)| has_arrived(*arrival_ns))
            .count();
        for (_, message) in node.network.drain(..arrived_count) {
            if bug == Bug::CoalescesMessages
                && let Some(previous) = node.queue.back_mut()
                && previous.sender == message.sender
            {
                // The two messages are read as one, whose stamp has the digits of both: 12 and 15 become 1215.
                let digits = format!("{}{}", previous.stamp, message.stamp);
                // If the digits are too many for a number, the stamp becomes some large number.
                previous.stamp = digits.parse().unwrap_or(u64::MAX / 2);
                continue;
            }
            node.queue.push_back(message);
            if matches!(bug, Bug::UpdatedOnArrival | Bug::UpdatedTwice) {
                node.clock = node.clock.max(message.stamp) + 1;
            }
        }
    }

    /// Removes a message from the queue and returns it: the message that the machine receives at this tick. `None` means that the tick is
    /// idle.
    fn take(&mut self, machine: usize) -> Option<Message> {
        let ticks_before = self.nodes[machine].log.len();
        if self.bug == Bug::LooksEveryOtherTick && !ticks_before.is_multiple_of(2) {
            return None;
        }
        let last = self.nodes.len() as u32 - 1;
        let queue = &mut self.nodes[machine].queue;
        match self.bug {
            Bug::LastInFirstOut => queue.pop_back(),
            Bug::HighestSenderFirst => {
                let highest = queue.iter().map(|message| message.sender).max()?;
                let index = queue.iter().position(|message| message.sender == highest)?;
                queue.remove(index)
            }
            Bug::IgnoresLastSender => {
                let index = queue.iter().position(|message| message.sender != last)?;
                queue.remove(index)
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
            // `arrive` has updated the clock.
            Bug::UpdatedOnArrival => *clock,
            // Also with `UpdatedTwice`: then this is the second update.
            _ => (*clock).max(message.stamp) + 1,
        };
        let mut logged = message;
        if self.bug == Bug::WrongSender {
            // Logs the machine with the next number instead of the sender. Machine 0 comes after the last machine. The receiver itself is
            // skipped.
            logged.sender = (message.sender + 1) % machines;
            if logged.sender == machine as u32 {
                logged.sender = (logged.sender + 1) % machines;
            }
        }
        EventKind::Receive(logged)
    }

    /// Makes the internal event or the send of an idle tick.
    fn idle(&mut self, machine: usize, due_ns: u64, tick: u64) -> EventKind {
        let internal = match self.bug {
            Bug::InternalIsHalf => 0.5,
            Bug::MachineOneNeverInternal if machine == 1 => 0.0,
            _ => self.internal,
        };
        let is_internal = self.draw() < internal;
        let increments_clock = match is_internal {
            true => self.bug != Bug::InternalDoesNotCount,
            false => self.bug != Bug::SendDoesNotCount,
        };
        let clock_before = self.nodes[machine].clock;
        self.nodes[machine].clock += u64::from(increments_clock);
        if is_internal {
            return EventKind::Internal;
        }
        let stamp = match self.bug {
            Bug::StampedEarly => clock_before,
            _ => self.nodes[machine].clock,
        };
        let recipients = self.recipients(machine);
        let message = Message {
            sender: machine as u32,
            stamp,
            sent_tick: tick + u64::from(self.bug == Bug::TicksFromOne),
        };
        for peer in 0..self.nodes.len() {
            let is_recipient = match &recipients {
                Recipients::One(one) => *one as usize == peer,
                Recipients::Several(several) => several.contains(&(peer as u32)),
                Recipients::All => peer != machine,
            };
            if is_recipient {
                self.send(message, peer, due_ns);
            }
        }
        EventKind::Send { recipients, stamp }
    }

    /// Draws the recipients of a send of `machine`: one of the other machines or all of them, with equal probabilities. With N machines,
    /// a draw has the outcomes 0 to N - 1. Each of the first N - 1 outcomes stands for one other machine, and the last outcome for all.
    fn recipients(&mut self, machine: usize) -> Recipients {
        // With N machines, both the last outcome and the number of the last machine are N - 1.
        let last_outcome = self.nodes.len() - 1;
        let last_machine = self.nodes.len() - 1;
        loop {
            let outcome = (self.draw() * self.nodes.len() as f64) as usize;
            // Whether `SometimesTwoRecipients` affects this send.
            let is_one_in_fifty = self.sent.is_multiple_of(50);
            // The number of the one recipient: if there are four machines and machine 1 is the sender, the outcomes 0, 1 and 2 stand for
            // machines 0, 2 and 3.
            // The number is not used if the outcome is `last_outcome`, because then the message goes to all.
            let peer = if outcome < machine {
                outcome
            } else {
                outcome + 1
            };
            match self.bug {
                // In these two cases the bug forbids the outcome, so the loop draws again.
                Bug::NeverToAll if outcome == last_outcome => {}
                Bug::NeverToLast if outcome != last_outcome && peer == last_machine => {}
                _ if outcome == last_outcome => return Recipients::All,
                // With three machines, a message to two recipients is a message to all. So this bug needs four machines or more.
                Bug::SometimesTwoRecipients if self.nodes.len() >= 4 && is_one_in_fifty => {
                    let others =
                        (0..=last_machine).filter(|&other| other != machine && other != peer);
                    let second = others.min().unwrap_or(peer);
                    let both = [peer.min(second) as u32, peer.max(second) as u32];
                    return Recipients::Several(both.into());
                }
                _ => return Recipients::One(peer as u32),
            }
        }
    }

    /// Puts a message on its way to `peer`.
    fn send(&mut self, message: Message, peer: usize, due_ns: u64) {
        self.sent += 1;
        let delay_ns = match self.delays {
            _ if self.bug == Bug::IgnoresDelay => 0,
            DelayDistribution::Constant(ns) => ns,
            // If u is uniform between 0 and 1, -ln(u) has an exponential distribution with mean 1. Here u is `1 - draw`, because a draw can
            // be 0, and -ln(0) is infinite.
            DelayDistribution::Exponential(mean_ns) => (-(1.0 - self.draw()).ln() * mean_ns) as u64,
        };
        // Whether `LosesMessages` and `DuplicatesMessages` affect this message.
        let is_one_in_twenty = self.sent.is_multiple_of(20);
        let node = &mut self.nodes[peer];
        let newest_ns = &mut node.newest_arrival_ns[message.sender as usize];
        *newest_ns = (due_ns + delay_ns).max(*newest_ns);
        let arrival_ns = *newest_ns;
        match self.bug {
            Bug::LosesMessages if is_one_in_twenty => return,
            // This is the first copy. The second copy is added at the end.
            Bug::DuplicatesMessages if is_one_in_twenty => node.network.push((arrival_ns, message)),
            // The message and the sender's previous message swap their arrival times, if the previous one is still on its way.
            Bug::SwapsMessages => {
                let previous = node
                    .network
                    .iter_mut()
                    .rev()
                    .find(|(_, previous)| previous.sender == message.sender);
                if let Some((_, previous)) = previous {
                    let overtaken = std::mem::replace(previous, message);
                    return node.network.push((arrival_ns, overtaken));
                }
            }
            _ => {}
        }
        node.network.push((arrival_ns, message));
    }

    /// A random number from 0 to below 1, drawn with SplitMix64.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // The highest 53 bits (an `f64` can have no more), divided by 2^53.
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
