//! The output of `analyze show`: the events of one run in the order of their times, or how one message reached each machine.

use crate::error::Error;
use crate::execution::follow::{self, Reach};
use crate::execution::window::Window;
use crate::execution::{EventName, Execution, Kind, to_s};
use crate::output::table::{Table, number};
use crate::output::value::{Record, Value};
use crate::output::words::counted;
use sim::log::TIMESTAMP_COLUMN;
use sim::sweep::words::grouped;

/// How many digits a time has after its decimal point, in tables.
const DECIMALS: usize = 3;

/// The largest number of events in a table for people. CSV and JSON have all events.
pub const MAX_ROWS: usize = 1_000;

/// The table of the events in `window`, for people. It has at most [`MAX_ROWS`] events.
pub fn table(execution: &Execution, window: &Window) -> Table {
    let mut headings = vec![
        "time (s)",
        "machine",
        "tick",
        "event",
        "from / to",
        "clock",
        "queue",
    ];
    let mut numeric = vec![true, true, true, false, false, true, true];
    if execution.has_timestamps() {
        headings.push(TIMESTAMP_COLUMN);
        numeric.push(false);
    }
    let shown = &window.events[..window.events.len().min(MAX_ROWS)];
    Table {
        short: vec![],
        title: "Events",
        headings: headings.into_iter().map(str::to_owned).collect(),
        numeric,
        rows: shown.iter().map(|&index| row(execution, index)).collect(),
        optional: vec![],
        caption: caption(execution, window),
        ..Table::default()
    }
}

fn row(execution: &Execution, index: usize) -> Vec<String> {
    let event = &execution.events()[index];
    let mut cells = vec![
        number(to_s(event.time_ns), DECIMALS),
        event.machine.to_string(),
        event.tick.to_string(),
        event.kind.name().to_owned(),
        partners(execution, index),
        format!("{} → {}", event.clock_before, event.clock),
        event.queue.map_or(String::new(), |queue| queue.to_string()),
    ];
    cells.extend(timestamp(execution, index));
    cells
}

/// The timestamp as in the log. `None` if the run has none.
fn timestamp(execution: &Execution, index: usize) -> Option<String> {
    let timestamp = execution.events()[index].timestamp.as_ref();
    timestamp.map(ToString::to_string)
}

/// The recipients of a send, or the sender of a receive with the age of the message.
fn partners(execution: &Execution, index: usize) -> String {
    match execution.events()[index].kind {
        Kind::Internal => String::new(),
        Kind::Send { .. } => match recipients(execution, index) {
            Some(recipients) => format!("to {}", recipients.join(", ")),
            None => "to unknown".to_owned(),
        },
        Kind::Receive { sender, .. } => {
            let Some(sender) = sender else {
                return "from unknown".to_owned();
            };
            match age_s(execution, index) {
                Some(age_s) => format!("from {sender}, {} s old", number(age_s, DECIMALS)),
                None if execution.identifies_send(index) => {
                    format!("from {sender}, no such send in the log")
                }
                None => format!("from {sender}, send not known"),
            }
        }
    }
}

/// The recipients of a send. If the log does not tell the recipients of sends, these are the machines that received the message. `None` if
/// the log shows neither recipients nor such machines.
fn recipients(execution: &Execution, send: usize) -> Option<Vec<String>> {
    let messages = execution.messages_of(send).iter();
    let mut recipients: Vec<u32> = messages.map(|message| message.recipient).collect();
    // In imported logs, a machine can receive the same message twice. Then the machine is in the list twice. The two entries are
    // neighbours, because messages are ordered by recipient.
    recipients.dedup();
    let is_known = execution.knows_recipients || !recipients.is_empty();
    is_known.then(|| recipients.iter().map(ToString::to_string).collect())
}

/// The age of the message that the event at `receive` receives: model seconds from the send to this event. `None` if the event is not a
/// receive, or if the send is not in the log. In imported logs, a send can have a later time than its receive. Then the age is negative
/// here, so that it agrees with the printed times of the two events. (The measures count a negative age as 0.)
fn age_s(execution: &Execution, receive: usize) -> Option<f64> {
    let send = execution.send_of(receive)?;
    let time_ns = |index: usize| execution.events()[index].time_ns;
    Some(to_s(time_ns(receive) - time_ns(send)))
}

