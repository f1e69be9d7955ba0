"""Reads datasets for the benchmark: the journal (`runs.csv`, a row for each ended run), the events, and the lateness of ticks."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import NamedTuple

SECOND_NS = 1_000_000_000


class Event(NamedTuple):
    """A row of an event log, with only the values that are needed here."""

    run: int
    machine: int
    tick: int
    kind: str
    system_time_ns: int
    logical_clock: int


@dataclass(frozen=True)
class Punctuality:
    """How late the ticks of a dataset were, how many of them received a message, and how many runs were punctual.

    The lateness of a tick is the time in the log minus the time when the tick was due. `p50_us`, `p99_us` and `p999_us` are the 50 %, 99 %
    and 99.9 % quantiles of the lateness, and `max_us` is the largest lateness. A run is punctual if its delays
    were too short to change the order of events.
    """

    runs: int
    punctual_runs: int
    ticks: int
    receives: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float


class Schedule:
    """The due times of a run's ticks, calculated from its row of the journal.

    Tick k of a machine (counted from 0) is due at start + (phase + k / rate) / time scale. The phase is when the machine's first tick is
    due, in model time after the start.
    """

    def __init__(self, row: dict[str, str]) -> None:
        self.started_at_ns = int(row["started_at_ns"])
        self.time_scale = float(row["time_scale"])
        self.rates = [int(rate) for rate in row["rates"].split(",")]
        self.phases_ns = [int(phase) for phase in row["phases_ns"].split(",")]

    def due_ns(self, machine: int, tick: int) -> int:
        """Returns when a tick is due, in Unix nanoseconds."""
        model_ns = self.phases_ns[machine] + tick * SECOND_NS // self.rates[machine]
        return self.started_at_ns + int(model_ns / self.time_scale)


def journal(dataset: Path) -> list[dict[str, str]]:
    """Returns the rows of `runs.csv`."""
    with (dataset / "runs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def all_running_ns(dataset: Path) -> tuple[int, int]:
    """Returns the start and the end of the time in which all runs of the dataset were under way at once, in Unix nanoseconds.

    This time begins at the latest start of a run, and ends at the earliest end of a run.
    """
    runs = journal(dataset)
    starts = [int(row["started_at_ns"]) for row in runs]
    lengths = [int(float(row["duration_s"]) / float(row["time_scale"]) * SECOND_NS) for row in runs]
    return max(starts), min(start + length for start, length in zip(starts, lengths, strict=True))


def events(logs: Iterable[Path]) -> Iterator[Event]:
    """Returns the rows of event logs."""
    for log in logs:
        with log.open(encoding="ascii") as file:
            next(file)  # the names of the columns
            for row in file:
                run, machine, tick, kind, time_ns, clock, _ = row.split(",", 6)
                yield Event(int(run), int(machine), int(tick), kind, int(time_ns), int(clock))


def punctuality(dataset: Path) -> Punctuality:
    """Returns how late the ticks of a dataset were. The dataset must have been made over TCP."""
    runs = journal(dataset)
    schedules = {int(row["run"]): Schedule(row) for row in runs}
    # The lateness of each tick. In the experiments of the benchmark, every tick has one event.
    late_ns: list[int] = []
    receives = 0
    for event in events(sorted(dataset.glob("events-*.csv"))):
        late_ns.append(event.system_time_ns - schedules[event.run].due_ns(event.machine, event.tick))
        receives += event.kind == "receive"
    late_ns.sort()
    return Punctuality(
        runs=len(runs),
        punctual_runs=sum(row["punctual"] == "true" for row in runs),
        ticks=len(late_ns),
        receives=receives,
        p50_us=quantile(late_ns, 0.5) / 1e3,
        p99_us=quantile(late_ns, 0.99) / 1e3,
        p999_us=quantile(late_ns, 0.999) / 1e3,
        max_us=late_ns[-1] / 1e3,
    )


def quantile(ascending: Sequence[int], share: float) -> int:
    """Returns a quantile: the smallest value x such that at least `share` of all values are less than x or equal to x.

    For the values 1, 2, 3, 4 and a share of 0.5 the quantile is 2, because half of the values (1 and 2) are at most 2.
    """
    return ascending[max(ceil(share * len(ascending)), 1) - 1]
