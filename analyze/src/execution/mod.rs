//! One run as an execution: its events, machine by machine, and the messages that link sends to receives.
//!
//! Everything that shows a single run (`show`, `diagram`, `trace`) reads it through [`Execution`].
//!
//! # Layout
//!
//! - [`messages`]: links each receive to its send, and finds the messages that were never received
//! - [`window`]: chooses a part of the run by time and by machine
//! - [`causality`]: causal past and future, consistent cuts, an order that respects happens-before, vector clocks
//! - [`lag`]: how far each clock is behind the largest clock
//! - [`follow`]: who received one message, and at which event each machine first knew of the message
//! - [`pick`]: finds a run by number or key, or picks one that has much to show

pub mod causality;
pub mod follow;
pub mod lag;
mod messages;
pub mod pick;
pub mod window;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use sim::clock::CarriedTimestamp;
use sim::experiment::{Delay, EngineKind, Rate};
use sim::log::{Action, EventColumns, JournalRow, UNKNOWN_MACHINE};
use sim::machine::MachineIndex;
use sim::sweep::words::grouped;

pub use messages::Message;

use crate::error::Error;
use crate::output::words::counted;
use crate::read::dataset::Dataset;
use crate::read::events::known;
use crate::read::run_log::Run;

/// The events and messages of one run. Events are ordered by machine, and for each machine as they happened.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Name of the dataset.
    pub dataset: String,
    /// Number of the run.
    pub run: u64,
    /// Key of the run: its parameters and its repetition.
    pub key: String,
    /// For each machine, its ticks per model second.
    pub rates: Vec<Rate>,
    /// Planned length of the run in model nanoseconds.
    pub duration_ns: i64,
    /// Whether the log tells the recipients of sends.
    pub knows_recipients: bool,
    events: Vec<Event>,
    /// For each machine, the index of its first event. The last element is the number of all events. So the events of machine m are those
    /// from `bounds[m]` to `bounds[m + 1] - 1`.
    bounds: Vec<usize>,
    /// Ordered by send and then by recipient.
    messages: Vec<Message>,
    /// For each event, the index in `messages` of the message that it receives.
    received: Vec<Option<u32>>,
}

/// An event of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The machine.
    pub machine: MachineIndex,
    /// Number of the machine's tick, from 0. With `receive = all`, a tick takes all waiting messages. Then each of these messages has
    /// its own receive event, and all these events have the same `tick`.
    pub tick: u64,
    /// Model time since the run's start in nanoseconds. It can be negative in imported logs.
    pub time_ns: i64,
    /// What happened.
    pub kind: Kind,
    /// The logical clock before the event.
    pub clock_before: u64,
    /// The logical clock after the event.
    pub clock: u64,
    /// Number of messages in the machine's queue after the event, or `None` if the log does not tell.
    pub queue: Option<u64>,
    /// The timestamp of the machine's vector clock or hybrid logical clock after the event. `None` if the machine has only a Lamport clock.
    pub timestamp: Option<Arc<CarriedTimestamp>>,
}

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Neither a send nor a receive.
    Internal,
    /// A send. [`Execution::messages_of`] has its messages, one for each recipient.
    Send {
        /// The timestamp that the message carries.
        stamp: u64,
    },
    /// A receive.
    Receive {
        /// The sender, or `None` if the log does not tell.
        sender: Option<MachineIndex>,
        /// The timestamp that the message carries, or `None` if the log does not tell.
        stamp: Option<u64>,
    },
}

impl Kind {
    /// `internal`, `send` or `receive`, as in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Send { .. } => "send",
            Self::Receive { .. } => "receive",
        }
    }
}

/// The name by which users choose an event: its machine and its tick, such as `2:14` for tick 14 of machine 2. If the tick has several
/// events, the name stands for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventName {
    /// The machine.
    pub machine: MachineIndex,
    /// Number of the tick, from 0.
    pub tick: u64,
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.machine, self.tick)
    }
}

impl FromStr for EventName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text
            .split_once(':')
            .and_then(|(machine, tick)| Some((machine.parse().ok()?, tick.parse().ok()?)));
        let (machine, tick) = parsed
            .ok_or("must have the form MACHINE:TICK; 2:14 is tick 14 of machine 2, both from 0")?;
        Ok(Self { machine, tick })
    }
}

