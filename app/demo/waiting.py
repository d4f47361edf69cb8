"""Waiting for a condition, with one deadline for the whole demo."""

import time
from collections.abc import Callable

from app.cli.failed import Failed

POLL_SECONDS = 0.05


class Deadline:
    """How long the demo may take in all. `clock` gives seconds and never goes back."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def check(self, waiting_for: str) -> None:
        """Raises Failed where the time is over."""
        if self._clock() >= self._end:
            raise Failed(f"the demo gave up after {self._seconds:g} s, waiting for {waiting_for}")
