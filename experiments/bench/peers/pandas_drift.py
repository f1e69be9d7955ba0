"""Makes the same table as `analyze drift` with pandas. The package pyarrow parses the CSV files."""

import pandas as pd

from drift_columns import KEY, MEASURES, event_logs, journal, write

logs = [pd.read_csv(log, engine="pyarrow", usecols=["run", "machine", "logical_clock"]) for log in event_logs()]
events = pd.concat(logs, ignore_index=True)
# Each tick is one event. A clock only grows, so its largest value is the final one.
machines = events.groupby(["run", "machine"], as_index=False).agg(ticks=("logical_clock", "size"), clock=("logical_clock", "max"))
runs = pd.read_csv(journal(), engine="pyarrow", usecols=["run", "outcome", "rates", "internal", "duration_s"])
measured = machines.merge(runs[runs["outcome"] == "ok"], on="run")
measured["logical_rate"] = measured["clock"] / measured["duration_s"]
measured["own_drift"] = measured["clock"] - measured["ticks"]
measured["lag_final"] = measured.groupby("run")["clock"].transform("max") - measured["clock"]
table = measured.groupby(list(KEY))[list(MEASURES)].agg(["mean", "std", "count"])
# `zip` goes through the table row by row. A row has a key (rates, internal, machine) and a value in each column of the table.
write((*key, *values) for key, *values in zip(table.index, *(table[column] for column in table), strict=True))
