"""Code that two programs share: simpy_model.py and heap_model.py. Both simulate the same machines as `sim`, and their speed is compared
with the speed of `sim`. This module reads their command line and opens their event log."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The same columns as in the event log of `sim`, so that the same code can read the logs of `sim` and of both Python programs.
COLUMNS = "run,machine,tick,event,system_time_ns,logical_clock,queue_length,peers,message_stamp,sent_tick"

# A function that appends a row to the event log. The text of the row ends with a line break.
Write = Callable[[str], object]


@dataclass(frozen=True)
class Experiment:
    """One configuration, and how many runs of it to make. The phase is always `uniform`: each machine has its first tick at a random time
    of its first period (the time from one tick to the next)."""

    rates: list[int]
    """Ticks per second of each machine."""
    internal: float
    """Probability that a machine with an empty queue has an internal event."""
    duration_s: int
    """Duration of each run in model seconds."""
    runs: int
    seed: int
    log: Path | None
    """The event log to write; None if no log is wanted."""


def read() -> Experiment:
    """Reads the experiment from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rates", required=True, help="ticks per second of each machine, joined by commas")
    parser.add_argument("--internal", type=float, required=True)
    parser.add_argument("--duration", type=int, required=True, help="seconds of a run")
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--log", type=Path, help="write every event to this CSV file")
    given = parser.parse_args()
    rates = [int(rate) for rate in given.rates.split(",")]
    return Experiment(rates, given.internal, given.duration, given.runs, given.seed, given.log)


@contextmanager
def event_log(path: Path | None) -> Iterator[Write | None]:
    """Yields a function that appends a row to the log at `path`, or None if no path is given."""
    if path is None:
        yield None
        return
    with path.open("w", encoding="ascii", buffering=1 << 20) as file:
        file.write(COLUMNS + "\n")
        yield file.write
