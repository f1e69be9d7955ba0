//! The columns of the event log, and events as a data frame with one row per event.

use polars::prelude::*;
use sim::log::{EventRow, UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, MachineIndex, Message, Recipients};

use crate::output::schema::Kind::{Integer, IntegerList, Number, Text};
use crate::output::schema::{Column, column};
use crate::read::run_log::Run;

/// The columns of `events-NNNN.csv`, in order.
#[rustfmt::skip]
pub const EVENT_LOG: [Column; 10] = [
    column("run", Integer, "", "Number of the run in the plan, from 0; `runs.csv` has a row for it."),
    column("machine", Integer, "", "The machine within the run, from 0."),
    column("tick", Integer, "", "Number of the machine's tick, from 0. A tick has one event; with receive = all it has one event for each message that it takes. In imported logs, a send to all can be one event for each recipient."),
    column("event", Text, "", "`internal`, `send` or `receive`."),
    column("system_time_ns", Integer, "ns", "Unix time in nanoseconds; in the virtual engine, nanoseconds of model time since the run's start."),
    column("logical_clock", Integer, "", "The machine's Lamport clock after the event."),
    column("queue_length", Integer, "messages", "Number of messages in the machine's queue after the event. Empty if an imported log does not tell it."),
    column("peers", Text, "", "For a send, the recipients joined by `;`, or `*` for all machines that the machine may send to. For a receive, the sender. Otherwise empty."),
    column("message_stamp", Integer, "", "Timestamp of the message that is sent or received; empty for internal events."),
    column("sent_tick", Integer, "", "For a receive, the number of the sender's tick at which the message was sent. Otherwise empty."),
];

/// The columns of `processed/events/` that replace column `peers`.
#[rustfmt::skip]
const SENDER_AND_RECIPIENTS: [Column; 2] = [
    column("sender", Integer, "", "For a receive, the machine that sent the message. Otherwise null."),
    column("recipients", IntegerList, "", "For a send, the machines that the message goes to, in ascending order. Otherwise null."),
];

/// The columns of `processed/events/` that the log does not have.
#[rustfmt::skip]
const DERIVED: [Column; 2] = [
    column("time_s", Number, "model s", "Model time from the run's start to the event: (system_time_ns - started_at_ns) x time_scale / 10^9."),
    column("jump", Integer, "", "logical_clock minus the logical_clock of the machine's previous event (0 before its first event). A machine's jumps add up to its final clock."),
];

/// The columns of `processed/events/`. A cell that is empty in the log is null in these files.
pub fn event_columns() -> Vec<Column> {
    let logged = EVENT_LOG.into_iter().flat_map(|column| match column.name {
        "peers" => SENDER_AND_RECIPIENTS.to_vec(),
        _ => vec![column],
    });
    logged.chain(DERIVED).collect()
}

/// Builds the columns of `processed/events/`.
pub(crate) struct EventsBuilder {
    run: Vec<i64>,
    machine: Vec<i64>,
    tick: Vec<i64>,
    event: Vec<&'static str>,
    system_time_ns: Vec<i64>,
    logical_clock: Vec<i64>,
    queue_length: Vec<Option<i64>>,
    sender: Vec<Option<i64>>,
    recipients: ListPrimitiveChunkedBuilder<Int64Type>,
    message_stamp: Vec<Option<i64>>,
    sent_tick: Vec<Option<i64>>,
    time_s: Vec<f64>,
    jump: Vec<i64>,
}

impl Default for EventsBuilder {
    fn default() -> Self {
        let recipients =
            ListPrimitiveChunkedBuilder::new("recipients".into(), 0, 0, DataType::Int64);
        Self {
            run: vec![],
            machine: vec![],
            tick: vec![],
            event: vec![],
            system_time_ns: vec![],
            logical_clock: vec![],
            queue_length: vec![],
            sender: vec![],
            recipients,
            message_stamp: vec![],
            sent_tick: vec![],
            time_s: vec![],
            jump: vec![],
        }
    }
}

/// The sender of the received message, if the event is a receive and the log names the sender.
fn sender(kind: &EventKind) -> Option<i64> {
    match kind {
        EventKind::Receive(message) => known_machine(message.sender).map(i64::from),
        _ => None,
    }
}

impl EventsBuilder {
    /// Appends the events of `run`. No value may exceed 63 bits.
    pub(crate) fn push(&mut self, run: &Run<'_>) {
        let neighbours = run.neighbours();
        for (log, neighbours) in run.logs().zip(&neighbours) {
            let mut clock = 0;
            for event in log {
                let before = std::mem::replace(&mut clock, event.logged.event.logical_clock as i64);
                self.jump.push(clock - before);
                self.time_s.push(run.time_s(event));
                self.push_logged(event, neighbours);
            }
        }
    }

