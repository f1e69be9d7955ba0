"""Measures a sweep (all runs of an experiment) over TCP: 60 runs made at the same time, and the same 60 runs made one after another."""

from dataclasses import dataclass
from statistics import median

import datasets
import rounds
from plan import Plan
from simulator import Simulator, Usage
from tables import Table, figures, ratio

RUNS = 60
DURATION_S = 60


@dataclass(frozen=True)
class Manner:
    """How the runs are made: at the same time, or one after another."""

    name: str
    jobs: int
    """Largest number of runs at the same time."""

    def __str__(self) -> str:
        return self.name


AT_ONCE = Manner("all at once", RUNS)
ONE_BY_ONE = Manner("one after another", 1)


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Measures both ways to make the runs, and returns a table with the ratio of their times."""

    # Returns the resources used, and the number of runs whose delays were too short to change the order of events (punctual runs).
    def once(manner: Manner) -> tuple[Usage, int]:
        with simulator.sweep(experiment(plan), "--jobs", str(manner.jobs)) as (usage, dataset):
            return usage, sum(row["punctual"] == "true" for row in datasets.journal(dataset))

    manners = [ONE_BY_ONE, AT_ONCE]
    # For each manner, what `once` returned in each round.
    results = dict(zip(manners, rounds.in_turn("sweep", manners, plan.sweep_rounds, once), strict=True))
    one_by_one_s = [usage.wall_s for usage, _ in results[ONE_BY_ONE]]
    rows = [row(manner, results[manner], one_by_one_s) for manner in manners]
    return [table(rows, plan)]


def row(manner: Manner, measured: list[tuple[Usage, int]], one_by_one_s: list[float]) -> list[str]:
    """Returns a row of the table: medians over the rounds.

    For the column "faster by", each round has a ratio: the time that the runs took one after another, divided by the time that they took in
    this manner. The column "elsewhere" says how many cores other programs used: 0.5 means half a second of processor time per second.
    """
    walls_s = [usage.wall_s for usage, _ in measured]
    return [
        manner.name,
        figures(median(walls_s)),
        ratio(rounds.median_ratio(one_by_one_s, walls_s)),
        figures(median(usage.cpu_s for usage, _ in measured)),
        figures(median(usage.elsewhere_cores for usage, _ in measured)),
        f"{median(punctual for _, punctual in measured):g} of {RUNS}",
    ]


def table(rows: list[list[str]], plan: Plan) -> Table:
    """Returns the table, with a note that says how short the times could be at best."""
    run_s = DURATION_S / plan.sweep_time_scale
    return Table(
        title="A sweep of 60 runs, over TCP",
        columns=["runs", "wall s", "faster by", "CPU-s", "elsewhere", "punctual runs"],
        rows=rows,
        note=(
            f"Three machines in each run, {DURATION_S} model seconds, {plan.sweep_time_scale:g} times faster than real time: "
            f"each run takes {figures(run_s)} s, so the shortest possible times are {figures(RUNS * run_s)} s and {figures(run_s)} s, "
            f"a ratio of {RUNS}; {rounds.medians_of(plan.sweep_rounds)}."
        ),
    )


def experiment(plan: Plan) -> str:
    """Returns an experiment with sixty random rate sets and one run of each."""
    return f"""
seed = 262
duration_s = {DURATION_S}
time_scale = {plan.sweep_time_scale}

[parameters]
rates = {{ random = {RUNS}, machines = 3, from = 1, to = 6 }}
internal = 0.7
"""
