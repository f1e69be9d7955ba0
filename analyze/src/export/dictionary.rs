//! The data dictionary: a description of every column of every file, made from the column definitions that the program uses.

use std::fmt::Write;

use super::aggregates;
use crate::measures;
use crate::output::markdown_cell;
use crate::output::schema::{Column, Kind};
use crate::read::events::{EVENT_LOG, LOGGED_TIMESTAMP, event_columns};
use crate::read::runs::{journal, machine_columns, run_columns};

const INTRODUCTION: &str = "\
# Data

Each dataset is a folder here, written by `sim run` or `analyze import`. `analyze export` adds the folder `processed/`. Only
two folders are kept under version control: `sample/` is a dataset, and `foreign/` has logs of another program, to try `analyze import`
with.

```
<name>/experiment.toml             the experiment file, as given
<name>/dataset.json                version of the format, the experiment with all its values, and which program and computers ran it
<name>/runs.csv                    the journal: one row for each attempted run, appended when it ends
<name>/events-0000.csv             the log of every machine: one row for each event, the rows of a run together
<name>/processed/runs.parquet      one row for each finished run
<name>/processed/machines.parquet  one row for each machine of each finished run, with every measure
<name>/processed/aggregates.parquet  one row for each machine of each configuration: means and intervals; only with --aggregates
<name>/processed/events/           one row for each event, in files with whole runs: part-00000.parquet, part-00001.parquet, ...
<name>/sources.csv                 only in datasets of imported logs: the file and line from which each event was read
<name>/.cache/                     measures, so that the next command need not compute them again; may be deleted
```

If the runs of an experiment were shared among several computers with `sim run --shard K/N`, there is a folder `<name>/shard-K-of-N/`
for each K, with the same files. `analyze` reads `<name>` as one dataset and writes `<name>/processed/`.

```python
import polars as pl
machines = pl.read_parquet(\"data/quickstart/processed/machines.parquet\")
events = pl.read_parquet(\"data/quickstart/processed/events/\")
```

The events are stored in parts: files with whole runs and about a million events each. Programs read the folder as one table.
If `analyze export` is repeated, it keeps a part if none of its runs was changed or removed. The runs of all other
parts, and new runs, are written to new parts. If there are new parts, the runs of kept parts that are at most half full are moved into
them. Otherwise a growing dataset would get more and more small parts. The whole folder is replaced in one step. Reading the folder is
tested with Polars, pandas, DuckDB
(`read_parquet('.../events/*.parquet')`), and, for datasets that one computer cannot hold, with Spark (`spark.read.parquet('.../events')`)
and Dask (`dask.dataframe.read_parquet('.../events')`).

Only finished runs are used: those with a row in `runs.csv` whose outcome is `ok`. Failed runs are left out of `processed/` and
of all tables. The unit `model s` is a second of model time, and `wall s` is a second of real time. `time_scale` is the number of model
seconds in a real second. A cell that is empty in a CSV file is null in Parquet, except in text columns, where it stays an empty
text. This file is the output of `analyze dictionary`.
";

/// The columns that `analyze theory` adds to those of [`aggregates::SUFFIXES`], for each measure that the theory predicts. Each entry has
/// the end of the column's name (`z` for the column `jump_mean_z` of the measure `jump_mean`), its type and its meaning.
pub const THEORY_SUFFIXES: [(&str, Kind, &str); 5] = [
    (
        "predicted",
        Kind::Number,
        "Predicted value. Empty if there is no prediction.",
    ),
    (
        "difference",
        Kind::Number,
        "Measured mean minus prediction.",
    ),
    (
        "z",
        Kind::Number,
        "Measured mean minus prediction, divided by the standard error of the mean. Empty if all measured values are equal, or for a single run.",
    ),
    (
        "caveats",
        Kind::Text,
        "Names of the effects that the prediction neglects, joined by `;`.",
    ),
    (
        "sd_predicted",
        Kind::Number,
        "Predicted standard deviation of the runs' values.",
    ),
];

/// The columns of `processed/machines.parquet`.
pub fn machine_file_columns() -> Vec<Column> {
    let measures = measures::all().map(|measure| Column {
        name: measure.name,
        kind: measure.kind(),
        unit: measure.unit,
        meaning: measure.brief,
    });
    machine_columns().into_iter().chain(measures).collect()
}