impl Execution {
    /// Reads the events of `row`, a finished run of `dataset`.
    ///
    /// # Errors
    ///
    /// The errors of reading the run's events: [`Error::Row`], [`Error::Value`], [`Error::Journal`], [`Error::Dataset`].
    pub fn read(dataset: &Dataset, row: &JournalRow) -> Result<Self, Error> {
        let events = dataset.events_of(row)?;
        // All events are shown, so there is no warm-up (time at the start that is ignored).
        let warm_up_s = 0.0;
        let run = Run::new(row, events, warm_up_s);
        let messages = messages::link(&run);
        let mut execution = Self {
            dataset: dataset.label().to_owned(),
            run: row.run,
            key: row.key.clone(),
            rates: row.configuration.rates.iter().collect(),
            duration_ns: to_ns(row.duration_s()),
            knows_recipients: !dataset.missing_fields().recipients,
            bounds: run.bounds().to_vec(),
            received: vec![None; run.events().len()],
            events: events_of(&run),
            messages,
        };
        for (index, message) in execution.messages.iter().enumerate() {
            if let Some(receive) = message.receive {
                execution.received[receive] = Some(index as u32);
            }
        }
        if let Some(delay_ns) = known_delay_ns(row) {
            execution.set_arrivals(delay_ns);
        }
        Ok(execution)
    }

    /// Sets the arrival of each message to `delay_ns` after its send.
    fn set_arrivals(&mut self, delay_ns: i64) {
        for message in &mut self.messages {
            message.arrival_ns = Some(self.events[message.send].time_ns + delay_ns);
        }
    }

    /// The run's key. Very long values in it are shortened, for example the rates of hundreds of machines.
    pub fn short_key(&self) -> String {
        shorten(&self.key)
    }

    /// All events: those of machine 0, then those of machine 1, and so on.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Number of machines.
    pub fn machines(&self) -> usize {
        self.rates.len()
    }

    /// The indices of the events of `machine`.
    pub fn range_of(&self, machine: MachineIndex) -> Range<usize> {
        let machine = machine as usize;
        self.bounds[machine]..self.bounds[machine + 1]
    }

    /// The index of the event directly before the event at `index`, on the same machine. `None` for the machine's first event.
    pub fn previous(&self, index: usize) -> Option<usize> {
        let first = self.bounds[self.events[index].machine as usize];
        (index > first).then(|| index - 1)
    }

    /// The index of the event directly after the event at `index`, on the same machine. `None` for the machine's last event.
    pub fn next(&self, index: usize) -> Option<usize> {
        let end = self.bounds[self.events[index].machine as usize + 1];
        (index + 1 < end).then_some(index + 1)
    }

    /// Whether events have a timestamp of another clock (vector or hybrid) in addition to the Lamport clock.
    pub fn has_timestamps(&self) -> bool {
        // Either all events of a run have such a timestamp or none has.
        let first = self.events.first();
        first.is_some_and(|event| event.timestamp.is_some())
    }

    /// All messages, ordered by their sends and then by their recipients.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The messages of the send at `index`; empty for other events.
    pub fn messages_of(&self, index: usize) -> &[Message] {
        let from = self
            .messages
            .partition_point(|message| message.send < index);
        let to = self
            .messages
            .partition_point(|message| message.send <= index);
        &self.messages[from..to]
    }

    /// The message that the event at `index` receives. `None` for other events, and for receives whose send is not in the log.
    pub fn received_by(&self, index: usize) -> Option<&Message> {
        self.received[index].map(|message| &self.messages[message as usize])
    }

    /// The index of the send whose message the event at `index` receives. `None` in the same cases as for
    /// [`received_by`](Self::received_by).
    pub fn send_of(&self, index: usize) -> Option<usize> {
        self.received_by(index).map(|message| message.send)
    }

    /// Whether the log identifies the send of the message that the event at `index` receives: it has the message's sender and timestamp.
    /// False if the event is not a receive.
    pub fn identifies_send(&self, index: usize) -> bool {
        let kind = self.events[index].kind;
        matches!(
            kind,
            Kind::Receive {
                sender: Some(_),
                stamp: Some(_)
            }
        )
    }

    /// A sentence that says how many receives have no send in the log. `None` if each receive has one. Only imported and damaged logs
    /// have receives without a send.
    pub fn unmatched(&self) -> Option<String> {
        let is_receive = |index: &usize| matches!(self.events[*index].kind, Kind::Receive { .. });
        let receives = (0..self.events.len()).filter(is_receive);
        let unmatched = receives
            .clone()
            .filter(|&index| self.received[index].is_none());
        let (unmatched, receives) = (unmatched.count(), receives.count());
        (unmatched > 0).then(|| {
            format!(
                "for {} of {}, the log does not tell which send they belong to: these messages have no arrow, and what happened before \
                 these receives is not completely known",
                grouped(unmatched as u64),
                counted(receives, "receive")
            )
        })
    }

