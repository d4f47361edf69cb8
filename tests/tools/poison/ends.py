"""What has ended workers, by the offsets at which their partitions stood. It has no I/O."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tests.tools.faults.foreign import RecordPosition
from tests.tools.faults.watch import Offsets, Partition

MOST_AT_AN_OFFSET: Final = 5
"""At so many ends a worker must have set the partition aside."""


class End(Struct, frozen=True):
    """An end that the campaign did not ask for. `code`: the exit code, negative for a signal."""

    code: int
    reason: str


class Ends:
    """The ends of all workers."""

    def __init__(self) -> None:
        self.found: list[End] = []
        self._at: Counter[tuple[Partition, int]] = Counter()
        self._kinds: defaultdict[str, int] = defaultdict(int)

    def add(self, end: End, seen: Offsets | None, kinds: Mapping[RecordPosition, str]) -> None:
        """Notes an end. `seen`: the committed offsets right after it; `kinds`: the poison so far."""
        self.found.append(end)
        blamed = set()
        for (topic, partition), last in seen.ends.items() if seen else ():
            at = seen.committed.get((topic, partition), 0) if seen else 0
            if at < last:
                self._at[(topic, partition), at] += 1
                first = next(
                    (offset for offset in range(at, last) if (topic, partition, offset) in kinds), None
                )
                blamed |= {kinds[topic, partition, first]} if first is not None else set()
        for kind in blamed:
            self._kinds[kind] += 1

    def loops(self) -> int:
        """Returns how many offsets ended a worker more than five times."""
        return sum(count > MOST_AT_AN_OFFSET for count in self._at.values())

    def repeated_kinds(self) -> list[str]:
        """Returns the kinds that may have ended a worker twice: each time, a record of that kind was the
        first poison behind a committed offset."""
        return sorted(kind for kind, count in self._kinds.items() if count > 1)
