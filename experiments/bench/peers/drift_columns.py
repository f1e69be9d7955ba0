"""The columns that the peers of `analyze drift` read, and the output of their table."""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

KEY = ("rates", "internal", "machine")
MEASURES = ("logical_rate", "own_drift", "lag_final")
COLUMNS = (*KEY, *(f"{measure}_{what}" for measure in MEASURES for what in ("mean", "sd", "n")))


def dataset() -> Path:
    """Reads the dataset's folder from the command line."""
    return Path(sys.argv[1])


def event_logs() -> list[str]:
    return [str(path) for path in sorted(dataset().glob("events-*.csv"))]


def journal() -> str:
    return str(dataset() / "runs.csv")


def write(rows: Iterable[Sequence[object]]) -> None:
    """Prints the table as CSV, with one row for each configuration and machine."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
