//! Datasets for tests: one whose events are written by hand, and others with runs of the engine for virtual time.

use std::path::Path;

use analyze::export::Additions;
use sim::engine::virtual_time;
use sim::experiment::{Experiment, Overrides, Run};
use sim::log::{
    DatasetWriter, EVENT_COLUMNS, EndedRun, JournalRow, LoggedEvent, Outcome, TIMESTAMP_COLUMN,
    write_machine_rows,
};
use sim::machine::{Event, EventKind, Message, Recipients};

/// What an export writes besides its Parquet files: each table as CSV too, but no table of aggregates (means and intervals over the
/// repetitions).
pub const WITH_CSV: Additions = Additions {
    csv: true,
    aggregates: false,
};

/// Reads an experiment from the text of its file.
pub fn experiment(text: &str) -> Experiment {
    Experiment::parse(text, "test.toml".as_ref(), Overrides::default()).expect("an experiment")
}

/// Runs the experiment with this text in virtual time and writes its dataset to the folder `root`.
pub fn simulated(root: &Path, text: &str) {
    altered(root, text, |_| {});
}

/// Like [`simulated`], but `alter` changes the finished runs before they are written.
pub fn altered(root: &Path, text: &str, alter: impl FnOnce(&mut Vec<EndedRun>)) {
    let experiment = experiment(text);
    let runs = experiment.runs().map(|run| {
        let log = virtual_time::run(&run, experiment.seed);
        finished(&experiment, &run, &log.machines)
    });
    let mut runs = runs.collect();
    alter(&mut runs);
    write(root, &experiment, runs);
}

/// The events of two machines at 1 and 2 ticks per second, for 4 s. Letters name the messages. `clock` is the
/// machine's clock after the event:
///
/// | second | machine 0 | machine 1 |
/// | --- | --- | --- |
/// | 0 | sends A to machine 1, clock 1 | |
/// | 0.25 | | receives A, clock 2 |
/// | 0.75 | | sends B to all, clock 3 |
/// | 1 | receives B, clock 4 | |
/// | 1.25 | | sends C to machine 0, clock 4 |
/// | 1.75 | | sends D to machine 0, clock 5 |
/// | 2 | receives C, clock 5; D still waits in the queue | |
/// | 2.25, 2.75 | | internal events, clock 6 and 7 |
/// | 3 | receives D, clock 6 | |
/// | 3.25, 3.75 | | internal events, clock 8 and 9 |
pub fn by_hand() -> Vec<Vec<LoggedEvent>> {
    // A stamp is the value of the Lamport clock that a message carries.
    let unicast = |peer, stamp| EventKind::Send {
        recipients: Recipients::One(peer),
        stamp,
    };
    let broadcast = |stamp| EventKind::Send {
        recipients: Recipients::All,
        stamp,
    };
    // `sent_tick` is the sender's tick at which the message was sent, counted from 0: B is sent at tick 1 of machine 1.
    let receive = |sender, stamp, sent_tick| {
        EventKind::Receive(Message {
            sender,
            stamp,
            sent_tick,
        })
    };
    let internal = || EventKind::Internal;
    // Each event has its time in milliseconds, its kind, and the clock and the queue length after it.
    vec![
        log(&[
            (0, unicast(1, 1), 1, 0),
            (1_000, receive(1, 3, 1), 4, 0),
            (2_000, receive(1, 4, 2), 5, 1),
            (3_000, receive(1, 5, 3), 6, 0),
        ]),
        log(&[
            (250, receive(0, 1, 0), 2, 0),
            (750, broadcast(3), 3, 0),
            (1_250, unicast(0, 4), 4, 0),
            (1_750, unicast(0, 5), 5, 0),
            (2_250, internal(), 6, 0),
            (2_750, internal(), 7, 0),
            (3_250, internal(), 8, 0),
            (3_750, internal(), 9, 0),
        ]),
    ]
}

/// Writes the dataset of the experiment [`BY_HAND`]. Its single run has the events of [`by_hand`].
pub fn write_by_hand(root: &Path) {
    let experiment = experiment(BY_HAND);
    let run = experiment.runs().next().expect("a run is planned");
    write(
        root,
        &experiment,
        vec![finished(&experiment, &run, &by_hand())],
    );
}

