"""Checks that `sim` simulates the same model as the programs that it is compared with.

Each program writes an event log of many runs. For each machine, the programs must agree on two means over the runs: the mean final clock,
and the mean share of ticks that receive a message.
"""

from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

from datasets import events
from tables import Table

# Two means disagree if they differ by more than this number of standard errors. The seeds are fixed, so a check that succeeds once does
# not fail by chance later.
FAR = 4.0


class Disagreement(Exception):
    """The programs do not simulate the same model."""


@dataclass(frozen=True)
class Sample:
    """The values of one quantity of one machine: one value for each run."""

    values: list[float] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return fmean(self.values)

    @property
    def standard_error(self) -> float:
        return stdev(self.values) / sqrt(len(self.values))

    def distance(self, other: "Sample") -> float:
        """Returns this sample's mean minus the other's mean, in standard errors of this difference."""
        error = sqrt(self.standard_error**2 + other.standard_error**2)
        return (self.mean - other.mean) / error


# The samples of a program, by machine and name of the quantity.
Samples = dict[tuple[int, str], Sample]


def machine_samples(log: Path) -> Samples:
    """Returns the final clocks and the receive shares (ticks that receive / ticks) of each machine, from an event log."""
    # For each run and machine: the number of ticks (the last tick + 1, because ticks are counted from 0), and the clock after the last tick.
    last: dict[tuple[int, int], tuple[int, int]] = {}
    # For each run and machine: the number of receives.
    receives: dict[tuple[int, int], int] = {}
    for event in events([log]):
        key = event.run, event.machine
        last[key] = event.tick + 1, event.logical_clock
        receives[key] = receives.get(key, 0) + int(event.kind == "receive")
    samples: Samples = {}
    for (run, machine), (ticks, clock) in sorted(last.items()):
        samples.setdefault((machine, "final clock"), Sample()).values.append(clock)
        samples.setdefault((machine, "receive share"), Sample()).values.append(receives[run, machine] / ticks)
    return samples


def table(reference: Samples, peers: dict[str, Samples]) -> Table:
    """Returns a table of the means of `sim` (`reference`) and of the other programs (`peers`, by name).

    Raises `Disagreement` if two means differ too much.
    """
    rows, farthest = [], 0.0
    for (machine, quantity), sample in sorted(reference.items()):
        row = [f"machine {machine}: {quantity}", f"{sample.mean:.4f}"]
        for samples in peers.values():
            other = samples[machine, quantity]
            distance = sample.distance(other)
            farthest = max(farthest, abs(distance))
            row += [f"{other.mean:.4f}", f"{distance:+.1f}"]
        rows.append(row)
    checked = Table(
        title="Virtual time: do the programs agree?",
        # Two columns for each program in `peers`: its mean, and `apart` (see the note below).
        columns=["mean over runs", "sim", *(column for name in peers for column in (name, "apart"))],
        rows=rows,
        note=(
            "Apart: the mean of `sim` minus the mean in the column before, in standard errors of this difference. "
            f"The largest distance is {farthest:.1f}. Two means count as equal up to a distance of {FAR:g}."
        ),
    )
    if farthest > FAR:
        raise Disagreement(checked.render(markdown=False))
    return checked
