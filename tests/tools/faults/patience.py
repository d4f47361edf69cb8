"""How long a case waits: by the clock, or by what another client does in that time."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from tests.tools.faults.yardstick import BEATS_A_SECOND

Over = Callable[[], str]
"""Returns "" if a wait may go on, or else why it is over. It is called again and again while a case waits."""

# A wait of a few seconds is for something that needs no time; but a session that must end first takes ten.
_LEAST_SECONDS: Final = 60.0
# How often a wait may be prolonged: a case may go on committing, and never come to what it waits for.
_MOST: Final = 5


class Patience(Protocol):
    def begin(self, seconds: float) -> Over:
        """Begins a wait that may take so many seconds on an idle machine."""
        ...


class Clock:
    """Ends a wait after its seconds, which are what users are promised on an idle machine. For `make
    torture`."""

    def __init__(self, at_least: float = 0.0, *, now: Callable[[], float] = time.monotonic) -> None:
        """`at_least` is the time in seconds that every wait may take, for a run that demands no speed."""
        self._at_least = at_least
        self._now = now

    def begin(self, seconds: float) -> Over:
        seconds = max(seconds, self._at_least)
        end = self._now() + seconds
        return lambda: f"not within {seconds:g} s" if self._now() > end else ""


class Progress:
    """Ends a wait if the workers have committed nothing, while a bare aiokafka loop on the same broker has
    committed as often as it does in the seconds of the wait on an idle machine.

    A busy machine slows down both. It is for `make test`, which must pass while other programs run.
    """

    def __init__(self, commits: Callable[[], int], beats: Callable[[], int]) -> None:
        """`commits` returns how often the workers have committed, `beats` how often the loop has."""
        self._commits = commits
        self._beats = beats

    def begin(self, seconds: float) -> Over:
        allowed = round(max(seconds, _LEAST_SECONDS) * BEATS_A_SECOND)
        began = since = self._beats()
        commits = self._commits()

        def over() -> str:
            nonlocal since, commits
            now = self._beats()
            if (seen := self._commits()) != commits:
                commits, since = seen, now
            if now - since > allowed:
                return f"nothing was committed while a bare loop committed {allowed} times"
            if now - began > _MOST * allowed:
                return f"not while a bare loop committed {_MOST * allowed} times"
            return ""

        return over
