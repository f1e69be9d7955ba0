"""Code that three programs share: duckdb_drift.py, polars_drift.py and pandas_drift.py. Each makes the same table as `analyze drift`.

This module has the names of the table's columns, finds the dataset's files, and prints the table.

The table has one row for each configuration and machine: mean, standard deviation (sd) and number of runs (n) of each measure.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

KEY = ("rates", "internal", "machine")
# logical_rate: final clock divided by the run's duration in seconds of model time. own_drift: final clock minus the number of the
# machine's ticks. lag_final: largest final clock of the run minus the machine's own final clock.
MEASURES = ("logical_rate", "own_drift", "lag_final")
# The key, and then logical_rate_mean, logical_rate_sd, logical_rate_n, own_drift_mean, ...
COLUMNS = (*KEY, *(f"{measure}_{what}" for measure in MEASURES for what in ("mean", "sd", "n")))


def dataset() -> Path:
    """Reads the dataset's folder from the command line."""
    return Path(sys.argv[1])


def event_logs() -> list[str]:
    """Returns the paths of the files with one row for each event. A dataset has several such files."""
    return [str(path) for path in sorted(dataset().glob("events-*.csv"))]


def journal() -> str:
    """Returns the path of the file with one row for each run that ended."""
    return str(dataset() / "runs.csv")


def write(rows: Iterable[Sequence[object]]) -> None:
    """Prints the table as CSV. Each of `rows` has one value for each of `COLUMNS`."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
