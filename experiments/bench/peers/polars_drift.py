"""Makes the same table as `analyze drift` with Polars for Python, in streaming mode (without all events in memory at once)."""

import polars as pl

from drift_columns import KEY, MEASURES, event_logs, journal, write

# A machine has one event at each tick, so the number of its events (`pl.len()`) is the number of its ticks. A clock only grows, so its
# maximum is its final value.
machines = pl.scan_csv(event_logs()).group_by("run", "machine").agg(pl.len().alias("ticks"), pl.col("logical_clock").max().alias("clock"))
runs = pl.scan_csv(journal()).filter(outcome="ok").select("run", "rates", "internal", "duration_s")
# `ticks` is a count, and Polars gives counts as unsigned integers. Clocks are signed integers. So `ticks` is turned into a signed integer
# before it is subtracted from `clock`.
clock, ticks = pl.col("clock"), pl.col("ticks").cast(pl.Int64)
# `clock.max().over("run")` is the largest final clock of the row's run.
measured = machines.join(runs, on="run").with_columns(
    (clock / pl.col("duration_s")).alias("logical_rate"),
    (clock - ticks).alias("own_drift"),
    (clock.max().over("run") - clock).alias("lag_final"),
)
# Three columns for each measure, such as `own_drift_mean`, `own_drift_sd` and `own_drift_n`.
statistics = [
    statistic.name.suffix(suffix)
    for measure in map(pl.col, MEASURES)
    for suffix, statistic in (("_mean", measure.mean()), ("_sd", measure.std()), ("_n", measure.count()))
]
write(measured.group_by(KEY).agg(statistics).collect(engine="streaming").iter_rows())
