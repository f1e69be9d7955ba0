"""Measures in rounds: compared programs run in turn within each round, so that changes of the computer affect all of them."""

import sys
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import TypeVar

Cell = TypeVar("Cell")
Result = TypeVar("Result")


def in_turn(part: str, cells: Sequence[Cell], rounds: int, measure: Callable[[Cell], Result]) -> list[list[Result]]:
    """Measures every cell once a round. Returns the results of each cell, round by round.

    Each round starts with the next cell, so that no cell is always the first.
    """
    results: list[list[Result]] = [[] for _ in cells]
    for number in range(rounds):
        for step in range(len(cells)):
            place = (step + number) % len(cells)
            say(f"{part}: round {number + 1} of {rounds}, {step + 1} of {len(cells)}: {cells[place]}")
            results[place].append(measure(cells[place]))
    return results


def median_ratio(numerators: Iterable[float], denominators: Iterable[float]) -> float:
    """Returns the median of the ratios of all rounds."""
    return median(over / under for over, under in zip(numerators, denominators, strict=True))


def medians_of(rounds: int) -> str:
    """Describes the figures of a table."""
    return "one round" if rounds == 1 else f"medians of {rounds} rounds"


def say(words: str) -> None:
    """Prints the progress."""
    print(words, file=sys.stderr, flush=True)
