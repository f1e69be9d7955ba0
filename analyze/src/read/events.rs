//! The columns of the event log, and events as a data frame with one row per event.

use polars::prelude::*;
use sim::log::{Action, EventColumns, TIMESTAMP_COLUMN, UNKNOWN, UNKNOWN_MACHINE};

use crate::output::schema::Kind::{Integer, IntegerList, Number, Text};
use crate::output::schema::{Column, column};
use crate::read::dataset::Dataset;
use crate::read::run_log::Run;

/// The columns of `events-NNNN.csv`, in order.
#[rustfmt::skip]
pub const EVENT_LOG: [Column; 10] = [
    column("run", Integer, "", "Number of the run in the plan, from 0; `runs.csv` has a row for it."),
    column("machine", Integer, "", "The machine within the run, from 0."),
    column("tick", Integer, "", "Number of the machine's tick, from 0. A tick has one event. If the parameter `receive` is `all`, a tick that receives has one event for each message that it takes. In imported logs, a send to all can be one event for each recipient."),
    column("event", Text, "", "`internal`, `send` or `receive`."),
    column("system_time_ns", Integer, "ns", "Unix time in nanoseconds; in the virtual engine, nanoseconds of model time since the run's start."),
    column("logical_clock", Integer, "", "The machine's Lamport clock after the event."),
    column("queue_length", Integer, "messages", "Number of messages in the machine's queue after the event. Empty if an imported log does not tell it."),
    column("peers", Text, "", "For a send, the recipients joined by `;`, or `*` for all machines that the machine may send to. For a receive, the sender. Otherwise empty."),
    column("message_stamp", Integer, "", "Timestamp of the message that is sent or received; empty for internal events."),
    column("sent_tick", Integer, "", "For a receive, the number of the sender's tick at which the message was sent. Otherwise empty."),
];

/// The last column of `events-NNNN.csv` and of the files in `processed/events/`. Only datasets with a run whose clock is not `lamport`
/// have it.
#[rustfmt::skip]
pub const LOGGED_TIMESTAMP: Column = column(TIMESTAMP_COLUMN, IntegerList, "", "Only in datasets with a run whose clock is not lamport: the machine's timestamp after the event, as numbers (in the CSV file joined by `;`). For clock = vector: for each machine, how many of its events happened before this event (for the event's own machine, the event itself counts too). For clock = hlc: the time in milliseconds and the counter. Empty in runs with clock = lamport.");

/// The columns of `processed/events/` that replace column `peers`.
#[rustfmt::skip]
const SENDER_AND_RECIPIENTS: [Column; 2] = [
    column("sender", Integer, "", "For a receive, the machine that sent the message. Otherwise null."),
    column("recipients", IntegerList, "", "For a send, the machines that the message goes to, in ascending order. Otherwise null."),
];

/// The columns of `processed/events/` that are calculated.
#[rustfmt::skip]
const DERIVED: [Column; 2] = [
    column("time_s", Number, "model s", "Model time from the run's start to the event: (system_time_ns - started_at_ns) x time_scale / 10^9."),
    column("jump", Integer, "", "logical_clock minus the logical_clock of the machine's previous event (0 before its first event). A machine's jumps add up to its final clock."),
];

/// The columns of the files in `processed/events/`. `has_timestamps` says whether the dataset has a column `timestamp`. A cell that is
/// empty in the log is null in these files.
pub fn event_columns(has_timestamps: bool) -> Vec<Column> {
    let logged = EVENT_LOG.into_iter().flat_map(|column| match column.name {
        "peers" => SENDER_AND_RECIPIENTS.to_vec(),
        _ => vec![column],
    });
    let timestamp = has_timestamps.then_some(LOGGED_TIMESTAMP);
    logged.chain(DERIVED).chain(timestamp).collect()
}

/// Builds the columns of `processed/events/` from the events of several runs.
#[derive(Default)]
pub(crate) struct EventsBuilder {
    run: Vec<i64>,
    machine: Vec<i64>,
    tick: Vec<i64>,
    event: Vec<&'static str>,
    system_time_ns: Vec<i64>,
    logical_clock: Vec<i64>,
    queue_length: Vec<Option<i64>>,
    sender: Vec<Option<i64>>,
    /// For each event, its recipients, if it is a send whose recipients are known.
    recipients: Lists,
    message_stamp: Vec<Option<i64>>,
    sent_tick: Vec<Option<i64>>,
    time_s: Vec<f64>,
    jump: Vec<i64>,
    /// The numbers of each event's timestamp. `None` if the dataset has no column `timestamp`.
    timestamps: Option<Lists>,
}

/// One list of whole numbers for each event.
#[derive(Default)]
struct Lists {
    /// The numbers of all lists, one list after the other.
    numbers: Vec<i64>,
    /// For each event, the length of its list; `None` if it has no list.
    lengths: Vec<Option<usize>>,
}

impl EventsBuilder {
    /// Makes a builder for events of `dataset`.
    pub(crate) fn new(dataset: &Dataset) -> Self {
        Self {
            timestamps: dataset.has_timestamps().then(Lists::default),
            ..Self::default()
        }
    }

