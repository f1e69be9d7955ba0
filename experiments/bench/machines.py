"""Measures how late ticks are if more and more machines run at the same time, over TCP in real time. Each run has three machines."""

import resource
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import datasets
import rounds
from datasets import Punctuality
from plan import Plan
from simulator import Simulator, Usage
from tables import Table, figures, ratio

MACHINES_A_RUN = 3
# The number of random sets of rates. Each set has the same number of runs.
RATE_SETS = 100
# An estimate of the number of open files that are not connections between machines: the files of the dataset and of the event loops, and
# the sockets that listen for connections while runs are set up.
SPARE_FILES = 400


@dataclass(frozen=True)
class Case:
    """A case that is measured: a number of machines that run at the same time."""

    machines: int

    def __str__(self) -> str:
        return f"{self.machines:,} machines"

    @property
    def open_files(self) -> int:
        sockets_per_machine = MACHINES_A_RUN - 1  # one for each other machine of the run
        return sockets_per_machine * self.machines + SPARE_FILES

    def experiment(self, duration_s: float) -> str:
        """Returns an experiment with a hundred rate sets. Its runs together have as many machines as the case."""
        return f"""
seed = 262
repetitions = {self.machines // MACHINES_A_RUN // RATE_SETS}
duration_s = {duration_s}

[parameters]
rates = {{ random = {RATE_SETS}, machines = {MACHINES_A_RUN}, from = 1, to = 6 }}
internal = 0.7
"""


@dataclass(frozen=True)
class Measured:
    """The result of a case in one round. In each round, every case is measured once."""

    usage: Usage
    cores: float
    """Processor seconds per second during the time in which all runs were under way."""
    punctuality: Punctuality


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns a table with a row for each number of machines. If a number of machines needs too many open files, it is skipped."""
    limit = open_file_limit()
    cases = [Case(machines) for machines in plan.machines]
    possible = [case for case in cases if case.open_files <= limit]
    skipped = [case for case in cases if case.open_files > limit]

    results = rounds.in_turn("machines", possible, plan.rounds, lambda case: run_case(simulator, plan, case))
    rows = [row(case, measured, results[0]) for case, measured in zip(possible, results, strict=True)]
    return [table(rows, plan, limit, skipped)]


def run_case(simulator: Simulator, plan: Plan, case: Case) -> Measured:
    """Makes all runs of the case at the same time."""
    runs = case.machines // MACHINES_A_RUN
    with simulator.sweep(case.experiment(plan.machines_s), "--jobs", str(runs)) as (usage, dataset):
        return Measured(usage, usage.cores_between(*datasets.all_running_ns(dataset)), datasets.punctuality(dataset))


def row(case: Case, measured: list[Measured], first_case: list[Measured]) -> list[str]:
    """Returns a row of the table: medians over the rounds.

    `measured` and `first_case` have one result for each round. The ratio of a round is the p99 of the lateness in `measured` divided by
    the p99 in `first_case`. The row has the median of these ratios.
    """

    def median_of(quantity: Callable[[Measured], float]) -> str:
        return figures(median(map(quantity, measured)))

    def p99_us(one: Measured) -> float:
        return one.punctuality.p99_us

    return [
        f"{case.machines:,}",
        median_of(lambda one: one.punctuality.p50_us),
        median_of(p99_us),
        ratio(rounds.median_ratio(map(p99_us, measured), map(p99_us, first_case))),
        median_of(lambda one: one.punctuality.p999_us),
        median_of(lambda one: one.punctuality.max_us),
        f"{100 * median(one.punctuality.punctual_runs / one.punctuality.runs for one in measured):.1f} %",
        median_of(lambda one: one.cores),
        median_of(lambda one: one.usage.softirq_cores),
        median_of(lambda one: one.usage.peak_bytes / 1e6),
        median_of(lambda one: one.usage.elsewhere_cores),
    ]


def table(rows: list[list[str]], plan: Plan, limit: int, skipped: list[Case]) -> Table:
    """Returns the table. Its note names the numbers of machines that were skipped."""
    note = (
        f"Three machines in each run, rates 1 to 6, internal 0.7, {plan.machines_s:g} s; {rounds.medians_of(plan.rounds)}. "
        "The lateness is that of all ticks, also of those during which other runs are still being set up. "
        f"Ratio: p99 divided by the p99 of the first row, in each round. CPU-s per s: processor time while all runs are under way. "
        f"Soft irq: work of the kernel that counts for no program, in cores. Elsewhere: cores that other programs used. "
        f"Limit of open files: {limit:,}."
    )
    if skipped:
        note += f" Skipped because they need more files: {', '.join(map(str, skipped))}."
    return Table(
        title="Machines at once, over TCP in real time",
        columns=[
            "machines",
            "late p50 (us)",
            "p99",
            "ratio",
            "p99.9",
            "max",
            "punctual runs",
            "CPU-s per s",
            "soft irq",
            "peak MB",
            "elsewhere",
        ],
        rows=rows,
        note=note,
    )


def open_file_limit() -> int:
    """Returns how many files the simulator may open.

    The system has two limits for a process: one that holds now (soft), and the highest value that the process may choose instead (hard).
    The simulator raises its limit to the hard one.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard
