"""Compares `analyze` with other programs that read the CSV files of a dataset.

DuckDB, Polars and pandas make the same table as `analyze drift`. Polars also turns the events into Parquet files, as `analyze export`
does.
"""

import csv
import io
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from math import isclose
from pathlib import Path
from statistics import median
from tempfile import gettempdir

import rounds
from agreement import Disagreement
from plan import Plan
from simulator import Simulator, Usage, run
from tables import Table, figures, ratio

PEERS = Path(__file__).parent / "peers"
RATE_SETS = ((1, 3, 6), (2, 3, 4), (3, 3, 3), (5, 1, 5), (1, 2, 1))
INTERNAL = (0.4, 0.7)
DURATION_S = 60
# Seconds between two checks of the memory of a running program. The time is short, because the fastest programs end within a tenth of a
# second.
CHECK_INTERVAL_S = 0.02
# Approximate size of an event in the CSV files.
BYTES_PER_EVENT = 50
# The programs add the same numbers in different orders, so their sums differ by rounding errors.
TOLERANCE = 1e-9

# The rows of a drift table. The key of a row is its rate set, probability of internal events, and machine: `("1,3,6", 0.7, 0)`. In a row,
# the key of a value is the name of its column.
DriftTable = dict[tuple[str, float, int], dict[str, float]]


@dataclass(frozen=True)
class Reader:
    """A program that reads a dataset, for the drift table or for the export to Parquet."""

    name: str
    peer: str | None = None
    """The script of the other program, in the folder `peers`; None means `analyze`."""
    removes_cache: bool = False
    """Whether the cache of `analyze` (the stored measures in `.cache`) is removed before each reading."""
    is_everyday_build: bool = False
    """True: `analyze` as built by `cargo build`, which does not optimise the table library Polars. False: its release build."""

    def __str__(self) -> str:
        return self.name


FIRST = Reader("analyze, first reading", removes_cache=True)
# The second reading finds the cache that an earlier reading has written.
SECOND = Reader("analyze, second reading")
PEER_READERS = [
    Reader(f"DuckDB {version('duckdb')}", peer="duckdb_drift.py"),
    Reader(f"Polars {version('polars')} for Python", peer="polars_drift.py"),
    Reader(f"pandas {version('pandas')} with pyarrow", peer="pandas_drift.py"),
]
EVERYDAY = Reader("analyze, first reading, everyday build", removes_cache=True, is_everyday_build=True)
READERS = [FIRST, SECOND, EVERYDAY, *PEER_READERS]
EXPORT = Reader("analyze export")
PEER_EXPORT = Reader(f"Polars {version('polars')} for Python", peer="polars_export.py")


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns two tables: how long each reader takes for the drift table, and how long each program takes for the export. Each table
    has rows for every size of dataset. First checks, for each size, that the drift tables of all readers agree.
    """
    usages = {}
    exports = {}
    for millions in sizes(plan):
        rounds.say(f"reading: making {millions} M events")
        with simulator.sweep(experiment(millions), "--engine", "virtual") as (_, dataset):
            events = count_events(dataset)
            check(simulator, dataset)
            # `dataset=dataset`: each lambda keeps the dataset of its own turn of the loop.
            results = rounds.in_turn(
                f"reading {millions} M",
                READERS,
                plan.reading_rounds,
                lambda reader, dataset=dataset: read(reader, simulator, dataset)[0],
            )
            written = rounds.in_turn(
                f"export {millions} M",
                [EXPORT, PEER_EXPORT],
                plan.reading_rounds,
                lambda reader, dataset=dataset: export(reader, simulator, dataset),
            )
        usages[events] = dict(zip(READERS, results, strict=True))
        exports[events] = dict(zip([EXPORT, PEER_EXPORT], written, strict=True))
    return [times(usages, plan), export_times(exports, plan)]


def sizes(plan: Plan) -> list[int]:
    """Returns the sizes of the datasets in millions of events. A size of more than 30 million is reduced to 30 million
    if the dataset would fill more than half of the free space on the disk. Sizes up to 30 million are never reduced.
    """
    largest = shutil.disk_usage(gettempdir()).free // 2 // BYTES_PER_EVENT // 1_000_000
    return [millions if millions <= largest else min(millions, 30) for millions in plan.reading_millions]


def experiment(millions: int) -> str:
    """Returns an experiment with about `millions` million events. Each tick is one event, and the five rate sets together have 43 ticks per
    second. With 60 s, two probabilities of internal events and 200 repetitions, that is 43 * 60 * 2 * 200 = 1.03 million events.
    """
    return f"""
