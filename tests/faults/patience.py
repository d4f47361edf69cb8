"""How long a case waits for what has to come: by the clock, or by what others get done in that time."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from tests.faults.yardstick import BEATS_A_SECOND

Over = Callable[[], str]
"""Asked again and again while something is waited for: "" if the wait may go on, else why it is over."""

# Waits of a few seconds are for what takes no time, and a session that has to end takes ten.
_LEAST_SECONDS: Final = 60.0
# For a case that commits and commits, and never comes to what it waits for.
_MOST: Final = 5


class Patience(Protocol):
    def begin(self, seconds: float) -> Over:
        """For one wait, which on an idle machine may take so many seconds."""
        ...


class Clock:
    """The wall's: what users are promised on a machine that is idle. For `make torture`."""

    def __init__(self, at_least: float = 0.0, *, now: Callable[[], float] = time.monotonic) -> None:
        """`at_least`: seconds that every wait may take, for a run that demands no speed."""
        self._at_least = at_least
        self._now = now

    def begin(self, seconds: float) -> Over:
        seconds = max(seconds, self._at_least)
        end = self._now() + seconds
        return lambda: f"not within {seconds:g} s" if self._now() > end else ""


class Progress:
    """A wait is over if nothing was committed while a bare aiokafka loop on the same broker did commit, and
    that often: in the seconds of the wait, on an idle machine. A busy machine slows down both. For `make
    test`, which has to pass beside others' work."""

    def __init__(self, commits: Callable[[], int], beats: Callable[[], int]) -> None:
        """`commits` grows with every commit of those who are waited for, `beats` with those of the loop."""
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
