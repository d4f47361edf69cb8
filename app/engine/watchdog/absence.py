"""Decides when a worker that is outside its group must end. It has no thread and no clock."""

from typing import NamedTuple

from app.engine.watchdog.stopwatch import Stopwatch


class Absence(NamedTuple):
    """What is known of a worker without an assignment while brokers answer and no cause was said. Both are
    monotonic times in seconds."""

    heartbeat: float
    """The last heartbeat that the group's coordinator answered."""
    metadata: float
    """The last answer of a broker to a request for metadata."""


class AbsenceDetector:
    """Judges one report after the other. The time without a report, as in an outage, does not count."""

    def __init__(self, limit: float) -> None:
        """`limit` is in seconds."""
        self._limit = limit
        self._stopwatch = Stopwatch()
        self._metadata = 0.0

    def check(self, step: float, absence: Absence | None) -> str | None:
        """Returns one line that says why the process must end, or None. `step` is the time in seconds since
        the last check."""
        seconds = self._stopwatch.measure(absence and absence.heartbeat, step)
        if absence is None or seconds < self._limit:
            self._metadata = absence.metadata if absence else 0.0
            return None
        # An outage shows only when the next request for metadata is due. So the brokers must have answered
        # one after the limit.
        if absence.metadata == self._metadata:
            return None
        return (
            f"this worker has had no assignment and no answered heartbeat for {seconds:.3g} s, while the"
            " brokers answer"
        )
