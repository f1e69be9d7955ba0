"""Measures how much processor time a machine costs: first with more machines in each run, then with more runs. Over TCP in real time."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import datasets
import rounds
from datasets import Punctuality
from machines import open_file_limit
from plan import Plan
from simulator import Simulator, Usage
from tables import Table, figures, ratio

# All machines have the same rate, so that machines in runs of any size can be compared.
RATE = 3
MACHINES_A_RUN = 4


@dataclass(frozen=True)
class Cell:
    """A number of runs at the same time, and the number of machines in each run."""

    runs: int
    machines: int

    def __str__(self) -> str:
        return f"{self.runs:,} x {self.machines} machines"

    @property
    def all_machines(self) -> int:
        return self.runs * self.machines

    @property
    def sockets(self) -> int:
        """Returns the number of sockets: two for each pair of machines."""
        return self.all_machines * (self.machines - 1)

    @property
    def files(self) -> int:
        """Returns the number of files: the sockets, the dataset, the event loops, and listeners of runs that are being set up."""
        return self.sockets + 200 + 32 * self.machines

    def experiment(self, duration_s: float) -> str:
        return f"""
seed = 262
repetitions = {self.runs}
duration_s = {duration_s}

[parameters]
rates = {[RATE] * self.machines}
internal = 0.7
"""


@dataclass(frozen=True)
class Measured:
    """The result of a cell in one round."""

    usage: Usage
    cost_ms: float
    """Processor milliseconds per machine and second, during the time in which all runs were running."""
    set_up_ms: float
    """All other processor time per machine, in milliseconds. It is used to set up and to end the runs."""
    late: Punctuality


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns two tables: one for more and more machines in each run, one for more and more runs."""
    by_size = [Cell(plan.mesh_machines // machines, machines) for machines in plan.mesh_sizes]
    by_runs = [Cell(runs, MACHINES_A_RUN) for runs in plan.mesh_runs]
    return [
        compare(simulator, plan, f"Runs of more machines: {plan.mesh_machines} machines in all, full meshes", by_size),
        compare(simulator, plan, f"More runs of {MACHINES_A_RUN} machines", by_runs),
    ]


def compare(simulator: Simulator, plan: Plan, title: str, cells: list[Cell]) -> Table:
    """Returns a table with one row for each cell, compared with the first cell."""
    limit = open_file_limit()
    possible = [cell for cell in cells if cell.files <= limit]
    skipped = [cell for cell in cells if cell.files > limit]
    results = rounds.in_turn("mesh", possible, plan.mesh_rounds, lambda cell: once(simulator, plan, cell))
    note = (
        f"Each machine ticks {RATE} times a second for {plan.mesh_s:g} s, internal 0.7; {rounds.medians_of(plan.mesh_rounds)}. "
        "Ratio: the column before, divided by the first row, in each round. CPU-ms per machine-s: processor time while all runs are under way. "
        "Set-up: all other processor time, including the start and the end of the program."
    )
    if skipped:
        note += f" Skipped because they need more than {limit:,} files: {', '.join(map(str, skipped))}."
    return Table(
        title=title,
        columns=[
            "runs x machines",
            "sockets",
            "messages a tick",
            "CPU-ms per machine-s",
            "ratio",
            "set-up CPU-ms per machine",
            "ratio",
            "late p50 (us)",
            "p99",
            "ratio",
            "elsewhere",
        ],
        rows=[row(cell, measured, results[0]) for cell, measured in zip(possible, results, strict=True)],
        note=note,
    )


def once(simulator: Simulator, plan: Plan, cell: Cell) -> Measured:
    """Makes all runs of the cell at once."""
    with simulator.sweep(cell.experiment(plan.mesh_s), "--jobs", str(cell.runs)) as (usage, dataset):
        cores = usage.cores_between(*datasets.all_running_ns(dataset))
        return Measured(
            usage=usage,
            cost_ms=1e3 * cores / cell.all_machines,
            set_up_ms=1e3 * (usage.cpu_s - cores * plan.mesh_s) / cell.all_machines,
            late=datasets.punctuality(dataset),
        )


def row(cell: Cell, measured: list[Measured], first: list[Measured]) -> list[str]:
    """Returns the medians over the rounds."""

    def middle(quantity: Callable[[Measured], float]) -> str:
        return figures(median(map(quantity, measured)))

    def to_first(quantity: Callable[[Measured], float]) -> str:
        return ratio(rounds.median_ratio(map(quantity, measured), map(quantity, first)))

    return [
        f"{cell.runs:,} x {cell.machines}",
        f"{cell.sockets:,}",
        middle(lambda one: one.late.receives / one.late.ticks),
        middle(lambda one: one.cost_ms),
        to_first(lambda one: one.cost_ms),
        middle(lambda one: one.set_up_ms),
        to_first(lambda one: one.set_up_ms),
        middle(lambda one: one.late.p50_us),
        middle(lambda one: one.late.p99_us),
        to_first(lambda one: one.late.p99_us),
        middle(lambda one: one.usage.elsewhere_cores),
    ]
