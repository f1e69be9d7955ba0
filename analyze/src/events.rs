//! The event log as a data frame: a batch of whole runs, a row an event.

use polars::prelude::*;
use sim::log::{EventRow, JournalRow, UNKNOWN, UNKNOWN_MACHINE};
use sim::machine::{EventKind, MachineIndex, Message, Recipients};

use crate::column::Kind::{Integer, Number, Text};
use crate::column::{Column, column};
use crate::measures::{self, OnTimeline};

/// The columns of `events-NNNN.csv`, in order.
#[rustfmt::skip]
pub const EVENT_LOG: [Column; 10] = [
    column("run", Integer, "", "The run's place in the plan: a row of `runs.csv`."),
    column("machine", Integer, "", "The machine within the run, from 0."),
    column("tick", Integer, "", "The machine's tick, from 0: one event a tick, unless it takes all messages; then one for each."),
    column("event", Text, "", "`internal`, `send` or `receive`."),
    column("system_time_ns", Integer, "ns", "Unix time of the event; virtual nanoseconds since the epoch in the virtual engine."),
    column("logical_clock", Integer, "", "The machine's Lamport clock after the event."),
    column("queue_length", Integer, "messages", "Messages waiting in the message queue after the event, whatever the event."),
    column("peers", Text, "", "On send the recipients joined by `;`, `*` for all that the machine may send to; on receive the sender; otherwise empty."),
    column("stamp", Integer, "", "The timestamp that the message sent or received carries; empty for internal events."),
    column("sent_tick", Integer, "", "On receive, the sender's tick that sent the message; otherwise empty."),
];

/// What `processed/events/` has beside the columns of the log.
#[rustfmt::skip]
const DERIVED: [Column; 2] = [
    column("time_s", Number, "model s", "Time of the event after the run's start: (system_time_ns - started_at_ns) x time_scale / 10^9."),
    column("jump", Integer, "", "logical_clock minus its value at the machine's event before; the first event's is its clock. Jumps sum to the final clock."),
];

/// The columns of `processed/events/`. What is empty in the log is null there.
pub fn event_columns() -> Vec<Column> {
    EVENT_LOG.into_iter().chain(DERIVED).collect()
}

/// Columns of events under construction.
#[derive(Default)]
pub(crate) struct EventsBuilder {
    /// The place of the last row in the order of runs, machines and ticks.
    last: Option<(i64, i64, i64)>,
    out_of_order: bool,
    run: Vec<i64>,
    machine: Vec<i64>,
    tick: Vec<i64>,
    event: Vec<&'static str>,
    system_time_ns: Vec<i64>,
    logical_clock: Vec<i64>,
    queue_length: Vec<i64>,
    peers: Vec<Option<String>>,
    /// Whether it is a send to all.
    to_all: Vec<bool>,
    stamp: Vec<Option<i64>>,
    sent_tick: Vec<Option<i64>>,
    greatest_step: Vec<i64>,
    lag: Vec<i64>,
    sent_at_ns: Vec<Option<i64>>,
}

/// Recipients or sender, as in the log.
fn peers(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Internal => None,
        EventKind::Receive(message) => known_machine(message.sender).map(|peer| peer.to_string()),
        EventKind::Send { recipients, .. } => match recipients {
            Recipients::One(peer) => known_machine(*peer).map(|peer| peer.to_string()),
            Recipients::Several(peers) => {
                let peers: Vec<String> = peers.iter().map(u32::to_string).collect();
                Some(peers.join(";"))
            }
            Recipients::All => Some("*".to_owned()),
        },
    }
}

