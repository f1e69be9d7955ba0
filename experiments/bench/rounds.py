"""Measures in rounds. In each round, all cases (programs or settings that are compared) are measured one after the other. So if the computer
gets slower for some minutes, this affects all cases, not only one.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TypeVar

Case = TypeVar("Case")
Result = TypeVar("Result")


def in_turn(part: str, cases: Sequence[Case], rounds: int, measure: Callable[[Case], Result]) -> list[list[Result]]:
    """Measures every case once in each round. Returns a list for each case, with one result for each round. `part` is the name of this part
    of the benchmark, for the lines of progress.

    Each round starts with another case. So no case always has the advantage, or the disadvantage, of being measured first.
    """
    results: list[list[Result]] = [[] for _ in cases]
    for number in range(rounds):
        for step in range(len(cases)):
            index = (step + number) % len(cases)
            say(f"{part}: round {number + 1} of {rounds}, {step + 1} of {len(cases)}: {cases[index]}")
            results[index].append(measure(cases[index]))
    return results


def median_ratio(numerators: Iterable[float], denominators: Iterable[float]) -> float:
    """Returns the median of the ratios of the rounds. Both arguments have one number for each round."""
    return median(over / under for over, under in zip(numerators, denominators, strict=True))


def medians_of(rounds: int) -> str:
    """Returns words for the note below a table. They say what the numbers in the table are, for example `medians of 5 rounds`."""
    return "one round" if rounds == 1 else f"medians of {rounds} rounds"


def say(words: str) -> None:
    """Prints a line of progress to stderr."""
    print(words, file=sys.stderr, flush=True)
