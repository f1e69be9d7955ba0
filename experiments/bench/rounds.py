"""Measures in rounds. In each round, all programs to compare run one after the other. So if the computer gets slower for some minutes, all
of them are affected.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TypeVar

Cell = TypeVar("Cell")
Result = TypeVar("Result")


def in_turn(part: str, cells: Sequence[Cell], rounds: int, measure: Callable[[Cell], Result]) -> list[list[Result]]:
    """Measures every cell (a case to compare, such as a program) once in each round. Returns a list for each cell, with one result for each
    round. `part` is the name of this part of the benchmark, for the lines of progress.

    Each round starts with the next cell, so that no cell is always the first.
    """
    results: list[list[Result]] = [[] for _ in cells]
    for number in range(rounds):
        for step in range(len(cells)):
            index = (step + number) % len(cells)
            say(f"{part}: round {number + 1} of {rounds}, {step + 1} of {len(cells)}: {cells[index]}")
            results[index].append(measure(cells[index]))
    return results


def median_ratio(numerators: Iterable[float], denominators: Iterable[float]) -> float:
    """Calculates the ratio in each round, and returns the median of these ratios."""
    return median(over / under for over, under in zip(numerators, denominators, strict=True))


def medians_of(rounds: int) -> str:
    """Says for the note below a table what its numbers are, such as `medians of 5 rounds`."""
    return "one round" if rounds == 1 else f"medians of {rounds} rounds"


def say(words: str) -> None:
    """Prints a line of progress to stderr."""
    print(words, file=sys.stderr, flush=True)