seed = 262
repetitions = {200 * millions}
duration_s = {DURATION_S}

[parameters]
rates = {[list(rates) for rates in RATE_SETS]}
internal = {list(INTERNAL)}
"""


def count_events(dataset: Path) -> int:
    with (dataset / "runs.csv").open(encoding="utf-8", newline="") as file:
        return sum(int(row["events"]) for row in csv.DictReader(file))


def read(reader: Reader, simulator: Simulator, dataset: Path) -> tuple[Usage, str]:
    """Makes the drift table once. Returns the resources that the reader used, and the table as CSV."""
    if reader.peer:
        return run([sys.executable, "-B", PEERS / reader.peer, dataset], CHECK_INTERVAL_S)
    if reader.removes_cache and (cache := dataset / ".cache").exists():
        shutil.rmtree(cache)
    return run([analyze(simulator, reader), "drift", dataset, "--format", "csv"], CHECK_INTERVAL_S)


def analyze(simulator: Simulator, reader: Reader) -> Path:
    """Returns the path of `analyze`: beside the release build of `sim`, or in the folder `debug` of the everyday build."""
    folder = simulator.program.parent
    return (folder.with_name("debug") if reader.is_everyday_build else folder) / "analyze"


def export(reader: Reader, simulator: Simulator, dataset: Path) -> Usage:
    """Writes the events as Parquet files once. First removes the cache and the files of the previous export, so that nothing is reused."""
    for previous in (dataset / ".cache", dataset / "processed"):
        shutil.rmtree(previous, ignore_errors=True)
    if reader.peer:
        return run([sys.executable, "-B", PEERS / reader.peer, dataset], CHECK_INTERVAL_S)[0]
    return run([analyze(simulator, reader), "export", dataset], CHECK_INTERVAL_S)[0]


def check(simulator: Simulator, dataset: Path) -> None:
    """Raises `Disagreement` if the drift table of a reader differs from that of `FIRST`.

    Afterwards the operating system has the log in its file cache (in memory), so no reader that is measured later has to wait for
    the disk.
    """
    rounds.say("reading: comparing the tables")
    reference = parse(read(FIRST, simulator, dataset)[1])
    for reader in READERS[1:]:
        found = parse(read(reader, simulator, dataset)[1])
        if found.keys() != reference.keys():
            raise Disagreement(f"{reader} has other configurations and machines than {FIRST}")
        for key, values in found.items():
            for column, value in values.items():
                expected = reference[key][column]
                if not isclose(value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
                    raise Disagreement(f"{reader}: {column} of {key} is {value}, not {expected}")


def parse(text: str) -> DriftTable:
    """Parses a drift table in CSV: mean, standard deviation (sd) and number of runs (n) of three measures."""
    columns = [f"{measure}_{what}" for measure in ("logical_rate", "own_drift", "lag_final") for what in ("mean", "sd", "n")]
    return {
        (row["rates"], float(row["internal"]), int(row["machine"])): {column: float(row[column]) for column in columns}
        for row in csv.DictReader(io.StringIO(text))
    }


def times(usages: dict[int, dict[Reader, list[Usage]]], plan: Plan) -> Table:
    """Returns the table of times. It has a row for every reader at each size of dataset. The keys of `usages` are numbers of events."""
    fewest_events = min(usages)

    # One row: the medians of this reader for the dataset with this number of events.
    def row(events: int, reader: Reader) -> list[str]:
        walls_s = wall_times(usages[events][reader])
        s_per_event = median(walls_s) / events
        s_per_event_in_smallest_dataset = median(wall_times(usages[fewest_events][reader])) / fewest_events
        return [
            reader.name,
            f"{events:,}",
            figures(median(walls_s)),
            figures(s_per_event * 1e9),
            ratio(s_per_event / s_per_event_in_smallest_dataset),
            figures(median(usage.cpu_s for usage in usages[events][reader])),
            figures(median(usage.peak_bytes for usage in usages[events][reader]) / 1e6),
            # Two cells: the time of this reader divided by the time of FIRST, and divided by the time of SECOND.
            *(ratio(rounds.median_ratio(walls_s, wall_times(usages[events][reading]))) for reading in (FIRST, SECOND)),
            figures(median(usage.elsewhere_cores for usage in usages[events][reader])),
        ]

    return Table(
        title="Reading: from the log to the drift table",
        columns=[
            "reader",
            "events",
            "wall s",
            "ns per event",
            "ratio",
            "CPU-s",
            "peak MB",
            "first reading is faster by",
            "second reading is faster by",
            "elsewhere",
        ],
        rows=[row(events, reader) for events in usages for reader in READERS],
        note=(
            f"Runs of {DURATION_S} s, five rate sets, internal {' and '.join(map(str, INTERNAL))}; whole programs from start to "
            f"end; the system keeps the log in its file cache (in memory), so no program waits for the disk; "
            f"{rounds.medians_of(plan.reading_rounds)}. Ratio: nanoseconds per event, divided by those of the same reader in the "
            f"smallest dataset. First (second) reading is faster by: the wall time of this row, divided by that of the first (second) reading of "
            f"`analyze` with as many events, in each round. "
            f"All programs agree in mean, sd and n of logical rate, clock - own ticks and final lag of every configuration and "
            f"machine. The first reading checks every run's checksum, calculates all measures of `analyze`, and stores them for the "
            f"second reading. Python {sys.version.split()[0]}. Elsewhere: cores that other programs used."
        ),
    )


def export_times(usages: dict[int, dict[Reader, list[Usage]]], plan: Plan) -> Table:
    """Returns the table of the times of the export. It has a row for each of the two programs at each size of dataset."""

    def row(events: int, reader: Reader) -> list[str]:
        of_reader = usages[events][reader]
        walls_s = wall_times(of_reader)
        return [
            reader.name,
            f"{events:,}",
            figures(median(walls_s)),
            figures(median(walls_s) / events * 1e9),
            figures(median(usage.cpu_s for usage in of_reader)),
            figures(median(usage.peak_bytes for usage in of_reader) / 1e6),
            ratio(rounds.median_ratio(walls_s, wall_times(usages[events][EXPORT]))),
            figures(median(usage.elsewhere_cores for usage in of_reader)),
        ]

    return Table(
        title="Export: from the log to Parquet files of all events",
        columns=["program", "events", "wall s", "ns per event", "CPU-s", "peak MB", "analyze is faster by", "elsewhere"],
        rows=[row(events, reader) for events, by_reader in usages.items() for reader in by_reader],
        note=(
            f"The datasets above; {rounds.medians_of(plan.reading_rounds)}. Both write every column of the log with zstd. `analyze` also "
            f"verifies checksums, calculates all measures, writes files of the machines and of the runs, and adds the columns recipients, time_s and "
            f"jump. "
            f"`analyze` is faster by: the wall time of this row, divided by that of `analyze export` with as many events, in each round."
        ),
    )


def wall_times(usages: list[Usage]) -> list[float]:
    return [usage.wall_s for usage in usages]
