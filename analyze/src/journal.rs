//! The journal's columns, and finished runs as data frames: a row a run, and a row a run and machine.

use std::path::PathBuf;

use polars::prelude::*;
use sim::experiment::Rates;
use sim::log::{IMPORTED, JournalRow};

use crate::column::Kind::{Boolean, Integer, Number, Text};
use crate::column::{Column, column};
use crate::error::Error;
use crate::words::counted;

/// The columns of `runs.csv`, in order.
#[rustfmt::skip]
pub const JOURNAL: [Column; 38] = [
    column("run", Integer, "", "The run's place in the plan, from 0."),
    column("key", Text, "", "Canonical text of the run's configuration and repetition."),
    column("repetition", Integer, "", "Which repetition of its configuration, from 0."),
    column("outcome", Text, "", "`ok` or `failed`. Only `ok` counts."),
    column("reason", Text, "", "Why it failed; empty if it did not."),
    column("engine", Text, "", "`tcp` (real sockets, wall clock), `virtual` (discrete events, virtual clock), or `imported`: then margin, lateness and latency are not known, and null in `processed/`."),
    column("isolation", Text, "", "`shared` (many runs in one process), `process` (each machine in a process of its own), or `imported`."),
    column("time_scale", Number, "model s / wall s", "Model seconds that pass in a wall second; 1 in the virtual engine, which has no wall clock."),
    column("duration_s", Number, "model s", "Time observed, T."),
    column("machines", Integer, "", "Number of machines, N."),
    column("rates", Text, "1/s", "Ticks per model second of each machine, joined by commas in the order of the machines."),
    column("internal", Text, "", "Probability that an idle tick is an internal event: a number, or one for each machine, joined by commas."),
    column("stamp", Text, "", "Which clock value a message carries: `after` the send's increment (Lamport's IR2) or `before` it."),
    column("phase", Text, "", "How the first ticks are placed: `spread`, `uniform` or `aligned`; `unknown` if imported."),
    column("delay_s", Text, "model s", "How long messages are under way: a number, or a law such as `uniform(0.01,0.1)` or `exponential(0.05)` (the mean)."),
    column("receive", Text, "", "What a tick takes from the message queue: `one` message or `all`."),
    column("topology", Text, "", "Who may send to whom: `mesh`, `ring`, `star` or `time-keeper`."),
    column("sends", Text, "", "To whom a send goes: `mix`, `unicast`, `broadcast` or `multicast(2)`."),
    column("connection", Text, "", "Which connections messages take over TCP: `persistent` or `per-message`."),
    column("started_at_ns", Integer, "ns", "Unix time of the run's start; 0 in the virtual engine."),
    column("phases_ns", Text, "model ns", "Each machine's first tick after the run's start, joined by commas."),
    column("margin_us", Number, "wall us", "Time between the closest ticks of two machines: what lateness and latency together must stay below."),
    column("lateness_p50_us", Number, "wall us", "Median lateness: when an event happened - when its tick was due."),
    column("lateness_p99_us", Number, "wall us", "99th percentile of the lateness."),
    column("lateness_max_us", Number, "wall us", "Greatest lateness."),
    column("latency_p50_us", Number, "wall us", "Median latency: when a message was queued - when the event that sent it happened."),
    column("latency_p99_us", Number, "wall us", "99th percentile of the latency."),
    column("latency_max_us", Number, "wall us", "Greatest latency."),
    column("punctual", Boolean, "", "Whether maximum lateness and maximum latency together stayed below the margin; always so in the virtual engine."),
    column("in_order", Boolean, "", "Whether every message was queued between the ticks, and in the order, that the schedule says: then every event is the one that the seed says, however late it was."),
    column("strangers", Integer, "", "Connections turned away because they were none of the run's."),
    column("tool_version", Text, "", "Version of the simulator that ran it."),
    column("events", Integer, "", "Rows of the event log."),
    column("segment", Integer, "", "Number of the events file that holds them."),
    column("offset", Integer, "byte", "Where in that file they start."),
    column("bytes", Integer, "byte", "Their length."),
    column("checksum", Text, "", "The first 16 hexadecimal digits of the BLAKE3 hash of those bytes."),
    column("row_checksum", Text, "", "The same of the row's other cells, joined by line feeds."),
];

/// The dataset a row belongs to: the first column of the run and machine frames.
const DATASET: Column = column("dataset", Text, "", "Name of the dataset.");

/// The probabilities of internal events, as a number that can be reckoned with: in the place of the journal's column.
const INTERNAL: Column = column(
    "internal",
    Number,
    "",
    "Probability that an idle tick is an internal event; where machines differ in it, the mean of theirs.",
);
/// And in full, behind it.
const INTERNAL_EACH: Column = column(
    "internal_each",
    Text,
    "",
    "Where machines differ in it, the probability of each, joined by commas; otherwise empty.",
);

