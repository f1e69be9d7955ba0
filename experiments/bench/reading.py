"""Compares `analyze` with other programs that read the CSV files of a dataset.

DuckDB, Polars and pandas make the same table as `analyze drift`; Polars turns the events into Parquet, as `analyze export` does.
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
# The interval is short, because the fastest of these programs end within a tenth of a second.
LOOK_EVERY_S = 0.02
BYTES_AN_EVENT = 50
# The programs add the same numbers in different orders, so their sums differ by rounding errors.
TOLERANCE = 1e-9

Cells = dict[tuple[str, float, int], dict[str, float]]


@dataclass(frozen=True)
class Reader:
    """A program that makes the same table as `analyze drift`."""

    name: str
    peer: str | None = None
    """The script of the other program, in the folder `peers`; None means `analyze`."""
    forgets: bool = False
    """Whether the cache of `analyze` is removed first."""
    everyday: bool = False
    """Whether it is the normal build (`cargo build`), with little optimisation, and not the release build."""

    def __str__(self) -> str:
        return self.name


FIRST = Reader("analyze, first reading", forgets=True)
SECOND = Reader("analyze, second reading")
PEER_READERS = [
    Reader(f"DuckDB {version('duckdb')}", peer="duckdb_drift.py"),
    Reader(f"Polars {version('polars')} for Python", peer="polars_drift.py"),
    Reader(f"pandas {version('pandas')} with pyarrow", peer="pandas_drift.py"),
]
EVERYDAY = Reader("analyze, first reading, everyday build", forgets=True, everyday=True)
READERS = [FIRST, SECOND, EVERYDAY, *PEER_READERS]
EXPORT = Reader("analyze export")
PEER_EXPORT = Reader(f"Polars {version('polars')} for Python", peer="polars_export.py")


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns the times of all readers for each size, after checking that their tables agree."""
    usages = {}
    exports = {}
    for millions in sizes(plan):
        rounds.say(f"reading: making {millions} M events")
        with simulator.sweep(experiment(millions), "--engine", "virtual") as (_, dataset):
            events = count_events(dataset)
            check(simulator, dataset)
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
    """Returns the sizes in millions of events. The largest is 30 if the disk has no space for more."""
    room = shutil.disk_usage(gettempdir()).free // 2 // BYTES_AN_EVENT // 1_000_000
    return [millions if millions <= room else min(millions, 30) for millions in plan.reading_millions]


def experiment(millions: int) -> str:
    """Returns an experiment with five rate sets and two probabilities. 200 repetitions of each have 1.03 million events."""
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
    """Makes the table once."""
    if reader.peer:
        return run([sys.executable, "-B", PEERS / reader.peer, dataset], LOOK_EVERY_S)
    if reader.forgets and (kept := dataset / ".cache").exists():
        shutil.rmtree(kept)
    return run([analyze(simulator, reader), "drift", dataset, "--format", "csv"], LOOK_EVERY_S)


def analyze(simulator: Simulator, reader: Reader) -> Path:
    """Returns the path of `analyze`: in the folder of the simulator, or in the folder of the normal build."""
    folder = simulator.program.parent
    return (folder.with_name("debug") if reader.everyday else folder) / "analyze"


def export(reader: Reader, simulator: Simulator, dataset: Path) -> Usage:
    """Writes the events as Parquet files once."""
    for kept in (dataset / ".cache", dataset / "processed"):
        shutil.rmtree(kept, ignore_errors=True)
    if reader.peer:
        return run([sys.executable, "-B", PEERS / reader.peer, dataset], LOOK_EVERY_S)[0]
    return run([analyze(simulator, reader), "export", dataset], LOOK_EVERY_S)[0]


def check(simulator: Simulator, dataset: Path) -> None:
    """Raises `Disagreement` if the tables of two readers differ. This also brings the log into the system's memory."""
    rounds.say("reading: comparing the tables")
    reference = cells(read(FIRST, simulator, dataset)[1])
    for reader in READERS[1:]:
        found = cells(read(reader, simulator, dataset)[1])
        if found.keys() != reference.keys():
            raise Disagreement(f"{reader} has other configurations and machines than {FIRST}")
        for key, values in found.items():
            for column, value in values.items():
                expected = reference[key][column]
                if not isclose(value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
                    raise Disagreement(f"{reader}: {column} of {key} is {value}, not {expected}")


def cells(text: str) -> Cells:
    """Returns mean, sd and n of the three measures of each configuration and machine."""
    columns = [f"{measure}_{what}" for measure in ("logical_rate", "own_drift", "lag_final") for what in ("mean", "sd", "n")]
    return {
        (row["rates"], float(row["internal"]), int(row["machine"])): {column: float(row[column]) for column in columns}
        for row in csv.DictReader(io.StringIO(text))
    }


def times(usages: dict[int, dict[Reader, list[Usage]]], plan: Plan) -> Table:
    """Returns the table of times for each reader and size."""
    fewest = min(usages)

    def row(events: int, reader: Reader) -> list[str]:
        walls_s = wall_times(usages[events][reader])
        growth = (median(walls_s) / events) / (median(wall_times(usages[fewest][reader])) / fewest)
        return [
            reader.name,
            f"{events:,}",
            figures(median(walls_s)),
            figures(median(walls_s) / events * 1e9),
            ratio(growth),
            figures(median(usage.cpu_s for usage in usages[events][reader])),
            figures(median(usage.peak_bytes for usage in usages[events][reader]) / 1e6),
            *(ratio(rounds.median_ratio(walls_s, wall_times(usages[events][ours]))) for ours in (FIRST, SECOND)),
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
            f"end, the log in the system's memory; {rounds.medians_of(plan.reading_rounds)}. Ratio: nanoseconds per event, divided by "
            f"those at the fewest events. The next two columns of ratios: how many times as fast the first and the second reading of "
            f"`analyze` are, in each round. "
            f"All programs agree in mean, sd and n of logical rate, own drift and final lag of every configuration and "
            f"machine. The first reading checks every run's checksum, calculates all measures of `analyze`, and stores them for the "
            f"second reading. Python {sys.version.split()[0]}. Elsewhere: cores that other programs used."
        ),
    )


def export_times(usages: dict[int, dict[Reader, list[Usage]]], plan: Plan) -> Table:
    """Returns the table of the times of export for each size."""

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
        rows=[row(events, reader) for events, of_size in usages.items() for reader in of_size],
        note=(
            f"The datasets above; {rounds.medians_of(plan.reading_rounds)}. Both write every column of the log with zstd. `analyze` also "
            f"verifies checksums, calculates all measures, writes them and the runs, and adds the columns recipients, time_s and jump. "
            f"The last column of ratios: how many times as fast `analyze` is, in each round."
        ),
    )


def wall_times(usages: list[Usage]) -> list[float]:
    return [usage.wall_s for usage in usages]
