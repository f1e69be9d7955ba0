"""Turns the event logs of a dataset into one Parquet file with Polars for Python, in streaming mode (without all events in memory)."""

import polars as pl

from drift_columns import dataset, event_logs

folder = dataset() / "processed"
folder.mkdir(exist_ok=True)
pl.scan_csv(event_logs()).sink_parquet(folder / "events.parquet", compression="zstd")
