"""How far each partition lags behind the end of its log, in records and in seconds.

The ends are polled by a client of their own, and the time goes on by itself. So neither number depends on a
consumer that fetches. There is no I/O and no clock: times are passed in.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from app.engine.slices import Partition

RECENT_SECONDS: Final = 15.0
"""For so long the timestamp of a record that was in flight stands for that of the next one, if nothing is in
flight at the moment. So what moves need not be read a second time."""


class NextRecord(NamedTuple):
    """The next record of a partition that the group has not committed."""

    offset: int
    """The committed offset."""
    seen: int
    """The offset after all that was dispatched."""
    timestamp: int | None
    """That of the record in milliseconds since 1970, negative if it has none; None if the record is not in
    flight."""


class PartitionLag(NamedTuple):
    """The lag of a partition."""

    committed: int
    end: int
    """The offset after the last record, also of a transaction that is still open."""
    records: int
    """The number of offsets between the two."""
    seconds: float
    """The age of the next record by its timestamp, at least 0.0; 0.0 if there is none. Of a record without a
    timestamp, or whose timestamp is not known yet: for how long it was seen to wait."""
    age: float
    """The seconds since a broker said where the log ends."""


class LagBook:
    """What is known of the logs of the assigned partitions."""

    def __init__(self) -> None:
        self._ends: dict[Partition, tuple[int, float]] = {}
        """The end, and the monotonic time in seconds at which it was polled."""
        self._stamps: dict[Partition, tuple[int, int]] = {}
        """The offset of a record that was read, and its timestamp."""
        self._moving: dict[Partition, tuple[int, float]] = {}
        """The timestamp of the last record that was seen in flight, and the monotonic time of that."""
        self._waiting: dict[Partition, tuple[int, float]] = {}
        """An offset whose timestamp is not known, and the monotonic time at which it was first seen to
        wait."""

    def keep(self, partitions: Iterable[Partition]) -> None:
        """Forgets all but these partitions."""
        assigned = set(partitions)
        for known in (self._ends, self._stamps, self._moving, self._waiting):
            for partition in known.keys() - assigned:
                del known[partition]

    def polled(self, ends: Mapping[Partition, int], now: float) -> None:
        """Notes the ends that the brokers said at the monotonic time `now`."""
        self._ends |= {partition: (end, now) for partition, end in ends.items()}

    def look(self, waiting: Mapping[Partition, NextRecord], now: float) -> None:
        """Notes the timestamps of the records in flight. Called more often than RECENT_SECONDS."""
        for partition, found in waiting.items():
            if found.timestamp is not None and found.timestamp >= 0:
                self._moving[partition] = found.timestamp, now

    def unread(self, waiting: Mapping[Partition, NextRecord], now: float) -> dict[Partition, tuple[int, int]]:
        """Returns the partitions that lag and whose next record must be read to know its timestamp, each with
        the offsets between which the record is."""
        return {
            partition: (found.offset, self._ends[partition][0])
            for partition, found in waiting.items()
            if self._ends.get(partition, (0, 0.0))[0] > found.offset
            and self._stamp(partition, found, now) is None
        }

    def read(self, partition: Partition, offset: int, timestamp: int) -> None:
        """Notes the timestamp of the record that is the next one from `offset` on."""
        self._stamps[partition] = offset, timestamp

    def lags(
        self, waiting: Mapping[Partition, NextRecord], wall: float, now: float
    ) -> dict[Partition, PartitionLag]:
        """Returns the lag of each of the partitions whose end was polled. `wall` is the time in seconds since
        1970, `now` the monotonic one."""
        lags = {}
        for partition, found in waiting.items():
            if partition in self._ends:
                polled, at = self._ends[partition]
                end = max(polled, found.seen)
                records = max(end - found.offset, 0)
                seconds = self._seconds(partition, found, wall, now) if records else 0.0
                lags[partition] = PartitionLag(found.offset, end, records, seconds, now - at)
        return lags

    def _seconds(self, partition: Partition, found: NextRecord, wall: float, now: float) -> float:
        stamp = self._stamp(partition, found, now)
        if stamp is not None and stamp >= 0:
            return max(wall - stamp / 1000, 0.0)
        if self._waiting.get(partition, (-1, 0.0))[0] != found.offset:
            self._waiting[partition] = found.offset, now
        return max(now - self._waiting[partition][1], 0.0)

    def _stamp(self, partition: Partition, found: NextRecord, now: float) -> int | None:
        """Returns the timestamp of the next record, or of one shortly before it; None if it is not known."""
        if found.timestamp is not None:
            return found.timestamp
        offset, stamp = self._stamps.get(partition, (-1, -1))
        if offset == found.offset:
            return stamp
        recent, at = self._moving.get(partition, (-1, -RECENT_SECONDS))
        return recent if recent >= 0 and now - at <= RECENT_SECONDS else None
