"""Turns the event logs of a dataset into one Parquet file with Polars for Python. The time that this takes is compared with that of
`analyze export`. Polars works in streaming mode: it never has all events in memory at once."""

import polars as pl

# The module is called drift_columns because three other programs use it to make the table of `analyze drift`.
from drift_columns import dataset, event_logs

folder = dataset() / "processed"
folder.mkdir(exist_ok=True)
pl.scan_csv(event_logs()).sink_parquet(folder / "events.parquet", compression="zstd")
