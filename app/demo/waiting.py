"""One deadline for everything that the demo waits for."""

import time
from collections.abc import Callable

from app.errors import CommandFailed

POLL_SECONDS = 0.05


class Deadline:
    """The time limit of the whole demo. `clock` gives seconds and never goes back."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    def check(self, waiting_for: str) -> None:
        """Raises CommandFailed if the time is over."""
        if self._clock() >= self._end:
            raise CommandFailed(f"the demo gave up after {self._seconds:g} s, waiting for {waiting_for}")