    /// Appends the events of `run`. All values fit into the columns, which have signed integers of 64 bits: a log with larger values was
    /// refused when it was read (see [`find_value_above_63_bits`]).
    pub(crate) fn push(&mut self, run: &Run<'_>) {
        let events = run.events();
        let integer = |&number: &u64| number as i64;
        let known_integer = |&number: &u64| known(number).map(|number| number as i64);
        self.run
            .extend(std::iter::repeat_n(run.row().run as i64, run.len()));
        self.machine
            .extend(events.machine.iter().copied().map(i64::from));
        self.tick.extend(events.tick.iter().map(integer));
        self.event
            .extend(events.action.iter().map(|action| action.name()));
        self.system_time_ns
            .extend(events.system_time_ns.iter().map(integer));
        self.logical_clock
            .extend(events.logical_clock.iter().map(integer));
        self.queue_length
            .extend(events.queue_length.iter().map(known_integer));
        let senders = std::iter::zip(&events.peer, &events.action).map(|(&peer, &action)| {
            let is_known = action == Action::Receive && peer != UNKNOWN_MACHINE;
            is_known.then(|| i64::from(peer))
        });
        self.sender.extend(senders);
        for index in 0..run.len() {
            self.recipients.push(recipients(run, index));
        }
        if let Some(timestamps) = &mut self.timestamps {
            for index in 0..run.len() {
                let timestamp = events.timestamp(index);
                timestamps.push(timestamp.map(|timestamp| timestamp.numbers()));
            }
        }
        self.message_stamp
            .extend(events.stamp.iter().map(known_integer));
        self.sent_tick
            .extend(events.sent_tick.iter().map(known_integer));
        self.time_s.extend_from_slice(run.times_s());
        // `events` has all events of machine 0, then all of machine 1, and so on. `run.logs()` has the range of each machine's indices, in
        // the same order.
        for range in run.logs() {
            let mut previous = 0;
            for &clock in &events.logical_clock[range] {
                self.jump.push(clock as i64 - previous);
                previous = clock as i64;
            }
        }
    }

    /// The data frame of all events, ordered as they were appended.
    pub(crate) fn finish(self) -> PolarsResult<DataFrame> {
        let rows = self.run.len();
        let mut columns = vec![
            Series::new("run".into(), self.run).into(),
            Series::new("machine".into(), self.machine).into(),
            Series::new("tick".into(), self.tick).into(),
            Series::new("event".into(), self.event).into(),
            Series::new("system_time_ns".into(), self.system_time_ns).into(),
            Series::new("logical_clock".into(), self.logical_clock).into(),
            Series::new("queue_length".into(), self.queue_length).into(),
            Series::new("sender".into(), self.sender).into(),
            self.recipients.finish("recipients"),
            Series::new("message_stamp".into(), self.message_stamp).into(),
            Series::new("sent_tick".into(), self.sent_tick).into(),
            Series::new("time_s".into(), self.time_s).into(),
            Series::new("jump".into(), self.jump).into(),
        ];
        let timestamps = self.timestamps;
        columns.extend(timestamps.map(|lists| lists.finish(TIMESTAMP_COLUMN)));
        DataFrame::new(rows, columns)
    }
}

/// The recipients of the event at `index`. `None` if the event is not a send, or if its recipients are unknown.
fn recipients<'r>(run: &'r Run<'_>, index: usize) -> Option<impl Iterator<Item = i64> + 'r> {
    let events = run.events();
    let is_known = events.action[index] == Action::Send && events.peer[index] != UNKNOWN_MACHINE;
    is_known.then(|| run.recipients(index).iter().copied().map(i64::from))
}

impl Lists {
    /// Appends the list of an event: `None` for an event without a list.
    fn push(&mut self, list: Option<impl Iterator<Item = i64>>) {
        let start = self.numbers.len();
        let has_list = list.is_some();
        self.numbers.extend(list.into_iter().flatten());
        self.lengths
            .push(has_list.then(|| self.numbers.len() - start));
    }

    /// Makes a column of a data frame from the lists. The return type is written with its path, because in this file [`Column`] without a
    /// path is another type: the project's description of a column.
    fn finish(self, name: &str) -> polars::prelude::Column {
        let mut lists: ListPrimitiveChunkedBuilder<Int64Type> = ListPrimitiveChunkedBuilder::new(
            name.into(),
            self.lengths.len(),
            self.numbers.len(),
            DataType::Int64,
        );
        let mut rest = &self.numbers[..];
        for length in self.lengths {
            match length {
                Some(length) => {
                    let (list, others) = rest.split_at(length);
                    lists.append_slice(list);
                    rest = others;
                }
                None => lists.append_null(),
            }
        }
        lists.finish().into_series().into()
    }
}

/// Finds a value that exceeds 63 bits, which a column of 64-bit signed integers cannot hold. Returns the index of its event and the name of
/// its column.
pub(crate) fn find_value_above_63_bits(events: &EventColumns) -> Option<(usize, &'static str)> {
    // The last value of each tuple says whether a cell of the column can be empty. An empty cell is stored as `UNKNOWN`, which exceeds 63
    // bits itself.
    let columns = [
        ("tick", &events.tick, false),
        ("system_time_ns", &events.system_time_ns, false),
        ("logical_clock", &events.logical_clock, false),
        ("queue_length", &events.queue_length, true),
        ("message_stamp", &events.stamp, true),
        ("sent_tick", &events.sent_tick, true),
    ];
    columns
        .into_iter()
        .find_map(|(name, numbers, can_be_empty)| {
            let is_too_large =
                |&number: &u64| number > i64::MAX as u64 && !(can_be_empty && number == UNKNOWN);
            // Most columns have no such value. `fold` finds this out faster than `position`. `position` stops at the first such value, so
            // it tests one number after the other. `fold` tests all numbers in any case, so one instruction can test several of them.
            // `position` is called only if there is such a value.
            let has_too_large = numbers
                .iter()
                .fold(false, |any, number| any | is_too_large(number));
            if !has_too_large {
                return None;
            }
            let index = numbers.iter().position(is_too_large)?;
            Some((index, name))
        })
}

/// The number, or `None` if it is [`UNKNOWN`], which stands for an empty cell of the log.
pub(crate) fn known(number: u64) -> Option<u64> {
    (number != UNKNOWN).then_some(number)
}
