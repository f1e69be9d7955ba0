"""Coverage: how often the 95 % intervals that `analyze` prints contain the true mean.

A rate set has the rates of three machines. There are four rate sets, one for each kind of system (such as a system with an overloaded
machine). For each rate set, many samples of ten runs are made, and each sample gives an interval for every measure. `analyze` combines the
runs of a configuration, so each sample must be a configuration of its own. The configurations of a rate set differ only in the probability
of internal events, by less than 0.0001, which has no measurable effect. The mean of a measure over all runs of the rate set is taken as the
true mean.
"""

import csv
import io
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import fmean

import rounds
from agreement import Disagreement
from plan import Plan
from simulator import Failed, Simulator
from tables import Table

# The four rate sets, each with the name of its kind of system.
RATE_SETS = {"1,3,6": "overloaded", "2,3,4": "stable", "1,3,3": "critical", "3,3,3": "equal rates"}
# The number of runs in a sample.
REPETITIONS = 10
INTERNAL = 0.7
# Between two configurations, the probability of internal events differs by at most this number.
MAX_DIFFERENCE = 1e-4
# The commands of `analyze` whose tables are read.
TABLES = ("drift", "jumps", "backlog", "causality")
# A contrast is the difference of a measure between two rate sets. The contrasts of these measures are also averaged over the machines.
# logical_rate and backlog_mean can differ between the machines of a run. The other three are the same for all machines of a run.
AVERAGED_MEASURES = ("spread_mean", "logical_rate", "backlog_mean", "concurrency", "false_order")
# At least this share of the intervals of a cell (see class `Cell`) must contain the true mean. Intervals with the mark ±~ (rough) do not
# count.
WANTED = 0.92
# A cell is checked, and can be listed among the lowest cells, only if it has at least this number of intervals without the mark.
FEWEST = 50
# A cell is too low if its coverage is below `WANTED` by more than this number of standard errors. A smaller difference can be chance,
# because there are several hundred cells.
BY_CHANCE = 3.5


