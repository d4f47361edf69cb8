"""Which partitions may keep their rows over a rebalance.

Rows stay good as long as the same worker owned the partition in consecutive generations of the group. In a
generation that this worker missed, somebody else may have written. No I/O.
"""

from collections.abc import Set as AbstractSet


class Retention:
    """Partition numbers whose rows are complete in memory."""

    def __init__(self) -> None:
        self._live: set[int] = set()
        self._generation: int | None = None

    def assigned(self, generation: int, partitions: AbstractSet[int]) -> set[int]:
        """A new generation gave us these partitions. Returns those whose rows have to be forgotten."""
        consecutive = self._generation is not None and generation == self._generation + 1
        forgotten = self._live - partitions if consecutive else set(self._live)
        self._generation = generation
        self._live -= forgotten
        return forgotten

    def recovered(self, partitions: AbstractSet[int]) -> None:
        """The rows of these partitions are complete from now on."""
        self._live |= partitions

    def live(self) -> frozenset[int]:
        return frozenset(self._live)
