"""Decides whether a fetch begins at the offset at which the one before it ended."""

from collections.abc import Iterable
from enum import Enum, auto

from app.engine.slices import Partition


class GapVerdict(Enum):
    NEXT = auto()  # The fetch begins at the expected offset.
    REREAD = auto()  # It does not. The partition is read a second time, from the expected offset.
    MISSING = auto()  # The broker has deleted the offsets, by its retention or because somebody asked for it.
    TRUNCATED = auto()  # The log was truncated or created again, so lower offsets hold other records.


class GapDetector:
    """The next offset of each partition, as it is expected: the end of what the last fetch read, whether or
    not there was a record in it.

    If a fetch begins elsewhere, the partition is rewound and read a second time. If the second read begins at
    the same offset as the first, the records are accepted, because they would be lost otherwise
    (docs/design.md#gaps). If it begins at another one, it is itself read again: between the two, offsets can
    have been deleted and a fetch can have been lost as well.
    """

    def __init__(self) -> None:
        self._expected: dict[Partition, int] = {}
        self._doubted: dict[Partition, int] = {}
        """The offset at which the last fetch of a partition began instead."""
        self._reread: set[Partition] = set()

    def set_position(self, partition: Partition, offset: int) -> None:
        """Notes that a seek has set the position of the partition."""
        self._expected[partition] = offset
        self._settle(partition)

    def expected(self, partition: Partition) -> int | None:
        """Returns the next offset, or None if the position of the partition was never set."""
        return self._expected.get(partition)

    def partitions_of(self, topic: str) -> list[Partition]:
        """Returns the partitions of a topic whose positions were set."""
        return [partition for partition in self._expected if partition[0] == topic]

    def check(self, partition: Partition, first: int) -> GapVerdict:
        """Returns the verdict on a fetch that begins at the offset `first`. The position of the partition
        must have been set."""
        expected = self._expected[partition]
        if first == expected:
            self._settle(partition)
            return GapVerdict.NEXT
        if partition not in self._reread or self._doubted[partition] != first:
            self._doubted[partition] = first
            self._reread.discard(partition)
            return GapVerdict.REREAD
        self._settle(partition)
        return GapVerdict.MISSING if first > expected else GapVerdict.TRUNCATED

    def rewound(self, partitions: Iterable[Partition]) -> None:
        """Notes that these partitions were rewound to the expected offset, so the next fetch is the second
        read."""
        self._reread |= self._doubted.keys() & set(partitions)

    def advance(self, partition: Partition, next_offset: int) -> None:
        """Notes that what was read up to `next_offset` was dispatched, or holds no record."""
        self._expected[partition] = next_offset

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Forgets revoked partitions."""
        for partition in partitions:
            self._expected.pop(partition, None)
            self._settle(partition)

    def _settle(self, partition: Partition) -> None:
        self._doubted.pop(partition, None)
        self._reread.discard(partition)