/// What in the journal is about the bytes of the log, or the same for every finished run.
const JOURNAL_ONLY: [&str; 7] = [
    "outcome",
    "reason",
    "segment",
    "offset",
    "bytes",
    "checksum",
    "row_checksum",
];

/// The parameters that make a configuration: runs that agree in all of them are its repetitions.
pub const PARAMETERS: [&str; 13] = [
    "rates",
    "internal",
    "internal_each",
    "phase",
    "stamp",
    "delay_s",
    "receive",
    "topology",
    "sends",
    "connection",
    "duration_s",
    "engine",
    "time_scale",
];

/// What the machine frame adds to its run's parameters.
#[rustfmt::skip]
const MACHINE: [Column; 4] = [
    column("machine", Integer, "", "The machine within the run, from 0."),
    column("rate", Number, "1/s", "Its ticks per model second."),
    column("phase_s", Number, "model s", "Its first tick after the run's start."),
    column("observed_s", Number, "model s", "Time that the measures are taken over, T: the run's duration less the warm-up that was cut off."),
];

/// The columns of `processed/runs.parquet`: the journal's but for the bookkeeping of the log.
pub fn run_columns() -> Vec<Column> {
    let kept = of_runs().filter(|column| !JOURNAL_ONLY.contains(&column.name));
    std::iter::once(DATASET).chain(kept).collect()
}

/// The columns of `processed/machines.parquet` that say which machine of which run a row is about.
pub fn machine_columns() -> Vec<Column> {
    let of_run = ["run", "repetition", "machines"]
        .into_iter()
        .chain(PARAMETERS);
    let of_run = of_run.filter_map(|name| of_runs().find(|column| column.name == name));
    std::iter::once(DATASET)
        .chain(of_run)
        .chain(MACHINE)
        .collect()
}

/// The journal's columns, as data frames have them.
fn of_runs() -> impl Iterator<Item = Column> {
    JOURNAL.into_iter().flat_map(|column| match column.name {
        "internal" => vec![INTERNAL, INTERNAL_EACH],
        _ => vec![column],
    })
}

/// What no run can be, so that nothing is made room for on the word of such a row: another number of machines than of rates or
/// phases, and times that are none.
///
/// # Errors
///
/// What is wrong, with the columns.
pub(crate) fn check(row: &JournalRow) -> Result<(), String> {
    let entries = |list: &str| list.split(',').count();
    let (rates, phases) = (entries(&row.rates), entries(&row.phases_ns));
    let machines = row.machines as usize;
    if rates != machines || phases != machines {
        return Err(format!(
            "machines is {machines}, but there are {} and {}; delete the row and run again",
            counted(rates, "rate"),
            counted(phases, "phase")
        ));
    }
    for (column, value) in [
        ("duration_s", row.duration_s),
        ("time_scale", row.time_scale),
    ] {
        if !value.is_finite() || value <= 0.0 {
            return Err(format!(
                "column {column}: {value} is not a positive number; delete the row and run again"
            ));
        }
    }
    for (column, value) in [("run", row.run), ("started_at_ns", row.started_at_ns)] {
        if i64::try_from(value).is_err() {
            return Err(format!(
                "column {column}: {value} exceeds 63 bits; delete the row and run again"
            ));
        }
    }
    Ok(())
}

/// A row a run.
pub(crate) fn run_frame(dataset: &str, rows: &[JournalRow]) -> PolarsResult<DataFrame> {
    let columns = run_columns();
    frame(
        rows.len(),
        columns
            .iter()
            .map(|column| run_column(column, dataset, rows))
            .collect(),
    )
}

/// A row a run and machine, ordered by both: a run's columns that [`machine_columns`] names, and the machine's own.
///
/// # Errors
///
/// [`Error::Journal`] if a run's rates or phases cannot be read.
pub(crate) fn machine_frame(
    dataset: &str,
    rows: &[JournalRow],
    warm_up_s: f64,
    journal_of: impl Fn(&JournalRow) -> PathBuf,
) -> Result<DataFrame, Error> {
    let mut of_machine: Vec<&JournalRow> = vec![];
    let (mut machines, mut rates_hz, mut phases_s, mut observed_s) =
        (vec![], vec![], vec![], vec![]);
    for row in rows {
        let wrong = |problem: String| Error::Journal {
            path: journal_of(row),
            run: row.run,
            problem,
        };
        let rates: Rates = row
            .rates
            .parse()
            .map_err(|error| wrong(format!("column rates: {error}")))?;
        let phases = phases_ns(row, rates.machines()).map_err(wrong)?;
        for (machine, (rate, phase_ns)) in rates.iter().zip(phases).enumerate() {
            of_machine.push(row);
            machines.push(machine as i64);
            rates_hz.push(rate.hertz());
            phases_s.push(phase_ns as f64 / 1e9);
            observed_s.push(row.duration_s - warm_up_s);
        }
    }
    let mut columns: Vec<_> = machine_columns()
        .iter()
        .filter(|column| !MACHINE.contains(column))
        .map(|column| run_column(column, dataset, of_machine.iter().copied()))
        .collect();
    columns.push(Series::new("machine".into(), machines).into());
    columns.push(Series::new("rate".into(), rates_hz).into());
    columns.push(Series::new("phase_s".into(), phases_s).into());
    columns.push(Series::new("observed_s".into(), observed_s).into());
    Ok(frame(of_machine.len(), columns)?)
}

