"""Measures how many ticks per second three programs simulate: the virtual engine of `sim`, SimPy, and plain Python with a heap.

All three run the same model. Their event logs are compared, to check that they do.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import agreement
import rounds
from plan import Plan
from simulator import Simulator, Usage, run
from tables import Table, figures, ratio

PEERS = Path(__file__).parent / "peers"
RATES = (1, 3, 6)
INTERNAL = 0.7
DURATION_S = 60


@dataclass(frozen=True)
class Program:
    """A program that runs the model."""

    name: str
    writes_log: bool
    jobs: int | None = None
    """Number of runs that `sim` makes at the same time; None means one for each core."""
    peer: str | None = None
    """The program's script in the folder `peers`; None means that the program is `sim` itself."""
    seed: int = 262
    """`sim`, plain Python and SimPy have different seeds, because their logs are compared as independent samples."""

    def __str__(self) -> str:
        return self.name + ("" if self.writes_log else ", without a log")


SIM = Program("sim, one worker", writes_log=True, jobs=1)
SIM_ALL_CORES = Program("sim, all cores", writes_log=True)
HEAP = Program("Python heapq", writes_log=True, peer="heap_model.py", seed=1)
SIMPY = Program("SimPy", writes_log=True, peer="simpy_model.py", seed=2)
PROGRAMS = [
    SIM,
    SIM_ALL_CORES,
    HEAP,
    Program("Python heapq", writes_log=False, peer="heap_model.py", seed=1),
    SIMPY,
    Program("SimPy", writes_log=False, peer="simpy_model.py", seed=2),
]


def measure(simulator: Simulator, plan: Plan) -> list[Table]:
    """Returns two tables: the speeds, and whether all programs simulate the same model."""

    def once(program: Program) -> Usage:
        with executed(program, simulator, plan.virtual_runs) as (usage, _):
            return usage

    results = rounds.in_turn("virtual", PROGRAMS, plan.virtual_rounds, once)
    usages = dict(zip(PROGRAMS, results, strict=True))
    return [speeds(usages, plan), check(simulator, plan)]


def speeds(usages: dict[Program, list[Usage]], plan: Plan) -> Table:
    """Returns a table of the speeds. Each row has a program's ticks per second, and this program's wall time divided by that of `sim` (with
    one worker, and with all cores).
    """
    ticks = sum(RATES) * DURATION_S * plan.virtual_runs

    def row(program: Program) -> list[str]:
        walls_s = [usage.wall_s for usage in usages[program]]
        return [
            program.name,
            "yes" if program.writes_log else "no",
            figures(median(walls_s)),
            figures(ticks / median(walls_s)),
            # Processor seconds for a million (M) ticks.
            figures(median(usage.cpu_s for usage in usages[program]) / ticks * 1e6),
            figures(median(usage.elsewhere_cores for usage in usages[program])),
            *(ratio(rounds.median_ratio(walls_s, wall_times(usages[sim]))) for sim in (SIM, SIM_ALL_CORES)),
        ]

    return Table(
        title="Virtual time",
        columns=["program", "log", "wall s", "ticks/s", "CPU-s per M ticks", "elsewhere", "wall / one worker", "wall / all cores"],
        rows=[row(program) for program in PROGRAMS],
        note=(
            f"{plan.virtual_runs:,} runs of {DURATION_S} s, rates {','.join(map(str, RATES))}, internal {INTERNAL}: "
            f"{ticks:,} ticks; whole programs from start to end; log: whether every event is written as a row of CSV; "
            f"{rounds.medians_of(plan.virtual_rounds)}. "
            "The last two columns: in each round, the program's wall time is divided by that of `sim` (with one worker, and with all "
            "cores); the median of these ratios is shown. "
            f"Even with one worker, a second thread of `sim` writes the log. Elsewhere: cores that other programs used. "
            f"Python {sys.version.split()[0]}."
        ),
    )


def wall_times(usages: list[Usage]) -> list[float]:
    return [usage.wall_s for usage in usages]


def check(simulator: Simulator, plan: Plan) -> Table:
    """Runs `sim`, plain Python with a heap, and SimPy once more, each with a log, and compares their logs."""
    rounds.say("virtual: comparing the logs")
    samples = {}
    for program in (SIM, HEAP, SIMPY):
        with executed(program, simulator, plan.virtual_runs) as (_, log):
            samples[program.name] = agreement.machine_samples(log)
    reference = samples.pop(SIM.name)
    return agreement.table(reference, samples)


@contextmanager
def executed(program: Program, simulator: Simulator, runs: int) -> Iterator[tuple[Usage, Path]]:
    """Runs the model with a program. Yields the resources that the program used, and the path of its event log. The log
    is deleted at the end of the `with` block. If the program writes no log, there is no file at the path.
    """
    if program.peer is None:
        options = ["--engine", "virtual", *(["--jobs", str(program.jobs)] if program.jobs else [])]
        with simulator.sweep(experiment(program, runs), *options) as (usage, dataset):
            yield usage, dataset / "events-0000.csv"
        return
    with TemporaryDirectory(prefix="logical-clock-bench-") as folder:
        log = Path(folder) / "events.csv"
        # The script prints how many ticks it has made in all runs.
        usage, printed = run(peer_command(program, runs, log if program.writes_log else None))
        expected = sum(RATES) * DURATION_S * runs
        if int(printed) != expected:
            raise SystemExit(f"{program} made {printed.strip()} ticks, but the model has {expected}")
        yield usage, log


def experiment(program: Program, runs: int) -> str:
    """Returns an experiment in which the first tick of each machine is at a random time in its first period, as in the other programs."""
    return f"""
seed = {program.seed}
repetitions = {runs}
duration_s = {DURATION_S}

[parameters]
rates = {list(RATES)}
internal = {INTERNAL}
phase = "uniform"
"""


def peer_command(program: Program, runs: int, log: Path | None) -> list[str | Path]:
    options = {
        "--rates": ",".join(map(str, RATES)),
        "--internal": INTERNAL,
        "--duration": DURATION_S,
        "--runs": runs,
        "--seed": program.seed,
    }
    # -B: Python stores no compiled files in the folder `peers`.
    command: list[str | Path] = [sys.executable, "-B", PEERS / str(program.peer)]
    command += [text for name, value in options.items() for text in (name, str(value))]
    return command + (["--log", log] if log else [])