    fn push_logged(&mut self, row: &EventRow, neighbours: &[MachineIndex]) {
        let event = &row.logged.event;
        let (name, stamp, sent_tick) = match &event.kind {
            EventKind::Internal => ("internal", None, None),
            EventKind::Send { stamp, .. } => ("send", Some(*stamp), None),
            EventKind::Receive(message) => {
                let Message {
                    stamp, sent_tick, ..
                } = *message;
                ("receive", known(stamp), known(sent_tick))
            }
        };
        self.run.push(row.run as i64);
        self.machine.push(row.machine.into());
        self.tick.push(event.tick as i64);
        self.event.push(name);
        self.system_time_ns.push(row.logged.system_time_ns as i64);
        self.logical_clock.push(event.logical_clock as i64);
        let queue_length = known(event.queue_length);
        self.queue_length
            .push(queue_length.map(|length| length as i64));
        self.sender.push(sender(&event.kind));
        self.push_recipients(&event.kind, neighbours);
        self.message_stamp.push(stamp.map(|stamp| stamp as i64));
        self.sent_tick.push(sent_tick.map(|tick| tick as i64));
    }

    /// Appends the recipients of a send by a machine with these `neighbours`.
    fn push_recipients(&mut self, kind: &EventKind, neighbours: &[MachineIndex]) {
        let machines = |machines: &[MachineIndex]| -> Vec<i64> {
            machines.iter().copied().map(i64::from).collect()
        };
        match kind {
            EventKind::Send { recipients, .. } => match recipients {
                Recipients::One(UNKNOWN_MACHINE) => self.recipients.append_null(),
                Recipients::One(peer) => self.recipients.append_slice(&machines(&[*peer])),
                Recipients::Several(peers) => self.recipients.append_slice(&machines(peers)),
                Recipients::All => self.recipients.append_slice(&machines(neighbours)),
            },
            _ => self.recipients.append_null(),
        }
    }

    /// The data frame of all events, ordered by run, machine and tick.
    pub(crate) fn finish(mut self) -> PolarsResult<DataFrame> {
        DataFrame::new(
            self.run.len(),
            vec![
                Series::new("run".into(), self.run).into(),
                Series::new("machine".into(), self.machine).into(),
                Series::new("tick".into(), self.tick).into(),
                Series::new("event".into(), self.event).into(),
                Series::new("system_time_ns".into(), self.system_time_ns).into(),
                Series::new("logical_clock".into(), self.logical_clock).into(),
                Series::new("queue_length".into(), self.queue_length).into(),
                Series::new("sender".into(), self.sender).into(),
                self.recipients.finish().into_series().into(),
                Series::new("message_stamp".into(), self.message_stamp).into(),
                Series::new("sent_tick".into(), self.sent_tick).into(),
                Series::new("time_s".into(), self.time_s).into(),
                Series::new("jump".into(), self.jump).into(),
            ],
        )
    }
}

/// The first column of `row` whose value exceeds 63 bits, or `None`.
pub(crate) fn find_value_above_63_bits(row: &EventRow) -> Option<&'static str> {
    let event = &row.logged.event;
    let (stamp, sent_tick) = match &event.kind {
        EventKind::Internal => (None, None),
        EventKind::Send { stamp, .. } => (Some(*stamp), None),
        EventKind::Receive(message) => (known(message.stamp), known(message.sent_tick)),
    };
    let values = [
        ("run", row.run),
        ("tick", event.tick),
        ("system_time_ns", row.logged.system_time_ns),
        ("logical_clock", event.logical_clock),
        ("queue_length", known(event.queue_length).unwrap_or(0)),
        ("message_stamp", stamp.unwrap_or(0)),
        ("sent_tick", sent_tick.unwrap_or(0)),
    ];
    let greatest = i64::MAX as u64;
    // One test of all bits together is faster, and hardly any row has such a value.
    if values.iter().fold(0, |bits, (_, value)| bits | value) <= greatest {
        return None;
    }
    let mut values = values.into_iter();
    values.find_map(|(column, value)| (value > greatest).then_some(column))
}

/// The number, or `None` if an imported log does not have it.
pub(crate) fn known(number: u64) -> Option<u64> {
    (number != UNKNOWN).then_some(number)
}

fn known_machine(machine: MachineIndex) -> Option<MachineIndex> {
    (machine != UNKNOWN_MACHINE).then_some(machine)
}
