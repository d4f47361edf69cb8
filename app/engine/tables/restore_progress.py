"""How far a restore has come, for readiness and metrics. There is no I/O."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.engine.tables.write_ledger import LogPartition


class RestoreReport(NamedTuple):
    """How far a restore has come."""

    rows_read: int
    """The number of changelog records that were read."""
    rows_to_go: int
    """How many there are at most before the ends of the logs. Compaction may have removed some of them."""
    seconds_left: float | None
    """How long it takes to read them, by the speed so far; None before anything was read."""


class RestoreProgress:
    """Follows the reading of the changelogs. TableRestorer tells it what it has read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: Mapping[LogPartition, int] | None = None
        self._started = 0.0
        self._rows = 0
        self._first: dict[LogPartition, int] = {}
        self._next: dict[LogPartition, int] = {}

    def begin(self, ends: Mapping[LogPartition, int]) -> None:
        """Notes that these logs will be read, each up to its end."""
        self._ends = ends
        self._started = self._clock()
        self._rows = 0
        self._first = {}
        self._next = {}

    def read(self, log: LogPartition, first: int, end: int, rows: int) -> None:
        """Notes that so many records of a log were read, with offsets from `first` to `end - 1`."""
        self._first.setdefault(log, first)
        self._next[log] = end
        self._rows += rows

    def end(self) -> None:
        """Notes that the restore has ended, in whatever way."""
        self._ends = None

    def report(self) -> RestoreReport | None:
        """Returns how far the restore is; None if there is none."""
        if self._ends is None:
            return None
        to_go = sum(end - self._next.get(log, 0) for log, end in self._ends.items())
        passed = sum(end - self._first[log] for log, end in self._next.items())
        seconds = self._clock() - self._started
        return RestoreReport(self._rows, to_go, seconds * to_go / passed if passed else None)