/// The whole dictionary as Markdown.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    // The dictionary also has the columns that only some datasets have: the timestamps of clocks other than Lamport's.
    let has_timestamps = true;
    section(
        &mut text,
        "events-0000.csv, events-0001.csv, ...",
        "One row for each event.",
        &[&EVENT_LOG[..], &[LOGGED_TIMESTAMP]].concat(),
    );
    section(
        &mut text,
        "runs.csv",
        "One row for each attempted run.",
        &journal().collect::<Vec<_>>(),
    );
    section(
        &mut text,
        "processed/runs.parquet",
        "One row for each finished run.",
        &run_columns(),
    );
    let about = "One row for each machine of each finished run: its parameters, then every measure. In the meanings below, the *observed time* is \
                 the run's duration (`duration_s`), without the warm-up if there is one. Times are model times.";
    section(
        &mut text,
        "processed/machines.parquet",
        about,
        &machine_file_columns(),
    );
    aggregates_section(&mut text);
    section(
        &mut text,
        "processed/events/part-00000.parquet, part-00001.parquet, ...",
        "One row for each event. The rows of a part are ordered by run, machine and tick. All events of a run are in one part.",
        &event_columns(has_timestamps),
    );
    text
}

/// Describes `processed/aggregates.parquet`: the columns that identify a row, and the suffixes of the measures' columns.
fn aggregates_section(text: &mut String) {
    // The columns before `n` identify a row. The text has their names in backticks.
    let keys: Vec<String> = aggregates::columns()
        .into_iter()
        .map(|(name, _)| name)
        .take_while(|name| name != "n")
        .map(|name| format!("`{name}`"))
        .collect();
    let _ = write!(
        text,
        "\n## processed/aggregates.parquet\n\nWritten by `analyze export --aggregates`. One row for each machine of each configuration. The columns {} are \
         those of `machines.parquet`, and `n` (int64) is the number of repetitions. Then each measure of `machines.parquet` has the columns \
         below. Their names begin with the measure's name: `jump_mean_low` is the lower end of the interval of the mean of `jump_mean`.\n\n\
         The tables `drift`, `jumps`, `backlog`, `causality`, `summary` and `theory` have the same columns for their measures if they are \
         printed with `--format csv` or `json`. With `--by rates,internal`, for example, the first columns are \
         `dataset`, `rates`, `internal` and `n`. The other parameters, `machine` and `rate` are left out.\n\n\
         | end of the name | type | meaning |\n| --- | --- | --- |\n",
        keys.join(", ")
    );
    for (suffix, kind, meaning) in aggregates::SUFFIXES {
        let _ = writeln!(text, "| _{suffix} | {} | {meaning} |", kind.name());
    }
    text.push_str("\n`theory` also has `regime` (predicted: `stable`, `critical` or `overloaded`), `arrival_rate_predicted` (messages per second that arrive at the machine) and `idle_rate_predicted` (ticks per second without a message), and more columns for each measure that can be predicted:\n\n| end of the name | type | meaning |\n| --- | --- | --- |\n");
    for (suffix, kind, meaning) in THEORY_SUFFIXES {
        let _ = writeln!(text, "| _{suffix} | {} | {meaning} |", kind.name());
    }
}

/// Adds a section about one file, with a table of its columns. `about` says what a row is.
fn section(text: &mut String, file: &str, about: &str, columns: &[Column]) {
    let _ = write!(
        text,
        "\n## {file}\n\n{about}\n\n| column | type | unit | meaning |\n| --- | --- | --- | --- |\n"
    );
    for Column {
        name,
        kind,
        unit,
        meaning,
    } in columns
    {
        // If the column is a measure, `meaning` is only its short description. The dictionary shows the complete definition instead.
        let measure = measures::all().find(|measure| measure.name == *name);
        let meaning = measure.map_or_else(|| (*meaning).to_owned(), measures::Measure::definition);
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} |",
            kind.name(),
            markdown_cell(unit),
            markdown_cell(&meaning)
        );
    }
}
