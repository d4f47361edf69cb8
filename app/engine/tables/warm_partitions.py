"""Decides which partitions may keep their rows over a rebalance.

Rows stay right as long as one worker owns the partition in consecutive generations of the group. In a
generation that this worker has missed, another worker may have written rows. There is no I/O.
"""

from collections.abc import Set as AbstractSet


class WarmPartitions:
    """The partitions whose rows are complete in memory, by their numbers."""

    def __init__(self) -> None:
        self._live: set[int] = set()
        self._generation: int | None = None

    def assigned(self, generation: int, partitions: AbstractSet[int]) -> set[int]:
        """Returns the partitions whose rows must be forgotten, now that a new generation has given
        `partitions` to this worker."""
        consecutive = self._generation is not None and generation == self._generation + 1
        forgotten = self._live - partitions if consecutive else set(self._live)
        self._generation = generation
        self._live -= forgotten
        return forgotten

    def restored(self, partitions: AbstractSet[int]) -> None:
        """Notes that the rows of these partitions are complete."""
        self._live |= partitions

    def live(self) -> frozenset[int]:
        """Returns the partitions whose rows are complete."""
        return frozenset(self._live)
