"""Decides of which partitions nothing may be handled, and which records an operator skips."""

from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition


class PausedPartitions:
    """The partitions of one worker that are paused, or whose tables it must not use. It has no I/O."""

    def __init__(self) -> None:
        self.reasons: dict[Partition, str] = {}
        """Partitions of which nothing is fetched until they are resumed, each with its reason. The reason is
        committed as the metadata of the offset, so the next owner of the partition pauses it as well."""
        self.unrestored: set[Partition] = set()
        """Partitions whose tables were not read, because they were paused. If they are resumed, nothing of
        them is handled before the next assignment."""
        self.withheld: dict[Partition, str] = {}
        """Partitions whose tables must not be used, each with its reason. It is not committed, because the
        next restore finds it again, or finds that it is gone. They are in `unrestored`, too."""
        self.skips: dict[Partition, set[int]] = {}
        """The offsets of records that an operator skips."""

    def assigned(self, partition: Partition, note: CommitNote) -> None:
        """Takes over what was committed with the offset of an assigned partition."""
        if note.reason:
            self.reasons[partition] = note.reason
        if note.skip:
            self.skips[partition] = set(note.skip)

    def forget(self, partition: Partition) -> None:
        """Forgets a revoked partition."""
        self.reasons.pop(partition, None)
        self.withheld.pop(partition, None)
        self.skips.pop(partition, None)
        self.unrestored.discard(partition)

    def restorable(self, partitions: set[Partition]) -> set[Partition]:
        """Returns those of the partitions whose tables are restored. Those of the others are not read before
        the next assignment."""
        self.unrestored |= partitions & self.reasons.keys()
        return partitions - self.unrestored

    def withhold(self, partition: Partition, reason: str) -> None:
        """Notes that the tables of the partition must not be used until it is assigned the next time."""
        self.unrestored.add(partition)
        self.withheld[partition] = reason

    def stopped(self) -> set[Partition]:
        """Returns the partitions of which nothing may be handled."""
        return self.reasons.keys() | self.unrestored

    def is_stopped(self, partition: Partition) -> bool:
        """Returns whether nothing of the partition may be handled."""
        return partition in self.reasons or partition in self.unrestored

    def all(self) -> dict[Partition, str]:
        """Returns what operators call paused, with the reasons."""
        return self.reasons | self.withheld

    def resume(self, topic: str) -> dict[Partition, str]:
        """Returns the paused partitions of a topic with their reasons, and resumes them."""
        resumed = {partition: reason for partition, reason in self.all().items() if partition[0] == topic}
        for partition in resumed:
            self.reasons.pop(partition, None)
            self.withheld.pop(partition, None)
        return resumed

    def skip(self, partition: Partition, offset: int) -> None:
        """Notes that an operator skips a record."""
        self.skips.setdefault(partition, set()).add(offset)

    def skips_from(self, partition: Partition, offset: int) -> tuple[int, ...]:
        """Returns the offsets of skipped records from `offset` on, ascending."""
        return tuple(sorted(each for each in self.skips.get(partition, ()) if each >= offset))

    def committed(self, partition: Partition, offset: int) -> None:
        """Notes that the partition goes on at `offset`, so the records before it need not be skipped."""
        if partition in self.skips:
            self.skips[partition] = {each for each in self.skips[partition] if each >= offset}
