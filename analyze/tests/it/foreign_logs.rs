//! Helpers of the tests that check which formats of logs `analyze import` recognises. They write the events of two simulated runs in the
//! format that a test chooses, and they import the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use analyze::import::{self, Mapping};
use jiff::Timestamp;
use sim::log::{EventRow, parse_rows_in};
use sim::machine::{Event, EventKind};

use crate::fixture;

/// The experiment with the two runs.
const LOGS: &str = "
name = \"logs\"
seed = 262
repetitions = 2
duration_s = 14
engine = \"virtual\"
[parameters]
rates = [[1, 2, 3]]
internal = [0.6]
";
/// The number of machines of a run.
pub const MACHINES: u32 = 3;
/// The time at which each run begins, in microseconds since 1970.
const START_US: u64 = 1_900_000_000_000_000;

/// An event as another program might log it. Here the machines have the numbers 1, 2, 3; in a dataset they have the numbers 0, 1, 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub machine: u32,
    /// The time in microseconds since 1970.
    pub us: u64,
    pub kind: Kind,
    /// The clock after the event.
    pub clock: u64,
    /// The queue length after the event.
    pub queue: u64,
    /// The recipients of a send, or the sender of a received message.
    pub peers: Vec<u32>,
    /// The timestamp of the message that was sent or received.
    pub stamp: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Internal,
    Send,
    Receive,
}

impl Row {
    fn from_event(row: &EventRow) -> Self {
        let event = &row.logged.event;
        let others: Vec<u32> = (0..MACHINES).filter(|&peer| peer != row.machine).collect();
        let (kind, peers, stamp) = match &event.kind {
            EventKind::Internal => (Kind::Internal, vec![], None),
            EventKind::Send { recipients, stamp } => {
                // A send to all has no list of recipients; then `among` returns `others`.
                (Kind::Send, recipients.among(&others).to_vec(), Some(*stamp))
            }
            EventKind::Receive(message) => {
                (Kind::Receive, vec![message.sender], Some(message.stamp))
            }
        };
        Self {
            machine: row.machine + 1,
            // In a simulated run, `system_time_ns` counts from the start of the run.
            us: START_US + row.logged.system_time_ns / 1_000,
            kind,
            clock: event.logical_clock,
            queue: event.queue_length,
            peers: peers.iter().map(|peer| peer + 1).collect(),
            stamp,
        }
    }

    /// The word for the kind of this event. The argument has the words for internal events, sends and receives.
    pub fn word<'w>(&self, [internal, send, receive]: [&'w str; 3]) -> &'w str {
        match self.kind {
            Kind::Internal => internal,
            Kind::Send => send,
            Kind::Receive => receive,
        }
    }

    /// Tells whether the event is a send to all others. There are only two others, so a send to more than one is a send to all.
    pub fn is_to_all(&self) -> bool {
        self.kind == Kind::Send && self.peers.len() > 1
    }

    /// The numbers of the peers as a text, such as `1;3` if the `separator` is `;`.
    pub fn names(&self, separator: &str) -> String {
        let names: Vec<String> = self.peers.iter().map(u32::to_string).collect();
        names.join(separator)
    }

    /// The time in a format of strftime.
    pub fn time(&self, format: &str) -> String {
        let time = Timestamp::from_microsecond(self.us as i64).unwrap();
        time.strftime(format).to_string()
    }

    /// The time in seconds since 1970.
    pub fn seconds(&self) -> String {
        format!("{}.{:06}", self.us / 1_000_000, self.us % 1_000_000)
    }

    /// A row of the plain table. The plain table is a CSV file in the simplest format, which an import reads without further options.
    pub fn csv(&self) -> String {
        self.csv_with(&self.seconds(), &self.names(";"))
    }

    /// A row of the plain table with these texts for the time and for the peers.
    pub fn csv_with(&self, time: &str, names: &str) -> String {
        let stamp = self.stamp.map_or(String::new(), |stamp| stamp.to_string());
        let word = self.word(["internal", "send", "receive"]);
        let Self { clock, queue, .. } = self;
        format!("{time},{word},{clock},{queue},{names},{stamp}")
    }
}

/// The first line of the plain table, whose other lines are [`Row::csv`].
pub const TITLES: &str = "time,event,clock,queue,peers,stamp";