fn frame(height: usize, columns: Vec<polars::prelude::Column>) -> PolarsResult<DataFrame> {
    DataFrame::new(height, columns)
}

fn phases_ns(row: &JournalRow, machines: u32) -> Result<Vec<u64>, String> {
    let phases: Result<Vec<u64>, _> = row.phases_ns.split(',').map(str::parse).collect();
    match phases {
        Ok(phases) if phases.len() == machines as usize => Ok(phases),
        _ => Err(format!(
            "column phases_ns: `{}` is not {machines} whole numbers",
            row.phases_ns
        )),
    }
}

/// One column of `rows`, by its name in the journal.
fn run_column<'a>(
    column: &Column,
    dataset: &str,
    rows: impl IntoIterator<Item = &'a JournalRow>,
) -> polars::prelude::Column {
    let rows = rows.into_iter();
    let name: PlSmallStr = column.name.into();
    match column.kind {
        Integer => Series::new(
            name,
            rows.map(|row| integer(row, column.name))
                .collect::<Vec<i64>>(),
        ),
        Number => Series::new(
            name,
            rows.map(|row| number(row, column.name))
                .collect::<Vec<Option<f64>>>(),
        ),
        Boolean => Series::new(
            name,
            rows.map(|row| boolean(row, column.name))
                .collect::<Vec<bool>>(),
        ),
        Text if column.name == INTERNAL_EACH.name => {
            Series::new(name, rows.map(internal_each).collect::<Vec<String>>())
        }
        Text => Series::new(
            name,
            rows.map(|row| text(row, column.name, dataset))
                .collect::<Vec<&str>>(),
        ),
    }
    .into()
}

fn integer(row: &JournalRow, name: &str) -> i64 {
    let value = match name {
        "run" => row.run,
        "repetition" => row.repetition.into(),
        "machines" => row.machines.into(),
        "started_at_ns" => row.started_at_ns,
        "strangers" => row.strangers.into(),
        "events" => row.events,
        _ => unreachable!("no whole number {name} in the journal"),
    };
    // Counts and Unix nanoseconds: 63 bits last until the year 2262.
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn mean_internal(row: &JournalRow) -> f64 {
    match (row.internal.same(), row.internal.machines()) {
        (Some(same), _) => same.value(),
        (None, machines) => {
            let machines = machines.unwrap_or(row.machines) as usize;
            let each = (0..machines).map(|machine| row.internal.at(machine).value());
            each.sum::<f64>() / machines as f64
        }
    }
}

fn internal_each(row: &JournalRow) -> String {
    match row.internal.same() {
        Some(_) => String::new(),
        None => row.internal.to_string(),
    }
}

/// None where an imported log does not tell it: how late its events were, and how close its ticks come.
fn number(row: &JournalRow, name: &str) -> Option<f64> {
    let is_imported = row.engine == IMPORTED;
    let of_schedule = |value: f64| (!is_imported).then_some(value);
    match name {
        "time_scale" => Some(row.time_scale),
        "duration_s" => Some(row.duration_s),
        "internal" => Some(mean_internal(row)),
        "margin_us" => of_schedule(row.margin_us),
        "lateness_p50_us" => of_schedule(row.lateness_p50_us),
        "lateness_p99_us" => of_schedule(row.lateness_p99_us),
        "lateness_max_us" => of_schedule(row.lateness_max_us),
        "latency_p50_us" => of_schedule(row.latency_p50_us),
        "latency_p99_us" => of_schedule(row.latency_p99_us),
        "latency_max_us" => of_schedule(row.latency_max_us),
        _ => unreachable!("no number {name} in the journal"),
    }
}

fn text<'a>(row: &'a JournalRow, name: &str, dataset: &'a str) -> &'a str {
    match name {
        "dataset" => dataset,
        "key" => &row.key,
        "engine" => &row.engine,
        "isolation" => &row.isolation,
        "rates" => &row.rates,
        "stamp" => &row.stamp,
        "phase" => &row.phase,
        "delay_s" => &row.delay_s,
        "receive" => &row.receive,
        "topology" => &row.topology,
        "sends" => &row.sends,
        "connection" => &row.connection,
        "phases_ns" => &row.phases_ns,
        "tool_version" => &row.tool_version,
        _ => unreachable!("no text {name} in the journal"),
    }
}

fn boolean(row: &JournalRow, name: &str) -> bool {
    match name {
        "punctual" => row.punctual,
        "in_order" => row.in_order,
        _ => unreachable!("no truth value {name} in the journal"),
    }
}