@dataclass
class Cell:
    """The means and intervals of all samples for one quantity.

    The quantity is a measure of one machine in one rate set, or a contrast: the difference of a measure between two rate sets, for one
    machine or averaged over the machines.
    """

    name: str
    means: list[float] = field(default_factory=list)
    """The mean (or the difference, for a contrast) of each sample."""
    intervals: list[tuple[float, float]] = field(default_factory=list)
    """The intervals without the mark ±~."""

    def add(self, mean: float, interval: tuple[float, float] | None) -> None:
        """Adds a sample. `interval` is None if the sample has no interval, or one with the mark ±~."""
        self.means.append(mean)
        if interval:
            self.intervals.append(interval)

    def covered(self, truth: float) -> float:
        """Returns the share of the intervals that contain the true mean `truth`. 1e-12 allows for rounding."""
        return fmean(low - 1e-12 <= truth <= high + 1e-12 for low, high in self.intervals)

    def is_too_low(self, covered: float) -> bool:
        """Returns whether the share `covered` is so far below `WANTED` that this cannot be chance."""
        by_chance = BY_CHANCE * sqrt(WANTED * (1 - WANTED) / len(self.intervals))
        return covered < WANTED - by_chance


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns the tables of coverage. Raises `Disagreement` if the coverage of a cell is so low that this cannot be chance."""
    # The everyday build (without `--release`). Its folder `debug` is beside the folder with the release build of `sim`.
    analyze = simulator.program.parents[1] / "debug" / "analyze"
    with simulator.sweep(experiment(plan.coverage_samples), "--engine", "virtual") as (_, dataset):
        rounds.say("coverage: tables")
        cells = list(cells_of_tables(analyze, dataset))
        rounds.say("coverage: contrasts")
        contrasts = list(cells_of_contrasts(analyze, dataset))
        rounds.say("coverage: averages of contrasts")
        averages = list(cells_of_averages(analyze, dataset, plan.coverage_averages))
    # The cells of each kind of intervals.
    kinds = {"tables": cells, "contrasts": contrasts, "averages of contrasts": averages}
    # The mean of all samples of a cell is taken as its true mean.
    groups: Groups = [(kind, of_kind, {cell.name: fmean(cell.means) for cell in of_kind}) for kind, of_kind in kinds.items()]
    tables = [summary(groups), lowest(groups)]
    low = [
        f"{kind}: {cell.name}"
        for kind, of_kind, truths in groups
        for cell in with_enough_intervals(of_kind)
        if cell.is_too_low(cell.covered(truths[cell.name]))
    ]
    if low:
        print("\n".join(table.render(markdown=False) for table in tables))
        raise Disagreement(f"intervals without a mark contain the true mean in fewer than {WANTED:.0%} of the samples: {'; '.join(low)}")
    return tables


def experiment(configurations: int) -> str:
    """Returns an experiment with this number of configurations for each rate set. Each configuration is one sample."""
    step = MAX_DIFFERENCE / configurations
    internal = [round(INTERNAL + step * (index - configurations / 2), 9) for index in range(configurations)]
    rates = [[int(rate) for rate in rates.split(",")] for rates in RATE_SETS]
    return f"""
        seed = 92
        repetitions = {REPETITIONS}
        duration_s = 60
        [parameters]
        rates = {rates}
        internal = {internal}
    """


def cells_of_tables(analyze: Path, dataset: Path) -> Iterator[Cell]:
    """Returns a cell for each rate set, machine and measure, with the intervals as printed in tables."""
    for table in TABLES:
        records = list(records_of(analyze, table, dataset))
        measures = [name.removesuffix("_interval") for name in records[0] if name.endswith("_interval")]
        printed = list(rows_of(analyze, table, dataset))
        cells: dict[str, Cell] = {}
        for record, row in zip(records, printed, strict=True):
            # The last column of a printed row is n, and the columns before it are the measures.
            for name, text in zip(measures, row[-1 - len(measures) : -1], strict=True):
                if record[f"{name}_mean"]:
                    label = f"{record['rates']} machine {record['machine']} {name}"
                    cell = cells.setdefault(label, Cell(label))
                    cell.add(float(record[f"{name}_mean"]), unmarked_interval(text))
        yield from cells.values()


def cells_of_contrasts(analyze: Path, dataset: Path) -> Iterator[Cell]:
    """Returns a cell for each contrast. There is one for each pair of rate sets, each machine and each measure."""
    measures = [name for table in TABLES for name in next(records_of(analyze, table, dataset)) if name.endswith("_interval")]
    options = [option for name in measures for option in ("--measure", name.removesuffix("_interval"))]
    for a, b in combinations(RATE_SETS, 2):
        cells: dict[str, Cell] = {}
        for record in records_of(analyze, "contrast", dataset, "--of", "rates", "--from", a, "--to", b, *options):
            # A row of kind `pair` compares two configurations. The other rows have averages.
            if record["row"] == "pair" and record["difference"]:
                label = f"{a} to {b} machine {record['machine']} {record['measure']}"
                cell = cells.setdefault(label, Cell(label))
                # `t` (from Student's t distribution) is an interval without a mark. `rough` is one with the mark.
                interval = (float(record["low"]), float(record["high"])) if record["interval"] == "t" else None
                cell.add(float(record["difference"]), interval)
        yield from cells.values()


def cells_of_averages(analyze: Path, dataset: Path, configurations: int) -> Iterator[Cell]:
    """Returns a cell for each measure of `AVERAGED_MEASURES`. Each sample is an average of contrasts over the machines.

    `analyze` must be started once for each sample. To save time, only two rate sets and the first `configurations` samples are used.
    """
    a, b = "1,3,6", "2,3,4"
    options = [option for name in AVERAGED_MEASURES for option in ("--measure", name)]
    # The different probabilities of internal events, in the order of the table. Each stands for one sample of each rate set.
    probabilities = dict.fromkeys(record["internal"] for record in records_of(analyze, "drift", dataset))
    cells = [Cell(f"{a} to {b} {name}") for name in AVERAGED_MEASURES]
    for internal in list(probabilities)[:configurations]:
        where = ("--where", f"internal={internal}")
        # The last row of the printed table has the averages. Its last column is n, and the columns before it are the measures.
        *_, average = rows_of(analyze, "contrast", dataset, "--of", "rates", "--from", a, "--to", b, *options, *where)
        for cell, text in zip(cells, average[-1 - len(cells) : -1], strict=True):
            cell.add(float(text.split()[0]), unmarked_interval(text))
    yield from cells


def records_of(analyze: Path, verb: str, dataset: Path, *options: str) -> Iterator[dict[str, str]]:
    """Returns the rows of the command's CSV output."""
    yield from csv.DictReader(io.StringIO(output(analyze, verb, dataset, "--format", "csv", *options)))


