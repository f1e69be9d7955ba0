"""The command line of both peers, and their event log."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COLUMNS = "run,machine,tick,event,system_time_ns,logical_clock,queue_length,peers,message_stamp,sent_tick"

Write = Callable[[str], object]


@dataclass(frozen=True)
class Experiment:
    """Runs of one configuration. The first tick of a machine falls anywhere in its period."""

    rates: list[int]
    internal: float
    duration_s: int
    runs: int
    seed: int
    log: Path | None


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
    """Returns a function that appends a row to the log at `path`, or None if there is no log."""
    if path is None:
        yield None
        return
    with path.open("w", encoding="ascii", buffering=1 << 20) as file:
        file.write(COLUMNS + "\n")
        yield file.write
