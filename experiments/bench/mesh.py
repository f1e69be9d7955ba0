"""Measures how much processor time a machine costs, over TCP in real time. One table compares runs of different sizes, the other compares
different numbers of runs.

The machines of a run are a mesh: every machine can send to every other.
"""

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

# All machines have the same rate (ticks per second), so that machines in runs of any size can be compared.
RATE = 3
# In the second table, each run has this number of machines.
MACHINES_A_RUN = 4


@dataclass(frozen=True)
class Case:
    """A case that is measured: a number of runs at the same time, and the number of machines in each run."""

    runs: int
    machines: int

    def __str__(self) -> str:
        return f"{self.runs:,} x {self.machines} machines"

    @property
    def all_machines(self) -> int:
        return self.runs * self.machines

    @property
    def sockets(self) -> int:
        """Returns the number of sockets. Each machine has one for each other machine of its run."""
        return self.all_machines * (self.machines - 1)

    @property
    def open_files(self) -> int:
        """Returns how many open files the case needs: the sockets, about 200 for the dataset and the event loops, and the listeners.

        A listener is a socket that waits for connections. Each machine has one while its run is set up. The estimate is that at most 32
        runs are set up at the same time.
        """
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
    """The result of a case in one round."""

    usage: Usage
    cost_ms: float
    """Processor milliseconds per machine and second, during the time in which all runs were under way."""
    set_up_ms: float
    """All other processor time per machine, in milliseconds. It is used to set up and to end the runs."""
    punctuality: Punctuality


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns two tables. In the first, each row has larger runs than the row above, but fewer of them: the number of machines in all runs
    together is the same in each row. In the second, each row has more runs than the row above."""
    by_size = [Case(plan.mesh_machines // machines, machines) for machines in plan.mesh_sizes]
    by_runs = [Case(runs, MACHINES_A_RUN) for runs in plan.mesh_runs]
    return [
        compare(simulator, plan, f"Runs of more machines: {plan.mesh_machines} machines in all, full meshes", by_size),
        compare(simulator, plan, f"More runs of {MACHINES_A_RUN} machines", by_runs),
    ]


def compare(simulator: Simulator, plan: Plan, title: str, cases: list[Case]) -> Table:
    """Returns a table with one row for each case, compared with the first case. Cases that need too many open files are skipped."""
    limit = open_file_limit()
    possible = [case for case in cases if case.open_files <= limit]
    skipped = [case for case in cases if case.open_files > limit]
    results = rounds.in_turn("mesh", possible, plan.mesh_rounds, lambda case: run_case(simulator, plan, case))
    note = (
        f"Each machine ticks {RATE} times a second for {plan.mesh_s:g} s, internal 0.7; {rounds.medians_of(plan.mesh_rounds)}. "
        "Ratio: the value in the column to the left, divided by the value in the first row of that column; computed in each round. "
        "CPU-ms per machine-s: milliseconds of processor time per machine and second, while all runs are under way. "
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
            # How late ticks were done, in microseconds: the median and the 99th percentile.
            "late p50 (us)",
            "p99",
            "ratio",
            # Processor time that other programs used, in processor seconds per second.
            "elsewhere",
        ],
        rows=[row(case, measured, results[0]) for case, measured in zip(possible, results, strict=True)],
        note=note,
    )


def run_case(simulator: Simulator, plan: Plan, case: Case) -> Measured:
    """Makes all runs of the case at the same time."""
    with simulator.sweep(case.experiment(plan.mesh_s), "--jobs", str(case.runs)) as (usage, dataset):
        # How many processors are busy, on average, while all runs are under way: 0.5 means 0.5 processor seconds in each second. Every run
        # takes `mesh_s` seconds, so the runs themselves use about `cores * mesh_s` processor seconds. The rest of the processor time
        # (`set_up_ms`) is for the set-up and the end of the runs.
        cores = usage.cores_between(*datasets.all_running_ns(dataset))
        return Measured(
            usage=usage,
            cost_ms=1e3 * cores / case.all_machines,
            set_up_ms=1e3 * (usage.cpu_s - cores * plan.mesh_s) / case.all_machines,
            punctuality=datasets.punctuality(dataset),
        )


def row(case: Case, measured: list[Measured], first_case: list[Measured]) -> list[str]:
    """Returns a row of the table: medians over the rounds.

    A ratio to the first case is calculated in each round, and the row has the median of these ratios.
    """

    def median_of(quantity: Callable[[Measured], float]) -> str:
        return figures(median(map(quantity, measured)))

    def ratio_to_first(quantity: Callable[[Measured], float]) -> str:
        return ratio(rounds.median_ratio(map(quantity, measured), map(quantity, first_case)))

    return [
        f"{case.runs:,} x {case.machines}",
        f"{case.sockets:,}",
        median_of(lambda one: one.punctuality.receives / one.punctuality.ticks),
        median_of(lambda one: one.cost_ms),
        ratio_to_first(lambda one: one.cost_ms),
        median_of(lambda one: one.set_up_ms),
        ratio_to_first(lambda one: one.set_up_ms),
        median_of(lambda one: one.punctuality.p50_us),
        median_of(lambda one: one.punctuality.p99_us),
        ratio_to_first(lambda one: one.punctuality.p99_us),
        median_of(lambda one: one.usage.elsewhere_cores),
    ]