/// The rows of each of the two runs. They are simulated once.
pub fn runs() -> &'static [Vec<Row>] {
    static RUNS: OnceLock<Vec<Vec<Row>>> = OnceLock::new();
    RUNS.get_or_init(simulated)
}

fn simulated() -> Vec<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    fixture::simulated(&root, LOGS);
    let events = events(&root);
    events
        .iter()
        .map(|rows| rows.iter().map(Row::from_event).collect())
        .collect()
}

/// All events of each run of the dataset in `root`.
pub fn events(root: &Path) -> Vec<Vec<EventRow>> {
    let dataset = sim::log::Dataset::open(root).unwrap();
    let mut finished: Vec<_> = dataset.finished().collect();
    finished.sort_by_key(|row| row.run);
    // Some imported logs do not have all values, such as queue lengths. `missing_fields` names the columns in which cells may be empty.
    let missing_fields = dataset.missing_fields();
    let rows = finished.iter().map(|row| {
        let bytes = dataset.read_events(row).unwrap();
        let rows = parse_rows_in(&bytes, missing_fields.into());
        rows.map(Result::unwrap).collect()
    });
    rows.collect()
}

/// Writes a file for each machine of a run. `name` makes the file's name from the number of the machine, and `text` makes the file's text
/// from the rows of the machine. Returns the paths.
pub fn write(
    folder: &Path,
    rows: &[Row],
    name: impl Fn(u32) -> String,
    text: impl Fn(&[Row]) -> String,
) -> Vec<PathBuf> {
    let write_file = |machine: u32| {
        let own: Vec<Row> = rows
            .iter()
            .filter(|row| row.machine == machine)
            .cloned()
            .collect();
        let path = folder.join(name(machine));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text(&own)).unwrap();
        path
    };
    (1..=MACHINES).map(write_file).collect()
}

/// A line for each row, each with a line end.
pub fn lines(rows: &[Row], line: impl Fn(&Row) -> String) -> String {
    rows.iter().map(|row| line(row) + "\n").collect()
}

/// The events of each imported run. Each event has its machine and the nanoseconds since the first event of the run.
pub type Imported = Vec<Vec<(u32, u64, Event)>>;

/// Imports `sources`. Returns the events and the report, or the error.
pub fn import(sources: &[PathBuf], mapping: &Mapping) -> Result<(Imported, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("into");
    let report = import::import(sources, mapping, &into).map_err(|error| error.to_string())?;
    let runs = events(&into).into_iter().map(|rows| {
        let first = rows
            .iter()
            .map(|row| row.logged.system_time_ns)
            .min()
            .unwrap_or(0);
        let event = |row: EventRow| {
            (
                row.machine,
                row.logged.system_time_ns - first,
                row.logged.event,
            )
        };
        rows.into_iter().map(event).collect()
    });
    Ok((runs.collect(), report.words().join("\n")))
}

/// Imports `runs` as plain tables and returns the events. An import of the same runs in another format must give the same events.
pub fn plain(runs: &[Vec<Row>]) -> Imported {
    let folder = tempfile::tempdir().unwrap();
    let folders = runs.iter().enumerate().map(|(run, rows)| {
        let root = folder.path().join(format!("run{run}"));
        write(
            &root,
            rows,
            |machine| format!("vm{machine}.csv"),
            |rows| format!("{TITLES}\n{}", lines(rows, Row::csv)),
        );
        root
    });
    let folders: Vec<PathBuf> = folders.collect();
    import(&folders, &Mapping::default()).unwrap().0
}

/// Writes the plain tables of both runs below `folder`. `name` makes a file's name from the number of the run (1 or 2) and the number of
/// the machine. Returns the paths of all files.
pub fn write_both_runs(folder: &Path, name: impl Fn(usize, u32) -> String) -> Vec<PathBuf> {
    let runs = runs();
    let write_run = |(run, rows): (usize, &Vec<Row>)| {
        write(
            folder,
            rows,
            |machine| name(run + 1, machine),
            |rows| format!("{TITLES}\n{}", lines(rows, Row::csv)),
        )
    };
    runs.iter().enumerate().flat_map(write_run).collect()
}