    /// The indices of the events in the order of their times. Of several events at the same time, the one with the lowest clock
    /// comes first.
    pub fn timeline(&self) -> Vec<usize> {
        let mut timeline: Vec<usize> = (0..self.events.len()).collect();
        let key = |&index: &usize| {
            let event = &self.events[index];
            (event.time_ns, event.clock, index)
        };
        timeline.sort_by_key(key);
        timeline
    }

    /// Finds the events of a tick. Returns the range of their indices.
    ///
    /// # Errors
    ///
    /// [`Error::Choice`] if there is no such machine or tick.
    pub fn find(&self, name: EventName) -> Result<Range<usize>, Error> {
        self.check_machine(name.machine)?;
        let range = self.range_of(name.machine);
        let log = &self.events[range.clone()];
        let from = log.partition_point(|event| event.tick < name.tick);
        let to = log.partition_point(|event| event.tick <= name.tick);
        if from < to {
            return Ok(range.start + from..range.start + to);
        }
        let ticks = match (log.first(), log.last()) {
            (Some(first), Some(last)) => {
                format!("its ticks go from {} to {}", first.tick, last.tick)
            }
            _ => "it has no events".to_owned(),
        };
        Err(self.choice(format!(
            "machine {} has no tick {}; {ticks}",
            name.machine, name.tick
        )))
    }

    /// Fails with [`Error::Choice`] if the run has no such machine.
    pub fn check_machine(&self, machine: MachineIndex) -> Result<(), Error> {
        match self.machines() {
            machines if (machine as usize) < machines => Ok(()),
            1 => Err(self.choice(format!(
                "there is no machine {machine}; the run has only machine 0"
            ))),
            machines => Err(self.choice(format!(
                "there is no machine {machine}; the run has machines 0 to {}",
                machines - 1
            ))),
        }
    }

    /// Makes an [`Error::Choice`] about this run. `problem` says why the user's choice cannot be shown, such as `there is no machine 7`.
    pub(crate) fn choice(&self, problem: String) -> Error {
        Error::Choice {
            dataset: self.dataset.clone(),
            run: self.run,
            problem,
        }
    }
}

/// Maximum number of characters of each parameter (name and value) in a shortened key.
const MAX_PARAMETER_CHARACTERS: usize = 48;

/// A run's key with its long parameters cut. A key is a list of parameters separated by blanks, such as `rates=1,3,6 internal=0.7`.
pub fn shorten(key: &str) -> String {
    let cut = |word: &str| match word.char_indices().nth(MAX_PARAMETER_CHARACTERS) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    };
    key.split(' ').map(cut).collect::<Vec<_>>().join(" ")
}

/// The time from a send until the message is in the recipient's queue, in model nanoseconds. It is known only for simulated runs with a
/// constant delay. For other runs the function returns `None`, because logs do not contain the delays of messages.
fn known_delay_ns(row: &JournalRow) -> Option<i64> {
    let is_virtual = row.engine == EngineKind::Virtual.to_string();
    match row.configuration.delay {
        Delay::Constant { ns } if is_virtual => i64::try_from(ns).ok(),
        _ => None,
    }
}

/// The events of `run`, ordered by machine and tick.
fn events_of(run: &Run<'_>) -> Vec<Event> {
    let columns = run.events();
    let mut events = Vec::with_capacity(run.len());
    // `log` is the range of the indices of one machine's events.
    for log in run.logs() {
        // A clock is 0 before the machine's first event.
        let mut clock = 0;
        for index in log {
            let clock_before = std::mem::replace(&mut clock, columns.logical_clock[index]);
            events.push(Event {
                machine: columns.machine[index],
                tick: columns.tick[index],
                time_ns: to_ns(run.times_s()[index]),
                kind: kind(columns, index),
                clock_before,
                clock,
                queue: known(columns.queue_length[index]),
                timestamp: columns.timestamp(index).cloned(),
            });
        }
    }
    events
}

/// The kind of the event at `index`. If the log lacks the sender or the stamp of a receive, the column has a placeholder. The placeholder
/// becomes `None` here.
fn kind(columns: &EventColumns, index: usize) -> Kind {
    let stamp = columns.stamp[index];
    match columns.action[index] {
        Action::Internal => Kind::Internal,
        // The stamp of a send is always known: if an imported log lacks it, the import has computed it.
        Action::Send => Kind::Send { stamp },
        Action::Receive => Kind::Receive {
            sender: Some(columns.peer[index]).filter(|&sender| sender != UNKNOWN_MACHINE),
            stamp: known(stamp),
        },
    }
}

/// Seconds as whole nanoseconds. A time that does not fit into an `i64` becomes the smallest or largest `i64`.
pub(crate) fn to_ns(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

/// Nanoseconds as seconds.
pub fn to_s(ns: i64) -> f64 {
    ns as f64 / 1e9
}
