"""Whether a fetch goes on where the last slice of its partition ended."""

from collections.abc import Iterable
from enum import Enum, auto

from app.lane.slices import Partition


class Verdict(Enum):
    NEXT = auto()  # it does
    REREAD = auto()  # it does not: read once more from the expected offset
    HOLE = auto()  # offsets are missing on the broker as well: retention, or a control record
    RESET = auto()  # the log was truncated or made anew: it holds other records at lower offsets


class Continuity:
    """Expected offsets. A difference is believed only when it shows again after a rewind; then the
    records that are there are taken, since refusing them would lose them."""

    def __init__(self) -> None:
        self._expected: dict[Partition, int] = {}
        self._doubted: set[Partition] = set()
        self._reread: set[Partition] = set()

    def place(self, partition: Partition, offset: int) -> None:
        """The position was set by the seek of a new assignment."""
        self._expected[partition] = offset
        self._settle(partition)

    def expected(self, partition: Partition) -> int | None:
        """The next offset, None for a partition that was never placed."""
        return self._expected.get(partition)

    def placed(self, topic: str) -> list[Partition]:
        """The partitions of a topic that were placed."""
        return [partition for partition in self._expected if partition[0] == topic]

    def check(self, partition: Partition, first: int) -> Verdict:
        """Judge a fetch that begins with offset `first`; the partition must have been placed."""
        expected = self._expected[partition]
        if first == expected:
            self._settle(partition)
            return Verdict.NEXT
        if partition not in self._reread:
            self._doubted.add(partition)
            return Verdict.REREAD
        self._settle(partition)
        return Verdict.HOLE if first > expected else Verdict.RESET

    def rewound(self, partitions: Iterable[Partition]) -> None:
        """These are read again from the expected offset: what the next fetch shows is what is there."""
        self._reread |= self._doubted.intersection(partitions)

    def advance(self, partition: Partition, next_offset: int) -> None:
        """A slice that ends before `next_offset` was dispatched."""
        self._expected[partition] = next_offset

    def forget(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self._expected.pop(partition, None)
            self._settle(partition)

    def _settle(self, partition: Partition) -> None:
        self._doubted.discard(partition)
        self._reread.discard(partition)
