"""When a worker counts as hung: the watchdog's decision, without thread or clock."""

from typing import NamedTuple

from app.lane.offsets import Flight

_OUTAGE_SHARE = 0.5
"""Writes that have waited for this share of the limit explain a slice in flight. A slice that waits for
its writes is little older than they are, so the brokers' silence shows well before the limit."""


class Sight(NamedTuple):
    """What the event loop last saw of itself. The same mark in the next sight is the same thing."""

    turn: int = 0
    """How often the loop has answered."""

    slice: Flight | None = None
    """The oldest slice in flight."""

    fetch: float | None = None
    """When the running fetch began."""

    writes: float = 0.0
    """Seconds for which the oldest unacknowledged write has waited for the brokers."""


class Hangs:
    """Judges one sight after the other.

    Time is what the watchdog itself was awake for: a process that was stopped (SIGSTOP, a migrated
    machine) wakes up with old sights and no reproach. Nor does a slice or a fetch age while the loop
    does not turn.
    """

    def __init__(self, limit: float, longest_step: float) -> None:
        """Seconds: how long anything may take, and how much of it passes between two sights at most."""
        self._limit = limit
        self._longest_step = longest_step
        self._turn = _Stopwatch()
        self._slice = _Stopwatch()
        self._fetch = _Stopwatch()

    def judge(self, elapsed: float, sight: Sight) -> str | None:
        """Why the process should end, in one line, `elapsed` seconds after the judgement before."""
        step = min(elapsed, self._longest_step)
        silent = self._turn.held(sight.turn, step)
        if silent > 0:
            return self._reason("the event loop has not turned", silent)
        # In an outage of the brokers slices wait, however long it takes.
        waits = sight.writes >= self._limit * _OUTAGE_SHARE
        in_flight = self._slice.held(None if waits else sight.slice, step)
        fetching = self._fetch.held(sight.fetch, step)
        return self._reason(f"slice {sight.slice} has been in flight", in_flight) or self._reason(
            "a fetch has not returned", fetching
        )

    def _reason(self, what: str, seconds: float) -> str | None:
        return f"{what} for {seconds:.3g} s" if seconds >= self._limit else None


class _Stopwatch:
    """For how long the same mark has been there."""

    def __init__(self) -> None:
        self._mark: object = None
        self._seconds = 0.0

    def held(self, mark: object, step: float) -> float:
        """0.0 for a new mark, and for none."""
        self._seconds = self._seconds + step if mark is not None and mark == self._mark else 0.0
        self._mark = mark
        return self._seconds