fn caption(execution: &Execution, window: &Window) -> Vec<String> {
    let mut caption = vec![
        format!(
            "Run {} of {}: {}.",
            execution.run,
            execution.dataset,
            execution.short_key()
        ),
        "time: model seconds since the run's start; clock: the machine's logical clock before and after the event; queue: messages that \
         wait at the machine after the event; old: time from the send of the message to its receive."
            .to_owned(),
    ];
    if execution.has_timestamps() {
        caption.push(
            "timestamp: the machine's vector clock (one number for each machine) or hybrid logical clock (milliseconds and counter) after \
             the event."
                .to_owned(),
        );
    }
    if window.events.len() > MAX_ROWS {
        caption.push(format!(
            "These are the first {} of {}. Choose others with --from and --to, or print all with --format csv.",
            grouped(MAX_ROWS as u64),
            counted(window.events.len(), "event")
        ));
    }
    caption
}

/// One record for each event of the window.
pub fn records(execution: &Execution, window: &Window) -> Vec<Record> {
    window
        .events
        .iter()
        .map(|&index| record(execution, index))
        .collect()
}

fn record(execution: &Execution, index: usize) -> Record {
    let event = &execution.events()[index];
    let (sender, recipients, stamp) = match event.kind {
        Kind::Internal => (None, None, None),
        Kind::Send { stamp } => (None, recipients(execution, index), Some(stamp)),
        Kind::Receive { sender, stamp } => (sender, None, stamp),
    };
    let sent_tick = execution
        .send_of(index)
        .map(|send| execution.events()[send].tick);
    let mut values = vec![
        ("run", integer(Some(execution.run))),
        ("time_s", Value::Number(to_s(event.time_ns))),
        ("machine", integer(Some(event.machine.into()))),
        ("tick", integer(Some(event.tick))),
        ("event", Value::Text(event.kind.name().to_owned())),
        ("sender", integer(sender.map(u64::from))),
        ("recipients", recipients.map(|all| all.join(";")).into()),
        ("clock_before", integer(Some(event.clock_before))),
        ("logical_clock", integer(Some(event.clock))),
        ("queue_length", integer(event.queue)),
        ("message_stamp", integer(stamp)),
        ("sent_tick", integer(sent_tick)),
        ("message_age_s", age_s(execution, index).into()),
    ];
    let timestamp = timestamp(execution, index);
    values.extend(timestamp.map(|timestamp| (TIMESTAMP_COLUMN, Value::Text(timestamp))));
    named(values)
}

fn named(values: Vec<(&str, Value)>) -> Record {
    let values = values.into_iter();
    values
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A whole number as a value. A number that is too large for an `i64` becomes the largest `i64`.
fn integer(value: Option<u64>) -> Value {
    value.map_or(Value::Missing, |value| {
        Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    })
}

/// How one message reached each machine: directly, or through later messages of machines that knew of it.
#[derive(Debug)]
pub struct Followed<'e> {
    execution: &'e Execution,
    /// The index of the event that sent the message.
    send: usize,
    /// One entry for each other machine.
    reached: Vec<Reach>,
}

impl<'e> Followed<'e> {
    /// Follows the message that is sent at the tick `name`, such as `2:14` (tick 14 of machine 2).
    ///
    /// # Errors
    ///
    /// [`Error::Choice`] if there is no such tick, or if nothing is sent at it.
    pub fn new(execution: &'e Execution, name: EventName) -> Result<Self, Error> {
        let (send, reached) = follow::follow(execution, name)?;
        Ok(Self {
            execution,
            send,
            reached,
        })
    }

    /// One row for each other machine, for people.
    pub fn table(&self) -> Table {
        let headings = [
            "machine",
            "the message",
            "time (s)",
            "age (s)",
            "clock",
            "knows of it (s)",
            "through",
        ];
        Table {
            short: vec![],
            title: "Message",
            headings: headings.map(str::to_owned).to_vec(),
            numeric: vec![true, false, true, true, true, true, false],
            rows: self.reached.iter().map(|reach| self.row(reach)).collect(),
            optional: vec![],
            caption: self.caption(),
            ..Table::default()
        }
    }