impl EventsBuilder {
    /// Appends a row; the column whose value exceeds 63 bits is the error.
    pub(crate) fn push(
        &mut self,
        row: &EventRow,
        (on_timeline, sent_at_ns): (OnTimeline, Option<u64>),
    ) -> Result<(), &'static str> {
        let signed = |value: u64, column| i64::try_from(value).map_err(|_| column);
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
        let to_all = matches!(
            &event.kind,
            EventKind::Send {
                recipients: Recipients::All,
                ..
            }
        );
        let run = signed(row.run, "run")?;
        let tick = signed(event.tick, "tick")?;
        let system_time_ns = signed(row.logged.system_time_ns, "system_time_ns")?;
        let logical_clock = signed(event.logical_clock, "logical_clock")?;
        let queue_length = signed(event.queue_length, "queue_length")?;
        let stamp = stamp.map(|stamp| signed(stamp, "stamp")).transpose()?;
        let sent_tick = sent_tick
            .map(|tick| signed(tick, "sent_tick"))
            .transpose()?;
        let place = (run, i64::from(row.machine), tick);
        self.out_of_order |= self.last.replace(place) > Some(place);
        self.run.push(run);
        self.machine.push(row.machine.into());
        self.tick.push(tick);
        self.event.push(name);
        self.system_time_ns.push(system_time_ns);
        self.logical_clock.push(logical_clock);
        self.queue_length.push(queue_length);
        self.peers.push(peers(&event.kind));
        self.to_all.push(to_all);
        self.stamp.push(stamp);
        self.sent_tick.push(sent_tick);
        // Neither exceeds a clock, and clocks fit.
        self.greatest_step.push(on_timeline.greatest_step as i64);
        self.lag.push(on_timeline.lag as i64);
        self.sent_at_ns
            .push(sent_at_ns.and_then(|sent| i64::try_from(sent).ok()));
        Ok(())
    }

    fn finish(self) -> PolarsResult<DataFrame> {
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
                Series::new("peers".into(), self.peers).into(),
                Series::new("to_all".into(), self.to_all).into(),
                Series::new("stamp".into(), self.stamp).into(),
                Series::new("sent_tick".into(), self.sent_tick).into(),
                Series::new("greatest_step".into(), self.greatest_step).into(),
                Series::new("lag".into(), self.lag).into(),
                Series::new("sent_at_ns".into(), self.sent_at_ns).into(),
            ],
        )
    }

    /// The events of the runs of `rows`, ordered by run, machine and tick: the columns of the processed file, `to_all` (whether it
    /// is a send to all), `counts` (whether the event is after the warm-up), `ends_tick` (whether it is the last of its tick), `left_s`, how long what the event changed lasted within the time observed,
    /// what it did on the run's timeline, and how old the message is that it received.
    pub(crate) fn timed(self, rows: &[JournalRow], warm_up_s: f64) -> PolarsResult<DataFrame> {
        let elapsed_ns = col("system_time_ns") - col("started_at_ns");
        let time_s = elapsed_ns.cast(DataType::Float64) * col("time_scale") / lit(1e9);
        let under_way_ns = col("system_time_ns") - col("sent_at_ns");
        let age_s = under_way_ns.cast(DataType::Float64) * col("time_scale") / lit(1e9);
        let left_s = col("duration_s") - col("time_s");
        let observed_s = col("duration_s") - lit(warm_up_s);
        let left_s = when(left_s.clone().lt(lit(0.0)))
            .then(lit(0.0))
            .when(left_s.clone().gt(observed_s.clone()))
            .then(observed_s)
            .otherwise(left_s);
        let counts = col("time_s").gt_eq(lit(warm_up_s));
        let kept = event_columns()
            .into_iter()
            .map(|column| column.name)
            .chain([
                "to_all",
                "counts",
                "ends_tick",
                "left_s",
                "greatest_step",
                "lag",
                "age_s",
            ]);
        let out_of_order = self.out_of_order;
        let mut events = self.finish()?;
        if out_of_order {
            // Events of one tick keep their order.
            let options = SortMultipleOptions::default().with_maintain_order(true);
            events.sort_in_place(["run", "machine", "tick"], options)?;
        }
        events
            .lazy()
            .join(
                clocking(rows)?.lazy(),
                [col("run")],
                [col("run")],
                keeping_order(),
            )
            .with_columns([
                time_s.alias("time_s"),
                age_s.alias("age_s"),
                measures::jump()?.alias("jump"),
            ])
            .with_columns([
                left_s.alias("left_s"),
                counts.alias("counts"),
                ends_tick().alias("ends_tick"),
            ])
            .select(kept.map(col).collect::<Vec<Expr>>())
            .collect()
    }
}

/// Whether the next event is another tick's: only a tick that takes all messages has several.
fn ends_tick() -> Expr {
    let differs = |name: &str| col(name).neq(col(name).shift(lit(-1)));
    let is_last = differs("tick").or(differs("machine")).or(differs("run"));
    is_last.fill_null(lit(true))
}

fn known(number: u64) -> Option<u64> {
    (number != UNKNOWN).then_some(number)
}

fn known_machine(machine: MachineIndex) -> Option<MachineIndex> {
    (machine != UNKNOWN_MACHINE).then_some(machine)
}

fn keeping_order() -> JoinArgs {
    JoinArgs {
        maintain_order: MaintainOrderJoin::Left,
        ..JoinArgs::new(JoinType::Left)
    }
}

/// What turns a run's system times into model times.
fn clocking(rows: &[JournalRow]) -> PolarsResult<DataFrame> {
    let run: Vec<i64> = rows.iter().map(|row| row.run as i64).collect();
    let started_at_ns: Vec<i64> = rows.iter().map(|row| row.started_at_ns as i64).collect();
    let time_scale: Vec<f64> = rows.iter().map(|row| row.time_scale).collect();
    let duration_s: Vec<f64> = rows.iter().map(|row| row.duration_s).collect();
    DataFrame::new(
        rows.len(),
        vec![
            Series::new("run".into(), run).into(),
            Series::new("started_at_ns".into(), started_at_ns).into(),
            Series::new("time_scale".into(), time_scale).into(),
            Series::new("duration_s".into(), duration_s).into(),
        ],
    )
}
