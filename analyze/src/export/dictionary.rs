//! The data dictionary: every column of every file, from the definitions that the program itself goes by.

use std::fmt::Write;

use crate::measures;
use crate::output::markdown_cell;
use crate::output::schema::Column;
use crate::read::events::{EVENT_LOG, event_columns};
use crate::read::runs::{journal, machine_columns, run_columns};

const INTRODUCTION: &str = "\
# Data

Datasets land here, a folder each, written by `sim run` or `analyze import`; `analyze export` adds `processed/`. They are not kept
under version control, but for `sample/`, and `foreign/`, logs of another implementation to try `analyze import` with.

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

A sweep that was split with `sim run --shard K/N` is a folder `<name>/shard-K-of-N/` for each K, laid out the same; `analyze` takes
`<name>` as one dataset, and its `processed/` stands there.

```python
import polars as pl
machines = pl.read_parquet(\"data/quickstart/processed/machines.parquet\")
events = pl.read_parquet(\"data/quickstart/processed/events/\")
```

The events are a folder of parts of whole runs, about a million events each, that opens as one table. `analyze export` writes only
parts with runs that are new, changed or gone, and fills up parts that are at most half full. The others stay as they are; the
folder is replaced at once. Tested with Polars, pandas and DuckDB (`read_parquet('.../events/*.parquet')`).
Spark should read it too (`read.parquet('.../events')`), but this is not tested.

A run counts only if its row stands in `runs.csv` and its outcome is `ok`; failed runs are left out of `processed/` and of all
tables. `model s` are seconds of the modelled systems, `wall s` are real seconds; `time_scale` is the number of model seconds
in a real second. A cell that is empty in a CSV file is null in Parquet, except in text columns, where empty is a value. This file is the output of
`analyze dictionary`.
";

/// The columns of `processed/machines.parquet`.
pub fn machine_file_columns() -> Vec<Column> {
    let measures = measures::all().map(|measure| Column {
        name: measure.name,
        kind: measure.kind,
        unit: measure.unit,
        meaning: measure.brief,
    });
    machine_columns().into_iter().chain(measures).collect()
}

/// The dictionary as Markdown.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    section(
        &mut text,
        "events-0000.csv, events-0001.csv, ...",
        "One row for each event.",
        &EVENT_LOG,
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
    let about = "One row for each machine of each finished run: its parameters, then every measure. T is the time observed (`duration_s`), \
                 times are model times, L is the machine's logical clock.";
    section(
        &mut text,
        "processed/machines.parquet",
        about,
        &machine_file_columns(),
    );
    section(
        &mut text,
        "processed/events/part-00000.parquet, part-00001.parquet, ...",
        "One row for each event. In a part they are ordered by run, machine and tick; a run is in one part.",
        &event_columns(),
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