    fn row(&self, reach: &Reach) -> Vec<String> {
        let events = self.execution.events();
        let time = |index: usize| number(to_s(events[index].time_ns), DECIMALS);
        // A text about the event that received the message. Empty if the machine did not receive it.
        let of_receive = |text: &dyn Fn(usize) -> String| reach.receive.map_or(String::new(), text);
        vec![
            reach.machine.to_string(),
            self.fate(reach),
            of_receive(&time),
            of_receive(&|index| number(self.after_s(index), DECIMALS)),
            of_receive(&|index| {
                format!("{} → {}", events[index].clock_before, events[index].clock)
            }),
            // The time from which the machine knows of the message.
            reach.first.map_or("never".to_owned(), time),
            self.through(reach),
        ]
    }

    /// What happened to the message itself at a machine.
    fn fate(&self, reach: &Reach) -> String {
        // Whether the message arrived before or at the end of the run. `None` if the time of its arrival is not known.
        let has_arrived = reach
            .arrival_ns
            .map(|arrival_ns| arrival_ns <= self.execution.duration_ns);
        match (reach.is_recipient, reach.receive, has_arrived) {
            (false, ..) if !self.execution.knows_recipients => "not known",
            (false, ..) => "not sent to it",
            (true, Some(_), _) => "received",
            (true, None, Some(true)) => "queued at the end",
            (true, None, Some(false)) => "under way at the end",
            (true, None, None) => "not received",
        }
        .to_owned()
    }

    /// Model seconds from the send to the event at `index`.
    fn after_s(&self, index: usize) -> f64 {
        let events = self.execution.events();
        to_s(events[index].time_ns - events[self.send].time_ns)
    }

    /// The machine from which `reach.machine` first learnt of the followed message: the message's sender, or another machine that knew of
    /// the message already. `None` if `reach.machine` never learnt of the message.
    fn teller(&self, reach: &Reach) -> Option<u32> {
        // `reach.first` is a receive, because a machine learns of other machines' events only from messages.
        let telling_send = self.execution.send_of(reach.first?)?;
        Some(self.execution.events()[telling_send].machine)
    }

    /// Through which message the machine first knew of the send. Empty if it never knew of it.
    fn through(&self, reach: &Reach) -> String {
        let learnt_from_the_message = reach.first.is_some() && reach.first == reach.receive;
        if learnt_from_the_message {
            return "the message".to_owned();
        }
        match self.teller(reach) {
            Some(machine) => format!("a later message of machine {machine}"),
            None => String::new(),
        }
    }

    fn caption(&self) -> Vec<String> {
        let event = &self.execution.events()[self.send];
        vec![
            format!(
                "Run {} of {}: machine {} sent the message at {} s (tick {}), with clock {} → {}.",
                self.execution.run,
                self.execution.dataset,
                event.machine,
                number(to_s(event.time_ns), DECIMALS),
                event.tick,
                event.clock_before,
                event.clock
            ),
            "time, age, clock: those of the event that receives the message; knows of it: time of the event at which \
             the machine first learnt of the send, from the message or from a later message of any machine that knew of it."
                .to_owned(),
        ]
    }

    /// One record for each other machine.
    pub fn records(&self) -> Vec<Record> {
        self.reached
            .iter()
            .map(|reach| self.record(reach))
            .collect()
    }

    fn record(&self, reach: &Reach) -> Record {
        let events = self.execution.events();
        let time_s = |index: Option<usize>| index.map(|index| to_s(events[index].time_ns)).into();
        let tick = |index: Option<usize>| integer(index.map(|index| events[index].tick));
        named(vec![
            ("run", integer(Some(self.execution.run))),
            ("sender", integer(Some(events[self.send].machine.into()))),
            ("sent_tick", integer(Some(events[self.send].tick))),
            ("sent_s", time_s(Some(self.send))),
            ("machine", integer(Some(reach.machine.into()))),
            ("message", Value::Text(self.fate(reach))),
            ("arrived_s", reach.arrival_ns.map(to_s).into()),
            ("received_tick", tick(reach.receive)),
            ("received_s", time_s(reach.receive)),
            ("known_tick", tick(reach.first)),
            ("known_s", time_s(reach.first)),
            ("known_from", integer(self.teller(reach).map(u64::from))),
        ])
    }
}
