"""Decides whether an open transaction holds a partition back.

A reader of committed records stops at the last stable offset: that of the first record of a transaction that
has not ended. It has then read everything that it may read, so its lag looks like none, although records
wait. A producer that hangs can keep them waiting until the broker ends its transaction.
"""

from collections.abc import Iterable

from app.engine.consumer.fetched import Marks
from app.engine.slices import Partition

_LONG_SECONDS = 60.0
"""An ordinary transaction is shorter. It is also the default of `transaction.timeout.ms`."""


class OpenTransactions:
    """Since when each partition has been held back. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._held: dict[Partition, tuple[int, float]] = {}
        """The last stable offset, and the time at which it was first seen to hold the partition back."""

    def observe(self, partition: Partition, marks: Marks, now: float) -> None:
        """Notes the offsets of a partition after a fetch that ended at the time `now`."""
        stable, end = marks.last_stable, marks.high_watermark
        if stable is None or end is None or not 0 <= stable < end or marks.position < stable:
            self._held.pop(partition, None)
        elif partition not in self._held or self._held[partition][0] != stable:
            self._held[partition] = (stable, now)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Forgets revoked partitions."""
        for partition in partitions:
            self._held.pop(partition, None)

    def seconds(self, now: float) -> dict[Partition, float]:
        """Returns how long each partition that is held back has been so."""
        return {partition: now - since for partition, (_, since) in self._held.items()}

    def long(self, now: float) -> list[Partition]:
        """Returns the partitions that have been held back by one transaction for more than 60 s, in order."""
        return sorted(each for each, seconds in self.seconds(now).items() if seconds > _LONG_SECONDS)