def rows_of(analyze: Path, verb: str, dataset: Path, *options: str) -> Iterator[list[str]]:
    """Returns the rows of the command's printed table, without the names of the columns."""
    lines = output(analyze, verb, dataset, "--format", "markdown", *options).replace("\u00a0", " ").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    # The first two lines have the names of the columns and a rule.
    for line in rows[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def output(analyze: Path, verb: str, dataset: Path, *options: str) -> str:
    command = [analyze, verb, dataset, *options]
    process = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if process.returncode:
        raise Failed(f"{' '.join(map(str, command))}\nended with {process.returncode}:\n{process.stderr}")
    return process.stdout


def unmarked_interval(text: str) -> tuple[float, float] | None:
    """Returns the interval in a printed value such as `4.00 ± 0.21 sd 0.33`, or None if the interval is rough or missing."""
    mean, *others = text.split()
    if not others or others[0] != "±":
        return None
    half_width = float(others[1])
    return float(mean) - half_width, float(mean) + half_width


def with_enough_intervals(cells: Iterable[Cell]) -> list[Cell]:
    return [cell for cell in cells if len(cell.intervals) >= FEWEST]


# For each kind of intervals (such as contrasts): its name, its cells, and the true mean of each cell, by the name of the cell.
Groups = list[tuple[str, list[Cell], dict[str, float]]]


def summary(groups: Groups) -> Table:
    """Returns a table with the coverage of each kind of intervals."""
    table = Table(
        "Coverage of 95 % intervals of ten runs",
        ["intervals of", "cells", "without a mark", "their coverage", "lowest cell", f"cells below {WANTED:.0%}"],
        note=f"There are four rate sets: {'; '.join(f'{rates} ({name})' for rates, name in RATE_SETS.items())}. A cell is a measure of a machine in one "
        f"rate set, or the contrast of this measure between two rate sets. Without a mark: the share of all intervals that are neither rough (±~) nor missing. An interval is missing if all runs of its sample have the same value. "
        f"Lowest cell: the lowest coverage of a cell that has at least {FEWEST} intervals without a mark.",
    )
    for name, cells, truths in groups:
        shares = [cell.covered(truths[cell.name]) for cell in with_enough_intervals(cells)]
        intervals = sum(len(cell.intervals) for cell in cells)
        # How many of the intervals contain the true mean of their cell.
        containing = sum(cell.covered(truths[cell.name]) * len(cell.intervals) for cell in cells if cell.intervals)
        table.rows.append([
            name,
            str(len(cells)),
            percent(intervals / sum(len(cell.means) for cell in cells)),
            percent(containing / intervals),
            percent(min(shares, default=1)),
            str(sum(share < WANTED for share in shares)),
        ])
    return table


def lowest(groups: Groups, rows: int = 12) -> Table:
    """Returns a table of the cells with the lowest coverage."""
    shares = [(cell.covered(truths[cell.name]), name, cell) for name, cells, truths in groups for cell in with_enough_intervals(cells)]
    shares.sort(key=lambda share: share[0])
    table = Table("The lowest cells", ["cell", "of", "coverage", "intervals without a mark"])
    table.rows = [[cell.name, name, percent(covered), f"{len(cell.intervals)} of {len(cell.means)}"] for covered, name, cell in shares[:rows]]
    return table


def percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
