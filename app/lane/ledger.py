"""Which offsets of our changelog partitions are somebody else's.

Acknowledgements carry offsets, so an owner knows which records it wrote. Whatever lies between them, or
behind the last of them, was written by another worker: one that was paused past its session timeout and
woke up (lane.md, section 4). No I/O and no clock; `guard.py` feeds it and reads what it names.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class LogPartition(NamedTuple):
    topic: str
    partition: int


@dataclass(frozen=True, slots=True, eq=False)
class ForeignRange:
    """Offsets `first` to `end - 1`, written by somebody else; equal only to itself."""

    log: LogPartition
    first: int
    end: int


@dataclass(slots=True)
class _Entry:
    known_end: int  # every offset below is ours, or read, or in `foreign`
    foreign: list[ForeignRange] = field(default_factory=list)


class WriteLedger:
    """The changelog partitions whose rows are live here, from recovery to revocation."""

    def __init__(self) -> None:
        self._entries: dict[LogPartition, _Entry] = {}

    def begin(self, log: LogPartition, end: int) -> None:
        """Recovery has read every record below the offset `end`."""
        self._entries[log] = _Entry(known_end=end)

    def forget(self, log: LogPartition) -> None:
        """The rows of the partition are gone; what is still known to be foreign is the next owner's."""
        self._entries.pop(log, None)

    def acknowledged(self, log: LogPartition, base: int, count: int) -> bool:
        """`count` records of ours stand at `base` and after it; returns whether foreign ones stand before
        them. A negative base says that ours stand somewhere: they will look foreign, and reading our own
        rows changes nothing."""
        entry = self._entries.get(log)
        if entry is None or base < 0:
            return False
        found = self._extend(log, entry, base)
        entry.known_end = max(entry.known_end, base + count)
        return found

    def seen_end(self, log: LogPartition, end: int) -> None:
        """The log ends before the offset `end`. Only to be told while no batch of ours is in flight to
        this partition: its records would be taken for foreign ones."""
        entry = self._entries.get(log)
        if entry is not None:
            self._extend(log, entry, end)

    def foreign(self) -> list[ForeignRange]:
        """What has to be read and merged, oldest first within a partition."""
        return [part for entry in self._entries.values() for part in entry.foreign]

    def is_pending(self, part: ForeignRange) -> bool:
        """Whether the range still has to be read: its partition was not forgotten in the meantime."""
        entry = self._entries.get(part.log)
        return entry is not None and part in entry.foreign

    def merged(self, part: ForeignRange) -> None:
        """The range was read, and its rows are in ours."""
        entry = self._entries.get(part.log)
        if entry is not None and part in entry.foreign:
            entry.foreign.remove(part)

    def logs(self) -> list[LogPartition]:
        return list(self._entries)

    @staticmethod
    def _extend(log: LogPartition, entry: _Entry, offset: int) -> bool:
        if offset <= entry.known_end:
            return False
        entry.foreign.append(ForeignRange(log, entry.known_end, offset))
        entry.known_end = offset
        return True
