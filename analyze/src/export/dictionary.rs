//! The data dictionary: a description of every column of every file, made from the column definitions that the program uses.

use std::fmt::Write;

use crate::measures;
use crate::output::markdown_cell;
use crate::output::schema::Column;
use crate::read::events::{EVENT_LOG, LOGGED_TIMESTAMP, event_columns};
use crate::read::runs::{journal, machine_columns, run_columns};

const INTRODUCTION: &str = "\
# Data

Each dataset is a folder here, written by `sim run` or `analyze import`. `analyze export` adds the folder `processed/`. Datasets
are not kept under version control, except `sample/` and `foreign/`. The latter has logs of another implementation to try
`analyze import` with.

```
<name>/experiment.toml             the experiment file, as given
<name>/dataset.json                schema version, the experiment resolved, where and by what it was run
<name>/runs.csv                    the journal: one row for each attempted run, appended when it ends
<name>/events-0000.csv             the log of every machine: one row for each event, the rows of a run together
<name>/processed/runs.parquet      one row for each finished run
<name>/processed/machines.parquet  one row for each machine of each finished run, with every measure
<name>/processed/events/           one row for each event, typed: part-00000.parquet, part-00001.parquet, ...
<name>/sources.csv                 only of imported logs: the file and line that each event was read from
<name>/.cache/                     measures, so that the next command need not compute them again; may be deleted
```

A sweep that was split with `sim run --shard K/N` has a folder `<name>/shard-K-of-N/` for each K, with the same files. `analyze`
reads `<name>` as one dataset and writes `<name>/processed/`.

```python
import polars as pl
machines = pl.read_parquet(\"data/quickstart/processed/machines.parquet\")
events = pl.read_parquet(\"data/quickstart/processed/events/\")
```

The events are stored in parts: files with whole runs and about a million events each. Programs read the folder as one table.
`analyze export` writes only those parts again whose runs are new, changed or gone, and parts that are at most half full. All
other parts stay. The whole folder is replaced in one step. Reading it is tested with Polars, pandas, DuckDB
(`read_parquet('.../events/*.parquet')`), and, for datasets that one computer cannot hold, with Spark (`spark.read.parquet('.../events')`)
and Dask (`dask.dataframe.read_parquet('.../events')`).

Only finished runs are used: those with a row in `runs.csv` whose outcome is `ok`. Failed runs are left out of `processed/` and
of all tables. Unit `model s` means seconds of the modelled systems, `wall s` real seconds; `time_scale` is the number of model
seconds in a real second. A cell that is empty in a CSV file is null in Parquet, except in text columns, where it stays an empty
text. This file is the output of `analyze dictionary`.
";

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
    let about = "One row for each machine of each finished run: its parameters, then every measure. The observed time is the run's duration (`duration_s`), without the \
                 warm-up if there is one. Times are model times.";
    section(
        &mut text,
        "processed/machines.parquet",
        about,
        &machine_file_columns(),
    );
    section(
        &mut text,
        "processed/events/part-00000.parquet, part-00001.parquet, ...",
        "One row for each event. The rows of a part are ordered by run, machine and tick. All events of a run are in one part.",
        &event_columns(true),
    );
    text
}

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
