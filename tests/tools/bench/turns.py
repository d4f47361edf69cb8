"""Times short pieces of work in this process by turns, so that what else the machine does slows down all of
them alike."""

from collections.abc import Callable, Sequence
from time import process_time
from typing import Any, Final

_AT_ONCE: Final = 25
"""So many calls are timed together. A short time is often one without an interruption."""
_ROUNDS: Final = 15

Side = tuple[Callable[[Any], object], Sequence[Any]]
"""A function, and what it is called with, one item after the other."""


def micros_by_turns(*sides: Side, clock: Callable[[], float] = process_time) -> list[float]:
    """Returns the CPU microseconds of a call of each side. All sides have equally many items.

    A batch of items is timed fifteen times, with one side after the other, and counts for each side with the
    fastest time of that side.
    """
    count = len(sides[0][1])
    seconds = [0.0] * len(sides)
    for start in range(0, count, _AT_ONCE):
        batches = [(call, items[start : start + _AT_ONCE]) for call, items in sides]
        fastest = [float("inf")] * len(sides)
        for _ in range(_ROUNDS):
            for side, (call, batch) in enumerate(batches):
                began = clock()
                for item in batch:
                    call(item)
                fastest[side] = min(fastest[side], clock() - began)
        seconds = [sum(pair) for pair in zip(seconds, fastest, strict=True)]
    return [each / count * 1e6 for each in seconds]