/// The log of one machine. Each event has its time in milliseconds, its kind, and the clock and the queue length after it.
fn log(events: &[(u64, EventKind, u64, u64)]) -> Vec<LoggedEvent> {
    events
        .iter()
        .enumerate()
        .map(
            |(tick, (milliseconds, kind, logical_clock, queue_length))| LoggedEvent {
                system_time_ns: milliseconds * 1_000_000,
                event: Event {
                    tick: tick as u64,
                    kind: kind.clone(),
                    logical_clock: *logical_clock,
                    queue_length: *queue_length,
                    // There is no second clock, such as a vector clock.
                    timestamp: None,
                },
            },
        )
        .collect()
}

/// The text of an experiment file that fits the events of [`by_hand`].
pub const BY_HAND: &str = "
name = \"by-hand\"
seed = 1
duration_s = 4
engine = \"virtual\"
[parameters]
rates = [[1, 2]]
internal = [0.5]
";

/// Two configurations with three repetitions each.
pub const SMALL: &str = "
name = \"small\"
seed = 262
repetitions = 3
duration_s = 20
engine = \"virtual\"
[parameters]
rates = [[1, 3, 6]]
internal = [0.4, 0.7]
";

/// The text of [`SMALL`] with the TCP engine instead of virtual time.
pub fn small_over_tcp() -> String {
    SMALL.replace("virtual", "tcp")
}

/// Writes the dataset of `experiment` with these runs to the folder `root`.
pub fn write(root: &Path, experiment: &Experiment, runs: Vec<EndedRun>) {
    let mut writer = DatasetWriter::open(root, experiment).expect("a new folder");
    runs.into_iter()
        .for_each(|run| writer.append(run).expect("room on the disk"));
    writer.sync().expect("room on the disk");
}

/// A finished run: its row in the journal (`runs.csv`) and its events as CSV. `machines` has the log of each machine.
pub fn finished(experiment: &Experiment, run: &Run, machines: &[Vec<LoggedEvent>]) -> EndedRun {
    let mut events = vec![];
    for (machine, log) in machines.iter().enumerate() {
        // Whether events have a column for the timestamps of a second clock, such as a vector clock.
        let has_timestamps = experiment.has_timestamps();
        write_machine_rows(&mut events, run.index, machine as u32, log, has_timestamps);
    }
    let mut row = journal_row(experiment, run);
    row.events = machines.iter().map(|log| log.len() as u64).sum();
    EndedRun { row, events }
}

/// Changes one cell of the log: in the row of the event of `machine` at `tick`, the cell in `column` gets the text `value`.
pub fn set(run: &mut EndedRun, machine: u32, tick: u64, column: &str, value: &str) {
    let mut columns = EVENT_COLUMNS.iter().chain([&TIMESTAMP_COLUMN]);
    let column = columns.position(|name| *name == column);
    let column = column.expect("a column of the log");
    let text = std::str::from_utf8(&run.events).expect("a log is text");
    // The columns with the indices 1 and 2 are `machine` and `tick`.
    let is_this_event = |cells: &[&str]| cells[1..3] == [machine.to_string(), tick.to_string()];
    let rows = text.lines().map(|row| {
        let mut cells: Vec<&str> = row.split(',').collect();
        if is_this_event(&cells) {
            cells[column] = value;
        }
        cells.join(",") + "\n"
    });
    run.events = rows.collect::<String>().into_bytes();
}

/// A failed run: it has a row in the journal, but no events.
pub fn failed(experiment: &Experiment, run: &Run) -> EndedRun {
    let mut row = journal_row(experiment, run);
    row.outcome = Outcome::Failed;
    row.reason = "a message was lost".to_owned();
    EndedRun {
        row,
        events: vec![],
    }
}

/// The row of `run` in the journal. It says that the run has finished, was punctual and as scheduled, and has 0 events.
/// [`finished`] then sets the true number of events, and [`failed`] sets the outcome of a failed run.
pub fn journal_row(experiment: &Experiment, run: &Run) -> JournalRow {
    let configuration = &run.configuration;
    let schedule = run.schedule(experiment.seed);
    JournalRow {
        run: run.index,
        key: run.key(),
        repetition: run.repetition,
        outcome: Outcome::Ok,
        reason: String::new(),
        engine: experiment.engine.to_string(),
        // All machines of all runs are in one process.
        isolation: "shared".to_owned(),
        time_scale: experiment.time_scale,
        configuration: std::sync::Arc::clone(configuration),
        phases_ns: schedule.phases_ns().collect(),
        margin_us: schedule.margin_ns() as f64 / 1e3,
        punctual: true,
        as_scheduled: true,
        tool_version: sim::VERSION.to_owned(),
        ..JournalRow::default()
    }
}
