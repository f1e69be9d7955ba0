"""Measures how many machines this computer can run, and how fast `sim` and `analyze` are. Start it with `experiments/bench/run`."""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import coverage
import machines
import mesh
import reading
import sweep
import virtual
from agreement import Disagreement
from plan import FULL, QUICK, Plan
from simulator import Failed, Simulator
from tables import Table

# The parts of the benchmark. Each part is a function that measures and returns tables.
PARTS: dict[str, Callable[[Simulator, Plan], list[Table]]] = {
    "machines": machines.measure,
    "virtual": virtual.measure,
    "sweep": sweep.measure,
    "mesh": mesh.measure,
    "reading": reading.measure,
    "coverage": coverage.measure,
}
# These parts are measured only on request.
OPT_IN = {"reading", "coverage"}


def main() -> None:
    given = arguments()
    plan = planned(given)
    simulator = Simulator(given.sim)
    # On SIGTERM, `sys.exit` raises an exception. So running programs are stopped and temporary folders are removed, as after Ctrl-C.
    # The usual exit code after SIGTERM is 143: 128 plus the signal's number, 15.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(about_computer(plan, given.markdown), flush=True)
    for name in given.only or [name for name in PARTS if name not in OPT_IN]:
        try:
            tables = PARTS[name](simulator, plan)
        # `Failed`: a program ended with an error, or a measurement was too short. `Disagreement`: a program that `sim` is compared with
        # does not simulate the same model.
        except (Failed, Disagreement) as error:
            sys.exit(f"{name}: {error}")
        for table in tables:
            print(table.render(given.markdown), flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="experiments/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure less, in under two minutes")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure only this part; may be given several times")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--rounds", type=positive, metavar="N", help="measure every case N times")
    parser.add_argument("--machines", type=machine_counts, metavar="N,...", help="numbers of machines at the same time, in multiples of 300")
    parser.add_argument("--seconds", type=positive, metavar="S", help="the duration of each run of the part machines")
    # The script `run` gives the path of the program `sim`. So users need not know this option.
    parser.add_argument("--sim", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def planned(given: argparse.Namespace) -> Plan:
    """Returns the full or the quick plan (the sizes of all parts), changed by the options."""
    plan = QUICK if given.quick else FULL
    if given.rounds:
        rounds = given.rounds
        plan = replace(plan, rounds=rounds, virtual_rounds=rounds, sweep_rounds=rounds, mesh_rounds=rounds, reading_rounds=rounds)
    if given.machines:
        plan = replace(plan, machines=given.machines)
    if given.seconds:
        plan = replace(plan, machines_s=given.seconds)
    return plan


def positive(text: str) -> int:
    """Parses a whole number that is at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def machine_counts(text: str) -> tuple[int, ...]:
    """Parses a list of numbers of machines, such as `300,9600`.

    Each number must be a multiple of 300, because all of the 100 rate sets get equally many runs, and a run has three machines.
    """
    step = machines.MACHINES_A_RUN * machines.RATE_SETS
    counts = tuple(sorted(positive(count) for count in text.split(",")))
    if any(count % step for count in counts):
        raise argparse.ArgumentTypeError(f"give multiples of {step}")
    return counts


def about_computer(plan: Plan, markdown: bool) -> str:
    """Describes the computer, and the date and size of the measurement."""
    about = {
        "date": date.today().isoformat(),
        "size": plan.name,
        "processor": f"{processor()}, {len(os.sched_getaffinity(0))} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "open files": f"{machines.open_file_limit():,}",
    }
    line = "; ".join(f"{name}: {value}" for name, value in about.items())
    return f"{line}.\n" if markdown else f"{line}\n"


def processor() -> str:
    """Returns the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # The usual exit code after Ctrl-C: 128 + 2, the number of the signal SIGINT.
        sys.exit(130)
