"""Decides which partitions have room for another slice."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.engine.consumer.offset_tracker import OffsetTracker
from app.engine.slices import Partition


@dataclass(frozen=True, slots=True)
class BackpressureLimits:
    """How much may be dispatched and not done before a partition or a topic is not fetched for a while."""

    slices_per_partition: int = 4
    records_per_topic: int = 16_000
    bytes_in_all: int = 64 << 20
    """A topic of which nothing is dispatched is fetched also beyond this, so no topic can stop the others."""

    def with_room(self, partitions: Iterable[Partition], offsets: OffsetTracker) -> set[Partition]:
        """Returns those of the partitions that have room for another slice."""
        full = offsets.bytes_of() >= self.bytes_in_all
        return {
            partition
            for partition in partitions
            if offsets.slices_of(partition) < self.slices_per_partition
            and offsets.records_of(partition[0]) < self.records_per_topic
            and not (full and offsets.bytes_of(partition[0]))
        }
