"""Decides when a worker hangs. It has no thread and no clock."""

from typing import NamedTuple

from app.engine.slices import InFlightSlice
from app.engine.watchdog.absence import Absence, AbsenceDetector
from app.engine.watchdog.stopwatch import Stopwatch

_OUTAGE_SHARE = 0.5
"""If writes have waited for this share of the limit, a slice in flight waits for the brokers and does not
hang. A slice is little older than its writes, so an outage is seen well before the limit."""


class Progress(NamedTuple):
    """What the event loop last reported. If an attribute is equal in the next report, the same thing still
    lasts."""

    turn: int = 0
    """How often the loop has answered."""

    slice: InFlightSlice | None = None
    """The slice in flight that has not moved for the longest time, or None."""

    moved_at: float = 0.0
    """The monotonic time at which that slice last moved."""

    fetch: float | None = None
    """The monotonic time at which the running fetch began, or None."""

    writes: float = 0.0
    """For how many seconds the oldest unacknowledged write has waited for the brokers."""

    absence: Absence | None = None
    """Set while the worker is outside its group, the brokers answer, and no cause was said."""


class StallDetector:
    """Judges one report after the other.

    Only the time counts in which the watchdog itself was awake. So a process that was stopped (SIGSTOP, a
    migrated machine) does not count as hung when it wakes up. A slice or a fetch does not age while the loop
    does not turn.
    """

    def __init__(self, limit: float, longest_step: float, absence_limit: float) -> None:
        """All are seconds: how long anything may take, how much time may count between two checks, and how
        long the worker may be outside its group without a known cause."""
        self._limit = limit
        self._longest_step = longest_step
        self._turn = Stopwatch()
        self._slice = Stopwatch()
        self._fetch = Stopwatch()
        self._absence = AbsenceDetector(absence_limit)

    def check(self, elapsed: float, progress: Progress) -> str | None:
        """Returns one line that says why the process must end, or None. `elapsed` is the time in seconds
        since the last check."""
        step = min(elapsed, self._longest_step)
        silent = self._turn.measure(progress.turn, step)
        if silent > 0:
            return self._reason("the event loop has not turned", silent)
        # In an outage of the brokers slices may wait for any time.
        waits = progress.writes >= self._limit * _OUTAGE_SHARE
        mark = None if waits or progress.slice is None else (progress.slice, progress.moved_at)
        in_flight = self._slice.measure(mark, step)
        fetching = self._fetch.measure(progress.fetch, step)
        return (
            self._reason(f"slice {progress.slice} has been in flight", in_flight)
            or self._reason("a fetch has not returned", fetching)
            or self._absence.check(step, progress.absence)
        )

    def _reason(self, what: str, seconds: float) -> str | None:
        return f"{what} for {seconds:.3g} s" if seconds >= self._limit else None
