"""Tracks which offsets of this worker's changelog partitions a zombie wrote.

Acknowledgements carry offsets, so an owner knows which records are its own. The records between them, or
after the last of them, were written by another worker: by a zombie, which was stopped for longer than its
session timeout and woke up (docs/design.md#zombies). There is no I/O and no clock: `zombie_repair.py` reports
offsets and reads the ranges.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class LogPartition(NamedTuple):
    """A partition of a changelog topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True, eq=False)
class ZombieRange:
    """Offsets `first` to `end - 1`, which another worker wrote. A range is compared by identity."""

    log: LogPartition
    first: int
    end: int


@dataclass(slots=True)
class _Entry:
    known_end: int  # every offset below it is the worker's own, or was read, or is in `zombie`
    zombie: list[ZombieRange] = field(default_factory=list)


class WriteLedger:
    """The changelog partitions whose rows are live in this worker, from restore to revoke."""

    def __init__(self) -> None:
        self._entries: dict[LogPartition, _Entry] = {}

    def begin(self, log: LogPartition, end: int) -> None:
        """Begins with a log of which the restore has read every record below the offset `end`."""
        self._entries[log] = _Entry(known_end=end)

    def forget(self, log: LogPartition) -> None:
        """Forgets a log that was revoked. Its next owner repairs what is not repaired yet."""
        self._entries.pop(log, None)

    def acknowledged(self, log: LogPartition, base: int, count: int) -> bool:
        """Returns whether a zombie wrote before this worker's `count` records that begin at the offset
        `base`.

        If `base` is negative, nobody knows the offsets of those records. They will look like a zombie's,
        which does no harm: a worker that merges its own rows changes nothing.
        """
        entry = self._entries.get(log)
        if entry is None or base < 0:
            return False
        found = self._extend(log, entry, base)
        entry.known_end = max(entry.known_end, base + count)
        return found

    def seen_end(self, log: LogPartition, end: int) -> None:
        """Notes that the log ends before the offset `end`.

        It may be called only while this worker has no batch in flight to the partition, because the records
        of that batch would be taken for a zombie's.
        """
        entry = self._entries.get(log)
        if entry is not None:
            self._extend(log, entry, end)

    def zombie_ranges(self) -> list[ZombieRange]:
        """Returns the ranges that must be read and merged, those of a partition from the oldest to the
        newest."""
        return [zombie_range for entry in self._entries.values() for zombie_range in entry.zombie]

    def is_pending(self, zombie_range: ZombieRange) -> bool:
        """Returns whether the range must still be read. Its partition may have been forgotten meanwhile."""
        entry = self._entries.get(zombie_range.log)
        return entry is not None and zombie_range in entry.zombie

    def merged(self, zombie_range: ZombieRange) -> None:
        """Notes that the range was read and its rows are merged."""
        entry = self._entries.get(zombie_range.log)
        if entry is not None and zombie_range in entry.zombie:
            entry.zombie.remove(zombie_range)

    def logs(self) -> list[LogPartition]:
        """Returns all logs whose rows are live."""
        return list(self._entries)

    @staticmethod
    def _extend(log: LogPartition, entry: _Entry, offset: int) -> bool:
        if offset <= entry.known_end:
            return False
        entry.zombie.append(ZombieRange(log, entry.known_end, offset))
        entry.known_end = offset
        return True
